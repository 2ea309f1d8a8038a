"""``pipetriage iam-policy``: the rights that reading an AWS account needs, and no more."""

from __future__ import annotations

from pathlib import Path

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import print_json
from pipetriage.errors import UsageError


@click.command(
    "iam-policy",
    short_help="Print the least IAM policy that reading needs.",
    epilog="""\b
What is not named is not narrowed down; stderr says what that is.

\b
Examples:
  pipetriage iam-policy --job orders_daily --table sales.orders --bucket acme-lake/sales.db/ > policy.json
  pipetriage iam-policy --config pipetriage.toml --region eu-west-1 --account 111122223333
  pipetriage iam-policy --queue arn:aws:sqs:eu-west-1:111122223333:pipetriage""",
)
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="A Glue job; repeatable, like the next four.")
@click.option("--bucket", "buckets", multiple=True, metavar="BUCKET[/PREFIX]", help="Inputs, tables, scripts, logs.")
@click.option("--table", "tables", multiple=True, metavar="DB.TABLE", help="A table of the Glue catalog.")
@click.option("--log-group", "log_groups", multiple=True, metavar="PREFIX", help="As /aws-glue/jobs.")
@click.option("--control-table", "control_tables", multiple=True, metavar="NAME", help="Control rows in DynamoDB.")
@click.option("--incident-table", metavar="ARN", help="Our own table: the only one that is written to.")
@click.option("--queue", metavar="ARN", help="Our own queue: the only one that messages are taken from.")
@click.option("--role", "roles", multiple=True, metavar="ARN", help="A role to take on, of another account.")
@click.option("--account", metavar="ID", default="*", show_default=True, help="AWS account of the resources.")
@click.option("--region", metavar="NAME", default="*", show_default=True, help="Their region.")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Add the jobs and tables that it declares."
)
def iam_policy(
    jobs: tuple[str, ...],
    buckets: tuple[str, ...],
    tables: tuple[str, ...],
    log_groups: tuple[str, ...],
    control_tables: tuple[str, ...],
    incident_table: str | None,
    queue: str | None,
    roles: tuple[str, ...],
    account: str,
    region: str,
    config: Path | None,
) -> None:
    """Print the IAM policy for reading an account, as JSON: made from the allowlist that pipetriage keeps to itself.

    Only reading, except for a table and a queue of pipetriage's own where they are named.
    """
    from pipetriage.aws.policy import PolicyScope, policy_document, remarks

    declared_jobs, declared_tables = _declared(config)
    scope = PolicyScope(
        jobs=_once(jobs + declared_jobs),
        buckets=_once(buckets),
        tables=_once(tuple(_table(one) for one in tables) + declared_tables),
        log_groups=_once(log_groups),
        control_tables=_once(control_tables),
        incident_table=_arn(incident_table, "--incident-table", "dynamodb"),
        queue=_arn(queue, "--queue", "sqs"),
        roles=tuple(_arn(role, "--role", "iam") or "" for role in roles),
        account=account,
        region=region,
    )
    print_json(policy_document(scope))
    for remark in remarks(scope):
        complain(remark)


def _declared(config: Path | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the jobs and tables of the declared pipelines."""
    if config is None:
        return (), ()
    from pipetriage.bootstrap import read_config

    _, pipelines = read_config(config)
    jobs = tuple(pipeline.glue_job or name for name, pipeline in pipelines.items())
    tables = [output.table for pipeline in pipelines.values() for output in pipeline.declared_outputs()]
    controls = (pipeline.control_declaration() for pipeline in pipelines.values())
    tables += [one.table or "" for one in controls if one and (one.location or "").split(":")[0] == "glue"]
    return jobs, tuple(table for table in tables if "." in table)


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _table(name: str) -> str:
    if not all(name.partition(".")):
        raise UsageError(f"--table {name}: write DATABASE.TABLE")
    return name


def _arn(value: str | None, option: str, service: str) -> str | None:
    parts = (value or "").split(":")
    if value is not None and (len(parts) < 6 or parts[0] != "arn" or parts[2] != service):
        raise UsageError(f"{option} {value}: write the ARN of it, arn:aws:{service}:…")
    return value
