"""Iceberg tables of a hadoop catalog, of every format version, read from files as engines leave them."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestListWriter,
    ManifestListWriterV2,
    ManifestWriterV2,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record, TableVersion
from pyiceberg.types import LongType, NestedField, StringType

from pipetriage.errors import SourceError
from pipetriage.model.evidence import Signal
from pipetriage.sources.local_tables import hadoop_metadata
from tests.building_local import THROTTLED, LocalPlatform, collect, gaps_of_tables, one, platform_of

ORDERS = "sales.orders"
SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "region", StringType()))
SPEC = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "region"))


def rows(*regions: str) -> Any:
    return pa.table({"id": list(range(2 * len(regions))), "region": [one for one in regions for _ in range(2)]})


# --- Iceberg: hadoop tables


class Hadoop:
    """A table by pyiceberg, its metadata files renamed to a hadoop catalog's: the versions are 1 to 3."""

    def __init__(self, platform: LocalPlatform, version: str) -> None:
        self.platform = platform
        catalog = SqlCatalog(
            "c", uri=f"sqlite:///{platform.folder}/scratch.db", warehouse=f"file://{platform.warehouse}"
        )
        catalog.create_namespace("sales")
        location = f"file://{platform.table(ORDERS)}"
        properties = {"format-version": version}
        table = catalog.create_table(ORDERS, SCHEMA, location, partition_spec=SPEC, properties=properties)
        with platform.run("jr_1", "d1"):
            table.append(rows("eu", "us"), snapshot_properties={"batch_id": "d1"})
        with platform.run("jr_2", "d2", error=THROTTLED):
            table.append(rows("eu"), snapshot_properties={"batch_id": "d2"})
        catalog.engine.dispose()
        self.metadata = platform.table(ORDERS) / "metadata"
        for path in self.metadata.glob("*.metadata.json"):
            path.rename(self.metadata / f"v{int(path.name[:5]) + 1}.metadata.json")
        self.hint("3")

    def hint(self, text: str) -> None:
        (self.metadata / "version-hint.text").write_text(text)

    def current(self) -> str:
        return Path(hadoop_metadata(self.metadata.parent)).name


@pytest.fixture
def hadoop(tmp_path: Path) -> Hadoop:
    return Hadoop(platform_of(tmp_path, "iceberg"), "2")


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_hadoop_tables_commits_are_seen(version: str, tmp_path: Path) -> None:
    hadoop = Hadoop(platform_of(tmp_path, "iceberg"), version)
    collected = collect(hadoop.platform)
    assert gaps_of_tables(collected) == {}
    metadata = one(collected, Signal.ICEBERG_METADATA)
    assert metadata.payload["format-version"] == int(version)
    assert Path(metadata.locator).name == "v3.metadata.json"
    entries = one(collected, Signal.ICEBERG_ENTRIES).payload
    assert sorted(entry["partition"]["region"] for entry in entries) == ["eu", "eu", "us"]
    entry = one(collected, Signal.TABLE).payload["Table"]
    assert entry["Parameters"]["metadata_location"] == metadata.uri
    [state] = hadoop.platform.triage().write_state
    assert (state.status, state.partitions_written, state.records_written) == ("PARTIAL", 1, 2)


def test_a_stale_hint_is_followed_to_the_newest_version(hadoop: Hadoop) -> None:
    hadoop.hint("2\n")
    assert hadoop.current() == "v3.metadata.json"


@pytest.mark.parametrize("text", ["", "junk", "3.metadata.json"])
def test_without_a_readable_hint_the_newest_version_counts(hadoop: Hadoop, text: str) -> None:
    """As in Iceberg's HadoopTableOperations."""
    hadoop.hint(text)
    (hadoop.metadata / "v1.metadata.json").unlink()
    assert hadoop.current() == "v3.metadata.json"
    (hadoop.metadata / "version-hint.text").unlink()
    assert hadoop.current() == "v3.metadata.json"


def test_a_hint_ahead_of_every_version_is_a_gap(hadoop: Hadoop) -> None:
    hadoop.hint("9")
    reason = gaps_of_tables(collect(hadoop.platform))[f"iceberg_metadata:{ORDERS}"]
    assert "no Iceberg metadata file of version 9" in reason
    assert hadoop.platform.triage().rerun.decision == "UNKNOWN"


def test_a_hole_in_the_versions_is_a_gap(hadoop: Hadoop) -> None:
    """Which one is current cannot be told; that the older one is must not be assumed."""
    hadoop.hint("1")
    (hadoop.metadata / "v2.metadata.json").unlink()
    with pytest.raises(SourceError, match="versions 1 and 3 but none between"):
        hadoop.current()


@pytest.mark.parametrize("name", ["v3.gz.metadata.json", "v3.metadata.json.gz"])
def test_compressed_metadata_is_read(hadoop: Hadoop, name: str) -> None:
    plain = hadoop.metadata / "v3.metadata.json"
    (hadoop.metadata / name).write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    collected = collect(hadoop.platform)
    assert gaps_of_tables(collected) == {}
    assert len(one(collected, Signal.ICEBERG_METADATA).payload["snapshots"]) == 2
    assert hadoop.platform.triage().write_state[0].status == "PARTIAL"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\x1f\x8b junk", gzip.compress(b"{}" * 99)[:-12]],
    ids=["empty", "cut", "a list", "no gzip", "cut gzip"],
)
def test_metadata_that_cannot_be_read_is_a_gap_and_the_rest_stands(hadoop: Hadoop, content: bytes) -> None:
    (hadoop.metadata / "v3.metadata.json").write_bytes(content)
    collected = collect(hadoop.platform)
    assert list(gaps_of_tables(collected)) == [f"iceberg_metadata:{ORDERS}"]
    assert one(collected, Signal.LOGS).complete
    assert hadoop.platform.triage().rerun.decision == "UNKNOWN"


def test_no_metadata_at_all_is_a_gap(hadoop: Hadoop) -> None:
    for path in hadoop.metadata.glob("*.metadata.json"):
        path.unlink()
    assert "has no Iceberg metadata file" in gaps_of_tables(collect(hadoop.platform))[f"iceberg_metadata:{ORDERS}"]
    shutil.rmtree(hadoop.metadata)
    assert "cannot be found" in gaps_of_tables(collect(hadoop.platform))[f"iceberg_metadata:{ORDERS}"]


# --- Iceberg: format version 3, which pyiceberg reads and cannot write


class ManifestWriterV3(ManifestWriterV2):
    """A manifest in the third version's schema, of data files or of deletion vectors."""

    kind = ManifestContent.DATA

    def content(self) -> ManifestContent:
        return self.kind

    @property
    def version(self) -> TableVersion:
        return 3

    @property
    def _meta(self) -> dict[str, str]:
        return super()._meta | {"content": "data" if self.kind is ManifestContent.DATA else "deletes"}


class ManifestListWriterV3(ManifestListWriterV2):
    """The same for the list."""

    def __enter__(self) -> ManifestListWriter:
        self._format_version = 3
        self._meta |= {"format-version": "3", "first-row-id": "4"}
        return super().__enter__()


def as_version_3(hadoop: Hadoop, *column_types: Any) -> None:
    """Rewrite the last snapshot as Iceberg 1.10 would: row lineage, a deletion vector, columns of new types."""
    path = hadoop.metadata / "v3.metadata.json"
    document = json.loads(path.read_text())
    snapshot = document["snapshots"][-1]
    io = PyArrowFileIO()
    folder, snapshot_id = f"file://{hadoop.metadata}", snapshot["snapshot-id"]

    def manifest(name: str, kind: ManifestContent, file: DataFile) -> Any:
        writer = ManifestWriterV3(SPEC, SCHEMA, io.new_output(f"{folder}/{name}.avro"), snapshot_id, "deflate")
        writer.kind = kind
        with writer:
            entry = ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id, data_file=file)
            writer.add(entry)
        return writer.to_manifest_file()

    def data_file(name: str, **more: Any) -> DataFile:
        fields: dict[str, Any] = {"file_path": f"{folder}/../data/{name}", "partition": Record("eu"), "record_count": 2}
        return DataFile.from_args(**fields, file_size_in_bytes=10, **more)

    added = manifest(
        "data", ManifestContent.DATA, data_file("a", content=DataFileContent.DATA, file_format=FileFormat.PARQUET)
    )
    vector = data_file("a.puffin", content=DataFileContent.POSITION_DELETES, file_format=FileFormat.PUFFIN)
    deleted = manifest("deletes", ManifestContent.DELETES, vector)
    listed = f"{folder}/list.avro"
    with ManifestListWriterV3(io.new_output(listed), snapshot_id, None, 2, "deflate") as writer:
        writer.add_manifests([added, deleted])
    snapshot |= {"manifest-list": listed, "first-row-id": 4, "added-rows": 2, "key-id": "k1"}
    document["format-version"] = 3
    document["next-row-id"] = 6
    document["encryption-keys"] = [{"key-id": "k1", "encrypted-key-metadata": "AAAA"}]
    for number, column_type in enumerate(column_types, 10):
        field = {"id": number, "name": f"c{number}", "required": False, "type": column_type}
        document["schemas"][0]["fields"].append(field | {"initial-default": None})
        document["last-column-id"] = number
    path.write_text(json.dumps(document))


NESTED = {"type": "struct", "fields": [{"id": 99, "name": "inner", "required": False, "type": "variant"}]}


@pytest.mark.parametrize(
    "types",
    [
        (),
        ("timestamp_ns", "timestamptz_ns", "unknown", "geometry", "geography(OGC:CRS84, spherical)"),
        ("variant", NESTED),
    ],
    ids=["plain", "new types", "variant"],
)
def test_a_table_of_format_version_3_is_read(hadoop: Hadoop, types: tuple[Any, ...]) -> None:
    as_version_3(hadoop, *types)
    collected = collect(hadoop.platform)
    assert gaps_of_tables(collected) == {}
    metadata = one(collected, Signal.ICEBERG_METADATA).payload
    ours = metadata["current-snapshot-id"]
    entries = [entry for entry in one(collected, Signal.ICEBERG_ENTRIES).payload if entry["snapshot_id"] == ours]
    assert [(entry["content"], entry["partition"], entry["sequence_number"]) for entry in entries] == [
        (0, {"region": "eu"}, 2),
        (1, {"region": "eu"}, 2),
    ]
    [state] = hadoop.platform.triage().write_state
    assert (state.status, state.partitions_written) == ("PARTIAL", 1)


def test_a_format_version_nobody_knows_yet_is_a_gap(hadoop: Hadoop) -> None:
    path = hadoop.metadata / "v3.metadata.json"
    path.write_text(path.read_text().replace('"format-version":2', '"format-version":4'))
    incident = hadoop.platform.triage()
    assert any("format-version 4" in gap.reason for gap in incident.gaps)
    assert incident.rerun.decision == "UNKNOWN"


# --- Which manifest lists are read


@pytest.mark.parametrize("merging", [False, True])
def test_entries_are_those_of_every_snapshots_own_list(merging: bool, tmp_path: Path) -> None:
    """A newer list stands for older ones only where it holds all that they added and removed."""
    from pyiceberg.table.metadata import TableMetadataUtil

    from pipetriage.sources.iceberg import ReadOnlyFiles, entries_since, read_local

    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/w")
    catalog.create_namespace("sales")
    properties = {"commit.manifest-merge.enabled": str(merging).lower(), "commit.manifest.min-count-to-merge": "3"}
    table = catalog.create_table(ORDERS, SCHEMA, partition_spec=SPEC, properties=properties)
    table.append(rows("eu", "us"))
    table.append(rows("ap"))
    table.overwrite(rows("us"), "region = 'us'")
    table.dynamic_partition_overwrite(rows("eu"))
    for region in ("sa", "af", "eu", "ap"):
        table.append(rows(region))
    table.delete("region = 'ap'")
    table.append(rows("eu"))
    catalog.engine.dispose()
    document = json.loads(Path(table.metadata_location.removeprefix("file://")).read_text())
    reads: list[str] = []

    def read(location: str) -> bytes:
        reads.append(location)
        return read_local(location)

    found, complete = entries_since(document, None, read)
    assert complete
    files = ReadOnlyFiles(read_local)
    expected = [
        (entry.snapshot_id, int(entry.status), entry.data_file.file_path)
        for snapshot in TableMetadataUtil.parse_obj(document).snapshots
        for manifest in snapshot.manifests(files)
        if manifest.added_snapshot_id == snapshot.snapshot_id
        for entry in manifest.fetch_manifest_entry(files, discard_deleted=False)
    ]
    assert sorted((one["snapshot_id"], one["status"], one["file_path"]) for one in found) == sorted(expected)
    lists = [location for location in reads if "/snap-" in location]
    assert 1 <= len(lists) < len(document["snapshots"])
