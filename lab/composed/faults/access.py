"""Refusals: IAM, STS, S3, Lake Formation, KMS, secrets, databases."""

# ruff: noqa: E501 - the services' messages are quoted as they come

from lab.composed.faults.shorthand import EMRFS, GLUE2, SDK2, boto, glue1, java, line, python, s3v1, s3v2, tasks, v
from lab.composed.words import Fault

_REFUSED = "The service refused the call: a person must give the right back, whatever was written."
_NOT = "User: «role» is not authorized to perform: "


def _refusal(**words: object) -> Fault:
    words.setdefault("note", _REFUSED)
    return Fault(category="PERMISSION_ERROR", hint="PERMISSION_ERROR", **words)  # type: ignore[arg-type]


FAULTS = (
    _refusal(
        family="iam_get_table", point="read",
        error=java("table", (f"{SDK2}.glue.model.AccessDeniedException: {_NOT}glue:GetTable on resource: arn:aws:glue:«region»:«account»:table/«db»/«tbl» because no identity-based policy allows the glue:GetTable action {GLUE2}", "glue2_get_table")),
        variants=(v(extras=("cloudtrail:glue:GetTable",)), v(mode="overwrite_partitions", deployment="recent", note="The deployment of the evening before does not touch what was refused."), v("some", without=("table", "metadata", "entries"))),
    ),
    _refusal(
        family="iam_update_table", point="commit",
        error=java("append", ("org.apache.iceberg.exceptions.ForbiddenException: Cannot commit glue_catalog.«table» because Glue cannot access the requested resources", "iceberg_commit"),
                   (f"{SDK2}.glue.model.AccessDeniedException: {_NOT}glue:UpdateTable on resource: arn:aws:glue:«region»:«account»:catalog because no identity-based policy allows the glue:UpdateTable action {GLUE2}", "glue2_update_table")),
        also=("PARTIAL_WRITE_RISK",),
        variants=(v(), v("leftovers", "overwrite_partitions"), v("some", extras=("cloudtrail:glue:UpdateTable",))),
    ),
    _refusal(
        family="s3_put_denied", point="write",
        error=tasks("append", (f"{EMRFS}: Access Denied {s3v1('AccessDenied', 403)}, S3 Extended Request ID: kq1Zc0x7", "emrfs_put")),
        variants=(v(glue="4.0"), v("some", "overwrite_partitions", glue="4.0"), v("leftovers", glue="5.0")),
    ),
    _refusal(
        family="s3_get_denied", point="read",
        error=java("parquet", (f"{EMRFS}: Forbidden {s3v1('403 Forbidden', 403)}", "emrfs")),
        note="HEAD of the input was refused; our own listing shows that it is there.",
        variants=(v(glue="4.0"), v(mode="merge", glue="4.0", deployment="old")),
    ),
    _refusal(
        family="s3_scp_deny", point="tasks",
        error=tasks("count", (f"{SDK2}.s3.model.S3Exception: {_NOT}s3:GetObject on resource: \"arn:aws:s3:::«bucket»/«prefix»part-00001.parquet\" with an explicit deny in a service control policy {s3v2(403)}", "s3fileio_get")),
        variants=(v(), v("some", "merge")),
    ),
    _refusal(
        family="vpc_endpoint_policy", point="start",
        error=boto("GetParameter", "AccessDeniedException", f"{_NOT}ssm:GetParameter on resource: arn:aws:ssm:«region»:«account»:parameter/etl/«job» because no VPC endpoint policy allows the ssm:GetParameter action"),
        variants=(v(), v(mode="overwrite_partitions", extras=("cloudtrail:ssm:GetParameter",))),
    ),
    _refusal(
        family="s3a_forbidden", point="read",
        error=java("parquet", ("java.nio.file.AccessDeniedException: «source»: getFileStatus on «source»: software.amazon.awssdk.services.s3.model.S3Exception: null " + s3v2(403) + ":null", "s3a")),
        variants=(v(glue="5.0"), v(mode="merge", glue="5.0")),
    ),
    _refusal(
        family="kms_decrypt", point="tasks",
        error=tasks("count", (f"{EMRFS}: User: «role» is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action {s3v1('AccessDenied', 403)}", "emrfs")),
        variants=(v(glue="4.0"), v("some", glue="4.0"), v(mode="overwrite_partitions", glue="4.0", extras=("cloudtrail:kms:Decrypt",))),
    ),
    _refusal(
        family="kms_key_disabled", point="write", also=("UNKNOWN",),
        error=tasks("append", (f"{SDK2}.s3.model.S3Exception: arn:aws:kms:«region»:«account»:key/«key» is disabled. (Service: S3, Status Code: 400, Error Code: KMS.DisabledException, Request ID: «s3_request»)", "s3fileio_put")),
        note="The key of the bucket is disabled: only its owner can change that.",
        variants=(v(), v("leftovers", "overwrite_partitions")),
    ),
    _refusal(
        family="kms_generate_key", point="write",
        error=tasks("append", (f"{SDK2}.s3.model.S3Exception: {_NOT}kms:GenerateDataKey on resource: arn:aws:kms:«region»:«account»:key/«key» because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access {s3v2(403)}", "s3fileio_put")),
        variants=(v(), v("some", "overwrite_partitions", deployment="old")),
    ),
    _refusal(
        family="kms_ciphertext", point="start",
        error=java("catalog", ("com.amazonaws.services.glue.model.GlueEncryptionException: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access. " + glue1("GlueEncryptionException"), "glue1_get_table")),
        variants=(v(glue="4.0"),),
    ),
    _refusal(
        family="lf_table", point="read",
        error=java("catalog", ("com.amazonaws.services.glue.model.AccessDeniedException: Insufficient Lake Formation permission(s): Required Select on «raw_tbl» " + glue1("AccessDeniedException"), "glue1_get_table")),
        variants=(v(glue="4.0"), v(mode="overwrite_partitions", glue="4.0", deployment="recent", note="What was deployed is another matter: the catalogue refused the role.")),
    ),
    _refusal(
        family="lf_data_location", point="commit", also=("PARTIAL_WRITE_RISK",),
        error=java("append", ("org.apache.iceberg.exceptions.ForbiddenException: Cannot commit glue_catalog.«table» because Glue cannot access the requested resources", "iceberg_commit"),
                   (f"{SDK2}.glue.model.AccessDeniedException: Insufficient Lake Formation permission(s) on «lake» {GLUE2}", "glue2_update_table")),
        variants=(v(), v("some")),
    ),
    _refusal(
        family="lf_credentials", point="read",
        error=java("table", (f"{SDK2}.lakeformation.model.AccessDeniedException: Access is not allowed. (Service: LakeFormation, Status Code: 400, Request ID: «request»)", "lakeformation")),
        variants=(v(), v(mode="merge")),
    ),
    _refusal(
        family="lf_vending", point="read",
        error=java("catalog", ("java.lang.RuntimeException: Failed to get vending credential from Lakeformation", "dynamicframe_source"),
                   (f"com.amazonaws.services.lakeformation.model.AccessDeniedException: {_NOT}lakeformation:GetDataAccess on resource: arn:aws:lakeformation:«region»:«account»:* (Service: AWSLakeFormation; Status Code: 400; Error Code: AccessDeniedException; Request ID: «request»; Proxy: null)", "sdk1")),
        variants=(v(glue="4.0"), v("all", glue="4.0", note="The check after the last commit read the table back through Lake Formation.")),
    ),
    _refusal(
        family="lf_fgac", point="read", also=("UNKNOWN",),
        error=java("table", ("org.apache.spark.sql.AnalysisException: Insufficient Lake Formation permission(s): Required Describe on «tbl» (Database name: «db», Table Name: «tbl»)", "glue2_get_table")),
        before=(line(-0.6, "ERROR", "SparkFGACExceptionSanitizer", "Client received error with id = b2f0c1, reason = Access denied, message = hidden"),),
        variants=(v(glue="5.0"),),
    ),
    _refusal(
        family="sts_assume_role", point="start",
        error=boto("AssumeRole", "AccessDenied", f"{_NOT}sts:AssumeRole on resource: arn:aws:iam::444455556666:role/partner-read", 'credentials = sts.assume_role(RoleArn=PARTNER, RoleSessionName="etl")["Credentials"]'),
        variants=(v(), v("some", "overwrite_partitions")),
    ),
    _refusal(
        family="secret_denied", point="start",
        error=boto("GetSecretValue", "AccessDeniedException", f"{_NOT}secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:«region»:«account»:secret:etl/«job» because no identity-based policy allows the secretsmanager:GetSecretValue action", 'secret = secrets.get_secret_value(SecretId=f"etl/{JOB}")'),
        variants=(v(), v(mode="merge", deployment="old")),
    ),
    _refusal(
        family="rds_password", point="read",
        error=java("jdbc", ('org.postgresql.util.PSQLException: FATAL: password authentication failed for user "etl_reader"', "jdbc_postgres")),
        note="The database refused the job's user: a credential was changed without the job, and only a person can put that right.",
        variants=(v(), v("some", "append")),
    ),
    _refusal(
        family="mysql_denied", point="read",
        error=java("jdbc", ("java.sql.SQLException: Access denied for user 'etl'@'172.35.18.204' (using password: YES)", "jdbc_mysql")),
        variants=(v(mode="overwrite_partitions"),),
    ),
    _refusal(
        family="redshift_denied", point="read",
        error=java("jdbc", ("com.amazon.redshift.util.RedshiftException: ERROR: permission denied for relation dim_rates", "redshift")),
        variants=(v(), v("all", "overwrite_partitions")),
    ),
    _refusal(
        family="dynamodb_denied", point="end",
        error=boto("UpdateItem", "AccessDeniedException", f"{_NOT}dynamodb:UpdateItem on resource: arn:aws:dynamodb:«region»:«account»:table/etl_control because no identity-based policy allows the dynamodb:UpdateItem action", "control.update_item(Key=KEY, UpdateExpression=DONE)"),
        note="The control row could not be updated after the last write.", also=("PARTIAL_WRITE_RISK",),
        variants=(v("all", pipeline="settlements"), v("all", "overwrite_partitions", pipeline="bookings_sync")),
    ),
    _refusal(
        family="athena_permissions", point="start",
        error=python("python", "awswrangler.exceptions.QueryFailed: PERMISSION_DENIED: Access denied on operation athena:GetDatabase. Insufficient permissions to execute the query. Insufficient Glue permissions to access table «raw_tbl»", "limits = wr.athena.read_sql_query(LIMITS, database=RAW)"),
        variants=(v(),),
    ),
    _refusal(
        family="launch_script_denied", point="launch", error=None, also=("UNKNOWN",),
        message="LAUNCH ERROR | Error downloading from S3 for bucket: aws-glue-assets-«account»-«region», key: scripts/«job».py.Access Denied (Service: Amazon S3; Status Code: 403; Request ID: «s3_request»; Proxy: null). Please refer logs for details.",
        note="Glue could not fetch the script: refused, or gone; either way a person must look.",
        variants=(v(), v(mode="overwrite_partitions", extras=("cloudtrail:s3:GetObject",))),
    ),
    _refusal(
        family="ec2_describe_subnets", extras=("connection",), point="launch", error=None, also=("UNKNOWN",),
        message="JobRunId:«run» failed to execute with exception Failed to call ec2:DescribeSubnets. DescribeSubnets action is unauthorized for the job role «iam_role» (Service: AmazonEC2; Status Code: 403; Error Code: UnauthorizedOperation; Request ID: «request»)",
        variants=(v(),),
    ),
    _refusal(
        family="launch_assume_role", extras=("orchestrator",), point="launch", error=None,
        message="Role «iam_role» should be given assume role permissions for Glue Service.",
        variants=(v(),),
    ),
)  # fmt: skip
