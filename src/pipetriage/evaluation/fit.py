"""Fits the weights of ``verdict/confidence.py``: ``python -m pipetriage.evaluation.fit FILE`` prints them.

FILE is what ``pipetriage evaluate --json`` wrote, or the outcomes kept of one (``cases/first_contact.json``).

Logistic regression with a normal prior around ``PRIOR`` (a maximum a posteriori estimate): where the cases say little
about a sign, its weight stays what an engineer would have said, and a set without a mistake does not make it infinite.
"""

import hashlib
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pipetriage.errors import UsageError
from pipetriage.verdict.confidence import PRIOR, Calibration

METHOD = "logistic, normal prior"
SPREAD = 1.5
"""Standard deviation of the prior, in log-odds: one case in twenty against a sign moves it by about as much."""
_WRONG_COUNTS = 1.5
"""A wrong verdict weighs more: to be too sure of it costs more than to be too modest about a right one."""
_STEPS, _ENOUGH = 50, 1e-9

Example = tuple[Mapping[str, float], bool]
"""A verdict's signs, and whether it was right."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict showed, and whether it was right; a row of an evaluation has both."""

    case: str
    signs: dict[str, float]
    correct: bool


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    signs: dict[str, float] = {}
    correct: bool = False
    error: str | None = None
    expected_safe_to_retry: bool | None = None


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    cases: list[_Told]


def read_outcomes(path: Path) -> tuple[list[Outcome], str]:
    """Read outcomes, and the file's SHA-256; of a report, the cases with a verdict whose label knows of retries.

    Raises:
        UsageError: there is no such file, or it holds neither.
    """
    try:
        data = path.read_bytes()
        read = msgspec.json.decode(data, type=_Report | list[Outcome])
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{path}: {error}: give what pipetriage evaluate --json wrote") from error
    if isinstance(read, _Report):
        told = [one for one in read.cases if one.error is None and one.expected_safe_to_retry is not None]
        read = [Outcome(case=one.case, signs=one.signs, correct=one.correct) for one in told]
    return read, hashlib.sha256(data).hexdigest()


def calibrate(told: Sequence[Outcome], digest: str) -> Calibration:
    """Fit to outcomes; ``digest`` names them in what is stored."""
    return Calibration(
        method=METHOD,
        weights=fit([(one.signs, one.correct) for one in told]),
        data_sha256=digest,
        cases=len(told),
        right=sum(one.correct for one in told),
    )


def fit(examples: Sequence[Example]) -> dict[str, float]:
    """Give the weights, rounded to three digits; the same examples give the same weights, in any order.

    A sign that speaks against a verdict (its prior is below 0) never raises the confidence, however few the cases: one
    that comes out above 0 is left out, at 0.
    """
    silent: set[str] = set()
    while True:
        weights = _fitted(examples, [name for name in PRIOR if name not in silent])
        raising = {name for name, weight in weights.items() if PRIOR[name] < 0 < weight}
        if not raising:
            return {name: weights.get(name, 0.0) for name in PRIOR}
        silent |= raising


def _fitted(examples: Sequence[Example], names: list[str]) -> dict[str, float]:
    rows = sorted(([float(signs.get(name, 0.0)) for name in names], right) for signs, right in examples)
    weights = [PRIOR[name] for name in names]
    for _ in range(_STEPS):
        step = _solved(*_newton(rows, weights, [PRIOR[name] for name in names]))
        weights = [weight + change for weight, change in zip(weights, step, strict=True)]
        if max(map(abs, step)) < _ENOUGH:
            break
    return {name: round(weight, 3) for name, weight in zip(names, weights, strict=True)}


def _newton(
    rows: list[tuple[list[float], bool]], weights: list[float], prior: list[float]
) -> tuple[list[list[float]], list[float]]:
    """Give the curvature and the gradient of the log posterior."""
    size, precision = len(weights), 1 / SPREAD**2
    gradient = [precision * (one - weight) for one, weight in zip(prior, weights, strict=True)]
    curvature = [[precision * (row == column) for column in range(size)] for row in range(size)]
    for signs, right in rows:
        odds = sum(weight * sign for weight, sign in zip(weights, signs, strict=True))
        expected = 1 / (1 + math.exp(-odds))
        weight = 1.0 if right else _WRONG_COUNTS
        shown = [index for index, sign in enumerate(signs) if sign]
        for one in shown:
            gradient[one] += weight * signs[one] * (right - expected)
            for other in shown:
                curvature[one][other] += weight * signs[one] * signs[other] * expected * (1 - expected)
    return curvature, gradient


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve by elimination; the matrix is positive definite, so no pivot is zero."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for pivot in range(size):
        for row in range(pivot + 1, size):
            factor = rows[row][pivot] / rows[pivot][pivot]
            for column in range(pivot, size + 1):
                rows[row][column] -= factor * rows[pivot][column]
    solved = [0.0] * size
    for row in reversed(range(size)):
        known = sum(rows[row][column] * solved[column] for column in range(row + 1, size))
        solved[row] = (rows[row][size] - known) / rows[row][row]
    return solved


if __name__ == "__main__":
    try:
        fitted = calibrate(*read_outcomes(Path(sys.argv[1])))
    except (IndexError, UsageError) as wrong:
        sys.exit(f"python -m pipetriage.evaluation.fit FILE: {wrong}")
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(fitted), indent=2).decode() + "\n")
