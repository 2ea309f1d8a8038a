"""Turns a case's words into a bundle: every file's text by its path."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from lab.composed import around, eventlog, evidence, labels, layouts
from lab.composed.records import Log, Record
from lab.composed.words import Case
from lab.composed.world import World
from tools.starter_blocks import iso

# What each signal that a case may lack is kept in, and what a bundle's gap calls it.
_SIGNALS: dict[str, tuple[str, str]] = {
    "job_run": ("glue/job_run.json", "job_run"),
    "job_runs": ("glue/job_runs.json", "job_runs"),
    "job": ("glue/job.json", "job"),
    "table": ("glue/table.json", "table"),
    "metadata": ("iceberg/target.metadata.json", "iceberg_metadata"),
    "entries": ("iceberg/target.entries.jsonl", "iceberg_entries"),
    "listing": ("s3/target.json", "table_listing"),
    "source": ("s3/source.json", "source_listing"),
    "previous": ("s3/source.previous.json", "previous_source_listing"),
    "control": ("control/rows.json", "control"),
    "schema": ("source/schema.json", "source_schema"),
    "deployments": ("deployments.json", "deployments"),
    "logs": ("logs/", "logs"),
}
_METADATA = "iceberg/target.metadata.json"
_DENIED = "AccessDeniedException: the reading role is not authorized to perform this call"


def _dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _compact(document: Any) -> str:
    """Write JSON as the service or library stores it, without spaces between lines."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _rows(documents: list[Any]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents)


def _logged(world: World) -> tuple[list[Record], str]:
    """Write the log's records; gives them and the JobRun's ErrorMessage."""
    case, log = world.case, Log(world)
    at = log.work()
    begun = len(log.records)
    log.lines(min(40.0, at * 0.3), case.twist.early)
    log.lines(at, (*case.fault.before, *case.twist.before))
    message = ""
    if case.fault.error is not None:
        message = log.fail(case.fault.error, at)
        _repeat(log, case.twist.repeat, begun, at)
    log.lines(at, (*case.fault.after, *case.twist.after))
    if case.fault.state != "TIMEOUT" and case.fault.point != "launch":
        log.end(at + 2)
    records = sorted(log.records, key=lambda one: one.at)
    records, message = _reworded(case, records, message)
    return _cut(case, records), _shown(world, message, log.line)


def _repeat(log: Log, times: int, begun: int, at: float) -> None:
    """Add the error again and again, as a job's own retries print it before they give up."""
    failed = [one for one in log.records[begun:] if one.logger == "ProcessLauncher"]
    for number in range(times):
        for one in failed:
            text = one.message.replace("Error from Python:", f"attempt {number + 1} failed: ")
            log.records.append(one._replace(at=at - 40 + number * 39 / times, logger=log.world.job.name, message=text))


def _reworded(case: Case, records: list[Record], message: str) -> tuple[list[Record], str]:
    for old, new in case.twist.words:
        records = [one._replace(message=one.message.replace(old, new)) for one in records]
        message = message.replace(old, new)
    if case.twist.silent:
        records = [one for one in records if one.level not in {"ERROR", "FATAL"} and one.side != "output raw"]
        records = [one for one in records if not one.message.startswith("Lost task")]
    return records, message


def _cut(case: Case, records: list[Record]) -> list[Record]:
    count = len(records)
    match case.twist.cut:
        case "head":
            return records[count // 2 :]
        case "tail":
            last = next((place for place, one in enumerate(records) if one.level == "ERROR"), count)
            return records[: min(last, count * 4 // 5)]
        case "middle":
            return [*records[: count // 4], *records[count * 3 // 4 :]]
    return records


def _shown(world: World, message: str, line: int) -> str:
    """Write the ErrorMessage in one of the forms that Glue gives it."""
    fault = world.case.fault
    if fault.message is not None:
        return world.fill(fault.message)
    if fault.error is None:
        return ""
    message = message[:900]
    if world.glue == "5.0" and world.random.random() < 0.6:
        if fault.error.python.startswith("pyspark") and "PythonException" in fault.error.python:
            # The exception's text begins with a line break, so that Glue shows none of it.
            return f"Error Category: UNCLASSIFIED_ERROR; Failed Line Number: {line}; PythonException: "
        return f"Error Category: {fault.hint}; Failed Line Number: {line}; {message}"
    return message


def _optional(world: World, message: str) -> dict[str, str]:
    """Write the documents that only some circumstances bring."""
    extras, files = world.extras, {}
    if (rows := around.control(world)) is not None:
        files["control/rows.json"] = _dump(rows)
    if (versions := around.deployments(world)) is not None:
        files["deployments.json"] = _dump(versions)
    if any(one.startswith("schema:") for one in extras):
        files["source/schema.json"] = _dump({"columns": evidence.schema(world)})
    if "bookmark" in extras:
        files["glue/job_bookmark.json"] = _dump(evidence.bookmark(world))
    if "orchestrator" in extras:
        files["orchestrator/cause.json"] = _dump(around.orchestrator(evidence.job_run(world, message)))
    if {"history", "min_records"} & extras:
        files["history.json"] = _dump(around.history(world))
    named: dict[str, tuple[str, Callable[[World, str], Any]]] = {
        "cloudtrail": ("cloudtrail/events.json", around.cloudtrail),
        "dq": ("data_quality/results.json", around.quality),
        "metrics": ("cloudwatch/metrics.json", around.metrics),
    }
    for name, (path, write) in named.items():
        if (value := world.parameter(name)) is not None:
            files[path] = _dump(write(world, world.fill(value)))
    if (shape := world.parameter("eventlog")) is not None:
        files["spark/eventlog-1"] = _rows(eventlog.events(world, shape))
    return files


def _places(world: World) -> dict[str, str]:
    """Give where a table's files lie when the bundle keeps them in the table's own folder."""
    if "folders" not in world.extras:
        return {}
    folder = f"tables/target/{world.spec.table}"
    return {
        "glue/table.json": f"{folder}/table.json",
        _METADATA: f"{folder}/metadata.json",
        "iceberg/target.entries.jsonl": f"{folder}/entries.jsonl",
        "s3/target.json": f"{folder}/listing.json",
    }


def _manifest(world: World) -> dict[str, Any]:
    later = 0.6 if "captured_early" in world.extras else 9 + world.random.randrange(40)
    captured = world.ended + timedelta(minutes=later)
    if world.later is not None:
        captured += timedelta(days=1, hours=3)
    lacks = [one for one in world.case.variant.without if one != "logs"]
    gaps = [{"source": _SIGNALS[name][1], "reason": _DENIED} for name in lacks]
    version, places = len(world.table.commits), _places(world)
    return {
        "bundle_version": 1,
        "captured_at": iso(captured),
        "run": {"job_name": world.job.name, "job_run_id": world.run, "batch_id": world.batch},
        "pipeline": evidence.declaration(world),
        "files": {places.get(_METADATA, _METADATA): {"uri": world.table.metadata_uri(version)}},
        **({"gaps": gaps} if gaps and world.random.random() < 0.5 else {}),
    }


def build(case: Case) -> dict[str, str]:
    """Write every file of a case."""
    world = World(case)
    records, message = _logged(world)
    files = {
        "glue/job_run.json": _dump({"JobRun": evidence.job_run(world, message)}),
        "glue/job_runs.json": _compact(evidence.job_runs(world, message)),
        "glue/job.json": _dump(evidence.job(world)),
        "glue/table.json": _compact(world.table.document()),
        "iceberg/target.metadata.json": _compact(world.table.metadata()),
        "iceberg/target.entries.jsonl": _rows(world.table.entries()),
        "s3/target.json": _compact(world.table.listing()),
        **{path: _compact(document) for path, document in evidence.sources(world).items()},
        **_optional(world, message),
    }
    if records and world.case.fault.point != "launch":
        files |= layouts.files(world, records)
    files |= {path: world.fill(text) for path, text in case.twist.files}
    gone = [_SIGNALS[signal][0] for signal in case.variant.without]
    kept = {path: text for path, text in files.items() if not any(path.startswith(prefix) for prefix in gone)}
    places = _places(world)
    kept = {places.get(path, path): text for path, text in kept.items()}
    kept["bundle.json"] = _dump(_manifest(world))
    return dict(sorted({**kept, "expected.yaml": world.fill(labels.expected(case))}.items()))
