"""Writes the starter cases of ``cases/`` again, byte for byte: ``python tools/make_starter_cases.py [FOLDER]``.

The cases are committed; this script is here so that a reviewer can see what each one is made of and regenerate it.
Each scenario says what happened as the services themselves would: nothing in here knows how triage reads it.
"""

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
            Line(9, "WARN", "SparkConf", "The configuration key 'spark.yarn.executor.memoryOverhead' is deprecated"),
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
            f"rerun_harmless: {str(harmless).lower()}\nnotes: >-\n  {notes}\n",
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


def daily(job: str, batches: Iterable[str], hour: str, seconds: int) -> list[tuple[str, datetime, int]]:
    """List earlier good runs of a daily job, newest first."""
    del job
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
    good = [
        (f"2026-11-22T{hour:02d}", at(f"2026-11-22T{hour + 1:02d}:05:01"), 301 + 7 * hour) for hour in (2, 1, 0)
    ]
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
    call = "readwriter.py\", line 544, in parquet\n    return self._df(self._jreader.parquet(_to_seq(self._spark._sc, paths)))"
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
    good = daily(job.name, ("2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17"), "02:00:03", 803)
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
    call = "readwriter.py\", line 1493, in append\n    self._jwriter.append()"
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
                Line(201, "INFO", "DAGScheduler", "Job 3 finished: count at NativeMethodAccessorImpl.java:0, took 96.1 s"),
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
    good = daily(job.name, ("2026-11-20", "2026-11-19", "2026-11-18"), "00:30:04", 540)
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
    case.runs("FAILED", f"An error occurred while calling o104.overwritePartitions. {message}", good, at("2026-07-07T07:07:07"))
    call = "readwriter.py\", line 2146, in overwritePartitions\n    self._jwriter.overwritePartitions()"
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
