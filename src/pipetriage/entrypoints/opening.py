"""What every command that opens the program shares: its options, the store behind it, JSON on stdout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipetriage.entrypoints.boundary import complain

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.stores.interface import IncidentStore

Command = Callable[..., None]

model_option = click.option(
    "--model",
    metavar="M",
    help="Language model that may make the verdict more careful, as bedrock:ID, openai:NAME, anthropic:NAME or "
    "local:NAME@URL; several with commas; none.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def store_options(command: Command) -> Command:
    """Add ``--store`` and ``--config``."""
    command = click.option(
        "--store", metavar="URL", help="Incident store: a SQLite file, a database URL, or dynamodb://TABLE."
    )(command)
    return click.option(
        "--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file; default: ./pipetriage.toml."
    )(command)


def aws_options(command: Command) -> Command:
    """Add ``--profile``, ``--region`` and ``--role-arn``."""
    for name, metavar, said in (
        ("role-arn", "ARN", "Role to take on, for another account."),
        ("region", "NAME", "AWS region."),
        ("profile", "NAME", "Profile of the AWS configuration."),
    ):
        command = click.option(f"--{name}", metavar=metavar, help=f"{said} For glue: targets.")(command)
    return command


def open_program(
    config: Path | None,
    store_url: str | None,
    *,
    use_store: bool = True,
    aws: dict[str, str | None] | None = None,
    model: str | None = None,
) -> App:
    """Wire the program; see ``bootstrap.open_app``."""
    from pipetriage.bootstrap import open_app

    return open_app(config=config, store_url=store_url, use_store=use_store, aws=aws, model=model)


def store_of(app: App) -> IncidentStore:
    """Give the program's store.

    Raises:
        StoreError: it has none; the message says why.
    """
    return app.kept()


def warn_of_store(app: App) -> None:
    """Say on stderr what could not be kept."""
    if app.store_error:
        complain(f"warning: {app.store_error}; this incident was not kept")
    if app.evidence_error:
        complain(f"warning: {app.evidence_error}; this incident's evidence was not kept")


def print_json(value: Any) -> None:
    """Write a value as indented JSON on stdout."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
