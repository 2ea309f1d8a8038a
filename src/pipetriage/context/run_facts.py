"""Runs, job and bookmark from Glue's documents."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipetriage.context.reading import integer, items, mapping, mappings, real, text
from pipetriage.context.redact import Redactor
from pipetriage.errors import SourceError
from pipetriage.model.facts import ENDED, Bookmark, ControlRow, Job, Run
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.times import parse_time


def read_run(document: Any, redactor: Redactor, evidence: str) -> Run | None:
    """Read one JobRun; None when it is not one (no Id)."""
    run = mapping(document, "JobRun") or mapping(document)
    run_id = text(run, "Id")
    if run_id is None:
        return None
    started = parse_time(run.get("StartedOn"))
    seconds = real(run, "ExecutionTime")
    ended = parse_time(run.get("CompletedOn"))
    state = (text(run, "JobRunState") or "").upper()
    if ended is None and state in ENDED:
        ended = parse_time(run.get("LastModifiedOn"))
    return Run(
        run_id=run_id,
        job_name=text(run, "JobName") or "",
        state=state,
        attempt=integer(run, "Attempt") or 0,
        previous_run_id=text(run, "PreviousRunId"),
        started_at=started,
        ended_at=ended,
        error_message=redactor.text(text(run, "ErrorMessage") or ""),
        arguments=redactor.arguments(mapping(run, "Arguments")),
        worker_type=text(run, "WorkerType"),
        number_of_workers=integer(run, "NumberOfWorkers"),
        glue_version=text(run, "GlueVersion"),
        execution_class=text(run, "ExecutionClass"),
        execution_seconds=seconds,
        evidence=evidence,
    )


def read_job(document: Any, redactor: Redactor) -> Job | None:
    """Read a GetJob response."""
    job = mapping(document, "Job") or mapping(document)
    name = text(job, "Name")
    if name is None:
        return None
    return Job(
        name=name,
        max_retries=integer(job, "MaxRetries"),
        default_arguments=redactor.arguments(mapping(job, "DefaultArguments")),
        forced_arguments=redactor.arguments(mapping(job, "NonOverridableArguments")),
        script_location=text(mapping(job, "Command"), "ScriptLocation"),
        command=text(mapping(job, "Command"), "Name"),
        glue_version=text(job, "GlueVersion"),
        worker_type=text(job, "WorkerType"),
        number_of_workers=integer(job, "NumberOfWorkers"),
        execution_class=text(job, "ExecutionClass"),
        modified_at=parse_time(job.get("LastModifiedOn")),
    )


def read_bookmark(document: Any) -> Bookmark:
    """Read a GetJobBookmark response; an empty entry means that no state was ever saved.

    Raises:
        SourceError: it is no such response.
    """
    if not mapping(document).keys() & {"JobBookmarkEntry", "JobName", "Version", "RunId"}:
        raise SourceError("this is no GetJobBookmark response: write the response of get-job-bookmark into it")
    entry = mapping(document, "JobBookmarkEntry") or mapping(document)
    return Bookmark(
        run_id=text(entry, "RunId"),
        previous_run_id=text(entry, "PreviousRunId"),
        version=integer(entry, "Version"),
    )


def read_history(document: Any, redactor: Redactor) -> tuple[list[Run], bool]:
    """Read a GetJobRuns response; the second value tells whether it is the whole history.

    Raises:
        SourceError: a run in it cannot be read, and could be any.
    """
    runs = [
        run
        for member in mappings(document, "JobRuns")
        if (run := read_run(member, redactor, f"job_runs:{text(member, 'Id') or ''}")) is not None
    ]
    whole = bool(items(document, "JobRuns") or isinstance(document, list | Mapping))
    if isinstance(document, Mapping):
        whole = "JobRuns" in document and not (document.get("NextToken") or document.get("nextToken"))
    if len(runs) != len(items(document, "JobRuns")):
        raise SourceError("a run in the history has no Id: write the response of get-job-runs into it again")
    return runs, whole


def with_batches(
    runs: Iterable[Run],
    pipeline: Pipeline,
    control: tuple[ControlRow, ...],
    target: tuple[str, str | None],
    raw_arguments: Mapping[str, Mapping[str, Any]],
) -> list[Run]:
    """Give each run its batch id, from where the pipeline declares it (design section 4.1).

    ``target`` is the triaged run's id and the batch id its bundle names, which counts where the run's own
    evidence names none; where both do and differ, the verdict sees the contradiction.
    """
    from msgspec.structs import replace

    named: list[Run] = []
    for run in runs:
        batch = _declared_batch(run, pipeline, control, raw_arguments.get(run.run_id, {}))
        batch = batch or (target[1] if run.run_id == target[0] else None)
        named.append(replace(run, batch_id=batch))
    return named


def _declared_batch(
    run: Run, pipeline: Pipeline, control: tuple[ControlRow, ...], arguments: Mapping[str, Any]
) -> str | None:
    declared = pipeline.batch_id
    if declared is not None and declared.origin == "argument":
        name = declared.name.lstrip("-")
        return text(arguments, f"--{name}", name, f"--{name.replace('_', '-')}")
    if declared is not None and declared.origin == "path":
        paths = [str(value) for value in arguments.values()]
        paths += [row.source_path for row in control if row.run_id == run.run_id and row.source_path]
        return next((batch for path in paths if (batch := batch_in_path(path, pipeline.source))), None)
    # The control row names both ids, whether or not it was declared as the place to look.
    rows = [row for row in control if row.run_id == run.run_id and row.batch_id]
    return rows[-1].batch_id if rows else None


def batch_in_path(path: str, template: str | None) -> str | None:
    """Read the batch id out of a source path by the declared template (``s3://raw/orders/{batch_id}/``)."""
    if not template or "{batch_id}" not in template:
        return None
    before, _, after = template.partition("{batch_id}")
    # Only what stands next to the id on both sides, up to its path segment's ends, has to match.
    lead = before.rsplit("}", 1)[-1]
    tail = after.split("{", 1)[0].rstrip("/")
    found = re.search(re.escape(lead) + r"([^/]{1,256}?)" + re.escape(tail) + r"(?:/|$)", path)
    return found.group(1) if found and lead else None
