"""The files that an evaluation writes, tried out before it runs: no one waits for a report that cannot be kept."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipetriage.errors import UsageError
from pipetriage.evaluation.run import Report


def check_writable(files: Mapping[str, Path | None]) -> None:
    """Make sure that every file can be written; the keys are the options that name them.

    Raises:
        UsageError: one cannot, or two options name the same file.
    """
    taken: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        place = path.resolve()
        if place in taken:
            raise UsageError(f"{taken[place]} and {option} both name {path}: give each a file of its own")
        taken[place] = option
        _try(option, path)


def _try(option: str, path: Path) -> None:
    existed = os.path.lexists(path)
    try:
        # Appending nothing changes nothing, and fails for whatever reason writing would.
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise UsageError(f"{option} {path} cannot be written: {said}: name a file in a folder that is there") from error


def write(option: str, path: Path, content: bytes) -> None:
    """Write one file.

    Raises:
        UsageError: it cannot be written any more.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be written: {error.strerror or error}") from error


def to_json(report: Report) -> bytes:
    """Encode as UTF-8 JSON, keys in contract order (design section 8)."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
