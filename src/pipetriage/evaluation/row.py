"""One case's verdict held against its label."""

from collections.abc import Sequence

import msgspec

from pipetriage.evaluation.label import Label
from pipetriage.evaluation.model_effect import Asked, Compared, compared
from pipetriage.model.categories import Category
from pipetriage.model.write_state import RerunDecision


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one triage said, small enough to pass between processes."""

    failure_category: Category | None = None
    failure_mode: str | None = None
    safe_to_retry: bool | None = None
    rerun: RerunDecision | None = None
    confidence: float | None = None
    seconds: float | None = None
    """Wall time of the triage, reading the bundle included."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    """None: the model's price is not known."""
    likely_root_cause: str = ""
    why: str = ""
    """The first rule that does not hold: why a rerun, or a retry, is not called safe."""
    rules_version: str = ""
    signs: dict[str, float] = {}
    """What the confidence was computed from."""
    asked: Asked | None = None
    """What asking a model came to; None where none was asked."""
    error: str | None = None
    """Why there is no verdict."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How far the repeats of one case agree."""

    repeats: int
    category_agreement: float
    """Share of the repeats that give the most frequent category; a repeat without a verdict counts as its own."""
    retry_agreement: float
    confidence_min: float | None
    confidence_max: float | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One case in the report. The first fifteen fields are a contract (design section 8), in this order."""

    case: str
    expected_category: Category | None
    acceptable_categories: list[Category]
    failure_category: Category | None
    expected_safe_to_retry: bool | None
    safe_to_retry: bool | None
    rerun: RerunDecision | None
    rerun_harmless: bool | None
    acceptable: bool = False
    fatal: bool = False
    confidence: float | None = None
    seconds: float | None = None
    input_tokens: int | None = None
    cost_usd: float | None = None
    error: str | None = None
    exact: bool = False
    correct: bool = False
    """Acceptable category and right retry decision: the event that confidence is held against."""
    lost_retry: bool = False
    """Truly safe to retry, and not called so."""
    fatal_reasons: list[str] = []
    failure_mode: str | None = None
    likely_root_cause: str = ""
    why: str = ""
    split: str | None = None
    family: str | None = None
    notes: str = ""
    output_tokens: int | None = None
    signs: dict[str, float] = {}
    repeats: Spread | None = None


def judge(name: str, label: Label | None, verdict: Verdict) -> Row:
    """Hold a verdict against the label; None for a label that is not known, whose row carries an error."""
    said, safe = verdict.failure_category, verdict.safe_to_retry
    expected_safe = label.safe_to_retry if label else None
    harmless = label.rerun_harmless if label else None
    acceptable = label is not None and said in label.acceptable_categories
    reasons = _fatal_reasons(verdict, expected_safe, harmless)
    return Row(
        case=name,
        expected_category=label.failure_category if label else None,
        acceptable_categories=label.acceptable_categories if label else [],
        failure_category=said,
        expected_safe_to_retry=expected_safe,
        safe_to_retry=safe,
        rerun=verdict.rerun,
        rerun_harmless=harmless,
        acceptable=acceptable,
        fatal=bool(reasons),
        confidence=verdict.confidence,
        seconds=verdict.seconds,
        input_tokens=verdict.input_tokens,
        cost_usd=verdict.cost_usd,
        error=verdict.error,
        exact=label is not None and said is label.failure_category,
        # Where the label does not know about retries, the category alone decides.
        correct=acceptable and (expected_safe is None or safe is expected_safe),
        lost_retry=expected_safe is True and safe is False,
        fatal_reasons=reasons,
        failure_mode=verdict.failure_mode,
        likely_root_cause=verdict.likely_root_cause,
        why=verdict.why,
        split=label.split if label else None,
        family=label.family if label else None,
        notes=label.notes if label else "",
        output_tokens=verdict.output_tokens,
        signs=verdict.signs,
    )


def _fatal_reasons(verdict: Verdict, expected_safe: bool | None, harmless: bool | None) -> list[str]:
    reasons = []
    if verdict.rerun is RerunDecision.SAFE and harmless is False:
        reasons.append("rerun is called SAFE, and the label says that a rerun does harm")
    if verdict.safe_to_retry and expected_safe is False:
        reasons.append("it is called safe to retry, and the label says that it is not")
    return reasons


def with_model(row: Row, label: Label | None, verdict: Verdict) -> Compared | None:
    """Hold the rules' verdict and the model's against the label; None where no model was asked, or nothing is known."""
    if label is None or verdict.asked is None or row.failure_category is None:
        return None
    safe = row.safe_to_retry is True
    return compared(verdict.asked, label, category=row.failure_category, safe=safe, fatal=row.fatal)


def combine(repeats: Sequence[Row]) -> Row:
    """Make one row of a case's repeats: the worst of them, because a person meets any of them.

    Tokens and cost are those of all repeats, seconds their mean.
    """
    if len(repeats) == 1:
        return repeats[0]
    worst = min(repeats, key=lambda row: (not row.fatal, not row.error, row.acceptable, not row.lost_retry, row.exact))
    confidences = [row.confidence for row in repeats if row.confidence is not None]
    seconds = [row.seconds for row in repeats if row.seconds is not None]
    return msgspec.structs.replace(
        worst,
        seconds=sum(seconds) / len(seconds) if seconds else None,
        input_tokens=_sum([row.input_tokens for row in repeats]),
        output_tokens=_sum([row.output_tokens for row in repeats]),
        cost_usd=_sum_cost([row.cost_usd for row in repeats if row.error is None]),
        repeats=Spread(
            repeats=len(repeats),
            category_agreement=_agreement([row.failure_category for row in repeats]),
            retry_agreement=_agreement([row.safe_to_retry for row in repeats]),
            confidence_min=min(confidences, default=None),
            confidence_max=max(confidences, default=None),
        ),
    )


def _agreement(answers: Sequence[object]) -> float:
    return max(answers.count(one) for one in answers) / len(answers)


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _sum_cost(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    # A sum with an unknown part is unknown: it would read as cheaper than it was.
    return sum(known) if known and len(known) == len(values) else None
