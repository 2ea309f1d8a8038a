"""What a language model proposes about one run, and what came of asking it.

Nothing in here decides anything: ``verdict/classifier.py`` lets a proposal make a verdict more careful, never less.
Every text in it was written by a model that read untrusted logs, and is as untrusted as they are.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.evidence import Evidence, Gap


class RequestKind(StrEnum):
    """The further evidence that a model may ask for: a fixed list of reads, never a query of its own wording."""

    LOG_WINDOW = "LOG_WINDOW"
    """The lines around an error that the evidence names."""
    EXECUTOR_LOGS = "EXECUTOR_LOGS"
    """The last telling lines of the executors' logs."""
    PREVIOUS_GOOD_RUN = "PREVIOUS_GOOD_RUN"
    """What the last good run of the job shows in the same place."""
    PARTITION_HISTORY = "PARTITION_HISTORY"
    """Which commits wrote to the partitions of a table that the evidence names."""
    DEPLOYMENT_DIFF = "DEPLOYMENT_DIFF"
    """What a deployment changed."""


class EvidenceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One read from the fixed list."""

    kind: RequestKind
    about: str = ""
    """The id of evidence that the model was shown (``log-1``); empty where the kind needs none."""


class Further(NamedTuple):
    """What further evidence can be asked for about one run, and how: read-only, redacted, bounded."""

    kinds: frozenset[RequestKind]
    """Those that can find anything at all here."""
    read: Callable[[EvidenceRequest, str], Evidence | Gap]
    """Answers a request; the second argument is the id that the evidence found is to have."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what it found."""

    kind: RequestKind
    about: str
    evidence: str | None = None
    """Id of the evidence found."""
    why_not: str = ""
    """Why there is none."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence with the evidence that it names."""

    text: str
    evidence: tuple[str, ...]


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """Another cause that the model holds possible."""

    category: Category
    why: str
    evidence: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a model said, in the one form that is accepted."""

    category: Category
    failure_mode: FailureMode
    root_cause: str
    """At most 300 characters, as each claim; a hypothesis has at most 200."""
    claims: tuple[Claim, ...]
    safe_to_retry: bool
    confidence: float
    """0 to 1, in the model's own word: recorded, and no sign of anything."""
    hypotheses: tuple[Hypothesis, ...] = ()
    more: tuple[EvidenceRequest, ...] = ()


class ModelFault(StrEnum):
    """How asking a model failed."""

    UNREACHABLE = "UNREACHABLE"
    """No connection, or it was reset."""
    TIMEOUT = "TIMEOUT"
    """This model did not answer in the time it was given."""
    RATE_LIMITED = "RATE_LIMITED"
    SERVER_ERROR = "SERVER_ERROR"
    NOT_AUTHORIZED = "NOT_AUTHORIZED"
    """No credentials, or they were refused."""
    NO_SUCH_MODEL = "NO_SUCH_MODEL"
    REJECTED = "REJECTED"
    """The provider refused the request for another reason: it is too long, or asks for what this model cannot."""
    REFUSED = "REFUSED"
    """The model itself, or a content filter, declined to answer."""
    INVALID_ANSWER = "INVALID_ANSWER"
    """What it said is not in the accepted form, also when asked again with the reason."""
    TOO_LARGE = "TOO_LARGE"
    """It answered with more than is read, or in more tokens than are allowed."""
    BREAKER_OPEN = "BREAKER_OPEN"
    """It failed too often of late and was not asked."""
    OVER_BUDGET = "OVER_BUDGET"
    """Asking it could have cost more than is allowed for an incident or a day."""
    DEADLINE = "DEADLINE"
    """All models together had not answered when the verdict was due."""
    CANCELLED = "CANCELLED"
    NOT_INSTALLED = "NOT_INSTALLED"
    """The settings name a model, and the extra that asks it is not installed here."""
    NOT_RECORDED = "NOT_RECORDED"
    """The answer stands, but it could not be counted, remembered or kept for audit."""
    UNEXPECTED = "UNEXPECTED"
    """A defect of ours or of a library; the verdict stands without the model."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why one model of the chain gave no answer."""

    model: str
    """As in the settings (``bedrock:…``); empty where no single one is meant."""
    fault: ModelFault
    why: str
    """One sentence, redacted and bounded: a provider's error may quote anything."""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What asking cost, failed attempts included."""

    requests: int = 0
    input_tokens: int = 0
    """By the provider's count."""
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None when the price of a model that was asked is not known: never 0 then."""
    uncounted: int = 0
    """Of the requests, those whose tokens nobody told: cut off by time, size or a reset. They cost something, too."""

    def plus(self, other: "Use") -> "Use":
        """Add up; a sum with an unknown part is unknown."""
        unknown = self.cost_usd is None or other.cost_usd is None
        return Use(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=None if unknown else (self.cost_usd or 0.0) + (other.cost_usd or 0.0),
            uncounted=self.uncounted + other.uncounted,
        )


class Grounding(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the model's statements (root cause, claims, hypotheses) are supported by the evidence they cite."""

    claims: int
    supported: int
    cut: int
    """Left out: they cite nothing that was shown, or it does not hold the names and numbers that they state."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of asking: an answer whose unsupported claims were cut, or why there is none."""

    prompt_version: str
    model: str = ""
    """The model that answered; empty when none did."""
    answer: Answer | None = None
    grounding: Grounding | None = None
    failures: tuple[Failure, ...] = ()
    """In the order met; also those before the model of the chain that did answer."""
    asked: tuple[Asked, ...] = ()
    found: tuple[Evidence, ...] = ()
    """The further evidence that it asked for and got."""
    use: Use = Use()
    seconds: float = 0.0
    cached: bool = False
    """Answered from the memory: the same context and prompt were put to the same models before."""
