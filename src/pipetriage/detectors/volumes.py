"""When a run's volume is too little, held against the good runs before it."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from pipetriage.model.facts import GoodRun
from pipetriage.settings import ThresholdSettings

MOST_RUNS = 30
"""Good runs that are compared with, the latest: a pipeline grows."""
# Fewer good runs than this say nothing, fewer than seven no deviation (Elementary, Sling).
_FEWEST_RUNS, _ENOUGH_RUNS = 3, 7
# A shortfall below this many records is noise whatever the ratio.
_RECORD_FLOOR = 100
# So many good runs that brought nothing, and this share of them, are a habit: no delivery at weekends.
_HABIT, _HABIT_SHARE = 2, 0.1


class Usual(NamedTuple):
    """What good runs bring."""

    mean: float
    runs: int
    bound: float
    """Fewer records than this are short."""


def usual(history: Sequence[int], thresholds: ThresholdSettings) -> Usual | None:
    """Give what is usual: mean − 3σ is short, or half the mean of few runs; never by a handful. None: too few runs."""
    history = history[-MOST_RUNS:]
    if len(history) < _FEWEST_RUNS:
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


def records_written(runs: Sequence[GoodRun]) -> list[int]:
    """Give what good runs wrote, of those that wrote anything: whether nothing is usual is another question."""
    return [one.records for one in runs if one.written and one.records]


def known(runs: Sequence[GoodRun]) -> list[GoodRun]:
    """Keep the latest runs of which it is known whether they wrote anything."""
    return [one for one in runs if one.written and (one.records is not None or one.files is not None)][-MOST_RUNS:]


def usually_quiet(runs: Sequence[GoodRun]) -> bool:
    """Whether good runs write nothing often enough for one more to be no news."""
    seen = known(runs)
    quiet = sum(one.records == 0 for one in seen)
    return bool(seen) and (quiet == len(seen) or (quiet >= _HABIT and quiet >= len(seen) * _HABIT_SHARE))
