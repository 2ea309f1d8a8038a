"""``pipetriage review``: a person says what really happened."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.opening import json_option, open_program, print_json, store_of, store_options
from pipetriage.errors import UsageError

if TYPE_CHECKING:
    from pipetriage.model.categories import Category


@click.command(
    short_help="Say what really happened.",
    epilog="""\b
ID is an incident id, the beginning of one, or a run id.

\b
Examples:
  pipetriage review 3f2a --category SCHEMA_DRIFT --not-safe
  pipetriage review jr_0a1b --category UNKNOWN --safe --rerun harmless --note "S3 was throttled"
  pipetriage review 3f2a --agree           the verdict was right as it stands
  pipetriage review 3f2a --agree --closed --done "restored the snapshot of 02:10, then reran"
                                           the table is repaired: gate --read lets readers go on""",
)
@click.argument("reference", metavar="ID")
@click.option("--agree", is_flag=True, help="The category and the retry decision were right.")
@click.option("--category", metavar="CATEGORY", help="What broke.")
@click.option("--also", multiple=True, metavar="CATEGORY", help="Another right answer; repeatable.")
@click.option("--safe/--not-safe", default=None, help="Whether a machine might have retried it without asking anyone.")
@click.option("--rerun", type=click.Choice(["harmless", "harmful"]), help="What a rerun did, where that is known.")
@click.option("--closed", is_flag=True, help="Nothing partial of the batch is left visible: readers may go on.")
@click.option("--note", default="", help="Why; secrets and personal data in it are replaced.")
@click.option("--done", default="", help="What was done: 'last time' on later incidents. Redacted, too.")
@click.option("--by", envvar="USER", default="unknown", show_default="$USER", help="Who reviews.")
@json_option
@store_options
def review(
    reference: str,
    agree: bool,
    category: str | None,
    also: tuple[str, ...],
    safe: bool | None,
    rerun: str | None,
    closed: bool,
    note: str,
    done: str,
    by: str,
    as_json: bool,
    config: Path | None,
    store: str | None,
) -> None:
    """Record what a person found out about an incident: the truth that the tool is measured by.

    Reviews are added, never changed; the latest counts. ``evaluate --export`` makes labelled cases of them.
    """
    from pipetriage.context.redact import Redactor
    from pipetriage.model.review import Review, confirms

    if not agree and (category is None or safe is None):
        raise UsageError("say what was right: --agree, or --category CATEGORY with --safe or --not-safe")
    kept = store_of(open_program(config, store))
    incident = kept.get(reference)
    redactor = Redactor()
    given = Review(
        by=by,
        reviewed_at=datetime.now(UTC),
        failure_category=_category(category) if category else incident.failure_category,
        acceptable_categories=[_category(one) for one in also],
        safe_to_retry=incident.safe_to_retry if safe is None else safe,
        closed=closed,
        rerun_harmless=None if rerun is None else rerun == "harmless",
        note=redactor.text(note),
        done=redactor.text(done),
    )
    incident = kept.add_review(incident.incident_id, given)
    if as_json:
        print_json(incident)
        return
    right = confirms(given, incident.failure_category, safe=incident.safe_to_retry)
    click.echo(f"{incident.incident_id}: {'verdict confirmed' if right else 'verdict overridden'} by {by}")


def _category(name: str) -> Category:
    from pipetriage.model.categories import Category

    try:
        return Category(name.upper())
    except ValueError as error:
        raise UsageError(f"{name}: choose a category from {', '.join(Category)}") from error
