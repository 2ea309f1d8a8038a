"""How right triage was on a team's own incidents, by what people found out about them: the measures of ``evaluate``.

Each reviewed incident is a case: its verdict as it was when a person judged it, labelled by the latest review.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from pipetriage.evaluation.intervals import Interval, Rate, wilson
from pipetriage.evaluation.label import Label
from pipetriage.evaluation.metrics import Metrics, RateCount, measure, percentile
from pipetriage.evaluation.row import Row, Verdict, judge
from pipetriage.model.archive import Judgement
from pipetriage.model.categories import Category
from pipetriage.model.review import confirms
from pipetriage.model.write_state import RerunDecision

FEW = 20
"""Below so many cases a rate says little: with 20 and not one mistake, one in seven may still be wrong (95%)."""
BACKFILL = timedelta(days=1)
"""A run that was first looked at so long after it ended was not waited for: as in the archive's trends."""
CHOSEN = (
    "These are the incidents that people chose to review, not all of them and not drawn by lot: wrong verdicts may be "
    "looked at more often than right ones, or less. Take the figures as what was found out, not as what is."
)
MOST_OVERRIDDEN = 200
"""Overridden incidents that are listed; all are counted."""

# So many draws are enough for an interval, and ten thousand reviews do not keep a page waiting.
_DRAWS, _FEWEST_RESAMPLES, _MOST_RESAMPLES = 1_000_000, 100, 1000
_READ_TOGETHER = ("safe_retry_precision", "safe_retry_coverage", "accuracy_acceptable", "false_confidence_rate")


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, in seconds. None: there is none of it."""

    n: int
    mean: float | None
    p50: float | None
    p95: float | None


class Overridden(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that a person did not confirm."""

    incident_id: str
    failure_category: Category
    """What the verdict said."""
    safe_to_retry: bool
    rerun: RerunDecision
    confidence: float
    right_category: Category
    """What the review says."""
    right_safe_to_retry: bool
    fatal: bool
    """Whether harm was called safe."""
    by: str
    reviewed_at: datetime
    note: str


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What reviews say of the verdicts."""

    reviewed: int
    sample: str
    """What kind of sample it is, as a sentence for whoever reads the figures."""
    doubts: list[str]
    """Which of the figures rest on too little to mean anything, and why; empty: none of the main ones."""
    metrics: Metrics
    """As ``pipetriage evaluate`` gives them (docs/evaluation.md)."""
    override_rate: float | None
    """Of the reviewed verdicts, those that the review does not confirm in category and retry decision."""
    overrides: RateCount
    override_interval: Interval | None
    to_verdict: Delay
    """From the run's end to its first verdict; a run first looked at more than a day later does not count."""
    to_review: Delay
    """From the run's end to the review that counts."""
    machine: Delay
    """What the triage itself took."""
    cost_per_incident: float | None
    """US dollars of asking models; None where that of one is not known, or there is no incident."""
    overridden: list[Overridden]
    """The latest first, ``MOST_OVERRIDDEN`` at most."""


def quality(judgements: Sequence[Judgement]) -> Quality:
    """Measure verdicts against the reviews of them."""
    rows = [_row(one) for one in judgements]
    resamples = min(_MOST_RESAMPLES, max(_FEWEST_RESAMPLES, _DRAWS // max(len(rows), 1)))
    metrics = measure(rows, resamples=resamples)
    fatal = {row.case for row in rows if row.fatal}
    wrong = [one for one in judgements if not _confirmed(one)]
    overrides = Rate(len(wrong), len(judgements))
    latest = sorted(wrong, key=lambda one: one.review.reviewed_at, reverse=True)[:MOST_OVERRIDDEN]
    return Quality(
        reviewed=len(judgements),
        sample=CHOSEN,
        doubts=list(_doubts(metrics)),
        metrics=metrics,
        override_rate=overrides.share,
        overrides=RateCount(hits=overrides.hits, n=overrides.n),
        override_interval=wilson(*overrides),
        to_verdict=_delay(_to_verdict(judgements)),
        to_review=_delay(_to_review(judgements)),
        machine=_delay([one.judged.seconds for one in judgements]),
        cost_per_incident=metrics.cost_usd / len(rows) if rows and metrics.cost_usd is not None else None,
        overridden=[_overridden(one, fatal) for one in latest],
    )


def _row(one: Judgement) -> Row:
    judged, review = one.judged, one.review
    label = Label(
        failure_category=review.failure_category,
        acceptable_categories=list(dict.fromkeys([review.failure_category, *review.acceptable_categories])),
        safe_to_retry=review.safe_to_retry,
        rerun_harmless=review.rerun_harmless,
    )
    verdict = Verdict(
        failure_category=judged.failure_category,
        safe_to_retry=judged.safe_to_retry,
        rerun=judged.rerun,
        confidence=judged.confidence,
        seconds=judged.seconds,
        input_tokens=judged.input_tokens,
        cost_usd=judged.cost_usd,
    )
    return judge(judged.incident_id, label, verdict)


def _confirmed(one: Judgement) -> bool:
    return confirms(one.review, one.judged.failure_category, safe=one.judged.safe_to_retry)


def _overridden(one: Judgement, fatal: set[str]) -> Overridden:
    judged, review = one.judged, one.review
    return Overridden(
        incident_id=judged.incident_id,
        failure_category=judged.failure_category,
        safe_to_retry=judged.safe_to_retry,
        rerun=judged.rerun,
        confidence=judged.confidence,
        right_category=review.failure_category,
        right_safe_to_retry=review.safe_to_retry,
        fatal=judged.incident_id in fatal,
        by=review.by,
        reviewed_at=review.reviewed_at,
        note=review.note,
    )


def _doubts(metrics: Metrics) -> Iterable[str]:
    if metrics.cases < FEW:
        yield (
            f"{metrics.cases} reviews are too few to mean anything: from {FEW} on, a rate begins to say something"
            if metrics.cases
            else "Nothing was reviewed in this time: there is nothing to measure"
        )
        return
    for name in _READ_TOGETHER:
        n = metrics.counts[name].n
        if n < FEW:
            yield f"{name.replace('_', ' ')} rests on {n} cases, fewer than {FEW}: it says little"


def _to_verdict(judgements: Iterable[Judgement]) -> list[float]:
    waits = [one.judged.first_seen - one.judged.ended_at for one in judgements if one.judged.ended_at is not None]
    return [max(wait.total_seconds(), 0.0) for wait in waits if wait <= BACKFILL]


def _to_review(judgements: Iterable[Judgement]) -> list[float]:
    ends = [(one.judged.ended_at, one.review.reviewed_at) for one in judgements]
    return [max((reviewed - ended).total_seconds(), 0.0) for ended, reviewed in ends if ended is not None]


def _delay(seconds: Sequence[float]) -> Delay:
    mean = sum(seconds) / len(seconds) if seconds else None
    return Delay(n=len(seconds), mean=mean, p50=percentile(seconds, 0.5), p95=percentile(seconds, 0.95))
