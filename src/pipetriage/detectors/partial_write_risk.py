"""PARTIAL_WRITE_RISK: the commit itself is what failed, or nobody can tell whether it did."""

from pipetriage.detectors.rules import Rule, RuleBook, pattern, strongest, words
from pipetriage.detectors.source_delay import of_source
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding, Strength

# Sources: Iceberg's core and aws modules, Delta's error classes, Hudi's concurrency control, Spark's file committers.
RULES: tuple[Rule, ...] = (
    Rule(
        id="commit-state-unknown",
        mode=FailureMode.COMMIT_STATE_UNKNOWN,
        says="the commit may or may not have landed",
        exceptions=words("CommitStateUnknownException"),
        # The failed call beneath it (a 500, a broken connection) looks harmless and is not.
        overrides=True,
    ),
    Rule(
        id="commit-state-unknown-in-words",
        mode=FailureMode.COMMIT_STATE_UNKNOWN,
        says="the commit may or may not have landed",
        text=pattern(
            r"\bCommitStateUnknownException\b",
            r"cannot determine whether the commit was successful",
            r"underlying data files may or may not be needed",
            r"Cannot (?:tell|determine) (?:if|whether) (?:the )?commit",
        ),
        overrides=True,
    ),
    Rule(
        id="committed-then-failed",
        mode=FailureMode.COMMIT_STATE_UNKNOWN,
        says="the commit landed and what follows it failed",
        conditions=words("DELTA_POST_COMMIT_HOOK_FAILED"),
        text=pattern(r"\bDELTA_POST_COMMIT_HOOK_FAILED\b", r"Duplicate request to cherry pick wap id"),
        overrides=True,
    ),
    Rule(
        id="commit-conflict",
        mode=FailureMode.COMMIT_CONFLICT,
        says="another writer changed the table while this run wrote to it",
        conditions=words(
            "DELTA_CONCURRENT_APPEND DELTA_CONCURRENT_DELETE_READ DELTA_CONCURRENT_DELETE_DELETE "
            "DELTA_CONCURRENT_WRITE DELTA_CONCURRENT_TRANSACTION DELTA_METADATA_CHANGED "
            "DELTA_PROTOCOL_CHANGED DELTA_MAX_COMMIT_RETRIES_EXCEEDED DELTA_VERSIONS_NOT_CONTIGUOUS "
            "CONCURRENT_STREAM_LOG_UPDATE TRANSACTION_CONFLICT"
        ),
        exceptions=words(
            "CommitFailedException ConcurrentAppendException ConcurrentDeleteReadException "
            "ConcurrentDeleteDeleteException ConcurrentWriteException ConcurrentTransactionException "
            "MetadataChangedException ProtocolChangedException HoodieWriteConflictException "
            "HoodieEarlyConflictDetectionException HoodieLockException CommitConflictException "
            "CommitFailedError ConcurrentModificationException SerializationFailure DeadlockDetected LockNotAvailable"
        ),
    ),
    Rule(
        id="commit-conflict-in-words",
        mode=FailureMode.COMMIT_CONFLICT,
        says="another writer changed the table while this run wrote to it",
        text=pattern(
            r"\bCommitFailedException\b",
            r"detected concurrent update",
            r"is not same as the current .{0,20}location",
            r"cannot commit:? stale (?:table )?metadata",
            r"Requirement failed: (?:branch|current|UUID|last|default)",
            r"Fail(?:ed)? to acquire lock .{0,300}to commit",
            r"Found (?:new )?conflicting (?:delete |deleted )?files",
            r"Cannot commit, (?:missing data files|found new delete)",
            r"Missing required files to delete",
            r"Cannot determine history between starting snapshot",
            r"its Glue table already exists",
            r"Cannot resolve conflicts for overlapping writes",
            r"branch \S{1,80} (?:has changed|was created concurrently)",
            r"Version\w{0,20} ?mismatch.{0,80}(?:table|commit)|concurrent (?:update|modification) to (?:the )?log",
            r"files were (?:added|deleted) .{0,200} by a concurrent update",
            r"commit validation failed",
            # Databases whose transaction lost against another's.
            r"Serializable isolation violation",
            r"conflict with concurrent transaction",
            r"could not serialize access",
            r"deadlock (?:detected|found)|was deadlocked on",
            r"Lock wait timeout exceeded",
            r"\bORA-(?:00060|08177)\b",
        ),
    ),
    Rule(
        id="output-exists",
        mode=FailureMode.UNPROVEN_OUTPUT,
        says="output is already there, perhaps from an earlier attempt",
        # Also the plain way of refusing to overwrite: looked at, not assumed.
        ceiling=Strength.MODERATE,
        conditions=words("PATH_ALREADY_EXISTS FAILED_RENAME_PATH FAILED_RENAME_TEMP_FILE"),
        exceptions=words("FileAlreadyExistsException FileExistsError"),
    ),
    Rule(
        id="files-gone",
        mode=FailureMode.UNPROVEN_OUTPUT,
        says="a table's own file is gone",
        # A reader raced with compaction, snapshot expiry or a plain overwrite, or an overwrite died half way.
        ceiling=Strength.MODERATE,
        conditions=words("FAILED_READ_FILE.FILE_NOT_EXIST DELTA_FILE_NOT_FOUND DELTA_FILE_NOT_FOUND_DETAILED"),
        text=pattern(r"It is possible the underlying files have been updated"),
    ),
)


class PartialWriteRisk:
    """Finds commits that failed or whose outcome is unknown. What was written is the write state's question."""

    id = "partial_write_risk"
    summary = "A commit conflicted with another writer, or its outcome is unknown."

    def __init__(self, book: RuleBook) -> None:
        self._book = book

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from the commit's own errors."""
        mine = [hit for hit in self._book.hits(context) if hit.rule.category is Category.PARTIAL_WRITE_RISK]
        return strongest(
            hit.finding(self.id) for hit in mine if not (hit.rule.id == "files-gone" and of_source(context, hit))
        )
