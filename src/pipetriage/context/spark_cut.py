"""What a captured bundle keeps of an event log: all that ``spark_events.py`` reads, and little else."""

from collections.abc import Callable, Mapping
from typing import Any

from pipetriage.context.reading import items, mapping, mappings, text
from pipetriage.context.spark_environment import SETTINGS, kept_properties
from pipetriage.context.spark_events import event_name
from pipetriage.context.spark_plans import essence, nodes_of, read_plan
from pipetriage.context.spark_records import document_of
from pipetriage.context.spark_words import execution_error, listed_paths, listing_of

_MAX_ACCUMULABLES = 2000
_SQL = "sql"
_EXECUTION = "spark.sql.execution.id"
_DESCRIPTION = "spark.job.description"


def cut_event(line: bytes) -> dict[str, Any] | None:
    """Give an event that triage reads, without what it does not need; None for any other line.

    Of the environment only the properties that are read stay: the others are the same in every log, and may hold
    secrets. Plans keep names, columns of exchanges and metrics; their texts, which quote literals, go.
    """
    name = event_name(line)
    cut = _CUTS.get(name or "")
    document = document_of(line) if cut is not None else None
    return cut(document) if cut is not None and document is not None else None


def _only(document: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Give the fields that are plain values; a value of any other kind there is no event of Spark's."""
    return {key: value for key in keys if isinstance(value := document.get(key), str | int | float)}


def _task_start(event: Mapping[str, Any]) -> dict[str, Any]:
    info = _only(mapping(event, "Task Info"), "Task ID", "Launch Time", "Executor ID", "Speculative")
    return _only(event, "Event", "Stage ID", "Stage Attempt ID") | {"Task Info": info}


def _task_end(event: Mapping[str, Any]) -> dict[str, Any]:
    info, reason = mapping(event, "Task Info"), mapping(event, "Task End Reason")
    cut = _only(event, "Event", "Stage ID", "Stage Attempt ID")
    cut["Task End Reason"] = _only(reason, *_REASON)
    cut["Task Info"] = _only(info, *_INFO) | {"Accumulables": _accumulables(info, "ID", "Metadata")}
    if (heap := _only(mapping(event, "Task Executor Metrics"), "JVMHeapMemory")) and any(heap.values()):
        cut["Task Executor Metrics"] = heap
    if isinstance(metrics := event.get("Task Metrics"), Mapping):
        cut["Task Metrics"] = _only(metrics, *_METRICS) | {
            part: _only(mapping(metrics, part), *fields) for part, fields in _PARTS.items()
        }
    return cut


_REASON = ("Reason", "Class Name", "Description", "Full Stack Trace", "Loss Reason", "Message", "Kill Reason")
_INFO = (
    *("Task ID", "Index", "Attempt", "Launch Time", "Executor ID", "Speculative", "Getting Result Time"),
    *("Finish Time", "Failed", "Killed"),
)
_METRICS = (
    *("Executor Run Time", "Executor CPU Time", "Peak Execution Memory", "JVM GC Time"),
    *("Memory Bytes Spilled", "Disk Bytes Spilled"),
)
_PARTS = {
    "Shuffle Read Metrics": ("Remote Bytes Read", "Local Bytes Read", "Total Records Read"),
    "Shuffle Write Metrics": ("Shuffle Bytes Written", "Shuffle Records Written"),
    "Input Metrics": ("Bytes Read", "Records Read"),
    "Output Metrics": ("Bytes Written", "Records Written"),
}
_STAGE = (
    *("Stage ID", "Stage Attempt ID", "Stage Name", "Number of Tasks", "Submission Time", "Completion Time"),
    "Failure Reason",
)


def _accumulables(document: Mapping[str, Any], *keys: str) -> list[dict[str, Any]]:
    found = mappings(items(document, "Accumulables")[:_MAX_ACCUMULABLES])
    return [_only(one, *keys) for one in found if one.get("Metadata") == _SQL]


def _stage(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"Event": event["Event"], "Stage Info": _stage_info(mapping(event, "Stage Info"))} | _of_execution(event)


def _job_start(event: Mapping[str, Any]) -> dict[str, Any]:
    infos = [_stage_info(one) for one in mappings(event, "Stage Infos")]
    return _only(event, "Event", "Job ID", "Submission Time") | {"Stage Infos": infos} | _of_execution(event)


def _of_execution(event: Mapping[str, Any]) -> dict[str, Any]:
    properties = mapping(event, "Properties")
    execution, paths = text(properties, _EXECUTION), listed_paths(text(properties, _DESCRIPTION) or "")
    kept = ({_EXECUTION: execution} if execution else {}) | ({_DESCRIPTION: listing_of(paths)} if paths else {})
    return {"Properties": kept} if kept else {}


def _stage_info(info: Mapping[str, Any]) -> dict[str, Any]:
    cut = _only(info, *_STAGE)
    cut["Parent IDs"] = _ids(info)
    cut["RDD Info"] = [_only(rdd, "RDD ID", "Scope") | {"Parent IDs": _ids(rdd)} for rdd in mappings(info, "RDD Info")]
    cut["Accumulables"] = _accumulables(info, "ID", "Value", "Metadata")
    return cut


def _ids(document: Mapping[str, Any]) -> list[int]:
    return [one for one in items(document, "Parent IDs") if isinstance(one, int)]


def _environment(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"Event": event["Event"], "Spark Properties": kept_properties(mapping(event, "Spark Properties"))}


def _execution(event: Mapping[str, Any]) -> dict[str, Any]:
    cut = _only(event, "Event", "executionId", "rootExecutionId", "description", "time")
    nodes = nodes_of(event.get("sparkPlanInfo"))
    # Flat: what is read of a plan does not depend on which node is whose child, and redaction need not go deep.
    kept = [essence(node) for node in nodes if any(read_plan([node]))]
    configs = kept_properties(mapping(event, "modifiedConfigs"))
    return cut | {
        "modifiedConfigs": {name: value for name, value in configs.items() if name in SETTINGS},
        "sparkPlanInfo": {"nodeName": "", "children": kept},
    }


def _execution_end(event: Mapping[str, Any]) -> dict[str, Any]:
    cut = _only(event, "Event", "executionId", "time")
    error, _ = execution_error(text(event, "errorMessage"))
    return cut | {"errorMessage": error}


def _job_end(event: Mapping[str, Any]) -> dict[str, Any]:
    result = mapping(event, "Job Result")
    said = {"Exception": _only(mapping(result, "Exception"), "Message")} if "Exception" in result else {}
    return {**_only(event, "Event", "Job ID", "Completion Time"), "Job Result": _only(result, "Result") | said}


def _driver_values(event: Mapping[str, Any]) -> dict[str, Any]:
    pairs = [one for one in items(event, "accumUpdates") if isinstance(one, list) and len(one) == 2]
    kept = [one for one in pairs if all(isinstance(number, int) for number in one)]
    return _only(event, "Event", "executionId") | {"accumUpdates": kept}


def _executor_metrics(event: Mapping[str, Any]) -> dict[str, Any]:
    return _only(event, "Event") | {"Executor Metrics": _only(mapping(event, "Executor Metrics"), "JVMHeapMemory")}


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    return _only(event, "Event", "Spark Version", "App Name", "App ID", "Timestamp", "Executor ID", "Removed Reason")


_CUTS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "SparkListenerTaskStart": _task_start,
    "SparkListenerTaskEnd": _task_end,
    "SparkListenerStageSubmitted": _stage,
    "SparkListenerStageCompleted": _stage,
    "SparkListenerStageExecutorMetrics": _executor_metrics,
    "SparkListenerJobStart": _job_start,
    "SparkListenerJobEnd": _job_end,
    "SparkListenerApplicationStart": _plain,
    "SparkListenerApplicationEnd": _plain,
    "SparkListenerExecutorRemoved": _plain,
    "SparkListenerEnvironmentUpdate": _environment,
    "SparkListenerLogStart": _plain,
    "SparkListenerSQLExecutionStart": _execution,
    "SparkListenerSQLAdaptiveExecutionUpdate": _execution,
    "SparkListenerSQLExecutionEnd": _execution_end,
    "SparkListenerDriverAccumUpdates": _driver_values,
}
