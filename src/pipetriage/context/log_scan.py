"""Reading a log a second time, for a question about it: only the lines that may matter, and only for so long."""

import re
import time
from collections.abc import Callable, Iterable, Iterator

from pipetriage.context import log_search
from pipetriage.context.log_lines import stream_of
from pipetriage.context.log_search import Search
from pipetriage.errors import SourceError
from pipetriage.model.evidence import LogBlock, LogBlocks, LogEvent

ERROR_WORDS = tuple(word.decode() for word in log_search.ERRORS)
"""What stands in each line that may begin an error."""
SECONDS = 5.0
"""Reading once more may take so long: the verdict with a model is due after 20 s."""

# Lines of a stack trace below the exception: Java's, "... 12 more", Python's.
_JAVA_FRAME = re.compile(r"\s{1,16}at \S|\s{0,16}\.\.\. \d{1,6} (?:more|common)")
_PYTHON_FRAME = re.compile(r'\s{1,16}File "[^"\n]{1,1000}", line \d')
# A table that DataFrame.show() printed: rows of data, which tell nothing of why a run failed.
_PRINTED_TABLE = re.compile(r"\s{0,8}(?:\|.{0,40000}\||\+[-+]{2,40000}\+)\s{0,8}")


def parts_within(log: Iterable[LogEvent] | LogBlocks, seconds: float = SECONDS) -> Iterator[LogBlock | LogEvent]:
    """Yield the parts of a log until the time is over.

    Raises:
        SourceError: it was over before the log was, or the log cannot be read.
    """
    until = time.monotonic() + seconds
    for part in log.blocks() if isinstance(log, LogBlocks) else log:
        if time.monotonic() > until:
            raise SourceError(f"the log is too long to be read once more within {seconds:g} s")
        yield part


def stream_of_block(block: LogBlock) -> str:
    """Name the stream of a block of text, as that of its events."""
    return stream_of(LogEvent(None, "", block.stream, block.group))


def wanted_lines(block: LogBlock, search: Search) -> Iterator[tuple[int, int]]:
    """Yield where the lines begin and end that hold a word; all of them where words may be hidden in them."""
    hits = search(block.data, 0, block.size)
    at = 0
    if hits.invisible:
        while at < block.size:
            stop = block.data.find(b"\n", at, block.size)
            yield at, stop
            at = stop + 1
        return
    for hit in hits.ends:
        if hit > at:
            stop = block.data.find(b"\n", hit - 1, block.size)
            yield block.data.rfind(b"\n", at, hit - 1) + 1 or at, stop
            at = stop + 1


def events_with(
    log: Iterable[LogEvent] | LogBlocks, search: Search, wanted: Callable[[LogEvent], bool]
) -> Iterator[LogEvent]:
    """Yield the events of wanted streams: of files those that hold a word, and the first of each block; else all.

    Raises:
        SourceError: the log cannot be read to its end, or not in time.
    """
    for part in parts_within(log):
        if isinstance(part, LogEvent):
            yield from (part,) if wanted(part) else ()
            continue
        if not part.structured and not wanted(LogEvent(None, "", part.stream, part.group)):
            continue
        first = part.data.find(b"\n", 0, part.size)
        more = (place for place in wanted_lines(part, search) if place[0] > first)
        for begin, stop in ((0, first), *more):
            yield from (one for one in part.events(bytes(part.data[begin:stop])) if wanted(one))


def folded(lines: Iterable[str]) -> Iterator[str]:
    """Put one line in the place of each run of stack frames, and of each printed table."""
    run, count, source = "", 0, False
    for line in lines:
        if _PYTHON_FRAME.match(line) is not None:
            kind, source = "stack frames", True
        elif _JAVA_FRAME.match(line) is not None or (source and line.startswith("    ")):
            kind, source = "stack frames", source and not _JAVA_FRAME.match(line)
        else:
            kind, source = "lines of a printed table" if _PRINTED_TABLE.fullmatch(line) else "", False
        if run and kind != run:
            yield f"… {count} {run}"
            count = 0
        run = kind
        if kind:
            count += 1
        else:
            yield line
    if run:
        yield f"… {count} {run}"
