"""The measures against values computed by hand."""

import random

import pytest

from pipetriage.evaluation.calibration import Sure, calibration_error, error_interval, reliability
from pipetriage.evaluation.intervals import wilson
from pipetriage.evaluation.metrics import measure, measure_with_splits, percentile, spread, weighted_score
from pipetriage.evaluation.row import Row, combine
from tests.evaluation.building import SAFE, failed, label, row, verdict


# Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (score): the four examples.
@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(hits: int, n: int, low: float, high: float) -> None:
    interval = wilson(hits, n)
    assert interval == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_the_ends() -> None:
    assert wilson(0, 0) is None
    assert wilson(0, 7)[0] == 0.0  # type: ignore[index]
    assert wilson(7, 7)[1] == 1.0  # type: ignore[index]


def some_rows() -> list[Row]:
    """Eight cases: three right, one acceptable, two wrong (one without a verdict), two fatal; one retry is lost."""
    return [
        row("right", label("DATA_SKEW"), verdict("DATA_SKEW", confidence=0.9)),
        row("right_safe", label("UNKNOWN", safe=True), verdict("UNKNOWN", safe=True, rerun=SAFE, confidence=0.9)),
        row("lost", label("UNKNOWN", safe=True), verdict("UNKNOWN", confidence=0.9)),
        row("acceptable", label("SOURCE_DELAY", "UNKNOWN", harmless=False), verdict("UNKNOWN", confidence=0.3)),
        row("wrong", label("SCHEMA_DRIFT", safe=None, harmless=None), verdict("UNKNOWN", confidence=0.8)),
        row("fatal_retry", label("UNKNOWN", safe=False), verdict("UNKNOWN", safe=True, rerun=SAFE, confidence=0.9)),
        row("fatal_rerun", label("UNKNOWN", harmless=False), verdict("UNKNOWN", rerun=SAFE, confidence=0.7)),
        failed("none", label("UNKNOWN", safe=True)),
    ]


def test_measures_of_a_set_computed_by_hand() -> None:
    metrics = measure(some_rows())

    assert metrics.cases == 8
    assert metrics.accuracy_exact == 5 / 8  # right, right_safe, lost and both fatal ones
    assert metrics.accuracy_acceptable == 6 / 8
    assert metrics.safe_retry_precision == 1 / 2  # right_safe of right_safe, fatal_retry
    assert metrics.safe_retry_coverage == 1 / 3  # right_safe of right_safe, lost, none
    assert metrics.fatal_misses == 2
    assert metrics.false_confidence_rate == 3 / 8  # lost (retry), wrong (category, at 0.8), fatal_retry
    assert metrics.rerun_precision == 2 / 3  # right_safe, fatal_retry of those and fatal_rerun
    assert metrics.rerun_coverage == 2 / 5  # of right, right_safe, lost, fatal_retry, none
    assert metrics.abstention_rate == 1 / 2  # wrong, of right and wrong
    assert metrics.errors == 1
    assert metrics.wrong_categories == 2
    assert metrics.lost_retries == 1
    assert metrics.weighted_score == pytest.approx(1 - (2 * 20 + 2 + 0.5) / 8)
    assert metrics.counts["safe_retry_coverage"].n == 3
    assert metrics.intervals["accuracy_exact"] == wilson(5, 8)


def test_per_category_scores_and_confusion_go_by_the_labels_own_category() -> None:
    metrics = measure(some_rows())
    unknown = metrics.per_category["UNKNOWN"]
    assert (unknown.support, unknown.predicted, unknown.hits) == (5, 6, 4)
    assert unknown.precision == 4 / 6
    assert unknown.recall == 4 / 5
    assert unknown.f1 == pytest.approx(2 * (4 / 6) * (4 / 5) / (4 / 6 + 4 / 5))
    assert metrics.per_category["DATA_SKEW"].f1 == 1.0
    assert metrics.per_category["PERMISSION_ERROR"].recall is None
    assert metrics.per_category["SCHEMA_DRIFT"].precision is None
    assert metrics.confusion["SOURCE_DELAY"]["UNKNOWN"] == 1
    assert metrics.confusion["UNKNOWN"]["ERROR"] == 1
    assert sum(sum(line.values()) for line in metrics.confusion.values()) == 8


def test_a_fatal_miss_costs_what_twenty_wrong_categories_cost() -> None:
    right = [row(str(n), label(), verdict()) for n in range(40)]
    fatal = [*right[1:], row("f", label(harmless=False), verdict(rerun=SAFE))]
    wrong = [*right[20:], *(row(f"w{n}", label("DATA_SKEW"), verdict()) for n in range(20))]
    assert weighted_score(right) == 1.0
    assert weighted_score(fatal) == weighted_score(wrong) == 0.5


def test_an_unreadable_label_counts_as_a_wrong_category_and_never_as_fatal() -> None:
    metrics = measure([failed(), row("right", label(), verdict())])
    assert metrics.accuracy_exact == 0.5
    assert metrics.fatal_misses == 0
    assert metrics.weighted_score == 0.5


def test_what_a_label_does_not_know_counts_in_no_rate() -> None:
    metrics = measure([row("a", label(safe=None, harmless=None), verdict(safe=True, rerun=SAFE, confidence=0.9))])
    rates = (metrics.safe_retry_precision, metrics.safe_retry_coverage, metrics.rerun_precision, metrics.rerun_coverage)
    assert rates == (None,) * 4
    assert metrics.intervals["rerun_precision"] is None
    assert metrics.fatal_misses == 0
    assert metrics.false_confidence_rate == 0.0


def test_an_empty_set_has_no_rates_and_no_division_by_zero() -> None:
    metrics = measure([])
    assert metrics.cases == 0
    assert {getattr(metrics, name) for name in metrics.counts} == {None}
    assert (metrics.ece, metrics.weighted_score, metrics.triage_seconds_p95) == (None, None, None)


def test_splits_are_measured_apart() -> None:
    rows = [
        row("a", label(), verdict()),
        failed("b"),
    ]
    with_split = [
        Row(**{**{k: getattr(one, k) for k in Row.__struct_fields__}, "split": "reserve"}) for one in rows[:1]
    ]
    metrics = measure_with_splits([*with_split, rows[1]])
    assert isinstance(metrics.splits, dict)
    assert list(metrics.splits) == ["reserve"]
    assert metrics.splits["reserve"].accuracy_exact == 1.0
    assert metrics.accuracy_exact == 0.5


def test_calibration_error_by_hand() -> None:
    # Ten at 0.9 of which 8 are right, ten at 0.5 of which 5 are right: (10·0.1 + 10·0) / 20.
    verdicts = [Sure(0.9, n < 8) for n in range(10)] + [Sure(0.5, n < 5) for n in range(10)]
    assert calibration_error(verdicts) == pytest.approx(0.05)
    assert [(one.n, one.correct) for one in reliability(verdicts)] == [(10, 5), (10, 8)]


def test_ten_bins_of_equal_mass() -> None:
    verdicts = [Sure(number / 1000, True) for number in range(1000)]
    assert [one.n for one in reliability(verdicts)] == [100] * 10


def test_the_order_of_cases_changes_neither_the_error_nor_its_interval() -> None:
    chance = random.Random(4)  # noqa: S311 - any numbers will do
    verdicts = [Sure(chance.choice([0.35, 0.6, 0.9, 0.95]), chance.random() < 0.8) for _ in range(300)]
    shuffled = chance.sample(verdicts, len(verdicts))
    assert calibration_error(shuffled) == pytest.approx(calibration_error(verdicts))
    assert error_interval(shuffled) == error_interval(verdicts)
    low, high = error_interval(verdicts) or (1.0, 0.0)
    assert low < (calibration_error(verdicts) or 0) < high


def test_no_verdict_no_calibration() -> None:
    assert calibration_error([]) is None
    assert error_interval([]) is None
    assert reliability([]) == []


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert percentile([4.0], 0.95) == 4.0
    assert percentile([], 0.5) is None


def test_repeats_show_the_worst_and_say_how_far_they_agree() -> None:
    truth = label("UNKNOWN", harmless=False)
    repeats = [
        row("a", truth, verdict("UNKNOWN", confidence=0.9, seconds=1.0, input_tokens=100, cost_usd=0.01)),
        row("a", truth, verdict("UNKNOWN", rerun=SAFE, confidence=0.7, seconds=2.0, input_tokens=110, cost_usd=0.02)),
        row("a", truth, verdict("DATA_SKEW", confidence=0.8, seconds=3.0, input_tokens=120, cost_usd=0.03)),
    ]
    one = combine(repeats)
    assert one.fatal
    assert one.confidence == 0.7
    assert one.repeats is not None
    assert one.repeats.category_agreement == pytest.approx(2 / 3)
    assert one.repeats.retry_agreement == 1.0
    assert (one.repeats.confidence_min, one.repeats.confidence_max) == (0.7, 0.9)
    assert (one.seconds, one.input_tokens) == (2.0, 330)
    assert one.cost_usd == pytest.approx(0.06)


def test_the_spread_over_repeats_has_mean_and_deviation() -> None:
    good, bad = measure([row("a", label(), verdict())]), measure([row("a", label("DATA_SKEW"), verdict())])
    found = spread([good, good, bad])["accuracy_exact"]
    assert found.mean == pytest.approx(2 / 3)
    assert found.sd == pytest.approx(0.57735, abs=1e-5)
    assert (found.min, found.max) == (0.0, 1.0)


def test_an_unknown_cost_is_not_summed_to_a_smaller_one() -> None:
    rows = [row("a", label(), verdict(cost_usd=0.02)), row("b", label(), verdict(cost_usd=None))]
    assert measure(rows).cost_usd is None
    assert measure([rows[0], failed()]).cost_usd == 0.02
