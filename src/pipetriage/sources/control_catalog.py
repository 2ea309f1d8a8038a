"""A control table in the Glue catalog, which teams ask with Athena: its entry, then its files in S3, newest first.

Athena itself is not asked: StartQueryExecution runs any statement, and writes a result file. So the files are read as
Athena would: those of the partitions that the catalog knows, without hidden and empty ones. What lies beyond the
bounds, or may not have been read as the job or Athena reads it, leaves the answer incomplete.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.model.cells import same_cell
from pipetriage.model.templates import batch_key
from pipetriage.sources.control_files import File, Partition, table_files
from pipetriage.sources.control_rows import MAX_BYTES, MAX_FILES, MAX_ROWS, Reader, Rows, decoded, newest, reader_of
from pipetriage.sources.control_wanted import Wanted
from pipetriage.sources.documents import plain
from pipetriage.sources.glue_tables import format_of, names_of
from pipetriage.sources.local_files import Answer
from pipetriage.sources.s3_objects import object_bytes

_FETCHED_AT_ONCE = 8
_REASONS = 3
"""Of an answer that is not whole, told: one is to be set right before the next."""


def catalog_rows(aws: AwsSession, table: str, region: str | None, wanted: Wanted) -> Answer:
    """Read the rows of a table of the Glue catalog: JSON lines, CSV or Parquet in S3, or Iceberg.

    Raises:
        SourceError: the table is not there, is a view, has none of the columns or no file, or cannot be read.
        MissingExtraError: its files are Parquet or Iceberg, and pyarrow or pyiceberg is not installed.
    """
    database, name = names_of(table)
    glue = aws.client("glue", region)
    with aws.calling(f"glue:GetTable {table}"):
        entry = plain(glue.get_table(DatabaseName=database, Name=name))["Table"]
    if entry.get("TargetTable"):
        linked = entry["TargetTable"]
        raise SourceError(f"{table} is a link to {linked.get('DatabaseName')}.{linked.get('Name')}: declare that table")
    if entry.get("TableType") == "VIRTUAL_VIEW":
        raise SourceError(f"{table} is a view: declare the table that it shows")
    columns = _columns(entry)
    wanted = _checked(wanted, columns, table)
    kind = format_of(entry)
    if kind == "iceberg":
        from pipetriage.sources.control_iceberg import iceberg_rows

        rows, whole = iceberg_rows(aws, entry, wanted, table)
        unread = [] if whole else ["its newest files alone were read"]
    elif kind in ("json", "csv", "parquet"):
        rows, unread = _file_rows(aws, glue, entry, kind, wanted, table)
    else:
        raise SourceError(f"{table} is of format {kind or 'unknown'}: JSON lines, CSV, Parquet and Iceberg are read")
    # A nested value is no id that could be known again.
    if any(isinstance(value, dict | list) for row in rows for value in row.values()):
        unread.append("a row has a nested value where an id or a word is due")
    kept, all_kept = newest([row for row in rows if wanted.takes(row)], wanted)
    if not all_kept:
        unread.append("older rows were left out")
    why = f" (not read whole: {'; '.join(dict.fromkeys(unread[:_REASONS]))})" if unread else ""
    return Answer(kept, f"glue:GetTable {table}, and its files{why}", complete=not unread)


def _columns(entry: Mapping[str, Any]) -> list[str]:
    storage = entry.get("StorageDescriptor") or {}
    return [str(one.get("Name")) for one in (*(storage.get("Columns") or ()), *(entry.get("PartitionKeys") or ()))]


def _checked(wanted: Wanted, columns: list[str], table: str) -> Wanted:
    """Keep the columns that the table has: the catalog's own are in small letters.

    Raises:
        SourceError: it lacks one that tells rows apart, or has next to none.
    """
    there = {column.casefold() for column in columns}
    if absent := next((column for column in wanted.only if column.casefold() not in there), None):
        raise SourceError(f"{table} has no column {absent}: correct its name")
    found = tuple(column for column in wanted.columns if column.casefold() in there)
    if wanted.batch not in found and len(found) < 2:
        raise SourceError(f"{table} has none of the columns {', '.join(wanted.columns)}: declare control.columns")
    return wanted._replace(columns=found)


# Its files


def _file_rows(
    aws: AwsSession, glue: Any, entry: dict[str, Any], kind: str, wanted: Wanted, table: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Read the rows of the newest files, the oldest first, and why they may not be all that is wanted."""
    files, missing = table_files(aws, glue, entry, table)
    files = _narrowed(files, wanted)
    # Files of one write may have one time: their names count up.
    files.sort(key=lambda one: (one.modified, one.key), reverse=True)
    read = reader_of(kind, entry, wanted, table)
    taken = _within_bounds(files)
    if files and not taken:
        raise SourceError(f"the newest file of {table} is larger than is read ({MAX_BYTES})")
    unread = [missing] if missing else []
    if len(taken) < len(files):
        unread.append(f"of its {len(files)} files the newest {len(taken)} were read")
    found: list[list[dict[str, Any]]] = []
    refused: list[SourceError] = []
    count = 0
    for file, got in _fetched(aws, taken, read):
        if isinstance(got, SourceError):
            refused.append(got)
            continue
        if got.unread:
            unread.append(f"{file.key}: {got.unread}")
        if file.partition.differs:
            unread.append(f"{file.key} lies in a partition that has a {file.partition.differs} of its own")
        found.append([_with_partition(row, file.partition, wanted) for row in got.rows])
        count += len(got.rows)
        if count > MAX_ROWS:
            unread.append(f"it holds more than the {MAX_ROWS} rows that are read")
            break
    if refused and not found:
        raise refused[0]
    return [row for rows in reversed(found) for row in rows], [*unread, *map(str, refused)]


def _narrowed(files: list[File], wanted: Wanted) -> list[File]:
    """Leave out the files of partitions in which no wanted row lies.

    By batch only where the triaged one has a partition: should its id be written otherwise there, a row that names
    one of its runs lies in a partition that looks like another's.
    """
    files = [one for one in files if _has_values(one.partition, wanted)]
    keys = [batch_key(one) for one in wanted.batches]
    batches = [_batch_of(one.partition, wanted) for one in files]
    if not keys or keys[0] not in batches:
        return files
    return [one for one, batch in zip(files, batches, strict=True) if batch is None or batch in keys]


def _has_values(partition: Partition, wanted: Wanted) -> bool:
    values = {name.casefold(): value for name, value in partition.values.items()}
    return all(
        same_cell(values[column.casefold()], value)
        for column, value in wanted.only.items()
        if column.casefold() in values
    )


def _batch_of(partition: Partition, wanted: Wanted) -> str | None:
    """Give the batch that all rows of a partition are of; None: it is not divided by batch, or of none."""
    named = (value for name, value in partition.values.items() if name.casefold() == wanted.batch.casefold())
    batch = next(named, None)
    return batch_key(batch) if batch is not None else None


def _within_bounds(files: list[File]) -> list[File]:
    taken: list[File] = []
    left = MAX_BYTES
    for one in files[:MAX_FILES]:
        left -= one.size
        if left < 0:
            break
        taken.append(one)
    return taken


def _fetched(aws: AwsSession, files: list[File], read: Reader) -> Iterator[tuple[File, Rows | SourceError]]:
    """Read files, some at the same time, in their order."""

    def fetch(file: File) -> bytes | SourceError:
        try:
            return object_bytes(aws, file.key, MAX_BYTES)
        except SourceError as error:
            return error

    with ThreadPoolExecutor(_FETCHED_AT_ONCE) as pool:
        for start in range(0, len(files), _FETCHED_AT_ONCE):
            some = files[start : start + _FETCHED_AT_ONCE]
            for file, data in zip(some, pool.map(fetch, some), strict=True):
                if isinstance(data, SourceError):
                    yield file, data
                    continue
                try:
                    yield file, read(decoded(data, file.key), file.key)
                except SourceError as error:
                    yield file, error


def _with_partition(row: dict[str, Any], partition: Partition, wanted: Wanted) -> dict[str, Any]:
    named = {key.casefold(): value for key, value in partition.values.items()}
    return row | {column: named[column.casefold()] for column in wanted.columns if column.casefold() in named}
