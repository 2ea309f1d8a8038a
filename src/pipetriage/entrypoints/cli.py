"""The command line: ``pipetriage --help``. Thin: it parses, calls the flow, prints, and turns errors into exit codes.

Only click and the standard library are imported here, so that ``--help`` stays fast; commands import the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage import __version__
from pipetriage.entrypoints.backfill import backfill
from pipetriage.entrypoints.boundary import complain, run
from pipetriage.entrypoints.doctor import doctor
from pipetriage.entrypoints.evaluate import evaluate
from pipetriage.entrypoints.exposure import exposure
from pipetriage.entrypoints.gate import gate
from pipetriage.entrypoints.iam_policy import iam_policy
from pipetriage.entrypoints.incidents import incidents
from pipetriage.entrypoints.init import init
from pipetriage.entrypoints.mcp import mcp
from pipetriage.entrypoints.opening import (
    aws_options,
    json_option,
    model_option,
    open_program,
    print_json,
    store_options,
    warn_of_store,
)
from pipetriage.entrypoints.review import review
from pipetriage.entrypoints.route import route
from pipetriage.entrypoints.serve import serve
from pipetriage.entrypoints.token import token
from pipetriage.entrypoints.waiting import waiting
from pipetriage.entrypoints.watch import watch
from pipetriage.errors import StoreError

if TYPE_CHECKING:
    from pipetriage.model.incident import Incident


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  pipetriage demo                          see the whole thing on a small lake of its own
  pipetriage triage ./bundle               triage a run from files
  pipetriage gate local:orders_daily/run-7 && rerun    retry only if allowed
  pipetriage capture local:orders_daily/run-7 -o b     keep its evidence as files

pipetriage reads. It never changes data, permissions or jobs.""",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Is it safe to rerun a failed pipeline run, and what is already wrong downstream?"""


@cli.command(
    short_help="See it all on a small lake of its own.",
    epilog="""\b
Examples:
  pipetriage demo
  pipetriage demo --keep ./lake            leave the lake there to explore""",
)
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Build it in DIR and leave it there.")
@json_option
@click.pass_context
def demo(ctx: click.Context, keep: Path | None, as_json: bool) -> None:
    """Build a small Iceberg lake, break its pipelines, triage them, and prove the verdict.

    Needs the demo extra; no cloud, no key, no server.
    """
    try:
        # Imports pyiceberg and pyarrow, which the core does not have.
        from pipetriage.demo.command import run as play
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("pyiceberg", "pyarrow"):
            raise
        from pipetriage.errors import MissingExtraError

        raise MissingExtraError("demo", "pipetriage demo") from error

    def echo(text: str) -> None:
        click.echo(text, err=as_json)

    ctx.exit(play(keep, echo, print_json if as_json else _print_text))


@cli.command(
    short_help="What broke, what was written, what to do.",
    epilog="""\b
TARGET is a bundle folder, local:PIPELINE/RUN for the sources in the settings file, or a run in an AWS account:
glue:JOB/RUN_ID, glue:JOB/latest, a run id, or the address of its page in the console.

\b
Examples:
  pipetriage triage ./bundle
  pipetriage triage local:orders_daily/latest --json | jq .safe_to_retry
  pipetriage triage glue:orders_daily/latest --profile prod --region eu-west-1
  pipetriage triage ./bundle --no-store    leave no trace
  pipetriage triage ./bundle --model anthropic:claude-sonnet-4-5    ask a language model, too
  pipetriage triage ./bundle --show-context                     what would it be sent?""",
)
@click.argument("target")
@json_option
@model_option
@click.option("--show-context", is_flag=True, help="Print exactly what a model would be sent, and send nothing.")
@click.option("--no-store", is_flag=True, help="Do not keep the incident, and tell nobody.")
@click.option(
    "--route/--no-route",
    "routed",
    default=None,
    help="Tell people by the declared channels; default: of a run, not of a bundle.",
)
@aws_options
@store_options
def triage(
    target: str,
    as_json: bool,
    model: str | None,
    show_context: bool,
    no_store: bool,
    routed: bool | None,
    config: Path | None,
    store: str | None,
    **aws: str | None,
) -> None:
    """Say what broke, what was written, whether a rerun is safe, and what to do.

    Exits 0 when it produced an incident, safe or not.
    """
    from pipetriage.triage import Triaged

    if show_context:
        from pipetriage.entrypoints.model_text import print_request

        program = open_program(config, store, use_store=False, aws=aws, model="none")
        print_request(program.request(target), as_json=as_json)
        return
    try:
        app = open_program(config, store, use_store=not no_store, aws=aws, model=model)
    except StoreError as error:
        # A verdict that cannot be kept is still the answer at three in the morning.
        complain(f"warning: {error}; this incident will not be kept")
        app = open_program(config, store, use_store=False, aws=aws, model=model)
    if model is not None:
        app.endpoints()  # a model asked for by name that cannot be asked is an error; one of the settings is a note
    with waiting("reading the evidence"):
        # A program reads one document: the verdict when it is due, without what a model may still say.
        triaged = Triaged(app.triage(target), None) if as_json else app.follow(target)
    warn_of_store(app)
    print_json(triaged.incident) if as_json else _print_text(triaged.incident)
    amended = None
    if triaged.late is not None:
        from pipetriage.entrypoints.model_text import await_model

        amended = await_model(app, triaged, _print_text)
    if app.settings.channels and (app.is_run(target) if routed is None else routed):
        from pipetriage.entrypoints.telling_text import tell

        tell(app, amended or triaged.incident)


@cli.command(
    short_help="Write a run's evidence as a redacted bundle.",
    epilog="""\b
Examples:
  pipetriage capture local:orders_daily/latest -o ./bundle
  pipetriage capture orders_daily jr_0a1b2c -o ./bundle    a run of a Glue job
  pipetriage capture ./bundle -o ./shareable    a bundle again, redacted""",
)
@click.argument("target")
@click.argument("run", required=False)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", required=True, help="A new or empty folder."
)
@json_option
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file; default: ./pipetriage.toml."
)
@aws_options
def capture(target: str, run: str | None, output: Path, as_json: bool, config: Path | None, **aws: str | None) -> None:
    """Write a run's evidence as files: to share, to keep as a case, to triage elsewhere.

    Secrets, personal data and row values are replaced by tokens. The bundle triages to the same verdict as the run.
    """
    named = f"glue:{target}/{run}" if run is not None else target
    written = open_program(config, None, use_store=False, aws=aws).capture(named, output)
    if as_json:
        print_json({"bundle": str(output), "files": [str(path.relative_to(output)) for path in written]})
        return
    click.echo(f"{len(written)} files in {_plain(str(output))}. Triage it: pipetriage triage {_plain(str(output))}")


cli.add_command(review)
cli.add_command(route)
cli.add_command(backfill)
cli.add_command(doctor)
cli.add_command(evaluate)
cli.add_command(exposure)
cli.add_command(gate)
cli.add_command(iam_policy)
cli.add_command(incidents)
cli.add_command(mcp)
cli.add_command(serve)
cli.add_command(token)
cli.add_command(watch)
cli.add_command(init)


@cli.command(
    epilog="""\b
Example:
  pipetriage schema > incident.schema.json"""
)
def schema() -> None:
    """Print the JSON Schema of an incident."""
    from pipetriage.model.incident import json_schema

    print_json(json_schema())


def _print_text(incident: Incident) -> None:
    from pipetriage.entrypoints.render import make_console, print_incident

    print_incident(incident, make_console())


def _plain(text: str) -> str:
    from pipetriage.entrypoints.plain_text import plain

    return plain(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and give the exit code."""
    return run(cli, arguments)
