"""What is asked of many incidents at once: lists, search, what happened before, trends, and how right it was.

An incident's own document is read for none of these but where it says so.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.review import Review
from pipetriage.model.write_state import RerunDecision, WriteStatus

CAUSE_LENGTH = 300
"""Characters of the likely root cause that a list shows."""


class Standing(StrEnum):
    """Whether anything is left to do about an incident."""

    OPEN = "OPEN"
    """The latest attempt of its batch, and nobody has closed it."""
    SUPERSEDED = "SUPERSEDED"
    """A later attempt of the batch has an incident of its own."""
    SETTLED = "SETTLED"
    """A person closed it, or the run succeeded and leaves nothing that a reader has to be warned of."""


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as a line of a list: the verdict first, what it rests on left out."""

    incident_id: str
    pipeline_name: str
    job_run_id: str
    status: str
    batch_id: str | None
    batch_key: str
    attempt: int
    failure_category: Category
    failure_mode: FailureMode
    likely_root_cause: str
    """At most ``CAUSE_LENGTH`` characters of it."""
    affected_table: str | None
    safe_to_retry: bool
    rerun: RerunDecision
    confidence: float
    queue: str
    owner: str | None
    needs_human_review: bool
    fingerprint: str
    written: WriteStatus | None
    """The worst state of its output tables; None where none is known."""
    readers: int
    """Consumers that read, or may have read, what the batch left."""
    standing: Standing
    first_seen: datetime
    """When it was first triaged, UTC."""
    last_seen: datetime
    as_of: datetime
    """The moment that the verdict speaks of, UTC."""
    started_at: datetime | None
    ended_at: datetime | None
    reviewed_by: str | None
    """Who reviewed it last; None until a person does."""
    agreed: bool | None
    """Whether that review confirms category and retry decision of the verdict that it judged."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents are asked for; what is None or False asks for nothing."""

    words: str = ""
    """Words that all occur in it: in names, cause and findings. Or how a run's, batch's or incident's id begins."""
    pipeline: str | None = None
    category: Category | None = None
    owner: str | None = None
    queue: str | None = None
    fingerprint: str | None = None
    standing: Standing | None = None
    unsafe_only: bool = False
    reviewed: bool | None = None
    since: datetime | None = None
    """First triaged then, or later."""
    until: datetime | None = None
    """First triaged before then."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some incidents, newest first, and where to go on."""

    headings: list[Heading]
    following: str | None
    """The cursor of the next page; None: this is the last."""


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A failure like the one asked about, and how it ended."""

    heading: Heading
    """Its latest incident."""
    same: bool
    """Whether it is the very same failure (fingerprint); else it is alike."""
    likeness: float
    """From 0 to 1: 1 is the same."""
    count: int
    """How many incidents that failure has."""
    review: Review | None
    """The latest review of any of them: how it ended."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents of one day, or of all days asked for, that share a key."""

    key: str
    incidents: int
    unsafe: int
    """Of them, not safe to retry."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day (UTC) that has incidents."""

    day: date
    counts: list[Count]
    """One a category."""


class Trends(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since a day, from sums that are kept as incidents come in."""

    since: date
    days: list[Day]
    pipelines: list[Count]
    """The most frequent first, twenty at most; owners alike."""
    owners: list[Count]
    """By owner, or the queue where none is named."""
    recurring: list[Similar]
    """The failures seen most often of those seen since then; twenty at most."""
    incidents: int
    delay_seconds: float | None
    """Mean seconds from a run's end to its first verdict; None where there is none. A run that was looked at more than
    a day after it ended (a backfill) does not count."""
    machine_seconds: float | None
    """Mean seconds that a triage took."""
    cost_usd: float
    """Of asking models, all together."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict as it was when a person reviewed it, and when that was: an override never rewrites it."""

    incident_id: str
    failure_category: Category
    safe_to_retry: bool
    rerun: RerunDecision
    confidence: float
    ended_at: datetime | None
    first_seen: datetime
    seconds: float
    input_tokens: int
    cost_usd: float | None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and the latest review of it."""

    judged: Judged
    review: Review


class Archive(Protocol):
    """Answers about many incidents, in the same time for a thousand as for a million. Read-only.

    Every method raises ``StoreError`` where the store cannot be read.
    """

    def page(self, wanted: Wanted, *, limit: int = 50, cursor: str | None = None) -> Page:
        """List incidents, newest first; ``cursor`` is an earlier page's ``following``.

        Raises:
            UsageError: the cursor is none of ours.
        """
        ...

    def heading(self, incident_id: str) -> Heading | None:
        """Give one incident's line; None: there is none."""
        ...

    def similar(self, incident_id: str, *, limit: int = 5) -> list[Similar]:
        """Give what happened before that is like an incident: the same failure first, then what is alike."""
        ...

    def trends(self, since: date) -> Trends:
        """Give what happened since a day."""
        ...

    def judgements(self, since: datetime, *, limit: int = 10_000) -> list[Judgement]:
        """List what was reviewed since then, the latest review of each incident, newest first."""
        ...

    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Give the pipelines and the owners that have incidents, in order."""
        ...

    def changed(self) -> str:
        """Give a mark that differs once an incident was added, triaged anew or reviewed."""
        ...
