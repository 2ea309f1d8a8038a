"""The platform around the job: run ids, JobRun documents, logs, event logs, bookmarks, input, and the settings file."""

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.control import ControlTable
from lab.rows import Row, write_input
from lab.scenario import Scenario

JOB = "orders_daily"
PIPELINE = "orders"
# Snapshots carry milliseconds, and a file's time may lag behind the clock by a tick of the kernel.
APART_SECONDS = 0.006


class Platform:
    """Keeps the documents of one job under one folder."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.folder = folder
        self._scenario = scenario
        self._chance = random.Random(f"platform {scenario.seed}")
        for name in ("runs", "jobs", "logs", "bookmarks", "input", "events"):
            (folder / name / JOB if name in {"runs", "logs"} else folder / name).mkdir(parents=True, exist_ok=True)
        self._arrived: set[str] = set()
        self._documents: dict[str, dict[str, Any]] = {}

    # Ids

    def new_run_id(self) -> str:
        """Make a run id as Glue does."""
        return f"jr_{self._chance.getrandbits(256):064x}"

    def new_app_id(self) -> str:
        """Make an application id as Glue's Spark does."""
        return f"spark-application-{self._chance.randrange(1_600_000_000_000, 1_999_999_999_999)}"

    # Runs

    def start(self, run_id: str, batch_id: str, attempt: int, previous: str | None) -> None:
        """Write the document of a run that begins."""
        time.sleep(APART_SECONDS)
        document: dict[str, Any] = {
            "Id": run_id,
            "Attempt": attempt,
            "JobName": JOB,
            "StartedOn": time.time(),
            "JobRunState": "RUNNING",
            "Arguments": {"--batch_id": batch_id, "--source_path": str(self.source(batch_id))},
            "GlueVersion": "5.0",
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
        }
        if previous is not None:
            document["PreviousRunId"] = previous
        self._documents[run_id] = document
        self._save(run_id)
        time.sleep(APART_SECONDS)

    def end(self, run_id: str, state: str, message: str | None = None) -> None:
        """Complete the document of a run that ended."""
        time.sleep(APART_SECONDS)
        ended = time.time()
        document = self._documents[run_id]
        document |= {
            "JobRunState": state,
            "CompletedOn": ended,
            "LastModifiedOn": ended,
            "ExecutionTime": int(ended - document["StartedOn"]),
        }
        if message:
            document["ErrorMessage"] = message
        self._save(run_id)
        time.sleep(APART_SECONDS)

    def state_of(self, run_id: str) -> str:
        """Give a run's state."""
        return str(self._documents[run_id]["JobRunState"])

    def forget_runs_before(self, run_id: str) -> None:
        """Drop the documents of earlier runs, as a service does with old ones."""
        started = self._documents[run_id]["StartedOn"]
        for other, document in self._documents.items():
            if document["StartedOn"] < started:
                (self.folder / "runs" / JOB / f"{other}.json").unlink()

    def _save(self, run_id: str) -> None:
        write_json(self.folder / "runs" / JOB / f"{run_id}.json", {"JobRun": self._documents[run_id]})

    def write_job(self, max_retries: int) -> None:
        """Write the job's definition."""
        option = "job-bookmark-enable" if self._scenario.bookmark else "job-bookmark-disable"
        job = {
            "Name": JOB,
            "Command": {"Name": "glueetl", "ScriptLocation": "s3://lab/scripts/orders_daily.py"},
            "MaxRetries": max_retries,
            "DefaultArguments": {"--job-bookmark-option": option},
            "GlueVersion": "5.0",
            "CreatedOn": datetime.now(UTC).isoformat(),
        }
        write_json(self.folder / "jobs" / f"{JOB}.json", {"Job": job})

    # Input

    def source(self, batch_id: str) -> Path:
        """Give a batch's input folder."""
        return self.folder / "input" / batch_id

    def has_arrived(self, batch_id: str) -> bool:
        """Whether the batch's input ever came, gone since or not."""
        return batch_id in self._arrived

    def write_input(self, batch_id: str, rows: list[Row], shops: tuple[str, ...]) -> None:
        """Let the batch's input arrive."""
        self._arrived.add(batch_id)
        write_input(self.source(batch_id), rows, shops)

    # Logs

    def log(self, run_id: str, level: str, logger: str, message: str) -> None:
        """Write one line as Spark's console log has it, in UTC."""
        line = f"{datetime.now(UTC):%y/%m/%d %H:%M:%S} {level} {logger}: {message}\n"
        with (self.folder / "logs" / JOB / f"{run_id}.log").open("a", encoding="utf-8") as file:
            file.write(line)

    def start_engine(self, run_id: str, app_id: str) -> None:
        """Write what Spark says of itself at its start, into the log and the event log."""
        name = f"nativespark-{JOB}-{run_id}"
        self.log(run_id, "INFO", "SparkContext", "Running Spark version 3.5.4-amzn-0")
        self.log(run_id, "INFO", "SparkContext", f"Submitted application: {name}")
        said = f"Connected to Spark cluster with app ID {app_id}"
        self.log(run_id, "INFO", "StandaloneSchedulerBackend", said)
        now = int(time.time() * 1000)
        self._event(run_id, {"Event": "SparkListenerLogStart", "Spark Version": "3.5.4"})
        properties = {"spark.app.id": app_id, "spark.app.name": name}
        if self._scenario.seed % 2:
            properties["spark.cloudwatch.logging.conf.jobRunId"] = run_id
        self._event(run_id, {"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": properties})
        start = {"App Name": name, "App ID": app_id, "Timestamp": now, "User": "hadoop"}
        self._event(run_id, {"Event": "SparkListenerApplicationStart", **start})

    def end_engine(self, run_id: str) -> None:
        """Write what Spark says of itself at its end."""
        self.log(run_id, "INFO", "SparkContext", "SparkContext is stopping with exitCode 0.")
        self._event(run_id, {"Event": "SparkListenerApplicationEnd", "Timestamp": int(time.time() * 1000)})

    def forget_events_of(self, run_id: str) -> None:
        """Drop one run's event log."""
        (self.folder / "events" / run_id).unlink(missing_ok=True)

    def _event(self, run_id: str, event: dict[str, Any]) -> None:
        with (self.folder / "events" / run_id).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    # Bookmark and control table

    def bookmarked(self) -> set[str]:
        """Give the files that the job's bookmark knows."""
        path = self.folder / "bookmarks" / f"{JOB}.json"
        if not path.exists():
            return set()
        return set(json.loads(json.loads(path.read_text("utf-8"))["JobBookmarkEntry"].get("JobBookmark", "[]")))

    def save_bookmark(self, run_id: str, files: set[str]) -> None:
        """Save the bookmark, as ``job.commit()`` does."""
        path = self.folder / "bookmarks" / f"{JOB}.json"
        before = json.loads(path.read_text("utf-8"))["JobBookmarkEntry"] if path.exists() else {"Version": 0}
        entry = {
            "JobName": JOB,
            "Version": before["Version"] + 1,
            "Run": before["Version"] + 1,
            "Attempt": 0,
            "RunId": run_id,
            "JobBookmark": json.dumps(sorted(files)),
        }
        write_json(path, {"JobBookmarkEntry": entry})

    def empty_bookmark(self) -> None:
        """Answer as Glue does for a job that never saved one."""
        path = self.folder / "bookmarks" / f"{JOB}.json"
        if not path.exists():
            write_json(path, {"JobBookmarkEntry": {"JobName": JOB, "Version": 0, "Run": 0, "Attempt": 0}})

    def control(self) -> ControlTable | None:
        """Give the job's control table, where it has one."""
        if self._scenario.control == "none":
            return None
        return ControlTable(self.folder / "control.db", f"{JOB}_control")


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write one document."""
    path.write_text(json.dumps(document), encoding="utf-8")
