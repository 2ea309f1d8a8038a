"""What goes away by itself: throttling, service errors, networks, capacity, lost executors."""

# ruff: noqa: E501 - the services' messages are quoted as they come

from lab.composed.faults.shorthand import EMRFS, GLUE2, SDK2, boto, glue1, java, line, s3v1, s3v2, tasks, v
from lab.composed.words import Fault

_PASSES = "The service was busy or away for a moment: nothing has to be changed by a person."


def _passing(**words: object) -> Fault:
    words.setdefault("note", _PASSES)
    words.setdefault("hint", "THROTTLING_ERROR")
    return Fault(category="UNKNOWN", clears="transient", **words)  # type: ignore[arg-type]


FAULTS = (
    _passing(
        family="glue_throttled_partitions", point="read",
        error=java("count", ("org.apache.hadoop.hive.metastore.api.MetaException: Unable to get partitions: Rate exceeded " + glue1("ThrottlingException"), "glue1_partitions"),
                   ("com.amazonaws.services.glue.model.AWSGlueException: Rate exceeded " + glue1("ThrottlingException"), "sdk1")),
        before=(line(-22, "WARN", "AWSGlueClient", "Retryable error detected. Will retry in 1812ms, attempt 2 of 5"), line(-9, "WARN", "AWSGlueClient", "Retryable error detected. Will retry in 8127ms, attempt 4 of 5")),
        variants=(v(glue="4.0"), v("some", glue="4.0"), v(mode="overwrite_partitions", glue="4.0", deployment="old")),
    ),
    _passing(
        family="glue_throttled_table", point="read",
        error=java("table", (f"{SDK2}.glue.model.GlueException: Rate exceeded {GLUE2}", "glue2_get_table")),
        variants=(v(), v("some", "overwrite_partitions"), v(mode="append", extras=("attempts_used", "earlier_error:Rate exceeded"), note="Three attempts were made: max_attempts is reached.")),
    ),
    _passing(
        family="glue_internal_service", point="read", hint="GLUE_INTERNAL_SERVICE_ERROR",
        error=java("catalog", ("com.amazonaws.services.glue.model.InternalServiceException: Internal service error : GetTable failed. (Service: AWSGlue; Status Code: 500; Error Code: InternalServiceException; Request ID: «request»; Proxy: null)", "glue1_get_table")),
        variants=(v(glue="4.0"), v(mode="merge", glue="4.0")),
    ),
    _passing(
        family="glue_operation_timeout", point="read", hint="GLUE_OPERATION_TIMEOUT_ERROR",
        error=java("table", (f"{SDK2}.glue.model.OperationTimeoutException: The operation timed out. {GLUE2}", "glue2_get_table")),
        variants=(v(), v("some", "append")),
    ),
    _passing(
        family="federation_retryable", point="read",
        error=java("catalog", ("com.amazonaws.services.glue.model.FederationSourceRetryableException: The federated source is temporarily unavailable. Please retry. " + glue1("FederationSourceRetryableException"), "glue1_get_table")),
        variants=(v(glue="4.0"),),
    ),
    _passing(
        family="s3_slowdown_read", point="tasks",
        error=tasks("count", (f"{EMRFS}: Please reduce your request rate. {s3v1('SlowDown', 503)}", "emrfs")),
        note="A few input files only: the bucket was busy with others.", also=("SMALL_FILE_PRESSURE",),
        variants=(v(glue="4.0", extras=("history",)), v("some", "overwrite_partitions", glue="4.0"), v("some", glue="4.0")),
    ),
    _passing(
        family="s3_internal_error", point="tasks", hint="S3_ERROR",
        error=tasks("count", (f"{SDK2}.s3.model.S3Exception: We encountered an internal error. Please try again. (Service: S3, Status Code: 500, Request ID: «s3_request»)", "s3fileio_get")),
        variants=(v(), v("all", "overwrite_partitions", note="The last step reads the table back."), v(mode="merge")),
    ),
    _passing(
        family="s3_unavailable_write", point="write", hint="S3_ERROR",
        error=tasks("append", (f"{SDK2}.s3.model.S3Exception: Service is unable to handle request. Reduce your request rate. {s3v2(503)}", "s3fileio_put")),
        variants=(v("leftovers"), v("some", "overwrite_partitions"), v("some")),
    ),
    _passing(
        family="kms_throttled", point="tasks",
        error=tasks("count", (f"{SDK2}.s3.model.S3Exception: You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls. (Service: S3, Status Code: 400, Error Code: ThrottlingException, Request ID: «s3_request»)", "s3fileio_get")),
        variants=(v(), v(mode="overwrite_partitions", extras=("second_attempt", "earlier_error:ThrottlingException"))),
    ),
    _passing(
        family="dynamodb_throughput", point="start", hint="DYNAMODB_ERROR",
        error=boto("GetItem", "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.", "row = control.get_item(Key=KEY)", retried=True),
        variants=(v(pipeline="settlements"), v(pipeline="bookings_sync", mode="merge"), v("some", pipeline="ledger_lines")),
    ),
    _passing(
        family="dynamodb_after_commit", point="end", hint="DYNAMODB_ERROR",
        error=boto("UpdateItem", "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.", "control.update_item(Key=KEY, UpdateExpression=DONE)", retried=True),
        note="Only the control row is behind: the batch itself is in the table.",
        variants=(v("all", pipeline="settlements"), v("all", "overwrite_partitions", pipeline="bookings_sync"), v("all", "overwrite_partitions", pipeline="ledger_lines")),
    ),
    _passing(
        family="secrets_throttled", point="start",
        error=boto("GetSecretValue", "ThrottlingException", "Rate exceeded", 'secret = secrets.get_secret_value(SecretId=f"etl/{JOB}")', retried=True),
        variants=(v(), v(mode="overwrite_partitions")),
    ),
    _passing(
        family="sts_throttled", point="start",
        error=boto("AssumeRole", "Throttling", "Rate exceeded", 'credentials = sts.assume_role(RoleArn=PARTNER, RoleSessionName="etl")["Credentials"]', retried=True),
        variants=(v(), v("some", "overwrite_partitions")),
    ),
    _passing(
        family="lf_throttled", extras=("folders",), point="read", hint="LAKEFORMATION_ERROR",
        error=java("table", (f"{SDK2}.lakeformation.model.LakeFormationException: Rate exceeded (Service: LakeFormation, Status Code: 400, Error Code: ThrottledException, Request ID: «request»)", "lakeformation")),
        variants=(v(), v(mode="merge")),
    ),
    _passing(
        family="athena_throttled", point="start",
        error=boto("StartQueryExecution", "TooManyRequestsException", "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of concurrent queries submitted by this account.", "query = athena.start_query_execution(QueryString=LIMITS)", retried=True),
        variants=(v(), v("some")),
    ),
    _passing(
        family="ec2_request_limit", point="launch", error=None,
        message="Request limit exceeded. (Service: AmazonEC2; Status Code: 503; Error Code: RequestLimitExceeded; Request ID: «request»; Proxy: null)",
        variants=(v(), v(mode="overwrite_partitions")),
    ),
    _passing(
        family="net_reset", point="tasks", hint="CONNECTION_ERROR",
        error=tasks("count", ("com.amazonaws.SdkClientException: Unable to execute HTTP request: Connection reset", "http_connect"), ("java.net.SocketException: Connection reset", "none")),
        variants=(v(), v("some", "overwrite_partitions"), v(mode="append", extras=("engine_will_retry",), note="Glue will start the next attempt itself: nobody else may.")),
    ),
    _passing(
        family="net_read_timeout", point="write", hint="CONNECTION_ERROR",
        error=tasks("append", ("software.amazon.awssdk.core.exception.SdkClientException: Unable to execute HTTP request: Read timed out", "s3fileio_put"), ("java.net.SocketTimeoutException: Read timed out", "none")),
        variants=(v("leftovers", "overwrite_partitions"), v("leftovers"), v("some")),
    ),
    _passing(
        family="net_handshake", point="start", hint="CONNECTION_ERROR",
        error=java("catalog", ("com.amazonaws.SdkClientException: Unable to execute HTTP request: Remote host terminated the handshake", "http_connect"), ("javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake", "none"), ("java.io.EOFException: SSL peer shut down incorrectly", "none")),
        variants=(v(glue="4.0"), v(glue="4.0", mode="overwrite_partitions", extras=("engine_retried", "earlier_error:Unable to execute HTTP request: Connection reset"))),
    ),
    _passing(
        family="net_no_response", point="read", hint="CONNECTION_ERROR",
        error=java("parquet", ("com.amazonaws.SdkClientException: Unable to execute HTTP request: The target server failed to respond", "http_connect"), ("org.apache.http.NoHttpResponseException: The target server failed to respond", "none")),
        variants=(v(), v(mode="merge", extras=("second_attempt", "earlier_error:The target server failed to respond"))),
    ),
    _passing(
        family="rds_link_failure", extras=("folders",), point="read", hint="CONNECTION_ERROR",
        error=java("jdbc", ("com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure\n\nThe last packet successfully received from the server was 30,012 milliseconds ago. The last packet sent successfully to the server was 30,014 milliseconds ago.", "jdbc_mysql"), ("java.net.SocketTimeoutException: Read timed out", "none")),
        variants=(v(), v("some", "overwrite_partitions"), v("some")),
    ),
    _passing(
        family="rds_restart", point="read", hint="CONNECTION_ERROR",
        error=java("jdbc", ("org.postgresql.util.PSQLException: FATAL: terminating connection due to administrator command", "jdbc_postgres")),
        variants=(v(), v("all", "append")),
    ),
    _passing(
        family="capacity_unavailable", point="launch", error=None, hint="LAUNCH_ERROR",
        message="Resource unavailable. The requested capacity is temporarily not available. Please try again later.",
        note="The run never started.",
        variants=(v(), v(mode="overwrite_partitions", extras=("flex",)), v(mode="merge")),
    ),
    _passing(
        family="capacity_exceeded", extras=("orchestrator",), point="launch", error=None, hint="LAUNCH_ERROR",
        message="Exceeded maximum concurrent compute capacity for your account: 300 DPU. Please contact AWS support to increase the limit, or retry when fewer jobs run. (Service: AWSGlue; Status Code: 400; Error Code: ResourceNumberLimitExceededException; Request ID: «request»; Proxy: null)",
        note="The run never started: the account's other jobs used its capacity.",
        variants=(v(), v(mode="overwrite_partitions", extras=("second_attempt", "earlier_error:Exceeded maximum concurrent compute capacity for your account"))),
    ),
    _passing(
        family="concurrent_runs", point="launch", error=None,
        message="Concurrent runs exceeded for «job» (Service: AWSGlue; Status Code: 400; Error Code: ConcurrentRunsExceededException; Request ID: «request»; Proxy: null)",
        note="Another run of the job was still at work; the run never started.",
        variants=(v(extras=("other_run_ended",)), v(extras=("still_running",), note="A run of the batch is at work now.")),
    ),
    _passing(
        family="executors_decommissioned", point="tasks",
        error=tasks("count", ("ExecutorLostFailure (executor 3 exited unrelated to the running tasks) Reason: Executor decommission: worker decommissioned because of kill request from HTTP endpoint", "none")),
        note="The capacity was taken away: nothing points at the job's own data.",
        variants=(v(extras=("flex", "metrics:memory")), v(mode="overwrite_partitions", extras=("flex",)), v("some", extras=("flex",))),
    ),
    _passing(
        family="catalog_concurrent_change", point="start",
        error=java("catalog", ("com.amazonaws.services.glue.model.ConcurrentModificationException: The table «raw_tbl» was modified concurrently, please retry the request. " + glue1("ConcurrentModificationException"), "glue1_get_table")),
        note="A crawler changed the source's table in the same second.",
        variants=(v(glue="4.0"), v(glue="4.0", mode="overwrite_partitions")),
    ),
    _passing(
        family="ssm_unreachable", point="start", hint="CONNECTION_ERROR",
        error=boto("GetParameter", "ServiceUnavailable", "The service is unavailable. Please try again shortly.", retried=True),
        variants=(v(without=("control",), pipeline="shipment_legs", safe=False, harmless=None, note="The declared control table could not be read: a person looks first."), v(pipeline="ad_spend"), v(mode="overwrite_partitions", pipeline="meter_readings")),
    ),
    _passing(
        family="host_unknown_once", point="tasks", hint="CONNECTION_ERROR",
        error=tasks("count", ("com.amazonaws.SdkClientException: Unable to execute HTTP request: «bucket».s3.«region».amazonaws.com: Temporary failure in name resolution", "http_connect"), ("java.net.UnknownHostException: «bucket».s3.«region».amazonaws.com: Temporary failure in name resolution", "none")),
        variants=(v(), v("some", "overwrite_partitions")),
    ),
)  # fmt: skip
