"""Who is told what (``[routing]``)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Severity = Literal["critical", "error", "warning", "info"]
"""PagerDuty's four words; the most severe first."""

Clock = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day, ``HH:MM``."""


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When what is not severe enough waits until the morning."""

    start: Clock
    end: Clock
    """May be before ``start``: then it is the next day's."""
    timezone: str = "UTC"
    """An IANA name, ``Europe/Berlin``."""
    below: Severity = "critical"
    """What is less severe than this waits."""


class RoutingRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where incidents go that fulfil every condition given. The first rule that fits decides; one without conditions
    fits all."""

    name: str = ""
    """What reasons and logs call it; empty: its number."""
    pipelines: list[str] = []
    """Names, with ``*`` for anything."""
    categories: list[str] = []
    """Categories (``SCHEMA_DRIFT``), or one failure mode of them (``UNKNOWN/TRANSIENT_SERVICE``)."""
    states: list[str] = []
    """Write states, of which some output has one (``PARTIAL``)."""
    below_confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    safe: bool | None = None
    """Whether the run is safe to retry."""
    exposed: bool | None = None
    """Whether somebody read it, or may have."""
    queue: str | None = None
    """Where it goes; None: where its category goes."""
    owner: str | None = None
    """Who answers for it; None: the pipeline's declared owner of that queue."""
    severity: Severity | None = None
    channels: list[str] | None = None
    """By which it is told; None: by those of its queue, empty: by none."""
    quiet: QuietHours | None = None
    """In place of the general quiet hours."""


class RoutingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules, channels of queues and people, and how often they are told."""

    link: str | None = None
    """Address of an incident's page, with ``{incident_id}``; None: messages show the id."""
    rules: list[RoutingRule] = []
    queues: dict[str, list[str]] = {}
    """The channels of each queue, by its name."""
    owners: dict[str, list[str]] = {}
    """The channels of each owner, by name: those of exposed consumers, too."""
    default: list[str] = []
    """The channels of what no rule, queue or owner names."""
    quiet: QuietHours | None = None
    storm_after: Annotated[int, Meta(ge=2, le=10_000)] = 10
    """From so many batches with the same failure within ``storm_minutes`` on, a channel is told of further ones in one
    message, with a count."""
    storm_minutes: Annotated[float, Meta(gt=0, le=7 * 24 * 60)] = 60.0
    storm_every_seconds: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    """How often that message is brought up to date, at most."""
    give_up_days: Annotated[float, Meta(gt=0, le=60)] = 7.0
    """How long a message is tried that a channel does not take. It is kept in the delivery log all the same."""
    send_seconds: Annotated[float, Meta(ge=0, le=300)] = 15.0
    """How long a command that has triaged a run goes on sending, once its verdict is printed; what is left is sent by
    the next command, or by ``watch``."""
