"""Spark event logs as files: plain or compressed, one file or a rolling folder."""

from collections.abc import Iterator
from pathlib import Path

from pipetriage.errors import SourceError
from pipetriage.sources.files import iterate_lines, within


class EventLog:
    """The lines of one application's event log, in order, as often as asked."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names."""
        return tuple(path.name for path in self._files)

    @classmethod
    def found_in(cls, folder: Path, root: Path) -> "EventLog":
        """Find the event log in a bundle's ``spark`` folder.

        Raises:
            SourceError: there is none.
        """
        candidates = sorted(folder.glob("eventlog*")) if folder.is_dir() else []
        files: list[Path] = []
        for candidate in candidates:
            files.extend(_rolling(candidate) if candidate.is_dir() else [candidate])
        files = [path for path in files if within(root, path)]
        if not files:
            raise SourceError("spark/eventlog* is not in the bundle")
        return cls(tuple(files))

    def __iter__(self) -> Iterator[bytes]:
        """Yield the JSON lines.

        Raises:
            SourceError: a file cannot be read or decompressed.
        """
        for path in self._files:
            yield from iterate_lines(path)


def _rolling(folder: Path) -> list[Path]:
    """Order ``events_<n>_<app>`` by n, wherever below the folder they lie."""
    parts = [path for path in folder.rglob("events_*") if path.is_file()]

    def number(path: Path) -> int:
        piece = path.name.split("_")[1]
        return int(piece) if piece.isdecimal() else 0

    return sorted(parts, key=number)
