"""Where skew shows: stages whose heaviest task had far more to do than the others, and Glue's skewness metrics."""

import math
import re

import msgspec

from pipetriage.detectors.rules import Hit
from pipetriage.detectors.time_taken import most_of
from pipetriage.detectors.unknown_rules import EXHAUSTED, LOST_NODES
from pipetriage.model.amounts import of_bytes, of_ms, of_share
from pipetriage.model.categories import FailureMode
from pipetriage.model.context import Context
from pipetriage.model.facts import Run
from pipetriage.model.hot_partition import HotTask, hot_task, ratio, waiting_ms, what_it_reads
from pipetriage.model.spark import SparkFacts, StageFacts
from pipetriage.settings import ThresholdSettings

# Glue's observability metrics; the documented skewness factor is 5 (``skew_ratio``).
_SKEW_METRICS = frozenset({"glue.driver.skewness.stage", "glue.driver.skewness.job"})
# What names an executor, a task or a stage: in the driver alone, no key can be too heavy.
_IN_TASKS = re.compile(r"stage failure|Lost task|\bexecutor\b|\bTID\b|TaskSetManager", re.IGNORECASE)
_STAGE = re.compile(r"\bin stage (\d{1,9})\b")
_DRIVER_RULES = frozenset({"result-size", "broadcast", "driver-memory"})


class Skew(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the skew shows."""

    what: str
    mode: FailureMode
    failed: bool
    """The skewed stage itself failed, or lost executors, of what ran out."""
    evidence: str
    stage: StageFacts | None = None
    """None: only a metric tells of it."""
    running: bool = False
    """Its heavy tasks were still running when the run ended."""
    stuck: bool = False
    """Its heavy tasks were still running when the run ended, and the larger part of the run's time went there."""
    took: bool = False
    """The larger part of the run's time went into its heaviest task, which ended."""

    @property
    def went_well(self) -> bool:
        """Whether the log shows that the stage got through."""
        return self.stage is not None and _went_well(self.stage)


def skew_evidence(context: Context, thresholds: ThresholdSettings) -> list[Skew]:
    """Find skewed stages in the event log, and skewness in Glue's metrics; what failed comes first."""
    run = context.facts.run
    found = [
        skew
        for application in context.facts.spark
        for stage in application.stages
        if (skew := _skewed(stage, application, run, thresholds)) is not None
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
    return sorted(found, key=lambda one: (not one.failed, not one.stuck, not one.took, one.went_well))


def _skewed(stage: StageFacts, application: SparkFacts, run: Run, thresholds: ThresholdSettings) -> Skew | None:
    threshold = thresholds.skew_ratio
    known = max(ratio(one.maximum, one.median) for one in what_it_reads(stage))
    if known < threshold and stage.planned_tasks <= stage.tasks:
        return None
    hot = hot_task(stage, application.stages, run.ended_at, thresholds.skew_stuck_share)
    if hot.ratio < threshold:
        return _by_the_clock(stage, hot, run, thresholds)
    spilled = max(stage.memory_spilled, stage.disk_spilled)
    read = stage.shuffle_bytes.total + stage.input_bytes.total
    by_bytes = hot.bytes >= thresholds.skew_min_bytes and hot.bytes >= threshold * hot.typical_bytes
    by_spill = spilled >= max(thresholds.spill_min_bytes, thresholds.spill_input_ratio * read)
    # Time alone is a slow node, a cold start or a call that hangs; with what there was to read it is skew.
    slow = hot.planned >= thresholds.skew_min_tasks and hot.slower >= threshold and _much(hot, thresholds)
    by_time = slow and hot.ran_ms >= thresholds.skew_min_task_ms
    long = slow and most_of(run, hot.ran_ms, thresholds)
    stuck = long and not hot.ended and not stage.completed
    # Files differ in size as a matter of course; only one that is huge is news.
    if not (by_bytes or (not hot.of_input and (by_spill or by_time or stuck))):
        return None
    return Skew(
        what=_told(stage, hot, spilled if by_spill else 0),
        mode=_mode(stage, by_spill=by_spill),
        failed=_died_of_it(stage),
        evidence=stage.evidence,
        stage=stage,
        running=not hot.ended and not stage.completed,
        stuck=stuck,
        took=long and hot.ended,
    )


def _by_the_clock(stage: StageFacts, hot: HotTask, run: Run, thresholds: ThresholdSettings) -> Skew | None:
    """Take the last tasks of a stage for heavy where only their time is known: what they had to read, nobody says."""
    pending, ran = hot.planned - stage.tasks, waiting_ms(stage, run.ended_at)
    few = 0 < pending <= max(1.0, thresholds.skew_stuck_share * hot.planned)
    # A log that tells which stages wrote the shuffle has been asked already, and says that it was even.
    unknown = not stage.parents and stage.shuffle_records.maximum > 0 and not stage.completed
    long = ran >= max(thresholds.skew_min_task_ms, thresholds.skew_ratio * hot.typical_ms) and most_of(
        run, ran, thresholds
    )
    if not (few and unknown and long and hot.planned >= thresholds.skew_min_tasks):
        return None
    who = "one" if pending == 1 else str(pending)
    return Skew(
        what=f"{who} of {hot.planned} tasks of stage {stage.stage_id} did not finish in {of_ms(ran)}, the median took "
        f"{of_ms(hot.typical_ms)}; how much was left to read is not known",
        mode=FailureMode.SKEWED_KEY,
        failed=_died_of_it(stage),
        evidence=stage.evidence,
        stage=stage,
        running=True,
    )


def _much(hot: HotTask, thresholds: ThresholdSettings) -> bool:
    """Whether a task had enough to read for that to be what took it long."""
    count = max(1, hot.pending)
    return hot.bytes * count >= thresholds.skew_min_read_bytes or hot.records * count >= thresholds.skew_min_records


def _mode(stage: StageFacts, *, by_spill: bool) -> FailureMode:
    if stage.executors_lost and not _nodes_were_taken(stage):
        return FailureMode.SKEWED_EXECUTOR_LOSS
    return FailureMode.SHUFFLE_SPILL if by_spill else FailureMode.SKEWED_KEY


def _told(stage: StageFacts, hot: HotTask, spilled: int) -> str:
    """Say what was measured, in one clause."""
    by = f" by {', '.join(stage.keys)}" if stage.keys else ""
    who = f"one of {hot.planned} tasks" if hot.pending <= 1 else f"{hot.pending} of {hot.planned} tasks"
    amount = f"{of_bytes(hot.bytes * max(1, hot.pending))} in {hot.records * max(1, hot.pending):,.0f} records"
    whole = "the input" if hot.of_input else f"all that was shuffled{by}"
    share = f", {of_share(hot.share)} of {whole}" if hot.share is not None else by
    times = "the median task nothing" if math.isinf(hot.ratio) else f"{hot.ratio:,.0f} times the median"
    what = f"{who} of stage {stage.stage_id} " + (
        f"read {amount}" if hot.ended else f"did not finish, with {amount} left"
    )
    what += f" ({times}{share})"
    if hot.ran_ms >= 1000:
        what += f" and ran {of_ms(hot.ran_ms)}, the median {of_ms(hot.typical_ms)}"
    if spilled:
        what += f"; the stage spilled {of_bytes(spilled)}"
    return what


def _went_well(stage: StageFacts) -> bool:
    return stage.completed and not stage.failure_reason and not stage.executors_lost


def _died_of_it(stage: StageFacts) -> bool:
    """Whether the stage failed, or lost executors, and nothing but what ran out is named as the reason."""
    if stage.failures:
        kinds = [one for one in stage.failures if one.reason != "TaskKilled"]
        return bool(kinds) and all(ran_out(f"{one.reason} {one.exception}: {one.message}") for one in kinds)
    if stage.executors_lost:
        return not _nodes_were_taken(stage)
    return bool(stage.failure_reason) and ran_out(stage.failure_reason)


def _nodes_were_taken(stage: StageFacts) -> bool:
    told = [one.message for one in stage.failures if one.reason == "ExecutorLostFailure"] or [stage.failure_reason]
    return all(any(rule.text is not None and rule.text.search(text) for rule in LOST_NODES) for text in told)


_RAN_OUT = [rule for rule in EXHAUSTED if rule.id not in _DRIVER_RULES]
_CLASSES = re.compile(r"\b(?:" + "|".join(sorted({name for rule in _RAN_OUT for name in rule.exceptions})) + r")\b")


def ran_out(text: str) -> bool:
    """Whether a failure's text tells of memory, disk or executors that ran out, by the tables of ``unknown_rules``."""
    if any(rule.text is not None and rule.text.search(text) for rule in LOST_NODES):
        return False
    known = any(rule.text is not None and rule.text.search(text) for rule in _RAN_OUT)
    return (
        known or _CLASSES.search(text) is not None or any(name in text for rule in _RAN_OUT for name in rule.conditions)
    )


def from_skew(context: Context, hit: Hit, thresholds: ThresholdSettings) -> bool:
    """Whether this error is of the kind that skew causes, and came where skew was seen: tasks that ran out."""
    return bool(skews_behind(context, hit, thresholds))


def skews_behind(context: Context, hit: Hit, thresholds: ThresholdSettings) -> list[Skew]:
    """Give the skews that may have caused an error: those of the stage that it names, or of one that failed."""
    if hit.rule.mode is not FailureMode.RESOURCE_EXHAUSTED or hit.rule.id in _DRIVER_RULES:
        return []
    skews = skew_evidence(context, thresholds)
    texts = (hit.error.stream, hit.error.logger, hit.error.excerpt, *(cause.message for cause in hit.error.causes))
    in_tasks = hit.rule.id.startswith("task-") or any(_IN_TASKS.search(text) for text in texts)
    if not in_tasks:
        return [skew for skew in skews if skew.failed]
    stages = [stage for application in context.facts.spark for stage in application.stages]
    named = {int(number) for text in texts for number in _STAGE.findall(text)}
    known = named & {stage.stage_id for stage in stages}
    if known:
        return [skew for skew in skews if skew.stage is None or skew.stage.stage_id in known]
    # Whose tasks they were, the error does not say. Where another stage failed, one that got through was not it.
    broken = any(stage.failure_reason or stage.executors_lost for stage in stages)
    return [skew for skew in skews if skew.stage is None or skew.failed or not broken]
