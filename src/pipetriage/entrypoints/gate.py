"""``pipetriage gate``: may this run be retried now, or this table be read?"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import aws_options, json_option, open_program, print_json, store_options
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import ConfigError, TargetError, UsageError

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.gate import GateAnswer, ReadAnswer

EXIT_BLOCKED = 10
"""No, or not yet. A scheduler must not go on with any code but 0."""
EXIT_CANNOT_TELL = 3

_CANNOT = frozenset({"CANNOT_ANSWER", "NO_ANSWER_IN_TIME", "CANNOT_TELL"})


@click.command(
    short_help="May this run be retried now, or this table be read?",
    epilog="""\b
Exit codes: 0 allowed now, 10 blocked or still waiting, 3 could not tell. Only 0 means yes.

\b
Examples:
  pipetriage gate local:orders_daily/run-7 && rerun_the_job
  pipetriage gate glue:orders_daily/latest --wait 1800 && rerun    ask again until a condition clears
  pipetriage gate --read analytics.orders && run_the_report""",
)
@click.argument("target", required=False)
@click.option("--read", "table", metavar="TABLE", help="For readers: may TABLE hold part of a failed batch?")
@click.option("--within", type=click.FloatRange(0.1), metavar="SECONDS", help="Answer no after so long.  [default: 90]")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="While the answer is 'not yet', ask again for so long.",
)
@json_option
@aws_options
@store_options
@click.pass_context
def gate(
    ctx: click.Context,
    /,
    target: str | None,
    table: str | None,
    within: float | None,
    wait: float,
    as_json: bool,
    config: Path | None,
    store: str | None,
    **aws: str | None,
) -> None:
    """Answer a scheduler: may this run be retried now, or this table be read?

    Evidence is always collected afresh. One retry is allowed for each failed run. What cannot be answered is a no.
    """
    if (target is None) == (table is None):
        raise click.UsageError("give either TARGET or --read TABLE")
    try:
        app = open_program(config, store, aws=aws)
        if table is not None:
            ctx.exit(_read(app, table, as_json))
        app.collector(target or "")  # what is wrong with a target is said at once, in its own words
    except (ConfigError, UsageError) as error:
        # The exit codes of a gate are a contract: 3 is "could not tell", whatever stood in the way.
        raise TargetError(str(error)) from error
    answer = _asked(app, target or "", within or app.settings.gate.within_seconds, wait)
    print_json(answer) if as_json else _print(answer)
    if app.settings.channels:
        from pipetriage.entrypoints.telling_text import send

        send(app, app.settings.routing.send_seconds)
    ctx.exit(_code(answer.allowed, answer.rule))


def _asked(app: App, target: str, within: float, wait: float) -> GateAnswer:
    """Ask, and while the answer is "not yet" ask again as long as there is time to wait."""
    by = os.environ.get("USER") or "pipetriage gate"
    ends = time.monotonic() + wait
    while True:
        answer = app.gatekeeper.ask_within(target, within, by)
        pause = answer.retry_after_seconds
        if answer.allowed or pause is None or time.monotonic() + pause > ends:
            return answer
        from pipetriage.entrypoints.waiting import waiting

        with waiting(f"{plain(answer.reason)}; asking again in {pause} s"):
            time.sleep(pause)


def _read(app: App, table: str, as_json: bool) -> int:
    answer = app.gatekeeper.read_within(table, app.settings.gate.within_seconds)
    print_json(answer) if as_json else _print_read(answer)
    return _code(answer.allowed, answer.rule)


def _code(allowed: bool, rule: str) -> int:
    if allowed:
        return 0
    return EXIT_CANNOT_TELL if rule in _CANNOT else EXIT_BLOCKED


def _print(answer: GateAnswer) -> None:
    if answer.rule == "CANNOT_ANSWER":
        complain(plain(answer.reason))
        return
    wait = f", ask again in {answer.retry_after_seconds} s" if answer.retry_after_seconds else ""
    word = "ALLOWED" if answer.allowed else "BLOCKED"
    click.echo(f"{word}  {plain(answer.rule)}: {plain(answer.reason)}{wait}")


def _print_read(answer: ReadAnswer) -> None:
    word = "CLEAR" if answer.allowed else "BLOCKED"
    click.echo(f"{word}  {plain(answer.table)}: {plain(answer.reason)}")
    if answer.incidents:
        from pipetriage.entrypoints.list_text import print_incident_list
        from pipetriage.entrypoints.render import make_console

        print_incident_list(answer.incidents, make_console())
