"""How long the triage of a large table takes: 10,000 live files in 500 snapshots, and a run that failed after a commit.

Run with ``make bench``. The table is laid out file by file with pyiceberg's own manifest writers, as fast appends leave
it (a manifest a commit, none merged), which is the most there can be to read. In process: the median of five.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyiceberg.avro.codecs import AvroCompressionCodec
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import StaticTable
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import LongType, NestedField, StringType

from pipetriage.bootstrap import open_app
from pipetriage.model.incident import Incident

ROUNDS = 5
FILES, SNAPSHOTS, RUNS = 10_000, 500, 60
LEFT_BY_THE_FAILED_RUN = 3
END = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "region", StringType()))
SPEC = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "region"))
CODEC: AvroCompressionCodec = "deflate"
REGIONS = ("ap", "eu", "us", "sa", "af")
FIRST_ID = 3_000_000_000_000_000_000


def main() -> None:
    """Print every figure with its target."""
    with tempfile.TemporaryDirectory() as folder:
        config = make_platform(Path(folder).resolve(), FILES, SNAPSHOTS)
        # The first triage imports everything.
        reads, incident = count_reads(config)
        [state] = incident.write_state
        taken = median(lambda: triage(config))
        metadata = max((config.parent / "warehouse").rglob("v*.metadata.json"), key=lambda path: int(path.name[1:-14]))
        table = StaticTable.from_metadata(str(metadata))
        inspected = median(table.inspect.entries)
        memory = json.loads(subprocess.run([sys.executable, __file__, str(config)], check=True, stdout=-1).stdout)
        print(
            f"{FILES:,} files in {SNAPSHOTS} snapshots; the failed run: {state.status}, {state.records_written} records"
        )
        print(f"triage in process              {taken:6.3f} s  (target 0.5 s)")
        print(f"pyiceberg inspect.entries()    {inspected:6.3f} s  ({inspected / taken:.1f} times the triage)")
        print(f"metadata files read            {reads:6}    (target: fewer than 12)")
        print(f"peak memory, whole process     {memory / 2**20:6.0f} MiB (target 200 MB)")


def triage(config: Path) -> Incident:
    """Triage the failed run."""
    return open_app(config=config, use_store=False).triage("local:orders/latest")


def count_reads(config: Path) -> tuple[int, Incident]:
    """Triage once; also give how often a metadata file of the table was opened, by the interpreter's own account."""
    count, listening = 0, True

    def hear(event: str, arguments: Any) -> None:
        nonlocal count
        # An audit hook stays for good.
        if listening and event == "open" and "/sales/orders/metadata/" in str(arguments[0]):
            count += 1

    sys.addaudithook(hear)
    incident = triage(config)
    listening = False
    return count, incident


def median(action: Callable[[], Any]) -> float:
    """Give the median of a few rounds, in seconds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def print_peak_memory(config: Path) -> None:
    """Triage once in this fresh process and print its peak memory in bytes."""
    import resource

    triage(config)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss begins with the parent's, which built the table.
        peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps(peak if sys.platform == "darwin" else peak * 1024))


def make_platform(folder: Path, files: int, snapshots: int) -> Path:
    """Write the table, its runs and the settings; give the settings file."""
    LargeTable(folder / "warehouse/sales/orders", files, snapshots).write()
    (folder / "runs/orders").mkdir(parents=True)
    (folder / "jobs").mkdir()
    (folder / "logs").mkdir()
    (folder / "jobs/orders.json").write_text(json.dumps({"Job": {"Name": "orders", "MaxRetries": 0}}))
    for back in range(min(RUNS, snapshots)):
        run = _run(back)
        (folder / f"runs/orders/{run['Id']}.json").write_text(json.dumps({"JobRun": run}))
    log = "INFO started\nERROR ProcessLauncher: Error from Python: ThrottlingException: Rate exceeded\n"
    (folder / "logs/jr_0000.log").write_text(log)
    config = folder / "pipetriage.toml"
    config.write_text("""\
[local]
runs = "runs"
jobs = "jobs"
logs = "logs/{run_id}.log"
tables = "warehouse/{namespace}/{name}"

[pipelines.orders]
batch_id = { from = "argument", name = "batch_id" }
control = "none"
deployments = "none"
outputs = [{ table = "sales.orders", format = "iceberg", write_mode = "append", partition_field = "region" }]
""")
    return config


def _started(back: int) -> datetime:
    return END - timedelta(hours=back + 1)


def _run(back: int) -> dict[str, Any]:
    """Describe the run whose commit is the last but ``back``; the last failed after it had committed."""
    started = _started(back)
    document = {
        "Id": f"jr_{back:04}",
        "JobName": "orders",
        "Attempt": 0,
        "JobRunState": "SUCCEEDED" if back else "FAILED",
        "StartedOn": started.isoformat(),
        "CompletedOn": (started + timedelta(minutes=20)).isoformat(),
        "Arguments": {"--batch_id": f"batch-{back:04}"},
    }
    return document if back else document | {"ErrorMessage": "ThrottlingException: Rate exceeded"}


class LargeTable:
    """A hadoop table: data files (empty ones), a manifest and a manifest list a snapshot, one metadata file."""

    def __init__(self, folder: Path, files: int, snapshots: int) -> None:
        self._folder = folder
        self._metadata = folder / "metadata"
        self._io = PyArrowFileIO()
        self._manifests: list[ManifestFile] = []
        good = snapshots - 1
        per_commit, rest = divmod(files - LEFT_BY_THE_FAILED_RUN, good)
        self._counts = [per_commit + (number < rest) for number in range(good)] + [LEFT_BY_THE_FAILED_RUN]

    def write(self) -> None:
        """Write everything."""
        self._metadata.mkdir(parents=True)
        for region in REGIONS:
            (self._folder / f"data/region={region}").mkdir(parents=True)
        snapshots = [self._commit(number, count) for number, count in enumerate(self._counts)]
        document = self._document(snapshots)
        (self._metadata / f"v{len(snapshots)}.metadata.json").write_text(json.dumps(document))
        (self._metadata / "version-hint.text").write_text(str(len(snapshots)))

    def _commit(self, number: int, count: int) -> dict[str, Any]:
        snapshot_id, parent = FIRST_ID + number, FIRST_ID + number - 1 if number else None
        output = self._io.new_output(f"file://{self._metadata}/{snapshot_id}-m0.avro")
        with write_manifest(2, SPEC, SCHEMA, output, snapshot_id, CODEC) as writer:
            for index in range(count):
                file = self._data_file(number, index)
                writer.add(
                    ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id, data_file=file)
                )
        manifest_list = f"file://{self._metadata}/snap-{snapshot_id}.avro"
        output = self._io.new_output(manifest_list)
        with write_manifest_list(2, output, snapshot_id, parent, number + 1, CODEC) as lists:
            lists.add_manifests([writer.to_manifest_file(), *self._manifests])
            # As the list has it: with its sequence number.
            manifest = lists.prepare_manifest(writer.to_manifest_file())
        self._manifests.insert(0, manifest)
        return self._snapshot(number, count, manifest_list)

    def _snapshot(self, number: int, count: int, manifest_list: str) -> dict[str, Any]:
        back = len(self._counts) - 1 - number
        summary = {
            "operation": "append",
            "added-data-files": str(count),
            "added-records": str(100 * count),
            "total-data-files": str(sum(self._counts[: number + 1])),
            "batch_id": f"batch-{back:04}",
        }
        snapshot = {
            "snapshot-id": FIRST_ID + number,
            "sequence-number": number + 1,
            "timestamp-ms": int((_started(back) + timedelta(minutes=10)).timestamp() * 1000),
            "manifest-list": manifest_list,
            "summary": summary,
            "schema-id": 0,
        }
        return snapshot | ({"parent-snapshot-id": FIRST_ID + number - 1} if number else {})

    def _data_file(self, number: int, index: int) -> DataFile:
        region = REGIONS[index % len(REGIONS)]
        path = self._folder / f"data/region={region}/{number:05}-{index}-4f8a6c1e.parquet"
        path.touch()
        written = (_started(len(self._counts) - 1 - number) + timedelta(minutes=9)).timestamp()
        os.utime(path, (written, written))
        return DataFile.from_args(
            _table_format_version=2,
            content=DataFileContent.DATA,
            file_path=f"file://{path}",
            file_format=FileFormat.PARQUET,
            partition=Record(region),
            record_count=100,
            file_size_in_bytes=1000,
            column_sizes={1: 400, 2: 400},
            value_counts={1: 100, 2: 100},
            null_value_counts={1: 0, 2: 0},
            nan_value_counts={},
            lower_bounds={1: bytes(8), 2: region.encode()},
            upper_bounds={1: bytes(8), 2: region.encode()},
        )

    def _document(self, snapshots: list[dict[str, Any]]) -> dict[str, Any]:
        current, updated = snapshots[-1]["snapshot-id"], snapshots[-1]["timestamp-ms"]
        log = [{"snapshot-id": one["snapshot-id"], "timestamp-ms": one["timestamp-ms"]} for one in snapshots]
        return {
            "format-version": 2,
            "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
            "location": f"file://{self._folder}",
            "last-sequence-number": len(snapshots),
            "last-updated-ms": updated,
            "last-column-id": 2,
            "current-schema-id": 0,
            "schemas": [json.loads(SCHEMA.model_dump_json())],
            "default-spec-id": 0,
            "partition-specs": [json.loads(SPEC.model_dump_json())],
            "last-partition-id": 1000,
            "default-sort-order-id": 0,
            "sort-orders": [{"order-id": 0, "fields": []}],
            "properties": {},
            "current-snapshot-id": current,
            "refs": {"main": {"snapshot-id": current, "type": "branch"}},
            "snapshots": snapshots,
            "snapshot-log": log,
            "metadata-log": [],
        }


if __name__ == "__main__":
    print_peak_memory(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
