"""Spark's event log: one pass over its lines, decoding only the events that triage reads.

A second one follows where tasks did not end.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from pipetriage.context.redact import Redactor
from pipetriage.context.spark_environment import (
    DRIVER_MEMORY,
    EXECUTOR_CORES,
    EXECUTOR_MEMORY,
    RUN_ID,
    SETTINGS,
    cores,
    kept_properties,
    memory,
)
from pipetriage.context.spark_executions import Executions
from pipetriage.context.spark_records import (
    ApplicationEnd,
    ApplicationStart,
    DriverAccumulators,
    Environment,
    ExecutionEnd,
    ExecutionStart,
    ExecutorRemoved,
    JobEnd,
    JobStart,
    LogStart,
    Record,
    StageEvent,
    StageExecutorMetrics,
    StageProperties,
)
from pipetriage.context.spark_running import Running
from pipetriage.context.spark_stages import Named, Stage, Stages
from pipetriage.context.spark_tasks import Tasks
from pipetriage.context.spark_words import KEPT, listed_paths, looked_at, told
from pipetriage.model.spark import SparkFacts, StageFacts
from pipetriage.model.times import parse_time

# The name of an event, by which a line is known; SQL's have their class's full name.
_NAME = re.compile(rb'\s*\{\s*"Event"\s*:\s*"(?:org\.apache\.spark\.sql\.execution\.ui\.)?(SparkListener\w{1,60})"')

_MAX_JOBS, _MAX_PLANNED = 8, 500
"""Jobs remembered while they run, and stages of one that are looked at."""
_MAX_REMOVED = 50
_MAX_JOB_ERRORS = 20


def event_name(line: bytes) -> str | None:
    """Give the name of a line's event, without its package; None for a line that is no event."""
    named = _NAME.match(line)
    return named[1].decode() if named is not None else None


class _Reader:
    """One pass over the events of one application."""

    def __init__(self) -> None:
        self.stages = Stages()
        self.executions = Executions()
        self.app_id: str | None = None
        self.app_name: str | None = None
        self.version: str | None = None
        self.removed: list[str] = []
        self.job_errors: dict[str, None] = {}
        self.properties: dict[str, str] = {}
        self.complete = False
        self.ended_at: datetime | None = None
        self.tasks = Tasks(self.stages)
        """They tell the time of the latest event, too."""
        self._jobs: dict[int, JobStart] = {}
        self._rest: dict[bytes, tuple[Record, Callable[[Any], None]]] = {
            b"SparkListenerStageSubmitted": (Record.of(StageEvent), self._stage_submitted),
            b"SparkListenerStageCompleted": (Record.of(StageEvent), self._stage_completed),
            b"SparkListenerStageExecutorMetrics": (Record.of(StageExecutorMetrics), self._executor_metrics),
            b"SparkListenerJobStart": (Record.of(JobStart), self._job_start),
            b"SparkListenerJobEnd": (Record.of(JobEnd), self._job_end),
            b"SparkListenerApplicationStart": (Record.of(ApplicationStart), self._application_start),
            b"SparkListenerApplicationEnd": (Record.of(ApplicationEnd), self._application_end),
            b"SparkListenerExecutorRemoved": (Record.of(ExecutorRemoved), self._executor_removed),
            b"SparkListenerEnvironmentUpdate": (Record.of(Environment), self._environment),
            b"SparkListenerLogStart": (Record.of(LogStart), self._log_start),
            b"SparkListenerSQLExecutionStart": (Record.of(ExecutionStart), self._execution_start),
            b"SparkListenerSQLAdaptiveExecutionUpdate": (Record.of(ExecutionStart), self._execution_start),
            b"SparkListenerSQLExecutionEnd": (Record.of(ExecutionEnd), self._execution_end),
            b"SparkListenerDriverAccumUpdates": (Record.of(DriverAccumulators), self.executions.driver_values),
        }

    def read(self, lines: Iterable[bytes]) -> None:
        """Read every line; one that is no JSON is passed over."""
        # What can be read once only tells on the way which tasks run.
        running = Running() if isinstance(lines, Iterator) else None
        for data, begin, end in _spans(lines):
            self.tasks.scan(data, begin, end, self._other)
            if running is not None:
                running.take(data, begin, end)
        self._finish(running or lines)

    def _other(self, line: bytes) -> None:
        named = _NAME.match(line)
        self.tasks.torn = named is None
        match named[1] if named is not None else None:
            case b"SparkListenerTaskStart":
                self.tasks.start(line)
            case b"SparkListenerTaskEnd":
                self.tasks.end(line)
            case name if name in self._rest:
                record, take = self._rest[name]
                event = record.decode(line)
                self.tasks.torn = event is None
                if event is not None:
                    take(event)

    def _stage_submitted(self, event: StageEvent) -> None:
        self._stage(event)

    def _stage_completed(self, event: StageEvent) -> None:
        stage = self._stage(event)
        if stage is None or event.info is None:
            return
        stage.completed = True
        self.executions.stage_values(event.info.accumulables)
        # Plans of long ago make room; what they say of the stage is to be known now.
        stage.named = self._named_of(event.info.stage, event.info.attempt)

    def _stage(self, event: StageEvent) -> Stage | None:
        if event.info is None:
            return None
        stage = self.stages.of(event.info.stage, event.info.attempt)
        stage.take_info(event.info, _execution(event.properties))
        if event.properties is not None and event.properties.description:
            stage.listed = listed_paths(event.properties.description)
        self.tasks.saw(event.info.submitted)
        self.tasks.saw(event.info.completed)
        return stage

    def _named_of(self, number: int, attempt: int) -> Named:
        parents = self.stages.parents_of((number, attempt))
        wrote = [stage for (one, _), stage in self.stages.kept.items() if one in parents]
        return self.executions.names(self.stages.kept[number, attempt], wrote)

    def _executor_metrics(self, event: StageExecutorMetrics) -> None:
        if event.metrics is not None:
            self.tasks.heap = max(self.tasks.heap, event.metrics.heap)

    def _job_start(self, event: JobStart) -> None:
        self.tasks.saw(event.time)
        if event.job is not None:
            while len(self._jobs) >= _MAX_JOBS:
                del self._jobs[next(iter(self._jobs))]
            self._jobs[event.job] = event

    def _job_end(self, event: JobEnd) -> None:
        self.tasks.saw(event.time)
        self._jobs.pop(-1 if event.job is None else event.job, None)
        failed = event.result.exception if event.result is not None else None
        if failed is not None and failed.message:
            self.job_errors[looked_at(failed.message, KEPT)] = None
            if len(self.job_errors) > _MAX_JOB_ERRORS:
                del self.job_errors[next(iter(self.job_errors))]

    def _application_start(self, event: ApplicationStart) -> None:
        self.app_id, self.app_name = event.app_id, event.app_name
        self.tasks.saw(event.time)

    def _application_end(self, event: ApplicationEnd) -> None:
        self.complete, self.ended_at = True, parse_time(event.time)
        self.tasks.saw(event.time)

    def _executor_removed(self, event: ExecutorRemoved) -> None:
        if len(self.removed) < _MAX_REMOVED:
            self.removed.append(looked_at(event.reason or "", KEPT))

    def _environment(self, event: Environment) -> None:
        self.properties = kept_properties(event.properties or {}) | self.properties

    def _log_start(self, event: LogStart) -> None:
        self.version = event.version

    def _execution_start(self, event: ExecutionStart) -> None:
        self.tasks.saw(event.time)
        self.executions.start(event)
        if event.configs:
            session = kept_properties(event.configs)
            self.properties |= {name: value for name, value in session.items() if name in SETTINGS}

    def _execution_end(self, event: ExecutionEnd) -> None:
        self.tasks.saw(event.time)
        self.executions.end(event)

    def _finish(self, running: "Running | Iterable[bytes]") -> None:
        """Count the tasks that never ended, and name the stages that did not."""
        self.tasks.count()
        if self.tasks.starts != self.tasks.ends:
            self.tasks.unfinished(running if isinstance(running, Running) else _running(running))
        for job in self._jobs.values():
            self.stages.add_planned(job.stages[:_MAX_PLANNED], _execution(job.properties))
        for key, stage in self.stages.kept.items():
            if not stage.completed:
                stage.named = self._named_of(*key)


def _spans(lines: Iterable[bytes]) -> Iterable[tuple[bytes, int, int]]:
    """Give the lines many at a time, as a file gives them, or each by itself."""
    spans = getattr(lines, "spans", None)
    return spans() if spans is not None else ((line, 0, len(line)) for line in lines)


def _running(lines: Iterable[bytes]) -> Running:
    """Read a log once more, for the tasks that did not end."""
    running = Running()
    for data, begin, end in _spans(lines):
        running.take(data, begin, end)
    return running


def _execution(properties: StageProperties | None) -> int | None:
    said = properties.execution if properties is not None else None
    return int(said) if said and said.isascii() and said.isdigit() and len(said) < 19 else None


def read_spark_events(lines: Iterable[bytes], redactor: Redactor) -> SparkFacts:
    """Read one application's event log. Lines that are no JSON (a cut end) are passed over.

    Raises:
        SourceError: the log cannot be read any further (raised by the lines).
    """
    reader = _Reader()
    reader.read(lines)
    properties = {name: redactor.text(value) for name, value in reader.properties.items()}
    executions, dropped = reader.executions.facts(redactor)
    return SparkFacts(
        app_id=reader.app_id,
        app_name=redactor.text(reader.app_name[:1000]) if reader.app_name else reader.app_name,
        run_id=reader.properties.get(RUN_ID),
        spark_version=reader.version,
        stages=tuple(_stages(reader, redactor)),
        executors_removed=tuple(redactor.text(reason)[:300] for reason in reader.removed),
        complete=reader.complete,
        ended_at=reader.ended_at,
        evidence="spark-events",
        executions=executions,
        job_errors=tuple(told(message, redactor, 2000) for message in reader.job_errors),
        executor_memory=memory(properties.get(EXECUTOR_MEMORY)),
        driver_memory=memory(properties.get(DRIVER_MEMORY)),
        executor_cores=cores(properties.get(EXECUTOR_CORES)),
        settings={name: value for name, value in properties.items() if name in SETTINGS},
        peak_heap=reader.tasks.heap or None,
        # A source knows besides whether a compressed block was cut.
        cut=reader.tasks.torn or bool(getattr(lines, "cut", False)),
        stages_dropped=reader.stages.dropped,
        executions_dropped=dropped,
    )


def _stages(reader: _Reader, redactor: Redactor) -> Iterable[StageFacts]:
    stages = reader.stages
    for key, stage in sorted(stages.kept.items()):
        yield stage.facts(key, stages.parents_of(key), reader.tasks.last, redactor)
