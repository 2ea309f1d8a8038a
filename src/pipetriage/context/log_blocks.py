"""Reads a log by the block: a line becomes text only where it may say something."""

from functools import partial

from pipetriage.context.log_lines import (
    BEFORE_LINES,
    TAIL_LINES,
    LineReader,
    OrdinaryLine,
    Passed,
    Unread,
    read_all,
    stream_of,
)
from pipetriage.context.log_repeats import KnownTraces
from pipetriage.context.log_search import ESCAPES, Engine, Hits, Search
from pipetriage.model.evidence import LogBlock, LogEvent

# How a line of JSON ends whose message ends with a line feed: that says nothing more.
_LAST_ESCAPE, _LAST = rb"\n" + b'"', b'"'
# How often a block is looked through anew because a task was lost; then for the end of any.
_MOST_LOOKS = 8
_MOST_SEARCHES = 32
_COUNTED = 16 * 1024 * 1024
"""Bytes of a file up to which lines are counted: counting takes as long as looking for all the words. Where an error
stands beyond is told in bytes."""


class BlockReader:
    """Drives a ``LineReader`` over blocks and events, and leaves out the lines that say nothing."""

    def __init__(self, lines: LineReader, engine: Engine) -> None:
        self._lines = lines
        self._engine = engine
        self._searches: dict[tuple[bytes, ...], Search] = {}
        self._number = self._offset = 0
        self._names: tuple[bytes, ...] = ()
        self._traces = KnownTraces()
        # The last lines before the block, or before the event.
        self._earlier: list[OrdinaryLine | Unread] = []

    def take(self, part: LogBlock | LogEvent) -> None:
        """Read one part of the log."""
        if isinstance(part, LogBlock):
            self._block(part)
        else:
            self._event(part)

    def _event(self, event: LogEvent) -> None:
        lines, message = self._lines, event.message
        lines.number, lines.offset, lines.before = None, None, partial(read_all, self._earlier)
        lines.bytes += len(message) if message.isascii() else len(message.encode("utf-8", "replace"))
        lines.read(event)
        last = OrdinaryLine(message.rpartition("\n")[2], stream_of(event), event.timestamp)
        self._earlier = [*self._earlier, last][-BEFORE_LINES:]

    def _block(self, block: LogBlock) -> None:
        lines, data, end = self._lines, block.data, block.size
        if block.begins:
            lines.close()
            self._earlier, self._number, self._offset = [], 0, 0
            self._names = _names(block) if block.structured else ()
        lines.bytes += end
        # Where events of several streams are mixed, the next line may be of any.
        stream = None if block.structured else stream_of(LogEvent(None, "", block.stream, block.group))
        at, hit = 0, -1
        losses, looks = lines.losses, 0
        hits = self._look(block, 0)
        pending = iter(hits.ends)
        while at < end:
            if not (hits.invisible or lines.is_open(stream)):
                while hit <= at or (self._names and data.endswith(self._names, at, hit)):
                    hit = next(pending, end)
                begin = max(at, data.rfind(b"\n", at, hit) + 1) if hit < end else end
                self._pass_over(block, at, begin)
                at = begin
                if at == end:
                    break
            stop = data.find(b"\n", at)
            if hits.invisible or lines.is_open(stream) or self._says(block, at, stop):
                self._line(block, at, stop)
                at = stop + 1
                if stream is not None and not hits.invisible:
                    at = self._known(block, stream, begin=at)
            else:
                self._pass_over(block, at, stop + 1)
                at = stop + 1
            if losses != lines.losses and looks <= _MOST_LOOKS and at < end:
                # From here on the end of that task counts too.
                losses, looks, hit = lines.losses, looks + 1, -1
                hits = self._look(block, at, any_task=looks > _MOST_LOOKS)
                pending = iter(hits.ends)
        self._traces.leave()
        self._settle(block)
        self._offset += end

    def _look(self, block: LogBlock, begin: int, *, any_task: bool = False) -> Hits:
        words = self._lines.words(any_task=any_task) + (ESCAPES if block.structured else ())
        search = self._searches.get(words)
        if search is None:
            if len(self._searches) >= _MOST_SEARCHES:
                self._searches.clear()
            search = self._searches[words] = self._engine(words)
        return search(block.data, begin, block.size)

    def _line(self, block: LogBlock, begin: int, stop: int) -> None:
        lines = self._lines
        self._number += 1
        lines.number = self._number if block.numbered and self._offset < _COUNTED else None
        lines.offset = self._offset + begin if block.numbered else None
        lines.before = partial(self._before, block, begin)
        for event in block.events(bytes(block.data[begin:stop])):
            lines.read(event)

    def _known(self, block: LogBlock, stream: str, *, begin: int) -> int:
        """Skip the trace of a record that was just begun if it is one that was read before; give where to go on."""
        record = self._lines.open_record(stream)
        trace = self._traces.follow(block, record, begin)
        if trace is None:
            return begin
        self._lines.finish(stream, trace.lines, trace.length)
        self._number += trace.length
        return begin + len(trace.raw)

    def _says(self, block: LogBlock, begin: int, stop: int) -> bool:
        """Whether the line holds a word besides the line feed with which a message written as JSON may end."""
        if not block.structured or block.data.find(_LAST_ESCAPE, begin, stop) < 0:
            return True
        plain = bytes(block.data[begin:stop]).replace(_LAST_ESCAPE, _LAST)
        return any(word in plain for word in (*self._lines.words(), *ESCAPES))

    def _pass_over(self, block: LogBlock, begin: int, end: int) -> None:
        if begin < end:
            counted = self._offset < _COUNTED
            count = block.data.count(b"\n", begin, end) if counted else _a_few(block, begin, end)
            self._number += count
            self._lines.pass_over(count, uncounted=0 if counted else end - begin)
            self._lines.tail.append(Passed(begin, end))

    def _before(self, block: LogBlock, begin: int) -> list[OrdinaryLine]:
        """Give the lines before this offset, from the block's own or those before it."""
        return read_all([*self._earlier, _last(block, 0, begin, BEFORE_LINES)])[-BEFORE_LINES:]

    def _settle(self, block: LogBlock) -> None:
        """Keep what is needed of the block, whose buffer will be filled anew."""
        self._earlier = [*self._earlier, _last(block, 0, block.size, BEFORE_LINES)][-BEFORE_LINES:]
        tail = self._lines.tail
        kept: list[OrdinaryLine | Unread] = []
        wanted = TAIL_LINES
        while tail and wanted > 0:
            one = tail.pop()
            if isinstance(one, Passed):
                one = _last(block, one.begin, one.end, wanted)
            kept.append(one)
            wanted -= one.raw.count(b"\n") if isinstance(one, Unread) else 1
        tail.clear()
        tail.extend(reversed(kept))


def _a_few(block: LogBlock, begin: int, end: int) -> int:
    """Count lines up to so many that more make no difference."""
    count = 0
    while begin < end and count < TAIL_LINES:
        begin = block.data.find(b"\n", begin, end) + 1
        count += 1
    return count


def _names(block: LogBlock) -> tuple[bytes, ...]:
    """Give the names of group and stream that stand in each line of JSON: ``/aws-glue/jobs/error`` says nothing."""
    first = bytes(block.data[: block.data.find(b"\n")])
    return tuple(
        {
            name.encode("utf-8", "replace")
            for event in block.events(first)
            for name in (event.group, event.stream)
            if name
        }
    )


def _last(block: LogBlock, begin: int, end: int, count: int) -> Unread:
    """Take the last lines of a part of a block."""
    start = end
    while start > begin and count > 0:
        start = max(block.data.rfind(b"\n", begin, start - 1) + 1, begin)
        count -= 1
    return Unread(bytes(block.data[start:end]), block.events)
