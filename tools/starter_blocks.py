"""Building blocks of the starter cases: documents in the shapes that AWS, Spark and Iceberg write them.

Everything is derived from the values given here, ids from hashes of names, so that the same call always gives the
same bytes. Sources of the shapes: the API models of Glue, S3 and CloudWatch Logs, the Iceberg table specification
(version 2), Spark's event log.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

ACCOUNT = "111122223333"
REGION = "eu-west-1"


def digest(*words: object) -> str:
    """Give 64 hexadecimal digits that stand for these words."""
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()


def uuid(*words: object) -> str:
    """Give a UUID-shaped name for these words."""
    text = digest("uuid", *words)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"


def run_id(job: str, batch: str) -> str:
    """Give a Glue run id."""
    return "jr_" + digest("run", job, batch)


def app_id(run: str) -> str:
    """Give the Spark application id of a Glue run."""
    return f"spark-application-{1_763_000_000_000 + int(digest('app', run)[:8], 16)}"


def snapshot_id(*words: object) -> int:
    """Give an Iceberg snapshot id: a positive 63-bit number."""
    return int(digest("snapshot", *words)[:15], 16) + 10**18


def millis(at: datetime) -> int:
    """Give milliseconds since the epoch."""
    return round(at.timestamp() * 1000)


def iso(at: datetime) -> str:
    """Write a time as the AWS CLI does."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "000+00:00")


class Folder:
    """One case's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, document: object) -> None:
        """Write one JSON document; listings and logs stay one line an item."""
        self.text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def lines(self, path: str, documents: Iterable[object]) -> None:
        """Write JSON lines."""
        self.text(path, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents))

    def text(self, path: str, text: str) -> None:
        """Write a text file."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


class GlueJob(NamedTuple):
    """A job's definition, in what the cases vary."""

    name: str
    glue_version: str
    arguments: dict[str, str]
    worker_type: str = "G.1X"
    workers: int = 10
    timeout: int = 240

    def defaults(self) -> dict[str, str]:
        """Give the job's default arguments."""
        return {
            "--enable-metrics": "true",
            "--enable-continuous-cloudwatch-log": "true",
            "--enable-job-insights": "true",
            "--datalake-formats": "iceberg",
            "--job-language": "python",
            "--job-bookmark-option": "job-bookmark-disable",
            "--TempDir": f"s3://aws-glue-assets-{ACCOUNT}-{REGION}/temporary/",
            **self.arguments,
        }

    def document(self, modified: datetime) -> dict[str, Any]:
        """Write the GetJob response."""
        job = {
            "Name": self.name,
            "JobMode": "SCRIPT",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/GlueJobRole",
            "CreatedOn": iso(modified - timedelta(days=200)),
            "LastModifiedOn": iso(modified),
            "ExecutionProperty": {"MaxConcurrentRuns": 1},
            "Command": {
                "Name": "glueetl",
                "ScriptLocation": f"s3://aws-glue-assets-{ACCOUNT}-{REGION}/scripts/{self.name}.py",
                "PythonVersion": "3",
            },
            "DefaultArguments": self.defaults(),
            "MaxRetries": 0,
            "AllocatedCapacity": self.workers,
            "Timeout": self.timeout,
            "MaxCapacity": float(self.workers),
            "WorkerType": self.worker_type,
            "NumberOfWorkers": self.workers,
            "GlueVersion": self.glue_version,
            "ExecutionClass": "STANDARD",
        }
        return {"Job": job}

    def run(
        self, batch: str, started: datetime, seconds: int, state: str, error: str = "", **arguments: str
    ) -> dict[str, Any]:
        """Write one JobRun."""
        ended = started + timedelta(seconds=seconds)
        run: dict[str, Any] = {
            "Id": run_id(self.name, batch),
            "Attempt": 0,
            "TriggerName": f"{self.name}_schedule",
            "JobName": self.name,
            "JobMode": "SCRIPT",
            "StartedOn": iso(started),
            "LastModifiedOn": iso(ended),
            "CompletedOn": iso(ended),
            "JobRunState": state,
            "Arguments": {"--batch_id": batch, **{f"--{key}": value for key, value in arguments.items()}},
            "PredecessorRuns": [],
            "AllocatedCapacity": self.workers,
            "ExecutionTime": seconds - 38,
            "Timeout": self.timeout,
            "MaxCapacity": float(self.workers),
            "WorkerType": self.worker_type,
            "NumberOfWorkers": self.workers,
            "LogGroupName": "/aws-glue/jobs",
            "GlueVersion": self.glue_version,
            "ExecutionClass": "STANDARD",
        }
        if error:
            run["ErrorMessage"] = error
        return run


class Commit(NamedTuple):
    """One commit to an Iceberg table: files as (partition value, records, bytes)."""

    at: datetime
    batch: str
    run: str
    files: tuple[tuple[str, int, int], ...]
    operation: str = "append"


class IcebergTable:
    """An Iceberg table (format version 2) with all its documents, each agreeing with the others."""

    def __init__(self, name: str, bucket: str, columns: Mapping[str, str], partition: str, created: datetime) -> None:
        self.name, self.partition, self.created = name, partition, created
        self.database, self.table = name.split(".")
        self.bucket, self.prefix = bucket, f"{self.database}.db/{self.table}"
        self.location = f"s3://{bucket}/{self.prefix}"
        self.columns = columns
        self.commits: list[Commit] = []
        self.leftovers: list[tuple[str, int, datetime]] = []

    def metadata_uri(self, version: int) -> str:
        """Give the address of the metadata file of that version (0: the empty table)."""
        return f"{self.location}/metadata/{version:05d}-{uuid(self.name, version)}.metadata.json"

    def snapshot(self, index: int) -> int:
        """Give the id of the commit of that index."""
        return snapshot_id(self.name, index)

    def data_file(self, index: int, number: int) -> str:
        """Give the address of one data file of a commit."""
        value = self.commits[index].files[number][0]
        name = f"{number:05d}-{index * 7 + number}-{uuid(self.name, index, number)}-0-00001.parquet"
        return f"{self.location}/data/{self.partition}={value}/{name}"

    def metadata(self) -> dict[str, Any]:
        """Write the current metadata file."""
        last = self.commits[-1].at if self.commits else self.created
        fields = [
            {"id": position, "name": name, "required": False, "type": kind}
            for position, (name, kind) in enumerate(self.columns.items(), 1)
        ]
        source = list(self.columns).index(self.partition) + 1
        partition = {"name": self.partition, "transform": "identity", "source-id": source, "field-id": 1000}
        times = [self.created, *(commit.at for commit in self.commits)]
        document: dict[str, Any] = {
            "format-version": 2,
            "table-uuid": uuid(self.name),
            "location": self.location,
            "last-sequence-number": len(self.commits),
            "last-updated-ms": millis(last),
            "last-column-id": len(fields),
            "current-schema-id": 0,
            "schemas": [{"type": "struct", "schema-id": 0, "fields": fields}],
            "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": [partition]}],
            "last-partition-id": 1000,
            "default-sort-order-id": 0,
            "sort-orders": [{"order-id": 0, "fields": []}],
            "properties": {"owner": "GlueJobRole", "write.parquet.compression-codec": "zstd"},
            "current-snapshot-id": self.snapshot(len(self.commits) - 1) if self.commits else -1,
            "refs": {},
            "snapshots": [self._snapshot(index) for index in range(len(self.commits))],
            "statistics": [],
            "snapshot-log": [
                {"timestamp-ms": millis(commit.at), "snapshot-id": self.snapshot(index)}
                for index, commit in enumerate(self.commits)
            ],
            "metadata-log": [
                {"timestamp-ms": millis(times[version]), "metadata-file": self.metadata_uri(version)}
                for version in range(len(self.commits))
            ],
        }
        if self.commits:
            document["refs"]["main"] = {"snapshot-id": document["current-snapshot-id"], "type": "branch"}
        return document

    def _snapshot(self, index: int) -> dict[str, Any]:
        commit, so_far = self.commits[index], self.commits[: index + 1]
        added = commit.files
        everything = [file for one in so_far for file in one.files]
        summary = {
            "operation": commit.operation,
            "spark.app.id": app_id(commit.run),
            "glue-job-run-id": commit.run,
            "batch_id": commit.batch,
            "added-data-files": str(len(added)),
            "added-records": str(sum(records for _, records, _ in added)),
            "added-files-size": str(sum(size for _, _, size in added)),
            "changed-partition-count": str(len({value for value, _, _ in added})),
            "total-records": str(sum(records for _, records, _ in everything)),
            "total-files-size": str(sum(size for _, _, size in everything)),
            "total-data-files": str(len(everything)),
            "total-delete-files": "0",
            "total-position-deletes": "0",
            "total-equality-deletes": "0",
            "engine-name": "spark",
        }
        if commit.operation == "overwrite":
            summary["replace-partitions"] = "true"
        list_name = f"snap-{self.snapshot(index)}-1-{uuid(self.name, 'manifests', index)}.avro"
        snapshot = {
            "sequence-number": index + 1,
            "snapshot-id": self.snapshot(index),
            "timestamp-ms": millis(commit.at),
            "summary": summary,
            "manifest-list": f"{self.location}/metadata/{list_name}",
            "schema-id": 0,
        }
        if index:
            snapshot["parent-snapshot-id"] = self.snapshot(index - 1)
        return snapshot

    def entries(self) -> list[dict[str, Any]]:
        """Write the manifest entries of every snapshot."""
        return [
            {
                "snapshot_id": self.snapshot(index),
                "status": 1,
                "content": 0,
                "sequence_number": index + 1,
                "file_path": self.data_file(index, number),
                "partition": {self.partition: value},
                "record_count": records,
                "file_size_in_bytes": size,
            }
            for index, commit in enumerate(self.commits)
            for number, (value, records, size) in enumerate(commit.files)
        ]

    def listing(self) -> dict[str, Any]:
        """Write the ListObjectsV2 response of the table's location."""
        found = [
            (self.data_file(index, number), size, commit.at - timedelta(seconds=6))
            for index, commit in enumerate(self.commits)
            for number, (_, _, size) in enumerate(commit.files)
        ]
        times = [self.created, *(commit.at for commit in self.commits)]
        found += [(self.metadata_uri(version), 6_400 + 900 * version, at) for version, at in enumerate(times)]
        found += [(f"{self.location}/data/{path}", size, at) for path, size, at in self.leftovers]
        return listing(self.bucket, f"{self.prefix}/", [(uri.split("/", 3)[3], size, at) for uri, size, at in found])

    def document(self) -> dict[str, Any]:
        """Write the GetTable response."""
        version = len(self.commits)
        last = self.commits[-1].at if self.commits else self.created
        parameters = {"table_type": "ICEBERG", "metadata_location": self.metadata_uri(version)}
        if version:
            parameters["previous_metadata_location"] = self.metadata_uri(version - 1)
        hive = {"long": "bigint", "timestamptz": "timestamp"}
        table = {
            "Name": self.table,
            "DatabaseName": self.database,
            "Owner": "GlueJobRole",
            "CreateTime": iso(self.created),
            "UpdateTime": iso(last),
            "Retention": 0,
            "StorageDescriptor": {
                "Columns": [
                    {
                        "Name": name,
                        "Type": hive.get(kind, kind),
                        "Parameters": {"iceberg.field.current": "true"},
                    }
                    for name, kind in self.columns.items()
                ],
                "Location": self.location,
                "Compressed": False,
                "NumberOfBuckets": 0,
                "SortColumns": [],
                "StoredAsSubDirectories": False,
            },
            "PartitionKeys": [],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "CatalogId": ACCOUNT,
            "VersionId": str(version),
        }
        return {"Table": table}

    def write(self, folder: Folder, role: str) -> dict[str, Any]:
        """Write all documents; gives the bundle's note on the metadata file."""
        folder.write(f"iceberg/{role}.metadata.json", self.metadata())
        folder.lines(f"iceberg/{role}.entries.jsonl", self.entries())
        folder.write(f"s3/{role}.json", self.listing())
        if role == "target":
            folder.write("glue/table.json", self.document())
        return {f"iceberg/{role}.metadata.json": {"uri": self.metadata_uri(len(self.commits))}}


def listing(
    bucket: str, prefix: str, files: Iterable[tuple[str, int, datetime]], truncated: bool = False
) -> dict[str, Any]:
    """Write a ListObjectsV2 response. No files: no Contents, which is how S3 says "looked, and empty"."""
    contents = [
        {
            "Key": key,
            "LastModified": iso(at),
            "ETag": f'"{digest("etag", key)[:32]}"',
            "Size": size,
            "StorageClass": "STANDARD",
        }
        for key, size, at in sorted(files)
    ]
    document: dict[str, Any] = {"IsTruncated": truncated, "Name": bucket, "Prefix": prefix, "MaxKeys": 1000}
    if contents:
        document["Contents"] = contents
    if truncated:
        document["NextContinuationToken"] = digest("token", prefix)[:44]
    return {**document, "KeyCount": len(contents)}


class Line(NamedTuple):
    """One log record: seconds after the run's start, level, logger, and a message that may have more lines."""

    at: float
    level: str
    logger: str
    message: str


def glue4(started: datetime, stream: str, records: Iterable[Line]) -> list[dict[str, Any]]:
    """Write log events in the layout of Glue 4.0 and before: ``yy/MM/dd HH:mm:ss LEVEL logger: msg``."""
    return [
        {
            "timestamp": millis(at := started + timedelta(seconds=record.at)),
            "message": f"{at:%y/%m/%d %H:%M:%S} {record.level} {record.logger}: {record.message}\n",
            "ingestionTime": millis(at) + 1800,
            "logStreamName": stream,
        }
        for record in records
    ]


def glue5(started: datetime, stream: str, records: Iterable[Line]) -> list[dict[str, Any]]:
    """Write log events in the layout of Glue 5.0 and after; further lines of a record are events of their own."""
    events = []
    for number, record in enumerate(records):
        at = started + timedelta(seconds=record.at)
        head, *more = record.message.split("\n")
        stamp = f"{at:%Y-%m-%dT%H:%M:%S},{at.microsecond // 1000:03d}"
        level = f"{record.level:<5}"
        first = f"{level} {stamp}\t{int(record.at * 1000)}\t{record.logger}\t[main]\t{number + 60}\t{head}"
        events += [
            {
                "timestamp": millis(at),
                "message": line,
                "ingestionTime": millis(at) + 900,
                "logStreamName": stream,
            }
            for line in (first, *more)
        ]
    return events
