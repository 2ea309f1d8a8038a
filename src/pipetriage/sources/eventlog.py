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
        """Give one application's event log: a file, or a rolling folder.

        Raises:
            SourceError: there is no file in it.
        """
        files = _rolling(path) if path.is_dir() else [path]
        if not files:
            raise SourceError(f"{path.name} holds no event log file")
        return cls(tuple(files))

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

    def number(path: Path) -> int:
        piece = path.name.split("_")[1]
        return int(piece) if piece.isdecimal() else 0

    return sorted(parts, key=number)
