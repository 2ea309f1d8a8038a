"""The log of one run, in one pass and constant memory: its distinct errors and what else it says.

Most lines are ordinary; a handful of substring tests tells so. Only records that may be errors, and the lines of
their stack traces, are parsed (``log_layouts``, ``stack_traces``), grouped (``log_groups``), judged (``log_endings``)
and redacted (``log_text``).
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pipetriage.context.log_endings import decide
from pipetriage.context.log_groups import GUESSED, Group, Groups
from pipetriage.context.log_layouts import Record, read_record, starts_record
from pipetriage.context.log_text import RUN_ERROR, evidence_of, fit, locator_of, read_error
from pipetriage.context.patterns import (
    APP_ID,
    CHAINED,
    COMMITTED,
    ERROR_CATEGORY,
    EXCEPTION_LINE,
    EXCEPTION_NAME,
    FAILURE_WORDS,
    FINISHED_TASK,
    GLUE_ANALYSIS,
    IN_THREAD,
    OWN_APP,
    PROGRAM_ERROR,
    TELLING_WARNING,
    TRACEBACK,
    UNCAUGHT,
    WRITE_STARTED,
)
from pipetriage.context.redact import LINE_LIMIT, Redactor, cut_line
from pipetriage.model.context import LogError, LogFacts
from pipetriage.model.evidence import LogEvent
from pipetriage.model.times import parse_time

__all__ = ["LogReading", "evidence_of", "fit", "locator_of", "read_logs"]

_MAX_STREAMS = 64
_MAX_BLOCK_LINES, _MAX_BLOCK_CHARACTERS = 400, 200_000
_MAX_FRAMES_IN_A_ROW = 40
_MAX_PLAIN_LINES = 25
_TAIL_LINES = 25
_MAX_APP_IDS, _MAX_SNAPSHOTS, _MAX_TASKS = 64, 1000, 20_000
# How the next line of a trace can start in the first column.
_TRACE_STARTS = ("Caused by:", "Suppressed:", "at ", "... ", ": ", "Driver stacktrace", *CHAINED)


class LogReading(NamedTuple):
    """What the log says."""

    errors: tuple[LogError, ...]
    """Most telling first: those that ended the run, then the others."""
    facts: LogFacts


def read_logs(
    events: Iterable[LogEvent],
    *,
    redactor: Redactor,
    max_errors: int,
    error_message: str,
    run_state: str,
    ended_at: datetime | None,
) -> LogReading:
    """Read a log once; also judge the run's own ErrorMessage, which becomes an error of the stream ``run``."""
    reader = _Reader(max_errors)
    for event in events:
        reader.read(event)
    reader.close()
    run_error = _run_error(error_message, ended_at)
    if run_error is None or run_error.opaque:
        reader.guess()
    groups = reader.groups.all()
    ending = decide(groups, run_error, run_state, reader.finished, reader.progress)
    ordered, dropped = _ordered(groups, ending.terminal, ending.survived, max_errors)
    errors = [
        read_error(
            group,
            evidence=f"log-{number}",
            terminal=group in ending.terminal,
            survived=id(group) in ending.survived,
            redactor=redactor,
        )
        for number, group in enumerate(ordered, 1)
    ]
    if run_error is not None:
        failed = run_state.upper() != "SUCCEEDED"
        told = read_error(run_error, evidence=RUN_ERROR, terminal=failed, survived=not failed, redactor=redactor)
        # The log's error, with its chain and frames, says more; unless it only says that something failed.
        first_is_root = bool(ending.terminal) and (not ending.terminal[0].opaque or run_error.opaque)
        errors.insert(1 if first_is_root else 0, told)
    return LogReading(tuple(errors), reader.facts(redactor, dropped))


def _run_error(message: str, ended_at: datetime | None) -> Group | None:
    if not message.strip():
        return None
    groups = Groups(1)
    lines = [cut_line(line) for line in message.strip().split("\n")[:_MAX_BLOCK_LINES]]
    return groups.add(Record("ERROR", "", lines[0], ended_at), lines, "run", ended_at, 0)


def _ordered(
    groups: list[Group], terminal: list[Group], survived: set[int], max_errors: int
) -> tuple[list[Group], int]:
    """Keep the terminal ones and the first seen; order by how much they tell. Also give the number left out."""
    others = [group for group in groups if group not in terminal]
    room = max(0, max_errors - len(terminal))
    kept = sorted(others, key=lambda g: (not g.is_error, g.first_seen))[:room]
    kept.sort(key=lambda g: (not g.is_error, id(g) in survived, not g.named, -g.last_seen))
    chosen = [*terminal, *kept][: max(1, max_errors)]
    return chosen, len(groups) - len(chosen)


class _Block:
    """A record that may be an error, with the lines of its trace so far."""

    __slots__ = (
        "at",
        "characters",
        "closed",
        "expects",
        "frames",
        "in_traceback",
        "lines",
        "plain",
        "record",
        "strict",
    )

    def __init__(self, record: Record, line: str, at: datetime | None) -> None:
        self.record = record
        self.at = at
        self.lines = [line]
        self.characters = len(line)
        self.frames = self.plain = 0
        self.in_traceback = TRACEBACK in line
        self.expects = not self.in_traceback
        self.closed = False
        self.strict = False
        for more in record.more:
            self.add(more)

    def continues(self, line: str) -> bool:
        """Whether the line belongs to this record."""
        if not line or line[0] in " \t":
            return True
        if line.startswith(_TRACE_STARTS):
            return True
        if line.startswith(TRACEBACK):
            return self.expects
        if starts_record(line):
            return False
        if self.in_traceback:
            return True
        if self.strict or (self.closed and _is_exception(line)):
            return False
        self.plain += 1
        return self.plain <= _MAX_PLAIN_LINES

    def add(self, line: str) -> None:
        """Take the line, within bounds: the middle of an endless trace is dropped."""
        if line.startswith(("\tat ", "    at ", "at ")):
            self.frames += 1
            if not self.in_traceback:
                self.closed, self.expects = True, False
            if self.frames > _MAX_FRAMES_IN_A_ROW:
                return
        else:
            self.frames = 0
        if TRACEBACK in line:
            self.in_traceback, self.expects = True, False
        elif line.startswith(CHAINED) or "stack trace below" in line:
            self.expects = True
        elif self.in_traceback and line and line[0] not in " \t":
            self.in_traceback, self.closed = False, True
        if self.characters > _MAX_BLOCK_CHARACTERS:
            return
        self.characters += len(line)
        self.lines.append(line)
        if len(self.lines) > _MAX_BLOCK_LINES:
            del self.lines[_MAX_BLOCK_LINES // 2 : _MAX_BLOCK_LINES // 2 + 100]


class _Unread(NamedTuple):
    """A line in no layout that is known, and after how many lines of ordinary output it came."""

    line: str
    stream: str
    timestamp: int | None
    place: int


class _Reader:
    """The state of the one pass."""

    def __init__(self, max_errors: int) -> None:
        self.groups = Groups(max_errors)
        self.finished: set[tuple[str, str]] = set()
        self._open: dict[str, _Block] = {}
        self._lost: set[tuple[str, str]] = set()
        self._lines = self._bytes = self.progress = 0
        self._tail: deque[_Unread] = deque(maxlen=_TAIL_LINES)
        self._app_ids: dict[str, None] = {}
        self._own_apps: dict[str, None] = {}
        self._snapshots: dict[str, str] = {}
        self._write_started = False

    def read(self, event: LogEvent) -> None:
        """Take one event, be it a line or a whole stack trace."""
        message = event.message
        self._bytes += len(message) if message.isascii() else len(message.encode("utf-8", "replace"))
        stream = f"{event.group}:{event.stream}" if event.group else event.stream
        if "\n" not in message:
            self._lines += 1
            self._line(message, stream, event.timestamp)
            return
        for line in message.split("\n"):
            self._lines += 1
            self._line(line, stream, event.timestamp)
        if (block := self._open.get(stream)) is not None:
            # The writer keeps records together, so the next event is part of this one only if it says so.
            block.strict = True

    def close(self) -> None:
        """End the records still open."""
        for stream in list(self._open):
            self._end(stream)

    def guess(self) -> None:
        """Where no line was recognised as an error, take the last ones that speak of a failure."""
        if self.groups.any_error:
            return
        tail = [one for one in self._tail if self.progress - one.place < _TAIL_LINES]
        start = next((at for at, one in enumerate(tail) if FAILURE_WORDS.search(one.line)), None)
        if start is not None:
            first = tail[start]
            lines = [one.line for one in tail[start:] if one.stream == first.stream]
            at = parse_time(first.timestamp)
            record = Record(GUESSED, "", first.line, at)
            self.groups.add(record, lines[:_MAX_PLAIN_LINES], first.stream, at, self.progress)

    def facts(self, redactor: Redactor, dropped: int) -> LogFacts:
        """Give what the log says besides its errors."""
        return LogFacts(
            lines=self._lines,
            bytes=self._bytes,
            error_lines_dropped=self.groups.dropped + dropped,
            app_ids=tuple(redactor.text(app_id) for app_id in self._app_ids),
            own_app_ids=tuple(redactor.text(app_id) for app_id in self._own_apps),
            committed_snapshots=tuple(self._snapshots),
            commit_producers={snapshot: producer for snapshot, producer in self._snapshots.items() if producer},
            write_started=self._write_started,
            evidence="log" if self._lines else None,
        )

    def _line(self, line: str, stream: str, timestamp: int | None) -> None:
        if len(line) > LINE_LIMIT:
            line = cut_line(line)
        if line.endswith("\r"):
            line = line[:-1]
        self._note(line)
        block = self._open.get(stream) if self._open else None
        if block is not None:
            if block.continues(line):
                block.add(line)
                return
            self._end(stream)
        # The cheap test that most lines end with.
        if (
            "ERROR" in line
            or "WARN" in line
            or "xception" in line
            or "Error" in line
            or "Traceback" in line
            or "FATAL" in line
            or "CRITICAL" in line
            or "SEVERE" in line
            or "rror" in line
            or "Caused by:" in line
        ) and (record := _telling(line)) is not None:
            at = parse_time(timestamp) or record.at
            if len(self._open) >= _MAX_STREAMS:
                self._end(next(iter(self._open)))
            self._open[stream] = _Block(record, line, at)
        else:
            self.progress += 1
            if line and read_record(line) is None:
                self._tail.append(_Unread(line, stream, timestamp, self.progress))

    def _end(self, stream: str) -> None:
        block = self._open.pop(stream)
        group = self.groups.add(block.record, block.lines, stream, block.at, self.progress)
        if group is not None and group.task is not None and len(self._lost) < _MAX_TASKS:
            self._lost.add(group.task)

    def _note(self, line: str) -> None:
        """Notice application ids, commits and the start of writing."""
        if (
            "ommit" in line or "write support" in line or "riting" in line or "Saved output" in line
            or "Write Job" in line or "WRITE_FAILED" in line or "Skipping cleanup" in line
        ):  # fmt: skip
            self._write_started = self._write_started or WRITE_STARTED.search(line) is not None
            for found in COMMITTED.finditer(line):
                if len(self._snapshots) < _MAX_SNAPSHOTS:
                    committed = found["id"] or found["reported"]
                    self._snapshots[committed] = found["producer"] or self._snapshots.get(committed, "")
        if "app" in line or "local-1" in line or "pplication" in line or "App" in line:
            own = OWN_APP.search(line) is not None
            for found in APP_ID.finditer(line):
                for into in (self._app_ids, self._own_apps) if own else (self._app_ids,):
                    if len(into) < _MAX_APP_IDS:
                        into[found["named"] or found[0]] = None
        if self._lost and "Finished task" in line and (done := FINISHED_TASK.search(line)):
            task = (done["stage"], done["index"])
            if task in self._lost:
                self.finished.add(task)


def _telling(line: str) -> Record | None:
    """Read the line if it starts a record that may be an error."""
    record = read_record(line)
    if record is None:
        bare = (
            TRACEBACK in line
            or GLUE_ANALYSIS in line
            or line.startswith("Caused by:")
            or IN_THREAD.match(line) is not None
            or ERROR_CATEGORY.match(line) is not None
            or PROGRAM_ERROR.match(line) is not None
            or _is_exception(line)
        )
        return Record("ERROR", "", line, None) if bare else None
    if record.level in ("ERROR", "FATAL"):
        return record
    if record.level == "WARN":
        return record if record.more or TELLING_WARNING.search(record.message) else None
    carries = GLUE_ANALYSIS in record.message or TRACEBACK in record.message or UNCAUGHT.search(record.message)
    return record if carries else None


def _is_exception(line: str) -> bool:
    found = EXCEPTION_LINE.match(line)
    return found is not None and EXCEPTION_NAME.search(found["name"]) is not None
