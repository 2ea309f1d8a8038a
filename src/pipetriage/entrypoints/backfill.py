"""``pipetriage backfill``: the failed runs that Glue still remembers, all triaged."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import aws_options, json_option, open_program, print_json, store_of, store_options
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import PipetriageError, SourceError, TargetError, UsageError

if TYPE_CHECKING:
    from pipetriage.backfill import Summary
    from pipetriage.bootstrap import App
    from pipetriage.model.incident import Incident
    from pipetriage.sources.glue_past import PastRun

_AGO = re.compile(r"(\d{1,4})([dhw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@click.command(
    short_help="Triage the failed runs that Glue remembers.",
    epilog="""\b
Runs that are in the store already are counted, not triaged again: stop it at any time, and start it again.

\b
Examples:
  pipetriage backfill --since 90d --profile prod
  pipetriage backfill --since 7d --job orders_daily --json""",
)
@click.option("--since", default="90d", show_default=True, metavar="AGO", help="How far back: 90d, 12h, 2w.")
@click.option("--job", "jobs", multiple=True, metavar="JOB", help="Only this job; repeatable. Default: all.")
@click.option("--per-minute", type=click.IntRange(1, 600), default=60, show_default=True, help="Triages a minute.")
@json_option
@aws_options
@store_options
def backfill(
    since: str,
    jobs: tuple[str, ...],
    per_minute: int,
    as_json: bool,
    config: Path | None,
    store: str | None,
    **aws: str | None,
) -> None:
    """Triage every failed run that Glue still remembers, with what evidence is left, and add them up."""
    from pipetriage.backfill import summarise
    from pipetriage.entrypoints.evaluate_progress import progress
    from pipetriage.readiness.costs import of_evidence

    start = datetime.now(UTC) - _ago(since)
    app = open_program(config, store, aws=aws)
    store_of(app)
    try:
        runs = list(_runs(app, jobs, start))
    except SourceError as error:
        raise TargetError(str(error)) from error
    failed = [run for run in runs if run.failed]
    with progress(len(failed)) as on_done:
        incidents = list(_triaged(app, failed, 60 / per_minute, on_done))
    summary = summarise(incidents, lambda incident: _run_again(app, incident, runs), of_evidence)
    print_json(summary) if as_json else _print(summary, len(runs))


def _ago(text: str) -> timedelta:
    found = _AGO.fullmatch(text)
    if found is None:
        raise UsageError(f"--since {text}: write a number and a unit, as 90d, 12h or 2w")
    return int(found[1]) * _UNITS[found[2]]


def _runs(app: App, jobs: tuple[str, ...], start: datetime) -> Iterator[PastRun]:
    from pipetriage.sources.glue_past import all_jobs, past_runs

    yield from past_runs(app.aws(), jobs or all_jobs(app.aws()), start)


def _triaged(app: App, failed: list[PastRun], pause: float, on_done: Callable[[int], None]) -> Iterator[Incident]:
    kept = store_of(app)
    for done, run in enumerate(failed, 1):
        try:
            incident = kept.get(run.run_id)
        except TargetError:
            began = time.monotonic()
            try:
                incident = app.triage(f"glue:{run.job}/{run.run_id}")
            except TargetError as error:
                complain(f"{run.run_id}: {error}")
                continue
            if app.store_error:
                raise PipetriageError(app.store_error) from None
            time.sleep(max(0.0, pause - (time.monotonic() - began)))
        yield incident
        on_done(done)


def _run_again(app: App, incident: Incident, runs: list[PastRun]) -> bool:
    """Whether a later run of the same job took on the incident's batch."""
    from pipetriage.sources.local_runs import batch_of

    ended = incident.ended_at or incident.started_at
    for run in runs:
        if run.run_id == incident.job_run_id or ended is None or run.started_at is None or run.started_at < ended:
            continue
        pipeline = app.pipeline_of(run.job)
        batch = batch_of(run.document, pipeline.batch_id, pipeline.source)
        same = batch is not None and batch == incident.batch_id
        retried = run.document.get("PreviousRunId") == incident.job_run_id
        if (pipeline.name or run.job) == incident.pipeline_name and (same or retried):
            return True
    return False


def _print(summary: Summary, runs: int) -> None:
    click.echo(f"{summary.failed_runs} of {runs} runs failed")
    for category, count in summary.by_category.items():
        click.echo(f"  {count:5d}  {category}")
    if summary.reruns:
        click.echo(
            f"\n{summary.reruns} of them were run again; {summary.unsafe_reruns} of these reruns came after a partial "
            "or uncertain write, or would repeat what was there"
        )
    if summary.recurring:
        click.echo("\nAgain and again")
        for one in summary.recurring[:10]:
            click.echo(f"  {one.count:5d}  {plain(one.pipeline)}  {one.category}/{one.failure_mode}  {one.example}")
    if summary.missing:
        click.echo("\nWhat was not there to see, in how many")
        for gone in summary.missing[:12]:
            click.echo(f"  {gone.incidents:5d}  {gone.signal}{f': {plain(gone.fix)}' if gone.fix else ''}")
            if gone.costs:
                click.echo(f"         {gone.costs}")
