"""What a language model said of an incident, beside the verdict that the rules alone would have given."""

from enum import StrEnum

import msgspec

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.proposal import Asked, Claim, Failure, Hypothesis


class Stance(StrEnum):
    """How the model's answer stands to the rules' verdict, and what came of it."""

    AGREES = "AGREES"
    CHOSE = "CHOSE"
    """The rules left several findings open, or had only hints; the model chose one of them."""
    MOVED_TO_UNKNOWN = "MOVED_TO_UNKNOWN"
    """The rules were not certain, and the model holds the evidence for weak or conflicting."""
    DISAGREES = "DISAGREES"
    """The category stays; the confidence is lower, and a person is asked."""
    NO_ANSWER = "NO_ANSWER"
    """The rules' verdict stands alone."""


STANCE_IN_WORDS: dict[Stance, str] = {
    Stance.AGREES: "agrees with the rules",
    Stance.CHOSE: "chose among what the rules had left open",
    Stance.MOVED_TO_UNKNOWN: "holds the evidence for weak or conflicting, so the category is UNKNOWN",
    Stance.DISAGREES: "disagrees; the rules' category stands, with less confidence",
    Stance.NO_ANSWER: "gave no answer; the rules' verdict stands alone",
}


class RulesVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules said before a model was asked."""

    failure_category: Category
    failure_mode: FailureMode
    safe_to_retry: bool
    confidence: float


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """A model's view of an incident. Its texts were written by a model that read untrusted logs: show them as such."""

    stance: Stance
    objects: bool
    """The rules call a retry safe, and the model does not: so it is not."""
    model: str
    """The model that answered; empty when none did."""
    prompt_version: str
    rules: RulesVerdict
    failure_category: Category | None = None
    failure_mode: FailureMode | None = None
    safe_to_retry: bool | None = None
    stated_confidence: float | None = None
    """The model's own word. The incident's confidence is ours, and does not rest on it."""
    root_cause: str = ""
    claims: list[Claim] = []
    """Those that the evidence which they cite supports."""
    hypotheses: list[Hypothesis] = []
    failures: list[Failure] = []
    asked: list[Asked] = []
    """Further evidence that the model asked for, and what was found."""
    requests: int = 0
    seconds: float = 0.0
    cached: bool = False
