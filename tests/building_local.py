"""Builds what ``local:`` reads, for tests: runs, jobs, logs and settings in a folder, around tables made by others."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pipetriage.bootstrap import open_app
from pipetriage.model.evidence import Collected, Observation, Signal, observations_of
from pipetriage.model.incident import Incident

JOB = "orders"
THROTTLED = "ThrottlingException: Rate exceeded (Service: Glue, Status Code: 400)"
# What must be the same in a live triage and in that of its capture.
JUDGED = (
    "pipeline_name", "status", "failure_category", "failure_mode", "likely_root_cause", "affected_table",
    "affected_source_path", "safe_to_retry", "recommended_action", "confidence", "batch_id", "batch_key", "attempt",
    "rerun", "retry_reasons", "write_state", "findings", "alternatives", "gaps", "options", "exposure", "route",
    "needs_human_review", "fingerprint", "changed_since_last_good",
)  # fmt: skip


class LocalPlatform:
    """One folder with everything ``[local]`` names, and one pipeline, ``orders``."""

    def __init__(self, folder: Path, declared: str, *, local: str = "") -> None:
        """``declared`` is TOML of the pipeline's own settings, ``local`` of further ``[local]`` ones."""
        self.folder = folder
        self.config = folder / "pipetriage.toml"
        self.warehouse = folder / "warehouse"
        for name in (f"runs/{JOB}", "jobs", f"logs/{JOB}", "events", "bookmarks", f"input/{JOB}"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.write(f"jobs/{JOB}.json", {"Job": {"Name": JOB, "MaxRetries": 0}})
        self.declare(declared, local=local)

    def declare(self, declared: str, *, local: str = "") -> None:
        """Write the settings."""
        self.config.write_text(f"""\
[local]
runs = "runs"
jobs = "jobs"
logs = "logs/{{job}}/{{run_id}}.log"
tables = "warehouse/{{namespace}}/{{name}}"
event_logs = "events/{{run_id}}"
bookmarks = "bookmarks"
{local}
[pipelines.{JOB}]
glue_job = "{JOB}"
batch_id = {{ from = "argument", name = "batch_id" }}
source = "file://{self.folder}/input/{JOB}/{{batch_id}}/"
deployments = "none"
{declared}
""")

    def write(self, path: str, content: Any) -> Path:
        """Write a file: text or bytes as they are, anything else as JSON."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(content if isinstance(content, str) else json.dumps(content))
        return target

    def table(self, name: str) -> Path:
        """Give the folder of ``namespace.name``."""
        return self.warehouse.joinpath(*name.split("."))

    @contextmanager
    def run(
        self,
        run_id: str,
        batch: str | None,
        *,
        error: str | None = None,
        log: tuple[str, ...] = (),
        arguments: dict[str, str] | None = None,
        **more: Any,
    ) -> Iterator[None]:
        """Note a run around what it does; the clocks of runs and tables are one and the same."""
        if batch:
            self.write(f"input/{JOB}/{batch}/part-0.jsonl", '{"id": 1, "region": "eu"}\n')
        started = time.time()
        time.sleep(0.01)
        yield
        time.sleep(0.01)
        document = {
            "Id": run_id,
            "Attempt": 0,
            "JobName": JOB,
            "JobRunState": "FAILED" if error else "SUCCEEDED",
            "StartedOn": started,
            "CompletedOn": time.time(),
            "Arguments": ({"--batch_id": batch} if batch else {}) | (arguments or {}),
        }
        if error:
            document["ErrorMessage"] = error
        lines = ["INFO Job started", *log]
        if error:
            lines.append(f"ERROR ProcessLauncher: Error from Python: {error}")
        self.write(f"logs/{JOB}/{run_id}.log", "".join(line + "\n" for line in lines))
        self.write(f"runs/{JOB}/{run_id}.json", {"JobRun": document | more})
        time.sleep(0.01)

    def triage(self, run_id: str = "latest") -> Incident:
        """Triage live."""
        return open_app(config=self.config, use_store=False).triage(f"local:{JOB}/{run_id}")

    def capture(self, folder: Path, run_id: str = "latest") -> Path:
        """Write the bundle and give its folder."""
        open_app(config=self.config, use_store=False).capture(f"local:{JOB}/{run_id}", folder)
        return folder


def judged(incident: Incident) -> dict[str, Any]:
    """Give what a live triage and that of its capture must agree in."""
    document: dict[str, Any] = msgspec.to_builtins(incident)
    return {name: document[name] for name in JUDGED}


def triage_bundle(folder: Path) -> Incident:
    """Triage a bundle as the command line would, with no settings at hand."""
    return open_app(use_store=False).triage(str(folder))


def everything_in(folder: Path) -> str:
    """Give all text of a bundle, its file names included; gzip files unpacked."""
    import gzip

    texts = []
    for path in sorted(folder.rglob("*")):
        texts.append(str(path.relative_to(folder)))
        if path.is_file():
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            texts.append(data.decode("utf-8", "replace"))
    return "\n".join(texts)


def platform_of(folder: Path, table_format: str, table: str = "sales.orders") -> LocalPlatform:
    """Make a platform with one table that is appended to."""
    output = f'{{ table = {json.dumps(table)}, format = "{table_format}", write_mode = "append" }}'
    return LocalPlatform(folder, f'outputs = [{output}]\ncontrol = "none"')


def collect(platform: LocalPlatform, run_id: str = "latest") -> Collected:
    """Collect the run's evidence live."""
    return open_app(config=platform.config, use_store=False).collector(f"local:{JOB}/{run_id}").collect()


def one(collected: Collected, signal: Signal) -> Observation:
    """Give the one observation of this signal."""
    found = list(observations_of(collected, signal))
    assert len(found) == 1, (signal, collected.gaps)
    return found[0]


def gaps_of_tables(collected: Collected) -> dict[str, str]:
    """Give the gaps that speak of a table, with their reasons."""
    return {gap.source: gap.reason for gap in collected.gaps if ":" in gap.source}
