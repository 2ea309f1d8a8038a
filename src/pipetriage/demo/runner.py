"""Runs jobs the way a managed service does: a run id, a JobRun document, a log, and no retries of its own."""

import json
import logging
import secrets
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipetriage.demo import job as jobs
from pipetriage.demo.lake import ControlTable, Lake

JOBS = {"orders_daily": jobs.orders_daily, "clicks_hourly": jobs.clicks_hourly}


class Runner:
    """Starts jobs against the lake under ``folder`` and keeps their run history there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in JOBS:
            _write(folder / "jobs" / f"{name}.json", {"Job": _job(name)})

    def run(self, job: str, batch_id: str, source_path: Path) -> dict[str, Any]:
        """Run a job to its end, good or bad, and give its JobRun."""
        arguments = {"--batch_id": batch_id, "--source_path": str(source_path)}
        with RunInProgress(self._folder, job, arguments) as run, Lake(self._folder / "lake") as lake:
            control = ControlTable(self._folder / "control.db", f"{job}_control")
            JOBS[job](lake, control, run.run_id, batch_id, str(source_path))
        return run.document


class RunInProgress:
    """One run: RUNNING on entry; SUCCEEDED, FAILED or (interrupted) STOPPED on exit.

    A job's error ends here, in the log and the JobRun; only an interruption goes on to the caller.
    """

    def __init__(self, folder: Path, job: str, arguments: dict[str, str]) -> None:
        self.run_id = f"jr_{secrets.token_hex(32)}"
        self._path = folder / "runs" / job / f"{self.run_id}.json"
        self._log = folder / "logs" / job / f"{self.run_id}.log"
        self._handler: logging.Handler | None = None
        self.document: dict[str, Any] = {
            "Id": self.run_id,
            "Attempt": 0,
            "JobName": job,
            "StartedOn": time.time(),
            "JobRunState": "RUNNING",
            "Arguments": arguments,
        }

    def __enter__(self) -> Self:
        self._save()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._handler = logging.FileHandler(self._log, encoding="utf-8")
        # The layout of Spark's own console log, which a Glue job's driver log has too. Times are UTC.
        layout = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%y/%m/%d %H:%M:%S")
        layout.converter = time.gmtime
        self._handler.setFormatter(layout)
        root = logging.getLogger()
        root.addHandler(self._handler)
        for name in JOBS:
            logging.getLogger(name).setLevel(logging.INFO)
        logging.getLogger(self.document["JobName"]).info("Run %s started with %s", self.run_id, self._arguments())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            said = "".join(traceback.format_exception(error)).rstrip()
            logging.getLogger("ProcessLauncher").error("Error from Python:%s", said)
            self.document["ErrorMessage"] = f"{type(error).__name__}: {error}"
        failed = isinstance(error, Exception)
        self.document["JobRunState"] = "FAILED" if failed else "STOPPED" if error else "SUCCEEDED"
        ended = time.time()
        self.document |= {
            "CompletedOn": ended,
            "LastModifiedOn": ended,
            "ExecutionTime": int(ended - self.document["StartedOn"]),
        }
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler.close()
        self._save()
        return failed

    def _arguments(self) -> str:
        return " ".join(f"{name} {value}" for name, value in self.document["Arguments"].items())

    def _save(self) -> None:
        _write(self._path, {"JobRun": self.document})


def _job(name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Command": {"Name": "pythonshell", "ScriptLocation": jobs.__file__},
        "MaxRetries": 0,
        "DefaultArguments": {"--job-bookmark-option": "job-bookmark-disable"},
        "CreatedOn": datetime.now(UTC).isoformat(),
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one step, so that whoever reads the history meanwhile never finds half a document.
    whole = path.with_suffix(".writing")
    whole.write_text(json.dumps(document, indent=2), encoding="utf-8")
    whole.replace(path)
