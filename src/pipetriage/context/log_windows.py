"""The lines around an error, read from the log again: up to the error and a little beyond, in constant memory."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipetriage.context import log_search
from pipetriage.context.excerpts import AROUND
from pipetriage.context.log_lines import stream_of
from pipetriage.context.log_records import telling
from pipetriage.context.log_scan import ERROR_WORDS, folded, parts_within, stream_of_block, wanted_lines
from pipetriage.context.redact import Redactor, cut_line
from pipetriage.context.stack_traces import plain
from pipetriage.model.context import LogError
from pipetriage.model.evidence import LogBlock, LogBlocks, LogEvent
from pipetriage.model.times import parse_time

_RAW_LINES = 400
"""Lines kept from before the error: more than are shown, since frames are folded, and a value of several lines (a key
of 4,096 bits has 52) is only known by its first."""
_RAW_BYTES = 64 * 1024
"""The same of a file that is read by the block."""
_RAW_AFTER, _RAW_CHARACTERS = 2000, 128 * 1024
"""Lines read behind the error at most, and their characters: a trace without an end is all frames."""
_COMPARED = 300
"""Characters of an error's first line that must be the same: the excerpt keeps 350."""


class Window(NamedTuple):
    """Raw lines around an error, more than are shown."""

    lines: tuple[str, ...]
    at: int
    """Which of them is the error's first."""


def window_around(log: Iterable[LogEvent] | LogBlocks, error: LogError, redactor: Redactor) -> Window | None:
    """Read the lines around the place where the error first stands; None where it is not there (any more).

    Raises:
        SourceError: the log cannot be read up to there, or not in time.
    """
    marks = _Marks(error, redactor)
    for exact in (True, False):
        # An event has no place in a file: it is found by time and text; or by either, as its excerpt may be shortened
        # and its time that of another occurrence.
        seeker = _Seeker(error, marks, exact=exact)
        for part in parts_within(log):
            seeker.take(part)
            if seeker.full:
                break
        if (window := seeker.window()) is not None:
            return window
        if error.first_byte is not None:
            break
    return None


class _Marks:
    """By what a line is known to be the first of the error."""

    def __init__(self, error: LogError, redactor: Redactor) -> None:
        self._error = error
        self._redactor = redactor
        self._first = error.excerpt.partition("\n")[0][:_COMPARED]
        self._streams: dict[str, bool] = {}

    def of_stream(self, stream: str) -> bool:
        """Whether the stream is the error's, whose name is redacted."""
        same = self._streams.get(stream)
        if same is None:
            if len(self._streams) > 1000:
                self._streams.clear()
            same = self._streams[stream] = self._redactor.text(stream) == self._error.stream
        return same

    def line_in(self, event: LogEvent, *, exact: bool) -> int | None:
        """Give which line of the event begins the error."""
        if not self.of_stream(stream_of(event)):
            return None
        for index, line in enumerate(event.message.split("\n")):
            if self._begins(cut_line(line), event.timestamp, exact=exact):
                return index
        return None

    def guessed(self, line: str) -> bool:
        """Whether the line is what was taken for an error at the log's end for want of one."""
        return bool(self._first) and self._text(cut_line(line)) == self._first

    def _begins(self, line: str, timestamp: int | None, *, exact: bool) -> bool:
        error = self._error
        if not any(word in line for word in ERROR_WORDS) or (record := telling(line)) is None:
            return False
        if record.level != error.level or self._redactor.text(record.logger)[:_COMPARED] != error.logger[:_COMPARED]:
            return False
        if error.first_byte is not None:
            return True  # the place says the rest
        # The time first: a log may be nothing but errors, and comparing texts means redacting them.
        same_time = (parse_time(timestamp) or record.at) == error.first_at
        if same_time and error.first_at is not None and not exact:
            return True
        return (same_time or not exact) and bool(self._first) and self._text(record.message) == self._first

    def _text(self, message: str) -> str:
        return self._redactor.text(plain(message)[:8000])[:_COMPARED]


class _Seeker:
    """Takes the parts of a log until the window is whole."""

    def __init__(self, error: LogError, marks: _Marks, *, exact: bool) -> None:
        self._error = error
        self._marks = marks
        self._exact = exact
        self._search = log_search.fastest()(log_search.ERRORS)
        self._offset = 0
        self._earlier = b""
        """The last lines of the file before the block."""
        self._last: LogBlock | None = None
        self._before: deque[str] = deque(maxlen=_RAW_LINES)
        self._after: list[str] | None = None
        self._look_at = AROUND + 1
        self.full = False

    def take(self, part: LogBlock | LogEvent) -> None:
        """Read one part."""
        if isinstance(part, LogEvent):
            self._event(part)
            return
        if part.begins and self._after is not None:
            self.full = True  # the file's end is the window's
            return
        if part.begins:
            self._offset, self._earlier = 0, b""
        if part.structured or self._marks.of_stream(stream_of_block(part)):
            self._block(part)
        self._offset += part.size

    def window(self) -> Window | None:
        """Give what was found."""
        if self._after is None:
            self._look_at_end()
        if self._after is None:
            return None
        before = _last_of(self._before)
        return Window((*before, *self._after), len(before))

    def _block(self, block: LogBlock) -> None:
        at = self._place(block) if self._after is None else 0
        if at is None:
            self._earlier = _tail(self._earlier, block, block.size)
            # For its way of reading lines only: its data are gone with the next one.
            self._last = block
            return
        if self._after is None:
            for event in _events(block, _tail(self._earlier, block, at)):
                self._note(event)
        while at < block.size and not self.full:
            stop = block.data.find(b"\n", at, block.size)
            for event in block.events(bytes(block.data[at:stop])):
                self._event(event)
            at = stop + 1

    def _place(self, block: LogBlock) -> int | None:
        """Give where in the block the error's first line begins."""
        wanted = self._error.first_byte
        if wanted is None:
            # Where lines are counted an error has its place: this one stands where they are not.
            found = () if block.numbered else wanted_lines(block, self._search)
            return next((begin for begin, stop in found if self._is(block, begin, stop)), None)
        at = wanted - self._offset
        if not (block.numbered and 0 <= at < block.size):
            return None
        return at if self._is(block, at, block.data.find(b"\n", at, block.size)) else None

    def _is(self, block: LogBlock, begin: int, stop: int) -> bool:
        events = block.events(bytes(block.data[begin:stop]))
        return any(self._marks.line_in(event, exact=self._exact) is not None for event in events)

    def _event(self, event: LogEvent) -> None:
        if self._after is not None:
            self._follow(event)
            return
        index = self._marks.line_in(event, exact=self._exact)
        if index is None:
            self._note(event)
            return
        lines = event.message.split("\n")
        self._before.extend(cut_line(line) for line in lines[:index][-_RAW_LINES:])
        self._after = []
        self._add(lines[index:])

    def _note(self, event: LogEvent) -> None:
        if self._marks.of_stream(stream_of(event)):
            self._before.extend(cut_line(line) for line in event.message.split("\n")[-_RAW_LINES:])

    def _follow(self, event: LogEvent) -> None:
        if self._marks.of_stream(stream_of(event)):
            self._add(event.message.split("\n"))

    def _add(self, lines: list[str]) -> None:
        if self._after is None:
            return
        self._after += [cut_line(line) for line in lines[: _RAW_AFTER - len(self._after)]]
        if len(self._after) < self._look_at:
            return
        # Not at each line: a trace of thousands would be folded as often.
        self._look_at = min(len(self._after) + AROUND, _RAW_AFTER)
        enough = sum(1 for _ in folded(self._after)) > AROUND
        self.full = enough or len(self._after) >= _RAW_AFTER or sum(map(len, self._after)) >= _RAW_CHARACTERS

    def _look_at_end(self) -> None:
        """Find what was only taken for an error, which stands among the last lines."""
        if self._last is not None:
            for event in _events(self._last, self._earlier):
                self._note(event)
        lines = list(self._before)
        at = next((index for index, line in enumerate(lines) if self._marks.guessed(line)), None)
        if at is not None:
            self._before = deque(lines[:at], maxlen=_RAW_LINES)
            self._after = lines[at:]


def _events(block: LogBlock, raw: bytes) -> Iterator[LogEvent]:
    """Read whole lines of the block's file."""
    for line in raw.split(b"\n")[:-1]:
        yield from block.events(line)


def _last_of(lines: Iterable[str]) -> tuple[str, ...]:
    """Give the last lines, as many as may be redacted in no time."""
    kept: list[str] = []
    room = _RAW_BYTES
    for line in reversed(list(lines)):
        room -= len(line)
        if room < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))


def _tail(earlier: bytes, block: LogBlock, end: int) -> bytes:
    """Give the last whole lines before this place."""
    data = bytes(block.data[max(0, end - _RAW_BYTES) : end])
    if end <= _RAW_BYTES:
        data = earlier + data
    if len(data) > _RAW_BYTES or end > _RAW_BYTES:
        # The first line may be torn: a value without its beginning would not be known for one.
        data = data[-_RAW_BYTES:]
        data = data[data.find(b"\n") + 1 :]
    return data
