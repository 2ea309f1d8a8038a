"""The measures of a whole set (design section 10): pure functions of its rows."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from pipetriage.evaluation.calibration import Bin, Sure, calibration_error, error_interval, reliability
from pipetriage.evaluation.intervals import Interval, Rate, wilson
from pipetriage.evaluation.model_effect import ModelEffect
from pipetriage.evaluation.row import Row
from pipetriage.model.categories import Category
from pipetriage.model.write_state import RerunDecision

FATAL_COST = 20.0
"""A fatal miss corrupts data; a wrong category is inconvenient. Both in wrong categories."""
LOST_RETRY_COST = 0.5
"""A person is called where a machine could have retried."""
CONFIDENT = 0.8
"""From here on, being wrong counts as false confidence."""
NO_VERDICT = "ERROR"
"""The column of the confusion matrix for cases without a verdict."""


class CategoryScore(msgspec.Struct, frozen=True, kw_only=True):
    """How one category does, by the label's own category (``acceptable_categories`` plays no part)."""

    precision: float | None
    """Of the cases called so, how many are; None when none was called so."""
    recall: float | None
    """Of the cases that are so, how many were called so; None when there is none."""
    f1: float | None
    support: int
    """Cases of this category."""
    predicted: int
    """Cases called so."""
    hits: int
    precision_interval: Interval | None
    recall_interval: Interval | None


class RateCount(msgspec.Struct, frozen=True, kw_only=True):
    """What a rate is made of."""

    hits: int
    n: int


class SpreadOf(msgspec.Struct, frozen=True, kw_only=True):
    """One measure over the repeats of a set."""

    mean: float | None
    sd: float | None
    min: float | None
    max: float | None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """All measures of one set of rows. A rate whose denominator is 0 is None."""

    cases: int
    accuracy_exact: float | None
    accuracy_acceptable: float | None
    safe_retry_precision: float | None
    safe_retry_coverage: float | None
    fatal_misses: int
    false_confidence_rate: float | None
    ece: float | None
    weighted_score: float | None
    rerun_precision: float | None
    rerun_coverage: float | None
    abstention_rate: float | None
    errors: int
    wrong_categories: int
    """Cases without a verdict among them."""
    lost_retries: int
    triage_seconds_p50: float | None
    triage_seconds_p95: float | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None when one of the cases has no known cost."""
    intervals: dict[str, Interval | None]
    """95%: Wilson's for the rates, bootstrap for ``ece``."""
    counts: dict[str, RateCount]
    per_category: dict[str, CategoryScore]
    confusion: dict[str, dict[str, int]]
    """Expected category, then the one given."""
    reliability: list[Bin]
    splits: dict[str, "Metrics"] | msgspec.UnsetType = msgspec.UNSET
    repeats: dict[str, SpreadOf] | msgspec.UnsetType = msgspec.UNSET
    model_effect: ModelEffect | msgspec.UnsetType = msgspec.UNSET
    """What asking a model added to the rules, and what it cost; only where one was asked. Over all repeats."""
    run: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    """What was run: signals left out, repeats, versions."""


def measure(rows: Sequence[Row], *, resamples: int = 1000) -> Metrics:
    """Measure a set of rows."""
    sure = [Sure(row.confidence, row.correct) for row in rows if row.confidence is not None and row.error is None]
    rates = {name: rate(rows) for name, rate in RATES.items()}
    seconds = [row.seconds for row in rows if row.seconds is not None and row.error is None]
    return Metrics(
        cases=len(rows),
        accuracy_exact=rates["accuracy_exact"].share,
        accuracy_acceptable=rates["accuracy_acceptable"].share,
        safe_retry_precision=rates["safe_retry_precision"].share,
        safe_retry_coverage=rates["safe_retry_coverage"].share,
        fatal_misses=_count(row.fatal for row in rows),
        false_confidence_rate=rates["false_confidence_rate"].share,
        ece=calibration_error(sure),
        weighted_score=weighted_score(rows),
        rerun_precision=rates["rerun_precision"].share,
        rerun_coverage=rates["rerun_coverage"].share,
        abstention_rate=rates["abstention_rate"].share,
        errors=_count(row.error is not None for row in rows),
        wrong_categories=_count(not row.acceptable for row in rows),
        lost_retries=_count(row.lost_retry for row in rows),
        triage_seconds_p50=percentile(seconds, 0.50),
        triage_seconds_p95=percentile(seconds, 0.95),
        input_tokens=sum(row.input_tokens or 0 for row in rows),
        output_tokens=sum(row.output_tokens or 0 for row in rows),
        cost_usd=_cost(rows),
        intervals={**{name: wilson(*rate) for name, rate in rates.items()}, "ece": _ece_interval(sure, resamples)},
        counts={name: RateCount(hits=rate.hits, n=rate.n) for name, rate in rates.items()},
        per_category={category.value: _category_score(rows, category) for category in Category},
        confusion=_confusion(rows),
        reliability=reliability(sure),
    )


def measure_with_splits(rows: Sequence[Row]) -> Metrics:
    """Measure the whole set, and each split that its labels name."""
    splits = {
        split: measure([row for row in rows if row.split == split])
        for split in ("development", "reserve")
        if any(row.split == split for row in rows)
    }
    return msgspec.structs.replace(measure(rows), splits=splits)


def weighted_score(rows: Sequence[Row]) -> float | None:
    """Give 1 less the cost a case: 20 a fatal miss, 1 a category that is not acceptable, 0.5 a lost retry.

    1 is perfect, and there is no floor. A case without a verdict costs what a wrong category costs.
    """
    if not rows:
        return None
    return 1 - sum(map(_cost_of, rows)) / len(rows)


def _cost_of(row: Row) -> float:
    return FATAL_COST * row.fatal + (not row.acceptable) + LOST_RETRY_COST * row.lost_retry


def _rate(counted: Callable[[Row], bool], among: Callable[[Row], bool]) -> Callable[[Sequence[Row]], Rate]:
    def rate(rows: Sequence[Row]) -> Rate:
        chosen = [row for row in rows if among(row)]
        return Rate(_count(counted(row) for row in chosen), len(chosen))

    return rate


def _wrong_retry(row: Row) -> bool:
    return row.expected_safe_to_retry is not None and row.safe_to_retry is not row.expected_safe_to_retry


def _confidently_wrong(row: Row) -> bool:
    return (row.confidence or 0.0) >= CONFIDENT and (not row.acceptable or _wrong_retry(row))


def _unknown_not_accepted(row: Row) -> bool:
    return row.expected_category is not None and Category.UNKNOWN not in row.acceptable_categories


# Each rate: what is counted, and among which rows. A label that does not know (None) is among neither.
RATES: dict[str, Callable[[Sequence[Row]], Rate]] = {
    "accuracy_exact": _rate(lambda row: row.exact, lambda row: True),
    "accuracy_acceptable": _rate(lambda row: row.acceptable, lambda row: True),
    "safe_retry_precision": _rate(
        lambda row: row.expected_safe_to_retry is True,
        lambda row: row.safe_to_retry is True and row.expected_safe_to_retry is not None,
    ),
    "safe_retry_coverage": _rate(lambda row: row.safe_to_retry is True, lambda row: row.expected_safe_to_retry is True),
    "false_confidence_rate": _rate(_confidently_wrong, lambda row: True),
    "rerun_precision": _rate(
        lambda row: row.rerun_harmless is True,
        lambda row: row.rerun is RerunDecision.SAFE and row.rerun_harmless is not None,
    ),
    "rerun_coverage": _rate(lambda row: row.rerun is RerunDecision.SAFE, lambda row: row.rerun_harmless is True),
    "abstention_rate": _rate(lambda row: row.failure_category is Category.UNKNOWN, _unknown_not_accepted),
}
CATEGORY_MEASURES = ("precision", "recall", "f1")
SINGLE_MEASURES = tuple(
    name
    for name in Metrics.__struct_fields__
    if name
    not in {
        "intervals",
        "counts",
        "per_category",
        "confusion",
        "reliability",
        "splits",
        "repeats",
        "model_effect",
        "run",
    }
)
"""The measures that are one number."""


def _category_score(rows: Sequence[Row], category: Category) -> CategoryScore:
    said = [row for row in rows if row.failure_category is category and row.expected_category is not None]
    support = _count(row.expected_category is category for row in rows)
    hits = _count(row.exact for row in said)
    precision, recall = Rate(hits, len(said)), Rate(hits, support)
    return CategoryScore(
        precision=precision.share,
        recall=recall.share,
        f1=2 * hits / (len(said) + support) if said or support else None,
        support=support,
        predicted=len(said),
        hits=hits,
        precision_interval=wilson(*precision),
        recall_interval=wilson(*recall),
    )


def _confusion(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    columns = [*(category.value for category in Category), NO_VERDICT]
    counted = {category.value: dict.fromkeys(columns, 0) for category in Category}
    for row in rows:
        if row.expected_category is not None:
            said = row.failure_category.value if row.failure_category is not None else NO_VERDICT
            counted[row.expected_category.value][said] += 1
    return counted


def percentile(values: Sequence[float], share: float) -> float | None:
    """Give the value that ``share`` of all values do not exceed (nearest rank); None without any."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _count(answers: Iterable[bool]) -> int:
    return sum(1 for answer in answers if answer)


def _cost(rows: Sequence[Row]) -> float | None:
    costs = [row.cost_usd for row in rows if row.error is None]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _ece_interval(sure: Sequence[Sure], resamples: int) -> Interval | None:
    return error_interval(sure, resamples=resamples)


def spread(repeats: Sequence[Metrics]) -> dict[str, SpreadOf]:
    """Give mean, standard deviation (of the sample) and range of every single-number measure over the repeats."""
    return {name: _spread([getattr(one, name) for one in repeats]) for name in SINGLE_MEASURES}


def _spread(values: Sequence[float | None]) -> SpreadOf:
    known = [value for value in values if value is not None]
    if not known:
        return SpreadOf(mean=None, sd=None, min=None, max=None)
    mean = sum(known) / len(known)
    variance = sum((value - mean) ** 2 for value in known) / (len(known) - 1) if len(known) > 1 else None
    return SpreadOf(mean=mean, sd=None if variance is None else variance**0.5, min=min(known), max=max(known))
