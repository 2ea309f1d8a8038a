"""Embedded sources, read from a lake that really ran and really broke."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipetriage.errors import ConfigError, SourceError, TargetError
from pipetriage.model.evidence import Collected, Gap, Observation, Signal, observations_of
from pipetriage.model.pipeline import BatchIdFrom, Pipeline
from pipetriage.settings import LocalSettings
from pipetriage.sources.interface import ReadsOtherLogs
from pipetriage.sources.local import LocalRun

pytest.importorskip("pyarrow")

from pipetriage.demo.contract import write_contract
from pipetriage.demo.inputs import write_clicks, write_orders
from pipetriage.demo.lake import ORDERS, STAGING, Lake
from pipetriage.demo.report import revenue_report
from pipetriage.demo.runner import Runner

DAY, DAY_BEFORE, HOUR, HOUR_BEFORE = "2026-03-02", "2026-03-01", "2026-03-02-05", "2026-03-02-04"


class Platform:
    """A folder in which orders_daily failed half way and clicks_hourly found no input."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = tomllib.loads((folder / "pipetriage.toml").read_text())
        self.local = msgspec.convert(settings["local"], LocalSettings)
        self.pipelines = {
            name: msgspec.structs.replace(msgspec.convert(declared, Pipeline), name=name)
            for name, declared in settings["pipelines"].items()
        }

    def collect(self, pipeline: str = "orders_daily", run: str = "latest", **changed: Any) -> Collected:
        local = msgspec.structs.replace(self.local, **changed.pop("local", {}))
        declared = msgspec.structs.replace(self.pipelines[pipeline], **changed)
        return LocalRun(declared, run, local, self.folder, now=lambda: datetime.now(UTC)).collect()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("platform").resolve() / "here"
    folder.mkdir()
    write_contract(folder)
    runner = Runner(folder)
    with Lake(folder / "lake") as lake:
        lake.create_tables()
    orders, clicks = folder / "input/orders", folder / "input/clicks"
    write_orders(orders / DAY_BEFORE, date.fromisoformat(DAY_BEFORE), with_discounts=False)
    write_orders(orders / DAY, date.fromisoformat(DAY), with_discounts=True)
    write_clicks(clicks / HOUR_BEFORE, HOUR_BEFORE)
    runner.run("orders_daily", DAY_BEFORE, orders / DAY_BEFORE)
    runner.run("orders_daily", DAY, orders / DAY)
    runner.run("clicks_hourly", HOUR_BEFORE, clicks / HOUR_BEFORE)
    runner.run("clicks_hourly", HOUR, clicks / HOUR)
    with Lake(folder / "lake") as lake:
        revenue_report(lake, date.fromisoformat(DAY), folder / "lineage/events.jsonl")
    shutil.copytree(folder, folder.parent / "kept")
    return folder


@pytest.fixture
def platform(built: Path) -> Platform:
    """The same folder, at the same path (Iceberg knows its files by it), fresh for each test."""
    shutil.rmtree(built)
    shutil.copytree(built.parent / "kept", built)
    return Platform(built)


def one(collected: Collected, signal: Signal, table: str | None = None) -> Observation:
    found = [seen for seen in observations_of(collected, signal) if table in (None, seen.table and seen.table.name)]
    assert len(found) == 1, (signal, collected.gaps)
    return found[0]


def test_everything_of_a_half_written_batch_is_seen(platform: Platform) -> None:
    collected = platform.collect()
    assert collected.gaps == ()
    assert collected.run.batch_id == DAY
    assert one(collected, Signal.JOB_RUN).payload["JobRun"]["JobRunState"] == "FAILED"
    assert "discount_code" in one(collected, Signal.JOB_RUN).payload["JobRun"]["ErrorMessage"]
    assert len(one(collected, Signal.JOB_RUNS).payload["JobRuns"]) == 2
    assert one(collected, Signal.JOB).payload["Job"]["MaxRetries"] == 0
    statuses = [row["status"] for row in one(collected, Signal.CONTROL).payload]
    assert statuses == ["SUCCESS", "FAILED"]
    lines = [event.message for event in one(collected, Signal.LOGS).payload]
    assert any(line.startswith("ValueError: PyArrow table contains more columns") for line in lines)
    assert len(one(collected, Signal.SOURCE_LISTING).payload["Contents"]) == 12
    assert len(one(collected, Signal.PREVIOUS_SOURCE_LISTING).payload["Contents"]) == 12
    names = [column["name"] for column in one(collected, Signal.SOURCE_SCHEMA).payload["columns"]]
    assert names == ["order_id", "shop", "ordered_at", "quantity", "amount", "discount_code"]
    assert [event["eventType"] for event in one(collected, Signal.LINEAGE).payload] == ["START", "COMPLETE"]


def test_the_bytes_of_log_documents_and_manifests_are_counted(platform: Platform) -> None:
    collected = platform.collect()
    assert collected.api_calls == 0
    (log,) = platform.folder.glob(f"logs/*/{collected.run.job_run_id}.log")
    metadata = Path(one(collected, Signal.ICEBERG_METADATA, STAGING).locator.removeprefix("file://"))
    manifests = list(metadata.parent.glob("*-m0.avro"))
    assert manifests
    before = collected.bytes_read or 0
    assert before > log.stat().st_size + metadata.stat().st_size + max(path.stat().st_size for path in manifests)
    with log.open("a") as file:
        file.write("x" * 1_000 + "\n")
    assert platform.collect().bytes_read == before + 1_001


def test_manifests_name_the_nine_partitions_that_were_written(platform: Platform) -> None:
    collected = platform.collect()
    run_id = collected.run.job_run_id
    metadata = one(collected, Signal.ICEBERG_METADATA, STAGING)
    table = one(collected, Signal.TABLE, STAGING).payload["Table"]
    assert metadata.uri == table["Parameters"]["metadata_location"]
    ours = {
        snapshot["snapshot-id"]
        for snapshot in metadata.payload["snapshots"]
        if snapshot["summary"].get("job_run_id") == run_id
    }
    assert len(ours) == 9
    entries = one(collected, Signal.ICEBERG_ENTRIES, STAGING)
    assert entries.complete
    added = [entry for entry in entries.payload if entry["snapshot_id"] in ours]
    assert len({entry["partition"]["shop"] for entry in added}) == 9
    assert {entry["partition"]["order_date"] for entry in added} == {DAY}
    assert {entry["status"] for entry in added} == {1}
    with Lake(platform.folder / "lake") as lake:
        assert sum(entry["record_count"] for entry in added) == len(lake.orders_of(STAGING, date.fromisoformat(DAY)))


def test_a_delete_shows_as_deleted_entries(platform: Platform) -> None:
    entries = one(platform.collect(), Signal.ICEBERG_ENTRIES, STAGING).payload
    assert len([entry for entry in entries if entry["status"] == 2]) == 12


def test_the_table_listing_holds_every_file_the_manifests_name(platform: Platform) -> None:
    collected = platform.collect()
    listed = {member["Key"] for member in one(collected, Signal.TABLE_LISTING, ORDERS).payload["Contents"]}
    named = {
        entry["file_path"].removeprefix("file://") for entry in one(collected, Signal.ICEBERG_ENTRIES, ORDERS).payload
    }
    assert named
    assert named <= listed


def test_a_missing_input_folder_was_looked_at_and_is_empty(platform: Platform) -> None:
    collected = platform.collect("clicks_hourly")
    listing = one(collected, Signal.SOURCE_LISTING)
    assert "Contents" not in listing.payload
    assert listing.complete
    assert listing.uri == f"file://{platform.folder}/input/clicks/{HOUR}/"


def test_every_answer_is_dated_after_the_run_ended(platform: Platform) -> None:
    collected = platform.collect()
    ended = one(collected, Signal.JOB_RUN).payload["JobRun"]["CompletedOn"]
    assert all(seen.observed_at.timestamp() > ended for seen in collected.observations)
    assert (collected.settle_seconds, collected.clock_skew_seconds, collected.live) == (0, 0, True)


def test_a_named_run_is_found_and_an_unknown_one_refused(platform: Platform) -> None:
    good = platform.collect().observations
    history = next(seen for seen in good if seen.signal is Signal.JOB_RUNS).payload["JobRuns"]
    assert platform.collect(run=history[1]["Id"]).run.batch_id == DAY_BEFORE
    for name in ("jr_of_nobody", "../../control.db", ""):
        with pytest.raises(TargetError, match="has no run"):
            platform.collect(run=name)


def test_nothing_is_written(platform: Platform) -> None:
    def state() -> dict[Path, tuple[int, float]]:
        return {path: (path.stat().st_size, path.stat().st_mtime) for path in platform.folder.rglob("*")}

    before = state()
    platform.collect()
    assert state() == before


def break_catalog(folder: Path) -> None:
    (folder / "lake/catalog.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)


def remove_catalog(folder: Path) -> None:
    (folder / "lake/catalog.db").unlink()


def drop_tables(folder: Path) -> None:
    with sqlite3.connect(folder / "lake/catalog.db") as connection:
        connection.execute("DELETE FROM iceberg_tables")


def cut_metadata(folder: Path) -> None:
    for path in (folder / "lake/warehouse").rglob("*.metadata.json"):
        path.write_bytes(path.read_bytes()[:100])


def remove_metadata(folder: Path) -> None:
    for path in (folder / "lake/warehouse").rglob("*.metadata.json"):
        path.unlink()


@pytest.mark.parametrize("damage", [break_catalog, remove_catalog, drop_tables, cut_metadata, remove_metadata])
def test_a_catalog_that_cannot_be_read_is_a_gap_and_the_rest_stands(
    platform: Platform, damage: Callable[[Path], None]
) -> None:
    damage(platform.folder)
    collected = platform.collect()
    assert {gap.source for gap in collected.gaps} == {f"iceberg_metadata:{ORDERS}", f"iceberg_metadata:{STAGING}"}
    assert all(gap.reason and gap.fix for gap in collected.gaps)
    assert one(collected, Signal.CONTROL).payload


@pytest.mark.parametrize("content", [b"", b"junk", b"Obj\x01" + b"\x00" * 50])
def test_damaged_manifests_are_a_gap(platform: Platform, content: bytes) -> None:
    for path in (platform.folder / "lake/warehouse/sales/orders_staging/metadata").glob("*.avro"):
        path.write_bytes(content)
    collected = platform.collect()
    assert [gap.source for gap in collected.gaps] == [f"iceberg_entries:{STAGING}"]
    assert one(collected, Signal.ICEBERG_METADATA, STAGING).payload["snapshots"]


def test_a_locked_control_database_is_a_gap(platform: Platform) -> None:
    connection = sqlite3.connect(platform.folder / "control.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        collected = platform.collect()
    finally:
        connection.close()
    [gap] = collected.gaps
    assert gap.source == "control"
    assert "locked" in gap.reason


def test_a_control_table_is_found_by_its_exact_name_only(platform: Platform) -> None:
    control = msgspec.convert(
        {"table": "orders_daily_control; DROP TABLE x"}, type(platform.pipelines["orders_daily"].control)
    )
    [gap] = platform.collect(control=control).gaps
    assert "has no table" in gap.reason


def test_control_undeclared_is_a_gap_and_declared_none_is_not(platform: Platform) -> None:
    assert [gap.source for gap in platform.collect(control=None).gaps] == ["control"]
    assert platform.collect(control="none").gaps == ()


def test_a_run_document_that_cannot_be_read_makes_the_history_incomplete(platform: Platform) -> None:
    (platform.folder / "runs/orders_daily/jr_torn.json").write_text('{"JobRun": {"Id": "jr_to')
    collected = platform.collect()
    assert not one(collected, Signal.JOB_RUNS).complete
    assert any("jr_torn.json" in gap.reason for gap in collected.gaps)


def test_what_is_not_set_is_a_gap_with_its_name(platform: Platform) -> None:
    unset = {"logs": None, "catalog": None, "control": None, "lineage": None, "jobs": None}
    gaps = {gap.source: gap.reason for gap in platform.collect(local=unset, deployments=None).gaps}
    assert set(gaps) == {
        "logs", "control", "lineage", "job", "deployments", f"iceberg_metadata:{ORDERS}", f"iceberg_metadata:{STAGING}",
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"\[local\] runs"):
        platform.collect(local={"runs": None})


@pytest.mark.parametrize("url", ["postgresql://host/db", "not a url", "sqlite://"])
def test_only_sqlite_files_are_embedded(platform: Platform, url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        platform.collect(local={"catalog": url})


def test_a_source_that_cannot_be_filled_in_is_a_gap(platform: Platform) -> None:
    for source in ("s3://bucket/{batch_id}/", "input/orders/{batch_id}/{region}/", None):
        gaps = platform.collect(source=source).gaps
        assert any(gap.source == "source_listing" for gap in gaps)


def test_manifests_are_read_without_pyarrow(platform: Platform) -> None:
    location = one(platform.collect(), Signal.ICEBERG_METADATA, STAGING).uri or ""
    program = (
        "import sys, json; sys.modules['pyarrow'] = None\n"
        "from pipetriage.sources.iceberg import entries_since\n"
        "rows, complete = entries_since(json.load(open(sys.argv[1])), None)\n"
        "assert complete and len(rows) == 33, len(rows)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, location.removeprefix("file://")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_entries_since_a_time_leave_out_older_commits(platform: Platform) -> None:
    from pipetriage.sources.iceberg import entries_since

    metadata = one(platform.collect(), Signal.ICEBERG_METADATA, STAGING).payload
    rows, _ = entries_since(metadata, datetime.now(UTC) + timedelta(hours=1))
    assert rows == []


def test_entries_reach_back_to_the_first_attempt_however_many_good_runs_followed(platform: Platform) -> None:
    orders = platform.folder / "input/orders"
    for day in ("2026-02-01", "2026-02-02", "2026-02-03"):
        write_orders(orders / day, date.fromisoformat(day), with_discounts=False)
        Runner(platform.folder).run("orders_daily", day, orders / day)
    again = Runner(platform.folder).run("orders_daily", DAY, orders / DAY)
    entries = one(platform.collect(), Signal.ICEBERG_ENTRIES, STAGING).payload
    assert again["JobRunState"] == "FAILED"
    assert len([entry for entry in entries if entry["status"] == 1 and entry["partition"]["order_date"] == DAY]) == 18


@pytest.mark.parametrize("origin", ["argument", "control", "path"])
def test_the_batch_is_read_where_it_is_declared(platform: Platform, origin: str) -> None:
    declared = msgspec.convert({"from": origin, "name": "batch_id"}, BatchIdFrom)
    source = f"{platform.folder}/input/orders/{{batch_id}}/"
    collected = platform.collect(batch_id=declared, source=source)
    assert collected.run.batch_id == DAY
    assert len(one(collected, Signal.SOURCE_LISTING).payload["Contents"]) == 12


def test_a_log_that_is_a_pipe_is_a_gap_and_nobody_waits(platform: Platform) -> None:
    os.mkfifo(platform.folder / "pipe.log")
    gaps = {gap.source: gap.reason for gap in platform.collect(local={"logs": "pipe.log"}).gaps}
    assert "no plain file" in gaps["logs"]


def test_the_log_of_another_run_is_read_its_beginning_and_its_end(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/jr_good.log").write_bytes(b"INFO first\n" + b"INFO ordinary\n" * 3_000_000 + b"INFO last\n")
    local = LocalSettings(runs="runs", logs="logs/{run_id}.log")
    run = LocalRun(Pipeline(name="orders"), "jr_now", local, tmp_path, now=lambda: datetime.now(UTC))
    assert isinstance(run, ReadsOtherLogs)
    seen = run.log_of("jr_good")
    assert isinstance(seen, Observation)
    assert (seen.signal, seen.run_id, seen.locator) == (Signal.LOGS, "jr_good", str(tmp_path / "logs/jr_good.log"))
    said: list[str] = []
    with pytest.raises(SourceError, match="were not read"):
        said.extend(event.message for event in seen.payload)
    assert (said[0], said[-1]) == ("INFO first", "INFO last")
    assert sum(len(one) + 1 for one in said) < 20 * 1024 * 1024


@pytest.mark.parametrize("run_id", ["jr_gone", "../jr_now", "../../etc/passwd", "..", ""])
def test_the_log_of_a_run_that_has_none_here_is_a_gap(tmp_path: Path, run_id: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "jr_now.log").write_text("INFO outside of the folder\n")
    local = LocalSettings(runs="runs", logs="logs/{run_id}.log")
    run = LocalRun(Pipeline(name="orders"), "jr_now", local, tmp_path, now=lambda: datetime.now(UTC))
    gap = run.log_of(run_id)
    assert isinstance(gap, Gap)
    assert gap.source == "logs"
