"""When a run's volume is too little, held against the good runs before it."""

import statistics
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from pipetriage.model.facts import GoodRun
from pipetriage.settings import ThresholdSettings

MOST_RUNS = 30
"""Good runs that are compared with, the latest: a pipeline grows. So many short ones in a row are the new usual."""
FEWEST_RUNS = 3
"""Fewer good runs than this say nothing (Elementary, Sling)."""
# Fewer than these say nothing of how much they differ (the same).
_ENOUGH_RUNS = 7
# A shortfall below this many records is noise whatever the ratio.
_RECORD_FLOOR = 100
# So many separate times that good runs brought nothing, and this share of the latest, are a habit: weekends, nights.
_HABIT, _HABIT_SHARE = 2, 0.1
# How far back a habit is looked for: hourly runs of three days and more, what Glue remembers of daily ones.
_HABIT_RUNS = 90


class Usual(NamedTuple):
    """What good runs bring."""

    mean: float
    runs: int
    bound: float
    """Fewer records than this are short."""


def usual(history: Sequence[int], thresholds: ThresholdSettings) -> Usual | None:
    """Give what is usual: mean − 3σ is short, or half the mean of few runs; never by a handful. None: too few runs."""
    history = history[-MOST_RUNS:]
    if len(history) < FEWEST_RUNS:
        return None
    mean = statistics.fmean(history)
    if len(history) < _ENOUGH_RUNS:
        bound = mean * thresholds.low_record_ratio
    else:
        bound = mean - thresholds.low_record_sigma * statistics.pstdev(history)
        # Runs that hardly differ would make every small dip an alarm.
        bound = min(bound, mean * 0.9)
    floored = bound if mean - bound >= _RECORD_FLOOR or mean < _RECORD_FLOOR else mean - _RECORD_FLOOR
    return Usual(mean, len(history), floored)


def settled(runs: Sequence[GoodRun], thresholds: ThresholdSettings) -> list[GoodRun]:
    """Leave out the newest good runs, one after another, that were all short against those before them.

    Glue calls a silent failure a success, so the history of good runs holds the failures of the last days; held
    against those, the next one would be no news. ``MOST_RUNS`` of them in a row are taken for what is usual now: a
    pipeline that has shrunk for good is told of so often and no more. Oldest first, both ways.
    """
    seen = [one for one in runs if one.records is not None or one.files is not None][-_HABIT_RUNS:]
    first = 0
    while (end := _before_short(seen[first:], thresholds)) is not None:
        if len(seen) - first - end < MOST_RUNS:
            return seen[first : first + end]
        first += end
    return seen[first:]


def _before_short(runs: list[GoodRun], thresholds: ThresholdSettings) -> int | None:
    """Count the runs before the longest end of the history that is short throughout; None: it ends in no such run."""
    for end in range(1, len(runs)):
        bar = _Bar.of(runs[:end], thresholds)
        if all(bar.is_short(one) for one in runs[end:]):
            return end
    return None


class _Bar(NamedTuple):
    """What a run has to bring, going by those before it."""

    something: bool
    records: float
    """Fewer than these are short, of a run that brought any; 0: too little is known."""

    @classmethod
    def of(cls, before: Sequence[GoodRun], thresholds: ThresholdSettings) -> "_Bar":
        counts = [one.records for one in before if one.records]
        than = usual(counts, thresholds)
        bound = than.bound if than is not None else 0.0
        if len(counts) < _ENOUGH_RUNS:
            # Whatever comes after a first load is less than the mean with it, and yet no failure.
            bound = min(bound, min(counts, default=0) * thresholds.low_record_ratio)
        return cls(any(one.records != 0 for one in before) and not _is_habit(before), bound)

    def is_short(self, run: GoodRun) -> bool:
        if run.records is None:
            return False
        return run.records < self.records if run.records else self.something


def records_written(runs: Sequence[GoodRun]) -> list[int]:
    """Give what good runs wrote, of those that wrote anything: whether nothing is usual is another question."""
    return [one.records for one in runs if one.written and one.records]


def known(runs: Sequence[GoodRun]) -> list[GoodRun]:
    """Keep the latest runs of which it is known whether they wrote anything."""
    return _known(runs)[-MOST_RUNS:]


def usually_quiet(runs: Sequence[GoodRun]) -> bool:
    """Whether good runs (``settled``) write nothing often enough for one more to be no news."""
    return _is_habit(_known(runs))


def _known(runs: Sequence[GoodRun]) -> list[GoodRun]:
    return [one for one in runs if one.written and (one.records is not None or one.files is not None)]


def _is_habit(runs: Sequence[GoodRun]) -> bool:
    latest = [one.records == 0 for one in runs[-MOST_RUNS:]]
    if not latest or all(latest):
        return bool(latest)
    # Spread over the history: one outage of several runs is none.
    times = sum(quiet for quiet, _ in groupby(one.records == 0 for one in runs[-_HABIT_RUNS:]))
    return times >= _HABIT and sum(latest) >= len(latest) * _HABIT_SHARE
