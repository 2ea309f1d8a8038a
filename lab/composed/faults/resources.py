"""Memory, disks, executors: with and without a sign of skew, and too many small files."""

# ruff: noqa: E501 - the messages are quoted as they come

from lab.composed.faults.shorthand import EMRFS, java, line, s3v1, tasks, v
from lab.composed.words import Fault

_HEAP = ("java.lang.OutOfMemoryError: Java heap space", "heap")
_DISASSOCIATED = "Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues. Check driver logs for WARN messages."
_YARN = "Container killed by YARN for exceeding physical memory limits. 11.1 GB of 11 GB physical memory used. Consider boosting spark.executor.memoryOverhead."
_SIZE = "A rerun writes nothing wrong by itself, but ends the same way: someone must size or reshape the job first."


def _resource(**words: object) -> Fault:
    words.setdefault("note", _SIZE)
    words.setdefault("category", "UNKNOWN")
    words.setdefault("hint", "OUT_OF_MEMORY_ERROR")
    return Fault(**words)  # type: ignore[arg-type]


FAULTS = (
    _resource(
        family="oom_skewed", category="DATA_SKEW", point="tasks", extras=("eventlog:skewed",), error=tasks("count", _HEAP),
        note="One of twenty tasks reads a hundred times the median, spills, and runs out of memory four times.",
        variants=(v(), v("some"), v(mode="overwrite_partitions", extras=("metrics:skew",))),
    ),
    _resource(
        family="executor_lost_skewed", category="DATA_SKEW", point="tasks", extras=("eventlog:skewed-lost", "metrics:skew"),
        error=tasks("count", (f"ExecutorLostFailure (executor 2 exited caused by one of the running tasks) Reason: {_DISASSOCIATED}", "none")),
        note="The task that reads most of the data takes one executor after the other with it.",
        variants=(v(), v(mode="merge")),
    ),
    _resource(
        family="oom_even", point="tasks", extras=("eventlog:even",), error=tasks("count", _HEAP), also=("CODE_REGRESSION",),
        note="All tasks read alike and all run out of memory: no skew. " + _SIZE,
        variants=(v(), v("some", "overwrite_partitions", extras=("metrics:memory",))),
    ),
    _resource(
        family="yarn_killed", point="tasks", also=("DATA_SKEW",),
        error=tasks("count", (f"ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Reason: {_YARN}", "none")),
        before=(line(-30, "WARN", "YarnSchedulerBackend$YarnSchedulerEndpoint", "Requesting driver to remove executor 3 for reason Container from a bad node: container_1763_0001_01_000004 on host: 172.35.18.204. Exit status: 137. Diagnostics: [2026-11-22 02:41:17.402]Container killed on request. Exit code is 137"),),
        variants=(v(), v("some", "append"), v(mode="overwrite_partitions")),
    ),
    _resource(
        family="executor_lost_unclear", point="tasks", also=("DATA_SKEW",),
        error=tasks("count", (f"ExecutorLostFailure (executor 2 exited caused by one of the running tasks) Reason: {_DISASSOCIATED}", "none")),
        note="Executors were lost; whether to memory or the network, nothing here tells. Nobody may simply try again.",
        variants=(v(), v(mode="overwrite_partitions", extras=("metrics:memory",))),
    ),
    _resource(
        family="driver_oom_collect", point="read", also=("CODE_REGRESSION",), error=java("collect", ("java.lang.OutOfMemoryError: Java heap space", "none")),
        variants=(v(), v("some", "overwrite_partitions")),
    ),
    _resource(
        family="max_result_size", point="read", also=("CODE_REGRESSION",), hint="UNCLASSIFIED_SPARK_ERROR",
        error=java("collect", ("org.apache.spark.SparkException: Job aborted due to stage failure: Total size of serialized results of 27 tasks (1035.2 MiB) is bigger than spark.driver.maxResultSize (1024.0 MiB)", "dag_abort")),
        variants=(v(),),
    ),
    _resource(
        family="broadcast_timeout", point="read", also=("DATA_SKEW",), hint="TIMEOUT_ERROR",
        error=java("count", ("org.apache.spark.SparkException: Could not execute broadcast in 300 secs. You can increase the timeout for broadcasts via spark.sql.broadcastTimeout or disable broadcast join by setting spark.sql.autoBroadcastJoinThreshold to -1", "none"), ("java.util.concurrent.TimeoutException: Futures timed out after [300 seconds]", "none")),
        variants=(v(), v(mode="merge")),
    ),
    _resource(
        family="disk_full", point="tasks", also=("DATA_SKEW",), hint="DISK_NO_SPACE_ERROR", extras=("metrics:disk",),
        error=tasks("count", ("java.io.IOException: No space left on device", "disk")),
        variants=(v(), v("some")),
    ),
    _resource(
        family="python_worker_crash", point="write", error=tasks("append", ("org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)", "task_udf"), ("java.io.EOFException", "none")),
        note="A Python worker died without a word, most likely of memory.",
        variants=(v(), v("leftovers", "overwrite_partitions")),
    ),
    _resource(
        family="shuffle_lost", point="tasks", also=("DATA_SKEW",), error=java("count", ("org.apache.spark.SparkException: Job aborted due to stage failure: ShuffleMapStage 9 (count at NativeMethodAccessorImpl.java:0) has failed the maximum allowable number of times: 4. Most recent failure reason:\norg.apache.spark.shuffle.MetadataFetchFailedException: Missing an output location for shuffle 3 partition 11", "dag_abort")),
        before=(line(-31, "ERROR", "TaskSchedulerImpl", f"Lost executor 2 on 172.35.18.204: {_YARN}"),),
        note="The missing shuffle output is the effect; executors killed for memory the cause, and why they needed it is not seen.",
        variants=(v(), v("some", "overwrite_partitions")),
    ),
    _resource(
        family="small_files_listing", category="SMALL_FILE_PRESSURE", point="read", extras=("source_tiny",),
        error=java("json", ("java.lang.OutOfMemoryError: GC overhead limit exceeded", "listing_heap")),
        before=(line(-200, "INFO", "HadoopFSUtils", "Listing leaf files and directories in parallel under 41877 paths. The first several paths are: «source»/device=000001, «source»/device=000002, «source»/device=000003."),),
        note="The driver ran out of memory while it listed tens of thousands of folders of files of 2 kB.",
        variants=(v(glue="4.0", pipeline="meter_readings"), v(mode="overwrite_partitions", pipeline="web_events")),
    ),
    _resource(
        family="small_files_slowdown", category="SMALL_FILE_PRESSURE", point="read", extras=("source_tiny",), hint="THROTTLING_ERROR",
        error=java("json", (f"{EMRFS}: Please reduce your request rate. {s3v1('SlowDown', 503)}", "emrfs_list")), also=("UNKNOWN",),
        before=(line(-90, "INFO", "HadoopFSUtils", "Listing leaf files and directories in parallel under 68204 paths. The first several paths are: «source»/h=00/m=00, «source»/h=00/m=01."), line(-40, "WARN", "DAGScheduler", "Broadcasting large task binary with size 6.2 MiB")),
        note="S3 slowed the listing of some seventy thousand folders of tiny objects down: waiting does not make them fewer.",
        variants=(v(glue="4.0"), v(mode="overwrite_partitions", glue="4.0")),
    ),
    _resource(
        family="small_files_pool", category="SMALL_FILE_PRESSURE", point="read", extras=("source_tiny",), hint="CONNECTION_ERROR", also=("UNKNOWN",),
        error=java("json", ("com.amazonaws.SdkClientException: Unable to execute HTTP request: Timeout waiting for connection from pool", "emrfs_list"), ("org.apache.http.conn.ConnectionPoolTimeoutException: Timeout waiting for connection from pool", "none")),
        before=(line(-120, "INFO", "HadoopFSUtils", "Listing leaf files and directories in parallel under 52310 paths. The first several paths are: «source»/m=00, «source»/m=01."),),
        note="The listing of some fifty thousand folders of tiny objects used up the connections.",
        variants=(v(glue="4.0"), v(mode="merge", glue="4.0")),
    ),
    _resource(
        family="small_files_serialization", category="SMALL_FILE_PRESSURE", point="read", extras=("source_tiny",),
        error=java("count", ("org.apache.spark.SparkException: Job aborted due to stage failure: Task serialization failed: java.lang.OutOfMemoryError: Java heap space\njava.lang.OutOfMemoryError: Java heap space", "dag_abort")),
        before=(line(-300, "INFO", "HadoopFSUtils", "Listing leaf files and directories in parallel under 61004 paths. The first several paths are: «source»/h=00/m=00."), line(-60, "INFO", "InMemoryFileIndex", "It took 214903 ms to list leaf files for 61004 paths."), line(-20, "WARN", "DAGScheduler", "Broadcasting large task binary with size 241.7 MiB")),
        note="The names of sixty thousand tiny files do not fit into the driver's memory when the tasks are made.",
        variants=(v(), v(mode="overwrite_partitions"), v("some")),
    ),
    _resource(
        family="straggler_timeout", category="DATA_SKEW", point="tasks", error=None, state="TIMEOUT", seconds=14_438, extras=("eventlog:straggler", "metrics:skew"), also=("UNKNOWN",),
        before=(line(-9_000, "INFO", "TaskSetManager", "Finished task 18.0 in stage 5.0 (TID 118) in 40211 ms on 172.35.18.204 (executor 2) (19/20)"),),
        note="Nineteen of twenty tasks ended within a minute; the last one, whose share of the stage before was a hundred times the median, ran until the run's time was over.",
        variants=(v(), v(mode="overwrite_partitions")),
    ),
    _resource(
        family="skewed_spill_disk", category="DATA_SKEW", point="tasks", extras=("eventlog:skewed-disk", "metrics:skew"), hint="DISK_NO_SPACE_ERROR", also=("UNKNOWN",),
        error=tasks("count", ("java.io.IOException: No space left on device", "disk")),
        note="The one task that reads most of the data spilled until its executor's disk was full.",
        variants=(v(), v("some", "overwrite_partitions")),
    ),
)  # fmt: skip
