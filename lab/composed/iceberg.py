"""An Iceberg table (format version 2) with all its documents, each agreeing with the others."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tools.starter_blocks import ACCOUNT, iso, listing, millis, snapshot_id, uuid

_HIVE = {"long": "bigint", "timestamptz": "timestamp"}
# Iceberg 1.0 (Glue 4.0) writes no engine into its summaries.
_ENGINE = {
    "4.0": ("3.3.0-amzn-1", ""),
    "5.0": ("3.5.4-amzn-0", "Apache Iceberg 1.7.1-amzn-0 (commit unknown)"),
}


@dataclass(frozen=True)
class DataFile:
    """One data file: its partition as ``((field, value), …)``."""

    partition: tuple[tuple[str, str], ...]
    records: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit; ``app`` is the Spark application, ``stamps`` the keys that the job adds to the summary."""

    at: datetime
    operation: str
    added: tuple[DataFile, ...]
    app: str = ""
    stamps: tuple[tuple[str, str], ...] = ()
    replaces: tuple[tuple[int, int], ...] = ()
    """Files taken away: (commit, number)."""
    dynamic: bool = False
    """A dynamic overwrite says so in its summary."""


class Table:
    """One table, as its commits made it."""

    def __init__(
        self, name: str, bucket: str, columns: dict[str, str], fields: tuple[str, ...], created: datetime, glue: str
    ) -> None:
        self.name, self.columns, self.fields, self.created = name, columns, fields, created
        self.database, self.table = name.split(".")
        self.bucket, self.prefix = bucket, f"{self.database}.db/{self.table}"
        self.location = f"s3://{bucket}/{self.prefix}"
        self.engine = _ENGINE[glue]
        self.commits: list[Commit] = []
        self.leftovers: list[tuple[str, int, datetime]] = []
        """Files that no metadata names: path below ``data/``, bytes, time."""

    def snapshot(self, index: int) -> int:
        """Give the id of the commit of that index."""
        return snapshot_id(self.name, index, self.commits[index].at.isoformat())

    def metadata_uri(self, version: int) -> str:
        """Give the address of the metadata file of that version (0: the empty table)."""
        at = self.commits[version - 1].at if version else self.created
        return f"{self.location}/metadata/{version:05d}-{uuid(self.name, version, at.isoformat())}.metadata.json"

    def path(self, index: int, number: int) -> str:
        """Give the address of one data file of a commit."""
        folder = "/".join(f"{name}={value}" for name, value in self.commits[index].added[number].partition)
        unique = uuid(self.name, "write", index, self.commits[index].at.isoformat())
        return f"{self.location}/data/{folder}/{number:05d}-{index * 4 + number}-{unique}-0-00001.parquet"

    def _live(self, index: int) -> list[DataFile]:
        gone = {spot for commit in self.commits[: index + 1] for spot in commit.replaces}
        return [
            file
            for place, commit in enumerate(self.commits[: index + 1])
            for number, file in enumerate(commit.added)
            if (place, number) not in gone
        ]

    def _summary(self, index: int) -> dict[str, str]:
        commit, live = self.commits[index], self._live(index)
        removed = [self.commits[place].added[number] for place, number in commit.replaces]
        summary = {"operation": commit.operation}
        if commit.app:
            summary["spark.app.id"] = commit.app
        summary |= dict(commit.stamps)
        if commit.dynamic:
            summary["replace-partitions"] = "true"
        changed = {file.partition for file in (*commit.added, *removed)}
        counted = {
            "added-data-files": len(commit.added),
            "deleted-data-files": len(removed),
            "added-records": sum(file.records for file in commit.added),
            "deleted-records": sum(file.records for file in removed),
            "added-files-size": sum(file.size for file in commit.added),
            "removed-files-size": sum(file.size for file in removed),
            "changed-partition-count": len(changed),
        }
        # Iceberg leaves counters of nothing out.
        summary |= {name: str(count) for name, count in counted.items() if count}
        summary |= {
            "total-records": str(sum(file.records for file in live)),
            "total-files-size": str(sum(file.size for file in live)),
            "total-data-files": str(len(live)),
            "total-delete-files": "0",
            "total-position-deletes": "0",
            "total-equality-deletes": "0",
        }
        if commit.app and self.engine[1]:
            summary |= {"engine-version": self.engine[0], "app-id": commit.app}
            summary |= {"engine-name": "spark", "iceberg-version": self.engine[1]}
        return summary

    def _manifest_list(self, index: int) -> str:
        return f"snap-{self.snapshot(index)}-1-{uuid(self.name, 'manifest', self.snapshot(index))}.avro"

    def _snapshot(self, index: int) -> dict[str, Any]:
        parent = {"parent-snapshot-id": self.snapshot(index - 1)} if index else {}
        return {
            "sequence-number": index + 1,
            "snapshot-id": self.snapshot(index),
            **parent,
            "timestamp-ms": millis(self.commits[index].at),
            "summary": self._summary(index),
            "manifest-list": f"{self.location}/metadata/{self._manifest_list(index)}",
            "schema-id": 0,
        }

    def metadata(self) -> dict[str, Any]:
        """Write the current metadata file."""
        count = len(self.commits)
        names = list(self.columns)
        times = [self.created, *(commit.at for commit in self.commits)]
        fields = [
            {"id": place, "name": name, "required": False, "type": kind}
            for place, (name, kind) in enumerate(self.columns.items(), 1)
        ]
        spec = [
            {"name": name, "transform": "identity", "source-id": names.index(name) + 1, "field-id": 1000 + place}
            for place, name in enumerate(self.fields)
        ]
        document: dict[str, Any] = {
            "format-version": 2,
            "table-uuid": uuid(self.name, self.created.isoformat()),
            "location": self.location,
            "last-sequence-number": count,
            "last-updated-ms": millis(times[-1]),
            "last-column-id": len(fields),
            "current-schema-id": 0,
            "schemas": [{"type": "struct", "schema-id": 0, "fields": fields}],
            "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": spec}],
            "last-partition-id": 999 + len(spec),
            "default-sort-order-id": 0,
            "sort-orders": [{"order-id": 0, "fields": []}],
            "properties": {"owner": "GlueJobRole", "write.parquet.compression-codec": "zstd"},
            "current-snapshot-id": self.snapshot(count - 1),
            "refs": {"main": {"snapshot-id": self.snapshot(count - 1), "type": "branch"}},
            "snapshots": [self._snapshot(index) for index in range(count)],
            "statistics": [],
            "snapshot-log": [
                {"timestamp-ms": millis(self.commits[index].at), "snapshot-id": self.snapshot(index)}
                for index in range(count)
            ],
            "metadata-log": [
                {"timestamp-ms": millis(times[version]), "metadata-file": self.metadata_uri(version)}
                for version in range(count)
            ],
        }
        return document

    def entries(self) -> list[dict[str, Any]]:
        """Write the manifest entries of every snapshot: what it added, and what it took away."""

        def entry(index: int, status: int, place: int, number: int) -> dict[str, Any]:
            file = self.commits[place].added[number]
            return {
                "snapshot_id": self.snapshot(index),
                "status": status,
                "content": 0,
                "sequence_number": place + 1,
                "file_path": self.path(place, number),
                "partition": dict(file.partition),
                "record_count": file.records,
                "file_size_in_bytes": file.size,
            }

        rows = []
        for index, commit in enumerate(self.commits):
            rows += [entry(index, 1, index, number) for number in range(len(commit.added))]
            rows += [entry(index, 2, place, number) for place, number in commit.replaces]
        return rows

    def listing(self) -> dict[str, Any]:
        """Write the ListObjectsV2 response of the table's location: data, manifests, metadata, leftovers."""
        found = []
        for index, commit in enumerate(self.commits):
            wrote = commit.at - timedelta(seconds=6)
            found += [(self.path(index, number), file.size, wrote) for number, file in enumerate(commit.added)]
            manifest = f"{uuid(self.name, 'manifest', self.snapshot(index))}-m0.avro"
            found.append((f"{self.location}/metadata/{manifest}", 7_100 + 11 * index, commit.at - timedelta(seconds=2)))
            found.append((f"{self.location}/metadata/{self._manifest_list(index)}", 4_400 + 90 * index, commit.at))
        times = [self.created, *(commit.at for commit in self.commits)]
        found += [(self.metadata_uri(version), 1_900 + 1_100 * version, at) for version, at in enumerate(times)]
        found += [(f"{self.location}/data/{path}", size, at) for path, size, at in self.leftovers]
        return listing(self.bucket, f"{self.prefix}/", [(uri.split("/", 3)[3], size, at) for uri, size, at in found])

    def document(self) -> dict[str, Any]:
        """Write the GetTable response."""
        version = len(self.commits)
        columns = [
            {"Name": name, "Type": _HIVE.get(kind, kind), "Parameters": {"iceberg.field.current": "true"}}
            for name, kind in self.columns.items()
        ]
        parameters = {
            "table_type": "ICEBERG",
            "metadata_location": self.metadata_uri(version),
            "previous_metadata_location": self.metadata_uri(version - 1),
        }
        table = {
            "Name": self.table,
            "DatabaseName": self.database,
            "Owner": "GlueJobRole",
            "CreateTime": iso(self.created),
            "UpdateTime": iso(self.commits[-1].at),
            "Retention": 0,
            "StorageDescriptor": {"Columns": columns, "Location": self.location, "Compressed": False},
            "PartitionKeys": [],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "CatalogId": ACCOUNT,
            "VersionId": str(version),
        }
        return {"Table": table}
