"""What people are told about an incident: short, in plain text, the same for every channel.

Every text in it is untrusted: it may hold what a log, a table's name or a model said. Each channel escapes it by its
own rules, and shortens it where its limits ask for that; ``link`` leads to the whole.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from pipetriage.model.categories import Category, FailureMode


class What(StrEnum):
    """What kind of news a message is."""

    VERDICT = "VERDICT"
    """A run was triaged: the first of its batch, a later attempt, or the same run with another verdict."""
    STORM = "STORM"
    """The same failure came so often that it is told once, with a count; each batch keeps a verdict of its own."""
    RESOLVED = "RESOLVED"
    """The batch is whole: a later run succeeded, and its tables were seen to be right."""
    TEST = "TEST"
    """A sample, sent by a person to see whether the channel works."""


class Severity(StrEnum):
    """How much it matters, by PagerDuty's four words; the most severe first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of news. Nothing here may be made into a button or a link that acts on production."""

    what: What
    topic: str
    """What shares one thread and one page: the batch's key, or the storm's."""
    title: str
    """One line: the pipeline and batch, and the verdict."""
    verdict: str
    """``NOT SAFE TO RETRY``, ``SAFE TO RETRY``, ``RESOLVED``, or how many of the same failure."""
    safe_to_retry: bool | None
    """None where the message is of several runs."""
    severity: Severity
    cause: str
    """What broke, in a sentence."""
    why: list[str]
    """The reasons of the verdict, the deciding one first."""
    written: list[str]
    """What the batch left in each table, one line each."""
    exposed: list[str]
    """Who read it, or may have, and who answers for them, one line each; the surest first."""
    next_step: str
    approver: str | None
    """Who has to approve the next step; None: nobody."""
    earlier: list[str] = []
    """The verdicts on earlier attempts of the batch, the latest first, one line each."""
    recurrence: str | None = None
    """How often this failure was seen before, in other batches; None: it was not."""
    because: str = ""
    """Why it is said here: the rule that routed it, or what the receiver has to do with it."""
    acknowledged: str | None = None
    """Who has taken it on, and when; None: nobody has."""
    queue: str = ""
    owner: str | None = None
    link: str | None = None
    """Page of the incident; None: no address is configured, and the id is to be shown."""
    recurs_in: str | None = None
    """The latest earlier incident with the same fingerprint, by id."""
    recurs_topic: str | None = None
    """The topic of that incident: for channels that link one thread or ticket to another."""
    incident_id: str
    pipeline: str
    batch_id: str | None
    job_run_id: str
    attempt: int = 0
    status: str
    """The run's state, as Glue has it."""
    category: Category
    failure_mode: FailureMode
    confidence: float
    fingerprint: str
    table: str | None
    count: int = 1
    """How many incidents it speaks of; more than 1 in a storm."""
    as_of: datetime
    """When the evidence was observed, UTC."""
    created_at: datetime
    """When the verdict was made, UTC."""
    svg: str = ""
    """The picture of who read what, for channels that can show one; empty: there is none."""
