"""Running an evaluation: every case through a triage, held against its label, and measured."""

from collections.abc import Callable, Sequence

import msgspec

from pipetriage.evaluation.case import Case
from pipetriage.evaluation.metrics import Metrics, measure, measure_with_splits, spread
from pipetriage.evaluation.model_effect import effect
from pipetriage.evaluation.pool import Pool
from pipetriage.evaluation.row import Row, Verdict, combine, judge, with_model
from pipetriage.evaluation.worker import Factory


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation found: the shape of ``--json`` (design section 8)."""

    metrics: Metrics
    cases: list[Row]


def evaluate(
    cases: Sequence[Case],
    factory: Factory,
    *,
    jobs: int = 1,
    timeout: float = 60.0,
    repeat: int = 1,
    about: dict[str, object] | None = None,
    on_done: Callable[[int], None] = lambda done: None,
) -> Report:
    """Triage every case, ``repeat`` times each, and measure. Rows are in the cases' order.

    ``timeout`` is seconds a case; ``about`` goes into the report as it is; ``on_done`` is told how many triages are
    done so far.

    Raises:
        EvaluationError: no triage process can be started.
    """
    labelled = [number for number, case in enumerate(cases) if case.label is not None]
    folders = [str(cases[number].folder) for number in labelled for _ in range(repeat)]
    verdicts = Pool(factory, folders, jobs=jobs, timeout=timeout, on_done=on_done).run() if folders else []
    first = {number: place * repeat for place, number in enumerate(labelled)}
    given = [_verdicts_of(case, verdicts, first.get(number, 0), repeat) for number, case in enumerate(cases)]
    judged = [[judge(case.name, case.label, one) for one in given[number]] for number, case in enumerate(cases)]
    both = [
        one
        for number, case in enumerate(cases)
        for row, verdict in zip(judged[number], given[number], strict=True)
        if (one := with_model(row, case.label, verdict)) is not None
    ]
    rows = [combine(repeats) for repeats in judged]
    metrics = measure_with_splits(rows)
    if repeat > 1:
        each = [measure([repeats[turn] for repeats in judged], resamples=1) for turn in range(repeat)]
        metrics = msgspec.structs.replace(metrics, repeats=spread(each))
    if (added := effect(both)) is not None:
        metrics = msgspec.structs.replace(metrics, model_effect=added)
    rules = next((one.rules_version for one in verdicts if one.rules_version), None)
    run = {**(about or {}), "rules_version": rules}
    return Report(metrics=msgspec.structs.replace(metrics, run=run), cases=rows)


def _verdicts_of(case: Case, verdicts: Sequence[Verdict], first: int, repeat: int) -> Sequence[Verdict]:
    if case.label is None:
        return [Verdict(error=case.error)] * repeat
    return verdicts[first : first + repeat]
