"""Evidence to context: redacted once, typed, bounded. The only constructor of a ``Context``."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from pipetriage.context.changes import code_change, last_good_run, run_changes, schema_changes, volume_changes
from pipetriage.context.gaps import relevant
from pipetriage.context.logs import LogReading, evidence_of, fit, place_of, read_logs
from pipetriage.context.reading import mapping, mappings, normal_uri, text
from pipetriage.context.redact import Redactor
from pipetriage.context.run_facts import read_bookmark, read_history, read_job, read_run, with_batches
from pipetriage.context.spark_events import read_spark_events
from pipetriage.context.summaries import facts_evidence
from pipetriage.context.surroundings import (
    read_cause,
    read_control,
    read_denials,
    read_deployments,
    read_grants,
    read_lineage,
    read_metrics,
    read_quality,
    read_queries,
    read_volumes,
)
from pipetriage.context.table_facts import read_columns, read_listing
from pipetriage.context.tables import read_tables
from pipetriage.errors import SourceError
from pipetriage.model.context import Change, Context, Facts
from pipetriage.model.evidence import Collected, Evidence, Gap, Observation, Signal, TableKey
from pipetriage.model.facts import ControlRow, GoodRun, Job, Listing, Run, bookmark_option
from pipetriage.model.spark import SparkFacts
from pipetriage.model.templates import fill
from pipetriage.settings import ContextSettings

T = TypeVar("T")
A = TypeVar("A")

_LOG_IN_PART = "what the rest of the log says is not known: nothing is called safe to retry"
_WHOLE_LOG = "add the whole log, or let it be read whole"


def build_context(collected: Collected, settings: ContextSettings) -> Context:
    """Redact, type and bound what the sources answered. A document that makes no sense becomes a gap."""
    return _Builder(collected, settings).build()


class _Builder:
    """Holds what the steps share while one context is built."""

    def __init__(self, collected: Collected, settings: ContextSettings) -> None:
        self._collected = collected
        self._settings = settings
        self._pipeline = collected.pipeline
        self._gaps: list[Gap] = list(collected.gaps)
        self._seen: set[Signal] = set()
        self._redactor = Redactor(keep=kept_values(collected))

    def build(self) -> Context:
        control = self._read(
            Signal.CONTROL, lambda seen: read_control(seen, self._pipeline.control_declaration(), self._redactor), ()
        )
        run, history, whole = self._runs(control)
        job = self._read(Signal.JOB, lambda seen: self._job(seen, run), None)
        reading = self._logs(run)
        spark = self._spark_events(history)
        tables, table_gaps = read_tables(self._collected.observations, self._pipeline)
        self._gaps.extend(table_gaps)
        self._seen.update(_table_signals(self._collected.observations, table_gaps))
        facts = self._facts(run, history, whole, job, control, reading, spark, tables)
        errors, tokens = fit(reading.errors, self._settings.token_budget)
        evidence = facts_evidence(facts, self._collected)
        for error in errors:
            place = "GetJobRun ErrorMessage" if error.evidence == "run-error" else place_of(error)
            evidence[error.evidence] = evidence_of(error, place, self._collected.captured_at)
        evidence = {name: self._redacted_evidence(one) for name, one in evidence.items()}
        return Context(
            target=self._collected.run,
            pipeline=self._pipeline,
            origin=self._collected.origin,
            live=self._collected.live,
            as_of=self._collected.captured_at,
            settle_seconds=_bounded(self._collected.settle_seconds),
            clock_skew_seconds=_bounded(self._collected.clock_skew_seconds),
            facts=facts,
            errors=errors,
            evidence=evidence,
            gaps=relevant(
                [self._redacted_gap(gap) for gap in self._gaps],
                pipeline=self._pipeline,
                run=run,
                bookmark_enabled=bookmark_option(run, job) != "job-bookmark-disable",
                formats=_formats(facts),
                errors=errors,
                quality_seen=bool(facts.quality),
            ),
            seen=frozenset(self._seen),
            observed_at=_times(self._collected.observations),
            tokens=tokens,
        )

    def _redacted_evidence(self, one: Evidence) -> Evidence:
        # Places, and names that were typed but not redacted one by one (columns, metrics), end in these two.
        return replace(one, locator=self._redactor.text(one.locator), summary=self._redactor.text(one.summary))

    def _redacted_gap(self, gap: Gap) -> Gap:
        # A bundle says gaps of its own, and an error may quote what it could not read.
        return replace(gap, source=self._redactor.text(gap.source), reason=self._redactor.text(gap.reason))

    def _redacted_change(self, change: Change) -> Change:
        def text(value: str | None) -> str | None:
            return None if value is None else self._redactor.text(value)

        return replace(change, what=self._redactor.text(change.what), before=text(change.before), now=text(change.now))

    def _observed(self, signal: Signal) -> Observation | None:
        return next((seen for seen in self._collected.observations if seen.signal is signal), None)

    def _read(self, signal: Signal, read: Callable[[Any], T], absent: A) -> T | A:
        """Read one document with ``read``; what is not there, or makes no sense, is ``absent`` and a gap."""
        seen = self._observed(signal)
        if seen is None:
            return absent
        try:
            if not isinstance(seen.payload, dict | list | str):
                raise SourceError(f"{seen.locator} holds no {signal} document")
            value = read(seen.payload)
        except SourceError as error:
            self._gaps.append(Gap(source=str(signal), reason=str(error)))
            return absent
        if not seen.complete:
            self._gaps.append(Gap(source=str(signal), reason=f"{seen.locator} is cut short or partly unreadable"))
        self._seen.add(signal)
        return value

    def _runs(self, control: tuple[ControlRow, ...]) -> tuple[Run, tuple[Run, ...], bool]:
        target = self._collected.run
        run = self._read(Signal.JOB_RUN, self._this_run, None)
        nothing: tuple[list[Run], bool] = ([], False)
        listed, whole = self._read(Signal.JOB_RUNS, lambda seen: self._history(seen, run), nothing)
        seen = self._observed(Signal.JOB_RUNS)
        whole = whole and seen is not None and seen.complete
        in_list = next((one for one in listed if one.run_id == target.job_run_id), None)
        run = run or Run(run_id=target.job_run_id, job_name=target.job_name, attempt=in_list.attempt if in_list else 0)
        runs = [one for one in listed if one.run_id != run.run_id] + [run]
        runs = with_batches(runs, self._pipeline, control, (target.job_run_id, target.batch_id), self._raw_arguments())
        runs.sort(key=lambda one: (one.started_at.timestamp() if one.started_at else 0.0, one.attempt))
        return next(one for one in runs if one.run_id == run.run_id), tuple(runs), whole

    def _this_run(self, document: Any) -> Run:
        run = read_run(document, self._redactor, "job_run")
        wanted = self._collected.run.job_run_id
        if run is None:
            raise SourceError("the JobRun has no Id: write the response of get-job-run into it")
        if run.run_id != wanted:
            raise SourceError(f"the JobRun is another run's ({run.run_id}, not {wanted}): add that of this run")
        return run

    def _history(self, document: Any, run: Run | None) -> tuple[list[Run], bool]:
        listed, whole = read_history(document, self._redactor)
        wanted = self._collected.run.job_run_id
        same = next((one for one in listed if one.run_id == wanted), None)
        if same is None:
            raise SourceError(f"the run history does not hold run {wanted}: add the history of this run's job")
        if run is not None and same.state != run.state:
            # An older look at the same run, or another run's: either way later runs may be missing.
            raise SourceError(f"the run history has run {wanted} {same.state}, the JobRun {run.state}: get it again")
        job = (run or same).job_name
        if any(one.job_name and job and one.job_name != job for one in listed):
            raise SourceError(f"the run history mixes runs of {job} with another job's: add that of this job alone")
        return listed, whole

    def _job(self, document: Any, run: Run) -> Job | None:
        job = read_job(document, self._redactor)
        if job is None:
            raise SourceError("the job has no Name: write the response of get-job into it")
        if run.job_name and job.name != run.job_name:
            raise SourceError(f"the job is {job.name}, the run is of {run.job_name}: add this run's job")
        return job

    def _raw_arguments(self) -> dict[str, Mapping[str, Any]]:
        """Arguments before redaction, to read batch ids from; they go nowhere else."""
        runs = [
            mapping(seen.payload, "JobRun") for seen in self._collected.observations if seen.signal is Signal.JOB_RUN
        ]
        for seen in self._collected.observations:
            if seen.signal is Signal.JOB_RUNS:
                runs.extend(mappings(seen.payload, "JobRuns"))
        return {run_id: mapping(run, "Arguments") for run in runs if (run_id := text(run, "Id"))}

    def _logs(self, run: Run) -> LogReading:
        seen = self._observed(Signal.LOGS)

        def read(events: Any) -> LogReading:
            return read_logs(
                events,
                redactor=self._redactor,
                max_errors=self._settings.max_errors,
                error_message=run.error_message,
                run_state=run.state,
                ended_at=run.ended_at,
            )

        if seen is None:
            return read(())
        reading = read(seen.payload)
        if reading.broken is not None:
            self._gaps.append(Gap(source=str(Signal.LOGS), reason=reading.broken, effect=_LOG_IN_PART, fix=_WHOLE_LOG))
        elif not seen.complete:
            self._gaps.append(Gap(source=str(Signal.LOGS), reason=f"{seen.locator} is cut short or partly unreadable"))
        else:
            self._seen.add(Signal.LOGS)
        return reading

    def _spark_events(self, history: tuple[Run, ...]) -> tuple[SparkFacts, ...]:
        """Read every application's event log, each with the run whose it is as far as that is known."""
        found = []
        for seen in self._collected.observations:
            if seen.signal is not Signal.SPARK_EVENTS:
                continue
            try:
                application = read_spark_events(seen.payload, self._redactor)
                self._seen.add(Signal.SPARK_EVENTS)
            except SourceError as error:
                self._gaps.append(Gap(source=str(Signal.SPARK_EVENTS), reason=str(error)))
                continue
            # Glue names an application after its run; a source that keeps one log a run knows it besides.
            by_name = _run_named(application.app_name or "", history)
            found.append(replace(application, run_id=application.run_id or seen.run_id or by_name))
        return tuple(found)

    def _listing(self, signal: Signal, evidence: str) -> Listing | None:
        seen = self._observed(signal)
        return None if seen is None else self._read(signal, lambda _: read_listing(seen, evidence), None)

    def _facts(
        self,
        run: Run,
        history: tuple[Run, ...],
        whole: bool,
        job: Job | None,
        control: tuple[ControlRow, ...],
        reading: LogReading,
        spark: tuple[SparkFacts, ...],
        tables: tuple[Any, ...],
    ) -> Facts:
        pipeline, redactor = self._pipeline, self._redactor
        source = self._listing(Signal.SOURCE_LISTING, "source-listing")
        previous = self._listing(Signal.PREVIOUS_SOURCE_LISTING, "previous-source-listing")
        columns = self._read(Signal.SOURCE_SCHEMA, read_columns, None)
        expected = read_columns(pipeline.expected_schema) if pipeline.expected_schema else None
        deployments = self._read(Signal.DEPLOYMENTS, lambda seen: read_deployments(seen, redactor), ())
        unknown: tuple[tuple[GoodRun, ...], GoodRun | None] = ((), None)
        good_runs, own_volume = self._read(Signal.HISTORY, read_volumes, unknown)
        good = last_good_run(history, run)
        filled = fill(pipeline.source, run.batch_id) if pipeline.source else None
        changes = (
            *code_change(deployments, run, good),
            *run_changes(run, good, job, history),
            *schema_changes(columns, expected, tables, run),
            *volume_changes(source, previous, control, run, good, good_runs),
        )
        return Facts(
            run=run,
            history=history,
            history_complete=whole,
            job=job,
            bookmark=self._read(Signal.BOOKMARK, read_bookmark, None),
            control=control,
            quality=self._read(Signal.QUALITY, lambda seen: read_quality(seen, redactor), ()),
            quality_ruleset=self._read(
                Signal.QUALITY_RULESET, lambda seen: redactor.text(text(mapping(seen), "Ruleset") or ""), None
            ),
            source=source,
            previous_source=previous,
            source_columns=columns,
            expected_columns=expected,
            source_uri=normal_uri(filled) if filled else None,
            tables=tables,
            metrics=self._read(Signal.METRICS, read_metrics, ()),
            good_runs=good_runs,
            own_volume=own_volume,
            deployments=deployments,
            lineage=self._read(Signal.LINEAGE, lambda seen: read_lineage(seen, redactor), ()),
            queries=self._read(Signal.QUERIES, lambda seen: read_queries(seen, redactor), ()),
            denials=self._read(Signal.AUDIT_TRAIL, lambda seen: read_denials(seen, redactor), ()),
            grants=self._read(Signal.LAKE_PERMISSIONS, lambda seen: read_grants(seen, redactor), ()),
            orchestrator_cause=self._read(Signal.ORCHESTRATOR, lambda seen: read_cause(seen, redactor), None),
            spark=tuple(one for one in spark if one.run_id in {None, run.run_id}),
            app_ids=_app_ids(run, reading, spark),
            app_ends=_app_ends(spark),
            log=reading.facts,
            changes=tuple(self._redacted_change(change) for change in changes),
            last_good=good,
        )


def _bounded(seconds: float) -> float:
    """Bound a waiting time that a bundle declares: a hostile one may name any number."""
    return min(max(seconds, 0.0), 7 * 86400.0)


def _times(observations: tuple[Observation, ...]) -> dict[Signal, datetime]:
    asked: dict[Signal, datetime] = {}
    for seen in observations:
        asked[seen.signal] = min(seen.observed_at, asked.get(seen.signal, seen.observed_at))
    return asked


def kept_values(collected: Collected) -> frozenset[str]:
    """Values that stay readable: the ids and partition values that the engineer has to act on."""
    kept = {collected.run.job_run_id, collected.run.batch_id or ""}
    for output in collected.pipeline.declared_outputs():
        kept.add(output.table)
        if isinstance(output.expected_partitions, list):
            kept.update(str(value) for value in output.expected_partitions)
    return frozenset(value for value in kept if value)


def _run_named(app_name: str, history: tuple[Run, ...]) -> str | None:
    """Find the run whose id an application's name holds whole: ``run-1`` is not in ``orders-run-10``."""
    ids = sorted((one.run_id for one in history), key=len, reverse=True)
    return next((one for one in ids if re.search(rf"(?<![\w]){re.escape(one)}(?![\w])", app_name)), None)


def _app_ids(run: Run, reading: LogReading, spark: tuple[SparkFacts, ...]) -> dict[str, frozenset[str]]:
    """Join Spark application ids to runs, through the event log's own words or this run's log."""
    # A log that names several applications tells its own only where the engine introduces itself.
    named = reading.facts.app_ids
    said = reading.facts.own_app_ids or (named if len(named) == 1 else ())
    found: dict[str, set[str]] = {run.run_id: set(said)}
    unnamed = [one.app_id for one in spark if one.app_id and one.run_id is None]
    if len(unnamed) == 1 and len(spark) == 1:
        found[run.run_id].add(unnamed[0])
    for application in spark:
        if application.app_id and application.run_id:
            found.setdefault(application.run_id, set()).add(application.app_id)
    return {run_id: frozenset(ids) for run_id, ids in found.items() if ids}


def _app_ends(spark: tuple[SparkFacts, ...]) -> dict[str, datetime | None]:
    """Give the runs whose applications event logs name, and when the last of them ended."""
    ends: dict[str, datetime | None] = {}
    for one in spark:
        if one.run_id and one.app_id:
            earlier = ends.get(one.run_id, one.ended_at)
            ends[one.run_id] = max(earlier, one.ended_at) if earlier and one.ended_at else None
    return ends


def _formats(facts: Facts) -> dict[TableKey, str | None]:
    return {
        table.key: "delta"
        if table.delta
        else "hudi"
        if table.hudi
        else "iceberg"
        if table.iceberg
        else table.catalog.table_format
        if table.catalog
        else None
        for table in facts.tables
    }


def _table_signals(observations: tuple[Observation, ...], gaps: list[Gap]) -> set[Signal]:
    failed = {gap.source for gap in gaps}
    return {
        seen.signal
        for seen in observations
        if seen.table is not None and f"{seen.signal}:{seen.table.name or seen.table.role}" not in failed
    }
