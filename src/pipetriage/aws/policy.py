"""The least IAM policy that pipetriage needs, generated from the guard's own allowlist."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from pipetriage.aws.allowlist import ALLOWLIST, MODEL_ALLOWLIST, Allowed, Scope

Statement = dict[str, Any]

SESSION_POLICY_LIMIT = 2048
"""Characters that AWS takes of a policy handed over with ``AssumeRole``."""


class PolicyScope(msgspec.Struct, frozen=True, kw_only=True):
    """The configured things that the policy is limited to. What is empty is not limited, or left out."""

    jobs: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    """``BUCKET`` or ``BUCKET/PREFIX``: sources, tables, scripts, event logs, lineage."""
    tables: tuple[str, ...] = ()
    """``database.table`` of the Glue catalog."""
    log_groups: tuple[str, ...] = ()
    """Prefixes of log group names."""
    control_tables: tuple[str, ...] = ()
    """DynamoDB tables with control rows, by name or ARN. Left out when empty: no team has all its tables read."""
    incident_table: str | None = None
    """ARN of our own table; left out when None."""
    queue: str | None = None
    """ARN of our own queue; left out when None."""
    dead_letters: str | None = None
    """ARN of the queue for events that cannot be used; left out when None."""
    roles: tuple[str, ...] = ()
    """ARNs of roles to take on; left out when empty."""
    models: tuple[str, ...] = ()
    """Language models on Bedrock that are asked, by id or ARN; left out when empty."""
    account: str = "*"
    region: str = "*"


def policy_document(scope: PolicyScope) -> dict[str, Any]:
    """Give the policy as IAM takes it, one statement for each kind of thing."""
    statements = [one for kind in Scope for one in _statements(kind, scope)]
    return {"Version": "2012-10-17", "Statement": statements}


def remarks(scope: PolicyScope) -> list[str]:
    """Say in plain words what the policy does not narrow down, and what it cannot hold."""
    said = [f"any {what}: narrow it with {option}" for option, what, given in _options(scope) if not given]
    if not scope.control_tables:
        said.append("no control table in DynamoDB: name it with --control-table if there is one")
    if not (scope.incident_table or scope.queue):
        said.append(
            "nothing but reading: name our own table and queue with --incident-table and --queue if they are used"
        )
    said.append("objects under a KMS key of your own also need kms:Decrypt on that key: add it by hand")
    return said


def session_policy(*, keeps_incidents: bool) -> str:
    """Give the policy that is handed over when a role is taken on: IAM then refuses all else, whatever the role may do.

    A session's rights are those that the role *and* this policy grant, so nothing need be narrowed here. It includes
    ``kms:Decrypt``, without which encrypted objects that the role may read could not be read.
    """
    rows = (row for row in ALLOWLIST if row.scope is not Scope.ROLE and (keeps_incidents or not row.exception))
    return _allowing({"kms:Decrypt", *_actions(rows)})


def model_policy() -> str:
    """Give the policy that is handed over when a role is taken on to ask a model: it grants nothing else."""
    return _allowing(_actions(row for row in MODEL_ALLOWLIST if row.scope is Scope.MODEL))


def _allowing(actions: Iterable[str]) -> str:
    statement = {"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def _actions(rows: Iterable[Allowed]) -> set[str]:
    return {action for row in rows for action in row.actions}


def _options(scope: PolicyScope) -> Iterable[tuple[str, str, bool]]:
    yield "--job", "Glue job", bool(scope.jobs)
    yield "--table", "table of the Glue catalog", bool(scope.tables)
    yield "--bucket", "S3 bucket", bool(scope.buckets)
    yield "--log-group", "log group", bool(scope.log_groups)


def _statements(kind: Scope, scope: PolicyScope) -> list[Statement]:
    if kind is Scope.NO_POLICY:
        return []
    if kind is Scope.BUCKET and scope.buckets:
        return _bucket_statements(scope)
    resources = _resources(kind, scope)
    return [_statement(kind, resources)] if resources else []


def _statement(kind: Scope, resources: list[str], number: str = "") -> Statement:
    sid = "".join(word.capitalize() for word in kind.value.split()) + number
    actions = sorted(_actions(row for row in (*ALLOWLIST, *MODEL_ALLOWLIST) if row.scope is kind))
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _bucket_statements(scope: PolicyScope) -> list[Statement]:
    """Allow listing each bucket, only below the prefix where one is given."""
    found = []
    for number, (bucket, prefix) in enumerate(_split(scope.buckets), start=1):
        statement = _statement(Scope.BUCKET, [f"arn:{partition_of(scope.region)}:s3:::{bucket}"], str(number))
        if prefix:
            statement["Condition"] = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
        found.append(statement)
    return found


def _resources(kind: Scope, scope: PolicyScope) -> list[str]:
    """Give the ARNs that a kind of thing is limited to; an empty list leaves its statement out."""

    def arn(service: str, resource: str) -> str:
        return f"arn:{partition_of(scope.region)}:{service}:{scope.region}:{scope.account}:{resource}"

    match kind:
        case Scope.JOB:
            found = [arn("glue", f"job/{job}") for job in scope.jobs]
        case Scope.TABLE:
            found = [arn("glue", name) for name in _catalog_names(scope.tables)]
        case Scope.LOG_GROUP:
            found = [arn("logs", f"log-group:{prefix}*") for prefix in scope.log_groups]
        case Scope.OBJECT:
            pairs = _split(scope.buckets)
            found = [f"arn:{partition_of(scope.region)}:s3:::{bucket}/{prefix}*" for bucket, prefix in pairs]
        case Scope.CONTROL_TABLE:
            named = (one if one.startswith("arn:") else arn("dynamodb", f"table/{one}") for one in scope.control_tables)
            return [resource for table in named for resource in (table, f"{table}/index/*")]
        case Scope.INCIDENT_TABLE:
            return [scope.incident_table, f"{scope.incident_table}/index/*"] if scope.incident_table else []
        case Scope.QUEUE:
            return [scope.queue] if scope.queue else []
        case Scope.DEAD_LETTERS:
            return [scope.dead_letters] if scope.dead_letters else []
        case Scope.ROLE:
            return list(scope.roles)
        case Scope.MODEL:
            return list(dict.fromkeys(resource for model in scope.models for resource in _model_arns(model, scope)))
        case _:
            return ["*"]
    return found or ["*"]


# What the id of a cross-region inference profile begins with: the geography that requests may be sent to (Bedrock's
# user guide, "Supported Regions and models for inference profiles").
_GEOGRAPHY = re.compile(r"(?:us|us-gov|eu|apac|au|jp|ca|global)\.(?=[a-z0-9-]+\.)")


def _model_arns(model: str, scope: PolicyScope) -> list[str]:
    """Name what Bedrock checks of a model: an inference profile is checked, and the model behind it in every region."""
    partition = partition_of(scope.region)
    foundation = f"arn:{partition}:bedrock:*::foundation-model"
    if model.startswith("arn:"):
        return [model] if ":foundation-model/" in model else [model, f"{foundation}/*"]
    behind = _GEOGRAPHY.sub("", model, count=1)
    if behind == model:
        return [f"arn:{partition}:bedrock:{scope.region}::foundation-model/{model}"]
    profile = f"arn:{partition}:bedrock:{scope.region}:{scope.account}:inference-profile/{model}"
    return [profile, f"{foundation}/{behind}"]


def _catalog_names(tables: Iterable[str]) -> list[str]:
    """Name what Glue checks of a table: the catalog, its database, and itself."""
    pairs = [table.split(".", 1) for table in tables]
    databases = sorted({f"database/{database}" for database, _ in pairs})
    return ["catalog", *databases, *(f"table/{database}/{name}" for database, name in pairs)] if pairs else []


def _split(buckets: Iterable[str]) -> list[tuple[str, str]]:
    parts = (bucket.removeprefix("s3://").partition("/") for bucket in buckets)
    return [(bucket, prefix) for bucket, _, prefix in parts]


# Where a queue's address names region, account and name: the usual one, the one before it, and VPC endpoints'.
_QUEUE_URL = re.compile(
    r"https://(?:sqs\.(?P<now>[a-z0-9-]+)|(?P<before>[a-z0-9-]+)\.queue|vpce-[a-z0-9-]+\.sqs\.(?P<vpc>[a-z0-9-]+)\.vpce)"
    r"\.amazonaws\.com(?:\.cn)?/(?P<account>\d{12})/(?P<name>[A-Za-z0-9_.-]{1,80})"
)


def queue_region(url: str) -> str | None:
    """Give the region that a queue's URL names; None: it names none."""
    found = _QUEUE_URL.fullmatch(url)
    return (found["now"] or found["before"] or found["vpc"]) if found else None


def queue_arn(url: str) -> str | None:
    """Give the ARN of a queue by its URL; None: the URL does not say."""
    found, region = _QUEUE_URL.fullmatch(url), queue_region(url)
    return f"arn:{partition_of(region)}:sqs:{region}:{found['account']}:{found['name']}" if found and region else None


def partition_of(region: str) -> str:
    """Give the partition that a region's ARNs name."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
