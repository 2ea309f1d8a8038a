"""``pipetriage watch``: every failed run of an account, triaged as it ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipetriage.entrypoints.boundary import EXIT_INTERRUPTED, complain
from pipetriage.entrypoints.opening import aws_options, open_program, store_of, store_options
from pipetriage.entrypoints.plain_text import plain
from pipetriage.entrypoints.telling_text import telling
from pipetriage.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipetriage.account import AccountRuns
    from pipetriage.bootstrap import App
    from pipetriage.settings import WatchSettings
    from pipetriage.watching.answers import Report
    from pipetriage.watching.queue import Queue
    from pipetriage.watching.worker import Worker

_ONE_WISH = 0.5
"""Seconds within which a second signal is the first one again."""
_QUIET_WORDS = frozenset({"quiet", "ignored", "later"})


@click.command(
    short_help="Triage every run of an account as it ends.",
    epilog="""\b
Events come from an SQS queue that EventBridge rules fill (deploy/template.yaml has both; docs/watch.md). Without a
queue the jobs are asked every --poll seconds, which needs nothing but the right to read. Start as many as you like:
workers share the queue, and one run is one incident. SIGTERM or Ctrl-C: what is in hand is finished; twice: at once.

\b
Examples:
  pipetriage watch --profile prod --poll 60
  pipetriage watch --queue https://sqs.eu-west-1.amazonaws.com/111122223333/pipetriage --json
  pipetriage watch --queue URL --once      until the queue is empty""",
)
@click.option("--queue", metavar="URL", help="Our own SQS queue of events.")
@click.option("--dead-letters", metavar="URL", help="Our own SQS queue for events that cannot be used.")
@click.option("--job", "jobs", multiple=True, metavar="PATTERN", help="Only these jobs (orders_*); repeatable.")
@click.option("--at-once", type=click.IntRange(1, 64), metavar="N", help="Triages at the same time.  [default: 4]")
@click.option("--poll", type=click.FloatRange(0), metavar="SECONDS", help="Ask the jobs so often; 0: never.")
@click.option(
    "--once", is_flag=True, help="Stop when the queue is empty; with --poll, or without a queue, ask the jobs once."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line instead of text.")
@aws_options
@store_options
def watch(
    queue: str | None,
    dead_letters: str | None,
    jobs: tuple[str, ...],
    at_once: int | None,
    poll: float | None,
    once: bool,
    as_json: bool,
    config: Path | None,
    store: str | None,
    **aws: str | None,
) -> None:
    """Triage the runs of an AWS account as they end: those that fail, and those that only look as if they succeeded."""
    import msgspec

    app = open_program(config, store, aws=aws)
    store_of(app)
    given: dict[str, object] = {"queue": queue, "dead_letters": dead_letters, "at_once": at_once, "poll_seconds": poll}
    given["jobs"] = list(jobs) or None
    settings = msgspec.structs.replace(
        app.settings.watch, **{name: value for name, value in given.items() if value is not None}
    )
    if once and settings.queue and poll is None:
        settings = msgspec.structs.replace(settings, poll_seconds=0.0)
    _check(settings)
    app.settings = msgspec.structs.replace(app.settings, watch=settings)
    tell = _teller(as_json)
    from pipetriage.account import AccountRuns
    from pipetriage.watching.worker import Worker

    runs = AccountRuns(app)
    runs.account()  # who we are is part of each incident's identity: without it, rather none
    worker = Worker(runs.desk(), settings, tell, runs.ready)
    events = _queue(app, settings)
    complain(_greeting(settings, app))
    with _stopped_by_signals(worker) as stopped, telling(app, stopped):
        _work(worker, events, runs, settings, tell, once)
    complain(", ".join(f"{count} {word}" for word, count in sorted(worker.tally.items())) or "nothing came")


def _check(settings: WatchSettings) -> None:
    if not settings.queue and settings.poll_seconds <= 0:
        raise UsageError("there is nothing to watch: give --queue URL (or [watch] queue), or --poll SECONDS")
    if not 1 <= settings.wait_seconds <= 20:
        raise ConfigError("[watch] wait_seconds is 1 to 20: SQS waits no longer")
    if not 1 <= settings.hidden_seconds <= 12 * 3600:
        raise ConfigError("[watch] hidden_seconds is 1 to 43,200: SQS hides a message no longer")
    if settings.at_once < 1 or settings.max_receives < 3:
        raise ConfigError("[watch] at_once is at least 1, max_receives at least 3: a run is looked at twice, to settle")
    if settings.queue and settings.queue == settings.dead_letters:
        raise ConfigError("[watch] dead_letters is the queue itself: name another, or none")


def _queue(app: App, settings: WatchSettings) -> Queue | None:
    if not settings.queue:
        return None
    from pipetriage.watching.queue import Queue

    aws = app.settings.aws
    return Queue(settings, aws.endpoint_url, aws.region)


def _work(
    worker: Worker,
    events: Queue | None,
    runs: AccountRuns,
    settings: WatchSettings,
    tell: Callable[[Report], None],
    once: bool,
) -> None:
    from pipetriage.watching.poller import Poller

    polls = settings.poll_seconds > 0
    poller = Poller(
        runs,
        every=settings.poll_seconds,
        hours=settings.poll_hours,
        has_events=events is not None,
        now=lambda: datetime.now(UTC),
        on_report=tell,
    )
    if polls and once:
        poller.sweep(worker)
    elif polls:
        threading.Thread(target=poller.run, args=(worker,), name="poller", daemon=True).start()
    if events is not None:
        worker.work(events, until_empty=once)
    elif not once:
        worker.stopping.wait()
    worker.end()


@contextmanager
def _stopped_by_signals(worker: Worker) -> Iterator[threading.Event]:
    """Finish what is in hand at the first signal; at the second, leave it: it comes again. Tells of the first."""

    asked: list[float] = []
    stopped = threading.Event()

    def stop(number: int, _: Any) -> None:
        asked.append(time.monotonic())
        if len(asked) > 1:
            # Supervisors signal the process and its group: that is one wish, told twice.
            if asked[-1] - asked[0] > _ONE_WISH:
                # Threads that wait for an answer would otherwise be waited for.
                os._exit(EXIT_INTERRUPTED)
            return
        complain(f"{signal.Signals(number).name}: finishing what is in hand; once more to stop at once")
        worker.stopping.set()
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _teller(as_json: bool) -> Callable[[Report], None]:
    """Give what prints a report: a line each, by whichever thread."""
    import msgspec

    lock = threading.Lock()

    def tell(report: Report) -> None:
        at = datetime.now(UTC)
        if as_json:
            line = msgspec.json.encode({"at": at, **msgspec.to_builtins(report)}).decode()
        elif report.word in _QUIET_WORDS:
            return
        else:
            line = f"{at:%H:%M:%S}  {_line(report)}"
        with lock:
            click.echo(line)

    return tell


def _line(report: Report) -> str:
    if report.word == "triaged":
        verdict = "safe to retry" if report.safe_to_retry else "NOT safe to retry"
        later = f", to be looked at again in {report.again_in:.0f} s" if report.again_in else ""
        why = f" ({plain(report.why)})" if report.why else ""
        return f"{plain(report.pipeline or report.job)}  {report.category}, {verdict}{later}  {report.incident_id}{why}"
    name = report.job or report.message_id
    return f"{report.word:8}  {plain(name)}{'  ' if name else ''}{plain(report.why)}"


def _greeting(settings: WatchSettings, app: App) -> str:
    sources = [f"the queue {settings.queue}"] if settings.queue else []
    if settings.poll_seconds > 0:
        sources.append(f"the jobs of {app.aws().region} every {settings.poll_seconds:g} s")
    return f"watching {' and '.join(sources)}, {settings.at_once} triages at once"
