"""Glue around the job: time-outs, stops, wrapper lines, networks that are set up wrongly, quality rules."""

# ruff: noqa: E501 - the messages are quoted as they come

from lab.composed.faults.shorthand import boto, java, line, python, tasks, v
from lab.composed.words import Fault

_CONFIG = "It looks like a passing network error and is a setting: every run fails so until a person corrects it."


def _unknown(**words: object) -> Fault:
    words.setdefault("category", "UNKNOWN")
    return Fault(**words)  # type: ignore[arg-type]


_UDF = "Traceback (most recent call last):\n  File \"/tmp/«job».py\", line 31, in rate_of\n    return RATES[code]\nKeyError: 'XK'\n"

FAULTS = (
    _unknown(
        family="run_timeout", point="tasks", error=None, state="TIMEOUT", seconds=14_438, also=("DATA_SKEW",),
        before=(line(-9_000, "INFO", "ExecutorAllocationManager", "Requesting 4 new executors because tasks are backlogged"), line(-4_000, "WARN", "TaskMemoryManager", "Failed to allocate a page (67108864 bytes), try again.")),
        note="The run reached its time limit without an error; why it was slow is not seen, and the next one may be as slow.",
        variants=(v(), v("some"), v("some", "overwrite_partitions")),
    ),
    _unknown(
        family="stopped_by_person", point="tasks", error=None, state="STOPPED",
        before=(line(-1, "WARN", "SignalUtils", "RECEIVED SIGNAL TERM"), line(-0.5, "INFO", "LogPusher", "stopping")),
        note="A person stopped the run: ask why before anything starts it again.",
        variants=(v(), v("some"), v(mode="overwrite_partitions", deployment="recent")),
    ),
    _unknown(
        family="exit_code_only", point="write", error=None, message="Command failed with exit code 10", also=("PARTIAL_WRITE_RISK",),
        note="The wrapper names an exit code and the log ends without an error.",
        variants=(v(), v("some"), v("leftovers", "overwrite_partitions")),
    ),
    _unknown(
        family="system_exit_zero", point="end", error=None, message="SystemExit: 0", also=("CODE_REGRESSION",),
        before=(line(-1, "INFO", "«job»", "all parts written, leaving"), line(-0.4, "ERROR", "ProcessLauncher", "Error from Python:Traceback (most recent call last):\n  File \"/tmp/«job».py\", line 88, in <module>\n    sys.exit(main())\nSystemExit: 0")),
        note="The script ends with sys.exit(0), which Glue takes for a failure: everything had been written.",
        variants=(v("all"), v("all", "overwrite_partitions", deployment="recent", category="CODE_REGRESSION", also=("UNKNOWN",))),
    ),
    _unknown(
        family="system_exit_one", extras=("orchestrator",), point="read", error=None, message="SystemExit: 1", also=("CODE_REGRESSION",),
        before=(line(-0.4, "ERROR", "ProcessLauncher", "Error from Python:Traceback (most recent call last):\n  File \"/tmp/«job».py\", line 88, in <module>\n    sys.exit(1)\nSystemExit: 1"),),
        note="The script gave up by itself and does not say why.",
        variants=(v(), v(mode="merge")),
    ),
    Fault(
        family="udf_unknown_code", category="SCHEMA_DRIFT", also=("UNKNOWN", "CODE_REGRESSION"), point="write",
        error=tasks("append", (f"org.apache.spark.api.python.PythonException: {_UDF}", "task_udf"), python=f"pyspark.errors.exceptions.captured.PythonException: \n  An exception was thrown from the Python worker. Please see the stack trace below.\n{_UDF}"),
        note="A code that the lookup does not know came in the input; no version was deployed for a month. Glue's own message has an empty tail.",
        variants=(v(glue="5.0", deployment="old"), v("some", glue="5.0", deployment="old")),
    ),
    _unknown(
        family="vpc_no_s3_endpoint", extras=("connection",), point="launch", error=None, note=_CONFIG, also=("PERMISSION_ERROR",),
        message="JobRunId:«run» failed to execute with exception VPC S3 endpoint validation failed for SubnetId: subnet-0a1b2c3d. VPC: vpc-0f9e8d7c. Reason: Could not find S3 endpoint or NAT gateway for subnetId: subnet-0a1b2c3d in Vpc vpc-0f9e8d7c (Service: AWSGlueJobExecutor; Status Code: 400; Error Code: InvalidInputException; Request ID: «request»; Proxy: null)",
        variants=(v(), v(mode="overwrite_partitions", deployment="recent", extras=("deploy:infra/network.tf",), also=("PERMISSION_ERROR", "CODE_REGRESSION"))),
    ),
    _unknown(
        family="vpc_security_group", extras=("connection",), point="launch", error=None, note=_CONFIG, also=("PERMISSION_ERROR",),
        message="JobRunId:«run» failed to execute with exception At least one security group must open all ingress ports. To limit traffic, the source security group in your inbound rule can be restricted to the same security group (Service: AWSGlueJobExecutor; Status Code: 400; Error Code: InvalidInputException; Request ID: «request»; Proxy: null)",
        variants=(v(),),
    ),
    _unknown(
        family="subnet_full", extras=("connection",), point="launch", error=None, note="The subnet has no free addresses: whoever owns the network must make room.",
        message="JobRunId:«run» failed to execute with exception The specified subnet does not have enough free addresses to satisfy the request. (Service: AmazonEC2; Status Code: 400; Error Code: InsufficientFreeAddressesInSubnet; Request ID: «request»; Proxy: null)",
        variants=(v(),),
    ),
    _unknown(
        family="connect_timed_out_always", point="start", hint="CONNECTION_ERROR", note=_CONFIG, also=("PERMISSION_ERROR",), extras=("attempts_used", "earlier_error:Connect to «bucket».s3.«region».amazonaws.com:443 timed out"),
        error=java("catalog", ("com.amazonaws.SdkClientException: Unable to execute HTTP request: Connect to glue.«region».amazonaws.com:443 [glue.«region».amazonaws.com/10.20.30.40] failed: connect timed out", "http_connect"), ("java.net.SocketTimeoutException: connect timed out", "none")),
        variants=(v(glue="4.0"),),
    ),
    _unknown(
        family="expired_token", point="end", also=("PERMISSION_ERROR",), hint="S3_ERROR",
        error=boto("PutObject", "ExpiredToken", "The provided token has expired.", 's3.put_object(Bucket=PARTNER, Key=f"done/{batch_id}")'),
        note="The borrowed role's hour was over before the last step; the batch itself is written.",
        variants=(v("all", extras=("other_effects",)), v("all")),
    ),
    _unknown(
        family="expired_token_twice", point="tasks", also=("PERMISSION_ERROR",), seconds=3_640, extras=("attempts_used", "earlier_error:ExpiredToken: The provided token has expired"),
        error=tasks("count", ("com.amazon.ws.emr.hadoop.fs.shaded.com.amazonaws.services.s3.model.AmazonS3Exception: The provided token has expired. (Service: Amazon S3; Status Code: 400; Error Code: ExpiredToken; Request ID: «s3_request»; Proxy: null)", "emrfs")),
        note="The third run that outlives the hour of the borrowed role: it will not be different the fourth time.",
        variants=(v(glue="4.0"),),
    ),
    Fault(
        family="glacier_class", category="SOURCE_DELAY", also=("UNKNOWN", "PERMISSION_ERROR"), point="tasks",
        error=tasks("count", ("com.amazon.ws.emr.hadoop.fs.shaded.com.amazonaws.services.s3.model.AmazonS3Exception: The operation is not valid for the object's storage class (Service: Amazon S3; Status Code: 403; Error Code: InvalidObjectState; Request ID: «s3_request»; Proxy: null)", "emrfs")),
        note="The input was archived: somebody must have it restored.",
        variants=(v(glue="4.0"),),
    ),
    Fault(
        family="dq_completeness", category="UNKNOWN", also=("SCHEMA_DRIFT",), point="tasks", extras=("dq_fail", "dq:Completeness \"«column»\" > 0.98"),
        error=python("python", "RuntimeError: data quality failed for «table»: Completeness \"«column»\" > 0.98", "evaluate_quality(frame)"),
        note="The values are incomplete; whether the contract or the source changed, the quality's owner must say.",
        variants=(v(), v("all", note="The rule is evaluated on what was written."), v(mode="overwrite_partitions")),
    ),
    Fault(
        family="dq_after_write", category="UNKNOWN", also=("SCHEMA_DRIFT", "PARTIAL_WRITE_RISK"), point="end", state="SUCCEEDED", error=None, extras=("dq_fail", "dq:ColumnValues \"«column»\" in [\"A\",\"B\"]"),
        note="The run succeeded and its quality rule failed: the data is in the table, and nobody may override the rule by repeating it.",
        variants=(v("all", "overwrite_partitions", harmless=True, also=("SCHEMA_DRIFT", "PARTIAL_WRITE_RISK")),),
    ),
    _unknown(
        family="no_log_streams", extras=("orchestrator",), point="read", error=None, message="Command failed with exit code 1", also=("PERMISSION_ERROR",),
        note="No log stream exists at all: the role may lack logs:PutLogEvents, and nothing tells the cause.",
        variants=(v(without=("logs",)), v("some", without=("logs",))),
    ),
)  # fmt: skip
