"""``glue:JOB/RUN``: one run's evidence from an AWS account, read-only, every source asked once and at the same time."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipetriage.aws.metering import Meter
from pipetriage.aws.session import AwsSession
from pipetriage.errors import MissingExtraError, PipetriageError, SourceError, TargetError
from pipetriage.model.evidence import Collected, Gap, Observation, RunTarget, Signal, TableKey
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.model.refusals import REFUSAL
from pipetriage.model.templates import fill
from pipetriage.model.times import parse_time
from pipetriage.settings import AwsSettings, SettleSettings
from pipetriage.sources.asking import Question, ask_all, observe
from pipetriage.sources.control_table import control_rows
from pipetriage.sources.data_quality import quality_results, quality_ruleset, ruleset_of
from pipetriage.sources.deployments import deployments_of
from pipetriage.sources.glue import GlueJob
from pipetriage.sources.glue_tables import GlueTables
from pipetriage.sources.interface import Reads
from pipetriage.sources.lake_permissions import denied_calls, effective_permissions
from pipetriage.sources.lineage import lineage_events
from pipetriage.sources.local_files import Answer
from pipetriage.sources.local_runs import Runs, batch_of, batches_of, entries_start
from pipetriage.sources.past_volumes import COUNTED_FROM, past_volumes
from pipetriage.sources.s3 import listing
from pipetriage.sources.s3_columns import sampled_schema

LATEST = "latest"
_LINEAGE_AGE = timedelta(days=7)
"""How far back events are read where it is not known when the batch's first attempt began."""
_EVENT_LOGS = "--spark-event-logs-path"
_BOOKMARK = "--job-bookmark-option"


class GlueRun:
    """Collects the evidence of one Glue run."""

    def __init__(
        self,
        aws: AwsSession,
        pipeline: Pipeline,
        run_id: str,
        settings: AwsSettings,
        settle: SettleSettings,
        base: Path,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._session = aws
        self._aws = aws
        self._pipeline = pipeline
        self._job = GlueJob(aws, pipeline.glue_job or pipeline.name)
        self._wanted = run_id
        self._settings = settings
        self._settle = settle
        self._base = base
        self._now = now
        self._control_batches: dict[str, str] = {}
        """Run id to batch id, where the control table is declared to name it."""
        self._meter = Meter()
        self._described: dict[str, Any] | None = None
        """The Job document; None where it cannot be read."""

    def collect(self) -> Collected:
        """Collect afresh.

        Raises:
            TargetError: the run is not known to Glue, or may not be read.
            CredentialsError: AWS does not know us.
        """
        as_of = self._now()
        meter = self._meter = Meter()
        # The session is shared with other collections.
        self._aws = self._session.metered(meter)
        self._job = GlueJob(self._aws, self._job.name)
        run = self._job.latest() if self._wanted == LATEST else self._job.run(self._wanted)
        job = list(observe(Signal.JOB, self._job.job, self._now))
        self._described = next((one.payload["Job"] for one in job if isinstance(one, Observation)), None)
        runs = self._known_runs(run)
        self._control_batches = self._batches_in_control()
        run_id, batch_id = str(run["Id"]), self._batch_of(run)
        first = self._first_attempt(runs, batch_id) or run
        said = job + ask_all(list(self._questions(run, batch_id, runs, first)), seconds=self._settings.deadline_seconds)
        # Last: a run that began while the tables were read is then seen to be in flight, and one that ended
        # meanwhile ended after the tables were read, so that their silence proves nothing.
        last = [Question(str(Signal.JOB_RUNS), self._history), Question(str(Signal.JOB_RUN), self._run_again(run_id))]
        said += ask_all(last, seconds=self._settings.deadline_seconds)
        said += list(observe(Signal.HISTORY, lambda: self._volumes(said, run_id), self._now, fix=COUNTED_FROM))
        if _speaks_of_refusal(run, said):
            said += ask_all(list(self._permissions(run)), seconds=self._settings.deadline_seconds)
        account = self._account()
        return Collected(
            run=RunTarget(
                job_name=self._job.name,
                job_run_id=run_id,
                batch_id=batch_id,
                account=account,
                region=self._aws.region,
            ),
            pipeline=self._pipeline,
            captured_at=as_of,
            settle_seconds=self._settle.cloud_seconds,
            clock_skew_seconds=self._settle.clock_skew_seconds,
            origin=f"glue:{self._job.name}/{run_id}",
            observations=tuple(one for one in said if isinstance(one, Observation)),
            gaps=tuple(one for one in said if isinstance(one, Gap)),
            api_calls=meter.calls,
            bytes_read=meter.bytes,
        )

    def log_of(self, run_id: str) -> Observation | Gap:
        """Read the end of the driver's log of another run of this job. See ``ReadsOtherLogs``."""
        return next(observe(Signal.LOGS, lambda: self._end_of_log(run_id), self._now, run_id=run_id))

    def reads(self) -> Reads:
        """Say what this collection has read so far. See ``CountsReads``."""
        return Reads(self._meter.calls, self._meter.bytes)

    # What is asked

    def _questions(
        self, run: dict[str, Any], batch_id: str | None, runs: Runs, first: dict[str, Any]
    ) -> Iterator[Question]:
        yield self._one(Signal.LOGS, lambda: self._log(run))
        if self._with_bookmarks(run):
            yield self._one(Signal.BOOKMARK, self._job.bookmark)
        yield self._one(Signal.SOURCE_LISTING, lambda: self._source(batch_id), "declare source and batch_id")
        if self._pipeline.source:
            expected = self._pipeline.expected_names()
            yield self._one(
                Signal.SOURCE_SCHEMA, lambda: sampled_schema(self._aws, self._source_uri(batch_id), expected)
            )
        previous = self._previous_batch(runs, first, batch_id)
        if previous:
            yield self._one(Signal.PREVIOUS_SOURCE_LISTING, lambda: self._source(previous))
        for output in self._pipeline.declared_outputs():
            yield self._table(output, entries_start(runs, first))
        yield self._one(Signal.METRICS, lambda: self._metrics(run))
        attempts = [str(one["Id"]) for one in runs.documents if batch_id and self._batch_of(one) == batch_id]
        yield Question(str(Signal.QUALITY), lambda: self._quality(run, attempts))
        if self._pipeline.control != "none":
            batches = [batch for batch in (batch_id, previous) if batch]
            fix = 'declare control = {location = …, table = …}, or "none"'
            yield self._one(Signal.CONTROL, lambda: self._control(batches), fix)
        yield self._one(Signal.LINEAGE, lambda: self._lineage(first), "set [aws] lineage")
        if self._settings.workgroups:
            yield self._one(Signal.QUERIES, lambda: self._queries(first))
        if self._pipeline.deployments != "none":
            yield self._one(Signal.DEPLOYMENTS, lambda: self._deployments(runs, run))
        if path := self._argument(run, _EVENT_LOGS):
            yield Question(str(Signal.SPARK_EVENTS), lambda: self._event_logs(path, runs, first))

    def _one(self, signal: Signal, read: Callable[[], Answer], fix: str = "") -> Question:
        return Question(str(signal), lambda: observe(signal, read, self._now, fix=fix))

    def _table(self, output: Output, since: datetime | None) -> Question:
        key = TableKey(output.role, output.table)

        def ask() -> Iterator[Observation | Gap]:
            for one in GlueTables(self._aws).questions(output, since):
                yield from observe(one.signal, one.read, self._now, table=key, fix=one.fix)

        return Question(f"{Signal.TABLE}:{output.table}", ask)

    def _history(self) -> Iterator[Observation | Gap]:
        yield from observe(Signal.JOB_RUNS, self._job.history, self._now)

    def _run_again(self, run_id: str) -> Callable[[], Iterator[Observation | Gap]]:
        def read() -> Answer:
            try:
                return Answer({"JobRun": self._job.run(run_id)}, f"glue:GetJobRun {self._job.name} {run_id}")
            except TargetError as error:
                raise SourceError(str(error)) from error

        return lambda: observe(Signal.JOB_RUN, read, self._now)

    def _log(self, run: dict[str, Any]) -> Answer:
        from pipetriage.sources.cloudwatch_logs import run_log

        return run_log(self._aws, run, self._described)

    def _end_of_log(self, run_id: str) -> Answer:
        from pipetriage.sources.cloudwatch_logs import log_end

        try:
            run = self._job.run(run_id)
        except TargetError as error:
            raise SourceError(str(error)) from error
        return log_end(self._aws, run, self._described)

    def _metrics(self, run: dict[str, Any]) -> Answer:
        from pipetriage.sources.cloudwatch_metrics import run_metrics

        return run_metrics(self._aws, self._job.name, run, self._described)

    def _quality(self, run: dict[str, Any], attempts: list[str]) -> Iterator[Observation | Gap]:
        ruleset = None
        for one in observe(
            Signal.QUALITY, lambda: quality_results(self._aws, self._job.name, run, attempts), self._now
        ):
            if isinstance(one, Observation):
                ruleset = ruleset_of(one.payload)
            yield one
        if ruleset:
            yield from observe(Signal.QUALITY_RULESET, lambda: quality_ruleset(self._aws, ruleset), self._now)

    def _volumes(self, said: list[Observation | Gap], run_id: str) -> Answer:
        return past_volumes(said, self._pipeline, run_id, self._batch_of, self._settle.clock_skew_seconds)

    def _control(self, batches: list[str]) -> Answer:
        declared = self._pipeline.control_declaration()
        if declared is None:
            raise SourceError("no control table is declared for the pipeline")
        return control_rows(self._aws, declared, self._base, batches=batches, only=declared.only)

    def _lineage(self, first: dict[str, Any]) -> Answer:
        if not self._settings.lineage:
            raise SourceError("where OpenLineage events are kept ([aws] lineage) is not set")
        tables = [one.table for one in self._pipeline.declared_outputs() if one.table]
        readers = [name for one in self._pipeline.consumers for name in (one.name, one.job) if name]
        around = [*tables, *self._places(tables), self._job.name, *readers]
        since = parse_time(first.get("StartedOn")) or self._now() - _LINEAGE_AGE
        return lineage_events(self._aws, self._settings.lineage, around, since)

    def _queries(self, first: dict[str, Any]) -> Answer:
        from pipetriage.sources.query_history import query_history

        now = self._now()
        since = parse_time(first.get("StartedOn")) or now - _LINEAGE_AGE
        return query_history(self._aws, self._settings.workgroups, since, now)

    def _places(self, tables: Iterable[str]) -> Iterator[str]:
        """Yield where the tables' files are: an event may name that alone."""
        for table in tables:
            try:
                yield GlueTables(self._aws).location(table)
            except SourceError:
                continue  # the table's own question tells of it

    def _deployments(self, runs: Runs, run: dict[str, Any]) -> Answer:
        """Read what was deployed since the last good run before this one."""
        if self._described is None:
            raise SourceError("the job could not be read, so where its code lies is not known")
        started = str(run.get("StartedOn") or "")
        good = [one for one in runs.documents if one.get("JobRunState") == "SUCCEEDED"]
        before = [one for one in good if str(one.get("StartedOn") or "") < started]
        since = parse_time(before[-1].get("StartedOn")) if before else None
        return deployments_of(self._aws, self._pipeline.deployments, self._described, self._base, since=since)

    def _permissions(self, run: dict[str, Any]) -> Iterator[Question]:
        """Ask what the role was allowed, and refused: only where a refusal is suspected."""
        role = str((self._described or {}).get("Role") or "")
        target = next((one.table for one in self._pipeline.declared_outputs() if one.table), None)
        if target and role:
            yield self._one(Signal.LAKE_PERMISSIONS, lambda: effective_permissions(self._aws, target, role))
        started = parse_time(run.get("StartedOn"))
        if role and started:
            until = parse_time(run.get("CompletedOn")) or self._now()
            yield self._one(Signal.AUDIT_TRAIL, lambda: denied_calls(self._aws, role, started, until))

    def _source(self, batch_id: str | None) -> Answer:
        return listing(self._aws, self._source_uri(batch_id))

    def _source_uri(self, batch_id: str | None) -> str:
        template = self._pipeline.source
        if not template:
            raise SourceError("the pipeline's source is not declared")
        filled = fill(template, batch_id)
        if filled is None:
            raise SourceError("the pipeline's source cannot be filled in from the run's batch id, so it was not listed")
        return filled

    def _event_logs(self, path: str, runs: Runs, first: dict[str, Any]) -> Iterator[Observation | Gap]:
        from pipetriage.sources.s3_event_logs import event_logs

        since = parse_time(first.get("StartedOn"))
        wanted = [
            one for one in runs.documents if since is None or (parse_time(one.get("StartedOn")) or since) >= since
        ]
        at = self._now()
        try:
            for run_id, log in event_logs(self._aws, path, wanted, self._settings.event_log_bytes):
                yield Observation(
                    signal=Signal.SPARK_EVENTS,
                    payload=log.payload,
                    locator=log.locator,
                    observed_at=at,
                    uri=log.uri,
                    run_id=run_id,
                )
        except SourceError as error:
            yield Gap(source=str(Signal.SPARK_EVENTS), reason=str(error))

    # What the questions need to know

    def _known_runs(self, run: dict[str, Any]) -> Runs:
        """Read the history once to know what to ask for; what the verdict judges is read again at the end."""
        try:
            found = self._job.history()
        except SourceError:
            return Runs([run], ["the history"])
        documents = sorted(found.payload["JobRuns"], key=lambda one: str(one.get("StartedOn") or ""))
        if not any(one.get("Id") == run["Id"] for one in documents):
            documents.append(run)
        return Runs(documents, [] if found.complete else ["older runs"])

    def _batch_of(self, run: dict[str, Any]) -> str | None:
        """Read the batch id where the pipeline declares it."""
        declared = self._pipeline.batch_id
        if declared is not None and declared.origin == "control":
            return self._control_batches.get(str(run["Id"]))
        return batch_of(run, declared, self._pipeline.source)

    def _batches_in_control(self) -> dict[str, str]:
        batch_id, declared = self._pipeline.batch_id, self._pipeline.control_declaration()
        if declared is None or batch_id is None or batch_id.origin != "control":
            return {}
        try:
            return batches_of(self._control([]).payload, declared.columns)
        except (SourceError, MissingExtraError):
            return {}  # told as a gap where the control table itself is read

    def _first_attempt(self, runs: Runs, batch_id: str | None) -> dict[str, Any] | None:
        attempts = (one for one in runs.documents if batch_id and self._batch_of(one) == batch_id)
        return next(attempts, None)

    def _previous_batch(self, runs: Runs, first: dict[str, Any], batch_id: str | None) -> str | None:
        before = [one for one in runs.documents if str(one.get("StartedOn") or "") < str(first.get("StartedOn") or "")]
        good = (self._batch_of(one) for one in reversed(before) if one.get("JobRunState") == "SUCCEEDED")
        return next((batch for batch in good if batch and batch != batch_id), None)

    def _with_bookmarks(self, run: dict[str, Any]) -> bool:
        """Whether the run keeps a bookmark; asked for where the job's own setting cannot be seen."""
        chosen = self._argument(run, _BOOKMARK)
        if chosen is None and self._described is None:
            return True
        return (chosen or "job-bookmark-disable") != "job-bookmark-disable"

    def _argument(self, run: dict[str, Any], name: str) -> str | None:
        """Give the run's own argument, or else its job's default: a JobRun document names only what was overridden."""
        defaults = (self._described or {}).get("DefaultArguments") or {}
        value = (run.get("Arguments") or {}).get(name, defaults.get(name))
        return str(value) if value is not None else None

    def _account(self) -> str:
        try:
            return self._aws.identity().account
        except PipetriageError:
            return ""  # the run could be read: who we are is only part of the incident's identity


def _speaks_of_refusal(run: dict[str, Any], said: Iterable[Observation | Gap]) -> bool:
    if REFUSAL.search(str(run.get("ErrorMessage") or "")):
        return True
    logs = (one.payload for one in said if isinstance(one, Observation) and one.signal is Signal.LOGS)
    return any(REFUSAL.search(event.message) for log in logs for event in log)
