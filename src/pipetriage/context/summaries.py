"""The citable form of each fact: id, where to find it, one redacted sentence."""

from datetime import datetime

from pipetriage.model.amounts import of_bytes
from pipetriage.model.context import Facts
from pipetriage.model.evidence import Collected, Evidence, Observation, Signal
from pipetriage.model.facts import Listing, Run, TableFacts

_LISTED_RUNS = 30
_LISTED_SNAPSHOTS = 200


class _Book:
    """Collects evidence under unique ids."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected
        self.entries: dict[str, Evidence] = {}

    def add(
        self, evidence_id: str, signal: Signal, summary: str, *, table: str = "", excerpt: str | None = None
    ) -> None:
        seen = self._seen(signal, table)
        at: datetime = seen.observed_at if seen else self._collected.captured_at
        locator = seen.locator if seen else self._collected.origin
        self.entries[evidence_id] = Evidence(
            id=evidence_id, source=str(signal), locator=locator, observed_at=at, summary=summary, excerpt=excerpt
        )

    def _seen(self, signal: Signal, table: str) -> Observation | None:
        matching = [seen for seen in self._collected.observations if seen.signal is signal]
        named = [seen for seen in matching if table and seen.table is not None and seen.table.name == table]
        return next(iter(named or matching), None)


def facts_evidence(facts: Facts, collected: Collected) -> dict[str, Evidence]:
    """Make the evidence of all facts, by id."""
    book = _Book(collected)
    _runs(book, facts)
    _surroundings(book, facts)
    for listing, signal in (
        (facts.source, Signal.SOURCE_LISTING),
        (facts.previous_source, Signal.PREVIOUS_SOURCE_LISTING),
    ):
        if listing is not None:
            book.add(listing.evidence, signal, _listing_summary(listing))
    if facts.source_columns is not None:
        names = ", ".join(column.name for column in facts.source_columns[:40])
        book.add("source-schema", Signal.SOURCE_SCHEMA, f"the input has {len(facts.source_columns)} columns: {names}")
    for table in facts.tables:
        _table(book, table)
    for application in facts.spark:
        book.add("spark-events", Signal.SPARK_EVENTS, f"event log of {application.app_id or 'an unnamed application'}")
        for stage in application.stages:
            text = f"stage {stage.stage_id} ({stage.name}): {stage.tasks} tasks"
            text += f", longest {stage.duration_ms.maximum:.0f} ms, median {stage.duration_ms.median:.0f} ms"
            text += f", {stage.failed_tasks} failed"
            book.add(stage.evidence, Signal.SPARK_EVENTS, text, excerpt=stage.failure_reason or None)
    if facts.log.lines:
        read = of_bytes(facts.log.bytes) + " of log" if facts.log.uncounted_bytes else f"{facts.log.lines} log lines"
        book.add("log", Signal.LOGS, f"{read} read")
    return book.entries


def _runs(book: _Book, facts: Facts) -> None:
    book.add("job_run", Signal.JOB_RUN, _run_summary(facts.run), excerpt=facts.run.error_message[:1200] or None)
    for run in facts.history[-_LISTED_RUNS:]:
        if run.run_id != facts.run.run_id:
            book.add(run.evidence, Signal.JOB_RUNS, _run_summary(run), excerpt=run.error_message[:400] or None)
    book.add("job_runs", Signal.JOB_RUNS, f"{len(facts.history)} runs of the job are known")
    if facts.job is not None:
        retries = "unknown" if facts.job.max_retries is None else facts.job.max_retries
        book.add("job", Signal.JOB, f"job {facts.job.name}: MaxRetries {retries}")
    if facts.bookmark is not None:
        book.add("job_bookmark", Signal.BOOKMARK, f"bookmark last saved by run {facts.bookmark.run_id or 'none'}")


def _run_summary(run: Run) -> str:
    batch = f", batch {run.batch_id}" if run.batch_id else ""
    start = f", started {run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else ""
    end = f", ended {run.ended_at:%H:%M:%S}" if run.ended_at else ""
    return f"run {run.run_id} (attempt {run.attempt}): {run.state or 'state unknown'}{batch}{start}{end}"


def _surroundings(book: _Book, facts: Facts) -> None:
    for row in facts.control:
        step = f" at step {row.step}" if row.step else ""
        records = f", {row.records} records" if row.records is not None else ""
        text = (
            f"control row of batch {row.batch_id or '?'}, run {row.run_id or '?'}: {row.status or '?'}{step}{records}"
        )
        book.add(row.evidence, Signal.CONTROL, text)
    for rule in facts.quality:
        book.add(rule.evidence, Signal.QUALITY, f"rule {rule.rule}: {rule.outcome}", excerpt=rule.message or None)
    for metric in facts.metrics:
        book.add(metric.evidence, Signal.METRICS, f"{metric.label}: maximum {metric.maximum:g}, last {metric.last:g}")
    if facts.good_runs or facts.own_volume is not None:
        own = facts.own_volume.records if facts.own_volume is not None else None
        this = "" if own is None else f"; this run wrote {own} records"
        book.add("history", Signal.HISTORY, f"volumes of {len(facts.good_runs)} good runs{this}")
    for deployment in facts.deployments:
        at = f" at {deployment.deployed_at:%Y-%m-%d %H:%M} UTC" if deployment.deployed_at else ""
        by = f" by {deployment.author}" if deployment.author else ""
        text = f"version {deployment.version} deployed{at}{by}"
        book.add(
            deployment.evidence, Signal.DEPLOYMENTS, text, excerpt="\n".join(deployment.changed_paths[:10]) or None
        )
    for lineage in facts.lineage:
        read = "; ".join(
            "/".join(one.names[-1:]) + (f" snapshot {one.snapshot_id}" if one.snapshot_id else "")
            for one in lineage.inputs[:5]
        )
        text = f"lineage: {lineage.job} ({lineage.state or '?'}) read {read or 'nothing named'}"
        book.add(lineage.evidence, Signal.LINEAGE, text)
    for query in facts.queries:
        book.add(query.evidence, Signal.QUERIES, f"query {query.query_id} ({query.state})", excerpt=query.sql[:300])
    for denial in facts.denials:
        text = f"{denial.event_source} refused {denial.event_name}: {denial.error_code}"
        book.add(denial.evidence, Signal.AUDIT_TRAIL, text, excerpt=denial.resource)
    for grant in facts.grants:
        text = f"{grant.principal} has {', '.join(grant.permissions)} on {grant.resource}"
        book.add(grant.evidence, Signal.LAKE_PERMISSIONS, text)
    if facts.orchestrator_cause:
        book.add(
            "orchestrator", Signal.ORCHESTRATOR, "the orchestrator's cause", excerpt=facts.orchestrator_cause[:1200]
        )


def _listing_summary(listing: Listing) -> str:
    count, size = len(listing.files), sum(file.size for file in listing.files)
    least = "" if listing.complete else "at least "
    return (
        f"{listing.uri or 'listing'}: {least}{count} files, {size} bytes" if count else f"{listing.uri}: looked, empty"
    )


def _table(book: _Book, table: TableFacts) -> None:
    name = table.key.name
    if table.catalog is not None:
        where = table.catalog.metadata_location or table.catalog.location or "no location"
        book.add(table.catalog.evidence, Signal.TABLE, f"catalog entry of {table.catalog.name}: {where}", table=name)
    if table.listing is not None:
        book.add(table.listing.evidence, Signal.TABLE_LISTING, _listing_summary(table.listing), table=name)
    if table.entries is not None and table.entries_evidence:
        text = f"{len(table.entries)} manifest entries of {name}"
        book.add(table.entries_evidence, Signal.ICEBERG_ENTRIES, text, table=name)
    if table.iceberg is not None:
        text = f"{name}: current snapshot {table.iceberg.current_snapshot_id or 'none'}, "
        updated = f"{table.iceberg.last_updated_at:%Y-%m-%d %H:%M:%S} UTC"
        text += f"{len(table.iceberg.snapshots)} snapshots, last updated {updated}"
        book.add(table.iceberg.evidence, Signal.ICEBERG_METADATA, text, table=name)
    if table.delta is not None:
        text = f"Delta log of {name}: versions {table.delta.first_version} to {table.delta.snapshots[-1].snapshot_id}"
        book.add(table.delta.evidence, Signal.DELTA_LOG, text, table=name)
    if table.hudi is not None:
        book.add(table.hudi.evidence, Signal.HUDI_TIMELINE, f"{len(table.hudi.instants)} Hudi instants", table=name)
    snapshots = (table.iceberg.snapshots if table.iceberg else ()) + (table.delta.snapshots if table.delta else ())
    signal = Signal.ICEBERG_METADATA if table.iceberg else Signal.DELTA_LOG
    for snapshot in snapshots[-_LISTED_SNAPSHOTS:]:
        added = snapshot.summary.get("added-records")
        text = f"{name}: snapshot {snapshot.snapshot_id}, {snapshot.operation or 'unknown operation'}"
        text += f", {snapshot.committed_at:%Y-%m-%d %H:%M:%S} UTC" + (f", {added} records added" if added else "")
        book.add(snapshot.evidence, signal, text, table=name)
