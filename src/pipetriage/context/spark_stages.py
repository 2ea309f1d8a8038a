"""Gathers the tasks of each Spark stage attempt."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from pipetriage.context.reading import mapping, text
from pipetriage.context.redact import Redactor
from pipetriage.context.spark_plans import operator_of
from pipetriage.context.spark_records import (
    Accumulable,
    EndReason,
    Input,
    Output,
    Rdd,
    ShuffleWrite,
    StageInfo,
    TaskEnd,
    TaskMetrics,
)
from pipetriage.context.spark_words import KEPT, deepest_cause, looked_at, told
from pipetriage.context.spread import Gathering
from pipetriage.model.spark import StageFacts, TaskFailure
from pipetriage.model.times import parse_time

MAX_STAGES = 200
"""Stage attempts that are kept; a run of more has a loop in it."""
TINY_INPUT = 1024 * 1024
_MAX_KINDS = 10
_MAX_FAILURES = 5
_MAX_PARENTS = 50
_MAX_OPERATORS = 12
_MAX_ACCUMULATORS = 2000
_MESSAGE, _REASON = 500, 2000
_PYTHON = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit)): ", re.MULTILINE)


# What Spark writes of a task that did nothing of the kind: of most stages all that there is, and told at a glance.
_NO_SHUFFLE_WRITTEN, _NO_INPUT, _NO_OUTPUT = ShuffleWrite(), Input(), Output()


class Unfinished:
    """The tasks of a stage that have not ended."""

    def __init__(self) -> None:
        self.count = 0
        self.since = 0
        """Launch of the oldest, milliseconds of the epoch."""

    def add(self, launched: int) -> None:
        """Take one."""
        self.count += 1
        self.since = min(self.since, launched) if self.since else launched


class Named(NamedTuple):
    """What the SQL plans say of a stage (``spark_executions.py``)."""

    keys: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


class Stage:
    """One stage attempt, task by task."""

    __slots__ = (
        "accumulators", "asked", "completed", "cpu_ns", "disk_spilled", "duration", "ended", "execution", "failed",
        "failures", "gc_ms", "input_bytes", "input_records", "listed", "lost", "memory_spilled", "name", "named",
        "output_bytes", "output_records", "outside", "parents", "peak", "planned", "rdds", "reason", "run_ms",
        "scopes", "shuffle_bytes", "shuffle_records", "started", "tiny", "unfinished", "written_bytes",
        "written_records",
    )  # fmt: skip

    def __init__(self) -> None:
        self.name = self.reason = ""
        self.planned = self.failed = self.lost = self.tiny = self.listed = 0
        self.memory_spilled = self.disk_spilled = self.peak = 0
        self.run_ms = self.gc_ms = self.cpu_ns = 0
        self.written_bytes = self.written_records = self.output_bytes = self.output_records = 0
        self.duration, self.shuffle_bytes, self.shuffle_records = Gathering(), Gathering(), Gathering()
        self.input_bytes, self.input_records = Gathering(), Gathering()
        self.failures: dict[tuple[str, str], list[int | str]] = {}
        self.completed = False
        self.started: int | None = None
        self.ended: int | None = None
        self.execution: int | None = None
        self.parents: tuple[int, ...] = ()
        self.rdds: frozenset[int] = frozenset()
        """The stage's last RDDs, which the next stage names as parents."""
        self.outside: frozenset[int] = frozenset()
        """RDDs of earlier stages that it reads."""
        self.scopes: tuple[str, ...] = ()
        self.accumulators: frozenset[int] = frozenset()
        self.asked = False
        """Its first task was asked for the accumulators."""
        self.named = Named()
        self.unfinished = Unfinished()

    @property
    def quiet(self) -> bool:
        """Whether it ended well, as far as is known."""
        return self.completed and not self.reason

    def take_info(self, info: StageInfo, execution: int | None) -> None:
        """Take what the stage says of itself, at its start or its end."""
        self.name, self.planned = info.name, info.tasks
        self.started = info.submitted or self.started
        self.ended = info.completed or self.ended
        self.execution = execution if execution is not None else self.execution
        self.reason = looked_at(info.reason, KEPT) if info.reason else self.reason
        self.parents = info.parents[:_MAX_PARENTS] or self.parents
        if info.rdds:
            self._take_rdds(info.rdds)
        self.take_accumulables(info.accumulables)

    def take_accumulables(self, accumulables: Iterable[Accumulable]) -> None:
        """Take the ids of the SQL metrics that its tasks updated."""
        ids = [one.id for one in accumulables if one.metadata == "sql" and one.id is not None]
        if ids:
            self.accumulators = frozenset((*self.accumulators, *ids[:_MAX_ACCUMULATORS]))

    def _take_rdds(self, rdds: tuple[Rdd, ...]) -> None:
        own = {rdd.id for rdd in rdds if rdd.id is not None}
        read = {parent for rdd in rdds for parent in rdd.parents}
        self.rdds, self.outside = frozenset(own - read), frozenset(read - own)
        names = (scope_name(rdd.scope) for rdd in rdds[:100] if rdd.scope)
        self.scopes = tuple(dict.fromkeys(operator for name in names if (operator := operator_of(name))))

    def take_tasks(self, ends: list[TaskEnd]) -> None:
        """Take the ends of tasks: those that went well together, each number in one go."""
        good: list[TaskMetrics] = []
        for end in ends:
            if end.reason.reason == "Success" and end.metrics is not None and not end.info.speculative:
                good.append(end.metrics)
            else:
                self._take_other(end)
        if good:
            self.take_good(good)

    def take_good(self, good: list[TaskMetrics]) -> None:
        """Take the metrics of tasks that went well, and ran once."""
        self._take_totals(good)
        self.duration.extend([one.run for one in good])
        self._take_read(good)
        wrote = [one.shuffle_write for one in good]
        if wrote.count(_NO_SHUFFLE_WRITTEN) < len(wrote):
            self.written_bytes += sum([one.bytes for one in wrote])
            self.written_records += sum([one.records for one in wrote])
        out = [one.output for one in good]
        if out.count(_NO_OUTPUT) < len(out):
            self.output_bytes += sum([one.bytes for one in out])
            self.output_records += sum([one.records for one in out])

    def _take_read(self, good: list[TaskMetrics]) -> None:
        read = [one.shuffle_read for one in good]
        self.shuffle_bytes.extend([one.remote + one.local for one in read])
        self.shuffle_records.extend([one.records for one in read])
        put = [one.input for one in good]
        if put.count(_NO_INPUT) == len(put):
            self.input_bytes.zeros(len(put))
            self.input_records.zeros(len(put))
            return
        sizes = [one.bytes for one in put]
        self.input_bytes.extend(sizes)
        self.input_records.extend([one.records for one in put])
        self.tiny += sum([0 < size < TINY_INPUT for size in sizes])

    def _take_totals(self, metrics: list[TaskMetrics]) -> None:
        """Add what counts of every task, whichever way it ended."""
        self.memory_spilled += sum([one.memory_spilled for one in metrics])
        self.disk_spilled += sum([one.disk_spilled for one in metrics])
        self.run_ms += sum([one.run for one in metrics])
        self.gc_ms += sum([one.gc for one in metrics])
        self.cpu_ns += sum([one.cpu for one in metrics])
        self.peak = max(self.peak, *[one.peak for one in metrics])

    def _take_other(self, end: TaskEnd) -> None:
        """Take a task that failed, was killed, ran a second time at once, or left no metrics."""
        info, metrics, reason = end.info, end.metrics, end.reason.reason
        if reason != "Success":
            self._fail(reason, end.reason)
        if metrics is not None:
            self._take_totals([metrics])
        if reason == "TaskKilled" or info.speculative:
            return
        if reason == "Success":
            for gathering in (
                self.duration, self.shuffle_bytes, self.shuffle_records, self.input_bytes, self.input_records
            ):  # fmt: skip
                gathering.extend([0])
            return
        # The heaviest task often never succeeds. A lost executor leaves no metrics, only the clock.
        self.duration.reached(max(info.finish - info.launch, 0))
        if metrics is not None:
            self.shuffle_bytes.reached(metrics.shuffle_read.remote + metrics.shuffle_read.local)
            self.shuffle_records.reached(metrics.shuffle_read.records)

    def _fail(self, reason: str, end: EndReason) -> None:
        self.failed += reason != "TaskKilled"
        self.lost += reason == "ExecutorLostFailure"
        cause = deepest_cause(end.trace) if end.trace else None
        name, message = cause or (end.class_name or "", end.description or end.loss or end.message or end.kill or "")
        if (python := _last_python(message)) is not None:
            name, message = python
        known = self.failures.get((reason, name))
        if known is not None:
            known[0] = int(known[0]) + 1
        elif len(self.failures) < _MAX_KINDS:
            self.failures[reason[:100], name[:300]] = [1, looked_at(message, KEPT)]

    def facts(self, key: tuple[int, int], parents: tuple[int, ...], last: int, redactor: Redactor) -> StageFacts:
        """Give the stage; ``last`` is the time of the log's last event, milliseconds of the epoch."""
        unfinished = self.unfinished
        return StageFacts(
            stage_id=key[0],
            attempt=key[1],
            name=redactor.text(self.name[:1000])[:200],
            evidence=f"stage-{key[0]}.{key[1]}",
            tasks=self.duration.count,
            planned_tasks=self.planned,
            failed_tasks=self.failed,
            unfinished_tasks=unfinished.count,
            unfinished_ms=float(max(last - unfinished.since, 0)) if unfinished.count else 0.0,
            unfinished_since=parse_time(unfinished.since) if unfinished.count else None,
            duration_ms=self.duration.spread(),
            shuffle_bytes=self.shuffle_bytes.spread(),
            shuffle_records=self.shuffle_records.spread(),
            written_shuffle_bytes=self.written_bytes,
            written_shuffle_records=self.written_records,
            input_bytes=self.input_bytes.spread(),
            input_records=self.input_records.spread(),
            output_bytes=self.output_bytes,
            output_records=self.output_records,
            input_tasks_tiny=self.tiny,
            gc_ms=self.gc_ms,
            run_ms=self.run_ms,
            cpu_ms=self.cpu_ns // 1_000_000,
            peak_memory=self.peak,
            memory_spilled=self.memory_spilled,
            disk_spilled=self.disk_spilled,
            executors_lost=self.lost,
            failures=self._failures(redactor),
            failure_reason=redactor.text(self.reason)[:_REASON],
            completed=self.completed,
            started_at=parse_time(self.started),
            ended_at=parse_time(self.ended),
            parents=parents,
            keys=tuple(redactor.text(name) for name in self.named.keys),
            operators=self.named.operators or self.scopes[:_MAX_OPERATORS],
            execution=self.execution,
            listed_paths=self.listed,
        )

    def _failures(self, redactor: Redactor) -> tuple[TaskFailure, ...]:
        ordered = sorted(self.failures.items(), key=lambda item: -int(item[1][0]))
        return tuple(
            TaskFailure(
                reason=redactor.text(reason),
                exception=redactor.text(name),
                message=told(str(message), redactor, _MESSAGE),
                count=int(count),
            )
            for (reason, name), (count, message) in ordered[:_MAX_FAILURES]
        )


class Stages:
    """The stage attempts of an application; old ones that went well make room."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], Stage] = {}
        self.dropped = 0

    def of(self, stage: int, attempt: int) -> Stage:
        """Give the stage attempt, new or known."""
        key = (stage, attempt)
        found = self.kept.get(key)
        if found is None:
            if len(self.kept) >= MAX_STAGES:
                # What broke the run comes late.
                quiet = (one for one, other in self.kept.items() if other.quiet)
                self.kept.pop(next(quiet, next(iter(self.kept))))
                self.dropped += 1
            found = self.kept[key] = Stage()
        return found

    def add_planned(self, planned: Iterable[StageInfo], execution: int | None) -> None:
        """Take the stages of a job that had not ended, of whose start a killed driver had written nothing yet.

        Those that are copies of stages which ran are skipped when it comes to them: their last RDD is the same.
        """
        ran = {rdd for stage in self.kept.values() if stage.completed for rdd in stage.rdds}
        known = {number for number, _ in self.kept}
        for info in planned:
            stage = Stage()
            stage.take_info(info, execution)
            if info.stage not in known and not stage.rdds & ran and len(self.kept) < MAX_STAGES:
                self.kept[info.stage, info.attempt] = stage

    def parents_of(self, key: tuple[int, int]) -> tuple[int, ...]:
        """Give the stages that wrote the shuffles which this one reads, as far as they ran and are known.

        Where the plan is made anew on the way (AQE), ``Parent IDs`` name copies that are skipped; the RDD tells the
        stage that wrote.
        """
        stage = self.kept[key]
        if stage.outside:
            writers = {one[0] for one, other in self.kept.items() if one[0] != key[0] and other.rdds & stage.outside}
            if writers:
                return tuple(sorted(writers))
        ran = {one[0] for one in self.kept}
        return tuple(parent for parent in stage.parents if parent in ran)


def scope_name(scope: str) -> str:
    """Give the operator's name in an RDD's scope, which is JSON in a string."""
    try:
        return text(mapping(msgspec.json.decode(scope)), "name") or ""
    except (msgspec.DecodeError, RecursionError):
        return ""


def _last_python(message: str) -> tuple[str, str] | None:
    """Give the exception of a Python worker's traceback."""
    if "Traceback (most recent call last)" not in message:
        return None
    said = looked_at(message)
    raised = list(_PYTHON.finditer(said))
    return (raised[-1][1], said[raised[-1].end() :].strip()) if raised else None
