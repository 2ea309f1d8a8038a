"""Does confidence mean anything? Reliability bins, the expected calibration error, and how sure that figure is.

Ten bins of equal mass. Cases of equal confidence always fall into one bin, so that the order of the cases changes
nothing; where many share a value there are fewer bins.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from pipetriage.evaluation.intervals import Interval

BINS = 10
_SEED = 20261122


class Sure(NamedTuple):
    """One verdict's confidence, and whether the verdict was right."""

    confidence: float
    correct: bool


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of the reliability diagram."""

    low: float
    high: float
    n: int
    correct: int
    confidence: float
    """Mean confidence of the bin's cases."""


class _Group(NamedTuple):
    """All cases of one confidence."""

    confidence: float
    n: int
    correct: int


def reliability(verdicts: Iterable[Sure]) -> list[Bin]:
    """Divide the verdicts into at most ten bins of about equal size, by confidence."""
    return [
        Bin(
            low=groups[0].confidence,
            high=groups[-1].confidence,
            n=sum(one.n for one in groups),
            correct=sum(one.correct for one in groups),
            confidence=sum(one.confidence * one.n for one in groups) / sum(one.n for one in groups),
        )
        for groups in _binned(_groups(Counter(verdicts)))
    ]


def calibration_error(verdicts: Sequence[Sure]) -> float | None:
    """Give the expected calibration error: the bins' distance from the diagonal, weighted by size; None without any."""
    if not verdicts:
        return None
    values, numbers = _numbered(verdicts)
    return _error(values, Counter(numbers), len(numbers))


def error_interval(verdicts: Sequence[Sure], *, resamples: int = 1000) -> Interval | None:
    """Give the error's 95% percentile bootstrap interval, the same every time; None without any verdict.

    Each resample is binned anew. Resampling adds noise of its own to an error that cannot be negative, so the
    interval lies rather high when the error is near 0.
    """
    if not verdicts:
        return None
    values, numbers = _numbered(verdicts)
    chance, n = random.Random(_SEED), len(numbers)  # noqa: S311 - statistics, not secrets
    errors = sorted(_error(values, Counter(chance.choices(numbers, k=n)), n) for _ in range(resamples))
    return errors[int(0.025 * resamples)], errors[min(int(0.975 * resamples), resamples - 1)]


def _numbered(verdicts: Sequence[Sure]) -> tuple[list[float], list[int]]:
    """Give the distinct confidences, ascending, and each verdict as a number: twice its place there, one more if right.

    Numbers are what a thousand resamples can count fast. They are sorted, so that the order in which cases were
    triaged changes nothing.
    """
    values = sorted({one.confidence for one in verdicts})
    place = {value: number for number, value in enumerate(values)}
    return values, sorted(2 * place[one.confidence] + one.correct for one in verdicts)


def _error(values: Sequence[float], counted: Counter[int], n: int) -> float:
    apart = inside = 0.0
    before, current = 0, -1
    for place, value in enumerate(values):
        right = counted[2 * place + 1]
        size = counted[2 * place] + right
        if not size:
            continue
        number = _bin_number(before, size, n)
        if number != current:
            apart, inside, current = apart + abs(inside), 0.0, number
        inside += value * size - right
        before += size
    return (apart + abs(inside)) / n


def _bin_number(before: int, size: int, n: int) -> int:
    """Give the bin where the middle of a group's ranks falls."""
    return int((before + size / 2) * BINS / n)


def _groups(counted: Counter[Sure]) -> list[_Group]:
    return [
        _Group(value, sum(counted[one] for one in members), sum(counted[one] for one in members if one.correct))
        for value, grouped in groupby(sorted(counted), key=lambda one: one.confidence)
        for members in [list(grouped)]
    ]


def _binned(groups: list[_Group]) -> list[list[_Group]]:
    total, before = sum(one.n for one in groups), 0
    bins: dict[int, list[_Group]] = {}
    for one in groups:
        bins.setdefault(_bin_number(before, one.n, total), []).append(one)
        before += one.n
    return [bins[number] for number in sorted(bins)]
