"""A log file as blocks of whole lines, in constant memory however long the file or one of its lines is."""

import io
from collections.abc import Iterator
from typing import Any

BLOCK_BYTES = 512 * 1024
"""Read at a time: measured, what a processor's cache holds is read fastest."""

_TAIL_BYTES = 4096
"""What is kept of an endless line's end: it often names the error."""


class LineBlocks:
    """Reads blocks of whole lines into one buffer, which each block fills anew.

    A line of ``longest`` bytes and more keeps its first ``kept`` bytes and its last 4 KiB, with a note between them of
    how many are left out.
    """

    def __init__(
        self, file: io.RawIOBase | io.BufferedIOBase, *, longest: int, kept: int, at_once: int = BLOCK_BYTES
    ) -> None:
        self._file: Any = file
        self._longest = longest
        self._kept = kept
        self._at_once = at_once
        self._buffer = bytearray(longest + at_once)
        self._cut_short: EOFError | None = None

    def __iter__(self) -> Iterator[tuple[bytes | bytearray, int]]:
        """Yield a buffer and how many of its bytes are the block, which ends with a line feed.

        Raises:
            OSError: the file cannot be read.
            EOFError: a compressed file ends in its middle. What there is of it was yielded.
        """
        view, rest = memoryview(self._buffer), 0
        while count := self._read(view[rest : rest + self._at_once]):
            searched, filled = rest, rest + count
            while True:
                end = self._buffer.rfind(b"\n", searched, filled) + 1
                rest = filled - end
                if end:
                    yield from self._whole(end)
                    view[:rest] = bytes(view[end:filled])
                if rest < self._longest:
                    break
                yield from self._endless(bytes(view[:rest]))
                searched, filled = 0, self._left
        if rest:
            view[rest : rest + 1] = b"\n"
            yield from self._whole(rest + 1)
        if self._cut_short is not None:
            raise self._cut_short

    def _read(self, into: memoryview) -> int:
        try:
            return int(self._file.readinto(into) or 0)
        except EOFError as error:
            self._cut_short = error
            return 0

    def _whole(self, end: int) -> Iterator[tuple[bytes | bytearray, int]]:
        """Yield the lines up to ``end``, those that are too long each by itself."""
        buffer, begin, at = self._buffer, 0, 0
        while end - at > self._longest:
            stop = buffer.rfind(b"\n", at, at + self._longest) + 1
            if stop:
                at = stop
                continue
            stop = buffer.find(b"\n", at) + 1
            if at > begin:
                yield self._piece(begin, at)
            line = self._cut(bytes(buffer[at : at + self._kept]), bytes(buffer[at + self._kept : stop - 1]), 0)
            yield line, len(line)
            begin = at = stop
        if end > begin:
            yield self._piece(begin, end)

    def _piece(self, begin: int, end: int) -> tuple[bytes | bytearray, int]:
        return (self._buffer, end) if begin == 0 else (bytes(self._buffer[begin:end]), end - begin)

    def _endless(self, start: bytes) -> Iterator[tuple[bytes, int]]:
        """Skip to the end of a line that fills the buffer; what follows it stands in the buffer afterwards."""
        view = memoryview(self._buffer)
        head, tail = start[: self._kept], start[self._kept :]
        skipped = 0
        self._left = 0
        while count := self._read(view[: self._at_once]):
            stop = self._buffer.find(b"\n", 0, count)
            tail += self._buffer[: count if stop < 0 else stop]
            skipped += max(0, len(tail) - _TAIL_BYTES)
            tail = tail[-_TAIL_BYTES:]
            if stop >= 0:
                self._left = count - stop - 1
                view[: self._left] = bytes(view[stop + 1 : count])
                break
        line = self._cut(head, tail, skipped)
        yield line, len(line)

    def _cut(self, head: bytes, rest: bytes, skipped: int) -> bytes:
        tail = rest[-_TAIL_BYTES:]
        return head + f" …[{skipped + len(rest) - len(tail)} bytes cut]… ".encode() + tail + b"\n"
