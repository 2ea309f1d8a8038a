"""Which files in S3 a control table of the Glue catalog is made of, and which partition each of them lies in."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.sources.s3 import listing

MAX_PARTITIONS = 2_000
"""Partitions that the catalog is asked for, the 20 pages of a control table with one a day for five years."""
_ELSEWHERE = 20
"""Partitions outside the table's folder that are listed one by one."""
_HIVES_NULL = "__HIVE_DEFAULT_PARTITION__"
"""The folder of rows that have no value in the partition's column."""

# What engines leave beside the rows that holds none, or rows of writes that never ended. Whatever else they hide (it
# begins with _ or .) may be somebody's rows.
_MARKERS = ("_success", "_started", "_committed", "_temporary", "_metadata", "_common_metadata", "_spark_metadata")
_HIDDEN_ENDINGS = (".crc",)


class Partition(NamedTuple):
    """A folder of files, and the values that its rows have in the partition's columns."""

    folder: str
    values: Mapping[str, str | None]
    differs: str = ""
    """In what it is described otherwise than the table is; empty where it is not."""


class File(NamedTuple):
    """One file of rows."""

    key: str
    modified: str
    size: int
    partition: Partition


class Files(NamedTuple):
    """The files found, and why they may not be all; empty where they are."""

    found: list[File]
    unread: str


def table_files(aws: AwsSession, glue: Any, entry: Mapping[str, Any], table: str) -> Files:
    """List the files of the table, each with its partition.

    Raises:
        SourceError: the entry names no place that is read, or nothing lies there: a place that was left long ago looks
            so, and a table without rows seldom does.
    """
    location = str((entry.get("StorageDescriptor") or {}).get("Location") or "")
    if not location:
        raise SourceError(f"the catalog's entry of {table} names no location")
    keys = [str(one["Name"]) for one in entry.get("PartitionKeys") or ()]
    parameters = {str(key).lower(): str(value) for key, value in (entry.get("Parameters") or {}).items()}
    if not keys:
        files = _listed(aws, location, lambda _: Partition(_folder(location), {}))
    elif parameters.get("projection.enabled", "").strip().lower() == "true":
        if parameters.get("storage.location.template"):
            raise SourceError(f"{table} has partitions by storage.location.template, which are not read")
        files = _listed(aws, location, lambda key: _in_path(key, _folder(location), keys))
    else:
        files = _registered(aws, glue, entry, keys, location)
    if not files.found:
        why = f" ({files.unread})" if files.unread else ""
        raise SourceError(f"no file of {table} lies at {location}{why}: is the catalog's entry current?")
    return files


def _registered(aws: AwsSession, glue: Any, entry: Mapping[str, Any], keys: list[str], location: str) -> Files:
    """List the files of the partitions that the catalog knows."""
    known, whole = _partitions(aws, glue, entry, keys)
    unread = [] if whole else [f"it has more than the {MAX_PARTITIONS} partitions that are read"]
    inside = {one.folder: one for one in known if one.folder.startswith(_folder(location))}
    files = _listed(aws, location, lambda key: _partition_of(key, inside))
    found = list(files.found)
    unread.append(files.unread)
    elsewhere = [one for one in known if one.folder not in inside]
    if len(elsewhere) > _ELSEWHERE:
        unread.append(f"{len(elsewhere)} of its partitions lie outside its folder")
    for partition in elsewhere[-_ELSEWHERE:]:
        more = _listed(aws, partition.folder, partial(_always, partition))
        found += more.found
        unread.append(more.unread)
    return Files(found, next(filter(None, unread), ""))


def _always(partition: Partition, key: str) -> Partition:
    return partition


def _listed(aws: AwsSession, location: str, partition_of: Callable[[str], Partition | None]) -> Files:
    answer = listing(aws, location)
    base = f"s3://{answer.payload['Name']}/"
    found: list[File] = []
    unread = "" if answer.complete else f"more lies at {location} than is listed"
    for one in answer.payload.get("Contents", ()):
        key = f"{base}{one['Key']}"
        partition = partition_of(key)
        inner = key.removeprefix(partition.folder if partition else _folder(location))
        hidden = [part for part in inner.split("/") if part.startswith(("_", "."))]
        if not one.get("Size") or (hidden and _is_marker(inner, hidden[0])):
            continue
        if hidden:
            unread = unread or f"{key} is hidden from Athena"
        elif partition is None:
            # Athena does not see it; a job that reads the folder does.
            unread = unread or f"{key} lies in no partition that the catalog knows"
        else:
            found.append(File(key, str(one.get("LastModified") or ""), int(one["Size"]), partition))
    return Files(found, unread)


def _is_marker(inner: str, hidden: str) -> bool:
    name = hidden.lower()
    if name.startswith(".") or inner.lower().endswith(_HIDDEN_ENDINGS):
        return inner.lower().endswith(_HIDDEN_ENDINGS)
    return name in _MARKERS or name.startswith(("_started_", "_committed_"))


# Partitions


def _partitions(aws: AwsSession, glue: Any, entry: Mapping[str, Any], keys: list[str]) -> tuple[list[Partition], bool]:
    """Give each partition that the catalog knows, and tell whether those are all."""
    request = {"DatabaseName": entry["DatabaseName"], "TableName": entry["Name"]}
    found: list[Partition] = []
    more: dict[str, Any] = {}
    while len(found) < MAX_PARTITIONS:
        with aws.calling(f"glue:GetPartitions {entry['DatabaseName']}.{entry['Name']}"):
            page = glue.get_partitions(**request, **more)
        for one in page.get("Partitions", ()):
            place = str((one.get("StorageDescriptor") or {}).get("Location") or "")
            if not place:
                return found, False
            values = dict(zip(keys, map(_value, one.get("Values", ())), strict=False))
            found.append(Partition(_folder(place), values, _difference(entry, one)))
        if not page.get("NextToken"):
            return found, True
        more = {"NextToken": page["NextToken"]}
    return found, False


def _difference(entry: Mapping[str, Any], partition: Mapping[str, Any]) -> str:
    """Name what of a partition's own description differs from its table's; what it leaves out is the table's."""
    table, own = (one.get("StorageDescriptor") or {} for one in (entry, partition))
    for name, read in (
        ("SerDe", lambda one: (one.get("SerdeInfo") or {}).get("SerializationLibrary")),
        ("SerDe parameters", lambda one: _parameters(one.get("SerdeInfo") or {})),
        # Text is read by the places of its columns.
        ("columns", lambda one: [str(column.get("Name")).casefold() for column in one.get("Columns") or ()]),
    ):
        if read(own) and read(own) != read(table):
            return name
    header = "skip.header.line.count"
    given, ours = ((one.get("Parameters") or {}).get(header) for one in (partition, entry))
    of_serde = _parameters(table.get("SerdeInfo") or {}).get(header)
    return "header" if given is not None and str(given) != str(ours or of_serde or 0) else ""


def _parameters(serde: Mapping[str, Any]) -> dict[str, str]:
    # Crawlers list there which keys they saw (paths), for each partition anew.
    return {str(key): str(value) for key, value in (serde.get("Parameters") or {}).items() if key != "paths"}


def _partition_of(key: str, inside: Mapping[str, Partition]) -> Partition | None:
    """Find the partition whose folder a file lies in."""
    folder = key
    while "/" in folder.partition("://")[2].rstrip("/"):
        folder = folder.rstrip("/").rpartition("/")[0] + "/"
        if folder in inside:
            return inside[folder]
    return None


def _in_path(key: str, folder: str, keys: list[str]) -> Partition | None:
    """Read a partition's values from its folders, ``day=2026-11-21/``; None where one of them is not there."""
    # Projection knows no other folders: what lies in one, _temporary or not, is in no partition.
    parts = key.removeprefix(folder).split("/")[:-1][: len(keys)]
    pairs = {name: value for name, separator, value in (part.partition("=") for part in parts) if separator}
    if set(pairs) != set(keys):
        return None
    return Partition(folder + "".join(f"{part}/" for part in parts), {name: _value(one) for name, one in pairs.items()})


def _value(written: str) -> str | None:
    """Read a partition's value: engines write what a path cannot hold as ``%3A``, and nothing at all as a word."""
    return None if written == _HIVES_NULL else unquote(written)


def _folder(location: str) -> str:
    scheme, _, rest = location.partition("://")
    return f"{'s3' if scheme in ('s3a', 's3n') else scheme}://{rest.rstrip('/')}/"
