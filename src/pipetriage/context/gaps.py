"""What each missing signal costs a verdict and the one thing that would close it; and which gaps matter at all."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from pipetriage.model.context import LogError
from pipetriage.model.evidence import Gap, Signal, TableKey
from pipetriage.model.facts import Run
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.refusals import REFUSAL

# signal: (effect on the verdict, the fix). The bundle's file names stand in docs/bundles.md.
COSTS: dict[str, tuple[str, str]] = {
    "declaration": ("what it was meant to declare is not taken into account", "correct its name (docs/settings.md)"),
    Signal.JOB_RUN: (
        "the run's state and error are unknown: no rerun can be called safe",
        "add the GetJobRun response",
    ),
    Signal.JOB_RUNS: (
        "other attempts of the batch may exist: no rerun can be called safe",
        "add the GetJobRuns response, all pages",
    ),
    Signal.JOB: (
        "the engine's own retries and the bookmark setting are unknown: no rerun can be called safe",
        "add the GetJob response",
    ),
    Signal.BOOKMARK: (
        "with bookmarks on, a rerun may read less than the whole batch: no rerun can be called safe",
        "add the GetJobBookmark response",
    ),
    Signal.LOGS: (
        "the cause rests on the error message alone: nothing is called safe to retry",
        "add the run's driver log",
    ),
    Signal.CONTROL: (
        "a contradiction between control table and tables cannot be seen",
        'declare the control table, or control = "none"',
    ),
    Signal.QUALITY: ("failed data-quality rules cannot be seen", "publish data-quality results with the run id"),
    Signal.QUALITY_RULESET: ("the rules' own text cannot be shown", "add the ruleset"),
    Signal.SOURCE_LISTING: (
        "whether the batch's input is there, late or gone is unknown",
        "declare source, and allow listing it",
    ),
    Signal.PREVIOUS_SOURCE_LISTING: ("input volume cannot be compared with the last good batch", "add its listing"),
    Signal.SOURCE_SCHEMA: ("a schema change upstream cannot be told from a code change", "record the input's schema"),
    Signal.TABLE: ("that the metadata read is the catalog's current one cannot be checked", "allow glue:GetTable"),
    Signal.TABLE_LISTING: ("files that were written but never committed cannot be counted", "allow listing the table"),
    Signal.ICEBERG_METADATA: (
        "what was committed is unknown: no rerun can be called safe",
        "allow reading the table's current metadata file",
    ),
    Signal.ICEBERG_ENTRIES: (
        "which partitions were written is unknown",
        "allow reading the manifests of the snapshots since the first attempt",
    ),
    Signal.DELTA_LOG: ("what was committed is unknown: no rerun can be called safe", "allow reading _delta_log"),
    Signal.HUDI_TIMELINE: ("what was committed is unknown: no rerun can be called safe", "allow listing .hoodie"),
    Signal.METRICS: ("skew, volume and error metrics are missing", "enable observability metrics on the job"),
    Signal.HISTORY: ("volumes cannot be compared with earlier good runs", "keep records, bytes and files per run"),
    Signal.DEPLOYMENTS: ("a recent deployment cannot be seen", "declare where versions come from (deployments)"),
    Signal.LINEAGE: ("who already read the partial data is unknown", "send OpenLineage events, or declare consumers"),
    Signal.QUERIES: ("ad-hoc readers cannot be seen", "name the Athena workgroups in [aws] workgroups"),
    Signal.LAKE_PERMISSIONS: ("which grant is missing cannot be named", "allow lakeformation:ListPermissions"),
    Signal.AUDIT_TRAIL: ("the refused call cannot be named", "allow cloudtrail:LookupEvents"),
    Signal.ORCHESTRATOR: ("the orchestrator's own cause is missing", "add its failure cause"),
    Signal.SPARK_EVENTS: ("skew, spill and task failures are invisible", "set --spark-event-logs-path"),
}

BLOCKING = frozenset(
    {Signal.JOB_RUN, Signal.JOB_RUNS, Signal.JOB, Signal.ICEBERG_METADATA, Signal.DELTA_LOG, Signal.HUDI_TIMELINE}
)
"""Signals without which no rerun is called safe."""

_OPTIONAL = frozenset({Signal.ORCHESTRATOR})


def relevant(
    gaps: Iterable[Gap],
    *,
    pipeline: Pipeline,
    run: Run,
    bookmark_enabled: bool,
    formats: Mapping[TableKey, str | None],
    errors: tuple[LogError, ...],
    quality_seen: bool,
) -> tuple[Gap, ...]:
    """Keep the gaps that matter for this run, name effect and fix, and put those that block first."""
    refused = any(REFUSAL.search(cause.message) for error in errors for cause in error.causes)
    refused = refused or bool(REFUSAL.search(run.error_message))
    by_name = {key.name or key.role: table_format for key, table_format in formats.items()}
    kept: dict[str, Gap] = {}
    for gap in gaps:
        signal, _, table = gap.source.partition(":")
        if signal == Signal.BOOKMARK and not bookmark_enabled:
            continue
        if "not in the bundle" in gap.reason and (
            signal in _OPTIONAL
            or (signal == Signal.CONTROL and pipeline.control == "none")
            or (signal == Signal.DEPLOYMENTS and pipeline.deployments == "none")
            or (signal in {Signal.LAKE_PERMISSIONS, Signal.AUDIT_TRAIL} and not refused)
            or (signal == Signal.QUALITY_RULESET and not quality_seen)
            or not _applies(signal, by_name.get(table))
        ):
            continue
        effect, fix = COSTS.get(signal, ("", ""))
        kept.setdefault(gap.source, replace(gap, effect=gap.effect or effect, fix=gap.fix or fix))
    order = list(COSTS)
    return tuple(sorted(kept.values(), key=lambda gap: _rank(gap, order)))


def _applies(signal: str, table_format: str | None) -> bool:
    """Whether a table signal makes sense for that format; an unknown format is taken for Iceberg."""
    plain = table_format in {"parquet", "csv", "json", "orc", "avro"}
    match signal:
        case Signal.ICEBERG_METADATA | Signal.ICEBERG_ENTRIES:
            return table_format in {None, "iceberg"}
        case Signal.DELTA_LOG:
            return table_format == "delta"
        case Signal.HUDI_TIMELINE:
            return table_format == "hudi"
        case Signal.TABLE:
            return not plain
    return True


def _rank(gap: Gap, order: list[str]) -> tuple[int, int, str]:
    signal = gap.source.partition(":")[0]
    return (signal not in BLOCKING, order.index(signal) if signal in order else len(order), gap.source)
