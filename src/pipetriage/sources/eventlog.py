"""Spark event logs as files: plain or compressed, one file or a rolling folder."""

import re
from collections.abc import Iterator
from pathlib import Path

from pipetriage.errors import SourceError
from pipetriage.sources.packed import pieces

MAX_LINE_BYTES = 8 * 1024 * 1024
"""A longer line is passed over: the events that are wanted have a few kilobytes, and one grows by size only where a
query plan or a class path is printed into it."""

# Spark's parts of a rolling log: events_<n>_<app id>[.codec][.compact].
_PART = re.compile(r"events_(\d{1,18})_")


class EventLog:
    """The lines of one application's event log, in order, as often as asked."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files
        self.cut = False
        """The last reading found a file that ends in the middle of a compressed block."""

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

    @property
    def size(self) -> int:
        """Bytes of the files, as they lie there."""
        return sum(path.stat().st_size for path in self.files if path.is_file())

    def __iter__(self) -> Iterator[bytes]:
        """Yield the JSON lines, without their ends. A line too long to be an event that is wanted is passed over.

        Raises:
            SourceError: a file cannot be read or unpacked.
        """
        for data, begin, end in self.spans():
            yield from data[begin:end].removesuffix(b"\n").split(b"\n")

    def spans(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield the same lines, many at a time with their ends, as where they stand in what was read.

        A line is never divided: one that straddles two readings comes by itself, so that nothing else is copied.

        Raises:
            SourceError: a file cannot be read or unpacked.
        """
        self.cut = False
        for path in self.files:
            yield from self._spans(path)

    def _spans(self, path: Path) -> Iterator[tuple[bytes, int, int]]:
        unpacking = pieces(path)
        rest, passing_over = b"", False
        while True:
            try:
                piece = next(unpacking)
            except StopIteration as end:
                self.cut = self.cut or bool(end.value)
                break
            begin, stop = 0, piece.rfind(b"\n") + 1
            if stop and (rest or passing_over):
                begin = piece.find(b"\n") + 1
                if not passing_over:
                    rest += piece[:begin]
                    yield rest, 0, len(rest)
                rest, passing_over = b"", False
            if begin < stop:
                yield piece, begin, stop
            # Of a line whose beginning is gone, the end is of no use.
            if not passing_over:
                rest += piece[stop:]
            if len(rest) > MAX_LINE_BYTES:
                rest, passing_over = b"", True
        if rest:
            yield rest, 0, len(rest)


def _rolling(folder: Path) -> list[Path]:
    """Find ``events_<n>_<app>``, wherever below the folder they lie."""
    parts = [path for path in folder.rglob("events_*") if path.is_file()]
    if len({path.parent for path in parts}) > 1:
        raise SourceError(f"{folder.name} holds the event logs of several applications")
    return in_order(parts)


def in_order(parts: list[Path]) -> list[Path]:
    """Order a rolling log's parts by their numbers.

    A compacted part stands for its number and all before, which Spark removes when it comes to it.
    """
    compacted = [path for path in parts if path.name.endswith(".compact")]
    last = max(compacted, key=_number, default=None)
    kept = [path for path in parts if last is None or path is last or _number(path) > _number(last)]
    return sorted(kept, key=_number)


def _number(path: Path) -> int:
    found = _PART.match(path.name)
    return int(found[1]) if found else 0


def _alone(folder: Path) -> list[Path]:
    """Give the one file that Spark, told to write into this folder, named after its application."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith((".", "_"))]
    if len(files) != 1:
        raise SourceError(f"{folder.name} holds {len(files) or 'no'} event log files, where one is expected")
    return files
