"""A Glue run that succeeded, looked at for little: a dozen calls, no manifests, no log but one search of it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError, TargetError
from pipetriage.model.evidence import Gap, Observation, Signal, TableKey, Unanswered
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.model.success import Delivered, Success
from pipetriage.settings import AwsSettings, SettleSettings
from pipetriage.sources.asking import Question, ask_all, observe
from pipetriage.sources.cloudwatch_logs import analysed_failures
from pipetriage.sources.cloudwatch_metrics import run_metrics
from pipetriage.sources.cloudwatch_streams import arguments_of
from pipetriage.sources.glue import GlueJob
from pipetriage.sources.glue_tables import GlueTables
from pipetriage.sources.local_files import Answer
from pipetriage.sources.local_runs import batch_of
from pipetriage.sources.past_volumes import COUNTED_FROM, JobRuns, volumes

_BOOKMARK = "--job-bookmark-option"
_RECORDS_READ = frozenset({"glue.driver.recordsRead", "glue.driver.aggregate.recordsRead"})
_FILES_READ = frozenset({"glue.driver.filesRead"})
_NOT_ICEBERG = "only the commits of Iceberg tables are counted by a cheap look; this one is declared as {}"


class GlueSuccess:
    """Looks at one run of a declared pipeline."""

    def __init__(
        self,
        aws: AwsSession,
        pipeline: Pipeline,
        run_id: str,
        settings: AwsSettings,
        settle: SettleSettings,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._aws = aws
        self._pipeline = pipeline
        self._job = GlueJob(aws, pipeline.glue_job or pipeline.name)
        self._run_id = run_id
        self._settings = settings
        self._skew = timedelta(seconds=settle.clock_skew_seconds)
        self._now = now

    def look(self) -> Success:
        """Ask every source at once; whoever cannot answer in time is a gap.

        Raises:
            TargetError: the run is not known, may not be read, or did not succeed.
            CredentialsError: AWS does not know us.
        """
        run = self._job.run(self._run_id)
        if run.get("JobRunState") != "SUCCEEDED":
            state = run.get("JobRunState")
            raise TargetError(f"run {self._run_id} of {self._job.name} is {state}, not SUCCEEDED: triage it")
        said = list(observe(Signal.JOB, self._job.job, self._now))
        job = next((one.payload["Job"] for one in said if isinstance(one, Observation)), None)
        # Without the job its default arguments are not known: a bookmark may be on.
        bookmark = arguments_of(run, job).get(_BOOKMARK, "" if job is None else "job-bookmark-disable")
        with_bookmark = bookmark != "job-bookmark-disable"
        said += ask_all(list(self._questions(run, job, with_bookmark)), seconds=self._settings.deadline_seconds)
        return self._told(run, said, with_bookmark)

    def _questions(self, run: dict[str, Any], job: dict[str, Any] | None, with_bookmark: bool) -> Iterator[Question]:
        yield self._one(Signal.JOB_RUNS, self._history)
        yield self._one(Signal.LOGS, lambda: analysed_failures(self._aws, run, job))
        if with_bookmark or self._pipeline.min_records is not None:
            yield self._one(Signal.METRICS, lambda: run_metrics(self._aws, self._job.name, run, job))
        for output in self._pipeline.declared_outputs():
            yield self._table(output)

    def _one(self, signal: Signal, read: Callable[[], Answer]) -> Question:
        return Question(str(signal), lambda: observe(signal, read, self._now))

    def _table(self, output: Output) -> Question:
        def read() -> Answer:
            if (output.format or "iceberg").lower() != "iceberg":
                raise SourceError(_NOT_ICEBERG.format(output.format))
            return GlueTables(self._aws).metadata(output.table)

        key = TableKey(output.role, output.table)
        name = f"{Signal.ICEBERG_METADATA}:{output.table}"
        return Question(name, lambda: observe(Signal.ICEBERG_METADATA, read, self._now, table=key))

    def _history(self) -> Answer:
        """Read the newest runs; more only where this one is not among them."""
        newest = self._job.history(pages=1)
        runs = newest.payload["JobRuns"]
        return newest if newest.complete or any(one["Id"] == self._run_id for one in runs) else self._job.history()

    # What was said

    def _told(self, run: dict[str, Any], said: list[Observation | Gap], with_bookmark: bool) -> Success:
        seen = [one for one in said if isinstance(one, Observation)]
        gaps = [one for one in said if isinstance(one, Gap)]
        by_signal = {one.signal: one for one in seen if one.table is None}
        logs, metrics = by_signal.get(Signal.LOGS), by_signal.get(Signal.METRICS)
        if logs is not None and not logs.complete and not logs.payload:
            reason = (
                f"{logs.locator} was not searched to its end: a failure that the job passed over may be in the rest"
            )
            gaps.append(Gap(source=str(Signal.LOGS), reason=reason))
        if metrics is not None and not metrics.complete:
            # A page or a series was not answered: the bounds are wider than any run's metrics.
            reason = "CloudWatch did not give every metric, so what the run read may be more than was seen"
            gaps.append(Unanswered(source=str(Signal.METRICS), reason=reason))
        success = Success(
            bookmark=with_bookmark,
            records_read=_most(metrics, _RECORDS_READ),
            files_read=_most(metrics, _FILES_READ),
            read_locator=metrics.locator if metrics is not None else "",
            swallowed=_where(logs) if logs is not None and logs.payload else None,
        )
        return self._with_volumes(run, seen, gaps, success)

    def _with_volumes(self, run: dict[str, Any], seen: list[Observation], gaps: list[Gap], success: Success) -> Success:
        history = next((one for one in seen if one.signal is Signal.JOB_RUNS), None)
        listed = history.payload["JobRuns"] if history is not None else []
        # The run's own document is the newer look at it.
        runs = JobRuns(
            [*(one for one in listed if one["Id"] != self._run_id), run],
            self._pipeline.snapshot_keys,
            lambda one: batch_of(one, self._pipeline.batch_id, self._pipeline.source),
            self._skew,
        )
        tables = {one.table.name: one for one in seen if one.signal is Signal.ICEBERG_METADATA and one.table}
        if history is None:
            # Which commits are this run's cannot be told without the others' times.
            return replace(success, gaps=tuple(gaps))
        delivered: list[Delivered] = []
        for output in self._pipeline.declared_outputs():
            if output.table in tables:
                delivered += self._delivered(runs, output, tables[output.table], gaps)
        try:
            found = volumes(runs, self._pipeline, {name: one.payload for name, one in tables.items()}, self._run_id)
        except SourceError as error:
            gaps.append(Gap(source=str(Signal.HISTORY), reason=str(error), fix=COUNTED_FROM))
            return replace(success, delivered=tuple(delivered), gaps=tuple(gaps))
        return replace(
            success,
            delivered=tuple(delivered),
            own=found.own,
            past=found.runs,
            volumes_locator="; ".join(tables[one.table].locator for one in self._pipeline.final_outputs()),
            gaps=tuple(gaps),
        )

    def _delivered(self, runs: JobRuns, output: Output, seen: Observation, gaps: list[Gap]) -> Iterator[Delivered]:
        """Give what the run committed to one table, or the gap that says why it cannot be told."""
        name = f"{Signal.ICEBERG_METADATA}:{output.table}"
        try:
            wrote = runs.wrote(output, seen.payload).get(self._run_id)
        except SourceError as error:
            gaps.append(Gap(source=name, reason=str(error)))
            return
        if wrote is None:
            reason = (
                f"which commits of {output.table} are this run's cannot be told: another run was running, a commit "
                "without a stamp was made meanwhile, or the snapshots since have expired"
            )
            stamp = '.option("snapshot-property.glue-job-run-id", RUN_ID) on the write'
            gaps.append(Gap(source=name, reason=reason, fix=stamp))
            return
        yield Delivered(
            table=output.table,
            role=output.role,
            commits=wrote.commits,
            partitions_at_most=wrote.partitions_at_most,
            locator=seen.locator,
        )


def _most(metrics: Observation | None, labels: frozenset[str]) -> int | None:
    """Give the largest value of these metrics; gauges are running totals, and counts are added up."""
    if metrics is None:
        return None
    results = [one for one in metrics.payload["MetricDataResults"] if one["Label"] in labels and one["Values"]]
    totals = [sum(one["Values"]) for one in results]
    return int(max(totals)) if totals else None


def _where(logs: Observation) -> str:
    first = logs.payload[0]
    return f"CloudWatch Logs {first.group} {first.stream} at {first.timestamp}"
