"""The events of a Spark log as typed records: only the fields that triage reads, everything else is skipped unbuilt.

Field names are Spark's (JsonProtocol). A number of the wrong type or range reads as absent, and the rest of its event
stands.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from pipetriage.context.reading import integer, items, mapping

LARGEST = 2**63 - 1
"""Spark's numbers are Java longs."""
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
T = TypeVar("T", bound=Struct)

_MAX_DEPTH = 12
"""Of records within records; only a plan's nodes nest deeper, and they are read otherwise."""


class ShuffleRead(Struct, gc=False, frozen=True):
    """``Shuffle Read Metrics``."""

    remote: Count = field(name="Remote Bytes Read", default=0)
    local: Count = field(name="Local Bytes Read", default=0)
    records: Count = field(name="Total Records Read", default=0)


class ShuffleWrite(Struct, gc=False, frozen=True):
    """``Shuffle Write Metrics``."""

    bytes: Count = field(name="Shuffle Bytes Written", default=0)
    records: Count = field(name="Shuffle Records Written", default=0)


class Input(Struct, gc=False, frozen=True):
    """``Input Metrics``."""

    bytes: Count = field(name="Bytes Read", default=0)
    records: Count = field(name="Records Read", default=0)


class Output(Struct, gc=False, frozen=True):
    """``Output Metrics``."""

    bytes: Count = field(name="Bytes Written", default=0)
    records: Count = field(name="Records Written", default=0)


class TaskMetrics(Struct, gc=False):
    """``Task Metrics``: times in milliseconds, CPU time in nanoseconds."""

    run: Count = field(name="Executor Run Time", default=0)
    cpu: Count = field(name="Executor CPU Time", default=0)
    peak: Count = field(name="Peak Execution Memory", default=0)
    gc: Count = field(name="JVM GC Time", default=0)
    memory_spilled: Count = field(name="Memory Bytes Spilled", default=0)
    disk_spilled: Count = field(name="Disk Bytes Spilled", default=0)
    shuffle_read: ShuffleRead = field(name="Shuffle Read Metrics", default=ShuffleRead())
    shuffle_write: ShuffleWrite = field(name="Shuffle Write Metrics", default=ShuffleWrite())
    input: Input = field(name="Input Metrics", default=Input())
    output: Output = field(name="Output Metrics", default=Output())


class Accumulable(Struct, gc=False, frozen=True):
    """One accumulator, a SQL metric's where ``metadata`` is ``sql``. ``value`` is the sum so far, text or number."""

    id: Count | None = field(name="ID", default=None)
    value: Any = field(name="Value", default=None)
    metadata: str | None = field(name="Metadata", default=None)


class TaskInfo(Struct, gc=False, frozen=True):
    """``Task Info``."""

    task_id: Count = field(name="Task ID", default=LARGEST)
    launch: Count = field(name="Launch Time", default=0)
    speculative: bool = field(name="Speculative", default=False)
    finish: Count = field(name="Finish Time", default=0)
    accumulables: tuple[Accumulable, ...] = field(name="Accumulables", default=())


class ExecutorMetrics(Struct, gc=False, frozen=True):
    """``Task Executor Metrics`` and ``Executor Metrics``."""

    heap: Count = field(name="JVMHeapMemory", default=0)


class EndReason(Struct, gc=False, frozen=True):
    """``Task End Reason``."""

    reason: str = field(name="Reason", default="")
    class_name: str | None = field(name="Class Name", default=None)
    description: str | None = field(name="Description", default=None)
    trace: str | None = field(name="Full Stack Trace", default=None)
    loss: str | None = field(name="Loss Reason", default=None)
    message: str | None = field(name="Message", default=None)
    kill: str | None = field(name="Kill Reason", default=None)


class TaskStart(Struct, gc=False):
    """``SparkListenerTaskStart``."""

    stage: Count = field(name="Stage ID", default=0)
    attempt: Count = field(name="Stage Attempt ID", default=0)
    info: TaskInfo = field(name="Task Info", default=TaskInfo())


class TaskEnd(Struct, gc=False):
    """``SparkListenerTaskEnd``. Fields stand in the order of Spark's: they are found the faster."""

    stage: Count = field(name="Stage ID", default=0)
    attempt: Count = field(name="Stage Attempt ID", default=0)
    reason: EndReason = field(name="Task End Reason", default=EndReason())
    info: TaskInfo = field(name="Task Info", default=TaskInfo())
    executor: ExecutorMetrics | None = field(name="Task Executor Metrics", default=None)
    metrics: TaskMetrics | None = field(name="Task Metrics", default=None)


class Rdd(Struct, gc=False):
    """One RDD of a stage; ``scope`` is JSON in a string, its name that of a plan's operator."""

    id: Count | None = field(name="RDD ID", default=None)
    parents: tuple[Count, ...] = field(name="Parent IDs", default=())
    scope: str | None = field(name="Scope", default=None)


class StageInfo(Struct, gc=False):
    """``Stage Info``."""

    stage: Count = field(name="Stage ID", default=0)
    attempt: Count = field(name="Stage Attempt ID", default=0)
    name: str = field(name="Stage Name", default="")
    tasks: Count = field(name="Number of Tasks", default=0)
    parents: tuple[Count, ...] = field(name="Parent IDs", default=())
    submitted: Count | None = field(name="Submission Time", default=None)
    completed: Count | None = field(name="Completion Time", default=None)
    reason: str | None = field(name="Failure Reason", default=None)
    rdds: tuple[Rdd, ...] = field(name="RDD Info", default=())
    accumulables: tuple[Accumulable, ...] = field(name="Accumulables", default=())


class StageProperties(Struct, gc=False):
    """Of a stage's local properties the SQL execution's id, and what Spark says that its job does."""

    execution: str | None = field(name="spark.sql.execution.id", default=None)
    description: str | None = field(name="spark.job.description", default=None)


class StageEvent(Struct, gc=False):
    """``SparkListenerStageSubmitted`` and ``SparkListenerStageCompleted``."""

    info: StageInfo | None = field(name="Stage Info", default=None)
    properties: StageProperties | None = field(name="Properties", default=None)


class JobStart(Struct, gc=False):
    """``SparkListenerJobStart``."""

    job: Count | None = field(name="Job ID", default=None)
    time: Count | None = field(name="Submission Time", default=None)
    stages: tuple[StageInfo, ...] = field(name="Stage Infos", default=())
    properties: StageProperties | None = field(name="Properties", default=None)


class JobException(Struct, gc=False):
    """``Exception`` of a failed job."""

    message: str | None = field(name="Message", default=None)


class JobResult(Struct, gc=False):
    """``Job Result``."""

    result: str = field(name="Result", default="")
    exception: JobException | None = field(name="Exception", default=None)


class JobEnd(Struct, gc=False):
    """``SparkListenerJobEnd``."""

    job: Count | None = field(name="Job ID", default=None)
    time: Count | None = field(name="Completion Time", default=None)
    result: JobResult | None = field(name="Job Result", default=None)


class StageExecutorMetrics(Struct, gc=False):
    """``SparkListenerStageExecutorMetrics``."""

    metrics: ExecutorMetrics | None = field(name="Executor Metrics", default=None)


class Metric(Struct, gc=False):
    """A SQL metric of a plan's node."""

    name: str = ""
    id: Count | None = field(name="accumulatorId", default=None)
    kind: str = field(name="metricType", default="")


class ExecutionStart(Struct, gc=False):
    """``SparkListenerSQLExecutionStart`` and ``SparkListenerSQLAdaptiveExecutionUpdate``, the plan undecoded."""

    execution: Count | None = field(name="executionId", default=None)
    description: str = ""
    time: Count | None = None
    configs: dict[str, Any] | None = field(name="modifiedConfigs", default=None)
    plan: msgspec.Raw | None = field(name="sparkPlanInfo", default=None)


class ExecutionEnd(Struct, gc=False):
    """``SparkListenerSQLExecutionEnd``."""

    execution: Count | None = field(name="executionId", default=None)
    time: Count | None = None
    error: str | None = field(name="errorMessage", default=None)


class DriverAccumulators(Struct, gc=False):
    """``SparkListenerDriverAccumUpdates``: pairs of accumulator id and value."""

    execution: Count | None = field(name="executionId", default=None)
    updates: tuple[tuple[Count, Count], ...] = field(name="accumUpdates", default=())


class LogStart(Struct, gc=False):
    """``SparkListenerLogStart``."""

    version: str | None = field(name="Spark Version", default=None)


class ApplicationStart(Struct, gc=False):
    """``SparkListenerApplicationStart``."""

    app_id: str | None = field(name="App ID", default=None)
    app_name: str | None = field(name="App Name", default=None)
    time: Count | None = field(name="Timestamp", default=None)


class ApplicationEnd(Struct, gc=False):
    """``SparkListenerApplicationEnd``."""

    time: Count | None = field(name="Timestamp", default=None)


class ExecutorRemoved(Struct, gc=False):
    """``SparkListenerExecutorRemoved``."""

    reason: str | None = field(name="Removed Reason", default=None)


class Environment(Struct, gc=False):
    """``SparkListenerEnvironmentUpdate``."""

    properties: dict[str, Any] | None = field(name="Spark Properties", default=None)


class Record(msgspec.Struct, frozen=True):
    """How one kind of event is decoded."""

    type: Any
    decoder: Any

    @classmethod
    def of(cls, kind: type[Struct]) -> "Record":
        """Make the decoder of the kind."""
        return cls(kind, msgspec.json.Decoder(kind))

    def decode(self, line: bytes) -> Any:
        """Decode a line; give None where it is no JSON, or nested without end."""
        try:
            return self.decoder.decode(line)
        except msgspec.ValidationError:
            document = document_of(line)
            return lenient(document, self.type) if document is not None else None
        except UnicodeDecodeError:
            return self.decode(line.decode("utf-8", "replace").encode())
        except (msgspec.DecodeError, RecursionError):
            return None


def document_of(line: bytes) -> Mapping[str, Any] | None:
    """Decode a line untyped; give None where it is no JSON object."""
    try:
        document = msgspec.json.decode(line)
    except UnicodeDecodeError:
        return document_of(line.decode("utf-8", "replace").encode())
    except (msgspec.DecodeError, RecursionError):
        return None
    return document if isinstance(document, Mapping) else None


def lenient(document: Mapping[str, Any], kind: type[T], depth: int = 0) -> T:
    """Read a record of which a field has the wrong type: that field as absent, numeric text as a number."""
    read = {}
    for name, written, hint in _fields(kind):
        value = document.get(written)
        if value is not None and depth < _MAX_DEPTH:
            found = _lenient(value, hint, depth)
            if found is not None:
                read[name] = found
    return kind(**read)


@cache
def _fields(kind: type[Struct]) -> tuple[tuple[str, str, Any], ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple((one.name, one.encode_name, hints[one.name]) for one in msgspec.structs.fields(kind))


def _lenient(value: Any, hint: Any, depth: int) -> Any:
    options = [one for one in get_args(hint) if one is not type(None)] if _is_union(hint) else [hint]
    wanted = options[0]
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        return lenient(value, wanted, depth + 1) if isinstance(value, Mapping) else None
    if wanted is msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(value))
    if wanted is Count:
        number = integer({"": value}, "")
        return number if number is not None and 0 <= number <= LARGEST else None
    if wanted is Any:
        return value
    arguments = get_args(wanted)
    if getattr(wanted, "__origin__", None) is tuple and isinstance(value, list):
        inner = arguments[0]
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            found = (_lenient(one, inner, depth + 1) for one in items(value))
            return tuple(one for one in found if one is not None)
        found_all = tuple(_lenient(one, inner, depth + 1) for one in value[: len(arguments)])
        return found_all if len(found_all) == len(arguments) and None not in found_all else None
    if getattr(wanted, "__origin__", None) is dict:
        return dict(mapping(value)) or None
    return value if isinstance(wanted, type) and isinstance(value, wanted) else None


def _is_union(hint: Any) -> bool:
    return type(None) in get_args(hint)
