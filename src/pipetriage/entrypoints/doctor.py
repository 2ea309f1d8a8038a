"""``pipetriage doctor``: is all there that a safe verdict needs, and what does each missing signal cost?"""

from __future__ import annotations

from pathlib import Path

import click

from pipetriage.entrypoints.opening import aws_options, json_option, model_option, print_json, store_options


@click.command(
    short_help="Which signals are missing, what that costs, how to mend it.",
    epilog="""\b
PIPELINE is a declared pipeline, or any Glue job; without it, every declared
pipeline is looked at. It only reads.
Exit codes: 0 all that a safe verdict needs is there; 1 something is missing;
2 wrong usage; 3 nothing could be asked.

\b
Examples:
  pipetriage doctor                         every declared pipeline
  pipetriage doctor orders_daily --profile prod --region eu-west-1
  pipetriage doctor orders_daily --runs 1 --json | jq '.pipelines[].capped'""",
)
@click.argument("pipeline", required=False)
@click.option(
    "--runs", type=click.IntRange(1, 20), default=5, show_default=True, metavar="N", help="Last ended runs to look at."
)
@model_option
@json_option
@aws_options
@store_options
@click.pass_context
def doctor(
    ctx: click.Context,
    /,
    pipeline: str | None,
    runs: int,
    model: str | None,
    as_json: bool,
    config: Path | None,
    store: str | None,
    **aws: str | None,
) -> None:
    """Show which signals each pipeline's recent runs left, what each missing one costs, and the smallest fix.

    A configured language model is asked one tiny question.

    The costs are measured: labelled failures, triaged with and without each signal.
    """
    from pipetriage.entrypoints.doctor_asking import examine

    found = examine(pipeline, runs, config, store, aws, model)
    if as_json:
        print_json(found)
    else:
        from pipetriage.entrypoints.doctor_text import print_readiness
        from pipetriage.entrypoints.render import make_console

        print_readiness(found, make_console())
    ctx.exit(found.exit_code)
