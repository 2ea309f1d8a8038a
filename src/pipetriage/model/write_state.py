"""What the batch, over all its attempts, left in each output table; and whether running again is harmless."""

from datetime import datetime
from enum import StrEnum

import msgspec


class WriteStatus(StrEnum):
    """Design section 4.2."""

    NOT_STARTED = "NOT_STARTED"
    UNCOMMITTED = "UNCOMMITTED"
    PARTIAL = "PARTIAL"
    COMPLETE = "COMPLETE"
    UNCERTAIN = "UNCERTAIN"
    UNOBSERVED = "UNOBSERVED"


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit of ours."""

    snapshot: str
    run: str | None
    """The attempt that made it; None when only the time window says that it is ours."""
    committed_at: datetime
    records: int | None
    files: int | None


class WriteState(msgspec.Struct, frozen=True, kw_only=True):
    """One output table's state. None means unknown, never zero."""

    table: str
    role: str
    format: str | None
    status: WriteStatus
    partitions_expected: int | None = None
    partitions_written: int | None = None
    partitions_missing: list[str] | None = None
    """The missing partitions by value; None when they cannot be named."""
    commits: list[Commit] = []
    records_written: int | None = None
    records_rerun_would_repeat: int | None = None
    """Records that a rerun would write a second time, next to those already there."""
    uncommitted_files: int | None = None
    uncommitted_bytes: int | None = None
    rollback_snapshot: str | None = None
    """The snapshot that was current before this batch; a person could roll back to it."""
    later_commits_lost: list[str] = []
    """Commits by others that such a rollback would drop."""
    why: str = ""
    """What decided the status."""
    evidence: list[str] = []
    verify: list[str] = []
    """Read-only queries (Spark, Athena) by which a person can check these claims."""


class RerunDecision(StrEnum):
    """Would running the batch again, unchanged, give the right tables?"""

    SAFE = "SAFE"
    UNSAFE = "UNSAFE"
    UNKNOWN = "UNKNOWN"


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One rule and whether it holds."""

    rule: str
    holds: bool
    why: str
    evidence: list[str] = []


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """The rerun decision with every rule that was asked."""

    decision: RerunDecision
    reasons: list[Reason]
    wait_for: str | None = None
    retry_after_seconds: int | None = None


class ExposureStatus(StrEnum):
    """How sure it is that a consumer read what the failed batch left."""

    CONFIRMED = "CONFIRMED"
    POSSIBLE = "POSSIBLE"
    NOT_EXPOSED = "NOT_EXPOSED"


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """One downstream consumer."""

    consumer: str
    owner: str | None
    status: ExposureStatus
    read_at: datetime | None
    snapshot_id: str | None
    via: str
    """The table it read, and what says so."""
    depth: int
    """1: it read a table of the batch; more: it read what another exposed consumer wrote."""
    evidence: list[str] = []
    table: str | None = None
    """The table it read, by the name that is known of it."""
    kind: str = "job"
    """``job``, ``query``, or as declared: ``dashboard``, ``report``, …; what nothing is derived from is a leaf."""
    through: str | None = None
    """The exposed consumer whose output it read; None at depth 1."""
    runs: int = 1
    """How many runs of it read, or may have; 0 where it is declared and silent."""


class ExposureWindow(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when readers of one table could see part of the batch, or wrong data. UTC."""

    table: str
    since: datetime | None
    """When the first bad snapshot became current; None: not known, so any time."""
    until: datetime | None
    """When it was over; None: it is not, as of the evidence."""
    ended_by: str | None
    """``rollback`` or ``completion``; None while it lasts."""
    first_snapshot: str | None
    why: str
    evidence: list[str] = []


class LineageCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How far lineage can be relied on to name readers. No event is not "no reader"."""

    runs: int
    """Runs that it tells of, whatever they read."""
    first_event: datetime | None
    last_event: datetime | None
    silent: list[str]
    """Declared consumers of which there is no event."""
    note: str
    """One sentence for a person."""
    complete: bool = False
    """Whether all events that there are were read, and all readers that they name were followed."""
