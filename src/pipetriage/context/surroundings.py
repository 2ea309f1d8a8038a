"""What stands around the run: control rows, quality results, metrics, history, deployments, lineage, refusals."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from pipetriage.context.reading import exact_id, integer, items, mapping, mappings, normal_uri, real, text
from pipetriage.context.redact import Redactor
from pipetriage.context.sql_versions import asked_versions
from pipetriage.errors import SourceError
from pipetriage.model.cells import same_cell
from pipetriage.model.datasets import is_job, normal_name
from pipetriage.model.facts import (
    ControlRow,
    Denial,
    Deployment,
    GoodRun,
    Grant,
    LineageDataset,
    LineageRun,
    Metric,
    QualityRule,
    QueryRun,
)
from pipetriage.model.pipeline import Control, ControlValues
from pipetriage.model.times import parse_time

# A DQDL rule begins with its type: `RowCount > 10`, `IsComplete "id"`.
_RULE_TYPE = re.compile(r"^\s{0,8}([A-Z][A-Za-z]{2,40})")

_SQL = 4_000
"""Characters of a query that are kept."""
# A word of a query, with the database and catalog before it.
_TABLE_NAME = re.compile(r"[\w.]{1,512}")

_TERMINAL_EVENTS = frozenset({"COMPLETE", "ABORT", "FAIL"})


def read_control(document: Any, declared: Control | None, redactor: Redactor) -> tuple[ControlRow, ...]:
    """Read control rows: a list of flat rows, or DynamoDB's ``{"Items": [{"a": {"S": …}}]}``.

    Raises:
        SourceError: DynamoDB had more rows than these.
    """
    if mapping(document).get("LastEvaluatedKey"):
        raise SourceError("the control rows are cut short (LastEvaluatedKey): query the other pages too")
    control = declared or Control()
    columns = control.columns
    rows = []
    for index, raw in enumerate(mappings(document, "Items", "rows"), 1):
        row = {key: _plain(value) for key, value in raw.items()}
        if not all(same_cell(row.get(column, value), value) for column, value in control.only.items()):
            continue  # another pipeline's
        source_path = text(row, columns.source_path)
        rows.append(
            ControlRow(
                batch_id=text(row, columns.batch_id),
                # A column of fixed width (CHAR) pads what it holds.
                run_id=(text(row, columns.job_run_id) or "").strip() or None,
                status=control_status(text(row, columns.status) or "", control.values),
                step=redactor.text(step) if (step := text(row, columns.step)) else None,
                attempt=integer(row, columns.attempt),
                source_path=redactor.text(source_path) if source_path else None,
                records=integer(row, columns.records),
                updated_at=parse_time(row.get(columns.updated_at)),
                evidence=f"control-{index}",
            )
        )
    return tuple(rows)


def control_status(word: str, values: ControlValues) -> str:
    """Translate the control table's own word; an unknown word stays itself, lower case."""
    word = word.strip()
    for name in ("succeeded", "failed", "running", "writing"):
        spelled = getattr(values, name)
        if word.casefold() in {one.casefold() for one in ([spelled] if isinstance(spelled, str) else spelled)}:
            return name
    return word.lower()


def _plain(value: Any) -> Any:
    """Unwrap one DynamoDB attribute value."""
    if isinstance(value, Mapping) and len(value) == 1:
        kind, inner = next(iter(value.items()))
        if kind in {"S", "N", "BOOL"}:
            return inner
        if kind == "NULL":
            return None
    return value


def read_quality(document: Any, redactor: Redactor) -> tuple[QualityRule, ...]:
    """Read GetDataQualityResult responses (a list, or one)."""
    results = document if isinstance(document, list) else items(document, "Results", "results") or [document]
    rules: list[QualityRule] = []
    for result in mappings(results):
        for raw in mappings(result, "RuleResults"):
            rule = text(raw, "EvaluatedRule", "Description", "Name") or "unnamed rule"
            found = _RULE_TYPE.match(text(raw, "EvaluatedRule", "Description") or "")
            rules.append(
                QualityRule(
                    rule=redactor.text(rule)[:300],
                    rule_type=found[1] if found else "",
                    outcome=(text(raw, "Result") or "").upper(),
                    run_id=text(result, "JobRunId"),
                    message=redactor.text(text(raw, "EvaluationMessage") or "")[:500],
                    metrics={
                        str(name): number
                        for name in mapping(raw, "EvaluatedMetrics")
                        if (number := real(mapping(raw, "EvaluatedMetrics"), name)) is not None
                    },
                    completed_at=parse_time(result.get("CompletedOn")),
                    evidence=f"quality-{len(rules) + 1}",
                )
            )
    return tuple(rules)


def read_metrics(document: Any) -> tuple[Metric, ...]:
    """Read a GetMetricData response; series without values say nothing."""
    metrics = []
    for result in mappings(document, "MetricDataResults"):
        raw = items(result, "Values")
        values = [number for value in raw if (number := real({"v": value}, "v")) is not None]
        label = text(result, "Label", "Id")
        if label and values:
            # CloudWatch answers newest first unless asked otherwise; the times tell.
            times = [parse_time(at) for at in items(result, "Timestamps")]
            oldest_first = len(times) == len(values) and times[0] and times[-1] and times[0] < times[-1]
            metrics.append(
                Metric(
                    label=label,
                    last=values[-1] if oldest_first else values[0],
                    maximum=max(values),
                    total=sum(values),
                    evidence=f"metric:{label}",
                )
            )
    return tuple(metrics)


def read_volumes(document: Any) -> tuple[tuple[GoodRun, ...], GoodRun | None]:
    """Read history.json: records, bytes, files and seconds of good runs, and of this run where it was counted too."""
    written = mapping(document).get("counted") == "written"

    def volume(run: Mapping[str, Any]) -> GoodRun:
        return GoodRun(
            run_id=text(run, "job_run_id", "run_id"),
            records=integer(run, "records"),
            bytes=integer(run, "bytes"),
            files=integer(run, "files"),
            seconds=real(run, "seconds"),
            written=written,
        )

    own = mapping(document, "this_run")
    return tuple(volume(run) for run in mappings(document, "runs", "history")), volume(own) if own else None


def read_deployments(document: Any, redactor: Redactor) -> tuple[Deployment, ...]:
    """Read deployments, oldest first."""
    deployments = [
        Deployment(
            version=redactor.text(text(raw, "version") or text(raw, "commit") or "?"),
            deployed_at=parse_time(raw.get("deployed_at")),
            commit=text(raw, "commit"),
            author=redactor.text(author) if (author := text(raw, "author")) else None,
            changed_paths=tuple(redactor.text(str(path)) for path in items(raw, "changed_paths"))[:50],
            evidence=f"deployment-{index}",
        )
        for index, raw in enumerate(mappings(document, "deployments"), 1)
    ]
    return tuple(sorted(deployments, key=lambda one: one.deployed_at.timestamp() if one.deployed_at else 0.0))


def read_lineage(document: Any, redactor: Redactor) -> tuple[LineageRun, ...]:
    """Read OpenLineage run events; a run is the union over all of its events (inputs may come with the last)."""
    known, by_run = _Known(), dict[str, list[Mapping[str, Any]]]()
    for event in mappings(document):
        run_id = text(mapping(event, "run"), "runId")
        if run_id:
            by_run.setdefault(run_id, []).append(event)
    return tuple(
        _lineage_run(run_id, events, index, redactor, known) for index, (run_id, events) in enumerate(by_run.items(), 1)
    )


def _lineage_run(
    run_id: str, events: list[Mapping[str, Any]], index: int, redactor: Redactor, known: "_Known"
) -> LineageRun:
    timed = sorted(
        ((at, str(event.get("eventType", "")).upper(), event) for event in events if (at := _event_time(event))),
        key=lambda one: one[0],
    )
    ended = next((at for at, kind, _ in reversed(timed) if kind in _TERMINAL_EVENTS), None)
    job = mapping(events[-1], "job")
    return LineageRun(
        run_id=run_id,
        job=redactor.text(text(job, "name") or "unnamed job"),
        started_at=timed[0][0] if timed else None,
        ended_at=ended,
        state=timed[-1][1] if timed else "",
        inputs=_datasets(events, "inputs", known),
        outputs=_datasets(events, "outputs", known),
        evidence=f"lineage-{index}",
        **_origin(events, text(job, "name") or "", redactor),
    )


def _origin(events: list[Mapping[str, Any]], name: str, redactor: Redactor) -> dict[str, Any]:
    """Give what a run is a step of, what started it, and who answers for its job; any of its events may say so."""
    found: dict[str, Any] = {}
    above: dict[str, None] = {}
    is_task = any(_is_orchestrators(event) for event in events)
    for event in events:
        parent = mapping(event, "run", "facets", "parent")
        # The root comes last: where both are what it is a step of, it is the whole.
        for one in (parent, mapping(parent, "root")) if parent else ():
            run, job = text(mapping(one, "run"), "runId"), text(mapping(one, "job"), "name")
            if job is not None:
                above[redactor.text(job)] = None
            # A workflow's root is the workflow: its tasks, and what these start, are as many readers.
            if run is not None and not is_task and (job is None or is_job(name, job)):
                found |= {"root_run": run, "root_job": redactor.text(job) if job else None}
        for owner in mappings(mapping(event, "job", "facets", "ownership"), "owners"):
            if who := text(owner, "name"):
                found.setdefault("owner", redactor.text(who))
    return found | {"above": tuple(above), "is_task": is_task}


def _is_orchestrators(event: Mapping[str, Any]) -> bool:
    """Whether an orchestrator tells of its own task, by the ``jobType`` facet or the event's producer."""
    kind = (text(mapping(event, "job", "facets", "jobType"), "integration") or "").upper()
    return kind == "AIRFLOW" if kind else "/airflow" in (text(event, "producer") or "").lower()


def _event_time(event: Mapping[str, Any]) -> datetime | None:
    return parse_time(event.get("eventTime"))


def _datasets(events: list[Mapping[str, Any]], side: str, known: "_Known") -> tuple[LineageDataset, ...]:
    found: dict[tuple[tuple[str, ...], str | None], None] = {}
    for event in events:
        for dataset in mappings(event, side):
            found[known.read(dataset)] = None
    # A dataset named without a snapshot in START and with one in COMPLETE is one dataset.
    versioned = {names for names, snapshot in found if snapshot}
    return tuple(
        LineageDataset(names=names, snapshot_id=snapshot)
        for names, snapshot in found
        if snapshot or names not in versioned
    )


class _Known:
    """Datasets that were read already: many events tell of the same few, mostly in the same words."""

    def __init__(self) -> None:
        self._read: dict[bytes, tuple[tuple[str, ...], str | None]] = {}

    def read(self, dataset: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None]:
        """Give a dataset's names, and the snapshot of it that an event speaks of."""
        try:
            said = msgspec.json.encode(dataset)
        except UnicodeEncodeError:  # half a character, which JSON can spell
            return _read_dataset(dataset)
        if said not in self._read:
            self._read[said] = _read_dataset(dataset)
        return self._read[said]


def _read_dataset(dataset: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None]:
    links = mappings(mapping(dataset, "facets", "symlinks"), "identifiers")
    linked = (text(one, "name") or "" for one in links)
    names = _dataset_names(text(dataset, "namespace") or "", text(dataset, "name") or "", *linked)
    return names, _dataset_snapshot(dataset)


def _dataset_names(namespace: str, name: str, *links: str) -> tuple[str, ...]:
    """Give the dataset's own address and every symlink's name (a Glue table is only a symlink of its S3 location)."""
    names = {name, normal_uri(f"{namespace.rstrip('/')}/{name.lstrip('/')}") if "://" in namespace else name}
    for linked in links:
        names.add(linked.removeprefix("table/").replace("/", ".") if linked.startswith("table/") else linked)
    return tuple(sorted({normal_name(one) for one in names if one}))


def _dataset_snapshot(dataset: Mapping[str, Any]) -> str | None:
    for place in ("inputFacets", "outputFacets", "facets"):
        facets = mapping(dataset.get(place))
        for report in ("icebergScanReport", "icebergCommitReport"):
            if snapshot := exact_id(mapping(facets, report).get("snapshotId")):
                return snapshot
    return exact_id(mapping(dataset, "facets", "version").get("datasetVersion"))


def read_queries(document: Any, redactor: Redactor) -> tuple[QueryRun, ...]:
    """Read Athena's BatchGetQueryExecution response, or rows of Trino's ``system.runtime.queries``."""
    queries: list[QueryRun] = []
    for raw in mappings(document, "QueryExecutions", "queries"):
        query = mapping(raw, "QueryExecution") or raw
        status = mapping(query, "Status")
        sql = redactor.text(text(query, "Query", "sql", "query") or "")
        queries.append(
            QueryRun(
                query_id=text(query, "QueryExecutionId", "query_id") or f"query {len(queries) + 1}",
                sql=sql[:_SQL],
                names=frozenset(_TABLE_NAME.findall(sql.lower().replace('"', "").replace("`", ""))),
                versions=asked_versions(sql) or (),
                submitted_at=_query_time(status, query, "SubmissionDateTime", "submitted_at", "created"),
                ended_at=_query_time(status, query, "CompletionDateTime", "ended_at", "end"),
                database=text(mapping(query, "QueryExecutionContext"), "Database") or text(query, "database"),
                state=(text(status, "State") or text(query, "state") or "").upper(),
                who=text(query, "WorkGroup", "who", "user"),
                evidence=f"query-{len(queries) + 1}",
            )
        )
    return tuple(queries)


def _query_time(status: Mapping[str, Any], query: Mapping[str, Any], athena: str, *others: str) -> datetime | None:
    # Trino's client writes `2026-11-21 02:15:00.123 UTC`.
    said = (status.get(athena), *(query.get(name) for name in others))
    plain = (one.removesuffix(" UTC") if isinstance(one, str) else one for one in said)
    return next((at for one in plain if (at := parse_time(one)) is not None), None)


def read_denials(document: Any, redactor: Redactor) -> tuple[Denial, ...]:
    """Read CloudTrail LookupEvents; only refused calls are kept."""
    denials: list[Denial] = []
    for raw in mappings(document, "Events", "events"):
        event: Mapping[str, Any] = raw
        if inner := text(raw, "CloudTrailEvent"):
            try:
                event = mapping(msgspec.json.decode(inner)) or raw
            except (msgspec.DecodeError, RecursionError):
                event = raw
        code = text(event, "errorCode", "ErrorCode")
        if code is None or not re.search(r"(?i)denied|unauthorized|forbidden|notauthorized", code):
            continue
        resources = [text(one, "ARN", "ResourceName") for one in mappings(event, "resources", "Resources")]
        denials.append(
            Denial(
                event_name=redactor.text(text(event, "eventName", "EventName") or "?"),
                event_source=redactor.text(text(event, "eventSource", "EventSource") or "?"),
                error_code=redactor.text(code),
                resource=redactor.text(next((one for one in resources if one), "") or "") or None,
                at=parse_time(event.get("eventTime", event.get("EventTime"))),
                evidence=f"denial-{len(denials) + 1}",
            )
        )
    return tuple(denials)


def read_grants(document: Any, redactor: Redactor) -> tuple[Grant, ...]:
    """Read Lake Formation's ListPermissions response."""
    return tuple(
        Grant(
            principal=redactor.text(text(mapping(raw, "Principal"), "DataLakePrincipalIdentifier") or "?"),
            resource=redactor.text(msgspec.json.encode(raw.get("Resource", {})).decode())[:300],
            permissions=tuple(redactor.text(str(one)) for one in items(raw, "Permissions")),
            evidence=f"grant-{index}",
        )
        for index, raw in enumerate(mappings(document, "PrincipalResourcePermissions", "Permissions"), 1)
    )


def read_cause(document: Any, redactor: Redactor) -> str | None:
    """Read an orchestrator's failure cause: Step Functions' ``{"Error", "Cause"}``, Airflow's state, or any text."""
    if isinstance(document, str):
        return redactor.text(document)[:4000]
    document = mapping(document)
    parts = [
        text(document, "state", "State"),
        text(document, "Error", "error"),
        text(document, "Cause", "cause", "message", "exception"),
    ]
    joined = ": ".join(part for part in parts if part)
    return redactor.text(joined)[:4000] or None
