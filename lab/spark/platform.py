"""One seed's platform folder: run history, logs, event logs, input, tables and settings, as a user has them."""

import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

from lab.spark.driver import JOBS
from lab.spark.scenario import JOB, Scenario

TARGET, STAGING = "sales.orders", "sales.orders_staging"

_TEMPLATE = """\
[local]
runs = "runs"
jobs = "jobs"
logs = "logs/{{job}}/{{run_id}}.log"
event_logs = "events/{{run_id}}"
tables = "warehouse/{{namespace}}/{{name}}"
control = "sqlite:///control.db"

[pipelines.{job}]
glue_job = "{job}"
batch_id = {{ from = "argument", name = "batch_id" }}
source = "file://{folder}/input/{{batch_id}}/"
outputs = [
{outputs}
]
control = {control}
deployments = "none"
"""


class Platform:
    """The folder and what is written into it beside the tables."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.folder = folder
        self.scenario = scenario
        self.warehouse = folder / "warehouse"
        self.config = folder / "pipetriage.toml"
        self._ids = random.Random(f"runs {scenario.seed}")

    def create(self) -> None:
        """Make an empty platform."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("runs", "jobs", "logs", "events", "input", "warehouse"):
            (self.folder / name).mkdir(parents=True)
        job = {
            "Name": JOB,
            "Role": "orders-job",
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://lab/scripts/{JOB}.py", "PythonVersion": "3"},
            "DefaultArguments": {"--job-bookmark-option": "job-bookmark-disable", "--enable-spark-ui": "true"},
            "MaxRetries": 0,
            "GlueVersion": "5.0",
            "CreatedOn": time.time() - 86_400 * 90,
            "LastModifiedOn": time.time() - 86_400 * 30,
        }
        _write(self.folder / "jobs" / f"{JOB}.json", {"Job": job})
        outputs = ",\n".join(f"  {one}" for one in _outputs(self.scenario))
        control = '{ table = "orders_control" }' if self.scenario.control else '"none"'
        text = _TEMPLATE.format(job=JOB, folder=self.folder, outputs=outputs, control=control)
        self.config.write_text(text, encoding="utf-8")

    @property
    def control(self) -> str:
        """The control database; empty when the job has none."""
        return str(self.folder / "control.db") if self.scenario.control else ""

    def source(self, batch: str) -> Path:
        """Give a batch's input folder."""
        return self.folder / "input" / batch

    def raw_events(self, run_id: str) -> Path:
        """Give the folder into which a run's application writes its event log."""
        return self.folder.parent / "raw_events" / run_id

    def new_run_id(self) -> str:
        """Make a run id as Glue does."""
        return f"jr_{self._ids.getrandbits(256):064x}"

    def arguments(self, batch: str) -> dict[str, str]:
        """Give a run's arguments."""
        return {"--batch_id": batch, "--source_path": f"{self.source(batch)}/"}

    def start(self, run_id: str, batch: str, *, attempt: int = 0, previous: str | None = None) -> dict[str, Any]:
        """Begin a run's document."""
        document: dict[str, Any] = {
            "Id": run_id,
            "Attempt": attempt,
            "JobName": JOB,
            "StartedOn": time.time(),
            "JobRunState": "RUNNING",
            "Arguments": self.arguments(batch),
            "GlueVersion": "5.0",
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
        }
        if previous:
            document["PreviousRunId"] = previous
        self._save(document)
        return document

    def end(self, document: dict[str, Any], error: str | None, log: bytes) -> None:
        """End a run: its document, its log, its event log."""
        ended = time.time()
        document |= {
            "JobRunState": "FAILED" if error is not None else "SUCCEEDED",
            "CompletedOn": ended,
            "LastModifiedOn": ended,
            "ExecutionTime": int(ended - document["StartedOn"]),
        }
        if error is not None:
            document["ErrorMessage"] = error
        self._save(document)
        path = self.folder / "logs" / JOB / f"{document['Id']}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(log)
        self._keep_events(document["Id"])
        self.drop_checksums()
        time.sleep(0.01)

    def drop_checksums(self) -> None:
        """Remove the checksum files that only Hadoop's local file system writes; an object store has none."""
        for path in self.warehouse.rglob(".*.crc"):
            path.unlink(missing_ok=True)

    def _keep_events(self, run_id: str) -> None:
        found = sorted(path for path in self.raw_events(run_id).glob("*") if not path.name.endswith(".crc"))
        for path in found:
            trim_events(path, self.folder / "events" / run_id)

    def _save(self, document: dict[str, Any]) -> None:
        _write(self.folder / "runs" / JOB / f"{document['Id']}.json", {"JobRun": document})


_KEPT_PROPERTIES = (
    "spark.app.id", "spark.app.name", "spark.master", "spark.sql.shuffle.partitions", "spark.eventLog.enabled",
    "spark.cloudwatch.logging.conf.jobRunId", "spark.sql.catalog.lake", "spark.sql.catalog.lake.type",
    "spark.executor.memory", "spark.executor.cores", "spark.driver.memory", "spark.sql.adaptive.enabled",
    "spark.sql.adaptive.skewJoin.enabled", "spark.sql.autoBroadcastJoinThreshold", "spark.sql.files.maxPartitionBytes",
)  # fmt: skip


def trim_events(raw: Path, kept: Path) -> None:
    """Copy an event log, with the environment's 93 KB cut to the properties that matter."""
    with raw.open(encoding="utf-8", errors="replace") as lines, kept.open("w", encoding="utf-8") as out:
        for line in lines:
            if line.startswith('{"Event":"SparkListenerEnvironmentUpdate"'):
                event = json.loads(line)
                properties = event["Spark Properties"]
                event = {"Event": event["Event"], "Spark Properties": {}}
                event["Spark Properties"] = {key: properties[key] for key in _KEPT_PROPERTIES if key in properties}
                line = json.dumps(event) + "\n"
            out.write(line)


def _outputs(scenario: Scenario) -> list[str]:
    mode = scenario.mode
    declared = {"table": TARGET, "role": "target", "format": "parquet" if scenario.plain else "iceberg"}
    declared |= {"write_mode": write_mode(scenario)}
    if mode.startswith("merge"):
        declared |= {"keys": ["order_id"], "merge_repeatable": True, "commits": "one"}  # type: ignore[dict-item]
    else:
        declared |= _partitions(scenario)
        declared |= {"commits": "many" if mode.endswith("_each") else "one"}
    outputs = [declared]
    if scenario.staged:
        staging = {"table": STAGING, "role": "staging", "format": "iceberg", "partition_field": "shop"}
        staging |= {"write_mode": "overwrite_table" if mode == "stage_overwrite" else "append"}
        staging |= {"expected_partitions": list(scenario.shops)}  # type: ignore[dict-item]
        staging |= {"commits": "one" if mode == "stage_overwrite" else "many"}
        outputs.append(staging)
    return ["{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in one.items()) + " }" for one in outputs]


def _partitions(scenario: Scenario) -> dict[str, Any]:
    if scenario.layout == "day":
        return {"partition_field": "order_date", "expected_partitions": ["{batch_id}"]}
    before = "order_date={batch_id}/shop=" if scenario.whole_names and scenario.layout == "day_shop" else ""
    return {"partition_field": "shop", "expected_partitions": [before + shop for shop in scenario.shops]}


def write_mode(scenario: Scenario) -> str:
    """Name the target's write mode as its owner would declare it."""
    mode = scenario.mode
    if mode.startswith(("dynamic", "stage_overwrite", "parquet_dynamic", "static_day")):
        return "overwrite_partitions"
    if mode in {"static_sql", "static_api", "parquet_overwrite"}:
        return "overwrite_table"
    return "merge" if mode.startswith("merge") else "append"


def table_statements(scenario: Scenario) -> list[str]:
    """Create the Iceberg tables, as an administrator did long ago."""
    if scenario.plain:
        return []
    columns = "order_id string, shop string, order_date string, quantity int, amount_cents bigint, status string"
    by = {"day": "order_date", "shop": "shop"}.get(scenario.layout, "order_date, shop")
    properties = {"format-version": "2", "write.distribution-mode": scenario.spread}
    if scenario.spread == "none":
        properties["write.spark.fanout.enabled"] = "true"
    if scenario.mode.startswith("wap"):
        properties["write.wap.enabled"] = "true"
    if scenario.on_read:
        properties |= {f"write.{kind}.mode": "merge-on-read" for kind in ("merge", "update", "delete")}
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
    made = [f"CREATE TABLE lake.{TARGET} ({columns}) USING iceberg PARTITIONED BY ({by}) TBLPROPERTIES ({listed})"]
    if scenario.staged:
        made.append(f"CREATE TABLE lake.{STAGING} ({columns}) USING iceberg PARTITIONED BY (shop)")
    return made


def script_path() -> str:
    """Where the job's own files are on this machine, for neutral names in what is kept."""
    return str(JOBS)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
