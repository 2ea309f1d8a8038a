"""Faults and survived trouble that only the adversary uses."""

# ruff: noqa: E501 - log lines are quoted as they come

from lab.composed.faults.shorthand import GLUE2, SDK2, analysis, boto, java, line, python, tasks
from lab.composed.words import Fault, Twist

DENIED = "com.amazonaws.services.glue.model.AccessDeniedException: User: «role» is not authorized to perform: glue:GetUserDefinedFunctions on resource: arn:aws:glue:«region»:«account»:catalog (Service: AWSGlue; Status Code: 400; Error Code: AccessDeniedException; Request ID: «request»; Proxy: null)"
CAUGHT = 'could not load optional overrides, going on with the defaults\nTraceback (most recent call last):\n  File "/tmp/«job».py", line 24, in overrides\n    return json.loads(body)["overrides"]\nKeyError: \'overrides\''
SPILL = tuple(
    line(second, "INFO", "UnsafeExternalSorter", f"Thread 71 spilling sort data of 1.{n} GiB to disk ({n}  times so far)", "executor")
    for n, second in enumerate((-60, -48, -33, -21))
)  # fmt: skip
GC = (
    line(
        -26,
        "WARN",
        "GarbageCollectionMetrics",
        "To enable non-built-in garbage collector(s) List(G1 Concurrent GC), users should configure it(them) to spark.eventLog.gcMetrics.youngGenerationGarbageCollectors",
    ),
)
SURVIVED_DENIAL = Twist(
    early=(line(2, "WARN", "HiveExternalCatalog", f"Could not list functions, going on without them: {DENIED}"),)
)
SURVIVED_THROTTLE = Twist(early=(
    line(3, "WARN", "AWSGlueClient", "Retryable error detected (ThrottlingException: Rate exceeded). Will retry in 1204ms, attempt 1 of 5"),
    line(6, "WARN", "AWSGlueClient", "Retryable error detected (ThrottlingException: Rate exceeded). Will retry in 2391ms, attempt 2 of 5"),
    line(11, "INFO", "AWSGlueClient", "Request succeeded on attempt 3 of 5"),
))  # fmt: skip
SURVIVED_COLUMN = Twist(
    early=(
        line(
            2,
            "WARN",
            "«job»",
            "column `discount_code` cannot be resolved in yesterday's reference file, using null instead: [UNRESOLVED_COLUMN.WITH_SUGGESTION]",
        ),
    )
)
SURVIVED_FETCH = Twist(early=(
    line(1, "WARN", "TaskSetManager", "Lost task 3.0 in stage 2.0 (TID 41) (172.35.18.204 executor 2): FetchFailed(BlockManagerId(1, 172.35.18.77, 35681, None), shuffleId=0, mapIndex=4, mapId=19, reduceId=3)"),
    line(4, "INFO", "DAGScheduler", "Resubmitting ShuffleMapStage 1 (count at NativeMethodAccessorImpl.java:0) and ResultStage 2 (count at NativeMethodAccessorImpl.java:0) due to fetch failure"),
    line(9, "INFO", "DAGScheduler", "Job 2 finished: count at NativeMethodAccessorImpl.java:0, took 21.204 s"),
))  # fmt: skip
_SHUT = java(
    "count", ("org.apache.spark.SparkException: Job 7 cancelled because SparkContext was shut down", "dag_abort")
)
HEAP_LATER = line(
    1.2,
    "ERROR",
    "SparkUncaughtExceptionHandler",
    "Uncaught exception in thread Thread[dag-scheduler-event-loop,5,main]\njava.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)\n\tat org.apache.spark.util.ByteBufferOutputStream.toByteBuffer(ByteBufferOutputStream.scala:45)",
)
SHUT_DOWN = Fault(
    family="context_shut_down",
    category="UNKNOWN",
    point="tasks",
    error=_SHUT,
    note="",
    hint="UNCLASSIFIED_SPARK_ERROR",
)
_TEMPORARY = java(
    "append",
    (
        "java.io.FileNotFoundException: No such file or directory 's3://acme-etl-scratch/«job»/_temporary/0/task_202611220251_0007_m_000003'",
        "emrfs_list",
    ),
)
TEMPORARY_GONE = Fault(
    family="temporary_missing",
    category="UNKNOWN",
    also=("PARTIAL_WRITE_RISK",),
    point="write",
    error=_TEMPORARY,
    note="",
)
_ABORTED = java(
    "append",
    ("org.apache.spark.SparkException: Writing job aborted", "none"),
    (
        "org.apache.spark.SparkException: Job aborted due to stage failure: Task 2 in stage 7.0 failed 4 times, most recent failure: Lost task 2.3 in stage 7.0 (TID 66) (172.35.18.204 executor 3)",
        "dag_abort",
    ),
    (
        "com.amazon.ws.emr.hadoop.fs.shaded.com.amazonaws.services.s3.model.AmazonS3Exception: Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: «s3_request»; Proxy: null)",
        "emrfs_put",
    ),
)
ABORTED_BY_REFUSAL = Fault(
    family="aborted_by_refusal", category="PERMISSION_ERROR", point="write", error=_ABORTED, note=""
)
_OUTER = java(
    "table",
    ("org.apache.spark.SparkException: Exception thrown in awaitResult: ", "none"),
    (
        "java.lang.RuntimeException: Unable to load table, access to the catalog may have been denied or throttled",
        "none",
    ),
    (f"{SDK2}.glue.model.GlueException: Rate exceeded {GLUE2}", "glue2_get_table"),
)
INNER_THROTTLE = Fault(
    family="inner_throttle", category="UNKNOWN", clears="transient", point="read", error=_OUTER, note=""
)
BUSINESS_WORDS = (
    line(4, "INFO", "«job»", "claims by status: PAID=40112 DENIED=412 ACCESS_DENIED=3 TIMEOUT=9", "output"),
    line(
        6,
        "INFO",
        "«job»",
        "columns: denied_reason, skew_factor, timeout_ms, throttled_flag, schema_drift_score",
        "output",
    ),
    line(8, "INFO", "«job»", "mean skew_factor 0.02, OutOfMemoryError alerts configured: 4", "output"),
)
_VALUE = python(
    "python",
    "ValueError: unexpected decision 'ACCESS_DENIED' in column decision, allowed: PAID, DENIED, OPEN",
    "check_decisions(frame)",
)
VALUE_DENIED = Fault(
    family="value_access_denied", category="SCHEMA_DRIFT", also=("UNKNOWN",), point="tasks", error=_VALUE, note=""
)
_COLUMN = analysis(
    "select",
    "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name `throttle_rate` cannot be resolved. Did you mean one of the following? [`«column»`, `«day»`].",
)
COLUMN_THROTTLE = Fault(
    family="column_throttle_rate",
    category="SCHEMA_DRIFT",
    point="read",
    error=_COLUMN,
    note="",
    extras=("schema:", "expects:throttle_rate"),
)
KEY_TIMEOUT = Fault(
    family="key_timeout",
    category="CODE_REGRESSION",
    point="start",
    error=python("python", "KeyError: 'timeout'", 'limit = settings["timeout"]'),
    note="",
)
PATH_MOVED = Fault(family="path_moved", category="CODE_REGRESSION", also=("SOURCE_DELAY", "UNKNOWN"), point="read", note="",
              error=analysis("parquet", "[PATH_NOT_FOUND] Path does not exist: s3://acme-raw-v2/«job»/dt=«batch»."))  # fmt: skip
REFERENCE_MISSING = Fault(family="reference_missing", category="SOURCE_DELAY", also=("UNKNOWN",), point="read", note="",
                  error=analysis("parquet", "[PATH_NOT_FOUND] Path does not exist: s3://acme-reference/rates/latest."))  # fmt: skip
_SERVER = boto(
    "DescribeTable",
    "InternalServerError",
    "Internal server error. It is safe to retry this request, please retry it.",
    "control.load()",
    retried=True,
)
PLEASE_RETRY = Fault(family="please_retry", category="UNKNOWN", clears="transient", point="end", error=_SERVER, note="")
_OOM = tasks("count", ("java.lang.OutOfMemoryError: Java heap space", "heap"))
OOM = Fault(
    family="oom",
    category="UNKNOWN",
    also=("CODE_REGRESSION",),
    point="tasks",
    error=_OOM,
    note="",
    hint="OUT_OF_MEMORY_ERROR",
)
