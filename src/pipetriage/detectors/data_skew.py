"""DATA_SKEW: a few keys hold most of the data, and the task that has them broke or never finished."""

import re
from collections.abc import Iterator

import msgspec

from pipetriage.detectors.rules import Hit, RuleBook, strongest, unique
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding, Strength
from pipetriage.model.spark import StageFacts
from pipetriage.settings import ThresholdSettings

# Glue's observability metrics; the documented skewness factor is 5 (``skew_ratio``).
_SKEW_METRICS = frozenset({"glue.driver.skewness.stage", "glue.driver.skewness.job"})


class Skew(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the skew shows."""

    what: str
    mode: FailureMode
    failed: bool
    """The skewed stage itself failed or lost executors."""
    evidence: str


def skew_evidence(context: Context, thresholds: ThresholdSettings) -> list[Skew]:
    """Find skewed stages in the event log, and skewness in Glue's metrics; what failed comes first."""
    found = [
        skew
        for application in context.facts.spark
        for stage in application.stages
        if (skew := _skewed(stage, thresholds)) is not None
    ]
    found += [
        Skew(
            what=f"the metric {metric.label} reached {metric.maximum:.1f}",
            mode=FailureMode.SKEWED_KEY,
            failed=False,
            evidence=metric.evidence,
        )
        for metric in context.facts.metrics
        if metric.label in _SKEW_METRICS and metric.maximum >= thresholds.skew_ratio
    ]
    return sorted(found, key=lambda one: not one.failed)


def _skewed(stage: StageFacts, thresholds: ThresholdSettings) -> Skew | None:
    ratio = thresholds.skew_ratio
    bytes_ratio = _ratio(stage.shuffle_bytes.maximum, stage.shuffle_bytes.median)
    records_ratio = _ratio(stage.shuffle_records.maximum, stage.shuffle_records.median)
    spilled = max(stage.memory_spilled, stage.disk_spilled)
    by_bytes = bytes_ratio >= ratio and stage.shuffle_bytes.maximum >= thresholds.skew_min_bytes
    # Time alone is a slow node or a cold start; with the records it is skew.
    by_time = (
        _ratio(stage.duration_ms.maximum, stage.duration_ms.median) >= ratio
        and stage.duration_ms.maximum >= thresholds.skew_min_task_ms
        and stage.tasks >= thresholds.skew_min_tasks
        and records_ratio >= ratio
    )
    by_spill = spilled >= thresholds.spill_min_bytes and max(bytes_ratio, records_ratio) >= ratio
    if not (by_bytes or by_time or by_spill):
        return None
    if stage.executors_lost:
        mode = FailureMode.SKEWED_EXECUTOR_LOSS
    else:
        mode = FailureMode.SHUFFLE_SPILL if by_spill else FailureMode.SKEWED_KEY
    worst = max(bytes_ratio, records_ratio)
    shown = f"{worst:.0f} times the median" if worst < 1e6 else "nearly all of it"
    what = f"the largest task of stage {stage.stage_id} read {shown}"
    if spilled >= thresholds.spill_min_bytes:
        what += f" and the stage spilled {spilled / 2**20:.0f} MiB"
    failed = bool(stage.failure_reason or stage.executors_lost)
    return Skew(what=what, mode=mode, failed=failed, evidence=stage.evidence)


def _ratio(largest: float, median: float) -> float:
    if largest <= 0:
        return 0.0
    return largest / median if median > 0 else float("inf")


# What names an executor, a task or a stage: in the driver alone, no key can be too heavy.
_IN_TASKS = re.compile(r"stage failure|Lost task|\bexecutor\b|\bTID\b|TaskSetManager", re.IGNORECASE)


def from_skew(context: Context, hit: Hit, thresholds: ThresholdSettings) -> bool:
    """Whether skew was seen and this error is of the kind that it causes: tasks that ran out of memory or disk."""
    if hit.rule.mode is not FailureMode.RESOURCE_EXHAUSTED:
        return False
    skews = skew_evidence(context, thresholds)
    if not skews or hit.rule.id in {"result-size", "broadcast", "driver-memory"}:
        return False
    texts = (hit.error.stream, hit.error.logger, hit.error.excerpt, *(cause.message for cause in hit.error.causes))
    in_tasks = hit.rule.id.startswith("task-") or any(_IN_TASKS.search(text) for text in texts)
    return in_tasks or any(skew.failed for skew in skews)


class DataSkew:
    """Finds skew, and says that it broke the run only where what broke fits it."""

    id = "data_skew"
    summary = "One task had far more data than the others, and memory, executors or time ran out on it."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from stages and metrics, then from how the run ended."""
        return strongest(self._found(context))

    def _found(self, context: Context) -> Iterator[Finding]:
        skews = skew_evidence(context, self._thresholds)
        if not skews:
            return
        exhausted = [
            hit
            for hit in self._book.hits(context)
            if hit.error.terminal and not hit.error.survived and from_skew(context, hit, self._thresholds)
        ]
        other = self._book.other_cause(context, Category.DATA_SKEW)
        told = other is not None and not from_skew(context, other, self._thresholds)
        for skew in skews[:3]:
            mode, strength, statement = skew.mode, Strength.WEAK, skew.what
            evidence = (skew.evidence, *(hit.error.evidence for hit in exhausted[:2]))
            if context.facts.run.succeeded or told:
                evidence = (skew.evidence,)
            elif exhausted:
                strength = Strength.STRONG
                mode = FailureMode.SKEWED_EXECUTOR_LOSS
                statement = f"{skew.what}, and the tasks ran out of resources: {exhausted[0].telling}"
            elif not context.terminal_errors:
                strength = Strength.STRONG if skew.failed else Strength.MODERATE
            elif skew.failed:
                strength = Strength.MODERATE
            yield Finding(
                detector=f"{self.id}/{'stage' if 'stage ' in skew.what else 'metric'}",
                category=Category.DATA_SKEW,
                failure_mode=mode,
                strength=strength,
                statement=statement,
                evidence=unique(evidence),
            )
