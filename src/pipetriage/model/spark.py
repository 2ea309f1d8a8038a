"""What a Spark event log says: the application, its stages and its SQL executions.

Made in ``context/``, read by detectors and verdict. Times are aware datetimes in UTC, sizes are bytes, durations
milliseconds (``_ms``). ``evidence`` is the id under which an incident cites the fact. Every free text is redacted and
cut to a bound.
"""

from datetime import datetime

import msgspec


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How one number spreads over the tasks of a stage.

    Over non-speculative tasks: count, total and quantiles of those that succeeded, ``maximum`` of those that failed
    as well (the heaviest task often never succeeds). Quantiles are exact while a stage has few tasks, and within 1%
    of the value beyond that (``context/spread.py``).
    """

    count: int = 0
    """Succeeded tasks that reported the number, be it as zero."""
    total: float = 0.0
    median: float = 0.0
    p75: float = 0.0
    p95: float = 0.0
    maximum: float = 0.0


class TaskFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why tasks of a stage failed: equal failures counted as one."""

    reason: str
    """Spark's TaskEndReason: ExceptionFailure, ExecutorLostFailure, FetchFailed, TaskKilled, …"""
    exception: str = ""
    """Class name of the exception; empty where there is none."""
    message: str = ""
    count: int = 1


class StageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One Spark stage attempt."""

    stage_id: int
    attempt: int
    name: str
    evidence: str
    tasks: int = 0
    """Tasks that succeeded, speculative ones left out."""
    planned_tasks: int = 0
    """Stage Info's ``Number of Tasks``; 0 where it was not seen."""
    failed_tasks: int = 0
    """Tasks that ended in anything but success or a kill."""
    unfinished_tasks: int = 0
    """Tasks that started, and the log ends without their end."""
    unfinished_ms: float = 0.0
    """How long the oldest of those had run by the log's last event."""
    unfinished_since: datetime | None = None
    """When it was launched. The log's last event may be long before the run's end."""
    duration_ms: Spread = Spread()
    """Executor Run Time; of a task that failed, the time from its launch to its end."""
    shuffle_bytes: Spread = Spread()
    """Shuffle read, remote and local."""
    shuffle_records: Spread = Spread()
    written_shuffle_bytes: int = 0
    written_shuffle_records: int = 0
    input_bytes: Spread = Spread()
    input_records: Spread = Spread()
    output_bytes: int = 0
    output_records: int = 0
    input_tasks_tiny: int = 0
    """Tasks that read more than nothing but less than 1 MiB of input."""
    gc_ms: int = 0
    """JVM GC Time, summed over the tasks that ended, whichever way."""
    run_ms: int = 0
    """Executor Run Time, summed likewise."""
    cpu_ms: int = 0
    """Executor CPU Time, summed likewise."""
    peak_memory: int = 0
    """The largest Peak Execution Memory of a task."""
    memory_spilled: int = 0
    disk_spilled: int = 0
    executors_lost: int = 0
    """Tasks that ended because their executor was lost."""
    failures: tuple[TaskFailure, ...] = ()
    """Most frequent first, at most five."""
    failure_reason: str = ""
    """The stage's own; empty where it did not fail."""
    completed: bool = False
    """The stage's end was seen, be it a failure."""
    started_at: datetime | None = None
    """Submission Time; None of a stage that a running job had before it when the log ends."""
    ended_at: datetime | None = None
    """Completion Time."""
    parents: tuple[int, ...] = ()
    """Stages that ran and wrote the shuffles which this one reads, told by their RDDs; empty where unknown."""
    keys: tuple[str, ...] = ()
    """Columns by which the shuffle that this stage reads is partitioned, from the SQL plan; empty where unknown."""
    operators: tuple[str, ...] = ()
    """Plan operators that ran in this stage (Sort, SortMergeJoin, …); where no plan tells, what its RDDs do."""
    execution: int | None = None
    """The SQL execution that it belongs to."""
    listed_paths: int = 0
    """How many paths it listed, where it is a job by which Spark lists files; 0 for any other."""


class ScanFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One scan node of a plan. A number is None where its metrics did not give it."""

    what: str
    """What is read, as the plan names it: ``lake.sales.orders``, ``parquet s3://…``."""
    format: str = ""
    """``iceberg``, ``parquet``, ``csv``, …; empty when unknown."""
    files: int | None = None
    bytes: int | None = None
    partitions: int | None = None
    manifests: int | None = None
    """Iceberg data manifests that planning opened."""
    planning_ms: float | None = None
    """Iceberg's total planning duration."""
    listing_ms: float | None = None
    """Spark's ``metadata time`` of a file scan."""
    rows: int | None = None


class WriteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One write node of a plan. A number is None where its metrics did not give it."""

    command: str
    """The plan's word: ``AppendData``, ``ReplaceData``, ``Execute InsertIntoHadoopFsRelationCommand``, …"""
    what: str = ""
    """Table or path, as far as the plan names it."""
    files: int | None = None
    bytes: int | None = None
    rows: int | None = None
    partitions: int | None = None
    commit_ms: float | None = None
    """Time of committing tasks and job, or Iceberg's total commit duration."""


class SqlExecution(msgspec.Struct, frozen=True, kw_only=True):
    """One SQL execution of the application."""

    execution_id: int
    evidence: str
    description: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    """None: the log ends inside it."""
    failed: bool = False
    condition: str | None = None
    """Spark's error condition (``DIVIDE_BY_ZERO``) where the error names one."""
    error: str = ""
    """What it failed of; empty where it went well or did not end."""
    scans: tuple[ScanFacts, ...] = ()
    writes: tuple[WriteFacts, ...] = ()


class SparkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the event log says of the application."""

    app_id: str | None
    app_name: str | None
    run_id: str | None
    spark_version: str | None
    stages: tuple[StageFacts, ...]
    executors_removed: tuple[str, ...]
    """Reasons, one for each executor that was removed."""
    complete: bool
    """False when ApplicationEnd is absent: the driver died or the log was cut."""
    ended_at: datetime | None = None
    """The time of ApplicationEnd."""
    evidence: str
    executions: tuple[SqlExecution, ...] = ()
    """Failed and unfinished ones first, then those with the largest scans; at most fifty."""
    job_errors: tuple[str, ...] = ()
    """What jobs failed of, in their order, repeats left out; at most twenty."""
    executor_memory: int | None = None
    """``spark.executor.memory``; None where it is not said."""
    driver_memory: int | None = None
    executor_cores: int | None = None
    settings: dict[str, str] = {}
    """The few Spark properties that a detector names (``context/spark_environment.py``), by their full names."""
    peak_heap: int | None = None
    """The largest JVM heap in use of an executor, as far as the log was told to keep it."""
    cut: bool = False
    """The log ends in the middle of a line or of a compressed block."""
    stages_dropped: int = 0
    """Stage attempts that were read and are not kept: there are bounds."""
    executions_dropped: int = 0
