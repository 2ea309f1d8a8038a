"""A Spark event log with one stage of tasks: even ones, or one that reads most of it."""

from datetime import timedelta
from typing import Any

from lab.composed.world import World
from tools.starter_blocks import millis

_TASKS = 20


def _task(world: World, index: int, took: int, read: int, spilled: int, reason: dict[str, Any]) -> dict[str, Any]:
    launch = millis(world.started) + 60_000
    failed = reason["Reason"] != "Success"
    event: dict[str, Any] = {
        "Event": "SparkListenerTaskEnd",
        "Stage ID": 5,
        "Stage Attempt ID": 0,
        "Task Type": "ShuffleMapTask",
        "Task End Reason": reason,
        "Task Info": {
            "Task ID": 100 + index,
            "Index": index % _TASKS,
            "Attempt": index // _TASKS,
            "Launch Time": launch,
            "Executor ID": str(index % 4 + 1),
            "Host": f"172.35.12.{index % 4 + 11}",
            "Locality": "PROCESS_LOCAL",
            "Speculative": False,
            "Finish Time": launch + took,
            "Failed": failed,
            "Killed": False,
        },
    }
    if not failed or reason["Reason"] == "ExceptionFailure":
        event["Task Metrics"] = {
            "Executor Run Time": took,
            "Executor CPU Time": took * 690_000,
            "JVM GC Time": took // 8,
            "Memory Bytes Spilled": spilled * 4,
            "Disk Bytes Spilled": spilled,
            "Shuffle Read Metrics": {
                "Remote Bytes Read": read * 3 // 4,
                "Local Bytes Read": read // 4,
                "Total Records Read": read // 150,
                "Fetch Wait Time": 14,
            },
            "Shuffle Write Metrics": {"Shuffle Bytes Written": read // 2, "Shuffle Records Written": read // 150},
            "Input Metrics": {"Bytes Read": 0, "Records Read": 0},
            "Output Metrics": {"Bytes Written": 0, "Records Written": 0},
        }
    return event


_REASONS: dict[str, dict[str, Any]] = {
    "memory": {
        "Reason": "ExceptionFailure",
        "Class Name": "java.lang.OutOfMemoryError",
        "Description": "Java heap space",
        "Full Stack Trace": "java.lang.OutOfMemoryError: Java heap space",
    },
    "disk": {
        "Reason": "ExceptionFailure",
        "Class Name": "java.io.IOException",
        "Description": "No space left on device",
        "Full Stack Trace": "java.io.IOException: No space left on device",
    },
    "lost": {
        "Reason": "ExecutorLostFailure",
        "Executor ID": "2",
        "Exit Caused By App": True,
        "Loss Reason": "Remote RPC client disassociated. Likely due to containers exceeding thresholds.",
    },
}
_GOOD = {"Reason": "Success"}
_HEAVY = (9_800_000_000, 19_000_000_000)
"""Bytes that the one heavy task read, and spilled."""


def _head(world: World) -> list[dict[str, Any]]:
    name = f"nativespark-{world.job.name}-{world.run}"
    properties = {"spark.app.name": name, "spark.cloudwatch.logging.conf.jobRunId": world.run}
    start: dict[str, Any] = {"Event": "SparkListenerApplicationStart", "App Name": name, "App ID": world.app}
    start |= {"Timestamp": millis(world.started) + 12_000, "User": "spark"}
    return [
        {"Event": "SparkListenerLogStart", "Spark Version": world.table.engine[0]},
        {"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": properties},
        start,
    ]


def _even(world: World, count: int) -> list[dict[str, Any]]:
    return [_task(world, n, 31_000 + 700 * (n % 6), 74_000_000 + 811_000 * n, 0, _GOOD) for n in range(count)]


def _stage(number: int, failure: str = "") -> dict[str, Any]:
    info: dict[str, Any] = {
        "Stage ID": number,
        "Stage Attempt ID": 0,
        "Stage Name": "join at NativeMethodAccessorImpl.java:0",
        "Number of Tasks": _TASKS,
    }
    return {
        "Event": "SparkListenerStageCompleted",
        "Stage Info": info | ({"Failure Reason": failure} if failure else {}),
    }


def events(world: World, shape: str) -> list[dict[str, Any]]:
    """Write the log.

    ``even``: all tasks of the stage read alike, and one dies four times of memory. ``skewed``, ``skewed-disk``,
    ``skewed-lost``: the one that dies reads a hundred times the median. ``straggler``: such a task never ends, and
    the log stays open.
    """
    found = _head(world)
    if shape in {"straggler", "skewed-lost"}:
        # A task that is lost, or never ends, leaves no metrics: the stage before shows whose share was heavy.
        before = [*_even(world, _TASKS - 1), _task(world, _TASKS - 1, world.seconds * 200, *_HEAVY, _GOOD)]
        found += [*({**one, "Stage ID": 4} for one in before), _stage(4)]
    found += _even(world, _TASKS - 1)
    if shape == "straggler":
        return found
    kind = shape.partition("-")[2] or "memory"
    took, size = (33_500, (79_000_000, 0)) if shape == "even" else (min(640_000, world.seconds * 600), _HEAVY)
    for attempt in range(4):
        found.append(_task(world, _TASKS - 1 + attempt * _TASKS, took, *size, _REASONS[kind]))
    words = _REASONS[kind].get("Full Stack Trace") or _REASONS[kind]["Loss Reason"]
    failure = f"Task 19 in stage 5.0 failed 4 times, most recent failure: {words}"
    end = millis(world.started + timedelta(seconds=world.seconds - 2))
    return [*found, _stage(5, failure), {"Event": "SparkListenerApplicationEnd", "Timestamp": end}]
