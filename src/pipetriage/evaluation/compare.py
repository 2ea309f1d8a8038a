"""Two evaluations side by side: which ranks higher, and every case that changed sides."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pipetriage.errors import UsageError
from pipetriage.evaluation.label import Label
from pipetriage.evaluation.metrics import weighted_score
from pipetriage.evaluation.row import Row, Verdict, judge
from pipetriage.model.write_state import RerunDecision


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One case whose verdict now lies on another side than before."""

    case: str
    before: str
    now: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How this run stands to an earlier one.

    Both are scored on the cases that they share, and by today's labels: a corrected label is no change of the triage.
    """

    shared: int
    score_before: float | None
    score_now: float | None
    changes: dict[str, list[Change]]
    """By side, worst first; every side is there, with or without cases."""
    only_here: list[str]
    only_there: list[str]
    new_fatal: list[str]
    """Fatal misses that the earlier run does not have, in cases that it did not know among them."""
    relabelled: list[str]

    @property
    def ranks(self) -> str:
        """``higher``, ``lower`` or ``equal``, by weighted score; ``unknown`` without a shared case."""
        if self.score_before is None or self.score_now is None:
            return "unknown"
        # Costs are multiples of a half, so that a smaller difference is rounding.
        if abs(self.score_now - self.score_before) < 1e-9:
            return "equal"
        return "higher" if self.score_now > self.score_before else "lower"

    @property
    def worse(self) -> bool:
        """Does this run rank lower, or have a fatal miss that the earlier one has not?"""
        return self.ranks == "lower" or bool(self.new_fatal)

    @property
    def why_worse(self) -> str:
        """Say why; for a comparison that is worse."""
        if not self.new_fatal:
            return f"ranks lower than the earlier run: {self._scores}"
        return f"{len(self.new_fatal)} fatal misses that the earlier run has not: {', '.join(self.new_fatal)}"

    @property
    def words(self) -> str:
        """Say in one paragraph how the two runs stand."""
        said = f"Ranks {self.ranks} by weighted score, {self._scores}, on the {self.shared} cases that both have."
        if self.relabelled:
            said += f" Today's labels count for both; they differ from the earlier ones in {len(self.relabelled)}."
        return said

    @property
    def _scores(self) -> str:
        before, now = ("none" if one is None else f"{one:.4f}" for one in (self.score_before, self.score_now))
        return f"{before} before and {now} now"


class _Earlier(msgspec.Struct):
    cases: list[Row]


def read_earlier(path: Path) -> list[Row]:
    """Read the cases of an earlier ``--json`` file.

    Raises:
        UsageError: it cannot be read, or is no such file.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Earlier).cases
    except OSError as error:
        raise UsageError(f"--against {path}: {error.strerror or error}: name an earlier --json file") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--against {path} is no file that evaluate --json wrote: {error}") from error


# A side: the case was not there before and is now. Worst first.
_SIDES: dict[str, Callable[[Row, Row], bool]] = {
    "newly fatal": lambda before, now: now.fatal and not before.fatal,
    "newly without a verdict": lambda before, now: now.error is not None and before.error is None,
    "newly wrong": lambda before, now: before.acceptable and not now.acceptable and now.error is None,
    "lost retries": lambda before, now: _right_retry(before) and now.safe_to_retry is not True,
    "lost safe reruns": lambda before, now: _right_rerun(before) and now.rerun is not RerunDecision.SAFE,
    "acceptable, no longer exact": lambda before, now: before.exact and now.acceptable and not now.exact,
    "no longer fatal": lambda before, now: before.fatal and not now.fatal,
    "newly right": lambda before, now: now.acceptable and not before.acceptable,
    "gained retries": lambda before, now: _right_retry(now) and before.safe_to_retry is not True,
    "gained safe reruns": lambda before, now: _right_rerun(now) and before.rerun is not RerunDecision.SAFE,
    "newly exact": lambda before, now: now.exact and before.acceptable and not before.exact,
}


def _right_retry(row: Row) -> bool:
    return row.safe_to_retry is True and row.expected_safe_to_retry is True


def _right_rerun(row: Row) -> bool:
    return row.rerun is RerunDecision.SAFE and row.rerun_harmless is True


def compare(now: Sequence[Row], earlier: Sequence[Row]) -> Comparison:
    """Compare this run's rows with an earlier run's."""
    before = {row.case: row for row in earlier}
    here = {row.case for row in now}
    pairs = [(_rejudged(before[row.case], row), row) for row in now if row.case in before]
    fatal_before = {row.case for row, _ in pairs if row.fatal}
    return Comparison(
        shared=len(pairs),
        score_before=weighted_score([old for old, _ in pairs]),
        score_now=weighted_score([new for _, new in pairs]),
        changes={
            side: [
                Change(case=new.case, before=describe(old), now=describe(new)) for old, new in pairs if moved(old, new)
            ]
            for side, moved in _SIDES.items()
        },
        only_here=[row.case for row in now if row.case not in before],
        only_there=[row.case for row in earlier if row.case not in here],
        new_fatal=[row.case for row in now if row.fatal and row.case not in fatal_before],
        relabelled=[new.case for _, new in pairs if _label_key(before[new.case]) != _label_key(new)],
    )


def _rejudged(earlier: Row, now: Row) -> Row:
    """Hold the earlier verdict against today's label."""
    if now.expected_category is None:
        return earlier
    label = Label(
        failure_category=now.expected_category,
        acceptable_categories=now.acceptable_categories,
        safe_to_retry=now.expected_safe_to_retry,
        rerun_harmless=now.rerun_harmless,
    )
    verdict = Verdict(
        failure_category=earlier.failure_category,
        failure_mode=earlier.failure_mode,
        safe_to_retry=earlier.safe_to_retry,
        rerun=earlier.rerun,
        confidence=earlier.confidence,
        error=earlier.error,
    )
    return judge(earlier.case, label, verdict)


def _label_key(row: Row) -> tuple[object, ...]:
    return (
        row.expected_category,
        frozenset(row.acceptable_categories),
        row.expected_safe_to_retry,
        row.rerun_harmless,
    )


def describe(row: Row) -> str:
    """Say a verdict in a few words."""
    if row.error is not None or row.failure_category is None:
        return "no verdict"
    retry = "safe to retry" if row.safe_to_retry else "not safe to retry"
    mode = f"/{row.failure_mode}" if row.failure_mode else ""
    return f"{row.failure_category.value}{mode}, {retry}, rerun {row.rerun.value if row.rerun else 'undecided'}"
