"""Spark event logs as files: plain or compressed, one file or a rolling folder."""

from collections.abc import Iterator
from pathlib import Path

from pipetriage.errors import SourceError
from pipetriage.sources.files import iterate_lines


class EventLog:
    """The lines of one application's event log, in order, as often as asked."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files

    @classmethod
    def at(cls, path: Path) -> "EventLog":
        """Give one application's event log: a file, a rolling folder, or a folder that holds one of these.

        Raises:
            SourceError: there is no file in it, or there are several applications'.
        """
        if path.is_dir():
            return cls(tuple(_rolling(path) or _alone(path)))
        if not path.is_file():
            # Opening a pipe would wait for a writer that never comes.
            raise SourceError(f"the event log {path.name} is no plain file")
        return cls((path,))

    def __iter__(self) -> Iterator[bytes]:
        """Yield the JSON lines.

        Raises:
            SourceError: a file cannot be read or decompressed.
        """
        for path in self.files:
            yield from iterate_lines(path)


def _rolling(folder: Path) -> list[Path]:
    """Order ``events_<n>_<app>`` by n, wherever below the folder they lie."""
    parts = [path for path in folder.rglob("events_*") if path.is_file()]
    if len({path.parent for path in parts}) > 1:
        raise SourceError(f"{folder.name} holds the event logs of several applications")

    def number(path: Path) -> int:
        piece = path.name.split("_")[1]
        return int(piece) if piece.isdecimal() else 0

    return sorted(parts, key=number)


def _alone(folder: Path) -> list[Path]:
    """Give the one file that Spark, told to write into this folder, named after its application."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith((".", "_"))]
    if len(files) != 1:
        raise SourceError(f"{folder.name} holds {len(files) or 'no'} event log files, where one is expected")
    return files
