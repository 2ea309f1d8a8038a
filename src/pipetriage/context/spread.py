"""Gathers how a number spreads over the tasks of a stage, in bounded memory."""

import math
from array import array
from bisect import bisect_right
from itertools import accumulate

from pipetriage.model.spark import Spread

EXACT = 2048
"""Values up to which quantiles are exact: 16 KiB a number, and few stages have more tasks."""

ERROR = 0.008
"""Largest relative error of a quantile beyond that."""

# A double's bits are its exponent and then its mantissa: so many of them make buckets whose bounds lie 1/64 apart.
_BITS = 6
_SHIFT = 52 - _BITS
_FIRST = 1023 << _BITS
# Remote and local bytes are two numbers.
_BUCKETS = (65 << _BITS) + 1


class Gathering:
    """One number, task by task: whole numbers from 0 to 2**63.

    Exact at first. Beyond that, counts in buckets that grow with the value, so that a bucket's middle is within
    ``ERROR`` of everything in it (as DDSketch does it: Masson and others, VLDB 2019).
    """

    __slots__ = ("_counts", "_values", "_zeros", "count", "maximum", "total")

    def __init__(self) -> None:
        self._values = array("d")
        self._zeros = 0
        """Numbers that came together and were all zero: most stages read either a table or a shuffle."""
        self._counts: array[int] | None = None
        self.count = self.total = self.maximum = 0

    def extend(self, values: list[int]) -> None:
        """Take the numbers of tasks that succeeded."""
        largest = max(values)
        if not largest:
            self.zeros(len(values))
            return
        self.count += len(values)
        self.total += sum(values)
        self.reached(largest)
        # Made of a list at once: extending by one takes its numbers singly, at twice the time.
        self._values += array("d", values)
        if len(self._values) > EXACT:
            self._to_buckets()

    def zeros(self, count: int) -> None:
        """Take so many tasks whose number is zero."""
        self.count += count
        self._zeros += count

    def reached(self, value: int) -> None:
        """Take the number of a task that failed: it counts for the maximum only."""
        if value > self.maximum:
            self.maximum = value

    def spread(self) -> Spread:
        """Give what was gathered."""
        median, p75, p95 = self._quantiles()
        return Spread(
            count=self.count,
            total=float(self.total),
            median=median,
            p75=p75,
            p95=p95,
            maximum=float(self.maximum),
        )

    def _to_buckets(self) -> None:
        if self._counts is None:
            self._counts = array("L", bytes(_BUCKETS * array("L").itemsize))
        counts = self._counts
        for bits in memoryview(self._values).cast("B").cast("Q"):
            # Zero has no exponent.
            counts[(bits >> _SHIFT) - _FIRST + 1 if bits else 0] += 1
        self._values = array("d")
        counts[0] += self._zeros
        self._zeros = 0

    def _quantiles(self) -> tuple[float, float, float]:
        """Give median, 75th and 95th percentile: nearest rank, the median of an even count between its two."""
        if not self.count:
            return 0.0, 0.0, 0.0
        ranks = (_rank(0.75, self.count), _rank(0.95, self.count))
        half = self.count // 2
        # So that it does not matter in which portions the values came.
        if self._counts is None and self.count <= EXACT:
            ordered = [0.0] * self._zeros + sorted(self._values)
            median = ordered[half] if self.count % 2 else (ordered[half - 1] + ordered[half]) / 2
            return median, ordered[ranks[0]], ordered[ranks[1]]
        self._to_buckets()
        found = _at_ranks(self._counts or array("L"), (half, *ranks))
        return found[0], found[1], found[2]


def _rank(part: float, count: int) -> int:
    return min(max(math.ceil(part * count) - 1, 0), count - 1)


def _at_ranks(counts: "array[int]", ranks: tuple[int, ...]) -> list[float]:
    """Give the values at the ranks: each bucket's middle."""
    seen = list(accumulate(counts))
    return [_middle(bisect_right(seen, rank)) for rank in ranks]


def _middle(bucket: int) -> float:
    """Give the middle of a bucket, in the sense of the relative error; a small whole number has a bucket of its own."""
    if bucket == 0:
        return 0.0
    exponent, step = divmod(bucket - 1, 1 << _BITS)
    low = 2.0**exponent * (1 + step / (1 << _BITS))
    high = 2.0**exponent * (1 + (step + 1) / (1 << _BITS))
    return low if high - low <= 1 else 2 * low * high / (low + high)
