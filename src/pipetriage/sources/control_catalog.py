"""A control table in the Glue catalog, which teams ask with Athena: its entry, then its files in S3, newest first.

Athena itself is not asked: StartQueryExecution runs any statement, and writes a result file. So the files are read as
Athena would: those of the partitions that the catalog knows, without hidden and empty ones. What lies beyond the bounds
leaves the answer incomplete.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.sources.control_rows import MAX_BYTES, MAX_FILES, MAX_ROWS, decoded, newest, reader_of
from pipetriage.sources.control_table import Wanted
from pipetriage.sources.documents import plain
from pipetriage.sources.glue_tables import format_of, names_of
from pipetriage.sources.local_files import Answer
from pipetriage.sources.s3 import listing
from pipetriage.sources.s3_objects import object_bytes

MAX_PARTITIONS = 2_000
"""Partitions that the catalog is asked for, the 20 pages of a control table with one a day for five years."""
_ELSEWHERE = 20
"""Partitions outside the table's folder that are listed one by one."""


class _File(NamedTuple):
    key: str
    modified: str
    size: int
    partition: dict[str, Any]


def catalog_rows(aws: AwsSession, table: str, region: str | None, wanted: Wanted) -> Answer:
    """Read the rows of a table of the Glue catalog: JSON lines, CSV or Parquet in S3, or Iceberg.

    Raises:
        SourceError: the table is not there, is a view, has none of the columns, or cannot be read.
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

        rows, complete = iceberg_rows(aws, entry, wanted, table)
    elif kind in ("json", "csv", "parquet"):
        rows, complete = _file_rows(aws, glue, entry, kind, wanted, table)
    else:
        raise SourceError(f"{table} is of format {kind or 'unknown'}: JSON lines, CSV, Parquet and Iceberg are read")
    kept, all_kept = newest([row for row in rows if wanted.takes(row)], wanted)
    return Answer(kept, f"glue:GetTable {table}, and its files", complete=complete and all_kept)


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


# Which files


def _file_rows(
    aws: AwsSession, glue: Any, entry: dict[str, Any], kind: str, wanted: Wanted, table: str
) -> tuple[list[dict[str, Any]], bool]:
    files, complete = _files(aws, glue, entry, table)
    files.sort(key=lambda one: one.modified, reverse=True)
    read = reader_of(kind, entry, wanted)
    rows: list[dict[str, Any]] = []
    refused: list[SourceError] = []
    taken, left = 0, MAX_BYTES
    for one in files[:MAX_FILES]:
        if one.size > left or len(rows) >= MAX_ROWS:
            break
        left -= one.size
        try:
            data = decoded(object_bytes(aws, one.key, MAX_BYTES), one.key)
            found, whole = read(data, one.key)
        except SourceError as error:
            refused.append(error)
            continue
        taken += 1
        complete = complete and whole
        rows += [_with_partition(row, one.partition, wanted) for row in found]
    if files and not taken:
        raise refused[0] if refused else SourceError(f"the newest file of {table} is larger than is read ({MAX_BYTES})")
    return rows, complete and taken == len(files)


def _with_partition(row: dict[str, Any], partition: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    named = {key.casefold(): value for key, value in partition.items()}
    return row | {column: named[column.casefold()] for column in wanted.columns if column.casefold() in named}


def _files(aws: AwsSession, glue: Any, entry: dict[str, Any], table: str) -> tuple[list[_File], bool]:
    """List the files of the table, each with its partition's values, and tell whether those are all."""
    location = str((entry.get("StorageDescriptor") or {}).get("Location") or "")
    if not location:
        raise SourceError(f"the catalog's entry of {table} names no location")
    keys = [str(one["Name"]) for one in entry.get("PartitionKeys") or ()]
    if not keys:
        return _listed(aws, location, lambda _: {})
    parameters = entry.get("Parameters") or {}
    if str(parameters.get("projection.enabled", "")).lower() == "true":
        if parameters.get("storage.location.template"):
            raise SourceError(f"{table} has partitions by storage.location.template, which are not read")
        return _listed(aws, location, lambda key: _in_path(key, keys))
    known, complete = _partitions(aws, glue, entry, keys)
    folders = {place: values for place, values in known if place.startswith(_folder(location))}
    found, whole = _listed(aws, location, lambda key: _partition_of(key, folders))
    # Athena does not see what lies in no partition that the catalog knows; a job that reads the folder does.
    complete = complete and whole and all(one.partition for one in found)
    found = [one for one in found if one.partition]
    elsewhere = [(place, values) for place, values in known if place not in folders]
    for place, values in elsewhere[-_ELSEWHERE:]:
        more, whole = _listed(aws, place, lambda _, values=values: values)
        found += more
        complete = complete and whole
    return found, complete and len(elsewhere) <= _ELSEWHERE


def _listed(aws: AwsSession, location: str, partition_of: Any) -> tuple[list[_File], bool]:
    answer = listing(aws, location)
    base = f"s3://{answer.payload['Name']}/"
    prefix = str(answer.payload["Prefix"])
    found = []
    for one in answer.payload.get("Contents", ()):
        inner = str(one["Key"]).removeprefix(prefix)
        hidden = any(part.startswith(("_", ".")) for part in inner.split("/"))
        if one.get("Size") and not hidden:
            key = f"{base}{one['Key']}"
            found.append(_File(key, str(one.get("LastModified") or ""), int(one["Size"]), partition_of(key)))
    return found, answer.complete


def _partitions(
    aws: AwsSession, glue: Any, entry: Mapping[str, Any], keys: list[str]
) -> tuple[list[tuple[str, dict[str, Any]]], bool]:
    """Give the folder and values of each partition that the catalog knows."""
    request = {"DatabaseName": entry["DatabaseName"], "TableName": entry["Name"], "ExcludeColumnSchema": True}
    found: list[tuple[str, dict[str, Any]]] = []
    more: dict[str, Any] = {}
    while len(found) < MAX_PARTITIONS:
        with aws.calling(f"glue:GetPartitions {entry['DatabaseName']}.{entry['Name']}"):
            page = glue.get_partitions(**request, **more)
        for one in page.get("Partitions", ()):
            place = str((one.get("StorageDescriptor") or {}).get("Location") or "")
            if place:
                found.append((_folder(place), dict(zip(keys, one.get("Values", ()), strict=False))))
        if not page.get("NextToken"):
            return found, True
        more = {"NextToken": page["NextToken"]}
    return found, False


def _folder(location: str) -> str:
    scheme, _, rest = location.partition("://")
    return f"{'s3' if scheme in ('s3a', 's3n') else scheme}://{rest.rstrip('/')}/"


def _partition_of(key: str, folders: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Find the partition whose folder a file lies in."""
    folder = key
    while "/" in folder.partition("://")[2]:
        folder = folder.rstrip("/").rpartition("/")[0] + "/"
        if folder in folders:
            return folders[folder]
        if not folder.partition("://")[2].strip("/"):
            break
    return {}


def _in_path(key: str, keys: list[str]) -> dict[str, Any]:
    """Read a partition's values from its folders, ``day=2026-11-21/``."""
    pairs: Iterator[tuple[str, str, str]] = (part.partition("=") for part in key.split("/"))
    known = {name: value for name, separator, value in pairs if separator}
    return {name: known[name] for name in keys if name in known}
