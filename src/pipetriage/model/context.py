"""The curated, redacted evidence of one run: what detectors, verdict, model and person are given.

Two views: *facts* (typed, bounded by count) and *text* (log errors, bounded by tokens). Made only by
``context/build.py``; nothing downstream accepts raw evidence.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pipetriage.model.evidence import Evidence, Gap, RunTarget, Signal
from pipetriage.model.facts import (
    Bookmark,
    Column,
    ControlRow,
    Denial,
    Deployment,
    GoodRun,
    Grant,
    Job,
    LineageRun,
    Listing,
    Metric,
    QualityRule,
    QueryRun,
    Run,
    TableFacts,
)
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.spark import SparkFacts


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One link of an exception chain."""

    exception: str
    """Simple class name (``AnalysisException``, ``KeyError``); empty when the line names none."""
    qualified: str
    """The name as written (``org.apache.spark.sql.AnalysisException``)."""
    message: str
    """Redacted, first lines only, bounded to 2,000 characters."""
    conditions: tuple[str, ...] = ()
    """Spark error conditions in the message, most specific last (``CAST_INVALID_INPUT``)."""
    sqlstate: str | None = None


class LogError(msgspec.Struct, frozen=True, kw_only=True):
    """One distinct error: repeats grouped, stack trace folded into its chain of causes."""

    evidence: str
    level: str
    """ERROR, WARN, FATAL or INFO (an analysis event logged as information)."""
    logger: str
    causes: tuple[Cause, ...]
    """Outermost first, deepest last; never empty."""
    count: int
    first_at: datetime | None
    last_at: datetime | None
    stream: str
    python_frame: str | None
    """``file:line in function`` of the traceback's last frame in user code."""
    user_frames: tuple[str, ...]
    """Up to five redacted stack frames that tell the phase (top of the deepest trace)."""
    survived: bool
    """The job went on after it: a warning, a retried task, a throttled call that later worked."""
    terminal: bool
    """This error (or the effect of the same root) ended the run."""
    category_hint: str | None
    """Glue's ``Error Category:`` prefix. A hint only."""
    excerpt: str
    """Redacted text a person or model reads, bounded."""
    first_line: int | None = None
    """Where it first stands in its file, from 1; None where it came from no file, or stands behind its first 16 MiB."""
    last_line: int | None = None
    first_byte: int | None = None
    """The same in bytes, of the unpacked file; a little less behind a line that was cut."""
    before: tuple[str, ...] = ()
    """Of an error that ended the run, up to two lines from before it first came: what the job was about to do."""

    @property
    def root(self) -> Cause:
        """The deepest cause."""
        return self.causes[-1]


class LogFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What else the log says, besides its errors."""

    lines: int = 0
    """As far as they were counted."""
    bytes: int = 0
    uncounted_bytes: int = 0
    """Read without counting all of their lines."""
    error_lines_dropped: int = 0
    """Distinct errors beyond the fifty that are kept."""
    app_ids: tuple[str, ...] = ()
    """Spark application ids that the log names, whosever they are."""
    own_app_ids: tuple[str, ...] = ()
    """Those by which the engine introduces itself."""
    committed_snapshots: tuple[str, ...] = ()
    """Iceberg snapshot ids that the log says were committed."""
    commit_producers: Mapping[str, str] = {}
    """By which of Iceberg's producers (``MergeAppend``, ``BaseOverwriteFiles``), where the log says so."""
    write_started: bool = False
    """The log shows that a write or commit began."""
    evidence: str | None = None
    """The id of the log as a whole; None when no log was seen."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs from the last good run. Secret values are redaction tokens."""

    what: str
    before: str | None
    now: str | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts view. An empty tuple or None means *not seen or nothing*: ``Context.seen`` tells which."""

    run: Run
    history: tuple[Run, ...] = ()
    """All runs of the job that are known, this one included, oldest first."""
    history_complete: bool = False
    """Whether the history reaches back to the beginning (no page token)."""
    job: Job | None = None
    bookmark: Bookmark | None = None
    control: tuple[ControlRow, ...] = ()
    quality: tuple[QualityRule, ...] = ()
    quality_ruleset: str | None = None
    source: Listing | None = None
    previous_source: Listing | None = None
    source_columns: tuple[Column, ...] | None = None
    expected_columns: tuple[Column, ...] | None = None
    """The declared schema (``expected_schema``); None when undeclared."""
    source_uri: str | None = None
    """The declared source of this batch, its template filled in; None when undeclared or unfillable."""
    tables: tuple[TableFacts, ...] = ()
    metrics: tuple[Metric, ...] = ()
    good_runs: tuple[GoodRun, ...] = ()
    own_volume: GoodRun | None = None
    """What this run wrote, counted as the good runs' volumes were; None where nobody counted it."""
    deployments: tuple[Deployment, ...] = ()
    lineage: tuple[LineageRun, ...] = ()
    queries: tuple[QueryRun, ...] = ()
    denials: tuple[Denial, ...] = ()
    grants: tuple[Grant, ...] = ()
    orchestrator_cause: str | None = None
    spark: tuple[SparkFacts, ...] = ()
    """The triaged run's own applications."""
    app_ids: Mapping[str, frozenset[str]] = {}
    """Run id → Spark application ids known to be that run's."""
    app_ends: Mapping[str, datetime | None] = {}
    """Runs whose application an event log names, and when it ended: those have no other, until then at least. A log
    line may quote any application."""
    log: LogFacts = LogFacts()
    changes: tuple[Change, ...] = ()
    """What changed since the last good run."""
    last_good: Run | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a verdict may rest on."""

    target: RunTarget
    pipeline: Pipeline
    origin: str
    live: bool
    as_of: datetime
    settle_seconds: float
    clock_skew_seconds: float
    facts: Facts
    errors: tuple[LogError, ...]
    """The text view, most telling first, within the token budget."""
    evidence: Mapping[str, Evidence]
    gaps: tuple[Gap, ...]
    seen: frozenset[Signal]
    """Signals that answered, be it with nothing."""
    observed_at: Mapping[Signal, datetime] = {}
    """When each of them was asked, the earliest where there were several."""
    tokens: int = 0
    """Estimated size of the text view in model tokens (four characters each)."""

    @property
    def terminal_errors(self) -> tuple[LogError, ...]:
        """The errors that ended the run."""
        return tuple(error for error in self.errors if error.terminal)

    def observed(self, evidence_id: str) -> Evidence | None:
        """Give the evidence of that id, or None."""
        return self.evidence.get(evidence_id)
