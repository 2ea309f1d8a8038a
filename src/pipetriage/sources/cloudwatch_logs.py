"""The log of a Glue run in CloudWatch Logs: the driver's whole, from its end backwards; what executors say of errors.

What ended a run stands at the end of its driver's log, and what the job wrote after an error tells whether that was
survived. So the driver's streams are read from their ends towards their beginnings, every line; where a bound stops
that, the rest is searched for errors and for what tells of writing. Executors are only searched.
"""

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.model.evidence import LogEvent
from pipetriage.model.times import parse_time
from pipetriage.sources.cloudwatch_streams import Found, Stream, find_streams, foremost
from pipetriage.sources.local_files import Answer
from pipetriage.sources.logs import visible

MAX_STREAMS_SEARCHED = 100
"""Streams that one FilterLogEvents request may name (API reference, logStreamNames)."""
MARGIN = timedelta(seconds=30)
"""Before a run's start and after its end, where its streams are shared with other runs: the clocks differ."""

# Alternatives of one regular expression, in what CloudWatch's patterns and Python's both understand and mean the same
# by: letters, and a dot for a blank (user guide, "Supported regular expressions"). Never anybody's text.
_ERRORS = (
    *("ERROR", "FATAL", "CRITICAL", "SEVERE", "xception", "rror", "Traceback", "Caused.by"),
    *("ExecutorLostFailure", "Lost.task", "Lost.executor"),
)
# What tells that writing began (context/patterns.py: WRITE_STARTED): the verdict takes their absence for a sign that
# nothing was done.
_WRITES = ("is.committing", "is.aborting", "Saved.output.of.task")
# What a driver says of its application and its commits (context/patterns.py: OWN_APP, COMMITTED, WRITE_STARTED).
_FACTS = (
    *("Logging.events.to", "Connected.to.Spark", "Submitted.application", "CommitReport", "Committed.snapshot"),
    *("Committing", "write.support", "Writing.job", "Write.Job", "Skipping.cleanup"),
)
# Glue's name of a run's Spark application, ``nativespark-<job>-<run>`` (aws-samples/serverless-glue, issue 52).
_APPLICATION = re.compile(r"nativespark-.{0,300}?-(?P<run>jr_\w{1,100})")


class Bounds(NamedTuple):
    """How much is read; the log is incomplete beyond. A page has at most 1 MB and 10,000 events (API reference)."""

    driver_pages: int = 20
    """Pages of the driver's streams, in turn; fewer than the totals, so that the rest can still be searched."""
    search_pages: int = 20
    """Pages of searches, of the driver's rest and of executors each; many of them are empty."""
    page_events: int = 10_000
    events: int = 300_000
    characters: int = 32 * 1024 * 1024
    driver_seconds: float = 8.0
    """After so long no further page of the driver's is asked for."""
    seconds: float = 12.0
    """After so long nothing is: what was read then stands before the deadline of all sources (20 s)."""


def run_log(
    aws: AwsSession, run: Mapping[str, Any], job: Mapping[str, Any] | None, *, bounds: Bounds | None = None
) -> Answer:
    """Read the log of a run: the driver's events in time order, then the executors' telling ones in time order.

    ``run`` is the JobRun document, ``job`` the Job document where it could be read: its arguments may name other
    groups. The answer is complete when every event of the driver was read, and surely of this run.

    Raises:
        SourceError: there is no log, or it may not be read; the message names what was looked for.
        CredentialsError: AWS does not know us.
    """
    found = find_streams(aws, run, job)
    reading = _Reading(aws, run, bounds or Bounds())
    streams = [one for one in found.streams if one.own or reading.start is not None]
    tails = [_Tail(one) for one in streams if one.driver]
    reading.back(tails)
    drivers = [event for tail in tails for event in (*reading.rest(tail), *tail.events())]
    executors = reading.executors([one for one in streams if not one.driver])
    events = (*_in_time(drivers), *_in_time(executors))
    refused = [*found.refusals, *reading.refusals]
    if not events:
        raise foremost(refused) if refused else _empty(found)
    whole = bool(tails) and all(tail.whole for tail in tails) and not refused
    shared = {(one.group, one.name) for one in streams if not one.own}
    alone = not shared or not _others_too((one for one in events if (one.group, one.stream) in shared), str(run["Id"]))
    # Why it is not whole goes with it: an incomplete answer is told by its locator.
    why = f" (partly refused: {refused[0]})" if refused else ""
    return Answer(events, f"{_locator(streams)}{why}", complete=whole and alone)


_END = Bounds(driver_pages=3, page_events=2000, driver_seconds=4.0)
"""Of the log of a run that is only compared with: its end is what counts, and its pages are read one stream in turn."""


def log_end(
    aws: AwsSession, run: Mapping[str, Any], job: Mapping[str, Any] | None, *, bounds: Bounds | None = None
) -> Answer:
    """Read the end of a run's log: the driver's streams backwards, a few pages, no executors and no search.

    The answer is complete when every event of the driver was read.

    Raises:
        SourceError: there is no log, or it may not be read.
        CredentialsError: AWS does not know us.
    """
    found = find_streams(aws, run, job)
    reading = _Reading(aws, run, bounds or _END)
    streams = [one for one in found.streams if one.driver and (one.own or reading.start is not None)]
    tails = [_Tail(one) for one in streams]
    reading.back(tails)
    events = tuple(_in_time(event for tail in tails for event in tail.events()))
    refused = [*found.refusals, *reading.refusals]
    if not events:
        raise foremost(refused) if refused else _empty(found)
    return Answer(events, _locator(streams), complete=not refused and all(tail.whole for tail in tails))


# Glue's exception analysis of the job as a whole (domain facts 1.5); of tasks and stages it has events of their own.
_FAILED_JOB = ("GlueExceptionAnalysisJobFailed", "GlueETLJobExceptionEvent")


def analysed_failures(
    aws: AwsSession, run: Mapping[str, Any], job: Mapping[str, Any] | None, *, pages: int = 4
) -> Answer:
    """Search a run's driver for the events by which Glue's exception analysis says that the job failed.

    ``pages`` bounds the search of each log group; the answer is incomplete where that, or a refusal, ended one.

    Raises:
        SourceError: there is no log, or it may not be read.
        CredentialsError: AWS does not know us.
    """
    found = find_streams(aws, run, job)
    reading = _Reading(aws, run, Bounds(search_pages=pages))
    streams = [one for one in found.streams if one.driver and (one.own or reading.start is not None)]
    events = reading.search(streams, _FAILED_JOB)
    refused = [*found.refusals, *reading.refusals]
    if not events and refused:
        raise foremost(refused)
    if not streams:
        raise SourceError("the run's driver has no log stream, so a failure that it passed over would not be seen")
    return Answer(tuple(_in_time(events)), _locator(streams), complete=not refused and not reading.cut)


class _Tail:
    """A stream that is read from its end backwards."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.token: str | None = None
        self.whole = False
        self._pages: deque[list[LogEvent]] = deque()

    def add(self, page: list[LogEvent], token: str) -> None:
        """Take the page before those read so far; the same token again says that there is none before it."""
        self._pages.appendleft(page)
        self.whole, self.token = token == self.token, token

    def events(self) -> Iterator[LogEvent]:
        """Yield what was read, oldest first."""
        for page in self._pages:
            yield from page

    @property
    def oldest(self) -> int | None:
        """Time of the first event read, in ms since the epoch."""
        first = next(self.events(), None)
        return first.timestamp if first is not None else None


class _Reading:
    """Asks for pages of the run's streams, within bounds; a refusal is kept, and what else can be read is read."""

    def __init__(self, aws: AwsSession, run: Mapping[str, Any], bounds: Bounds) -> None:
        self._aws = aws
        self._logs = aws.client("logs")
        self._bounds = bounds
        self._began = time.monotonic()
        self._events, self._characters = bounds.events, bounds.characters
        started, ended = parse_time(run.get("StartedOn")), parse_time(run.get("CompletedOn"))
        self.start = int((started - MARGIN).timestamp() * 1000) if started else None
        self.end = int((ended + MARGIN).timestamp() * 1000) if ended else None
        self.refusals: list[SourceError] = []
        self.cut = False
        """A search ended at a bound."""

    def back(self, tails: Iterable[_Tail]) -> None:
        """Read the streams backwards, a page of each in turn, until all are whole or a bound is hit."""
        waiting = deque(tails)
        pages = self._bounds.driver_pages
        while waiting and pages > 0 and self._has_room(self._bounds.driver_seconds):
            tail = waiting.popleft()
            pages -= 1
            try:
                self._page_back(tail)
            except SourceError as error:
                self.refusals.append(error)
                continue
            if not tail.whole:
                waiting.append(tail)

    def rest(self, tail: _Tail) -> list[LogEvent]:
        """Search what was not read of a driver's stream, before its oldest event that was."""
        if tail.whole:
            return []
        oldest = tail.oldest
        read = {one.message for one in tail.events() if one.timestamp == oldest}
        found = self._search(tail.stream.group, [tail.stream], (*_ERRORS, *_WRITES, *_FACTS), oldest)
        return [one for one in found if one.timestamp != oldest or one.message not in read]

    def executors(self, streams: Iterable[Stream]) -> list[LogEvent]:
        """Search executors for errors and signs of writing, those first that wrote last."""
        return self.search(streams, (*_ERRORS, *_WRITES))

    def search(self, streams: Iterable[Stream], words: Sequence[str]) -> list[LogEvent]:
        """Search streams for events that hold one of the words, those first that wrote last."""
        groups: dict[str, list[Stream]] = {}
        for stream in sorted(streams, key=lambda one: -one.last):
            groups.setdefault(stream.group, []).append(stream)
        found: list[LogEvent] = []
        for group, members in groups.items():
            for first in range(0, len(members), MAX_STREAMS_SEARCHED):
                found += self._search(group, members[first : first + MAX_STREAMS_SEARCHED], words, None)
        return found

    def _page_back(self, tail: _Tail) -> None:
        stream = tail.stream
        window = {} if stream.own else {"startTime": self.start} | ({"endTime": self.end} if self.end else {})
        token = {"nextToken": tail.token} if tail.token else {}
        with self._aws.calling(f"logs:GetLogEvents of {stream.group} {stream.name}"):
            page = self._logs.get_log_events(
                logGroupName=stream.group,
                logStreamName=stream.name,
                startFromHead=False,
                limit=self._bounds.page_events,
                **window,
                **token,
            )
        tail.add(self._taken(page["events"], stream.group, stream.name), str(page["nextBackwardToken"]))

    def _search(self, group: str, streams: Sequence[Stream], words: Sequence[str], until: int | None) -> list[LogEvent]:
        try:
            return list(self._found(group, streams, words, until))
        except SourceError as error:
            self.refusals.append(error)
            return []

    def _found(
        self, group: str, streams: Sequence[Stream], words: Sequence[str], until: int | None
    ) -> Iterator[LogEvent]:
        """Yield the events that hold one of the words; also where emulators take the pattern for something else."""
        pattern = re.compile("|".join(words))
        request: dict[str, Any] = {
            "logGroupName": group,
            "logStreamNames": [one.name for one in streams],
            "filterPattern": f"%{pattern.pattern}%",
            "limit": self._bounds.page_events,
            **self._search_window(until if until is not None else self.end),
        }
        for _ in range(self._bounds.search_pages):
            if not self._has_room(self._bounds.seconds):
                break
            with self._aws.calling(f"logs:FilterLogEvents of {group}"):
                page = self._logs.filter_log_events(**request)
            # An empty page is not the last one (API reference).
            telling = [one for one in page["events"] if pattern.search(one["message"])]
            yield from self._taken(telling, group, "")
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]
        self.cut = True

    def _search_window(self, until: int | None) -> dict[str, Any]:
        window: dict[str, Any] = {} if until is None else {"endTime": until}
        if self.start is None:
            return window
        accepted = self._logs.meta.service_model.operation_model("FilterLogEvents").input_shape.members
        # Newest first needs a start, and a botocore that knows of it: others refuse the parameter.
        newest = {"startFromHead": False} if "startFromHead" in accepted else {}
        return window | {"startTime": self.start} | newest

    def _taken(self, events: Iterable[Mapping[str, Any]], group: str, stream: str) -> list[LogEvent]:
        taken = [
            LogEvent(
                int(one["timestamp"]),
                visible(one["message"].rstrip("\r\n")),
                str(one.get("logStreamName") or stream),
                group,
            )
            for one in events
        ]
        self._events -= len(taken)
        self._characters -= sum(len(one.message) for one in taken)
        return taken

    def _has_room(self, seconds: float) -> bool:
        return self._events > 0 and self._characters > 0 and time.monotonic() - self._began < seconds


def _in_time(events: Iterable[LogEvent]) -> list[LogEvent]:
    # Stable: events of one stream and millisecond stay in the order in which they were written.
    return sorted(events, key=lambda one: one.timestamp or 0)


def _others_too(events: Iterable[LogEvent], run_id: str) -> bool:
    """Tell whether another run says its name in streams that runs share."""
    return any(
        found["run"] != run_id
        for event in events
        if "nativespark-" in event.message
        for found in _APPLICATION.finditer(event.message)
    )


def _empty(found: Found) -> SourceError:
    where = ", ".join(f"{one.group} {one.name}" for one in found.streams[:4])
    return SourceError(f"the log streams of the run hold no events any more, or none yet ({where}): retention is over?")


def _locator(streams: Sequence[Stream]) -> str:
    """Name where a person finds the driver's log."""
    drivers = [one for one in streams if one.driver] or list(streams)
    named = [f"{one.group} {one.name}" for one in drivers[:4]]
    return f"CloudWatch Logs {', '.join(named)}"
