"""What the gate answers: may this run be retried now, and may this table be read?"""

import msgspec

from pipetriage.model.incident import Incident


class GateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one retry of a failed run is allowed now."""

    allowed: bool
    rule: str
    """The rule that decided."""
    reason: str
    retry_after_seconds: int | None
    """When it makes sense to ask again; None: asking again changes nothing, or nobody can say."""
    incident: Incident | None
    """None where the run could not be triaged, or not in time."""


class ReadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a table may be read now."""

    table: str
    allowed: bool
    rule: str
    reason: str
    incidents: list[Incident]
    """Those that leave, or may leave, part of a batch visible in it."""
