"""A run that succeeded, looked at cheaply: what was seen of it, and what makes it suspicious."""

from enum import StrEnum

import msgspec

from pipetriage.model.evidence import Gap, Role
from pipetriage.model.facts import GoodRun


class Check(StrEnum):
    """What a success is asked; each may trip by itself."""

    RECORDS_LOW = "RECORDS_LOW"
    NOTHING_WRITTEN = "NOTHING_WRITTEN"
    PARTITIONS_MISSING = "PARTITIONS_MISSING"
    BOOKMARK_FOUND_NOTHING = "BOOKMARK_FOUND_NOTHING"
    SWALLOWED_FAILURE = "SWALLOWED_FAILURE"


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """One check that tripped: a reason to triage, no verdict."""

    check: Check
    statement: str
    """One sentence with the numbers; nothing of a log's own text."""
    locator: str
    """Where a person finds it."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a cheap look found. Neither list alone says that all is well: a gap is a check that was not made."""

    suspicions: list[Suspicion]
    gaps: list[Gap]
    unanswered: bool = False
    """A gap is of a source that may answer later (throttled, out of reach, too slow, broken): look again then."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What the run committed to one output table, as the table's own metadata has it."""

    table: str
    role: Role
    commits: int
    partitions_at_most: int | None
    """More partitions than these cannot have got data from the run; None: the summaries do not say."""
    locator: str


class Success(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a run that succeeded. None means unknown, never zero."""

    bookmark: bool = False
    """The run keeps a job bookmark, or it is not known that it keeps none."""
    records_read: int | None = None
    files_read: int | None = None
    read_locator: str = ""
    delivered: tuple[Delivered, ...] = ()
    """One entry for each output whose metadata was read and whose commits can be told apart."""
    own: GoodRun | None = None
    """What the run wrote into its tables, all together."""
    past: tuple[GoodRun, ...] = ()
    """The same of the good runs before it, oldest first."""
    volumes_locator: str = ""
    swallowed: str | None = None
    """Where the log says that the job failed all the same."""
    gaps: tuple[Gap, ...] = ()
