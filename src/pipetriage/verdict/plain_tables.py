"""Tables without atomic commits (plain Parquet, CSV, …) judged by listings, and Hudi by its timeline.

In a plain table whatever is written is visible at once, so any new visible file is a partial write.
"""

import re
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from pipetriage.model.context import Context
from pipetriage.model.facts import HudiInstant, HudiTable, ListedFile, Listing, TableFacts
from pipetriage.model.pipeline import Output
from pipetriage.model.write_state import WriteState, WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.partitions import expected_partitions
from pipetriage.verdict.touching import apart

_COMMITTED_TASK = re.compile(r"/_temporary/\d{1,19}/task_[^/]{1,200}/.")

_Judged = tuple[WriteState, tuple[str, ...]]


def plain_state(base: WriteState, output: Output, table: TableFacts, context: Context, attempts: Attempts) -> _Judged:
    """Judge a plain table by its listing."""
    listing, location = table.listing, table.catalog.location if table.catalog is not None else None
    if doubts := _listing_doubts(listing, attempts) or _place_doubts(listing, location):
        return replace(base, why=doubts[0]), doubts
    assert listing is not None and attempts.window_start is not None  # noqa: S101, PT018 - implied by no doubts
    fresh = [one for one in listing.files if one.modified_at is None or one.modified_at >= attempts.window_start]
    visible = [one for one in fresh if not _hidden(one.uri, listing.uri)]
    late = [one for one in visible if _late(one, attempts)]
    visible = [one for one in visible if one not in late]
    hidden = [one for one in fresh if _hidden(one.uri, listing.uri) and not one.uri.endswith("/_SUCCESS")]
    success = any(one.uri.endswith("/_SUCCESS") and not _late(one, attempts) for one in fresh)
    state = replace(base, evidence=[listing.evidence], uncommitted_files=len(hidden))
    state = replace(state, uncommitted_bytes=sum(one.size for one in hidden))
    if visible:
        return _visible_state(state, output, visible, success, context), ()
    if unclear := [one for one in late if not _elsewhere(one, output, context)]:
        # Not by an attempt, but a person may have completed the batch by hand.
        why = f"{len(unclear)} files were written while no attempt ran, by a writer that is not known"
        return replace(state, status=WriteStatus.UNCERTAIN, why=why), (why,)
    old = [one for one in listing.files if one not in fresh and not _hidden(one.uri, listing.uri)]
    overwrites = output.write_mode not in {None, "append"}
    if success or (overwrites and not old):
        why = (
            "a _SUCCESS marker was written, but no file: old files may be gone"
            if success
            else "the pipeline overwrites, and no old file is seen to be still there"
        )
        return replace(state, status=WriteStatus.UNCERTAIN, why=why), (why,)
    if hidden:
        why = f"{len(hidden)} hidden files were left by an unfinished write; readers do not see them"
        return replace(state, status=WriteStatus.UNCOMMITTED, records_written=0, why=why), ()
    why = "no file is newer than the first attempt's start"
    return replace(state, status=WriteStatus.NOT_STARTED, records_written=0, records_rerun_would_repeat=0, why=why), ()


def pending_files(listing: Listing | None) -> int:
    """Count the files below ``_temporary/<n>/task_…``: output of tasks that were committed, of a job that was not.

    FileOutputCommitter's algorithm 1 (Spark's default) moves every such folder that it finds when any job commits
    there, also those that a killed driver left (SPARK-29037).
    """
    files = listing.files if listing is not None else ()
    # Below a dynamic overwrite's own .spark-staging-<uuid> nobody else's job looks.
    return sum(_COMMITTED_TASK.search(file.uri) is not None and "/.spark-staging-" not in file.uri for file in files)


def _listing_doubts(listing: Listing | None, attempts: Attempts) -> tuple[str, ...]:
    if listing is None:
        return ("the table has no commit log, and its files were not listed",)
    if not listing.complete:
        return ("the listing of the table's files is cut short",)
    if attempts.window_start is None:
        return ("the first attempt's start is unknown",)
    if attempts.window_end is None:
        return ("the last attempt has not ended, or its end is unknown",)
    if listing.observed_at < attempts.window_end:
        return ("the table was listed before the last attempt's end plus the settling time",)
    return ()


def _place_doubts(listing: Listing | None, location: str | None) -> tuple[str, ...]:
    """Say whether the listing may be of another place than the table's."""
    if listing is None:
        return ()
    if any("=" in piece for piece in listing.uri.split("/")):
        return (f"the listing is of one partition ({listing.uri}), not of the table",)
    if location is None:
        return ()
    listed, wanted = listing.uri.rstrip("/"), location.rstrip("/")
    if not listed:
        return ("the listing does not say of which place it is",)
    if wanted != listed and not wanted.startswith(listed + "/"):
        return (f"the listing is of {listed}, the table lies at {wanted}",)
    return ()


def _visible_state(
    state: WriteState, output: Output, visible: list[ListedFile], success: bool, context: Context
) -> WriteState:
    expected = expected_partitions(output, context)
    field = output.partition_field
    written = {_partition(one.uri, field) for one in visible} - {None} if field else set()
    missing = None
    if expected.values is not None and field:
        missing = [value for value in expected.values if value not in written]
    complete = success and (missing == [] or (output.commits == "one" and expected.count is None))
    why = f"{len(visible)} new files are visible to readers" + ("" if success else ", and no _SUCCESS marker is")
    return replace(
        state,
        status=WriteStatus.COMPLETE if complete else WriteStatus.PARTIAL,
        partitions_expected=expected.count,
        partitions_written=len(written) if field else None,
        partitions_missing=missing,
        why=why,
    )


def _late(file: ListedFile, attempts: Attempts) -> bool:
    return file.modified_at is not None and attempts.none_running(file.modified_at)


def _elsewhere(file: ListedFile, output: Output, context: Context) -> bool:
    """Whether a file lies in a partition that the batch is declared not to write, and so not to replace."""
    wanted = expected_partitions(output, context).fields
    if output.write_mode not in {"append", "overwrite_partitions"} or not wanted:
        return False
    pieces = (piece.partition("=") for piece in file.uri.split("/")[:-1])
    return apart({name: value for name, separator, value in pieces if separator}, wanted)


def _partition(uri: str, field: str | None) -> str | None:
    return next((piece.partition("=")[2] for piece in uri.split("/") if piece.partition("=")[0] == field), None)


def _hidden(uri: str, root: str) -> bool:
    """Whether readers of a plain table skip the file: Spark and Hive ignore names starting with ``_`` or ``.``."""
    if not root or not uri.startswith(root.rstrip("/")):
        return False  # where the table begins is unknown, so nothing is surely hidden
    below = uri.removeprefix(root.rstrip("/"))
    return any(piece.startswith(("_", ".")) and "=" not in piece for piece in below.split("/"))


def hudi_state(base: WriteState, hudi: HudiTable, attempts: Attempts) -> _Judged:
    """Judge a Hudi table by its timeline; a completed instant in or after the window cannot be attributed."""
    state = replace(base, evidence=[hudi.evidence])
    doubts: tuple[str, ...] = ()
    if not hudi.complete:
        doubts = ("the listing of the timeline is cut short",)
    elif not hudi.instants:
        doubts = ("the listing holds no instant at all, so it may not be the timeline",)
    elif attempts.window_start is None or attempts.window_end is None:
        doubts = ("the attempts' start or end is unknown",)
    elif hudi.observed_at < attempts.window_end:
        doubts = ("the timeline was listed before the last attempt's end plus the settling time",)
    if doubts or attempts.window_start is None:
        return replace(state, why=doubts[0]), doubts
    since = [one for one in hudi.instants if _instant_time(one) is None or not _before(one, attempts.window_start)]
    if any(one.state == "completed" and one.action not in {"clean", "rollback", "savepoint"} for one in since):
        why = "a commit was completed since the first attempt began; a listing does not tell whose"
        return replace(state, status=WriteStatus.UNCERTAIN, why=why), (why,)
    if any(one.action == "rollback" for one in since):
        why = "the timeline was rolled back since the first attempt began"
        return replace(state, why=why), (why,)
    if since:
        why = "an instant was begun and not completed; readers do not see it"
        return replace(state, status=WriteStatus.UNCOMMITTED, records_written=0, why=why), ()
    why = "no instant was begun since the first attempt"
    return replace(state, status=WriteStatus.UNCOMMITTED, records_written=0, why=why), ()


def _instant_time(instant: HudiInstant) -> datetime | None:
    if instant.modified_at is not None:
        return instant.modified_at
    try:
        return datetime.strptime(instant.instant[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _before(instant: HudiInstant, start: datetime) -> bool:
    at = _instant_time(instant)
    # An instant's name is in the writer's own time zone, which the listing does not tell: allow for all of them.
    margin = timedelta(0) if instant.modified_at is not None else timedelta(hours=14)
    return at is not None and at + margin < start
