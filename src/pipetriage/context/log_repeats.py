"""Stack traces that repeat byte by byte, so that each is read once and then only compared.

A failing service fills a log with the same forty frames a thousand times. What differs (time, task) stands in the
record's first line, which is read each time.
"""

from typing import NamedTuple

from pipetriage.context.log_layouts import starts_record
from pipetriage.context.log_records import OpenRecord
from pipetriage.model.evidence import LogBlock

_MAX_TRACES, _MAX_BYTES = 256, 32 * 1024
# Enough of a line to see that it starts a record.
_LINE_BYTES = 120
_DIGITS = str.maketrans("123456789", "000000000")


class Trace(NamedTuple):
    """What follows the first line of a record."""

    raw: bytes
    lines: list[str]
    """As the record keeps them."""
    length: int
    """Lines in the log."""


class KnownTraces:
    """The traces read so far, by the first lines that they follow."""

    def __init__(self) -> None:
        self._known: dict[str, Trace] = {}
        self._record: OpenRecord | None = None
        self._begin = 0

    def follow(self, block: LogBlock, record: OpenRecord | None, begin: int) -> Trace | None:
        """Say what follows the line just read if that was the first of a record, and the rest is known.

        ``begin`` is where the next line stands, ``record`` what that may continue.
        """
        if self._record is not None and record is not self._record:
            # The line just read ended a record, whose trace stands before it.
            self._learn(block, block.data.rfind(b"\n", 0, begin - 1) + 1)
        if record is None or record is self._record or len(record.lines) != 1:
            return None
        self._record, self._begin = record, begin
        known = self._known.get(_key(record))
        if known is None or not block.data.startswith(known.raw, begin):
            return None
        if not _starts_record(block, begin + len(known.raw)):
            return None
        self._record = None
        return known

    def leave(self) -> None:
        """Forget the record that is open: its trace goes on in another block."""
        self._record = None

    def _learn(self, block: LogBlock, end: int) -> None:
        record, self._record = self._record, None
        size = end - self._begin
        if record is None or not 0 < size <= _MAX_BYTES or not _starts_record(block, end):
            return
        raw = bytes(block.data[self._begin : end])
        # That a task worked may be news each time it is said.
        if b"Finished task" not in raw:
            if len(self._known) >= _MAX_TRACES:
                self._known.clear()
            self._known[_key(record)] = Trace(raw, record.lines[1:], raw.count(b"\n"))


def _key(record: OpenRecord) -> str:
    return record.lines[0].translate(_DIGITS)


def _starts_record(block: LogBlock, begin: int) -> bool:
    line = bytes(block.data[begin : min(begin + _LINE_BYTES, block.size)])
    return begin < block.size and starts_record(line.split(b"\n", 1)[0].decode("utf-8", "replace"))
