"""One case's platform folder: run history, logs, event logs, input, tables and settings, as a user has them."""

import hashlib
import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

from lab.spark.platform import trim_events
from lab.spark.recorded.domains import DOMAINS, Domain, Row, renamed, rows_of
from lab.spark.recorded.program import Program, Table, Variant

_SETTINGS = """\
[local]
runs = "runs"
jobs = "jobs"
logs = "logs/{{job}}/{{run_id}}.log"
event_logs = "events/{{run_id}}"
tables = "warehouse/{{namespace}}/{{name}}"
{deployments}

[pipelines.{job}]
glue_job = "{job}"
batch_id = {{ from = "argument", name = "batch_id" }}
{source}
outputs = [
{outputs}
]
control = "none"
{more}
"""


class Lake:
    """The folder of one variant, and the words it is told in."""

    def __init__(self, folder: Path, program: Program, variant: Variant) -> None:
        self.folder = folder
        self.program = program
        self.variant = variant
        self.domain: Domain = DOMAINS[variant.domain or program.domain]
        self.warehouse = folder / "warehouse"
        self.config = folder / "pipetriage.toml"
        seed = f"{program.name} {variant}"
        self.seed = hashlib.sha256(seed.encode()).hexdigest()
        self._ids = random.Random(f"runs {self.seed}")
        self.prefix = "dt=" if int(self.seed[0], 16) % 2 else ""
        first = 10 + int(self.seed[1], 16) % 10
        self.batches = tuple(f"2026-11-{day:02}" for day in range(first, first + variant.good + 2))

    @property
    def failing(self) -> str:
        """The batch that fails."""
        return self.batches[self.variant.good]

    def words(self, text: str) -> str:
        """Write a text of the program in this case's domain."""
        return renamed(text, self.program.base(), self.domain)

    @property
    def scratch(self) -> Path:
        """Where jobs run, and leave what is nobody's evidence."""
        return self.folder / "scratch"

    def create(self) -> None:
        """Make an empty platform."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("runs", "jobs", "logs", "events", "input", "warehouse", "scripts", "raw_events"):
            (self.folder / name).mkdir(parents=True)
        self.scratch.mkdir()
        outputs = ",\n".join("  " + _toml(self._declared(one)) for one in self.program.tables)
        source = f'source = "file://{self.folder}/input/{self.domain.table}/{self.prefix}{{batch_id}}/"'
        if self.program.feed.format == "none":
            source = ""
        deployments = 'deployments = "deployments.json"' if self.variant.deployed else ""
        self.config.write_text(
            _SETTINGS.format(
                job=self.domain.job, source=source, outputs=outputs, deployments=deployments, more=self._more()
            ),
            encoding="utf-8",
        )  # fmt: skip
        self.write_job(time.time() - 86_400 * 30)

    def _more(self) -> str:
        lines = []
        if not self.variant.deployed:
            lines.append('deployments = "none"')
        if self.variant.declared and self.program.feed.format != "none":
            columns = list(self.rows(self.batches[0], broken=False)[0])
            lines.append(f"expected_schema = {json.dumps(columns)}")
        if self.program.min_records is not None:
            lines.append(f"min_records = {self.program.min_records}")
        if self.program.effects:
            lines.append(f"other_effects = {json.dumps([self.program.effects])}")
        return "\n".join(lines)

    def _declared(self, table: Table) -> dict[str, Any]:
        declared: dict[str, Any] = {"table": self.table_name(table), "role": table.role, "format": table.format}
        mode = (self.variant.write_mode or table.write_mode) if table.role == "target" else table.write_mode
        declared["write_mode"] = mode
        if mode == "merge":
            declared |= {"keys": [self.words(one) for one in table.keys], "merge_repeatable": True}
        if table.partitions == "group":
            declared |= {"partition_field": self.domain.group, "expected_partitions": list(self.domain.groups)}
        elif table.partitions == "day":
            declared |= {"partition_field": self.domain.day, "expected_partitions": ["{batch_id}"]}
        return declared | {"commits": table.commits}

    def table_name(self, table: Table) -> str:
        """Give ``database.table``."""
        return self.words(table.name) if table.name else f"{self.domain.database}.{self.domain.table}"

    def table_folder(self, table: Table) -> Path:
        """Give a table's folder."""
        return self.warehouse.joinpath(*self.table_name(table).split("."))

    def statements(self) -> list[str]:
        """Create the tables, as an administrator did long ago."""
        made = []
        for table in self.program.tables:
            if table.format != "iceberg":
                continue
            domain = self.domain
            columns = self.words(table.columns) or (
                f"{domain.key} string, {domain.group} string, {domain.day} string, {domain.number} int,"
                f" {domain.amount} decimal(10,2), {domain.status} string"
            )
            by = {"group": f"{domain.day}, {domain.group}", "day": domain.day}.get(table.partitions, "")
            listed = {"format-version": "2", "write.spark.fanout.enabled": "true"} | table.properties
            shown = ", ".join(f"'{key}' = '{value}'" for key, value in listed.items())
            made.append(
                f"CREATE TABLE lake.{self.table_name(table)} ({columns}) USING iceberg"
                + (f" PARTITIONED BY ({by})" if by else "")
                + f" TBLPROPERTIES ({shown})"
            )
        return [*made, *(self.words(one) for one in self.program.setup)]

    # Input

    def source(self, batch: str) -> Path:
        """Give a batch's input folder."""
        return self.folder / "input" / self.domain.table / f"{self.prefix}{batch}"

    def rows(self, batch: str, *, broken: bool) -> list[Row]:
        """Make a batch's records."""
        rows = rows_of(self.domain, batch, self.seed[:8], self.program.per_group)
        if self.program.feed.good_rows is not None:
            rows = self.program.feed.good_rows(rows, self.domain)
        if broken and self.program.feed.rows is not None:
            rows = self.program.feed.rows(rows, self.domain)
        return rows

    def drop_input(self, batch: str) -> None:
        """Take a batch's input away."""
        shutil.rmtree(self.source(batch), ignore_errors=True)

    def by_group(self, rows: list[Row]) -> dict[str, list[Row]]:
        """Group records as the upstream writes them: a file a group."""
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(str(row.get(self.domain.group) or "unknown"), []).append(row)
        return found

    # Runs

    def new_run_id(self) -> str:
        """Make a run id as Glue does."""
        return f"jr_{self._ids.getrandbits(256):064x}"

    def write_job(self, modified: float) -> None:
        """Write the job's document."""
        job = {
            "Name": self.domain.job,
            "Role": f"{self.domain.database}-etl",
            "Command": {"Name": "glueetl", "ScriptLocation": self._script_location(), "PythonVersion": "3"},
            "DefaultArguments": {"--job-bookmark-option": "job-bookmark-disable", "--enable-job-insights": "true"},
            "MaxRetries": 0,
            "GlueVersion": self.variant.glue,
            "CreatedOn": time.time() - 86_400 * 90,
            "LastModifiedOn": modified,
        }
        _write(self.folder / "jobs" / f"{self.domain.job}.json", {"Job": job})

    def _script_location(self) -> str:
        return f"s3://{self.domain.bucket}-etl/scripts/{self.domain.job}.py"

    def start(self, run_id: str, arguments: dict[str, str]) -> dict[str, Any]:
        """Begin a run's document."""
        document = {
            "Id": run_id,
            "Attempt": 0,
            "JobName": self.domain.job,
            "StartedOn": time.time(),
            "JobRunState": "RUNNING",
            "Arguments": arguments,
            "GlueVersion": self.variant.glue,
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            "Timeout": 480,
            "MaxCapacity": 2.0,
            "LogGroupName": "/aws-glue/jobs",
            "ExecutionClass": "STANDARD",
        }
        self._save(document)
        return document

    def end(self, document: dict[str, Any], error: str | None, log: str, state: str = "FAILED") -> None:
        """End a run: its document, its log, its event log."""
        ended = time.time()
        document |= {
            "JobRunState": state if error is not None else "SUCCEEDED",
            "CompletedOn": ended,
            "LastModifiedOn": ended,
            "ExecutionTime": int(ended - document["StartedOn"]),
        }
        if error:
            document["ErrorMessage"] = error
        self._save(document)
        path = self.folder / "logs" / self.domain.job / f"{document['Id']}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(log, encoding="utf-8")
        for raw in sorted((self.folder / "raw_events" / document["Id"]).glob("*")):
            if raw.is_file() and not raw.name.endswith(".crc"):
                trim_events(raw, self.folder / "events" / document["Id"])
        self.drop_checksums()

    def drop_checksums(self) -> None:
        """Remove the checksum files that only Hadoop's local file system writes; an object store has none."""
        for place in (self.warehouse, self.folder / "input"):
            for path in place.rglob(".*.crc"):
                path.unlink(missing_ok=True)

    def deploy(self) -> None:
        """Note the deployments; a new script is there from now on."""
        deployed, job = self.variant.deployed, self.domain.job
        if not deployed:
            return
        chance = random.Random(f"deploy {self.seed}")
        who = ["a.novak", "j.osei", "m.silva", "p.lindqvist", "r.haddad"]
        listed = [_deployment(chance, who, time.time() - 86_400 * chance.randint(20, 60), "1.8.2", f"jobs/{job}.py")]
        if deployed != "old":
            paths = (f"jobs/{job}.py",) if deployed == "script" else ("jobs/monthly_report.py", "docs/runbook.md")
            listed.append(_deployment(chance, who, time.time(), "1.9.0", *paths))
        if deployed == "script":
            self.write_job(time.time())
        # A run starts after the deployment that it runs, also by clocks that count whole seconds.
        time.sleep(1.1)
        (self.folder / "deployments.json").write_text(json.dumps(listed, indent=1), encoding="utf-8")

    def _save(self, document: dict[str, Any]) -> None:
        _write(self.folder / "runs" / self.domain.job / f"{document['Id']}.json", {"JobRun": document})


def _deployment(chance: random.Random, who: list[str], at: float, version: str, *paths: str) -> dict[str, Any]:
    return {
        "version": version,
        "deployed_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "commit": f"{chance.getrandbits(28):07x}",
        "author": chance.choice(who),
        "changed_paths": list(paths),
    }


def _toml(document: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in document.items()) + " }"


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
