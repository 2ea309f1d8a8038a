"""``pipetriage route``: who is told of an incident and why, whether a channel works, what became of each message."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import json_option, open_program, print_json, store_of, store_options
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.deliveries import Delivery


@click.command(
    short_help="Who is told, and did it arrive?",
    epilog="""\b
ID is an incident id, the beginning of one, or a run id. Nothing is sent to show where an incident goes.

\b
Examples:
  pipetriage route 3f2a                    where does it go, why, and who was told?
  pipetriage route --test ops-slack        send a sample by a channel
  pipetriage route --log                   what was sent, what waits, what was refused
  pipetriage route --send                  send what waits, now
  pipetriage route --again ops-slack       send once more what that channel refused""",
)
@click.argument("reference", metavar="ID", required=False)
@click.option("--test", "test", metavar="CHANNEL", help="Send a sample message by this channel.")
@click.option("--log", "log", is_flag=True, help="List deliveries, newest first, with what came of each.")
@click.option("--send", "send_now", is_flag=True, help="Send what is due.")
@click.option(
    "--again", metavar="CHANNEL", help="Have what was refused or given up sent again; 'all' for every channel."
)
@click.option("--channel", metavar="NAME", help="With --log: only this channel.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="With --log: how many.")
@json_option
@store_options
def route(
    reference: str | None,
    test: str | None,
    log: bool,
    send_now: bool,
    again: str | None,
    channel: str | None,
    limit: int,
    as_json: bool,
    config: Path | None,
    store: str | None,
) -> None:
    """Show where an incident goes and why; test a channel; read the delivery log."""
    if sum((reference is not None, test is not None, log, send_now, again is not None)) != 1:
        raise UsageError("give one of ID, --test CHANNEL, --log, --send or --again CHANNEL")
    app = open_program(config, store, use_store=test is None)
    if not app.settings.channels:
        raise ConfigError("no channel is declared: add [channels.NAME] to the settings file (docs/channels.md)")
    if test is not None:
        _test(app, test, as_json)
    elif reference is not None:
        _explain(app, reference, as_json)
    elif log:
        found = store_of(app).deliveries().log(channel=channel, limit=limit)
        print_json(found) if as_json else _print_log(found)
    else:
        if again is not None:
            count = store_of(app).deliveries().put_back(None if again == "all" else again, datetime.now(UTC))
            complain(f"{count} to be sent again")
        _send(app, as_json)


def _test(app: App, name: str, as_json: bool) -> None:
    sent = app.teller.test(name)
    if as_json:
        print_json({"channel": name, "state": sent.state, "outcome": sent.outcome})
    else:
        click.echo(f"{plain(name)} took the sample: look whether it is there")


def _send(app: App, as_json: bool) -> None:
    from pipetriage.entrypoints.telling_text import lines

    store_of(app)
    sent = app.send(max(app.settings.routing.send_seconds, 60.0))
    if as_json:
        print_json([{"channel": one.delivery.channel, "key": one.delivery.key, "state": one.state} for one in sent])
    elif not sent:
        click.echo("nothing is due")
    for line in () if as_json else lines(sent):
        click.echo(line)


def _explain(app: App, reference: str, as_json: bool) -> None:
    from pipetriage.notifiers.routing import severity_of, targets

    kept = store_of(app)
    incident = kept.get(reference)
    routing = app.settings.routing
    chosen, log = targets(incident, routing), kept.deliveries().log(topic=incident.batch_key, limit=20)
    severity = severity_of(incident, routing)
    if as_json:
        told = [{"channel": one.channel, "because": one.because} for one in chosen]
        print_json({"route": incident.route, "severity": severity, "channels": told, "deliveries": log})
        return
    route_ = incident.route
    owner = f" ({plain(route_.owner)})" if route_.owner else ""
    click.echo(f"{plain(incident.incident_id)} goes to the {plain(route_.queue)}{owner}: {plain(route_.reason)}")
    if route_.also:
        click.echo(f"also to know: {plain(', '.join(route_.also))}")
    click.echo(f"severity {severity}")
    for one in chosen:
        click.echo(f"  {plain(one.channel)}: {plain(one.because)}")
    if not chosen:
        click.echo("  nobody is told: no channel is declared for that queue, owner or by default ([routing])")
    if log:
        click.echo("\nOf its batch:")
        _print_log(log)


def _print_log(found: list[Delivery]) -> None:
    if not found:
        click.echo("nothing was sent yet")
    for one in found:
        at = one.created_at.astimezone(UTC)
        click.echo(f"{at:%Y-%m-%d %H:%M}  {one.state:9}  {plain(one.channel)}  {plain(one.message.title)}")
        last = one.tries[-1] if one.tries else None
        if one.state == "WAITING":
            tried = f"tried {one.attempts} times" if one.attempts > 1 else "tried once" if one.attempts else "not tried"
            why = f"; last: {plain(last.outcome)}" if last else ""
            click.echo(f"    due {one.due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {tried}{why}")
        elif one.state == "ABSORBED":
            click.echo("    counted in one message for many of the same failure")
        elif last is not None and one.state != "SENT":
            click.echo(f"    {plain(last.outcome)}")
