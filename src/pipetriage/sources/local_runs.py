"""The embedded run history: a folder with one JobRun document a run."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipetriage.errors import SourceError
from pipetriage.model.pipeline import BatchIdFrom, ControlColumns
from pipetriage.model.times import parse_time
from pipetriage.sources.files import read_json


class Runs(NamedTuple):
    """The history as far as it could be read."""

    documents: list[dict[str, Any]]
    """JobRun bodies, oldest first."""
    unreadable: list[str]
    """Why each of the others could not be read."""


def read_runs(folder: Path) -> Runs:
    """Read every JobRun document of a job; a folder that does not exist holds none."""
    documents, unreadable = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            document = read_json(path)
        except SourceError as error:
            unreadable.append(str(error))
            continue
        body = document.get("JobRun", document) if isinstance(document, dict) else None
        if isinstance(body, dict) and isinstance(body.get("Id"), str):
            documents.append(body)
        else:
            unreadable.append(f"{path.name} is no JobRun document")
    documents.sort(key=lambda run: (_started(run) is not None, _started(run), run["Id"]))
    return Runs(documents, unreadable)


def entries_start(runs: Runs, first_attempt: dict[str, Any] | None) -> datetime | None:
    """Give the time from which a table's commits matter; None: from its beginning.

    That is the start of the last good run but one before the batch's first attempt: what the last good run first
    did to a staging table shows what this batch may rely on, and one run more covers an earlier attempt of that good
    batch. An unknown first attempt, or a history with holes, gives None.
    """
    if first_attempt is None or runs.unreadable:
        return None
    before = runs.documents[: runs.documents.index(first_attempt)]
    good = [other for other in before if other.get("JobRunState") == "SUCCEEDED"]
    return _started(good[-2]) if len(good) > 1 else None


def batch_of(run: dict[str, Any], declared: BatchIdFrom | None, source: str | None) -> str | None:
    """Read a run's batch id from its arguments: the one declared, or the declared source path inside one."""
    arguments = run.get("Arguments")
    if declared is None or not isinstance(arguments, dict):
        return None
    if declared.origin == "argument":
        name = declared.name.lstrip("-")
        value = arguments.get(f"--{name}", arguments.get(name))
        return str(value) if isinstance(value, str | int) else None
    before, found, after = (source or "").partition("{batch_id}")
    for value in arguments.values() if found else ():
        if isinstance(value, str) and value.startswith(before) and value.rstrip("/").endswith(after.rstrip("/")):
            batch = value.rstrip("/").removeprefix(before).removesuffix(after.rstrip("/"))
            if batch and "/" not in batch:
                return batch
    return None


def batches_of(rows: Iterable[dict[str, Any]], columns: ControlColumns) -> dict[str, str]:
    """Give run id to batch id, as control rows name them."""
    run, batch = columns.job_run_id, columns.batch_id
    return {str(row[run]): str(row[batch]) for row in rows if row.get(run) and row.get(batch)}


def _started(run: dict[str, Any]) -> datetime | None:
    return parse_time(run.get("StartedOn"))
