"""``pipetriage incidents``: what was kept, by filter and by words, one of it whole, and what is like it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.opening import json_option, open_program, print_json, store_of, store_options
from pipetriage.errors import UsageError

if TYPE_CHECKING:
    from pipetriage.model.categories import Category
    from pipetriage.model.incident import Incident


@click.group()
def incidents() -> None:
    """Look at the incidents that were kept."""


@incidents.command(
    "list",
    epilog="""\b
Examples:
  pipetriage incidents list
  pipetriage incidents list --open --unsafe --owner ingestion    what is left to do, and whose it is
  pipetriage incidents list --search "discount_code orders"
  pipetriage incidents list --pipeline orders_daily --limit 5 --json""",
)
@json_option
@click.option("--search", "words", metavar="WORDS", help="Whole words that all occur in it, or how an id begins.")
@click.option("--pipeline", metavar="NAME", help="Only this pipeline.")
@click.option("--category", metavar="CATEGORY", help="Only this failure category.")
@click.option("--owner", metavar="NAME", help="Only what is this owner's.")
@click.option("--unsafe", is_flag=True, help="Only what is not safe to retry.")
@click.option("--open", "still_open", is_flag=True, help="Only what nobody closed and no later attempt superseded.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@store_options
def list_incidents(
    as_json: bool,
    words: str | None,
    pipeline: str | None,
    category: str | None,
    owner: str | None,
    unsafe: bool,
    still_open: bool,
    limit: int,
    config: Path | None,
    store: str | None,
) -> None:
    """List incidents, newest first."""
    from pipetriage.model.archive import Standing, Wanted

    kept = store_of(open_program(config, store))
    named = _category(category)
    if words or owner or still_open:  # what only an archive answers
        wanted = Wanted(
            words=words or "",
            pipeline=pipeline,
            category=named,
            owner=owner,
            unsafe_only=unsafe,
            standing=Standing.OPEN if still_open else None,
        )
        headings = kept.archive().page(wanted, limit=limit).headings
        found: Sequence[Incident] = [kept.get(one.incident_id) for one in headings]
    else:
        found = kept.list(pipeline=pipeline, category=named, unsafe_only=unsafe, limit=limit)
    if as_json:
        print_json(found)
        return
    from pipetriage.entrypoints.list_text import print_incident_list
    from pipetriage.entrypoints.render import make_console

    print_incident_list(found, make_console())


@incidents.command(
    "show",
    epilog="""\b
ID is an incident id, the beginning of one, or a run id.

\b
Examples:
  pipetriage incidents show 3f2a
  pipetriage incidents show jr_0a1b2c --history""",
)
@click.argument("reference", metavar="ID")
@json_option
@click.option("--history", is_flag=True, help="Every verdict on this run, oldest first.")
@store_options
def show_incident(reference: str, as_json: bool, history: bool, config: Path | None, store: str | None) -> None:
    """Show one incident as it was triaged."""
    kept = store_of(open_program(config, store))
    incident = kept.get(reference)
    if not history:
        print_json(incident) if as_json else _print(incident)
        return
    revisions = kept.history(incident.incident_id)
    if as_json:
        print_json(revisions)
        return
    for number, revision in enumerate(revisions, start=1):
        click.echo(f"Verdict {number} of {len(revisions)}, made {revision.created_at:%Y-%m-%d %H:%M:%S} UTC\n")
        _print(revision)
        if number < len(revisions):
            click.echo()


@incidents.command(
    "similar",
    epilog="""\b
ID is an incident id, the beginning of one, or a run id.

\b
Example:
  pipetriage incidents similar 3f2a        did this happen before, and what was done?""",
)
@click.argument("reference", metavar="ID")
@json_option
@click.option("--limit", type=click.IntRange(1, 20), default=5, show_default=True, help="How many, likest first.")
@store_options
def similar_incidents(reference: str, as_json: bool, limit: int, config: Path | None, store: str | None) -> None:
    """List the failures like an incident's, and how they ended: the same failure first, then what is alike."""
    kept = store_of(open_program(config, store))
    found = kept.archive().similar(kept.get(reference).incident_id, limit=limit)
    if as_json:
        print_json(found)
        return
    from pipetriage.entrypoints.list_text import print_similar
    from pipetriage.entrypoints.render import make_console

    print_similar(found, make_console())


def _category(name: str | None) -> Category | None:
    from pipetriage.model.categories import Category

    try:
        return Category(name.upper()) if name else None
    except ValueError as error:
        raise UsageError(f"--category {name}: choose from {', '.join(Category)}") from error


def _print(incident: Incident) -> None:
    from pipetriage.entrypoints.render import make_console, print_incident

    print_incident(incident, make_console())
