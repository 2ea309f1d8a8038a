"""What the executors' logs last told: warnings, errors, lost executors, memory."""

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable

from pipetriage.context import log_search
from pipetriage.context.excerpts import Found
from pipetriage.context.log_lines import stream_of
from pipetriage.context.log_records import telling
from pipetriage.context.log_scan import ERROR_WORDS, events_with
from pipetriage.context.patterns import EXECUTOR_LOSS, VARYING
from pipetriage.context.redact import cut_line
from pipetriage.errors import SourceError
from pipetriage.model.evidence import Gap, LogBlocks, LogEvent, Observation, Signal

# How Glue ends an executor's stream: 5.0 with _g-<id>, up to 4.0 with a number, behind the run's id (domain facts 1.5;
# sources/cloudwatch_streams.py tells them apart in the same way).
_BEHIND_RUN = re.compile(r"-(?:executor-?)?\d{1,9}|[-_]g-\w{1,128}")
_SUFFIX = re.compile(r"_g-[0-9a-f]{6,128}$")
# What tells of memory without the word of an error.
_MEMORY = ("OutOfMemory", "ost executor", "ontainer killed", "eap space", "SIGTERM", "RECEIVED SIGNAL")
_WORDS = (*log_search.ERRORS, *(word.encode() for word in _MEMORY))
_KEPT = 200
"""Distinct lines kept of all executors, the latest."""
_COMPARED = 300
_STREAMS = 10_000

_NONE = "no log of an executor is there"
_FIX = "keep the executors' logs (Glue: continuous logging) and add their streams to the log"


def is_executor(event: LogEvent, run_id: str) -> bool:
    """Whether the stream is an executor's by its name."""
    if "executor" in f"{event.group}/{event.stream}".lower():
        return True
    before, own, rest = event.stream.rpartition(run_id)
    return _BEHIND_RUN.fullmatch(rest) is not None if own and run_id else _SUFFIX.search(rest or before) is not None


def executor_lines(seen: Observation, run_id: str, only: str | None) -> Found | Gap:
    """Read the last telling lines; ``only`` those of one stream, where it is an executor's."""
    told = _Told()
    search = log_search.fastest()(_WORDS)
    log: Iterable[LogEvent] | LogBlocks = seen.payload

    def wanted(event: LogEvent) -> bool:
        return is_executor(event, run_id) and (only is None or stream_of(event) == only)

    unread = ""
    try:
        for event in events_with(log, search, wanted):
            told.take(event, run_id)
    except SourceError as error:
        unread = f"; {error}"
    if not told.lines:
        if not told.streams:
            return Gap(source=Signal.LOGS.value, reason=f"{_NONE}{unread}", fix=_FIX)
        reason = f"the logs of {len(told.streams)} executors hold no warning and no error{unread}"
        return Gap(source=Signal.LOGS.value, reason=reason)
    lines = [f"[{who}] {line}" + (f" (×{count})" if count > 1 else "") for who, line, count in told.lines.values()]
    return Found(
        signal=Signal.LOGS,
        summary=f"last warnings and errors of {len(told.streams)} executors' logs{unread}",
        lines=lines,
        locator=seen.locator,
        observed_at=seen.observed_at,
        anchor=len(lines) - 1,
    )


class _Told:
    """The latest distinct telling lines."""

    def __init__(self) -> None:
        self.lines: OrderedDict[str, tuple[str, str, int]] = OrderedDict()
        """By what does not vary: whose it is last, the line as it last came, and how often it came."""
        self.streams: Counter[str] = Counter()

    def take(self, event: LogEvent, run_id: str) -> None:
        """Note what the event tells."""
        if len(self.streams) < _STREAMS:
            self.streams[stream_of(event)] += 1
        who = event.stream.rpartition(run_id)[2].lstrip("-_") or event.stream
        for line in event.message.split("\n"):
            if not any(word in line for word in (*ERROR_WORDS, *_MEMORY)):
                continue
            line = cut_line(line)
            record = telling(line)
            if record is None and EXECUTOR_LOSS.search(line) is None and not any(word in line for word in _MEMORY):
                continue
            key = VARYING.sub("#", (record.message if record is not None else line)[:_COMPARED])
            count = self.lines.pop(key, ("", "", 0))[2] + 1
            self.lines[key] = who, line, count
            if len(self.lines) > _KEPT:
                self.lines.popitem(last=False)
