"""Stages and applications of an event log, as the scenarios of skew and small files need them."""

from datetime import timedelta
from typing import Any

from pipetriage.model.spark import ScanFacts, SparkFacts, SqlExecution, StageFacts, TaskFailure
from tests.building import STARTED, make_stage, spread

MIB = 2**20


def spark(*stages: StageFacts, **fields: Any) -> tuple[SparkFacts, ...]:
    """Make the one application of a run."""
    known: dict[str, Any] = {
        "app_id": "a", "app_name": None, "run_id": None, "spark_version": None, "executors_removed": (),
        "complete": True, "evidence": "spark-events",
    }  # fmt: skip
    return (SparkFacts(stages=stages, **(known | fields)),)


def wrote(records: int, size: int, stage_id: int = 1) -> StageFacts:
    """Make a stage that wrote a shuffle, and nothing else of note."""
    return make_stage(
        stage_id=stage_id,
        evidence=f"stage-{stage_id}.0",
        shuffle_bytes=spread(0, 0, 2),
        shuffle_records=spread(0, 0, 2),
        duration_ms=spread(2_000, 2_000, 2),
        tasks=2,
        planned_tasks=2,
        written_shuffle_records=records,
        written_shuffle_bytes=size,
    )


def unended(pending: int = 1, planned: int = 40, since_minutes: float = 1, **overrides: Any) -> StageFacts:
    """Make a stage that reads stage 1's shuffle and did not end: 1,000 records and 100 KiB in each task that did."""
    ended = planned - pending
    fields: dict[str, Any] = {
        "stage_id": 3,
        "evidence": "stage-3.0",
        "tasks": ended,
        "planned_tasks": planned,
        "unfinished_tasks": pending,
        "unfinished_since": STARTED + timedelta(minutes=since_minutes),
        "completed": False,
        "parents": (1,),
        "duration_ms": spread(1_500, 1_000, ended),
        "shuffle_bytes": spread(102_400, 102_400, ended),
        "shuffle_records": spread(1_000, 1_000, ended),
    }
    return make_stage(**(fields | overrides))


def tiny_reads(tasks: int = 600, minutes: float | None = None, **overrides: Any) -> StageFacts:
    """Make a stage whose tasks read 20 KiB each; it began a minute after the run and did not end, or so much later."""
    fields: dict[str, Any] = {
        "stage_id": 2,
        "evidence": "stage-2.0",
        "execution": 4,
        "tasks": tasks,
        "planned_tasks": tasks if minutes is not None else tasks * 2,
        "input_tasks_tiny": tasks,
        "input_bytes": spread(20_480, 20_480, tasks),
        "input_records": spread(100, 100, tasks),
        "shuffle_bytes": spread(0, 0, tasks),
        "shuffle_records": spread(0, 0, tasks),
        "completed": minutes is not None,
        "started_at": STARTED + timedelta(minutes=1),
        "ended_at": STARTED + timedelta(minutes=1 + minutes) if minutes is not None else None,
    }
    return make_stage(**(fields | overrides))


def reads(*scans: ScanFacts, execution_id: int = 4, **overrides: Any) -> SqlExecution:
    """Make an execution that did not end."""
    fields: dict[str, Any] = {
        "execution_id": execution_id,
        "evidence": f"execution-{execution_id}",
        "description": "append",
        "started_at": STARTED + timedelta(minutes=1),
        "scans": scans,
    }
    return SqlExecution(**(fields | overrides))


def scan(
    what: str = "lake.sales.events", files: int = 9_000, size: int = 9_000 * 20_480, **overrides: Any
) -> ScanFacts:
    """Make a scan of nine thousand files of 20 KiB."""
    fields: dict[str, Any] = {"what": what, "format": "iceberg", "files": files, "bytes": size}
    return ScanFacts(**(fields | overrides))


def lost(message: str, count: int = 4) -> TaskFailure:
    """Make the failure of tasks whose executor was lost."""
    return TaskFailure(reason="ExecutorLostFailure", message=message, count=count)
