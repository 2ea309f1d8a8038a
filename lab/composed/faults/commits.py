"""The commit itself: conflicts, locks, answers that never came; bookmarks; files that were cleaned away."""

# ruff: noqa: E501 - the messages are quoted as they come

from lab.composed.faults.shorthand import GLUE2, SDK2, java, line, tasks, v
from lab.composed.words import Fault

_CONFLICT = "The commit was refused because of another writer: what is in the table must be looked at first."
_UNKNOWN = "org.apache.iceberg.exceptions.CommitStateUnknownException: Cannot determine whether the commit was successful or not, the underlying data files may or may not be needed. Manual intervention via the Remove Orphan Files Action can remove these files when a connection to the Catalog can be re-established if the commit was actually unsuccessful.\nPlease check to see whether or not your commit was successful before retrying this commit. Retrying an already successful operation will result in duplicate records or unintentional modifications.\nAt this time no files will be deleted including possibly unused manifest lists."


def _commit(**words: object) -> Fault:
    words.setdefault("note", _CONFLICT)
    words.setdefault("category", "PARTIAL_WRITE_RISK")
    words.setdefault("also", ("UNKNOWN",))
    words.setdefault("hint", "DATA_LAKE_FRAMEWORK_ERROR")
    return Fault(point="commit", **words)  # type: ignore[arg-type]


FAULTS = (
    _commit(
        family="glue_concurrent_update", extras=("other_writer:day_before",),
        error=java("append", ("org.apache.iceberg.exceptions.CommitFailedException: Cannot commit glue_catalog.«table» because Glue detected concurrent update", "iceberg_commit"),
                   (f"{SDK2}.glue.model.ConcurrentModificationException: Update table failed due to concurrent modifications. {GLUE2}", "glue2_update_table")),
        variants=(v(), v(mode="overwrite_partitions"), v("some")),
    ),
    _commit(
        family="stale_metadata", extras=("other_writer:day_before",),
        error=java("append", ("org.apache.iceberg.exceptions.CommitFailedException: Cannot commit glue_catalog.«table» because base metadata location '«lake»/metadata/00011-a.metadata.json' is not same as the current Glue location '«lake»/metadata/00012-b.metadata.json'", "iceberg_commit")),
        variants=(v(mode="merge"), v("some", "append")),
    ),
    _commit(
        family="version_mismatch", extras=("other_writer:day_before",),
        error=java("append", ("org.apache.iceberg.exceptions.CommitFailedException: Cannot commit glue_catalog.«table» because Glue detected concurrent update", "iceberg_commit"),
                   (f"{SDK2}.glue.model.VersionMismatchException: Version mismatch while updating table. {GLUE2}", "glue2_update_table")),
        variants=(v(), v("leftovers", "overwrite_partitions")),
    ),
    _commit(
        family="conflicting_files", extras=("other_writer:same",),
        error=java("overwrite", ("org.apache.iceberg.exceptions.ValidationException: Found conflicting files that can contain records matching partitions [«day»=«batch»]: [«lake»/data/«day»=«batch»/00000-3-f00d.parquet]", "iceberg_validate")),
        variants=(v(mode="overwrite_partitions", harmless=None), v("some", "overwrite_partitions", harmless=None)),
    ),
    _commit(
        family="commit_state_unknown",
        error=java("append", (_UNKNOWN, "iceberg_commit"), ("software.amazon.awssdk.core.exception.SdkClientException: Unable to execute HTTP request: Read timed out", "sdk2"), ("java.net.SocketTimeoutException: Read timed out", "none")),
        note="The answer to the commit never came; the table's metadata says whether it landed.",
        variants=(v("leftovers", note="It did not land."), v("all", note="It did land, though the run failed.", pipeline="orders_ingest"), v("all", "overwrite_partitions", pipeline="claims_daily"), v("leftovers", without=("metadata", "entries"), note="And nobody can read the table's metadata.")),
    ),
    _commit(
        family="lock_not_acquired",
        error=java("append", ("org.apache.iceberg.exceptions.CommitFailedException: Fail to acquire lock glue_catalog.«table» to commit new metadata at «lake»/metadata/00012-c.metadata.json", "iceberg_commit"),
                   (f"{SDK2}.dynamodb.model.ConditionalCheckFailedException: The conditional request failed (Service: DynamoDb, Status Code: 400, Request ID: «request»)", "dynamo_lock")),
        variants=(v(), v("some", "overwrite_partitions")),
    ),
    _commit(
        family="compaction_race", extras=("other_writer:compaction",),
        error=java("append", ("org.apache.iceberg.exceptions.ValidationException: Cannot commit, missing data files: [«lake»/data/«day»=«batch»/00000-2-beef.parquet]", "iceberg_validate")),
        note="The files that the merge wanted to replace were rewritten by somebody else meanwhile.",
        variants=(v(mode="merge"),),
    ),
    _commit(
        family="commit_throttled", category="UNKNOWN", also=("PARTIAL_WRITE_RISK",),
        error=java("append", (f"{SDK2}.glue.model.GlueException: Rate exceeded {GLUE2}", "glue2_update_table")),
        note="The catalogue throttled the commit itself; before a rerun, somebody looks whether it landed.",
        variants=(v("some", note="The commits before it stand."), v("leftovers", mode="append", without=("metadata",))),
    ),
    Fault(
        family="bookmark_version", category="PARTIAL_WRITE_RISK", also=("UNKNOWN",), point="end", extras=("bookmark",), hint="GLUE_JOB_BOOKMARK_VERSION_MISMATCH_ERROR",
        error=java("commit", ("com.amazonaws.services.gluejobexecutor.model.VersionMismatchException: Continuation update failed due to version mismatch. Expected version 41 but found version 42 (Service: AWSGlueJobExecutor; Status Code: 400; Error Code: VersionMismatchException; Request ID: «request»; Proxy: null)", "bookmark")),
        note="The rows are written and the bookmark did not move: a rerun reads and appends the same files again.",
        variants=(v("all", glue="4.0", harmless=False), v("all", "overwrite_partitions", glue="4.0")),
    ),
    Fault(
        family="data_file_gone", category="UNKNOWN", also=("PARTIAL_WRITE_RISK", "SOURCE_DELAY"), point="tasks",
        error=tasks("count", ("org.apache.iceberg.exceptions.NotFoundException: Location does not exist: «lake»/data/«day»=2026-09-01/00000-7-cafe-0-00001.parquet", "none"), (f"{SDK2}.s3.model.NoSuchKeyException: The specified key does not exist. (Service: S3, Status Code: 404, Request ID: «s3_request»)", "s3fileio_get")),
        note="A data file that the table names is gone: cleaned away under the reader. A person must see what else is missing.",
        variants=(v(), v(mode="merge")),
    ),
    Fault(
        family="publish_interrupted", category="PARTIAL_WRITE_RISK", also=("UNKNOWN",), point="end", error=None,
        message="Command failed with exit code 143",
        before=(line(-1, "ERROR", "SignalUtils", "RECEIVED SIGNAL TERM"),),
        note="The driver was told to stop between commits, and nothing says by whom.",
        variants=(v("some"), v("some", pipeline="ledger_lines"), v("some", "overwrite_partitions", category="UNKNOWN", also=("PARTIAL_WRITE_RISK",))),
    ),
)  # fmt: skip
