"""What a source saw, what it could not see, and the citable form of both.

A source answers with an ``Observation`` in the vendor's own shape, or with a ``Gap``. Nothing downstream of
``context/build.py`` ever sees an observation: it is redacted there and becomes typed facts and ``Evidence``.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from pipetriage.model.pipeline import Pipeline

Role = Literal["target", "staging"]


class Signal(StrEnum):
    """The kinds of evidence a run can leave. The value is the ``source`` that an incident shows."""

    JOB_RUN = "job_run"
    JOB_RUNS = "job_runs"
    JOB = "job"
    BOOKMARK = "job_bookmark"
    LOGS = "logs"
    CONTROL = "control"
    QUALITY = "data_quality"
    QUALITY_RULESET = "data_quality_ruleset"
    SOURCE_LISTING = "source_listing"
    PREVIOUS_SOURCE_LISTING = "previous_source_listing"
    SOURCE_SCHEMA = "source_schema"
    TABLE = "table"
    TABLE_LISTING = "table_listing"
    ICEBERG_METADATA = "iceberg_metadata"
    ICEBERG_ENTRIES = "iceberg_entries"
    DELTA_LOG = "delta_log"
    HUDI_TIMELINE = "hudi_timeline"
    METRICS = "metrics"
    HISTORY = "history"
    DEPLOYMENTS = "deployments"
    LINEAGE = "lineage"
    QUERIES = "queries"
    LAKE_PERMISSIONS = "lake_permissions"
    AUDIT_TRAIL = "audit_trail"
    ORCHESTRATOR = "orchestrator"
    SPARK_EVENTS = "spark_events"


class TableKey(NamedTuple):
    """One output table: its role and its name (``database.table``; empty when the bundle does not say)."""

    role: Role
    name: str


class LogEvent(NamedTuple):
    """One log line or CloudWatch event, raw.

    ``timestamp`` is milliseconds since the epoch (UTC), None when the line carries none of its own;
    ``stream`` and ``group`` are CloudWatch's, or the file's path.
    """

    timestamp: int | None
    message: str
    stream: str
    group: str


class LogEvents(Protocol):
    """A log that can be read more than once, an event at a time, so that its size never matters."""

    def __iter__(self) -> Iterator[LogEvent]:
        """Yield the events in the order in which they were written."""
        ...


class LogBlock(NamedTuple):
    """Whole lines of one log file, undecoded, for a reader that looks only at a few of them."""

    data: bytes | bytearray
    """A buffer that is filled again: it holds the block only until the next one is asked for."""
    size: int
    """Bytes of ``data`` that are the block; the last of them is a line feed."""
    stream: str
    group: str
    begins: bool
    """The block follows no other: it is the first of its file, or what is between them was left out."""
    numbered: bool
    """It is known how many lines of the file come before it."""
    structured: bool
    """A line is an event written as JSON; otherwise it is text."""
    events: Callable[[bytes], Iterator[LogEvent]]
    """What one line of it (without its line feed) says."""


@runtime_checkable
class LogBlocks(LogEvents, Protocol):
    """A log of files, which can also be read by the block."""

    def blocks(self) -> Iterator[LogBlock | LogEvent]:
        """Yield the blocks in order; of a file that is no series of lines, its events."""
        ...


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One source's raw answer.

    ``payload`` keeps the vendor's shape (``GetJobRun``, ``ListObjectsV2``, an Iceberg metadata file, …);
    for LOGS it is a ``LogEvents``, for SPARK_EVENTS an iterable of JSON lines (bytes).
    """

    signal: Signal
    payload: Any
    locator: str
    """Where a person finds it: a URI, an API call, a log group and stream, a file in the bundle."""
    observed_at: datetime
    """When the source answered (UTC)."""
    uri: str | None = None
    """The object's own address where that matters (the Iceberg metadata file's location)."""
    complete: bool = True
    """False when the source says that there is more than this (a page token, a cut file)."""
    table: TableKey | None = None
    run_id: str | None = None
    """For an event log: the run whose it is, where the source knows."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A source that could not answer, and why. Never an empty list, which would read as "nothing wrong"."""

    source: str
    """The signal's name, with the table where there are several (``iceberg_metadata:sales.orders``)."""
    reason: str
    effect: str = ""
    """What the verdict cannot say because of it."""
    fix: str = ""
    """The one declaration or signal that would have decided."""


class Unanswered(Gap, frozen=True, kw_only=True):
    """A gap that may be none later: the source was throttled, out of reach, too slow, or broken on its own side."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One observed fact, redacted, as an incident cites it."""

    id: str
    source: str
    locator: str
    observed_at: datetime
    summary: str
    excerpt: str | None = None


class RunTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Which run is triaged."""

    job_name: str
    job_run_id: str
    batch_id: str | None = None
    account: str = ""
    """AWS account and region where known: with job and run they make the incident's identity."""
    region: str = ""


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """All that the sources answered about one run."""

    run: RunTarget
    pipeline: Pipeline
    captured_at: datetime
    """The moment the evidence speaks for (UTC)."""
    settle_seconds: float
    """How long after the last attempt's end an observation must be made before absence counts."""
    clock_skew_seconds: float
    """How far the clocks of log, catalog and listing may disagree."""
    origin: str
    """Where this came from, for the person: ``bundle PATH``, ``local:PIPELINE/RUN``."""
    observations: tuple[Observation, ...] = ()
    gaps: tuple[Gap, ...] = ()
    live: bool = True
    """False for a bundle, which answers as of ``captured_at``."""
    api_calls: int = 0
    """Requests sent to AWS for it, each attempt of a call counted; a file or an embedded database is none. What was
    found out before the collection (whose run a bare run id is) is not counted, nor what was still sent by a source
    that had not answered in time, nor the further evidence that a model asks for."""
    bytes_read: int | None = None
    """Bytes read for it. From an account: of the answers' bodies, as they came. From files: of each document
    and Iceberg manifest that is read, and of log and event log once, however often they are gone through; as they lie
    on the disk, compressed if they are; of a log that is not read whole, what is read. Not counted are the rows of an
    embedded database, the first lines that are sampled of an input, a git repository, and what a Marquez server
    answers. None: nobody counted."""


def observations_of(collected: Collected, signal: Signal) -> Iterable[Observation]:
    """Yield the observations of one signal, in the order collected."""
    return (seen for seen in collected.observations if seen.signal is signal)
