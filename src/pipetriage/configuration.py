"""pipetriage.toml, read and checked: a misspelled declaration must never read as one that is not there."""

import tomllib
from pathlib import Path

import msgspec

from pipetriage.errors import ConfigError, SourceError
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.notifiers.routing import check
from pipetriage.settings import Settings

CONFIG_NAME = "pipetriage.toml"


def found_config() -> Path | None:
    """Give the settings file of the working folder, if there is one."""
    here = Path.cwd() / CONFIG_NAME
    return here if here.is_file() else None


def read_config(path: Path) -> tuple[Settings, dict[str, Pipeline]]:
    """Read a settings file.

    Raises:
        ConfigError: it is absent, no TOML, or has an unknown or ill-typed setting; the message names it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist: name a settings file with --config") from error
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read {path}: {said}: name a settings file with --config") from error
    return parse_config(text, str(path))


def read_remote_config(uri: str) -> tuple[Settings, dict[str, Pipeline]]:
    """Read a settings file from S3, as the credentials and region of the environment allow.

    Raises:
        ConfigError: it cannot be read, or is wrong.
    """
    from pipetriage.aws.file_io import read_object
    from pipetriage.aws.session import Access, AwsSession

    try:
        return parse_config(read_object(AwsSession(Access()), uri).decode(), uri)
    except (SourceError, UnicodeDecodeError) as error:
        raise ConfigError(f"the settings cannot be read: {error}") from error


def parse_config(text: str, path: str) -> tuple[Settings, dict[str, Pipeline]]:
    """Read the settings in a text; ``path`` is its name in errors.

    Raises:
        ConfigError: it is no TOML, or has an unknown or ill-typed setting; the message names it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    declared = document.pop("pipelines", {})
    try:
        settings = msgspec.convert(document, Settings)
        pipelines = msgspec.convert(declared, dict[str, Pipeline])
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}: correct that setting (docs/settings.md)") from error
    check(settings.routing, settings.channels)
    for name, one in declared.items():
        _refuse_unknown(one, Pipeline, f"{path}: pipelines.{name}")
        for output in one.get("outputs", ()):
            _refuse_unknown(output, Output, f"{path}: pipelines.{name}.outputs")
    named = {name: msgspec.structs.replace(one, name=one.name or name) for name, one in pipelines.items()}
    return settings, named


def _refuse_unknown(written: dict[str, object], kind: type[msgspec.Struct], place: str) -> None:
    # A bundle may be newer than we are; in a settings file, a misspelled ``other_effects`` must not read as none.
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    if unknown := sorted(set(written) - known):
        raise ConfigError(f"{place} has no setting {unknown[0]!r}: correct its name (docs/settings.md)")
