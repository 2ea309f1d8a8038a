"""How many bytes of evidence files a collection reads, counted where they are read, by the thread that reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Count:
    """Bytes so far."""

    def __init__(self) -> None:
        self.bytes = 0


_COUNT: "ContextVar[Count | None]" = ContextVar("pipetriage_bytes_read", default=None)


@contextmanager
def counting() -> Iterator[Count]:
    """Count what this thread reads within the block."""
    count = Count()
    before = _COUNT.set(count)
    try:
        yield count
    finally:
        _COUNT.reset(before)


def has_read(size: int) -> None:
    """Add the bytes of a file, or of the part of it that is read."""
    if (count := _COUNT.get()) is not None:
        count.bytes += size
