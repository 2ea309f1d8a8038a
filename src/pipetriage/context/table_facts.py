"""What the tables' own evidence says: Iceberg metadata and entries, catalog entries, listings, Hudi timelines."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipetriage.context.reading import exact_id, integer, items, mapping, mappings, normal_uri, text
from pipetriage.errors import SourceError
from pipetriage.model.evidence import Observation
from pipetriage.model.facts import (
    CatalogTable,
    Column,
    DataFile,
    HudiInstant,
    HudiTable,
    IcebergTable,
    ListedFile,
    Listing,
    Snapshot,
)
from pipetriage.model.times import parse_time

KNOWN_ICEBERG_VERSIONS = frozenset({1, 2, 3})

# Summary fields that tell that the table has, or had until this snapshot, files that delete rows of others.
_DELETE_FILES = ("total-delete-files", "removed-delete-files", "removed-position-deletes", "removed-equality-deletes")

# <instant>[_<completion>].<action>[.<state>]: Hudi's timeline file names.
_HUDI_INSTANT = re.compile(r"^(\d{14,17})(?:_\d{14,17})?\.([a-z]{3,20})(?:\.(requested|inflight))?$")
_HUDI_INFLIGHT_COMMIT = re.compile(r"^(\d{14,17})\.inflight$")


def read_columns(document: Any) -> tuple[Column, ...]:
    """Read a schema: a list of columns, ``{"columns"|"fields": […]}``, or ``{name: type}``."""
    if isinstance(document, Mapping) and not items(document, "columns", "fields", "Columns", "schema"):
        nested = mapping(document, "schema")
        if nested:
            return read_columns(nested)
        return tuple(Column(str(name), _type(kind)) for name, kind in document.items() if not isinstance(kind, list))
    columns = []
    for member in items(document, "columns", "fields", "Columns", "schema"):
        if isinstance(member, str):
            name, _, kind = member.partition(" ")
            columns.append(Column(name.rstrip(":"), kind.strip().lower()))
        elif isinstance(member, Mapping) and (named := text(member, "name", "Name", "column")):
            required = member.get("required") is True or member.get("nullable") is False
            columns.append(Column(named, _type(member.get("type", member.get("Type"))), required))
    return tuple(columns)


def _type(kind: Any) -> str:
    if isinstance(kind, Mapping):
        return (text(kind, "type") or "struct").lower()
    return kind.lower() if isinstance(kind, str) else ""


def read_iceberg(seen: Observation, name: str) -> IcebergTable:
    """Read an Iceberg metadata file (table spec v1 to v3).

    Raises:
        SourceError: it is of a version that this program does not know, or lacks what every version has.
    """
    document = mapping(seen.payload)
    version = integer(document, "format-version")
    if version not in KNOWN_ICEBERG_VERSIONS:
        raise SourceError(
            f"Iceberg format-version {document.get('format-version')!r} is not one that is understood (1 to 3): "
            "update pipetriage, or treat the table as unobserved"
        )
    updated = parse_time(document.get("last-updated-ms"))
    if updated is None or not isinstance(document.get("snapshots", []), list):
        raise SourceError("the Iceberg metadata has no last-updated-ms or no snapshot list: copy the file again")
    raw_snapshots = items(document, "snapshots")
    snapshots = [_snapshot(member, name) for member in raw_snapshots]
    if any(snapshot is None for snapshot in snapshots):
        raise SourceError("the Iceberg metadata holds a snapshot without id or time: copy the file again")
    return IcebergTable(
        uuid=text(document, "table-uuid"),
        format_version=version,
        location=normal_uri(text(document, "location") or ""),
        metadata_uri=normal_uri(seen.uri) if seen.uri else None,
        last_updated_at=updated,
        last_sequence_number=integer(document, "last-sequence-number"),
        current_snapshot_id=_current(document),
        snapshots=tuple(sorted((s for s in snapshots if s is not None), key=lambda s: s.committed_at)),
        refs={
            str(ref): snapshot
            for ref, value in mapping(document, "refs").items()
            if (snapshot := exact_id(mapping(value).get("snapshot-id")))
        },
        snapshot_log=_log(document, "snapshot-log", "snapshot-id"),
        metadata_log=_log(document, "metadata-log", "metadata-file"),
        columns=_current_columns(document),
        partition_fields=_partition_fields(document),
        evidence=f"iceberg:{name}",
        observed_at=seen.observed_at,
        schemas={
            schema_id: read_columns(schema)
            for schema in mappings(document, "schemas")
            if (schema_id := integer(schema, "schema-id")) is not None
        },
        target_file_size=_size(text(mapping(document, "properties"), "write.target-file-size-bytes")),
    )


def _size(written: str | None) -> int | None:
    """Read a size that a table property gives, which is always text."""
    return int(written) if written is not None and re.fullmatch(r"[1-9]\d{0,17}", written) else None


def _current(document: Mapping[str, Any]) -> str | None:
    current = exact_id(document.get("current-snapshot-id"))
    return None if current == "-1" else current


def _snapshot(member: Any, name: str) -> Snapshot | None:
    if not isinstance(member, Mapping):
        return None
    snapshot_id = exact_id(member.get("snapshot-id"))
    committed = parse_time(member.get("timestamp-ms"))
    if snapshot_id is None or committed is None:
        return None
    summary = {str(key): str(value) for key, value in mapping(member, "summary").items()}
    return Snapshot(
        snapshot_id=snapshot_id,
        parent_id=exact_id(member.get("parent-snapshot-id")),
        sequence_number=integer(member, "sequence-number") or 0,
        committed_at=committed,
        operation=_operation(summary),
        summary=summary,
        evidence=f"snapshot:{snapshot_id}",
        schema_id=integer(member, "schema-id"),
    )


def _operation(summary: dict[str, str]) -> str:
    """Give the snapshot's operation; a ``replace`` that changed the number of rows is an overwrite.

    The spec has replace for rewritten files of unchanged rows. One that adds rows is a write under another name. One
    that lost rows may be a compaction that applied the table's delete files.
    """
    operation = summary.get("operation", "")
    if operation != "replace":
        return operation
    added, deleted = integer(summary, "added-records"), integer(summary, "deleted-records")
    if added is None or deleted is None:
        return operation
    applied = any((integer(summary, key) or 0) > 0 for key in _DELETE_FILES)
    return "overwrite" if added > deleted or (added < deleted and not applied) else operation


def _log(document: Mapping[str, Any], key: str, field: str) -> tuple[tuple[datetime, str], ...]:
    log = []
    for member in mappings(document, key):
        at, value = parse_time(member.get("timestamp-ms")), exact_id(member.get(field))
        if at is not None and value is not None:
            log.append((at, normal_uri(value) if field == "metadata-file" else value))
    return tuple(log)


def _current_columns(document: Mapping[str, Any]) -> tuple[Column, ...]:
    current = integer(document, "current-schema-id")
    for schema in mappings(document, "schemas"):
        if integer(schema, "schema-id") == current:
            return read_columns(schema)
    return read_columns(mapping(document, "schema")) if "schema" in document else ()


def _partition_fields(document: Mapping[str, Any]) -> tuple[str, ...]:
    default = integer(document, "default-spec-id")
    for spec in mappings(document, "partition-specs"):
        if integer(spec, "spec-id") == default:
            return tuple(name for field in mappings(spec, "fields") if (name := text(field, "name")))
    return tuple(name for field in mappings(document, "partition-spec") if (name := text(field, "name")))


def read_entries(payload: Any) -> tuple[tuple[DataFile, ...], bool]:
    """Read manifest entries; the second value is False when one could not be read."""
    files = []
    for entry in mappings(payload):
        snapshot_id, path = exact_id(entry.get("snapshot_id")), text(entry, "file_path")
        if snapshot_id is None or path is None:
            continue
        files.append(
            DataFile(
                snapshot_id=snapshot_id,
                status=integer(entry, "status") or 0,
                content=integer(entry, "content") or 0,
                uri=normal_uri(path),
                partition={
                    str(key): None if value is None else str(value)
                    for key, value in mapping(entry, "partition").items()
                },
                records=integer(entry, "record_count") or 0,
                size=integer(entry, "file_size_in_bytes") or 0,
                sequence_number=integer(entry, "sequence_number"),
            )
        )
    return tuple(files), len(files) == len(items(payload))


def read_listing(seen: Observation, evidence: str) -> Listing:
    """Read a ListObjectsV2 response (or a list of its pages). Without Contents: looked, and empty.

    Raises:
        SourceError: it is not a listing at all.
    """
    pages = seen.payload if isinstance(seen.payload, list) else [seen.payload]
    if not pages or not all(isinstance(page, Mapping) and not page.keys() & {"Error", "Key"} for page in pages):
        raise SourceError("this is no ListObjectsV2 response: write the response of list-objects-v2 into it")
    files, prefix, complete = [], "", seen.complete and not _cut_short(pages)
    for page in pages:
        bucket = text(page, "Name")
        base = f"s3://{bucket}/" if bucket else (_base(seen.uri) if seen.uri else "")
        prefix = prefix or normal_uri(seen.uri or base + (text(page, "Prefix") or ""))
        if not isinstance(page.get("Contents", []), list):
            raise SourceError("the listing's Contents is no list: write the response of list-objects-v2 into it")
        for member in items(page, "Contents"):
            if not isinstance(member, Mapping) or not text(member, "Key"):
                complete = False
            elif key := text(member, "Key"):
                uri = key if "://" in key or key.startswith("/") else base + key
                modified = parse_time(member.get("LastModified"))
                files.append(ListedFile(normal_uri(uri), integer(member, "Size") or 0, modified))
    return Listing(uri=prefix, files=tuple(files), complete=complete, observed_at=seen.observed_at, evidence=evidence)


def _cut_short(pages: list[Mapping[str, Any]]) -> bool:
    """Whether these pages are not all there is: every page but the last leads on to the next."""
    last: Mapping[str, Any] = pages[-1] if pages else {}
    leads_on = str(last.get("IsTruncated")).lower() == "true" or last.get("NextContinuationToken")
    # With a delimiter, what lies in the sub-folders is not listed.
    return bool(leads_on or last.get("NextToken") or any(page.get("CommonPrefixes") for page in pages))


def _base(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}/" if separator else ""


def read_catalog_table(seen: Observation, name: str) -> CatalogTable:
    """Read a GetTable response."""
    table = mapping(seen.payload, "Table") or mapping(seen.payload)
    parameters, storage = mapping(table, "Parameters"), mapping(table, "StorageDescriptor")
    location = text(parameters, "metadata_location")
    return CatalogTable(
        name=".".join(part for part in (text(table, "DatabaseName"), text(table, "Name")) if part) or name,
        metadata_location=normal_uri(location) if location else None,
        location=normal_uri(where) if (where := text(storage, "Location")) else None,
        table_format=_format(parameters, storage),
        created_at=parse_time(table.get("CreateTime")),
        updated_at=parse_time(table.get("UpdateTime")),
        columns=read_columns(items(storage, "Columns")),
        partition_keys=tuple(key for field in mappings(table, "PartitionKeys") if (key := text(field, "Name"))),
        evidence=f"table:{name}",
        observed_at=seen.observed_at,
    )


def _format(parameters: Mapping[str, Any], storage: Mapping[str, Any]) -> str | None:
    kind = (text(parameters, "table_type", "classification", "spark.sql.sources.provider") or "").lower()
    if kind in {"iceberg", "delta", "hudi", "parquet", "csv", "json", "orc", "avro"}:
        return kind
    serde = f"{text(storage, 'InputFormat') or ''} {text(mapping(storage, 'SerdeInfo'), 'SerializationLibrary') or ''}"
    for word, name in (("hudi", "hudi"), ("parquet", "parquet"), ("orc", "orc"), ("json", "json"), ("csv", "csv")):
        if word in serde.lower():
            return name
    return "csv" if "lazysimpleserde" in serde.lower() else None


def read_hudi(seen: Observation, name: str) -> HudiTable:
    """Read a listing of ``.hoodie``: ListObjectsV2, a list of file names, or ``{"files": […]}``."""
    names: list[tuple[str, datetime | None]] = []
    pages = list(mappings(seen.payload if isinstance(seen.payload, list) else [seen.payload]))
    truncated = _cut_short(pages)
    listed = [member for page in pages for member in items(page, "Contents")]
    for member in listed or items(seen.payload, "Contents", "files", "instants"):
        document = {"Key": member} if isinstance(member, str) else mapping(member)
        path = text(document, "Key", "path", "name")
        if path and not _of_inner_table(path):
            modified = parse_time(document.get("LastModified", document.get("modified")))
            names.append((path.rsplit("/", 1)[-1], modified))
    instants = []
    for file, modified in names:
        if found := _HUDI_INSTANT.match(file):
            instants.append(HudiInstant(found[1], found[2], found[3] or "completed", modified))
        elif found := _HUDI_INFLIGHT_COMMIT.match(file):
            instants.append(HudiInstant(found[1], "commit", "inflight", modified))
        elif file[:14].isdecimal():
            truncated = True  # an instant of a kind that is not known may be a commit
    return HudiTable(
        instants=tuple(sorted(instants, key=lambda instant: instant.instant)),
        complete=seen.complete and not truncated,
        evidence=f"hudi:{name}",
        observed_at=seen.observed_at,
    )


def _of_inner_table(path: str) -> bool:
    """Whether the key is of Hudi's metadata table, a table of its own within the timeline folder."""
    _, separator, within = path.partition(".hoodie/")
    return (within if separator else path).startswith("metadata/")
