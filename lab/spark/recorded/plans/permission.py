"""Somebody is not allowed to."""

from pathlib import Path

from lab.spark.recorded.plans import noise
from lab.spark.recorded.plans.services import aws
from lab.spark.recorded.process import Kind
from lab.spark.recorded.program import Program, Table, Variant
from lab.spark.recorded.services import Fault

_OVERWRITE = ((".append()", ".overwritePartitions()"),)
_REPLACE = (Table(write_mode="overwrite_partitions"),)
_WHO = "User: arn:aws:sts::123456789012:assumed-role/etl-job/GlueJobRunnerSession"


def _no_policy(action: str, resource: str) -> str:
    return (
        f"{_WHO} is not authorized to perform: {action} on resource: {resource} because no identity-based policy "
        f"allows the {action} action"
    )


def _s3(code: str, message: str, on: str = "GET .*reference") -> Fault:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>P4Q2M3X7</RequestId></Error>"
    return Fault(on=on, status=403 if code != "ExpiredToken" else 400, kind="application/xml", body=body)


def _iceberg(on: str, message: str, status: int = 403, kind: str = "ForbiddenException") -> Fault:
    return Fault(on=on, status=status, body=f'{{"error":{{"message":"{message}","type":"{kind}","code":{status}}}}}')


_HDFS = (
    '{"RemoteException":{"exception":"AccessControlException","javaClassName":'
    '"org.apache.hadoop.security.AccessControlException","message":"Permission denied: user=hadoop, '
    'access=READ_EXECUTE, inode=\\"/input\\":etl:partner:drwxr-x---"}}'
)


def _refuse(folder: Path) -> None:
    """Take everybody's right to read the newest input files."""
    newest = max((folder / "input").rglob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    for file in newest.parent.glob("*.jsonl"):
        file.chmod(0)


def _allow(folder: Path) -> None:
    """Let the capture list, and read, what the job could not."""
    for file in (folder / "input").rglob("*.jsonl"):
        file.chmod(0o644)


def _freeze(folder: Path) -> None:
    for place in (folder / "warehouse").rglob("*"):
        if place.is_dir():
            place.chmod(0o555)


def _thaw(folder: Path) -> None:
    for place in (folder / "warehouse").rglob("*"):
        if place.is_dir():
            place.chmod(0o755)


PROGRAMS = [
    Program(
        name="parameter_access_denied",
        category="PERMISSION_ERROR",
        domain="claims",
        why="The job's role may not read a parameter.",
        faults=(
            aws(
                "GetParameter",
                "AccessDeniedException",
                _no_policy("ssm:GetParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/insurance/thresholds"),
            ),
        ),
        variants=(
            Variant(),
            Variant(
                domain="readings", glue="4.0", deployed="other", edits=_OVERWRITE, write_mode="overwrite_partitions"
            ),
            Variant(
                domain="orders",
                deployed="",
                earlier=True,
                faults=(
                    aws(
                        "GetParameter",
                        "AccessDeniedException",
                        "The ciphertext refers to a customer master key that does not exist, does not exist in "
                        "this region, or you are not allowed to access.",
                    ),
                ),
                note="The parameter's key may not be used.",
            ),
            Variant(domain="trips", edits=noise.METRICS, note="It survived other troubles before."),
        ),
    ),
    Program(
        name="s3_get_forbidden",
        category="PERMISSION_ERROR",
        domain="shipments",
        why="S3 refused an object the job had read the day before.",
        tables=_REPLACE,
        arguments=("--bucket", "{bucket}"),
        setup_files={"reference/depots.csv": "rotterdam,NL\n"},
        faults=(_s3("AccessDenied", "Access Denied"),),
        variants=(
            Variant(),
            Variant(domain="orders", glue="4.0", deployed=""),
            Variant(
                domain="payments",
                faults=(_s3("ExpiredToken", "The provided token has expired."),),
                acceptable=("UNKNOWN",),
                note="The session's token had expired.",
            ),
            Variant(domain="readings", edits=noise.CHECKPOINT, note="It survived other troubles before."),
        ),
    ),
    Program(
        name="catalog_forbidden",
        category="PERMISSION_ERROR",
        domain="trips",
        why="The catalog refused the table to the job's role.",
        catalog="rest",
        faults=(_iceberg("GET /iceberg/.*tables", "Insufficient Lake Formation permission(s) on trips"),),
        variants=(
            Variant(),
            Variant(
                domain="claims",
                glue="4.0",
                faults=(
                    _iceberg(
                        "POST /iceberg/.*tables",
                        "User is not authorized to perform: glue:UpdateTable on resource: table",
                    ),
                ),
                note="Refused at the commit: nothing was committed.",
            ),
            Variant(
                domain="orders",
                deployed="other",
                faults=(
                    _iceberg(
                        "GET /iceberg/.*tables",
                        "The security token included in the request is expired",
                        401,
                        "NotAuthorizedException",
                    ),
                ),
                acceptable=("UNKNOWN",),
            ),
        ),
    ),
    Program(
        name="namenode_denies",
        category="PERMISSION_ERROR",
        domain="readings",
        why="The partner's namenode refused the job's user.",
        source="{hdfs}/{relative}/",
        faults=(Fault(on="GET /webhdfs", status=403, body=_HDFS),),
        variants=(Variant(), Variant(domain="payments", glue="4.0", deployed="")),
    ),
    Program(
        name="api_unauthorized",
        category="PERMISSION_ERROR",
        why="The rates service no longer accepts the job's credentials.",
        tables=_REPLACE,
        arguments=("--rates_url", "{rates}"),
        acceptable=("UNKNOWN",),
        faults=(Fault(on="GET /api", status=401, body='{"message":"Unauthorized"}'),),
        variants=(
            Variant(),
            Variant(
                domain="tickets", glue="4.0", faults=(Fault(on="GET /api", status=403, body='{"message":"Forbidden"}'),)
            ),
        ),
    ),
    Program(
        name="jdbc_login_refused",
        category="PERMISSION_ERROR",
        domain="tickets",
        why="The service desk's database (a real Derby) refuses the job's user a table.",
        arguments=("--staff_db", "{work}/desk", "--db_user", "ETL"),
        derby=(
            "CALL SYSCS_UTIL.SYSCS_SET_DATABASE_PROPERTY('derby.database.sqlAuthorization', 'true')",
            "SHUTDOWN",
            "CREATE SCHEMA DESK",
            "CREATE TABLE DESK.STAFF (team VARCHAR(20), lead VARCHAR(20))",
            "INSERT INTO DESK.STAFF VALUES ('billing', 'Ada'), ('mobile', 'Tom')",
            "GRANT SELECT ON DESK.STAFF TO ETL",
        ),
        derby_upset=("REVOKE SELECT ON DESK.STAFF FROM ETL",),
        variants=(Variant(), Variant(domain="claims", glue="4.0", deployed="other")),
    ),
    Program(
        name="lake_formation_denies",
        category="PERMISSION_ERROR",
        domain="payments",
        why="A reporting table was refused after the batch had been written whole.",
        tables=_REPLACE,
        faults=(
            aws(
                "GetTable",
                "AccessDeniedException",
                "Insufficient Lake Formation permission(s): Required Describe on closed_days",
            ),
        ),
        variants=(Variant(), Variant(domain="trips", glue="4.0", good=2)),
    ),
    Program(
        name="denied_for_one_plant",
        category="PERMISSION_ERROR",
        domain="readings",
        why="One group's secret was refused after other groups had been appended.",
        tables=(Table(commits="many"),),
        faults=(
            aws(
                "GetSecretValue",
                "AccessDeniedException",
                _no_policy("secretsmanager:GetSecretValue", "calibration"),
                after=1,
            ),
        ),
        variants=(Variant(), Variant(domain="shipments", glue="4.0", deployed="")),
    ),
    Program(
        name="file_mode_refuses_read",
        category="PERMISSION_ERROR",
        kind=Kind(plain_user=True),
        why="The input files were delivered without the right to read them.",
        place=_refuse,
        unplace=_allow,
        variants=(Variant(), Variant(domain="readings", glue="4.0")),
    ),
    Program(
        name="target_not_writable",
        master="local[2,1]",
        category="PERMISSION_ERROR",
        domain="shipments",
        acceptable=("UNKNOWN",),
        kind=Kind(plain_user=True),
        tables=(Table(format="parquet"),),
        why="The target's folders had become read-only for the job's user.",
        place=_freeze,
        unplace=_thaw,
        variants=(Variant(), Variant(domain="trips", glue="4.0")),
    ),
]
