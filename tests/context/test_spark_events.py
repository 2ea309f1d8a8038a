"""What is read out of a Spark event log: recorded ones, and events made up for one question."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pipetriage.context.redact import Redactor
from pipetriage.context.spark_cut import cut_event
from pipetriage.context.spark_events import read_spark_events
from pipetriage.context.spark_executions import MAX_KEPT
from pipetriage.context.spark_stages import MAX_STAGES
from pipetriage.model.spark import SparkFacts, StageFacts
from tests.context.recorded_logs import NAMES, recorded

SQL = "org.apache.spark.sql.execution.ui."
AT = 1_796_000_000_000


def read(*events: Any) -> SparkFacts:
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    return read_spark_events(lines, Redactor())


def task(number: int, metrics: Any = None, *, stage: int = 0, reason: Any = None) -> dict[str, Any]:
    info = {"Task ID": number, "Launch Time": AT, "Finish Time": AT + 500, "Speculative": False, "Accumulables": []}
    return {
        "Event": "SparkListenerTaskEnd",
        "Stage ID": stage,
        "Stage Attempt ID": 0,
        "Task End Reason": reason or {"Reason": "Success"},
        "Task Info": info,
        "Task Metrics": metrics or {},
    }


def started(number: int, *, stage: int = 0, at: int = AT) -> dict[str, Any]:
    info = {"Task ID": number, "Launch Time": at}
    return {"Event": "SparkListenerTaskStart", "Stage ID": stage, "Stage Attempt ID": 0, "Task Info": info}


def ended(number: int, **info: Any) -> dict[str, Any]:
    return {
        "Event": "SparkListenerStageCompleted",
        "Stage Info": {"Stage ID": number, "Stage Attempt ID": 0, "Number of Tasks": 2, **info},
    }


def stage_of(facts: SparkFacts, number: int) -> StageFacts:
    [found] = [stage for stage in facts.stages if stage.stage_id == number]
    return found


# --- Recorded logs


@pytest.mark.parametrize("name", ["skew_aqe", "skew_noaqe", "skew41"])
def test_the_join_s_stage_names_the_column_it_is_skewed_by(name: str) -> None:
    facts = read(*recorded(name))
    joins = [stage for stage in facts.stages if "SortMergeJoin" in stage.operators]
    assert [stage.keys for stage in joins] == [("customer_id",)]
    [join] = joins
    [aggregation] = [stage for stage in facts.stages if stage.keys == ("name",)]
    assert aggregation.parents == (join.stage_id,)
    # What its parents wrote is what it reads: of two stages, both really run.
    wrote = [stage_of(facts, parent).written_shuffle_bytes for parent in join.parents]
    assert len(wrote) == 2
    assert sum(wrote) == join.shuffle_bytes.total
    assert any("Window" in stage.operators and stage.keys == ("customer_id",) for stage in facts.stages)


def test_without_a_plan_made_anew_the_skew_shows() -> None:
    facts = read(*recorded("skew_noaqe"))
    [join] = [stage for stage in facts.stages if "SortMergeJoin" in stage.operators]
    assert join.tasks == join.planned_tasks == join.shuffle_bytes.count == 12
    assert join.shuffle_bytes.maximum > 20 * join.shuffle_bytes.median
    assert join.shuffle_records.maximum > 20 * join.shuffle_records.median
    assert facts.settings == {
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.autoBroadcastJoinThreshold": "-1",
        "spark.sql.shuffle.partitions": "12",
    }


def test_scans_and_writes_of_iceberg_and_files_have_their_numbers() -> None:
    facts = read(*recorded("iceberg"))
    by_id = {one.execution_id: one for one in facts.executions}
    orders, customers = by_id[6].scans
    assert (orders.what, orders.format, orders.files, orders.manifests) == ("lake.sales.orders", "iceberg", 3, 3)
    assert (customers.what, customers.rows) == ("lake.sales.customers", 500)
    assert orders.planning_ms == 71
    assert orders.bytes == 36125
    [append] = by_id[1].writes
    assert (append.command, append.what) == ("AppendData", "lake.sales.orders")
    [files] = by_id[10].writes
    assert (files.what, files.files, files.rows, files.bytes) == ("s3://lake/out/regions", 1, 4, 758)
    [scan] = by_id[11].scans
    assert (scan.what, scan.files, scan.listing_ms) == ("parquet s3://lake/out/regions", 1, 4)
    merge = [stage for stage in facts.stages if stage.execution == 8 and "SortMergeJoin" in stage.operators]
    assert [stage.keys for stage in merge] == [("id",)]
    assert [one.evidence for one in facts.executions if one.failed or one.ended_at is None] == []


@pytest.mark.parametrize("name", ["fail", "fail41"])
def test_failed_executions_come_first_with_their_condition(name: str) -> None:
    facts = read(*recorded(name))
    first = facts.executions[0]
    assert first.failed
    conditions = {one.condition for one in facts.executions}
    assert "DIVIDE_BY_ZERO" in conditions
    if name == "fail41":
        assert {"TABLE_OR_VIEW_NOT_FOUND", "PATH_NOT_FOUND"} <= conditions
    [failure] = stage_of(facts, 0).failures
    assert (failure.reason, failure.exception) == ("ExceptionFailure", "ValueError")
    assert failure.message.startswith("bad row for ‹email:")
    assert "example.com" not in repr(facts)
    assert facts.job_errors
    assert not any("\tat " in error for error in facts.job_errors)
    assert facts.job_errors[0].endswith("‹email:" + facts.job_errors[0].rsplit("‹email:", 1)[1])


def test_a_killed_driver_s_task_is_unfinished_and_its_stage_still_named() -> None:
    facts = read(*recorded("unfinished"))
    last = facts.stages[-1]
    assert (last.tasks, last.unfinished_tasks, last.completed) == (0, 1, False)
    assert last.unfinished_since is not None
    # No task of it ended, so that no accumulator names the exchange: the stage that wrote it does.
    assert last.keys == ("customer_id",)
    assert last.parents == (0,)
    assert facts.cut
    assert not facts.complete
    [execution] = facts.executions
    assert execution.ended_at is None
    assert not execution.failed


def test_the_stage_that_a_killed_driver_was_in_is_told_by_its_job() -> None:
    # Spark writes a job's start at once, and its stages' and tasks' when there is enough to write.
    first, second = read(*recorded("killed")).stages
    assert (first.completed, first.tasks) == (True, 4)
    assert (second.stage_id, second.planned_tasks, second.tasks, second.completed) == (2, 1, 0, False)
    assert (second.parents, second.keys, second.started_at) == ((0,), ("customer_id",), None)
    assert second.execution == 0


@pytest.mark.parametrize("name", NAMES)
def test_what_a_bundle_keeps_tells_the_same(name: str) -> None:
    whole = read(*recorded(name))
    kept = [event for line in recorded(name) if (event := cut_event(line)) is not None]
    assert msgspec.structs.replace(read(*kept), cut=whole.cut) == whole
    # Once more: a bundle may be captured again.
    again = [event for one in kept if (event := cut_event(json.dumps(one).encode())) is not None]
    assert again == kept
    assert len(json.dumps(kept)) < 0.6 * sum(map(len, recorded(name)))


@pytest.mark.parametrize("name", NAMES)
def test_lines_that_are_spaced_otherwise_read_alike(name: str) -> None:
    lines = recorded(name)
    spaced = [json.dumps(json.loads(line)).encode() for line in lines if line.endswith(b"}")]
    assert msgspec.structs.replace(read(*spaced), cut=False) == msgspec.structs.replace(read(*lines), cut=False)


# --- One question each


def test_a_task_that_failed_counts_for_the_largest_only() -> None:
    shuffle = {"Remote Bytes Read": 100, "Local Bytes Read": 20, "Total Records Read": 7}
    heavy = {"Remote Bytes Read": 9000, "Local Bytes Read": 0, "Total Records Read": 600}
    failed = {
        "Reason": "ExceptionFailure",
        "Class Name": "java.lang.OutOfMemoryError",
        "Description": "Java heap space",
    }
    facts = read(
        *(task(n, {"Executor Run Time": 40, "Shuffle Read Metrics": shuffle}) for n in range(3)),
        task(3, {"Executor Run Time": 400, "JVM GC Time": 9, "Shuffle Read Metrics": heavy}, reason=failed),
        task(4, reason={"Reason": "TaskKilled", "Kill Reason": "another attempt succeeded"}),
        task(5, reason={"Reason": "ExecutorLostFailure", "Loss Reason": "worker lost"}),
    )
    [stage] = facts.stages
    assert (stage.tasks, stage.failed_tasks, stage.executors_lost) == (3, 2, 1)
    assert (stage.shuffle_bytes.median, stage.shuffle_bytes.maximum) == (120, 9000)
    assert (stage.duration_ms.median, stage.duration_ms.maximum) == (40, 500)
    assert (stage.run_ms, stage.gc_ms) == (520, 9)
    assert [(one.reason, one.exception, one.message) for one in stage.failures] == [
        ("ExceptionFailure", "java.lang.OutOfMemoryError", "Java heap space"),
        ("TaskKilled", "", "another attempt succeeded"),
        ("ExecutorLostFailure", "", "worker lost"),
    ]


def test_equal_failures_are_counted_and_the_most_frequent_come_first() -> None:
    def failing(number: int, name: str) -> dict[str, Any]:
        return task(number, reason={"Reason": "ExceptionFailure", "Class Name": name, "Description": f"of {number}"})

    facts = read(failing(0, "A"), *(failing(n, "B") for n in range(1, 4)), *(failing(9, f"C{n}") for n in range(50)))
    [stage] = facts.stages
    assert [(one.exception, one.count) for one in stage.failures[:2]] == [("B", 3), ("A", 1)]
    assert len(stage.failures) == 5
    assert stage.failed_tasks == 54


def test_a_task_that_never_ends_is_unfinished_since_its_launch() -> None:
    facts = read(
        started(1, at=AT),
        started(2, at=AT + 100),
        started(3, at=AT + 5),
        task(1),
        {"Event": "SparkListenerApplicationEnd"},
    )
    [stage] = facts.stages
    assert (stage.tasks, stage.unfinished_tasks) == (1, 2)
    assert stage.unfinished_since == datetime.fromtimestamp((AT + 5) / 1000, UTC)
    assert stage.unfinished_ms == 495


class Counted(list[bytes]):
    """Lines that count how often they are read."""

    read = 0

    def __iter__(self) -> Iterator[bytes]:
        self.read += 1
        return super().__iter__()


@pytest.mark.parametrize("name", NAMES)
def test_lines_that_can_be_read_once_only_tell_the_same(name: str) -> None:
    assert read_spark_events(iter(recorded(name)), Redactor()) == read(*recorded(name))


def test_only_a_log_whose_tasks_did_not_all_end_is_read_twice() -> None:
    ended, stopped = Counted(recorded("skew41")), Counted(recorded("unfinished"))
    read_spark_events(ended, Redactor())
    read_spark_events(stopped, Redactor())
    assert (ended.read, stopped.read) == (1, 2)


def test_an_end_that_is_cut_off_is_none() -> None:
    end = json.dumps(task(1), separators=(",", ":")).encode()
    for cut in (end[:-1], end[:120]):
        [stage] = read(started(1), started(2), task(2), cut).stages
        assert (stage.tasks, stage.unfinished_tasks) == (1, 1)


def test_memory_and_cores_are_those_of_the_launch() -> None:
    properties = {"spark.executor.memory": "10g", "spark.driver.memory": "512", "spark.executor.cores": "4"}
    facts = read({"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": properties | {"spark.password": "x"}})
    assert (facts.executor_memory, facts.driver_memory, facts.executor_cores) == (10 * 2**30, 512 * 2**20, 4)
    assert facts.settings == {}


def test_the_heap_is_the_largest_of_any_executor() -> None:
    event = task(1)
    event["Task Executor Metrics"] = {"JVMHeapMemory": 700}
    compact = json.dumps(event, separators=(",", ":")).encode()
    end = {"Event": "SparkListenerStageExecutorMetrics", "Executor Metrics": {"JVMHeapMemory": 900}}
    assert read(compact).peak_heap == 700
    assert read(compact, end).peak_heap == 900
    assert read(task(1)).peak_heap is None


def test_an_error_that_is_json_is_written_out() -> None:
    error = {
        "errorClass": "CAST_INVALID_INPUT",
        "messageTemplate": "The value <expression> cannot be cast.",
        "messageParameters": {"expression": "'someone@example.com'"},
    }
    event = {"Event": f"{SQL}SparkListenerSQLExecutionEnd", "executionId": 3, "time": AT}
    [execution] = read(event | {"errorMessage": json.dumps(error)}).executions
    assert execution.condition == "CAST_INVALID_INPUT"
    assert execution.error.startswith("[CAST_INVALID_INPUT] The value ")
    assert "example.com" not in execution.error
    plain = {"errorClass": "java.lang.IllegalStateException", "messageParameters": {"message": "no such batch"}}
    [execution] = read(event | {"errorMessage": json.dumps(plain)}).executions
    assert (execution.condition, execution.error) == (None, "java.lang.IllegalStateException: no such batch")
    [execution] = read(event | {"errorMessage": ""}).executions
    assert not execution.failed


def test_what_stages_and_executions_are_too_many_for_is_counted() -> None:
    events: list[Any] = []
    for number in range(MAX_STAGES + 50):
        reason = {"Failure Reason": "broken"} if number == 3 else {}
        events += [task(number, stage=number), ended(number, **reason)]
        events.append({"Event": f"{SQL}SparkListenerSQLExecutionEnd", "executionId": number, "errorMessage": ""})
    facts = read(*events)
    assert (len(facts.stages), facts.stages_dropped) == (MAX_STAGES, 50)
    assert stage_of(facts, 3).failure_reason == "broken"
    assert (len(facts.executions), facts.executions_dropped) == (MAX_KEPT, MAX_STAGES + 50 - MAX_KEPT)


def test_nobody_s_secret_is_kept() -> None:
    secret = "hunter2Zq77xYwK9"
    said = f"password={secret}"
    where = {"nodeName": f"Scan csv {said}", "simpleString": f"Exchange hashpartitioning({said}#3, 2)", "metrics": []}
    exchange = {
        "nodeName": "Exchange",
        "simpleString": f"Exchange hashpartitioning({said}#3, 2)",
        "metrics": [{"name": "records read", "accumulatorId": 7, "metricType": "sum"}],
    }
    failed = {
        "Reason": "ExceptionFailure",
        "Class Name": "E",
        "Description": said,
        "Full Stack Trace": f"Caused by: X: {said}",
    }
    events: list[Any] = [
        {"Event": "SparkListenerApplicationStart", "App Name": said, "App ID": "a"},
        {
            "Event": f"{SQL}SparkListenerSQLExecutionStart",
            "executionId": 1,
            "description": said,
            "modifiedConfigs": {"spark.sql.shuffle.partitions": said},
            "sparkPlanInfo": {**where, "children": [exchange]},
        },
        task(1, reason=failed),
        ended(
            0,
            **{
                "Failure Reason": said,
                "Stage Name": said,
                "Accumulables": [{"ID": 7, "Metadata": "sql", "Value": "1"}],
            },
        ),
        {"Event": "SparkListenerJobEnd", "Job Result": {"Result": "JobFailed", "Exception": {"Message": said}}},
        {"Event": "SparkListenerExecutorRemoved", "Removed Reason": said},
        {"Event": f"{SQL}SparkListenerSQLExecutionEnd", "executionId": 1, "errorMessage": said},
    ]
    facts = read(*events)
    [stage] = facts.stages
    assert stage.keys
    assert facts.executions[0].error
    assert secret not in repr(facts)
