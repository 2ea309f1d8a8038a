"""How sure a rate is: Wilson's score interval."""

from math import sqrt
from typing import NamedTuple

Interval = tuple[float, float]

# The 97.5th percentile of the normal distribution, for 95% intervals.
_Z = 1.959963984540054


def wilson(hits: int, n: int) -> Interval | None:
    """Give the 95% score interval of ``hits`` out of ``n`` (Wilson 1927); None when n is 0."""
    if n == 0:
        return None
    share, square = hits / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    # At the ends the exact bound is 0 or 1; rounding must not leave 1e-17.
    return (0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half)


class Rate(NamedTuple):
    """How many of how many."""

    hits: int
    n: int

    @property
    def share(self) -> float | None:
        """Hits out of n; None when n is 0."""
        return self.hits / self.n if self.n else None
