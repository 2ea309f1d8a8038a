"""Quantiles of a stage's tasks: exact where they are few, near where they are many."""

import math
import random
import statistics
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipetriage.context.spread import ERROR, EXACT, Gathering
from pipetriage.model.spark import Spread


def gathered(values: list[int]) -> Spread:
    gathering = Gathering()
    for start in range(0, len(values), 50):
        gathering.extend(values[start : start + 50])
    return gathering.spread()


def test_nothing_is_zero() -> None:
    assert Gathering().spread() == Spread()


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=200))
def test_few_values_are_exact(values: list[int]) -> None:
    found = gathered(values)
    ordered = [float(value) for value in sorted(values)]
    assert found.count == len(values)
    assert found.median == pytest.approx(statistics.median(ordered))
    assert found.p75 == ordered[math.ceil(0.75 * len(ordered)) - 1]
    assert found.p95 == ordered[math.ceil(0.95 * len(ordered)) - 1]
    assert found.maximum == ordered[-1]


@pytest.mark.parametrize("largest", [1, 50, 3_000_000, 2**63 - 1])
def test_many_values_are_near(largest: int) -> None:
    random_ = random.Random(largest)  # noqa: S311 - values to be measured, no secret
    values = [int(largest * random_.random() ** 3) for _ in range(3 * EXACT)]
    found, ordered = gathered(values), sorted(values)
    for quantile, exact in (
        (found.median, ordered[len(ordered) // 2]),
        (found.p75, ordered[math.ceil(0.75 * len(ordered)) - 1]),
        (found.p95, ordered[math.ceil(0.95 * len(ordered)) - 1]),
    ):
        assert quantile == pytest.approx(exact, rel=ERROR * 1.001)
    assert found.total == float(sum(values))
    assert found.maximum == ordered[-1]


def test_what_a_failed_task_reached_is_the_largest_and_nothing_else() -> None:
    gathering = Gathering()
    gathering.extend([10, 20, 30])
    gathering.reached(9_000_000_000)
    assert gathering.spread() == Spread(count=3, total=60, median=20, p75=30, p95=30, maximum=9e9)


def test_memory_is_bounded() -> None:
    gathering = Gathering()
    tracemalloc.start()
    for value in range(20 * EXACT):
        gathering.extend([value**3])
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 100_000


def test_portions_do_not_matter() -> None:
    values = [value * 37 % 5003 for value in range(2 * EXACT)]
    one, other = Gathering(), Gathering()
    one.extend(values)
    for value in values:
        other.extend([value])
    assert one.spread() == other.spread()


@pytest.mark.parametrize("times", [1, 60])
def test_zeros_that_come_together_are_numbers_like_any_other(times: int) -> None:
    mixed, together = Gathering(), Gathering()
    for _ in range(times):
        mixed.extend([0, 7, 0, 5, 0, 9] * 10)
        together.extend([0] * 30)
        together.extend([7, 5, 9] * 10)
    assert together.spread() == mixed.spread()
