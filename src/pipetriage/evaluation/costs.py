"""Measures what each missing signal costs: ``python -m pipetriage.evaluation.costs CASES`` prints the table.

Every development case below CASES is triaged with all its evidence, then once without each readiness signal
(``losing.py``). The table is stored as ``readiness/costs.json``; ``make ablation`` does both.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipetriage.detectors import RULES_VERSION, all_detectors
from pipetriage.errors import PipetriageError, UsageError
from pipetriage.evaluation.case import Case, find_cases
from pipetriage.evaluation.label import Split
from pipetriage.evaluation.losing import BEFORE, LOSSES
from pipetriage.evaluation.metrics import measure
from pipetriage.evaluation.row import Row, judge
from pipetriage.evaluation.worker import verdict_of
from pipetriage.model.evidence import Collected
from pipetriage.model.write_state import RerunDecision, WriteStatus
from pipetriage.readiness.costs import Costs, Loss, Way
from pipetriage.readiness.names import Name
from pipetriage.settings import Settings
from pipetriage.sources.bundle import BundleCollector
from pipetriage.triage import Triage

SPLIT: Split = "development"
"""The reserve is only ever scored, never looked at."""

_TOLD = frozenset({WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED, WriteStatus.PARTIAL, WriteStatus.COMPLETE})


class _Result(NamedTuple):
    """One case's verdict held against its label, and whether it is told what was written in every table."""

    row: Row
    told: bool


class _Given:
    """A collector of evidence that has been collected."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected

    def collect(self) -> Collected:
        return self._collected


def measure_costs(folder: Path, *, on_done: Callable[[str], None] = lambda said: None) -> Costs:
    """Triage the development cases once with and once without each signal.

    Raises:
        UsageError: the folder holds no such case.
        PipetriageError: a case has no verdict, so the table would not be one of all cases.
    """
    settings = Settings()
    flow = Triage(
        detectors=all_detectors(settings.thresholds),
        settings=settings,
        rules_version=RULES_VERSION,
        clock=lambda: datetime.now(UTC),
        timer=time.perf_counter,
    )
    cases = find_cases(folder, split=SPLIT).chosen
    evidence = [BundleCollector(case.folder, settings.settle).collect() for case in cases]
    whole = [_judged(flow, case, one) for case, one in zip(cases, evidence, strict=True)]
    on_done(f"{len(cases)} cases with all their signals")
    losses = []
    for (name, way), lose in LOSSES.items():
        given, known = evidence, whole
        if way in BEFORE:
            given = [BEFORE[way](one) for one in evidence]
            known = _all_judged(flow, cases, given, evidence, whole)
        lacking = [lose(one) for one in given]
        had_it = [less is not one for less, one in zip(lacking, given, strict=True)]
        losses.append(_loss(name, way, had_it, known, _all_judged(flow, cases, lacking, given, known)))
        on_done(f"{sum(had_it)} cases without {name} ({way})")
    metrics = measure([one.row for one in whole])
    return Costs(
        rules_version=RULES_VERSION,
        split=SPLIT,
        cases=len(cases),
        safe_retry_coverage=_rounded(metrics.safe_retry_coverage),
        accuracy_acceptable=_rounded(metrics.accuracy_acceptable),
        fatal_misses=metrics.fatal_misses,
        losses=losses,
    )


def _all_judged(
    flow: Triage,
    cases: Sequence[Case],
    lacking: Sequence[Collected],
    given: Sequence[Collected],
    known: Sequence[_Result],
) -> list[_Result]:
    """Judge the cases without a signal; those that never had it are as they were."""
    return [
        before if less is one else _judged(flow, case, less)
        for case, less, one, before in zip(cases, lacking, given, known, strict=True)
    ]


def _judged(flow: Triage, case: Case, collected: Collected) -> _Result:
    if case.label is None:
        raise UsageError(f"{case.name}: {case.error}")
    incident = flow.run(_Given(collected))
    states = [one.status for one in incident.write_state]
    told = bool(states) and _TOLD.issuperset(states)
    return _Result(judge(case.name, case.label, verdict_of(incident, 0.0)), told)


def _loss(name: Name, way: Way, had_it: Sequence[bool], whole: Sequence[_Result], lacking: Sequence[_Result]) -> Loss:
    pairs = [pair for pair, had in zip(zip(whole, lacking, strict=True), had_it, strict=True) if had]
    retries = [after.row for before, after in pairs if _proven_retry(before.row)]
    reruns = [after.row for before, after in pairs if _proven_rerun(before.row)]
    named = [(before.row, after.row) for before, after in pairs if before.row.acceptable]
    told = [after.told for before, after in pairs if before.told]
    metrics = measure([one.row for one in lacking])
    return Loss(
        signal=name,
        way=way,
        had_it=len(pairs),
        retries=len(retries),
        retries_lost=sum(not _proven_retry(row) for row in retries),
        reruns=len(reruns),
        reruns_lost=sum(not _proven_rerun(row) for row in reruns),
        told=len(told),
        told_lost=told.count(False),
        categories=_counted([before for before, _ in named]),
        categories_lost=_counted([before for before, after in named if not after.acceptable]),
        safe_retry_coverage=_rounded(metrics.safe_retry_coverage),
        accuracy_acceptable=_rounded(metrics.accuracy_acceptable),
        fatal_misses=metrics.fatal_misses,
    )


def _proven_retry(row: Row) -> bool:
    return row.safe_to_retry is True and row.expected_safe_to_retry is True


def _proven_rerun(row: Row) -> bool:
    return row.rerun is RerunDecision.SAFE and row.rerun_harmless is True


def _counted(rows: Sequence[Row]) -> dict[str, int]:
    return dict(sorted(Counter(str(row.failure_category) for row in rows).items()))


def _rounded(share: float | None) -> float:
    return round(share or 0.0, 4)


if __name__ == "__main__":
    try:
        table = measure_costs(Path(sys.argv[1]), on_done=lambda said: print(said, file=sys.stderr))  # noqa: T201
    except (IndexError, UsageError) as wrong:
        sys.exit(f"python -m pipetriage.evaluation.costs CASES: {wrong}")
    except PipetriageError as wrong:
        sys.exit(f"python -m pipetriage.evaluation.costs: {wrong}")
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(table), indent=2).decode() + "\n")
