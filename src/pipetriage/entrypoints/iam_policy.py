"""``pipetriage iam-policy``: the rights that reading an AWS account needs, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

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
@click.option("--dead-letters", metavar="ARN", help="Our own queue for events that cannot be used.")
@click.option("--role", "roles", multiple=True, metavar="ARN", help="A role to take on, of another account.")
@click.option("--account", metavar="ID", default="*", show_default=True, help="AWS account of the resources.")
@click.option("--region", metavar="NAME", default="*", show_default=True, help="Their region.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Add what it declares: jobs, tables, control tables, queue, store, role, model.",
)
def iam_policy(
    jobs: tuple[str, ...],
    buckets: tuple[str, ...],
    tables: tuple[str, ...],
    log_groups: tuple[str, ...],
    control_tables: tuple[str, ...],
    incident_table: str | None,
    queue: str | None,
    dead_letters: str | None,
    roles: tuple[str, ...],
    account: str,
    region: str,
    config: Path | None,
) -> None:
    """Print the IAM policy for reading an account, as JSON: made from the allowlist that pipetriage keeps to itself.

    Only reading, except for a table and a queue of pipetriage's own where they are named.
    """
    from pipetriage.aws.policy import PolicyScope, policy_document, remarks

    declared = _declared(config)
    scope = PolicyScope(
        jobs=_once(jobs + declared.jobs),
        buckets=_once(buckets),
        tables=_once(tuple(_table(one) for one in tables) + declared.tables),
        log_groups=_once(log_groups),
        control_tables=_once(control_tables + declared.control_tables),
        incident_table=_arn(incident_table, "--incident-table", "dynamodb") or declared.incident_table(region, account),
        queue=_arn(queue, "--queue", "sqs") or declared.queue,
        dead_letters=_arn(dead_letters, "--dead-letters", "sqs") or declared.dead_letters,
        roles=_once(tuple(_arn(role, "--role", "iam") or "" for role in roles) + declared.roles),
        models=declared.models,
        account=account,
        region=region,
    )
    print_json(policy_document(scope))
    for remark in remarks(scope):
        complain(remark)


class _Declared(NamedTuple):
    """What a settings file names. Buckets are not among it: tables, scripts and logs lie in others than the inputs."""

    jobs: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    control_tables: tuple[str, ...] = ()
    queue: str | None = None
    dead_letters: str | None = None
    roles: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """On Amazon Bedrock; others need no right in AWS."""
    store: str = ""

    def incident_table(self, region: str, account: str) -> str | None:
        """Give the ARN of the table that incidents are kept in; None: they are not kept in DynamoDB."""
        if not self.store.startswith("dynamodb://"):
            return None
        from pipetriage.aws.policy import partition_of
        from pipetriage.stores.dynamodb_table import parse_place

        place = parse_place(self.store)
        if place.table.startswith("arn:"):
            return place.table
        return f"arn:{partition_of(region)}:dynamodb:{place.region or region}:{account}:table/{place.table}"


def _declared(config: Path | None) -> _Declared:
    if config is None:
        return _Declared()
    from pipetriage.configuration import read_config
    from pipetriage.reasoning.models import bedrock_models, named_models

    settings, pipelines = read_config(config)
    controls = [one for pipeline in pipelines.values() if (one := pipeline.control_declaration()) is not None]
    tables = [output.table for pipeline in pipelines.values() for output in pipeline.declared_outputs()]
    tables += [one.table or "" for one in controls if _service(one.location) == "glue"]
    return _Declared(
        jobs=tuple(pipeline.glue_job or name for name, pipeline in pipelines.items()),
        tables=tuple(table for table in tables if "." in table),
        control_tables=tuple(one.table for one in controls if one.table and _service(one.location) == "dynamodb"),
        queue=_queue_arn(settings.watch.queue),
        dead_letters=_queue_arn(settings.watch.dead_letters),
        roles=(settings.aws.role_arn,) if settings.aws.role_arn else (),
        models=bedrock_models(named_models(settings.model)),
        store=settings.store or "",
    )


def _service(location: str | None) -> str:
    return (location or "").partition(":")[0]


def _queue_arn(url: str | None) -> str | None:
    if not url:
        return None
    from pipetriage.aws.policy import queue_arn

    arn = queue_arn(url)
    if arn is None:
        complain(f"the queue {url} names no region and account: add it by its ARN (--queue, --dead-letters)")
    return arn


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
