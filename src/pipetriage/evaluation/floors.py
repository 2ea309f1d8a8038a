"""Floors and ceilings (``--min``, ``--max``): what makes an evaluation a gate of a build."""

from collections.abc import Sequence
from math import isfinite
from typing import Literal, NamedTuple

from pipetriage.errors import UsageError
from pipetriage.evaluation.metrics import CATEGORY_MEASURES, SINGLE_MEASURES, Metrics
from pipetriage.model.categories import Category

_SPLITS = ("development", "reserve")


class Bound(NamedTuple):
    """One bound on one measure."""

    name: str
    kind: Literal["min", "max"]
    value: float


class Held(NamedTuple):
    """A bound, the measured value, and whether it holds. A measure without a value holds no bound."""

    bound: Bound
    measured: float | None
    holds: bool

    @property
    def words(self) -> str:
        """Say it in one line."""
        wanted = f"{'at least' if self.bound.kind == 'min' else 'at most'} {self.bound.value:g}"
        if self.measured is None:
            return f"{self.bound.name} has no value, wanted {wanted}"
        return f"{self.bound.name} is {self.measured:.6g}, wanted {wanted}"


def parse_bound(text: str, kind: Literal["min", "max"]) -> Bound:
    """Read ``NAME=VALUE``; NAME is a measure, ``CATEGORY.recall``, or ``reserve.`` before either.

    Raises:
        UsageError: there is no such measure, or the value is no number.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not equals or not isfinite(number):
        raise UsageError(f"--{kind} {text}: write NAME=NUMBER, for example accuracy_exact=0.9")
    if not _is_measure(name):
        raise UsageError(
            f"--{kind} {text}: no measure {name!r}: choose from {', '.join(SINGLE_MEASURES)}; "
            f"or CATEGORY.{'|'.join(CATEGORY_MEASURES)}; with reserve. or development. before it for one split"
        )
    return Bound(name, kind, number)


def check(bounds: Sequence[Bound], metrics: Metrics) -> list[Held]:
    """Hold the metrics against every bound, in order."""
    return [_check(bound, look_up(metrics, bound.name)) for bound in bounds]


def _check(bound: Bound, measured: float | None) -> Held:
    if measured is None:
        return Held(bound, None, False)
    return Held(bound, measured, measured >= bound.value if bound.kind == "min" else measured <= bound.value)


def look_up(metrics: Metrics, name: str) -> float | None:
    """Give a measure by its dotted name; None when it has no value, or its split no case."""
    first, dot, rest = name.partition(".")
    if dot and first in _SPLITS:
        splits = metrics.splits if isinstance(metrics.splits, dict) else {}
        return look_up(splits[first], rest) if first in splits else None
    if dot:
        found: float | None = getattr(metrics.per_category[first], rest)
        return found
    value: float | None = getattr(metrics, name)
    return value


def _is_measure(name: str) -> bool:
    first, dot, rest = name.partition(".")
    if dot and first in _SPLITS:
        return _is_measure(rest) and rest.partition(".")[0] not in _SPLITS
    return rest in CATEGORY_MEASURES and first in set(Category) if dot else name in SINGLE_MEASURES
