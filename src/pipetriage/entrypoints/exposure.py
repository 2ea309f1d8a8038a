"""``pipetriage exposure``: who read what a failed batch left, and what was made of it since."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.opening import (
    aws_options,
    json_option,
    open_program,
    print_json,
    store_of,
    store_options,
)
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import UsageError

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.incident import Incident


@click.command(
    short_help="Who read the partial data?",
    epilog="""\b
REFERENCE is a kept incident (its id, the beginning of one, a run id), shown as it was triaged; or a target as triage
takes it (a bundle folder, local:PIPELINE/RUN, glue:JOB/RUN), read afresh and not kept.

\b
Examples:
  pipetriage exposure 3f2a
  pipetriage exposure ./bundle --svg who-read-it.svg
  pipetriage exposure glue:orders_daily/latest --json""",
)
@click.argument("reference")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Write a picture of it.")
@json_option
@aws_options
@store_options
def exposure(
    reference: str, svg: Path | None, as_json: bool, config: Path | None, store: str | None, **aws: str | None
) -> None:
    """Show when readers could see part of the batch, who read it, what they made of it, and what that rests on."""
    from pipetriage.drawing import blast_radius

    is_target = reference.startswith(("local:", "glue:", "https://")) or os.path.lexists(reference)
    app = open_program(config, store, use_store=not is_target, aws=aws)
    incident = _triaged(app, reference) if is_target else store_of(app).get(reference)
    if svg is not None:
        _write(svg, blast_radius.svg(incident))
    if as_json:
        print_json(
            {
                "incident_id": incident.incident_id,
                "as_of": incident.as_of,
                "windows": incident.exposure_windows,
                "exposure": incident.exposure,
                "coverage": incident.exposure_coverage,
            }
        )
        return
    _print(incident)
    if svg is not None and incident.exposure_windows:
        click.echo(f"\nThe picture is in {plain(str(svg))}.")


def _triaged(app: App, target: str) -> Incident:
    from pipetriage.entrypoints.waiting import waiting

    with waiting("reading the evidence"):
        return app.triage(target)


def _write(path: Path, picture: str) -> None:
    if not picture:
        click.echo("no table was exposed, so there is no picture to draw", err=True)
        return
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}: name another file with --svg") from error


def _print(incident: Incident) -> None:
    from pipetriage.drawing import blast_radius
    from pipetriage.model.write_state import ExposureStatus

    batch = f", batch {incident.batch_id}" if incident.batch_id else ""
    click.echo(plain(f"{incident.pipeline_name}{batch}, as of {incident.as_of:%Y-%m-%d %H:%M} UTC"))
    if not incident.exposure_windows:
        click.echo("Nobody could read part of this batch: nothing of it was visible.")
    for line in blast_radius.tree(incident, most=100):
        click.echo(plain(line))
    for window in incident.exposure_windows:
        click.echo(f"\n{plain(window.table)}: {plain(window.why)}")
    for one in incident.exposure:
        click.echo(f"\n{one.status}  {plain(one.consumer)}\n    {plain(one.via)}")
    calm = sum(one.status is ExposureStatus.NOT_EXPOSED for one in incident.exposure)
    if incident.exposure_coverage is not None:
        click.echo(f"\nWhat this rests on: {plain(incident.exposure_coverage.note)}.")
        if incident.exposure_coverage.silent:
            click.echo(f"Declared and silent: {plain(', '.join(incident.exposure_coverage.silent))}.")
    elif calm:
        click.echo()
