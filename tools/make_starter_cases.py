"""Writes the starter cases of ``cases/`` again, byte for byte: ``python tools/make_starter_cases.py [FOLDER]``.

The cases are committed; this script is here so that a reviewer can see what each one is made of and regenerate it.
Each scenario says what happened as the services themselves would: nothing in here knows how triage reads it.
"""

# Log lines and stack frames are quoted as they come, one a line.
# ruff: noqa: E501

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starter_blocks import (
    ACCOUNT,
    REGION,
    Commit,
    Folder,
    GlueJob,
    IcebergTable,
    Line,
    app_id,
    digest,
    glue4,
    glue5,
    iso,
    listing,
    run_id,
)

DAY = timedelta(days=1)
PY4J = "/opt/amazon/spark/python/lib/py4j-0.10.9.7-src.zip/py4j"


def at(text: str) -> datetime:
    """Read a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Scenario:
    """One failed (or doubtful) daily or hourly run with its surroundings."""

    def __init__(self, root: Path, case: str, job: GlueJob, batch: str, started: datetime, seconds: int) -> None:
        self.folder = Folder(root / case)
        self.job, self.batch, self.started, self.seconds = job, batch, started, seconds
        self.run = run_id(job.name, batch)
        self.files: dict[str, Any] = {}
        self.arguments: dict[str, str] = {}

    def runs(self, state: str, error: str, good: Iterable[tuple[str, datetime, int]], modified: datetime) -> None:
        """Write run, history and job; ``good`` are earlier succeeded runs (batch, start, seconds), newest first."""
        current = self.job.run(self.batch, self.started, self.seconds, state, error, **self.arguments)
        earlier = [self.job.run(batch, start, took, "SUCCEEDED") for batch, start, took in good]
        self.folder.write("glue/job_run.json", {"JobRun": current})
        self.folder.write("glue/job_runs.json", {"JobRuns": [current, *earlier]})
        self.folder.write("glue/job.json", self.job.document(modified))

    def log(self, *streams: tuple[str, str, Iterable[Line]]) -> None:
        """Write log streams as (group, stream suffix, records), in the layout of the job's Glue version."""
        layout = glue4 if self.job.glue_version.startswith(("3", "4")) else glue5
        for group, suffix, records in streams:
            stream = f"{self.run}{suffix}"
            name = f"logs/aws-glue/jobs/{group}/{suffix.lstrip('-') or 'run'}.jsonl"
            self.folder.lines(name, layout(self.started, stream, records))

    def begin(self) -> list[Line]:
        """Give the records with which every run begins."""
        app = app_id(self.run)
        return [
            Line(3, "INFO", "PlatformInfo", "Unable to read clusterId from the instance files, using the default"),
            Line(9, "INFO", "SparkContext", "Running Spark version " + self._spark()),
            Line(
                9,
                "WARN",
                "SparkConf",
                "The configuration key 'spark.yarn.executor.memoryOverhead' has been deprecated as of Spark 2.3 and may "
                "be removed in the future. Please use the new key 'spark.executor.memoryOverhead' instead.",
            ),
            Line(10, "INFO", "SparkContext", f"Submitted application: nativespark-{self.job.name}-{self.run}"),
            Line(14, "INFO", "JESSchedulerBackend", f"Connected to Spark cluster with app ID {app}"),
            Line(17, "INFO", "SharedState", "Warehouse path is 'file:/tmp/spark-warehouse'."),
            Line(21, "WARN", "HiveConf", "HiveConf of name hive.stats.jdbc.timeout does not exist"),
            Line(26, "INFO", "GlueCatalogImpl", "Loading AwsProperties with the default client factory"),
        ]

    def _spark(self) -> str:
        return {"4.0": "3.3.0-amzn-1", "5.0": "3.5.4-amzn-0"}[self.job.glue_version]

    def end(self, second: float) -> list[Line]:
        """Give the records with which a run ends, however it ended."""
        return [
            Line(second, "INFO", "SparkContext", "Invoking stop() from shutdown hook"),
            Line(second + 0.4, "INFO", "MapOutputTrackerMasterEndpoint", "MapOutputTrackerMasterEndpoint stopped!"),
            Line(second + 1, "INFO", "SparkContext", "Successfully stopped SparkContext"),
            Line(second + 1.2, "INFO", "ShutdownHookManager", "Shutdown hook called"),
        ]

    def bundle(self, pipeline: dict[str, Any], captured: timedelta = timedelta(minutes=14)) -> None:
        """Write bundle.json."""
        ended = self.started + timedelta(seconds=self.seconds)
        document = {
            "bundle_version": 1,
            "captured_at": iso(ended + captured),
            "run": {"job_name": self.job.name, "job_run_id": self.run, "batch_id": self.batch},
            "pipeline": {
                "name": self.job.name,
                "glue_job": self.job.name,
                "batch_id": {"from": "argument", "name": "batch_id"},
                **pipeline,
            },
            "files": self.files,
        }
        self.folder.write("bundle.json", document)

    def expect(self, category: str, safe: bool, harmless: bool, notes: str, acceptable: tuple[str, ...] = ()) -> None:
        """Write the labels."""
        names = ", ".join(dict.fromkeys((category, *acceptable)))
        self.folder.text(
            "expected.yaml",
            f"failure_category: {category}\nacceptable_categories: [{names}]\nsafe_to_retry: {str(safe).lower()}\n"
            f"rerun_harmless: {str(harmless).lower()}\nsplit: development\nnotes: >-\n  {notes}\n",
        )


def python_error(second: float, script: str, line: int, code: str, error: str) -> Line:
    """Write how Glue logs an uncaught Python exception."""
    trace = f'  File "/tmp/{script}.py", line {line}, in <module>\n    {code}'
    return Line(
        second, "ERROR", "ProcessLauncher", f"Error from Python:Traceback (most recent call last):\n{trace}\n{error}"
    )


def spark_call(call: str, java: str, captured: str) -> str:
    """Write the pyspark frames under an action, and the exception it raised."""
    spark = "/opt/amazon/spark/python/lib/pyspark.zip/pyspark"
    return (
        f'  File "{spark}/sql/{call}\n'
        f'  File "{PY4J}/java_gateway.py", line 1322, in __call__\n    return_value = get_return_value(\n'
        f'  File "{spark}/errors/exceptions/captured.py", line 185, in deco\n    raise converted from None\n{captured}'
        if captured
        else f'  File "{spark}/sql/{call}\n'
        f'  File "{PY4J}/protocol.py", line 326, in get_return_value\n    raise Py4JJavaError(\n'
        f"py4j.protocol.Py4JJavaError: An error occurred while calling {java}"
    )


def daily(batches: Iterable[str], hour: str, seconds: int) -> list[tuple[str, datetime, int]]:
    """List earlier good runs of a daily job, newest first."""
    return [(batch, at(f"{batch}T{hour}") + DAY, seconds + 11 * (index % 4)) for index, batch in enumerate(batches)]


def filled(table: IcebergTable, job: str, good: Iterable[tuple[str, datetime, int]], operation: str = "append") -> None:
    """Give the table one commit for each earlier good run."""
    for batch, start, took in reversed(list(good)):
        size = 7_000_000 + int(digest(table.name, batch)[:5], 16)
        file = (batch[:10], size // 62, size)
        commit = Commit(start + timedelta(seconds=took - 30), batch, run_id(job, batch), (file,), operation)
        table.commits.append(commit)


def control(good: Iterable[tuple[str, datetime, int]], job: str, last: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Write control rows, oldest first, the triaged batch's last."""
    rows: list[dict[str, Any]] = [
        {
            "batch_id": batch,
            "job_run_id": run_id(job, batch),
            "status": "SUCCESS",
            "step": "published",
            "attempt": 1,
            "updated_at": iso(start + timedelta(seconds=took)),
        }
        for batch, start, took in reversed(list(good))
    ]
    return [*rows, last] if last else rows


def missing_source_path(root: Path) -> None:
    """The hour's input folder is not there yet; the job stops before it reads or writes anything."""
    job = GlueJob("clickstream_hourly", "5.0", {"--source_root": "s3://acme-raw-events/clickstream/"}, workers=4)
    case = Scenario(root, "missing_source_path", job, "2026-11-22T03", at("2026-11-22T04:05:02"), 74)
    good = [(f"2026-11-22T{hour:02d}", at(f"2026-11-22T{hour + 1:02d}:05:01"), 301 + 7 * hour) for hour in (2, 1, 0)]
    path = "s3://acme-raw-events/clickstream/dt=2026-11-22/hr=03"
    table = IcebergTable(
        "web.clicks",
        "acme-lake",
        {"click_id": "string", "user_id": "string", "page": "string", "clicked_at": "timestamptz", "dt": "string"},
        "dt",
        at("2026-08-01T09:12:00"),
    )
    filled(table, job.name, good)
    case.files = table.write(case.folder, "target")
    message = f"[PATH_NOT_FOUND] Path does not exist: {path}."
    case.runs("FAILED", f"AnalysisException: {message}", good, at("2026-10-14T08:30:00"))
    java = (
        f"org.apache.spark.sql.AnalysisException: {message}\n"
        "\tat org.apache.spark.sql.errors.QueryCompilationErrors$.dataPathNotExistError(QueryCompilationErrors.scala:1499)\n"
        "\tat org.apache.spark.sql.execution.datasources.DataSource$.$anonfun$checkAndGlobPathIfNecessary$4(DataSource.scala:757)\n"
        "\tat org.apache.spark.util.ThreadUtils$.$anonfun$parmap$2(ThreadUtils.scala:387)\n"
        "\tat java.base/java.util.concurrent.ForkJoinTask.doExec(ForkJoinTask.java:373)"
    )
    call = 'readwriter.py", line 544, in parquet\n    return self._df(self._jreader.parquet(_to_seq(self._spark._sc, paths)))'
    error = spark_call(call, "", f"pyspark.errors.exceptions.captured.AnalysisException: {message}")
    case.log(
        (
            "error",
            "-driver",
            [
                *case.begin(),
                Line(41, "INFO", "BaseMetastoreCatalog", "Table loaded by catalog: glue_catalog.web.clicks"),
                Line(52, "ERROR", "GlueExceptionAnalysisListener", f"Query failed while it was analysed\n{java}"),
                python_error(52.4, job.name, 31, "events = spark.read.parquet(source_path)", error),
                *case.end(54),
            ],
        )
    )
    case.folder.write("s3/source.json", listing("acme-raw-events", "clickstream/dt=2026-11-22/hr=03/", []))
    before = [
        (f"clickstream/dt=2026-11-22/hr=02/part-{n:05d}.snappy.parquet", 8_100_000 + n * 731, at("2026-11-22T03:01:40"))
        for n in range(12)
    ]
    case.folder.write("s3/source.previous.json", listing("acme-raw-events", "clickstream/dt=2026-11-22/hr=02/", before))
    case.bundle(
        {
            "source": "s3://acme-raw-events/clickstream/dt={date}/hr={hour}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "append",
            "partition_field": "dt",
            "control": "none",
        }
    )
    case.expect(
        "SOURCE_DELAY",
        True,
        True,
        "The declared source of the hour is empty, the error names exactly that path, nothing was written.",
    )


def new_column(root: Path) -> None:
    """The cash registers began to send a column that the table does not have."""
    job = GlueJob("orders_daily", "4.0", {})
    case = Scenario(root, "new_column", job, "2026-11-21", at("2026-11-22T02:00:04"), 262)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17"), "02:00:03", 803)
    columns = {
        "order_id": "string",
        "shop": "string",
        "ordered_at": "timestamptz",
        "quantity": "long",
        "amount": "decimal(10, 2)",
        "order_date": "string",
    }
    table = IcebergTable("sales.orders", "acme-lake", columns, "order_date", at("2026-03-02T10:00:00"))
    filled(table, job.name, good)
    case.files = table.write(case.folder, "target")
    names = ", ".join(f"'{name}'" for name in columns)
    message = (
        "Cannot write to 'glue_catalog.sales.orders', too many data columns:\n"
        f"Table columns: {names}\nData columns: {names}, 'loyalty_tier'"
    )
    case.runs("FAILED", f"AnalysisException: {message}", good, at("2026-09-30T15:02:11"))
    java = (
        f"org.apache.spark.sql.AnalysisException: {message}\n"
        "\tat org.apache.spark.sql.errors.QueryCompilationErrors$.cannotWriteTooManyColumnsToTableError(QueryCompilationErrors.scala:1543)\n"
        "\tat org.apache.spark.sql.catalyst.analysis.TableOutputResolver$.resolveOutputColumns(TableOutputResolver.scala:50)\n"
        "\tat org.apache.spark.sql.catalyst.analysis.Analyzer$ResolveOutputRelation$$anonfun$apply$47.applyOrElse(Analyzer.scala:3370)\n"
        "\tat org.apache.spark.sql.catalyst.trees.CurrentOrigin$.withOrigin(TreeNode.scala:176)"
    )
    call = 'readwriter.py", line 1493, in append\n    self._jwriter.append()'
    error = spark_call(call, "", f"pyspark.sql.utils.AnalysisException: {message}")
    case.log(
        (
            "error",
            "",
            [
                *case.begin(),
                Line(64, "INFO", "InMemoryFileIndex", "It took 412 ms to list leaf files for 1 paths."),
                Line(71, "INFO", "FileSourceStrategy", "Pushed Filters: "),
                Line(
                    133,
                    "WARN",
                    "TaskSetManager",
                    "Lost task 11.0 in stage 2.0 (TID 57) (172.31.20.9 executor 3): FetchFailed(BlockManagerId(2, "
                    "172.31.22.14, 35681, None), shuffleId=0, mapIndex=4, mapId=19, reduceId=11)",
                ),
                Line(139, "INFO", "DAGScheduler", "Resubmitted ShuffleMapTask(1, 4), so marking it as still running."),
                Line(
                    201, "INFO", "DAGScheduler", "Job 3 finished: count at NativeMethodAccessorImpl.java:0, took 96.1 s"
                ),
                Line(240, "ERROR", "GlueExceptionAnalysisListener", f"Exception in the driver\n{java}"),
                python_error(240.5, job.name, 88, 'orders.writeTo("glue_catalog.sales.orders").append()', error),
                *case.end(243),
            ],
        )
    )
    spark_types = {"long": "bigint", "timestamptz": "timestamp"}
    seen = [{"name": name, "type": spark_types.get(kind, kind)} for name, kind in columns.items()]
    case.folder.write("source/schema.json", {"columns": [*seen, {"name": "loyalty_tier", "type": "string"}]})
    files = [(f"orders/2026-11-21/{n:03d}.json", 21_000_000 + n * 977, at("2026-11-22T01:30:00")) for n in range(9)]
    case.folder.write("s3/source.json", listing("acme-raw-orders", "orders/2026-11-21/", files))
    failed = {
        "batch_id": case.batch,
        "job_run_id": case.run,
        "status": "FAILED",
        "step": "write",
        "attempt": 1,
        "updated_at": iso(case.started + timedelta(seconds=242)),
    }
    case.folder.write("control/rows.json", control(good, job.name, failed))
    case.bundle(
        {
            "source": "s3://acme-raw-orders/orders/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "append",
            "partition_field": "order_date",
            "expected_schema": {one["name"]: one["type"] for one in seen},
            "control": {"table": "etl_control.orders_daily"},
            "owners": {"data-contract owner": "cash-registers team"},
        }
    )
    case.expect(
        "SCHEMA_DRIFT",
        False,
        True,
        "Rejected while the write was analysed, so nothing was written and a rerun only fails again; "
        "a person must review the contract.",
    )


def access_denied_catalog(root: Path) -> None:
    """The job's role lost glue:GetTable on the table that it writes."""
    job = GlueJob("ledger_postings", "5.0", {})
    case = Scenario(root, "access_denied_catalog_table", job, "2026-11-21", at("2026-11-22T00:30:05"), 96)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18"), "00:30:04", 540)
    columns = {"posting_id": "string", "account": "string", "amount": "decimal(18, 2)", "booked_on": "string"}
    table = IcebergTable("finance.ledger", "acme-finance-lake", columns, "booked_on", at("2026-05-18T11:45:00"))
    filled(table, job.name, good, "overwrite")
    case.files = table.write(case.folder, "target")
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/GlueJobRole/GlueJobRunnerSession"
    resource = f"arn:aws:glue:{REGION}:{ACCOUNT}:table/finance/ledger"
    message = (
        f"User: {role} is not authorized to perform: glue:GetTable on resource: {resource} because no identity-based "
        "policy allows the glue:GetTable action (Service: Glue, Status Code: 400, Request ID: "
        "0c4c9a0e-5f0e-4f0b-9a51-52f7c1f0a2bd)"
    )
    java = (
        f"software.amazon.awssdk.services.glue.model.AccessDeniedException: {message}\n"
        "\tat software.amazon.awssdk.core.internal.http.CombinedResponseHandler.handleErrorResponse(CombinedResponseHandler.java:125)\n"
        "\tat software.amazon.awssdk.services.glue.DefaultGlueClient.getTable(DefaultGlueClient.java:7621)\n"
        "\tat org.apache.iceberg.aws.glue.GlueTableOperations.getGlueTable(GlueTableOperations.java:224)\n"
        "\tat org.apache.iceberg.aws.glue.GlueTableOperations.doRefresh(GlueTableOperations.java:121)\n"
        "\tat org.apache.iceberg.BaseMetastoreCatalog.loadTable(BaseMetastoreCatalog.java:49)\n"
        "\tat org.apache.iceberg.spark.SparkCatalog.loadTable(SparkCatalog.java:172)"
    )
    case.runs(
        "FAILED",
        f"An error occurred while calling o104.overwritePartitions. {message}",
        good,
        at("2026-07-07T07:07:07"),
    )
    call = 'readwriter.py", line 2146, in overwritePartitions\n    self._jwriter.overwritePartitions()'
    error = spark_call(call, f"o104.overwritePartitions.\n: {java}", "")
    case.log(
        (
            "error",
            "-driver",
            [
                *case.begin(),
                Line(58, "INFO", "InMemoryFileIndex", "It took 96 ms to list leaf files for 1 paths."),
                Line(66, "INFO", "CodeGenerator", "Code generated in 31.220415 ms"),
                python_error(69, job.name, 54, "(postings.writeTo(TARGET).overwritePartitions())", error),
                *case.end(71),
            ],
        )
    )
    denied = {
        "EventId": "5c1a3a52-7d0e-4b8e-8f6a-0d0a3b6a9b11",
        "EventName": "GetTable",
        "EventTime": iso(case.started + timedelta(seconds=68)),
        "EventSource": "glue.amazonaws.com",
        "Username": "GlueJobRunnerSession",
        "CloudTrailEvent": (
            '{"eventVersion":"1.09","eventTime":"2026-11-22T00:31:13Z","eventSource":"glue.amazonaws.com",'
            f'"eventName":"GetTable","awsRegion":"{REGION}","errorCode":"AccessDenied","errorMessage":"User: {role} is '
            f'not authorized to perform: glue:GetTable on resource: {resource}","userIdentity":{{"type":"AssumedRole",'
            f'"arn":"{role}"}},"requestParameters":{{"databaseName":"finance","name":"ledger"}}}}'
        ),
    }
    case.folder.write("cloudtrail/events.json", {"Events": [denied]})
    files = [(f"postings/2026-11-21/{n}.parquet", 44_000_000 + n, at("2026-11-22T00:12:00")) for n in range(4)]
    case.folder.write("s3/source.json", listing("acme-raw-ledger", "postings/2026-11-21/", files))
    case.bundle(
        {
            "source": "s3://acme-raw-ledger/postings/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "overwrite_partitions",
            "partition_field": "booked_on",
            "control": "none",
        }
    )
    case.expect(
        "PERMISSION_ERROR",
        False,
        True,
        "Glue refused GetTable before the write began; someone must restore the policy, with approval.",
    )


def _stage_tasks(stage: int, started: datetime, heavy: list[dict[str, Any]], run_ms: int) -> list[dict[str, Any]]:
    """Write the task ends of a stage of 24: 23 like each other, and the given ends of the last one."""
    events: list[dict[str, Any]] = []
    for index in range(23):
        took = run_ms + 311 * (index % 7)
        events.append(_task_end(stage, index, 0, started, took, 61_000_000 + index * 88_000, 410_000 + index * 900))
    return [*events, *heavy]


def _task_end(
    stage: int, index: int, attempt: int, started: datetime, took: int, read: int, records: int, **more: Any
) -> dict[str, Any]:
    reason = more.get("reason", {"Reason": "Success"})
    launch = int(started.timestamp() * 1000)
    event: dict[str, Any] = {
        "Event": "SparkListenerTaskEnd",
        "Stage ID": stage,
        "Stage Attempt ID": 0,
        "Task Type": "ShuffleMapTask",
        "Task End Reason": reason,
        "Task Info": {
            "Task ID": stage * 100 + index * 4 + attempt,
            "Index": index,
            "Attempt": attempt,
            "Launch Time": launch,
            "Executor ID": str(more.get("executor", index % 9 + 1)),
            "Host": f"172.35.12.{index % 9 + 11}",
            "Locality": "PROCESS_LOCAL",
            "Speculative": False,
            "Finish Time": launch + took,
            "Failed": reason["Reason"] != "Success",
            "Killed": False,
        },
    }
    if read:
        event["Task Metrics"] = {
            "Executor Run Time": took,
            "Executor CPU Time": took * 700_000,
            "Peak Execution Memory": 268_435_456,
            "JVM GC Time": took // 9,
            "Result Size": 4_711,
            "Memory Bytes Spilled": more.get("spilled", 0) * 4,
            "Disk Bytes Spilled": more.get("spilled", 0),
            "Shuffle Read Metrics": {
                "Remote Bytes Read": read * 8 // 9,
                "Local Bytes Read": read // 9,
                "Total Records Read": records,
                "Fetch Wait Time": 12,
            },
            "Shuffle Write Metrics": {"Shuffle Bytes Written": read // 2, "Shuffle Records Written": records},
            "Input Metrics": {"Bytes Read": 0, "Records Read": 0},
            "Output Metrics": {"Bytes Written": 0, "Records Written": 0},
        }
    return event


def skewed_join(root: Path) -> None:
    """One customer holds most of the events: its task spills, runs for a quarter of an hour, and then kills executors."""
    job = GlueJob("customer_360", "4.0", {}, worker_type="G.1X", workers=10)
    case = Scenario(root, "shuffle_spill_long_task", job, "2026-11-21", at("2026-11-22T01:00:06"), 4_412)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18"), "01:00:05", 1_520)
    columns = {"customer_id": "string", "events": "long", "revenue": "decimal(18, 2)", "as_of": "string"}
    table = IcebergTable("crm.customer_360", "acme-lake", columns, "as_of", at("2026-01-12T08:00:00"))
    filled(table, job.name, good, "overwrite")
    case.files = table.write(case.folder, "target")
    lost = (
        "ExecutorLostFailure (executor 7 exited caused by one of the running tasks) Reason: Remote RPC client "
        "disassociated. Likely due to containers exceeding thresholds, or network issues. Check driver logs for WARN "
        "messages."
    )
    cause = (
        "Job aborted due to stage failure: Task 23 in stage 9.0 failed 4 times, most recent failure: Lost task 23.3 in "
        f"stage 9.0 (TID 995) (172.35.12.17 executor 7): {lost}\nDriver stacktrace:"
    )
    case.runs(
        "FAILED", f"An error occurred while calling o187.overwritePartitions. {cause}", good, at("2026-06-01T12:00:00")
    )
    java = (
        f"org.apache.spark.SparkException: {cause}\n"
        "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2863)\n"
        "\tat org.apache.spark.scheduler.DAGScheduler.$anonfun$abortStage$2(DAGScheduler.scala:2799)\n"
        "\tat scala.collection.mutable.ResizableArray.foreach(ResizableArray.scala:62)\n"
        "\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2798)\n"
        "\tat org.apache.spark.util.EventLoop$$anon$1.run(EventLoop.scala:49)"
    )
    call = 'readwriter.py", line 1547, in overwritePartitions\n    self._jwriter.overwritePartitions()'
    driver: list[Line] = []
    for attempt, moment in enumerate((2_610, 3_170, 3_730, 4_280)):
        executor = (4, 5, 2, 7)[attempt]
        text = lost.replace("executor 7", f"executor {executor}")
        driver += [
            Line(
                moment,
                "ERROR",
                "TaskSchedulerImpl",
                f"Lost executor {executor} on 172.35.12.17: Remote RPC client disassociated.",
            ),
            Line(
                moment, "WARN", "TaskSetManager", f"Lost task 23.{attempt} in stage 9.0 (TID 99{attempt + 2}): {text}"
            ),
        ]
    case.log(
        (
            "error",
            "",
            [
                *case.begin(),
                Line(88, "INFO", "DAGScheduler", "Submitting 24 missing tasks from ShuffleMapStage 6"),
                Line(1_260, "INFO", "DAGScheduler", "ShuffleMapStage 6 (join at NativeMethodAccessorImpl.java:0) finished in 1171.402 s"),
                *driver,
                Line(4_281, "ERROR", "TaskSetManager", "Task 23 in stage 9.0 failed 4 times; aborting job"),
                python_error(4_386, job.name, 120, 'joined.writeTo("glue_catalog.crm.customer_360").overwritePartitions()',
                             spark_call(call, f"o187.overwritePartitions.\n: {java}", "")),
                *case.end(4_390),
            ],
        ),
        (
            "logs-v2",
            "-7",
            [
                Line(3_760, "INFO", "UnsafeExternalSorter", "Thread 81 spilling sort data of 2.1 GiB to disk (0  time so far)"),
                Line(3_910, "INFO", "UnsafeExternalSorter", "Thread 81 spilling sort data of 2.1 GiB to disk (6  times so far)"),
                Line(4_201, "WARN", "TaskMemoryManager", "Failed to allocate a page (67108864 bytes), try again."),
                Line(4_279, "ERROR", "Executor", "Exception in task 23.3 in stage 9.0 (TID 995)\njava.lang.OutOfMemoryError: Java heap space\n"
                     "\tat org.apache.spark.unsafe.memory.HeapMemoryAllocator.allocate(HeapMemoryAllocator.java:71)\n"
                     "\tat org.apache.spark.memory.TaskMemoryManager.allocatePage(TaskMemoryManager.java:313)\n"
                     "\tat org.apache.spark.util.collection.unsafe.sort.UnsafeExternalSorter.acquireNewPageIfNecessary(UnsafeExternalSorter.java:399)"),
            ],
        ),
    )  # fmt: skip
    oom = {
        "Reason": "ExceptionFailure",
        "Class Name": "java.lang.OutOfMemoryError",
        "Description": "Java heap space",
        "Full Stack Trace": "java.lang.OutOfMemoryError: Java heap space\n\tat org.apache.spark.unsafe.memory"
        ".HeapMemoryAllocator.allocate(HeapMemoryAllocator.java:71)",
    }
    gone = {"Reason": "ExecutorLostFailure", "Executor ID": "7", "Exit Caused By App": True, "Loss Reason": lost[58:]}
    first, second = case.started + timedelta(seconds=88), case.started + timedelta(seconds=1_262)
    heavy = [_task_end(6, 23, 0, first, 1_168_000, 9_400_000_000, 61_200_000, spilled=17_300_000_000, executor=4)]
    failing = [
        _task_end(9, 23, 0, second, 1_340_000, 8_100_000_000, 52_000_000, spilled=12_900_000_000, reason=oom),
        *(
            _task_end(9, 23, n, second + timedelta(seconds=560 * n + 790), 550_000, 0, 0, reason=gone, executor=7)
            for n in (1, 2, 3)
        ),
    ]
    stages = [
        {"Event": "SparkListenerStageCompleted", "Stage Info": {"Stage ID": stage, "Stage Attempt ID": 0,
         "Stage Name": "join at NativeMethodAccessorImpl.java:0", "Number of Tasks": 24, **failure}}
        for stage, failure in ((6, {}), (9, {"Failure Reason": cause.removeprefix("Job aborted due to stage failure: ")}))
    ]  # fmt: skip
    case.folder.lines(
        "spark/eventlog-" + app_id(case.run),
        [
            {"Event": "SparkListenerLogStart", "Spark Version": "3.3.0-amzn-1"},
            {
                "Event": "SparkListenerEnvironmentUpdate",
                "Spark Properties": {
                    "spark.app.name": f"nativespark-{job.name}-{case.run}",
                    "spark.cloudwatch.logging.conf.jobRunId": case.run,
                    "spark.sql.shuffle.partitions": "24",
                    "spark.sql.adaptive.enabled": "false",
                },
            },
            {
                "Event": "SparkListenerApplicationStart",
                "App Name": f"nativespark-{job.name}-{case.run}",
                "App ID": app_id(case.run),
                "Timestamp": int(case.started.timestamp() * 1000) + 12_000,
                "User": "spark",
            },
            *_stage_tasks(6, first, heavy, 41_000),
            stages[0],
            *_stage_tasks(9, second, failing, 38_000),
            {
                "Event": "SparkListenerExecutorRemoved",
                "Timestamp": int(second.timestamp() * 1000) + 3_018_000,
                "Executor ID": "7",
                "Removed Reason": "Remote RPC client disassociated. Likely due to containers exceeding thresholds",
            },
            stages[1],
            {"Event": "SparkListenerApplicationEnd", "Timestamp": int(case.started.timestamp() * 1000) + 4_390_000},
        ],
    )
    files = [(f"events/2026-11-21/{n:03d}.parquet", 121_000_000 + n, at("2026-11-22T00:20:00")) for n in range(40)]
    case.folder.write("s3/source.json", listing("acme-raw-crm", "events/2026-11-21/", files))
    case.bundle(
        {
            "source": "s3://acme-raw-crm/events/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "overwrite_partitions",
            "partition_field": "as_of",
            "control": "none",
        }
    )
    case.expect(
        "DATA_SKEW",
        False,
        True,
        "One of 24 tasks read a hundred times the median, spilled and took four executors with it. A rerun writes "
        "nothing wrong but fails the same way.",
    )


def after_staging_write(root: Path) -> None:
    """Nine of twelve shops are appended to staging when the driver is told to stop; nothing says why."""
    job = GlueJob("shop_sales", "5.0", {}, workers=6)
    case = Scenario(root, "failure_after_staging_write", job, "2026-11-21", at("2026-11-22T02:30:03"), 611)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18"), "02:30:02", 770)
    columns = {"sale_id": "string", "shop": "string", "sold_at": "timestamptz", "amount": "decimal(10, 2)"}
    shops = [f"shop-{number:02d}" for number in range(1, 13)]
    created = at("2026-04-20T09:00:00")
    target = IcebergTable("sales.shop_sales", "acme-lake", columns, "shop", created)
    staging = IcebergTable("sales.shop_sales_staging", "acme-lake", columns, "shop", created)
    for batch, start, took in reversed(good):
        run = run_id(job.name, batch)
        files = tuple((shop, 10_200 + 97 * n, 640_000 + 5_801 * n) for n, shop in enumerate(shops))
        staged = (Commit(start + timedelta(seconds=90 + 45 * n), batch, run, (file,)) for n, file in enumerate(files))
        staging.commits.extend(staged)
        target.commits.append(Commit(start + timedelta(seconds=took - 25), batch, run, files))
    records = [*case.begin(), Line(44, "INFO", "InMemoryFileIndex", "It took 211 ms to list leaf files for 12 paths.")]
    for number, shop in enumerate(shops[:9]):
        second = 92 + 55 * number
        commit = Commit(
            case.started + timedelta(seconds=second), case.batch, case.run, ((shop, 10_350 + 88 * number, 651_000),)
        )
        staging.commits.append(commit)
        snapshot = staging.snapshot(len(staging.commits) - 1)
        records += [
            Line(second - 9, "INFO", "AppendDataExec", f"Start processing data source write support: IcebergBatchWrite(table=glue_catalog.{staging.name}, format=PARQUET). The input RDD has 1 partitions."),
            Line(second + 0.2, "INFO", "SparkWrite", f"Committing append with 1 new data files to table glue_catalog.{staging.name}"),
            Line(second + 0.6, "INFO", "SnapshotProducer", f"Committed snapshot {snapshot} (MergeAppend)"),
            Line(second + 1.1, "INFO", "shop_sales", f"staged {shop} ({number + 1} of 12)"),
        ]  # fmt: skip
    records += [
        Line(573, "INFO", "AppendDataExec", f"Start processing data source write support: IcebergBatchWrite(table=glue_catalog.{staging.name}, format=PARQUET). The input RDD has 1 partitions."),
        Line(581, "ERROR", "SignalUtils", "RECEIVED SIGNAL TERM"),
        *case.end(581.3),
    ]  # fmt: skip
    case.files = {**target.write(case.folder, "target"), **staging.write(case.folder, "staging")}
    case.runs("FAILED", "Command failed with exit code 143", good, at("2026-08-19T16:20:00"))
    case.log(("error", "-driver", records))
    arrived = [
        (f"sales/2026-11-21/{shop}.csv", 2_100_000 + n, at("2026-11-22T01:55:00")) for n, shop in enumerate(shops)
    ]
    case.folder.write("s3/source.json", listing("acme-raw-sales", "sales/2026-11-21/", arrived))
    writing = {
        "batch_id": case.batch,
        "job_run_id": case.run,
        "status": "WRITING",
        "step": "staging",
        "attempt": 1,
        "updated_at": iso(case.started + timedelta(seconds=534)),
    }
    case.folder.write("control/rows.json", control(good, job.name, writing))
    read = {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-22T02:45:31.118Z",
        "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.40.0/integration/spark",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "019ab6a1-77b4-7c1e-9d4e-5d3f0f6f2c10", "facets": {}},
        "job": {"namespace": "glue", "name": "morning_report"},
        "inputs": [
            {
                "namespace": "s3://acme-lake",
                "name": staging.prefix,
                "facets": {
                    "symlinks": {
                        "identifiers": [
                            {
                                "namespace": f"arn:aws:glue:{REGION}:{ACCOUNT}",
                                "name": "table/sales/shop_sales_staging",
                                "type": "TABLE",
                            }
                        ]
                    },
                    "version": {"datasetVersion": str(staging.snapshot(len(staging.commits) - 1))},
                },
            }
        ],
        "outputs": [],
    }
    case.folder.lines("lineage/events.jsonl", [read])
    case.bundle(
        {
            "source": "s3://acme-raw-sales/sales/{batch_id}/",
            "outputs": [
                {
                    "table": target.name,
                    "role": "target",
                    "format": "iceberg",
                    "write_mode": "append",
                    "partition_field": "shop",
                    "expected_partitions": shops,
                    "commits": "one",
                },
                {
                    "table": staging.name,
                    "role": "staging",
                    "format": "iceberg",
                    "write_mode": "append",
                    "partition_field": "shop",
                    "expected_partitions": shops,
                    "commits": "many",
                },
            ],
            "control": {"table": "etl_control.shop_sales"},
            "consumers": [{"name": "morning_report", "owner": "bi-team", "table": staging.name}],
        }
    )
    case.expect(
        "PARTIAL_WRITE_RISK",
        False,
        False,
        "Nine of twelve shops are committed to an append-only staging table; a rerun would append them again. The log "
        "holds no cause but the signal.",
    )


def too_many_small_files(root: Path) -> None:
    """Devices deliver tens of thousands of tiny objects; the driver dies while it lists them."""
    job = GlueJob("device_telemetry", "4.0", {}, workers=5)
    case = Scenario(root, "too_many_small_files", job, "2026-11-21", at("2026-11-22T03:15:02"), 1_731)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18"), "03:15:02", 1_105)
    columns = {"device_id": "string", "measured_at": "timestamptz", "value": "double", "day": "string"}
    table = IcebergTable("iot.telemetry", "acme-lake", columns, "day", at("2026-02-02T07:00:00"))
    filled(table, job.name, good, "overwrite")
    case.files = table.write(case.folder, "target")
    java = (
        "java.lang.OutOfMemoryError: GC overhead limit exceeded\n"
        "\tat java.util.Arrays.copyOfRange(Arrays.java:3664)\n"
        "\tat java.lang.StringBuilder.toString(StringBuilder.java:407)\n"
        "\tat java.net.URI.toString(URI.java:1931)\n"
        "\tat org.apache.hadoop.fs.Path.toString(Path.java:395)\n"
        "\tat org.apache.spark.util.HadoopFSUtils$.$anonfun$listLeafFiles$7(HadoopFSUtils.scala:281)\n"
        "\tat org.apache.spark.sql.execution.datasources.InMemoryFileIndex$.bulkListLeafFiles(InMemoryFileIndex.scala:150)\n"
        "\tat org.apache.spark.sql.execution.datasources.InMemoryFileIndex.listLeafFiles(InMemoryFileIndex.scala:133)\n"
        "\tat org.apache.spark.sql.execution.datasources.InMemoryFileIndex.refresh0(InMemoryFileIndex.scala:96)\n"
        "\tat org.apache.spark.sql.execution.datasources.DataSource.createInMemoryFileIndex(DataSource.scala:551)"
    )
    case.runs(
        "FAILED",
        "An error occurred while calling o93.json. GC overhead limit exceeded",
        good,
        at("2026-05-05T05:05:05"),
    )
    root_path = "s3://acme-raw-iot/telemetry/day=2026-11-21"
    call = 'readwriter.py", line 284, in json\n    return self._df(self._jreader.json(self._spark._sc._jvm.PythonUtils.toSeq(path)))'
    case.log(
        (
            "error",
            "",
            [
                *case.begin(),
                Line(61, "INFO", "HadoopFSUtils", "Listing leaf files and directories in parallel under 38411 paths. The first several paths are: "
                     f"{root_path}/device=000001, {root_path}/device=000002, {root_path}/device=000003."),
                Line(412, "WARN", "DAGScheduler", "Broadcasting large task binary with size 4.9 MiB"),
                Line(918, "WARN", "HeartbeatReceiver", "Removing executor 3 with no recent heartbeats: 168412 ms exceeds timeout 120000 ms"),
                python_error(1_702, job.name, 27, "readings = spark.read.json(day_path)", spark_call(call, f"o93.json.\n: {java}", "")),
                *case.end(1_706),
            ],
        )
    )  # fmt: skip
    keys = [
        (f"telemetry/day=2026-11-21/device={n // 4 + 1:06d}/{digest('iot', n)[:12]}.json", 1_900 + n % 613, at("2026-11-22T02:50:00"))
        for n in range(1_000)
    ]  # fmt: skip
    page = listing("acme-raw-iot", "telemetry/day=2026-11-21/", keys, truncated=True)
    case.folder.write("s3/source.json", page)
    runs = [
        {"job_run_id": run_id(job.name, batch), "records": 5_100_000 - n, "bytes": 310_000_000, "files": 61_000 + n, "seconds": took}
        for n, (batch, _, took) in enumerate(good)
    ]  # fmt: skip
    case.folder.write("history.json", {"runs": runs})
    case.bundle(
        {
            "source": "s3://acme-raw-iot/telemetry/day={date}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "overwrite_partitions",
            "partition_field": "day",
            "control": "none",
        }
    )
    case.expect(
        "SMALL_FILE_PRESSURE",
        False,
        True,
        "The driver ran out of memory while it listed 38,411 folders of files of 2 kB. Nothing was written.",
    )


def deployment_null_pointer(root: Path) -> None:
    """A version deployed in the afternoon does not expect orders without a customer."""
    job = GlueJob("order_enrichment", "5.0", {"--extra-jars": "s3://acme-artifacts/etl/enrichment.jar"})
    case = Scenario(root, "deployment_null_pointer", job, "2026-11-21", at("2026-11-22T01:45:03"), 344)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17"), "01:45:03", 690)
    columns = {"order_id": "string", "region": "string", "amount": "decimal(10, 2)", "order_date": "string"}
    table = IcebergTable("sales.orders_enriched", "acme-lake", columns, "order_date", at("2026-03-09T10:30:00"))
    filled(table, job.name, good, "overwrite")
    case.files = table.write(case.folder, "target")
    npe = 'java.lang.NullPointerException: Cannot invoke "com.acme.etl.Customer.address()" because "customer" is null'
    aborted = (
        "Job aborted due to stage failure: Task 3 in stage 4.0 failed 4 times, most recent failure: Lost task 3.3 in "
        f"stage 4.0 (TID 61) (172.36.91.7 executor 2): {npe}"
    )
    frames = (
        "\tat com.acme.etl.Enrich$.regionOf(Enrich.scala:48)\n"
        "\tat com.acme.etl.Enrich$.$anonfun$run$2(Enrich.scala:31)\n"
        "\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass$GeneratedIteratorForCodegenStage2.processNext(Unknown Source)\n"
        "\tat org.apache.spark.sql.execution.BufferedRowIterator.hasNext(BufferedRowIterator.java:43)\n"
        "\tat org.apache.iceberg.spark.source.SparkWrite$WritingTask.run(SparkWrite.java:785)\n"
        "\tat org.apache.spark.scheduler.Task.run(Task.scala:152)"
    )
    java = (
        f"org.apache.spark.SparkException: {aborted}\n{frames}\n\nDriver stacktrace:\n"
        "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)\n"
        "\tat org.apache.spark.sql.execution.datasources.v2.V2TableWriteExec.writeWithV2(WriteToDataSourceV2Exec.scala:391)\n"
        f"Caused by: {npe}\n{frames}\n\t... 1 more"
    )
    case.runs(
        "FAILED",
        f"An error occurred while calling o112.overwritePartitions. {aborted}",
        good,
        at("2026-11-21T15:40:52"),
    )
    call = 'readwriter.py", line 2146, in overwritePartitions\n    self._jwriter.overwritePartitions()'
    case.log(
        (
            "error",
            "-driver",
            [
                *case.begin(),
                Line(95, "INFO", "DAGScheduler", "Submitting 16 missing tasks from ResultStage 4"),
                Line(301, "WARN", "TaskSetManager", f"Lost task 3.0 in stage 4.0 (TID 49) (172.36.91.9 executor 1): {npe}\n{frames}"),
                Line(309, "WARN", "TaskSetManager", "Lost task 3.1 in stage 4.0 (TID 57) on 172.36.91.7, executor 2: java.lang.NullPointerException [duplicate 1]"),
                Line(318, "ERROR", "TaskSetManager", "Task 3 in stage 4.0 failed 4 times; aborting job"),
                Line(319, "ERROR", "OverwritePartitionsDynamicExec", f"Data source write support IcebergBatchWrite(table=glue_catalog.{table.name}, format=PARQUET) is aborting."),
                python_error(321, job.name, 40, 'enriched.writeTo("glue_catalog.sales.orders_enriched").overwritePartitions()',
                             spark_call(call, f"o112.overwritePartitions.\n: {java}", "")),
                *case.end(323),
            ],
        )
    )  # fmt: skip
    case.folder.write(
        "deployments.json",
        [
            {"version": "2.13.4", "deployed_at": "2026-10-02T13:22:09Z", "commit": "5d0c1f2", "author": "m.silva",
             "changed_paths": ["etl/src/main/scala/com/acme/etl/Dedupe.scala"]},
            {"version": "2.14.0", "deployed_at": "2026-11-21T15:40:41Z", "commit": "b81e6aa", "author": "j.osei",
             "changed_paths": ["etl/src/main/scala/com/acme/etl/Enrich.scala", "etl/build.sbt"]},
        ],
    )  # fmt: skip
    files = [(f"orders/2026-11-21/{n:03d}.parquet", 31_000_000 + n, at("2026-11-22T01:20:00")) for n in range(16)]
    case.folder.write("s3/source.json", listing("acme-clean-orders", "orders/2026-11-21/", files))
    case.bundle(
        {
            "source": "s3://acme-clean-orders/orders/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "overwrite_partitions",
            "partition_field": "order_date",
            "control": "none",
            "deployments": "ci",
        }
    )
    case.expect(
        "CODE_REGRESSION",
        False,
        True,
        "A null pointer in a class that the version deployed ten hours before changed. The write was aborted.",
    )


def low_record_count(root: Path) -> None:
    """The run succeeds with a fortieth of the usual records: most of the files had not come yet."""
    job = GlueJob("payments_daily", "5.0", {}, workers=5)
    case = Scenario(root, "low_record_count", job, "2026-11-21", at("2026-11-22T00:20:04"), 201)
    days = [f"2026-11-{day:02d}" for day in range(20, 8, -1)]
    good = daily(days, "00:20:04", 505)
    columns = {"payment_id": "string", "method": "string", "amount": "decimal(10, 2)", "paid_on": "string"}
    table = IcebergTable("finance.payments", "acme-finance-lake", columns, "paid_on", at("2026-05-18T11:50:00"))
    filled(table, job.name, good)
    committed = case.started + timedelta(seconds=171)
    table.commits.append(Commit(committed, case.batch, case.run, (("2026-11-21", 30_418, 1_912_000),)))
    case.files = table.write(case.folder, "target")
    case.runs("SUCCEEDED", "", good, at("2026-08-08T08:08:08"))
    case.log(
        (
            "error",
            "-driver",
            [
                *case.begin(),
                Line(51, "INFO", "InMemoryFileIndex", "It took 58 ms to list leaf files for 1 paths."),
                Line(118, "WARN", "ProcfsMetricsGetter", "Exception when trying to compute pagesize, as a result reporting of ProcessTree metrics is stopped"),
                Line(170, "INFO", "SparkWrite", f"Committing append with 1 new data files to table glue_catalog.{table.name}"),
                Line(171, "INFO", "SnapshotProducer", f"Committed snapshot {table.snapshot(len(table.commits) - 1)} (MergeAppend)"),
                *case.end(190),
            ],
        ),
        ("output", "-driver", [Line(172, "INFO", "payments", "wrote 30418 payments of 2026-11-21")]),
    )  # fmt: skip
    history = [
        {"job_run_id": run_id(job.name, batch), "records": 1_190_000 + int(digest(batch)[:5], 16) // 8, "bytes": 74_000_000,
         "files": 24, "seconds": took}
        for batch, _, took in reversed(good)
    ]  # fmt: skip
    case.folder.write("history.json", {"runs": history})
    here = [("payments/2026-11-21/part-00.csv", 2_410_300, at("2026-11-22T00:04:10"))]
    before = [
        (f"payments/2026-11-20/part-{n:02d}.csv", 3_900_000 + 1_201 * n, at("2026-11-21T00:09:00") + timedelta(seconds=9 * n))
        for n in range(24)
    ]  # fmt: skip
    case.folder.write("s3/source.json", listing("acme-raw-payments", "payments/2026-11-21/", here))
    case.folder.write("s3/source.previous.json", listing("acme-raw-payments", "payments/2026-11-20/", before))
    done = {
        "batch_id": case.batch,
        "job_run_id": case.run,
        "status": "SUCCESS",
        "step": "published",
        "attempt": 1,
        "records": 30_418,
        "updated_at": iso(case.started + timedelta(seconds=188)),
    }
    case.folder.write("control/rows.json", control(good, job.name, done))
    case.bundle(
        {
            "source": "s3://acme-raw-payments/payments/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "append",
            "partition_field": "paid_on",
            "min_records": 800_000,
            "control": {"table": "etl_control.payments_daily"},
        }
    )
    case.expect(
        "SOURCE_DELAY",
        False,
        False,
        "30,418 records where every day has 1.2 million, from one file instead of 24; they are appended, and the run "
        "succeeded, so a rerun would add them again.",
        ("UNKNOWN",),
    )


def cast_failure(root: Path) -> None:
    """A supplier wrote "N/A" into a column of numbers."""
    job = GlueJob("inventory_snapshot", "5.0", {"--conf": "spark.sql.ansi.enabled=true"})
    case = Scenario(root, "cast_failure_bad_value", job, "2026-11-21", at("2026-11-22T05:00:04"), 233)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17"), "05:00:04", 410)
    columns = {"sku": "string", "warehouse": "string", "on_hand": "long", "snapshot_date": "string"}
    table = IcebergTable("supply.inventory", "acme-lake", columns, "snapshot_date", at("2026-06-11T06:00:00"))
    filled(table, job.name, good)
    table.leftovers = [
        (f"snapshot_date=2026-11-21/0000{n}-{40 + n}-{digest('left', n)[:8]}-0-00001.parquet", 512_004 + n, case.started + timedelta(seconds=190))
        for n in range(2)
    ]  # fmt: skip
    case.files = table.write(case.folder, "target")
    message = (
        '[CAST_INVALID_INPUT] The value \'N/A\' of the type "STRING" cannot be cast to "BIGINT" because it is malformed. '
        "Correct the value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed input and "
        'return NULL instead. If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.'
    )
    frames = (
        "\tat org.apache.spark.sql.errors.QueryExecutionErrors$.invalidInputInCastToNumberError(QueryExecutionErrors.scala:145)\n"
        "\tat org.apache.spark.sql.catalyst.util.UTF8StringUtils$.withException(UTF8StringUtils.scala:51)\n"
        "\tat org.apache.spark.sql.catalyst.util.UTF8StringUtils$.toLongExact(UTF8StringUtils.scala:31)\n"
        "\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass$GeneratedIteratorForCodegenStage1.processNext(Unknown Source)\n"
        "\tat org.apache.iceberg.spark.source.SparkWrite$WritingTask.run(SparkWrite.java:785)"
    )
    aborted = (
        "Job aborted due to stage failure: Task 5 in stage 2.0 failed 4 times, most recent failure: Lost task 5.3 in stage "
        f"2.0 (TID 30) (172.36.14.22 executor 3): org.apache.spark.SparkNumberFormatException: {message}"
    )
    java = (
        f"org.apache.spark.SparkException: {aborted}\n== SQL (line 1, position 22) ==\nselect sku, warehouse, cast(on_hand as bigint)\n"
        f"                       ^^^^^^^^^^^^^^^^^^^^^^^\n\n{frames}\n\nDriver stacktrace:\n"
        "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)\n"
        f"Caused by: org.apache.spark.SparkNumberFormatException: {message}\n{frames}\n\t... 1 more"
    )  # fmt: skip
    case.runs("FAILED", f"An error occurred while calling o97.append. {aborted[:900]}", good, at("2026-07-20T10:00:00"))
    call = 'readwriter.py", line 2065, in append\n    self._jwriter.append()'
    case.log(
        (
            "error",
            "-driver",
            [
                *case.begin(),
                Line(74, "INFO", "DAGScheduler", "Submitting 8 missing tasks from ResultStage 2"),
                Line(196, "WARN", "TaskSetManager", f"Lost task 5.0 in stage 2.0 (TID 21) (172.36.14.20 executor 1): org.apache.spark.SparkNumberFormatException: {message}\n{frames}"),
                Line(207, "ERROR", "TaskSetManager", "Task 5 in stage 2.0 failed 4 times; aborting job"),
                Line(208, "ERROR", "AppendDataExec", f"Data source write support IcebergBatchWrite(table=glue_catalog.{table.name}, format=PARQUET) is aborting."),
                python_error(210, job.name, 33, 'stock.writeTo("glue_catalog.supply.inventory").append()',
                             spark_call(call, f"o97.append.\n: {java}", "")),
                *case.end(212),
            ],
        )
    )  # fmt: skip
    files = [(f"stock/2026-11-21/supplier-{n:02d}.csv", 6_200_000 + n, at("2026-11-22T04:31:00")) for n in range(8)]
    case.folder.write("s3/source.json", listing("acme-raw-supply", "stock/2026-11-21/", files))
    case.bundle(
        {
            "source": "s3://acme-raw-supply/stock/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "append",
            "partition_field": "snapshot_date",
            "control": "none",
        }
    )
    case.expect(
        "SCHEMA_DRIFT",
        False,
        True,
        "A text in a column of numbers. Files of two tasks were left behind, uncommitted; the batch belongs in "
        "quarantine until the contract is reviewed.",
    )


def conflicting_signals(root: Path) -> None:
    """A column cannot be resolved: upstream renamed it, and the transformation was deployed anew, the same evening."""
    job = GlueJob("loyalty_points", "5.0", {})
    case = Scenario(root, "conflicting_signals", job, "2026-11-21", at("2026-11-22T03:40:02"), 118)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18"), "03:40:02", 350)
    columns = {"member_id": "string", "points": "long", "home_store": "string", "booked_on": "string"}
    table = IcebergTable("crm.loyalty_points", "acme-lake", columns, "booked_on", at("2026-04-01T12:00:00"))
    filled(table, job.name, good, "overwrite")
    case.files = table.write(case.folder, "target")
    message = (
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name `home_store` cannot be resolved. "
        "Did you mean one of the following? [`store`, `points`, `member_id`, `booked_on`]."
    )
    java = (
        f"org.apache.spark.sql.catalyst.ExtendedAnalysisException: {message};\n'Project [member_id#12, points#13L, 'home_store]\n"
        "+- Relation [member_id#12,points#13L,store#14,booked_on#15] parquet\n\n"
        "\tat org.apache.spark.sql.errors.QueryCompilationErrors$.unresolvedAttributeError(QueryCompilationErrors.scala:307)\n"
        "\tat org.apache.spark.sql.catalyst.analysis.CheckAnalysis.failUnresolvedAttribute(CheckAnalysis.scala:147)\n"
        "\tat org.apache.spark.sql.catalyst.analysis.Analyzer.checkAnalysis(Analyzer.scala:197)\n"
        "\tat org.apache.spark.sql.Dataset.select(Dataset.scala:1595)"
    )
    case.runs("FAILED", f"AnalysisException: {message}", good, at("2026-11-21T18:05:10"))
    call = 'dataframe.py", line 3223, in select\n    jdf = self._jdf.select(self._jcols(*cols))'
    case.log(
        (
            "error",
            "-driver",
            [
                *case.begin(),
                Line(57, "INFO", "InMemoryFileIndex", "It took 77 ms to list leaf files for 1 paths."),
                Line(82, "ERROR", "GlueExceptionAnalysisListener", f"Exception in the driver\n{java}"),
                python_error(82.5, job.name, 46, 'points = raw.select("member_id", "points", "home_store")',
                             spark_call(call, "", f"pyspark.errors.exceptions.captured.AnalysisException: {message}")),
                *case.end(84),
            ],
        )
    )  # fmt: skip
    case.folder.write(
        "deployments.json",
        [
            {"version": "2026.11.21-1", "deployed_at": "2026-11-21T18:05:02Z", "commit": "9f2c7de", "author": "a.novak",
             "changed_paths": ["jobs/loyalty_points.py"]},
        ],
    )  # fmt: skip
    case.folder.write(
        "source/schema.json",
        {
            "columns": [
                {"name": "member_id", "type": "string"},
                {"name": "points", "type": "bigint"},
                {"name": "store", "type": "string"},
                {"name": "booked_on", "type": "string"},
            ]
        },
    )
    files = [(f"points/2026-11-21/{n}.parquet", 12_000_000 + n, at("2026-11-22T03:05:00")) for n in range(6)]
    case.folder.write("s3/source.json", listing("acme-raw-crm", "points/2026-11-21/", files))
    case.bundle(
        {
            "source": "s3://acme-raw-crm/points/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "overwrite_partitions",
            "partition_field": "booked_on",
            "expected_schema": {
                "member_id": "string",
                "points": "bigint",
                "home_store": "string",
                "booked_on": "string",
            },
            "control": "none",
            "deployments": "ci",
        }
    )
    case.expect(
        "UNKNOWN",
        False,
        True,
        "The input lost the column and the code that reads it is new: drift and regression fit alike, a person decides.",
    )


def throttled_before_write(root: Path) -> None:
    """Glue throttles the catalogue calls of the read; the whole evidence was seen and nothing was written."""
    job = GlueJob("web_sessions", "4.0", {}, workers=8)
    case = Scenario(root, "throttled_before_write", job, "2026-11-21", at("2026-11-22T02:00:01"), 187)
    good = daily(("2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17"), "02:00:01", 930)
    columns = {"session_id": "string", "pages": "long", "session_date": "string"}
    table = IcebergTable("web.sessions", "acme-lake", columns, "session_date", at("2026-02-14T14:00:00"))
    filled(table, job.name, good)
    case.files = table.write(case.folder, "target")
    sdk = (
        "Rate exceeded (Service: AWSGlue; Status Code: 400; Error Code: ThrottlingException; Request ID: "
        "6a5f2f0b-34c1-4e0e-a3a9-9c1f6c0f0c5d; Proxy: null)"
    )
    java = (
        f"org.apache.hadoop.hive.metastore.api.MetaException: Unable to get partitions: {sdk}\n"
        "\tat com.amazonaws.glue.catalog.metastore.GlueMetastoreClientDelegate.getPartitions(GlueMetastoreClientDelegate.java:1104)\n"
        "\tat com.amazonaws.glue.catalog.metastore.AWSCatalogMetastoreClient.listPartitionsByFilter(AWSCatalogMetastoreClient.java:1212)\n"
        "\tat org.apache.spark.sql.hive.client.HiveClientImpl.getPartitionsByFilter(HiveClientImpl.scala:763)\n"
        "\tat org.apache.spark.sql.execution.datasources.CatalogFileIndex.filterPartitions(CatalogFileIndex.scala:73)\n"
        f"Caused by: com.amazonaws.services.glue.model.AWSGlueException: {sdk}\n"
        "\tat com.amazonaws.http.AmazonHttpClient$RequestExecutor.handleErrorResponse(AmazonHttpClient.java:1879)\n"
        "\tat com.amazonaws.http.AmazonHttpClient$RequestExecutor.handleServiceErrorResponse(AmazonHttpClient.java:1418)\n"
        "\tat com.amazonaws.services.glue.AWSGlueClient.getPartitions(AWSGlueClient.java:8344)\n"
        "\t... 41 more"
    )
    case.runs("FAILED", f"An error occurred while calling o88.count. {sdk}", good, at("2026-08-30T09:00:00"))
    call = 'dataframe.py", line 804, in count\n    return int(self._jdf.count())'
    case.log(
        (
            "error",
            "",
            [
                *case.begin(),
                Line(58, "WARN", "AWSGlueClient", "Retryable error detected. Will retry in 1204ms, attempt 1 of 5"),
                Line(90, "WARN", "AWSGlueClient", "Retryable error detected. Will retry in 9822ms, attempt 4 of 5"),
                python_error(141, job.name, 22, "events.count()", spark_call(call, f"o88.count.\n: {java}", "")),
                *case.end(144),
            ],
        )
    )
    files = [(f"web/2026-11-21/{n:02d}.parquet", 52_000_000 + n, at("2026-11-22T01:10:00")) for n in range(24)]
    case.folder.write("s3/source.json", listing("acme-raw-web", "web/2026-11-21/", files))
    failed = {
        "batch_id": {"S": case.batch},
        "job_run_id": {"S": case.run},
        "status": {"S": "FAILED"},
        "step": {"S": "read"},
        "attempt": {"N": "1"},
        "updated_at": {"S": iso(case.started + timedelta(seconds=143))},
    }
    case.folder.write("control/rows.json", {"Items": [failed], "Count": 1, "ScannedCount": 1})
    case.bundle(
        {
            "source": "s3://acme-raw-web/web/{batch_id}/",
            "target": table.name,
            "format": "iceberg",
            "write_mode": "append",
            "partition_field": "session_date",
            "control": {"table": "etl_control"},
        }
    )
    case.expect(
        "UNKNOWN",
        True,
        True,
        "UNKNOWN/TRANSIENT_SERVICE: the call was throttled before the first write, and every table was seen untouched.",
    )


SCENARIOS = (
    missing_source_path,
    new_column,
    access_denied_catalog,
    skewed_join,
    after_staging_write,
    too_many_small_files,
    deployment_null_pointer,
    low_record_count,
    cast_failure,
    conflicting_signals,
    throttled_before_write,
)


def main(folder: Path) -> None:
    """Write every scenario below the folder."""
    for scenario in SCENARIOS:
        scenario(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "cases")
