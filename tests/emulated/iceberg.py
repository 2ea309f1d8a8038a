"""Iceberg manifests made again from a bundle's entries, so that a reader finds in S3 what the bundle says."""

import io
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from pyiceberg.expressions.literals import literal
from pyiceberg.io import InputFile, OutputFile
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import DateType

Rows = list[dict[str, Any]]
Put = Callable[[str, bytes], None]
_EPOCH = date(1970, 1, 1)


def put_manifests(metadata: dict[str, Any], entries: Rows, put: Put) -> None:
    """Write every manifest list that the metadata names, with a manifest for what each snapshot added and removed."""
    table = TableMetadataUtil.parse_obj(metadata)
    own: dict[int, list[ManifestFile]] = {}
    for snapshot in sorted(table.snapshots, key=lambda one: one.sequence_number or one.timestamp_ms):
        if not snapshot.manifest_list:
            continue
        rows = [row for row in entries if row["snapshot_id"] == snapshot.snapshot_id]
        place = snapshot.manifest_list.rpartition(".")[0]
        own[snapshot.snapshot_id] = list(_manifests(table, snapshot.snapshot_id, rows, place, put))
        listed = [file for manifests in reversed(own.values()) for file in manifests]
        target = _Target(snapshot.manifest_list, put)
        with write_manifest_list(
            *(_version(table), target, snapshot.snapshot_id, snapshot.parent_snapshot_id),
            *(snapshot.sequence_number or 0, "deflate"),
        ) as manifest_list:
            manifest_list.add_manifests(listed)
        # As a committed list has them, for the lists of the snapshots that follow.
        for file in own[snapshot.snapshot_id]:
            file.sequence_number = file.min_sequence_number = snapshot.sequence_number or 0


def _manifests(table: TableMetadata, snapshot_id: int, rows: Rows, place: str, put: Put) -> Iterable[ManifestFile]:
    for deletes in (False, True):
        chosen = [row for row in rows if (row.get("content", 0) != 0) is deletes]
        if chosen:
            target = _Target(f"{place}-m{int(deletes)}.avro", put)
            yield _manifest(table, snapshot_id, chosen, target, deletes)


def _manifest(table: TableMetadata, snapshot_id: int, rows: Rows, target: "_Target", deletes: bool) -> ManifestFile:
    spec, schema = table.spec(), table.schema()
    make = _DeletesWriter if deletes else None
    arguments = (spec, schema, target, snapshot_id, "deflate")
    with make(*arguments) if make else write_manifest(_version(table), *arguments) as writer:  # type: ignore[arg-type]
        for row in rows:
            writer.add_entry(
                ManifestEntry.from_args(
                    status=ManifestEntryStatus(row["status"]),
                    snapshot_id=row["snapshot_id"],
                    sequence_number=row.get("sequence_number") or 0,
                    file_sequence_number=row.get("sequence_number") or 0,
                    data_file=_data_file(row, spec, schema),
                )
            )
    return writer.to_manifest_file()


def _data_file(row: dict[str, Any], spec: PartitionSpec, schema: Schema) -> DataFile:
    return DataFile.from_args(
        content=DataFileContent(row.get("content", 0)),
        file_path=row["file_path"],
        file_format=FileFormat.PARQUET,
        partition=Record(*_values(row.get("partition") or {}, spec, schema)),
        record_count=row["record_count"],
        file_size_in_bytes=row["file_size_in_bytes"],
    )


def _values(shown: dict[str, Any], spec: PartitionSpec, schema: Schema) -> Iterable[Any]:
    """Turn partition values as engines show them into what manifests hold."""
    for field in spec.fields:
        text = shown.get(field.name)
        source = schema.find_type(field.source_id)
        if text is None:
            yield None
        elif isinstance(field.transform, IdentityTransform):
            yield literal(str(text)).to(source).value
        elif isinstance(field.transform.result_type(source), DateType):
            yield (date.fromisoformat(str(text)) - _EPOCH).days
        elif str(field.transform) == "month":
            year, month = str(text).split("-")[:2]
            yield (int(year) - 1970) * 12 + int(month) - 1
        elif str(field.transform) == "hour":
            day, _, hour = str(text).rpartition("-")
            yield (date.fromisoformat(day) - _EPOCH).days * 24 + int(hour)
        else:
            yield int(text)


def _version(table: TableMetadata) -> Any:
    return table.format_version


class _DeletesWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _Target(OutputFile):
    """Collects what is written and puts it into S3 when closed."""

    def __init__(self, location: str, put: Put) -> None:
        super().__init__(location)
        self._put = put
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def exists(self) -> bool:
        return False

    def to_input_file(self) -> InputFile:
        raise AssertionError("manifests are written here, and not read again")

    def create(self, overwrite: bool = False) -> Any:
        return _Stream(self)

    def done(self, data: bytes) -> None:
        self._size = len(data)
        self._put(self.location, data)


class _Stream(io.BytesIO):
    def __init__(self, target: _Target) -> None:
        super().__init__()
        self._target = target

    def close(self) -> None:
        if not self.closed:
            self._target.done(self.getvalue())
        super().close()
