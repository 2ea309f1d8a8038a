"""What each line of a log says: the state of the one pass, a line or an event at a time.

``log_blocks`` drives it over files, and leaves out the lines in which none of ``LineReader.words`` stands: all that
such a line can do is to continue an open record, or to count as ordinary output.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pipetriage.context import log_search
from pipetriage.context.log_groups import GUESSED, Groups
from pipetriage.context.log_layouts import Record, read_record
from pipetriage.context.log_records import MAX_PLAIN_LINES, OpenRecord, telling
from pipetriage.context.patterns import APP_ID, COMMITTED, FAILURE_WORDS, FINISHED_TASK, OWN_APP, WRITE_STARTED
from pipetriage.context.redact import LINE_LIMIT, Redactor, cut_line
from pipetriage.model.context import LogFacts
from pipetriage.model.evidence import LogEvent
from pipetriage.model.times import parse_time

TAIL_LINES = 25
"""Lines of ordinary output from the log's end in which a failure is looked for where no line is an error."""
BEFORE_LINES = 2
"""Lines kept from before an error."""
_MAX_STREAMS = 64
_MAX_APP_IDS, _MAX_SNAPSHOTS, _MAX_TASKS = 64, 1000, 20_000


class OrdinaryLine(NamedTuple):
    """A line of ordinary output."""

    line: str
    stream: str
    timestamp: int | None


class Passed(NamedTuple):
    """Lines of the block that is being read which nobody looked at."""

    begin: int
    end: int


class Unread(NamedTuple):
    """Lines of an earlier block which nobody looked at."""

    raw: bytes
    """Each with its line feed."""
    events: Callable[[bytes], Iterator[LogEvent]]

    def lines(self) -> list[OrdinaryLine]:
        """Read them after all."""
        return [
            OrdinaryLine(line.removesuffix("\r"), stream_of(event), event.timestamp)
            for raw in self.raw.split(b"\n")[:-1]
            for event in self.events(raw)
            for line in event.message.split("\n")
        ]


class LineReader:
    """Gathers errors, and what else the log tells, from its lines."""

    def __init__(self, max_errors: int) -> None:
        self.groups = Groups(max_errors)
        self.finished: set[tuple[str, str]] = set()
        """Tasks that were lost and worked when tried again: stage with attempt, and index."""
        self.lines = self.bytes = self.uncounted = 0
        self.progress = 0
        """Lines of ordinary output so far."""
        self.tail: deque[OrdinaryLine | Passed | Unread] = deque(maxlen=TAIL_LINES)
        """What came last of it, the newest at its end."""
        self.number: int | None = None
        """The line's number in its file, from 1; None where it came from no file, or nobody counted."""
        self.offset: int | None = None
        """Where the line begins in its file, in bytes; None where it came from no file."""
        self.before: Callable[[], list[OrdinaryLine]] = list
        """Gives the lines before the one that is read, whosever they are."""
        self.write_started = False
        """The log shows that a write or commit began."""
        self._open: dict[str, OpenRecord] = {}
        self.losses = 0
        """Tasks that were lost so far and had not worked yet: from each on, more words count."""
        self._lost: set[tuple[str, str]] = set()
        self._app_ids: dict[str, None] = {}
        self._own_apps: dict[str, None] = {}
        self._snapshots: dict[str, str] = {}

    def words(self, *, any_task: bool = False) -> tuple[bytes, ...]:
        """Say what a line must hold to say anything by itself, as things stand; or with ``any_task``, at any time."""
        words = log_search.ERRORS + log_search.COMMITS + log_search.APPLICATIONS
        if not self.write_started:
            words += log_search.WRITES
        return words + (log_search.ANY_TASK if any_task else log_search.finished(self._lost))

    def is_open(self, stream: str | None) -> bool:
        """Whether the next line of this stream (None: of any) may continue a record."""
        return bool(self._open) if stream is None else stream in self._open

    def open_record(self, stream: str) -> OpenRecord | None:
        """Give the record that the next line of the stream may continue."""
        return self._open.get(stream)

    def finish(self, stream: str, lines: list[str], count: int) -> None:
        """End a record with what follows its first line: ``count`` lines in the log, of which ``lines`` are kept."""
        self.lines += count
        self._open[stream].lines += lines
        self._end(stream)

    def read(self, event: LogEvent) -> None:
        """Take one event, be it a line or a whole stack trace."""
        stream = stream_of(event)
        lines = event.message.split("\n")
        for line in lines:
            self.lines += 1
            self._line(line, stream, event.timestamp)
        if len(lines) > 1 and (record := self._open.get(stream)) is not None:
            # The writer keeps records together, so the next event is part of this one only if it says so.
            record.strict = True

    def pass_over(self, lines: int, *, uncounted: int) -> None:
        """Count lines of ordinary output that say nothing; of ``uncounted`` bytes some only."""
        self.lines += lines
        self.uncounted += uncounted
        self.progress += lines

    def close(self) -> None:
        """End the records still open."""
        for stream in list(self._open):
            self._end(stream)

    def guess(self) -> None:
        """Where no line was recognised as an error, take the last ones that speak of a failure."""
        if self.groups.any_error:
            return
        latest = read_all(self.tail)[-TAIL_LINES:]
        tail = [one for one in latest if one.line and read_record(one.line) is None]
        start = next((at for at, one in enumerate(tail) if FAILURE_WORDS.search(one.line)), None)
        if start is not None:
            first = tail[start]
            lines = [one.line for one in tail[start:] if one.stream == first.stream]
            at = parse_time(first.timestamp)
            record = OpenRecord(Record(GUESSED, "", first.line, at), first.line, at)
            record.lines = lines[:MAX_PLAIN_LINES]
            self.groups.add(record, first.stream, self.progress)

    def facts(self, redactor: Redactor, dropped: int) -> LogFacts:
        """Give what the log says besides its errors."""
        return LogFacts(
            lines=self.lines,
            bytes=self.bytes,
            uncounted_bytes=self.uncounted,
            error_lines_dropped=self.groups.dropped + dropped,
            app_ids=tuple(redactor.text(app_id) for app_id in self._app_ids),
            own_app_ids=tuple(redactor.text(app_id) for app_id in self._own_apps),
            committed_snapshots=tuple(self._snapshots),
            commit_producers={snapshot: producer for snapshot, producer in self._snapshots.items() if producer},
            write_started=self.write_started,
            evidence="log" if self.lines else None,
        )

    def _line(self, line: str, stream: str, timestamp: int | None) -> None:
        if len(line) > LINE_LIMIT:
            line = cut_line(line)
        if line.endswith("\r"):
            line = line[:-1]
        self._note(line)
        record = self._open.get(stream) if self._open else None
        if record is not None:
            if record.continues(line):
                record.add(line)
                return
            self._end(stream)
        # The cheap test that most lines end with: the words of log_search.ERRORS.
        if (
            "ERROR" in line
            or "WARN" in line
            or "xception" in line
            or "Traceback" in line
            or "FATAL" in line
            or "CRITICAL" in line
            or "SEVERE" in line
            or "rror" in line
            or "Caused by:" in line
        ) and (begun := telling(line)) is not None:
            if len(self._open) >= _MAX_STREAMS:
                self._end(next(iter(self._open)))
            before = tuple(one.line for one in self.before() if one.stream == stream)
            at = parse_time(timestamp) or begun.at
            self._open[stream] = OpenRecord(begun, line, at, number=self.number, offset=self.offset, before=before)
        else:
            self.progress += 1
            self.tail.append(OrdinaryLine(line, stream, timestamp))

    def _end(self, stream: str) -> None:
        group = self.groups.add(self._open.pop(stream), stream, self.progress)
        task = group.task if group is not None else None
        if task is not None and task not in self.finished and len(self._lost) < _MAX_TASKS:
            self.losses += task not in self._lost
            self._lost.add(task)

    def _note(self, line: str) -> None:
        """Notice application ids, commits and the start of writing."""
        if not self.write_started:
            self.write_started = WRITE_STARTED.search(line) is not None
        if "Committed snapshot" in line or "CommitReport{" in line:
            for found in COMMITTED.finditer(line):
                if len(self._snapshots) < _MAX_SNAPSHOTS:
                    committed = found["id"] or found["reported"]
                    self._snapshots[committed] = found["producer"] or self._snapshots.get(committed, "")
        if "application_" in line or "app-" in line or "local-" in line or "spark-" in line:
            own = OWN_APP.search(line) is not None
            for found in APP_ID.finditer(line):
                for into in (self._app_ids, self._own_apps) if own else (self._app_ids,):
                    if len(into) < _MAX_APP_IDS:
                        into[found["named"] or found[0]] = None
        if self._lost and "Finished task" in line and (done := FINISHED_TASK.search(line)):
            task = (done["stage"], done["index"])
            if task in self._lost:
                self._lost.discard(task)
                self.finished.add(task)


def read_all(parts: Iterable[OrdinaryLine | Passed | Unread]) -> list[OrdinaryLine]:
    """Give the lines, those too that nobody looked at yet."""
    lines: list[OrdinaryLine] = []
    for one in parts:
        if isinstance(one, Unread):
            lines += one.lines()
        elif isinstance(one, OrdinaryLine):
            lines.append(one)
    return lines


def stream_of(event: LogEvent) -> str:
    """Name the event's stream, its group first."""
    return f"{event.group}:{event.stream}" if event.group else event.stream
