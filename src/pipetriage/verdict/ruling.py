"""One rule's outcome, with what its failing means for the decision."""

from enum import StrEnum

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.write_state import Reason
from pipetriage.verdict.attempts import Attempts


class Weight(StrEnum):
    """What a rule that does not hold means for the decision."""

    UNSAFE = "UNSAFE"
    UNKNOWN = "UNKNOWN"


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's outcome with its weight."""

    reason: Reason
    weight: Weight = Weight.UNKNOWN


def rule(name: str, holds: bool, why: str, *evidence: str, unsafe: bool = False) -> Ruling:
    """Make a ruling; ``unsafe``: if it does not hold, something would be applied twice or lost."""
    reason = Reason(rule=name, holds=holds, why=why, evidence=list(dict.fromkeys(evidence)))
    return Ruling(reason=reason, weight=Weight.UNSAFE if unsafe else Weight.UNKNOWN)


def asked_early(context: Context, signal: Signal, attempts: Attempts) -> str | None:
    """Say so if a source was asked before the last attempt had ended: what it answered may have changed since."""
    at, ended = context.observed_at.get(signal), attempts.last_ended
    if at is None or ended is None or at >= ended:
        return None
    return f"the {signal} evidence was collected before the last attempt ended"
