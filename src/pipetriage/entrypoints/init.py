"""``pipetriage init``: a pipeline's declaration, drafted from what its good runs did."""

from __future__ import annotations

from pathlib import Path

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import aws_options, json_option, open_program, print_json
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import UsageError


@click.command(
    short_help="Draft a pipeline's declaration from its good runs.",
    epilog="""\b
Each line says what showed it (seen) or what it rests on (guessed). What a verdict could rely on to call a rerun
safe is always a guess, and commented out: uncomment it once you know it. The line `drafted = true` keeps every
rerun from being called safe until you take it out. For jobs in AWS Glue; the embedded sources' pipelines are
declared by hand.

\b
Examples:
  pipetriage init orders_daily --profile prod >> pipetriage.toml
  pipetriage init orders_daily --table sales.orders --table sales.orders_staging -o orders.toml
  pipetriage init orders_daily --runs 30 --json | jq '.lines[] | select(.origin == "guessed")'""",
)
@click.argument("job")
@click.option(
    "--runs", type=click.IntRange(1, 200), default=10, show_default=True, help="Good runs to look at, the last."
)
@click.option("--table", "tables", multiple=True, metavar="DB.TABLE", help="A table that it writes; repeatable.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write a new FILE, not stdout.")
@json_option
@aws_options
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file; default: ./pipetriage.toml."
)
def init(
    job: str,
    runs: int,
    tables: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    config: Path | None,
    **aws: str | None,
) -> None:
    """Draft the declaration of a Glue job: batch id, input and output tables, as its last good runs show them."""
    for table in tables:
        if len([part for part in table.split(".") if part]) < 2:
            raise UsageError(f"--table {table}: write DATABASE.TABLE")
    app = open_program(config, None, use_store=False, aws=aws)
    if job in app.pipelines and output is None and not as_json:
        # Appended to the settings (>>), the draft would declare it twice, and no command could read them again.
        raise UsageError(f"{job} is declared already, as pipelines.{job}: write the draft beside it with -o FILE")
    from pipetriage.drafting import draft
    from pipetriage.entrypoints.declaration_text import declaration_text
    from pipetriage.sources.glue_habits import habits_of

    drafted = draft(habits_of(app.aws(), job, runs=runs, tables=tables, lineage=app.settings.aws.lineage))
    declared = [name for name, one in app.pipelines.items() if job in (one.glue_job, name)]
    if declared:
        complain(f"{job} is declared already, as pipelines.{declared[0]}: take over only the lines that it lacks")
    for remark in drafted.remarks if as_json or output else ():
        complain(remark)
    if output is None:
        print_json(drafted) if as_json else click.echo(declaration_text(drafted), nl=False)
        return
    _write(output, declaration_text(drafted))
    click.echo(f"{plain(str(output))}: read it, and take into pipetriage.toml what you know to be so", err=True)
    if as_json:
        print_json(drafted)


def _write(path: Path, text: str) -> None:
    """Write a new file, never over one that is there."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: name a new file with -o") from error
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
