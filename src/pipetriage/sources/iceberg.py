"""Iceberg metadata and manifests, read through pyiceberg without a catalog, without pyarrow and without writing.

Imports pyiceberg, so it is itself imported only by the source that needs it.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

from pyiceberg.exceptions import NotInstalledError, ResolveError, ValidationError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
from pyiceberg.manifest import ManifestFile
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.types import NestedField

from pipetriage.errors import SourceError
from pipetriage.model.times import from_epoch
from pipetriage.sources.counting import has_read
from pipetriage.sources.local_files import local_path

MAX_SNAPSHOTS = 500
"""Snapshots whose manifests are read at most, newest first: two small files a snapshot."""

# What pyiceberg's Avro and metadata readers raise on a damaged or foreign file; it wraps none of them.
DAMAGED = (
    ValidationError,
    ResolveError,
    NotInstalledError,
    OSError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    struct.error,
    zlib.error,
)


class _Reading(Protocol):
    """Opens an object for reading. The one thing that differs between a local disk and an object store."""

    def __call__(self, location: str) -> bytes:
        """Give the object's bytes.

        Raises:
            SourceError: it cannot be read.
        """
        ...


def read_local(location: str) -> bytes:
    """Read ``file:///…`` or a plain path.

    Raises:
        SourceError: another scheme, no regular file, or unreadable.
    """
    path = local_path(location)
    try:
        if path.exists() and not path.is_file():
            raise SourceError(f"{location} is no regular file")
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {location}: {error.strerror or error}") from error
    has_read(len(data))
    return data


def entries_since(
    metadata: dict[str, Any],
    since: datetime | None,
    read: _Reading = read_local,
    ahead: Callable[[list[str]], None] = lambda locations: None,
) -> tuple[list[dict[str, Any]], bool]:
    """Read the manifest entries that each snapshot committed since then wrote, in the bundle's shape.

    ``since`` None means every snapshot. The second value is False when there are more snapshots than are read.
    ``ahead`` is told which manifests will be read next: an object store answers many requests at once.

    Raises:
        SourceError: the metadata, a manifest list or a manifest cannot be read or understood.
    """
    try:
        table = _table(metadata)
        files = ReadOnlyFiles(read)
        snapshots = sorted(table.snapshots, key=lambda snapshot: snapshot.timestamp_ms)
        wanted = [snap for snap in snapshots if since is None or from_epoch(snap.timestamp_ms) >= since]
        manifests = _own_manifests(wanted[-MAX_SNAPSHOTS:], files)
        ahead([manifest.manifest_path for manifest in manifests])
        rows = [row for manifest in manifests for row in _rows(table, manifest, files)]
    except DAMAGED as error:
        raise SourceError(f"the Iceberg manifests cannot be read ({type(error).__name__}: {error})") from error
    return rows, len(wanted) <= MAX_SNAPSHOTS


def _table(metadata: dict[str, Any]) -> TableMetadata:
    try:
        return TableMetadataUtil.parse_obj(metadata)
    except (ValueError, ValidationError):
        # A column of a type that pyiceberg does not know yet (variant): nothing is partitioned by it, so any will do.
        schemas = [schema | {"fields": [_known(field) for field in schema["fields"]]} for schema in metadata["schemas"]]
        return TableMetadataUtil.parse_obj(metadata | {"schemas": schemas})


def _known(field: dict[str, Any]) -> dict[str, Any]:
    try:
        NestedField.model_validate(field)
    except (ValueError, ValidationError):
        return field | {"type": "binary"}
    return field


def _own_manifests(snapshots: list[Snapshot], files: "ReadOnlyFiles") -> list[ManifestFile]:
    """Give the manifests that these snapshots wrote, oldest snapshot first.

    A list names every manifest that is still in use, also those of the commits before. An older snapshot's own list,
    as long as the table has manifests, is read only where the files it counts are not all accounted for by then.
    """
    found: list[list[ManifestFile]] = []
    listed: list[ManifestFile] = []
    for snapshot in reversed(snapshots):
        own = [manifest for manifest in listed if manifest.added_snapshot_id == snapshot.snapshot_id]
        if not _account_for(own, snapshot):
            listed = list(snapshot.manifests(files))
            own = [manifest for manifest in listed if manifest.added_snapshot_id == snapshot.snapshot_id]
        found.append(own)
    return [manifest for own in reversed(found) for manifest in own]


def _account_for(manifests: list[ManifestFile], snapshot: Snapshot) -> bool:
    """Whether these manifests hold all the files that the snapshot says it added and removed."""
    summary = snapshot.summary.additional_properties if snapshot.summary else {}

    def said(*names: str) -> int:
        return sum(int(summary.get(name, 0)) for name in names)

    added = sum(manifest.added_files_count or 0 for manifest in manifests)
    removed = sum(manifest.deleted_files_count or 0 for manifest in manifests)
    expected = (said("added-data-files", "added-delete-files"), said("deleted-data-files", "removed-delete-files"))
    return bool(manifests) and sum(expected) > 0 and (added, removed) == expected


def _rows(table: TableMetadata, manifest: ManifestFile, files: "ReadOnlyFiles") -> Iterator[dict[str, Any]]:
    spec = table.specs()[manifest.partition_spec_id]
    schema = table.schema()
    for entry in manifest.fetch_manifest_entry(files, discard_deleted=False):
        file = entry.data_file
        yield {
            "snapshot_id": entry.snapshot_id,
            "status": int(entry.status),
            "content": int(file.content),
            "sequence_number": entry.sequence_number,
            "file_path": file.file_path,
            "partition": _partition(spec, schema, file.partition),
            "record_count": file.record_count,
            "file_size_in_bytes": file.file_size_in_bytes,
        }


def _partition(spec: PartitionSpec, schema: Schema, values: Any) -> dict[str, str | None]:
    """Write partition values as engines show them (a date, not days since the epoch)."""
    shown: dict[str, str | None] = {}
    for position, field in enumerate(spec.fields):
        value = values[position]
        if value is None:
            shown[field.name] = None
            continue
        try:
            shown[field.name] = field.transform.to_human_string(schema.find_type(field.source_id), value)
        except ValueError:  # the column was dropped since; its raw value still tells partitions apart
            shown[field.name] = str(value)
    return shown


class ReadOnlyFiles(FileIO):
    """A pyiceberg FileIO that can only read."""

    def __init__(self, read: _Reading) -> None:
        super().__init__()
        self._read = read

    def new_input(self, location: str) -> InputFile:
        """Give the object for reading."""
        return _ReadFile(location, self._read)

    def new_output(self, location: str) -> OutputFile:
        """Refuse: triage never writes."""
        raise PermissionError(f"read-only: {location} is not written")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refuse: triage never deletes."""
        raise PermissionError("read-only: nothing is deleted")


class _ReadFile(InputFile):
    def __init__(self, location: str, read: _Reading) -> None:
        super().__init__(location)
        self._read = read

    def __len__(self) -> int:
        return len(self._read(self.location))

    def exists(self) -> bool:
        try:
            self._read(self.location)
        except SourceError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        return io.BytesIO(self._read(self.location))
