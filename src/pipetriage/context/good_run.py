"""The last good run beside this one: the runs themselves, and their logs in the same place."""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from statistics import median

from pipetriage.context.excerpts import Found
from pipetriage.context.executor_logs import is_executor
from pipetriage.context.log_layouts import read_record
from pipetriage.context.log_scan import parts_within
from pipetriage.context.log_text import bounded
from pipetriage.context.patterns import VARYING
from pipetriage.context.redact import cut_line
from pipetriage.errors import SourceError
from pipetriage.model.context import Context, LogError
from pipetriage.model.evidence import LogBlock, LogEvent, Observation, Signal
from pipetriage.model.facts import GoodRun, Listing, Run

_LINES = 40
"""Lines kept of each view of the good run's log."""
_VALUE = 120
_WORDS = re.compile(r"[A-Za-z][A-Za-z ]{7,}")
_COMPARED = 150
"""Characters compared of a line that both logs may have."""
_BEFORE = 5
"""Lines before the error of which one is looked for in the good run's log."""


def runs_compared(context: Context, good: Run) -> Found:
    """Set this run beside the last good one: arguments, duration, workers, versions, volumes."""
    facts, run = context.facts, context.facts.run
    lines = [_when("last good run", good), _when("this run", run)]
    for what, before, now in (
        ("duration", _seconds(good), _seconds(run)),
        ("workers", _workers(good), _workers(run)),
        ("Glue version", good.glue_version, run.glue_version),
        ("execution class", good.execution_class, run.execution_class),
        ("input", _input(facts.previous_source), _input(facts.source)),
        ("records", _records(context, good), _records(context, run)),
    ):
        if before is not None or now is not None:
            lines.append(f"{what}: good {before or 'not known'}, this {now or 'not known'}")
    names = sorted(good.arguments.keys() | run.arguments.keys())
    different = [name for name in names if good.arguments.get(name) != run.arguments.get(name)]
    lines += [
        f"argument {name}: good {_value(good.arguments.get(name))}, this {_value(run.arguments.get(name))}"
        for name in different
    ]
    if len(names) > len(different):
        lines.append(f"the same arguments: {', '.join(name for name in names if name not in different)}")
    lines += _volumes(facts.good_runs, facts.own_volume)
    known = context.observed(good.evidence) or context.observed("job_runs")
    return Found(
        signal=Signal.JOB_RUNS,
        summary=f"the last good run {good.run_id} beside this run; arguments that differ: {len(different)}",
        lines=lines,
        locator=known.locator if known else context.origin,
        observed_at=known.observed_at if known else context.as_of,
    )


def log_compared(error: LogError, before: Sequence[str], good: Run, seen: Observation) -> Found:
    """Show what the good run's log says in the place of an error of this one, before which these raw lines stand."""
    reading = _GoodLog(error, before, good.run_id)
    unread = ""
    try:
        for part in parts_within(seen.payload):
            for event in _events(part):
                reading.take(event)
    except SourceError:
        unread = " (as far as it was read)"
    name = error.root.exception
    named = f"; it names {name} in {reading.same} lines" if reading.same else f"; it never names {name}"
    where, lines, from_end = reading.told()
    return Found(
        signal=Signal.LOGS,
        summary=f"log of the last good run {good.run_id}{unread}: {where}{named if name else ''}",
        lines=lines or ["the log is empty"],
        locator=seen.locator,
        observed_at=seen.observed_at,
        anchor=len(lines) - 1 if lines and from_end else None,
    )


class _GoodLog:
    """Reads the good run's log once for three views of it, the nearest to the error first."""

    def __init__(self, error: LogError, before: Sequence[str], run_id: str) -> None:
        self._error = error
        self._run_id = run_id
        self._marks = [mark for line in reversed(before[-_BEFORE:]) if (mark := _mark(line)) is not None]
        self._place: list[str] = []
        self._rank = len(self._marks)
        self._of_logger: deque[str] = deque(maxlen=_LINES)
        self._last: deque[str] = deque(maxlen=_LINES)
        self.same = 0
        """Lines that name the error's class."""

    def take(self, event: LogEvent) -> None:
        """Read one event."""
        name = self._error.root.exception
        executor = is_executor(event, self._run_id)
        for line in event.message.split("\n"):
            line = cut_line(line)
            self.same += bool(name) and name in line
            if not executor:
                self._line(line)

    def told(self) -> tuple[str, list[str], bool]:
        """Give what the best view is, its lines, and whether its end is what matters."""
        if self._place:
            return "what follows the line after which this run failed", self._place, False
        if self._of_logger:
            return f"the last lines of {self._error.logger}", list(self._of_logger), True
        return "its last lines", list(self._last), True

    def _line(self, line: str) -> None:
        self._last.append(line)
        logger = self._error.logger
        if logger and logger in line and (record := read_record(line)) is not None and record.logger == logger:
            self._of_logger.append(line)
        # The nearest line before the error counts, and of several such the last one.
        for rank, (needle, key) in enumerate(self._marks[: self._rank + 1]):
            if needle in line and _key(line).startswith(key):
                self._place, self._rank = [], rank
                break
        if (self._place or self._rank < len(self._marks)) and len(self._place) < _LINES:
            self._place.append(line)


def _events(part: LogBlock | LogEvent) -> Iterable[LogEvent]:
    if isinstance(part, LogEvent):
        return (part,)
    lines = bytes(part.data[: part.size - 1]).split(b"\n")
    return (event for line in lines for event in part.events(line))


def _mark(line: str) -> tuple[str, str] | None:
    """Give by what a line of this run's log is known in another's: some plain words, and all but what varies."""
    key = _key(line)
    words = max(_WORDS.findall(_message(line)), key=len, default="").strip()
    return (words, key) if words else None


def _message(line: str) -> str:
    record = read_record(line)
    return record.message if record is not None else line


def _key(line: str) -> str:
    return VARYING.sub("#", _message(line)[:_COMPARED])


def _when(what: str, run: Run) -> str:
    begun = f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else "at a time that is not known"
    batch = f", batch {run.batch_id}" if run.batch_id else ""
    return f"{what} {run.run_id}: {run.state or 'state unknown'}{batch}, begun {begun}"


def _seconds(run: Run) -> str | None:
    seconds = run.execution_seconds
    if seconds is None and run.started_at and run.ended_at:
        seconds = (run.ended_at - run.started_at).total_seconds()
    return None if seconds is None else f"{seconds:.0f} s"


def _workers(run: Run) -> str | None:
    said = [str(one) for one in (run.number_of_workers, run.worker_type) if one is not None]
    return " × ".join(said) or None


def _input(listing: Listing | None) -> str | None:
    if listing is None:
        return None
    least = "" if listing.complete else "at least "
    return f"{least}{len(listing.files)} files, {sum(file.size for file in listing.files)} bytes"


def _records(context: Context, run: Run) -> str | None:
    rows = [row.records for row in context.facts.control if row.run_id == run.run_id and row.records is not None]
    return str(rows[-1]) if rows else None


def _value(value: str | None) -> str:
    if value is None:
        return "not given"
    return bounded(value, _VALUE)


def _volumes(good_runs: tuple[GoodRun, ...], own: GoodRun | None) -> list[str]:
    """Give the usual volumes of good runs, and this run's where it was counted in the same way."""
    lines = []
    for name in ("records", "bytes", "files", "seconds"):
        values = [value for one in good_runs if (value := getattr(one, name)) is not None]
        if values:
            this = getattr(own, name) if own is not None else None
            text = f"{name} of {len(values)} good runs: median {median(values):g}, last {values[-1]:g}"
            lines.append(text + (f", this run {this:g}" if this is not None else ""))
    return lines
