"""Spark's event log: per stage, tasks, times, shuffle, spill and losses. Only the events needed are decoded."""

import statistics
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from pipetriage.context.reading import integer, mapping, text
from pipetriage.context.redact import Redactor
from pipetriage.model.spark import SparkFacts, Spread, StageFacts
from pipetriage.model.times import parse_time

_TINY_INPUT = 1024 * 1024
_MAX_STAGES = 200
_RUN_ID_PROPERTY = "spark.cloudwatch.logging.conf.jobRunId"

# Events are recognised by their first bytes; the fixed 93 KB of EnvironmentUpdate is decoded once.
_WANTED = (
    b'"SparkListenerTaskEnd"',
    b'"SparkListenerStageCompleted"',
    b'"SparkListenerApplicationStart"',
    b'"SparkListenerApplicationEnd"',
    b'"SparkListenerExecutorRemoved"',
    b'"SparkListenerEnvironmentUpdate"',
    b'"SparkListenerLogStart"',
)


class _Stage:
    """What is gathered about one stage attempt while reading."""

    def __init__(self) -> None:
        self.name = ""
        self.reason = ""
        self.failed = 0
        self.lost = 0
        self.times: list[float] = []
        self.failed_times: list[float] = []
        self.failed_bytes: list[float] = []
        self.failed_records: list[float] = []
        self.shuffle_bytes: list[float] = []
        self.shuffle_records: list[float] = []
        self.input_bytes: list[float] = []
        self.input_records: list[float] = []
        self.planned = 0
        self.completed = False
        self.tiny = 0
        self.memory_spilled = 0
        self.disk_spilled = 0


class _Reader:
    """One pass over the events of one application."""

    def __init__(self) -> None:
        self.stages: dict[tuple[int, int], _Stage] = {}
        self.app_id: str | None = None
        self.app_name: str | None = None
        self.run_id: str | None = None
        self.version: str | None = None
        self.removed: list[str] = []
        self.complete = False
        self.ended_at: datetime | None = None

    def take(self, event: Any) -> None:
        document = mapping(event)
        match document.get("Event"):
            case "SparkListenerTaskEnd":
                self._task_end(document)
            case "SparkListenerStageCompleted":
                info = mapping(document, "Stage Info")
                stage = self._stage(info)
                stage.name = text(info, "Stage Name") or ""
                stage.reason = text(info, "Failure Reason") or ""
                stage.planned = integer(info, "Number of Tasks") or 0
                stage.completed = True
            case "SparkListenerApplicationStart":
                self.app_id, self.app_name = text(document, "App ID"), text(document, "App Name")
            case "SparkListenerApplicationEnd":
                self.complete, self.ended_at = True, parse_time(document.get("Timestamp"))
            case "SparkListenerExecutorRemoved":
                self.removed.append(text(document, "Removed Reason") or "")
            case "SparkListenerEnvironmentUpdate":
                self.run_id = text(mapping(document, "Spark Properties"), _RUN_ID_PROPERTY)
            case "SparkListenerLogStart":
                self.version = text(document, "Spark Version")

    def _stage(self, document: Any) -> _Stage:
        key = (integer(document, "Stage ID") or 0, integer(document, "Stage Attempt ID") or 0)
        if key not in self.stages and len(self.stages) >= _MAX_STAGES:
            # Old stages that went well make room; what broke the run comes late.
            quiet = next((one for one, stage in self.stages.items() if not stage.reason), key)
            self.stages.pop(quiet, None)
        return self.stages.setdefault(key, _Stage())

    def _task_end(self, document: Any) -> None:
        stage = self._stage(document)
        info, metrics = mapping(document, "Task Info"), mapping(document, "Task Metrics")
        reason = text(mapping(document, "Task End Reason"), "Reason") or ""
        stage.memory_spilled += integer(metrics, "Memory Bytes Spilled") or 0
        stage.disk_spilled += integer(metrics, "Disk Bytes Spilled") or 0
        if reason != "Success":
            stage.failed += reason not in {"TaskKilled"}
            stage.lost += reason == "ExecutorLostFailure"
        if info.get("Speculative") is True or reason == "TaskKilled":
            return
        shuffle = mapping(metrics, "Shuffle Read Metrics")
        read = float((integer(shuffle, "Remote Bytes Read") or 0) + (integer(shuffle, "Local Bytes Read") or 0))
        records = float(integer(shuffle, "Total Records Read") or 0)
        if reason != "Success":
            # The heaviest task often never succeeds. A lost executor leaves no metrics, only the clock.
            clock = (integer(info, "Finish Time") or 0) - (integer(info, "Launch Time") or 0)
            stage.failed_times.append(float(max(clock, 0)))
            stage.failed_bytes.append(read)
            stage.failed_records.append(records)
            return
        stage.times.append(float(integer(metrics, "Executor Run Time") or 0))
        stage.shuffle_bytes.append(read)
        stage.shuffle_records.append(records)
        input_bytes = integer(mapping(metrics, "Input Metrics"), "Bytes Read") or 0
        stage.input_bytes.append(float(input_bytes))
        stage.input_records.append(float(integer(mapping(metrics, "Input Metrics"), "Records Read") or 0))
        stage.tiny += 0 < input_bytes < _TINY_INPUT


def read_spark_events(lines: Iterable[bytes], redactor: Redactor) -> SparkFacts:
    """Read one application's event log. Lines that are no JSON (a cut end) are passed over.

    Raises:
        SourceError: the log cannot be read any further (raised by the lines).
    """
    reader = _Reader()
    for line in lines:
        if any(name in line[:80] for name in _WANTED):
            try:
                reader.take(msgspec.json.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
    return SparkFacts(
        app_id=reader.app_id,
        app_name=reader.app_name,
        run_id=reader.run_id,
        spark_version=reader.version,
        stages=tuple(_facts(key, stage, redactor) for key, stage in sorted(reader.stages.items())),
        executors_removed=tuple(redactor.text(reason)[:300] for reason in reader.removed[:50]),
        complete=reader.complete,
        ended_at=reader.ended_at,
        evidence="spark-events",
    )


def cut_event(line: bytes) -> dict[str, Any] | None:
    """Give an event that triage reads, without what it does not need; None for any other line.

    Of the environment only the run's id stays: the rest is the same in every log, and may hold secrets.
    """
    if not any(name in line[:80] for name in _WANTED):
        return None
    try:
        event = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    if event.get("Event") == "SparkListenerEnvironmentUpdate":
        run_id = text(mapping(event, "Spark Properties"), _RUN_ID_PROPERTY)
        return {"Event": event["Event"], "Spark Properties": {_RUN_ID_PROPERTY: run_id} if run_id else {}}
    return {key: value for key, value in event.items() if key not in {"Properties", "User"}}


def _facts(key: tuple[int, int], stage: _Stage, redactor: Redactor) -> StageFacts:
    return StageFacts(
        stage_id=key[0],
        attempt=key[1],
        name=redactor.text(stage.name)[:200],
        tasks=len(stage.times),
        planned_tasks=stage.planned,
        failed_tasks=stage.failed,
        duration_ms=_spread(stage.times, stage.failed_times),
        shuffle_bytes=_spread(stage.shuffle_bytes, stage.failed_bytes),
        shuffle_records=_spread(stage.shuffle_records, stage.failed_records),
        input_bytes=_spread(stage.input_bytes, []),
        input_records=_spread(stage.input_records, []),
        input_tasks_tiny=stage.tiny,
        memory_spilled=stage.memory_spilled,
        disk_spilled=stage.disk_spilled,
        executors_lost=stage.lost,
        failure_reason=redactor.text(stage.reason)[:2000],
        completed=stage.completed,
        evidence=f"stage-{key[0]}.{key[1]}",
    )


def _spread(values: list[float], of_failed: list[float]) -> Spread:
    ordered = sorted(values)

    def quantile(part: float) -> float:
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0

    return Spread(
        count=len(ordered),
        total=sum(ordered),
        median=statistics.median(ordered) if ordered else 0.0,
        p75=quantile(0.75),
        p95=quantile(0.95),
        maximum=max(values + of_failed, default=0.0),
    )
