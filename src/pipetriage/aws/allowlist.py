"""Every AWS operation that pipetriage may call, and nothing else. The guard and the IAM policy are both made from it.

There are two lists, for two kinds of sessions: who reads an account cannot ask a model, and who asks one reads nothing.

An operation that changes something is an *exception*: it is allowed on our own table, our own queue and the queue of
dead letters beside it, or to take on the configured role, and the guard checks that resource in every request.
"""

from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """The configured thing that an action is limited to in the IAM policy."""

    ANY = "any resource"
    """The service offers nothing narrower, or the thing is only found by asking."""
    JOB = "job"
    TABLE = "table"
    LOG_GROUP = "log group"
    BUCKET = "bucket"
    OBJECT = "objects in a bucket"
    CONTROL_TABLE = "control table"
    INCIDENT_TABLE = "own incident table"
    QUEUE = "own queue"
    DEAD_LETTERS = "own dead letters"
    ROLE = "role to take on"
    MODEL = "language model"
    NO_POLICY = "needs no policy"
    """AWS asks for no IAM permission: it is answered to everyone, or paid for with a token of another kind."""


class Allowed(NamedTuple):
    """One operation that may be called."""

    service: str
    """boto3's name of the service."""
    operation: str
    """botocore's name of the operation."""
    actions: tuple[str, ...]
    """The IAM actions it needs."""
    scope: Scope
    why: str
    exception: bool = False
    """It changes something, so the guard allows it on our own resource only."""


def _reads(service: str, scope: Scope, why: str, *operations: str, prefix: str | None = None) -> list[Allowed]:
    """Allow reads whose IAM action is called as the operation is, which is so nearly everywhere outside S3."""
    return [Allowed(service, one, (f"{prefix or service}:{one}",), scope, why) for one in operations]


def _own(service: str, scope: Scope, why: str, *operations: tuple[str, str]) -> list[Allowed]:
    return [Allowed(service, one, (f"{service}:{action}",), scope, why, exception=True) for one, action in operations]


_CREDENTIALS: tuple[Allowed, ...] = (
    *_own("sts", Scope.ROLE, "reading another account, or a profile with a role", ("AssumeRole", "AssumeRole")),
    Allowed("sts", "AssumeRoleWithWebIdentity", (), Scope.NO_POLICY, "credentials on EKS and of CI systems"),
    Allowed("sso", "GetRoleCredentials", (), Scope.NO_POLICY, "credentials of an IAM Identity Center profile"),
    Allowed("sso-oidc", "CreateToken", (), Scope.NO_POLICY, "renews the token of an Identity Center session"),
    Allowed("signin", "CreateOAuth2Token", (), Scope.NO_POLICY, "renews the credentials of `aws login`"),
)
"""What any session needs to become somebody. botocore itself calls the last four, for a profile that says so."""

ALLOWLIST: tuple[Allowed, ...] = (
    # The run, its job and their history
    *_reads(
        "glue", Scope.JOB, "the failed run, its attempts, its history, its job", "GetJobRun", "GetJobRuns", "GetJob"
    ),
    *_reads("glue", Scope.ANY, "backfill and doctor go through the jobs", "ListJobs"),
    *_reads("glue", Scope.ANY, "whether the run would read its input again", "GetJobBookmark"),
    *_reads(
        *("glue", Scope.ANY, "quality results of the run, and the rules they came from"),
        *("ListDataQualityResults", "GetDataQualityResult", "GetDataQualityRuleset"),
    ),
    # Tables: the catalog's word, then the table's own files
    *_reads("glue", Scope.TABLE, "the table's metadata location, columns and partitions", "GetTable", "GetPartitions"),
    Allowed("s3", "ListObjectsV2", ("s3:ListBucket",), Scope.BUCKET, "source, target and staging listings"),
    Allowed("s3", "ListObjectVersions", ("s3:ListBucketVersions",), Scope.BUCKET, "when the job's script was changed"),
    # botocore asks it by itself where a bucket is in another region.
    Allowed("s3", "HeadBucket", ("s3:ListBucket",), Scope.BUCKET, "the region of a bucket"),
    # Without ListBucket a missing object looks like a refused one, and a refusal is a finding.
    Allowed("s3", "HeadObject", ("s3:GetObject",), Scope.OBJECT, "script versions, sizes before reading"),
    Allowed("s3", "GetObject", ("s3:GetObject",), Scope.OBJECT, "table metadata, manifests, event logs, lineage"),
    # Logs and metrics
    *_reads(
        "logs", Scope.ANY, "log groups are found by prefix: security configurations add suffixes", "DescribeLogGroups"
    ),
    *_reads(
        *("logs", Scope.LOG_GROUP, "driver, executor and insight streams of the run"),
        *("DescribeLogStreams", "FilterLogEvents", "GetLogEvents"),
    ),
    *_reads("cloudwatch", Scope.ANY, "job and observability metrics of the run", "GetMetricData", "ListMetrics"),
    # Around the run
    *_reads("dynamodb", Scope.CONTROL_TABLE, "control rows of the batch", "GetItem", "Query", "Scan", "DescribeTable"),
    *_reads("athena", Scope.ANY, "who queried the table since the failed write", "ListWorkGroups"),
    *_reads(
        *("athena", Scope.ANY, "who queried the table since the failed write"),
        *("ListQueryExecutions", "BatchGetQueryExecution"),
    ),
    *_reads(
        *("lakeformation", Scope.ANY, "what the run's role may do, once a refusal is suspected"),
        *("GetEffectivePermissionsForPath", "ListPermissions"),
    ),
    *_reads("cloudtrail", Scope.ANY, "what was refused to the run's role", "LookupEvents"),
    *_reads(
        *("codepipeline", Scope.ANY, "what was deployed before the run"),
        *("ListPipelineExecutions", "GetPipelineExecution", "ListActionExecutions"),
    ),
    *_reads("codedeploy", Scope.ANY, "what was deployed before the run", "ListDeployments", "BatchGetDeployments"),
    *_reads(
        *("stepfunctions", Scope.ANY, "the state that failed and its cause"),
        *("DescribeExecution", "GetExecutionHistory"),
        prefix="states",
    ),
    # Our own table and queue
    *_own("dynamodb", Scope.INCIDENT_TABLE, "incidents are kept", ("PutItem", "PutItem"), ("UpdateItem", "UpdateItem")),
    *_reads("dynamodb", Scope.INCIDENT_TABLE, "kept incidents are read", "GetItem", "Query", "DescribeTable"),
    *_own(
        *("sqs", Scope.QUEUE, "events of failed runs are taken, and given back when triage did not end"),
        ("ReceiveMessage", "ReceiveMessage"),
        ("DeleteMessage", "DeleteMessage"),
        ("DeleteMessageBatch", "DeleteMessage"),
        ("ChangeMessageVisibility", "ChangeMessageVisibility"),
        ("ChangeMessageVisibilityBatch", "ChangeMessageVisibility"),
    ),
    *_reads("sqs", Scope.QUEUE, "how many events wait", "GetQueueAttributes"),
    # A redrive policy moves a message without a word on why it could not be used.
    *_own(
        "sqs",
        Scope.DEAD_LETTERS,
        "an event that cannot be used is put aside, with the reason",
        ("SendMessage", "SendMessage"),
    ),
    # Who we are
    Allowed("sts", "GetCallerIdentity", (), Scope.NO_POLICY, "the account that evidence came from"),
    *_CREDENTIALS,
)
"""Left out on purpose: everything that starts something, also where IAM counts it as a read.

Athena's StartQueryExecution runs whatever statement it is given and writes a result file; CloudWatch Logs' StartQuery
and Glue's crawlers cost money; Lake Formation's temporary credentials would be a way around the guard;
``sqs:SendMessage`` to anything but our own dead-letter queue could set other machines going.
"""

MODEL_ALLOWLIST: tuple[Allowed, ...] = (
    Allowed("bedrock-runtime", "Converse", ("bedrock:InvokeModel",), Scope.MODEL, "a model is asked about an incident"),
    *_CREDENTIALS,
)
"""For the session that asks a model on Amazon Bedrock (``model_session.py``), and for no other.

Neither streaming nor InvokeModel: a Converse answer is one document, whose size can be bounded before it is read.
"""
