"""The run's log as records: ordinary lines of real runs, re-timed, around what the fault printed."""

# Log lines are quoted as they come, one a line.
# ruff: noqa: E501

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lab.composed import traces
from lab.composed.words import Error, Line
from lab.composed.world import World
from tools.starter_blocks import digest, millis

_SPARK = {"4.0": "3.3.0-amzn-1", "5.0": "3.5.4-amzn-0"}
_WRITERS = {
    "append": ("AppendDataExec", "append", "MergeAppend", "append"),
    "overwrite_partitions": (
        "OverwritePartitionsDynamicExec",
        "dynamic partition overwrite",
        "BaseReplacePartitions",
        "overwritePartitions",
    ),
    "merge": ("ReplaceDataExec", "overwrite", "BaseOverwriteFiles", "sql"),
}


class Record(NamedTuple):
    """One log record: seconds after the run's start."""

    at: float
    level: str
    logger: str
    message: str
    side: str = "driver"


@cache
def ordinary(section: str) -> tuple[Record, ...]:
    """Read the ordinary lines of one phase, as a real run printed them."""
    text = (Path(__file__).parent / "ordinary.txt").read_text(encoding="utf-8")
    body = text.split(f"## {section}\n", 1)[1].split("## ", 1)[0]
    found = []
    for line in body.rstrip("\n").split("\n"):
        ms, side, level, logger, message = line.split("|", 4)
        found.append(Record(int(ms) / 1000, level, logger, message, "executor" if side == "X" else "driver"))
    return tuple(found)


class Log:
    """Writes one run's records in order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.records: list[Record] = []
        self.hosts = [
            f"172.{self.random.randrange(30, 37)}.{self.random.randrange(255)}.{n * 17 + 9}" for n in range(4)
        ]
        self.number = self.random.randrange(80, 220)
        self.line = self.random.randrange(18, 120)
        self.length = self.random.choice((0.05, 0.08, 0.14, 0.22, 0.5))

    def add(self, at: float, level: str, logger: str, message: str, side: str = "driver") -> None:
        """Add one record."""
        self.records.append(Record(round(at, 3), level, logger, message, side))

    def phase(self, section: str, start: float, span: float, share: float = 1.0) -> None:
        """Add a phase's ordinary lines, stretched to the span; only the first share of them where told."""
        lines = ordinary(section)
        lines = lines[: max(6, round(len(lines) * share))]
        length = max(lines[-1].at, 0.001)
        writer = _WRITERS[self.world.case.variant.mode]
        for record in lines:
            executor = self.random.randrange(1, 5)
            message = record.message.replace("{host}", self.hosts[executor - 1]).replace("{port}", "35681")
            message = message.replace("{executor}", str(executor)).replace("{table}", self.world.spec.table)
            message = message.replace("{source}", f"s3://{self.world.source()}")
            message = message.replace("{uuid}", digest(self.world.run, message)[:8] + "-5b1c-4e0d-9a51-52f7c1f0a2bd")
            if section == "append":
                message = message.replace("append at", f"{writer[3]} at")
            logger = writer[0] if record.logger == "AppendDataExec" else record.logger
            self.add(start + record.at / length * span, record.level, logger, message, record.side)

    def begin(self) -> None:
        """Add what every run prints first."""
        world = self.world
        self.add(3, "INFO", "PlatformInfo", "Unable to read clusterId from the instance files, using the default")
        self.add(7.1, "INFO", "SparkContext", f"Running Spark version {_SPARK[world.glue]}")
        self.add(7.4, "INFO", "SparkContext", f"Submitted application: nativespark-{world.job.name}-{world.run}")
        self.phase("start", 7.6, 4.5)
        self.add(12.6, "INFO", "JESSchedulerBackend", f"Connected to Spark cluster with app ID {world.app}")
        self.add(13.0, "INFO", "SharedState", "Warehouse path is 'file:/tmp/spark-warehouse'.")
        self.add(14.2, "WARN", "HiveConf", "HiveConf of name hive.stats.jdbc.timeout does not exist")
        self.add(15.9, "INFO", "GlueCatalogImpl", "Loading AwsProperties with the default client factory")

    def commit(self, index: int, answered: bool = True) -> None:
        """Add the lines of one commit of this run, before and, where the catalog's answer came, after it."""
        world = self.world
        commit = world.table.commits[index]
        at = (commit.at + world.behind - world.started).total_seconds()
        name = f"glue_catalog.{world.spec.table}"
        exec_name, words, producer, _ = _WRITERS[world.case.variant.mode]
        if commit.operation == "append" and world.case.variant.mode == "merge":
            producer = "BaseOverwriteFiles"
        write = f"IcebergBatchWrite(table={name}, format=PARQUET)"
        self.add(
            at - 9,
            "INFO",
            exec_name,
            f"Start processing data source write support: {write}. The input RDD has 12 partitions.",
        )
        self.phase("append", at - 8.5, 6.5, 0.03)
        self.add(at - 1.4, "INFO", exec_name, f"Data source write support {write} is committing.")
        self.add(
            at - 1.1,
            "INFO",
            "SparkWrite",
            f"Committing {words} with {len(commit.added)} new data files to table {name}",
        )
        if not answered:
            return
        self.add(at - 0.1, "INFO", "BaseMetastoreTableOperations", f"Successfully committed to table {name} in 412 ms")
        snapshot = world.table.snapshot(index)
        self.add(at + 0.1, "INFO", "SnapshotProducer", f"Committed snapshot {snapshot} ({producer})")
        report = f"CommitReport{{tableName={name}, snapshotId={snapshot}, sequenceNumber={index + 1}, operation={commit.operation}, metadata={{engine-name=spark, app-id={world.app}}}}}"
        if world.glue != "4.0":
            self.add(at + 0.2, "INFO", "LoggingMetricsReporter", f"Received metrics report: {report}")
        self.add(at + 0.4, "INFO", exec_name, f"Data source write support {write} committed.")
        if world.random.random() < 0.6:
            part = dict(commit.added[0].partition).get("region", world.batch)
            self.add(at + 0.6, "INFO", world.job.name, f"{part}: wrote {commit.added[0].records} rows", "output")

    def work(self) -> float:
        """Add what the run did before its fault; gives the second of the fault."""
        world, fault = self.world, self.world.case.fault
        fault_at = float(world.seconds) - 5.0
        if fault.point == "launch":
            return min(fault_at, 9.0)
        self.begin()
        if fault.point == "start" and not world.commits:
            return fault_at
        self.phase("read", 18, max(3.0, min(20.0, fault_at - 19)), self.random.uniform(0.3, 0.8))
        if (fault.point != "read" and world.spec.minutes) or world.commits:
            landed = [world.table.commits[index].at + world.behind for index in world.commits]
            first = (landed[0] - world.started).total_seconds() - 12 if landed else 0
            until = first or fault_at * 0.7
            self.phase("transform", 40, max(5.0, until - 42), self.length)
        # The last commit of a batch that ends in its commit landed without anyone having told the run.
        lost = world.commits[-1] if fault.point == "commit" and world.case.variant.written == "all" else None
        for index in world.commits:
            self.commit(index, answered=index != lost)
        if fault.point in {"write", "commit"} and world.case.variant.written != "all":
            self._unfinished(fault_at)
        return fault_at

    def _unfinished(self, fault_at: float) -> None:
        """Add the lines of a write that does not end."""
        name = f"glue_catalog.{self.world.spec.table}"
        exec_name, words, _, _ = _WRITERS[self.world.case.variant.mode]
        write = f"IcebergBatchWrite(table={name}, format=PARQUET)"
        start = fault_at - 16
        whole = self.world.case.fault.point == "commit"
        self.add(
            start,
            "INFO",
            exec_name,
            f"Start processing data source write support: {write}. The input RDD has 12 partitions.",
        )
        records = len(self.records)
        section = "merge" if self.world.case.variant.mode == "merge" else "append"
        self.phase(section, start + 0.4, 12, min(0.9, 0.06 + self.length))
        kept = [one for one in self.records[records:] if "commit" not in one.message.lower() or one.side == "executor"]
        self.records[records:] = kept
        if whole:
            self.add(fault_at - 2, "INFO", exec_name, f"Data source write support {write} is committing.")
            self.add(fault_at - 1.8, "INFO", "SparkWrite", f"Committing {words} with 4 new data files to table {name}")

    def fail(self, error: Error, at: float) -> str:
        """Add what the fault printed; gives the message that the JobRun shows."""
        world = self.world
        filled = Error(
            kind=error.kind,
            call=error.call,
            chain=tuple((world.fill(text), block) for text, block in error.chain),
            python=world.fill(error.python),
            code=world.fill(error.code),
        )
        method = traces.CALLS[error.call].method or error.call
        java, short = "", filled.python
        if error.kind == "tasks":
            stopped = self._tasks(filled, at)
            java = traces.java_chain(filled, stopped)
            short = filled.python or f"An error occurred while calling o{self.number}.{method}. {stopped}"
        elif error.kind == "java":
            java = traces.java_chain(filled)
            where = method if method.startswith("z:") else f"o{self.number}.{method}"
            short = f"An error occurred while calling {where}. {filled.chain[0][0].split(': ', 1)[-1]}"
        elif filled.chain:
            java = traces.java_chain(filled)
        if java and world.random.random() < 0.4:
            self._insight(filled, at + 0.1)
        final = Error(kind="analysis", call=filled.call, chain=filled.chain, python=filled.python, code=filled.code)
        shown = traces.traceback(
            final if filled.python and error.kind == "tasks" else filled, world.job.name, self.line, self.number, java
        )
        shown = world.fill(shown)
        if world.glue == "4.0":
            shown = shown.replace("pyspark.errors.exceptions.captured.", "pyspark.sql.utils.")
        self.add(at + 0.4, "ERROR", "ProcessLauncher", f"Error from Python:{shown}")
        if world.glue == "5.0" and world.random.random() < 0.25:
            self.add(at + 0.3, "", "", shown, "output raw")
        return short.removeprefix("pyspark.errors.exceptions.captured.")

    def _tasks(self, error: Error, at: float) -> str:
        """Add a task that fails four times; gives the reason why the stage was given up."""
        stage = 18 if self.world.case.fault.point == "write" else 12
        task = self.random.randrange(0, 12)
        text, block = error.chain[0]
        stack = "\n".join((text, *traces.frames(block)))
        for more, lower in error.chain[1:]:
            stack += "\n" + "\n".join((f"Caused by: {more}", *traces.frames(lower)))
        start = max(20.0, at - 12)
        for attempt in range(4):
            tid, host = stage * 9 + task + attempt, self.hosts[(task + attempt) % 4]
            moment = start + attempt * (at - start) / 4.5
            where = f"task {task}.{attempt} in stage {stage}.0 (TID {tid})"
            if attempt == 0:
                self.add(moment, "ERROR", "Executor", f"Exception in {where}\n{stack}", "executor")
                self.add(
                    moment + 0.1,
                    "WARN",
                    "TaskSetManager",
                    f"Lost {where} ({host} executor {(task + attempt) % 4 + 1}): {stack}\n",
                )
            else:
                reason = error.chain[0][0].split("\n")[0]
                name, _, rest = reason.partition(": ")
                self.add(
                    moment + 0.1,
                    "INFO",
                    "TaskSetManager",
                    f"Lost {where} on {host}, executor {(task + attempt) % 4 + 1}: {name} ({rest}) [duplicate {attempt}]",
                )
        self.add(at - 0.6, "ERROR", "TaskSetManager", f"Task {task} in stage {stage}.0 failed 4 times; aborting job")
        if self.world.case.fault.point == "write":
            exec_name = _WRITERS[self.world.case.variant.mode][0]
            write = f"IcebergBatchWrite(table=glue_catalog.{self.world.spec.table}, format=PARQUET)"
            self.add(at - 0.3, "ERROR", exec_name, f"Data source write support {write} is aborting.")
            self.add(at - 0.1, "ERROR", exec_name, f"Data source write support {write} aborted.")
        return traces.aborted(error, stage, task, self.hosts[(task + 3) % 4])

    def _insight(self, error: Error, at: float) -> None:
        """Add the line of Glue's job insights."""
        calls = [
            {"Declaring Class": found[1], "Method Name": found[2], "File Name": found[3], "Line Number": int(found[4])}
            for frame in traces.frames(error.chain[-1][1])
            if (found := re.match(r"\tat (\S+)\.([\w$<>]+)\((\S+):(\d+)\)", frame))
        ]
        event = {
            "Event": "GlueETLJobExceptionEvent",
            "Timestamp": millis(self.world.started) + round(at * 1000),
            "Failure Reason": error.chain[0][0],
            "Stack Trace": calls[:6],
        }
        self.add(at, "ERROR", "GlueExceptionAnalysisListener", f"[Glue Exception Analysis] {json.dumps(event)}")

    def lines(self, at: float, lines: tuple[Line, ...]) -> None:
        """Add given records around the fault."""
        for line in lines:
            text = self.world.fill(line.message)
            logger = self.world.fill(line.logger)
            self.add(max(1.0, at + line.second), line.level, logger, text, line.side)

    def end(self, at: float) -> None:
        """Add how the session stops."""
        self.phase("stop", at, 1.4)
