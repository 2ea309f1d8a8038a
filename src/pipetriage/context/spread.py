"""Gathers how a number spreads over the tasks of a stage, in bounded memory."""

import math
from array import array

from pipetriage.model.spark import Spread

EXACT = 2048
"""Values up to which quantiles are exact: 16 KiB a number, and few stages have more tasks."""

ERROR = 0.01
"""Largest relative error of a quantile beyond that."""

_GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG_GAMMA = math.log(_GAMMA)
# Values of 1 and more, up to 2**63; what is smaller counts as zero. Bytes, records and milliseconds are whole.
_BUCKETS = math.ceil(63 * math.log(2) / _LOG_GAMMA) + 2


class Gathering:
    """One number, task by task.

    Exact at first. Beyond that, buckets whose bounds grow by a constant factor, so that a bucket's middle is within
    ``ERROR`` of everything in it (DDSketch, Masson and others, VLDB 2019). The range of the values is known, so that
    an array of counts does for it.
    """

    __slots__ = ("_counts", "count", "maximum", "total", "values")

    def __init__(self) -> None:
        self.values = array("d")
        self._counts: array[int] | None = None
        self.count = 0
        self.total = 0.0
        self.maximum = 0.0

    def add(self, value: float) -> None:
        """Take the number of a task that succeeded; it is no less than zero and no more than 2**63."""
        self.count += 1
        self.total += value
        if value > self.maximum:
            self.maximum = value
        if self._counts is None:
            self.values.append(value)
            if self.count > EXACT:
                self._to_buckets()
        else:
            self._counts[_bucket(value)] += 1

    def reached(self, value: float) -> None:
        """Take the number of a task that failed: it counts for the maximum only."""
        if value > self.maximum:
            self.maximum = value

    def spread(self) -> Spread:
        """Give what was gathered."""
        median, p75, p95 = self._quantiles()
        largest = float(self.maximum)
        return Spread(count=self.count, total=self.total, median=median, p75=p75, p95=p95, maximum=largest)

    def _to_buckets(self) -> None:
        counts = array("L", bytes(_BUCKETS * array("L").itemsize))
        for value in self.values:
            counts[_bucket(value)] += 1
        self._counts, self.values = counts, array("d")

    def _quantiles(self) -> tuple[float, float, float]:
        """Give median, 75th and 95th percentile: nearest rank, the median of an even count between its two."""
        if not self.count:
            return 0.0, 0.0, 0.0
        ranks = (_rank(0.75, self.count), _rank(0.95, self.count))
        half = self.count // 2
        if self._counts is None:
            ordered = sorted(self.values)
            median = ordered[half] if self.count % 2 else (ordered[half - 1] + ordered[half]) / 2
            return median, ordered[ranks[0]], ordered[ranks[1]]
        found = _at_ranks(self._counts, (half, *ranks))
        return found[0], found[1], found[2]


def _rank(part: float, count: int) -> int:
    return min(max(math.ceil(part * count) - 1, 0), count - 1)


def _bucket(value: float) -> int:
    return 0 if value < 1 else math.ceil(math.log(value) / _LOG_GAMMA) + 1


def _at_ranks(counts: "array[int]", ranks: tuple[int, ...]) -> list[float]:
    """Give the values at ascending ranks: each bucket's middle, in the sense of the relative error."""
    found: list[float] = []
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        while len(found) < len(ranks) and ranks[len(found)] < seen:
            found.append(0.0 if bucket == 0 else 2 * _GAMMA ** (bucket - 1) / (_GAMMA + 1))
        if len(found) == len(ranks):
            break
    return found
