"""Bounds that make an evaluation a gate."""

import pytest

from pipetriage.errors import UsageError
from pipetriage.evaluation.floors import check, parse_bound
from pipetriage.evaluation.metrics import measure, measure_with_splits
from tests.evaluation.building import label, row, verdict

METRICS = measure_with_splits(
    [row(str(n), label(safe=None), verdict("UNKNOWN" if n < 9 else "DATA_SKEW")) for n in range(10)]
)


@pytest.mark.parametrize(
    ("text", "kind", "holds"),
    [
        ("accuracy_exact=0.9", "min", True),
        ("accuracy_exact=0.91", "min", False),
        ("accuracy_exact=0.9", "max", True),
        ("fatal_misses=0", "max", True),
        ("UNKNOWN.recall=0.9", "min", True),
        ("UNKNOWN.precision=1", "min", True),
        ("DATA_SKEW.recall=0", "min", False),  # no such case: no value
        ("safe_retry_precision=0", "min", False),  # nothing was called safe: no value
        ("reserve.accuracy_exact=0", "min", False),  # no such split: no value
        ("reserve.fatal_misses=0", "max", False),
    ],
)
def test_a_bound_holds_or_not_and_without_a_value_it_does_not(text: str, kind: str, holds: bool) -> None:
    held = check([parse_bound(text, kind)], METRICS)  # type: ignore[arg-type]
    assert [one.holds for one in held] == [holds]
    assert text.split("=")[0] in held[0].words


@pytest.mark.parametrize(
    "text",
    [
        "accuracy=0.9",
        "accuracy_exact",
        "accuracy_exact=",
        "accuracy_exact=high",
        "accuracy_exact=nan",
        "=1",
        "reserve.reserve.ece=1",
        "reserve.=1",
        "intervals=1",
        "NOPE.recall=1",
        "UNKNOWN.support=1",
    ],
)
def test_a_bound_on_nothing_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="--min"):
        parse_bound(text, "min")


def test_a_category_of_a_split_can_be_bounded() -> None:
    assert parse_bound("reserve.UNKNOWN.f1=0.5", "min").value == 0.5


def test_every_bound_is_reported_in_order() -> None:
    bounds = [parse_bound("ece=1", "max"), parse_bound("cases=11", "min")]
    assert [one.holds for one in check(bounds, measure([]))] == [False, False]
