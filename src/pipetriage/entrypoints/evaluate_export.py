"""``pipetriage evaluate --export``: what people found out about real incidents, as labelled cases."""

from __future__ import annotations

from pathlib import Path

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import open_program, store_of
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import ConfigError


def export_cases(folder: Path, config: Path | None, store: str | None) -> None:
    """Write a case for every reviewed incident of the store, and say which.

    Raises:
        ConfigError: no evidence is kept.
        StoreError: the store cannot be read.
        UsageError: the folder cannot be written.
    """
    from pipetriage.evaluation.export import export

    program = open_program(config, store)
    if program.evidence_folder is None:
        raise ConfigError(
            'no evidence is kept, so there is nothing to make cases of: set evidence = "DIR" in pipetriage.toml, '
            "triage, review, and export then (docs/settings.md)"
        )
    made = export(store_of(program).list(reviewed_only=True, limit=None), program.evidence_folder, folder)
    for name in made.written:
        click.echo(f"new         {plain(name)}")
    for name in made.known:
        click.echo(f"known       {plain(name)}")
    if made.lost:
        complain(f"warning: the evidence of {len(made.lost)} reviewed incidents was not kept: {', '.join(made.lost)}")
    total = len(made.written) + len(made.known)
    if not total and not made.lost:
        complain("no incident has been reviewed yet: pipetriage review ID")
        return
    click.echo(f"{total} cases in {plain(str(folder))}. Look through them before you share them.")
