"""A control table in Iceberg: its current rows by pyiceberg's own scan, through the guarded read-only FileIO."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipetriage.aws.session import AwsSession
from pipetriage.errors import MissingExtraError, SourceError
from pipetriage.sources.control_rows import MAX_BYTES, MAX_FILES, MAX_ROWS
from pipetriage.sources.control_wanted import Wanted
from pipetriage.sources.documents import cell
from pipetriage.sources.parquet import repeated

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask, StaticTable

MAX_MANIFESTS = 300
"""Of the current snapshot: each is an object to be read before any row is."""


def iceberg_rows(
    aws: AwsSession, entry: Mapping[str, Any], wanted: Wanted, table: str
) -> tuple[list[dict[str, Any]], bool]:
    """Read the current rows, in the order in which they were committed, and tell whether those are all.

    Deletes are applied: what Athena has updated or merged is read as it is now.

    Raises:
        SourceError: the metadata, a manifest or a data file cannot be read.
        MissingExtraError: pyiceberg or pyarrow is not installed.
    """
    try:
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan
        from pyiceberg.table import StaticTable

        from pipetriage.aws.file_io import file_io_properties
        from pipetriage.sources.iceberg import DAMAGED
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in ("pyiceberg", "pyarrow"):
            raise
        extra = "parquet" if missing == "pyarrow" else "iceberg"
        raise MissingExtraError(extra, "reading a control table in Iceberg") from error
    location = (entry.get("Parameters") or {}).get("metadata_location")
    if not isinstance(location, str):
        raise SourceError(f"the catalog's entry of {table} has no metadata_location")
    try:
        found = StaticTable.from_metadata(location, file_io_properties(aws))
        tasks, complete = _newest_files(found, table)
        there = found.schema().column_names
        if twice := repeated(one for one in there if one.casefold() in {name.casefold() for name in wanted.columns}):
            raise SourceError(f"{table} has two columns {twice}, and it cannot be told which is meant")
        names = {name.casefold(): name for name in there}
        columns = {names[one.casefold()]: one for one in wanted.columns if one.casefold() in names}
        scan = ArrowScan(found.metadata, found.io, found.schema().select(*columns), AlwaysTrue())
        # Chosen newest first; rows of the same time, or of none, count in the order of their commits.
        rows = scan.to_table(tasks[::-1]).to_pylist()
    except DAMAGED as error:
        raise SourceError(f"the Iceberg table {table} cannot be read ({type(error).__name__}: {error})") from error
    return [{columns[name]: cell(value) for name, value in row.items()} for row in rows], complete


def _newest_files(found: "StaticTable", table: str) -> tuple[list["FileScanTask"], bool]:
    snapshot = found.current_snapshot()
    if snapshot is None:
        return [], True
    manifests = snapshot.manifests(found.io)
    if len(manifests) > MAX_MANIFESTS:
        raise SourceError(f"{table} has {len(manifests)} manifests, more than are read ({MAX_MANIFESTS})")
    # A planned file tells nothing of when it was written; its entry's sequence number grows with each commit.
    entries = (one for manifest in manifests for one in manifest.fetch_manifest_entry(found.io))
    written = {one.data_file.file_path: one.sequence_number or 0 for one in entries}
    planned = sorted(found.scan().plan_files(), key=lambda task: written.get(task.file.file_path, 0), reverse=True)
    taken: list[FileScanTask] = []
    size = rows = 0
    for task in planned[:MAX_FILES]:
        size += task.file.file_size_in_bytes + sum(one.file_size_in_bytes for one in task.delete_files)
        rows += task.file.record_count
        if size > MAX_BYTES or rows > MAX_ROWS:
            break
        taken.append(task)
    if planned and not taken:
        raise SourceError(f"the newest file of {table} is larger than is read ({MAX_BYTES} bytes, {MAX_ROWS} rows)")
    return taken, len(taken) == len(planned)
