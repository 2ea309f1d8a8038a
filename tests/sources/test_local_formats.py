"""Delta, Hudi and plain tables by their folders: real files in, what is seen or missing out."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from pipetriage.model.evidence import Signal
from tests.building_local import THROTTLED, LocalPlatform, collect, gaps_of_tables, one, platform_of

ORDERS = "sales.orders"


def rows(*regions: str) -> Any:
    return pa.table({"id": list(range(2 * len(regions))), "region": [one for one in regions for _ in range(2)]})


# --- Delta


@pytest.fixture
def delta(tmp_path: Path) -> LocalPlatform:
    platform = platform_of(tmp_path, "delta")
    path = str(platform.table(ORDERS))
    with platform.run("jr_1", "d1"):
        deltalake.write_deltalake(path, rows("eu", "us"), partition_by=["region"])
    with platform.run("jr_2", "d2", error=THROTTLED):
        append_delta(path, "d2")
    return platform


def append_delta(path: str, batch: str) -> None:
    properties = deltalake.CommitProperties(custom_metadata={"batch_id": batch})
    deltalake.write_deltalake(path, rows("eu"), mode="append", commit_properties=properties)


def test_a_delta_log_and_its_files_are_seen(delta: LocalPlatform) -> None:
    collected = collect(delta)
    log = one(collected, Signal.DELTA_LOG).payload
    assert list(log) == ["00000000000000000001.json", "00000000000000000000.json"]
    assert [action["add"]["partitionValues"] for action in log["00000000000000000001.json"] if "add" in action] == [
        {"region": "eu"}
    ]
    listed = [Path(member["Key"]).suffix for member in one(collected, Signal.TABLE_LISTING).payload["Contents"]]
    assert listed.count(".parquet") == 3
    assert gaps_of_tables(collected) == {}
    [state] = delta.triage().write_state
    assert (state.status, state.partitions_written, state.records_written) == ("PARTIAL", 1, 2)


def test_a_delta_log_is_read_back_only_as_far_as_needed(delta: LocalPlatform) -> None:
    path = str(delta.table(ORDERS))
    for number in range(3, 9):
        with delta.run(f"jr_{number}", f"d{number}", error=THROTTLED if number == 8 else None):
            append_delta(path, f"d{number}")
    versions = [int(name[:20]) for name in one(collect(delta), Signal.DELTA_LOG).payload]
    # Runs 6 and 7 were good: from the start of 6 on, and one commit more that shows where the log begins.
    assert versions == [7, 6, 5, 4]
    assert delta.triage().write_state[0].commits[0].snapshot == "7"


def test_a_delta_checkpoint_is_seen_by_its_name(delta: LocalPlatform) -> None:
    deltalake.DeltaTable(str(delta.table(ORDERS))).create_checkpoint()
    log = one(collect(delta), Signal.DELTA_LOG).payload
    assert log["00000000000000000001.checkpoint.parquet"] == []
    assert "_last_checkpoint" in log


def no_log(log: Path) -> None:
    shutil.rmtree(log)


def empty_log(log: Path) -> None:
    for path in log.iterdir():
        path.unlink()


def junk_commit(log: Path) -> None:
    (log / f"{1:020}.json").write_bytes(b"\xff\x00 junk")


def torn_commit(log: Path) -> None:
    path = log / f"{1:020}.json"
    path.write_bytes(path.read_bytes()[:-40])


def commit_is_a_folder(log: Path) -> None:
    (log / f"{1:020}.json").unlink()
    (log / f"{1:020}.json").mkdir()


def commit_is_a_pipe(log: Path) -> None:
    (log / f"{1:020}.json").unlink()
    os.mkfifo(log / f"{1:020}.json")


def commit_links_outside(log: Path) -> None:
    (log / f"{1:020}.json").unlink()
    (log / f"{1:020}.json").symlink_to("/etc/hosts")


@pytest.mark.parametrize("damage", [no_log, empty_log, junk_commit])
def test_a_delta_log_that_cannot_be_read_is_a_gap_and_the_rest_stands(
    delta: LocalPlatform, damage: Callable[[Path], None]
) -> None:
    damage(delta.table(ORDERS) / "_delta_log")
    collected = collect(delta)
    assert list(gaps_of_tables(collected)) == [f"delta_log:{ORDERS}"]
    assert one(collected, Signal.TABLE_LISTING).payload["Contents"]
    assert one(collected, Signal.LOGS).complete
    incident = delta.triage()
    assert (incident.write_state[0].status, incident.rerun.decision) == ("UNOBSERVED", "UNKNOWN")


@pytest.mark.parametrize("damage", [torn_commit, commit_is_a_folder, commit_is_a_pipe, commit_links_outside])
def test_a_delta_log_with_a_damaged_commit_never_reads_as_safe(
    delta: LocalPlatform, damage: Callable[[Path], None]
) -> None:
    damage(delta.table(ORDERS) / "_delta_log")
    incident = delta.triage()
    assert incident.rerun.decision != "SAFE"
    assert not incident.safe_to_retry


# --- Plain files


@pytest.fixture
def plain(tmp_path: Path) -> LocalPlatform:
    platform = platform_of(tmp_path, "parquet")
    with platform.run("jr_1", "d1"):
        pq.write_to_dataset(rows("eu", "us"), platform.table(ORDERS), partition_cols=["region"])
    with platform.run("jr_2", "d2", error=THROTTLED):
        pq.write_to_dataset(rows("eu"), platform.table(ORDERS), partition_cols=["region"])
        platform.write("warehouse/sales/orders/_temporary/0/part-0.parquet", b"PAR1")
    return platform


def test_a_plain_tables_files_are_listed(plain: LocalPlatform) -> None:
    collected = collect(plain)
    seen = one(collected, Signal.TABLE_LISTING)
    assert seen.uri == f"file://{plain.table(ORDERS)}/"
    assert len(seen.payload["Contents"]) == 4
    assert not seen.payload["IsTruncated"]
    asked = {observation.signal for observation in collected.observations if observation.table}
    assert asked == {Signal.TABLE_LISTING}
    assert plain.triage().write_state[0].status == "PARTIAL"


def test_a_plain_table_whose_folder_is_gone_is_a_gap(plain: LocalPlatform) -> None:
    shutil.rmtree(plain.table(ORDERS))
    assert "what was in it is unknown" in gaps_of_tables(collect(plain))[f"table_listing:{ORDERS}"]
    assert plain.triage().rerun.decision == "UNKNOWN"


def test_a_plain_table_that_is_a_file_is_a_gap(plain: LocalPlatform) -> None:
    shutil.rmtree(plain.table(ORDERS))
    plain.table(ORDERS).write_text("x")
    assert list(gaps_of_tables(collect(plain))) == [f"table_listing:{ORDERS}"]


def test_a_partition_that_is_a_link_may_hold_what_is_not_seen(plain: LocalPlatform) -> None:
    elsewhere = plain.folder / "elsewhere"
    (plain.table(ORDERS) / "region=eu").rename(elsewhere)
    (plain.table(ORDERS) / "region=eu").symlink_to(elsewhere)
    assert not one(collect(plain), Signal.TABLE_LISTING).complete
    assert plain.triage().rerun.decision != "SAFE"


@pytest.mark.parametrize("sign", ["_delta_log/00000000000000000000.json", ".hoodie/x", "metadata/v1.metadata.json"])
def test_a_table_with_a_log_is_not_judged_by_its_files(plain: LocalPlatform, sign: str) -> None:
    """A commit that only deletes leaves no new file."""
    plain.write(f"warehouse/sales/orders/{sign}", "{}")
    assert "declare that under outputs" in gaps_of_tables(collect(plain))[f"table_listing:{ORDERS}"]
    assert plain.triage().rerun.decision != "SAFE"


@pytest.mark.parametrize("table_format", ["parquet", "delta", "hudi", "iceberg"])
@pytest.mark.parametrize("table", ["../..", "..", "a/b", "sales./etc", "sales.", "", "a\0b", "sales.../x"])
def test_a_hostile_table_name_leads_nowhere(table: str, table_format: str, tmp_path: Path) -> None:
    # What a name that climbs would find.
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log" / f"{0:020}.json").write_text('{"commitInfo": {"timestamp": 1}}\n')
    platform = platform_of(tmp_path / "deep/platform", table_format, table)
    with platform.run("jr_1", "d1", error=THROTTLED):
        pass
    collected = collect(platform)
    assert gaps_of_tables(collected)
    assert not [seen for seen in collected.observations if seen.table]
    assert platform.triage().rerun.decision == "UNKNOWN"


# --- Hudi

HUDI_0 = (
    ".hoodie/hoodie.properties",
    ".hoodie/20261101000000000.commit.requested",
    ".hoodie/20261101000000000.inflight",
    ".hoodie/20261101000000000.commit",
    ".hoodie/20261101000100000.deltacommit.requested",
    ".hoodie/archived/.commits_.archive.1_1-0-1",
    ".hoodie/archived/20250101000000000.commit",
    ".hoodie/.temp/20261101000000000/eu/a.marker.CREATE",
)
HUDI_1 = (
    ".hoodie/hoodie.properties",
    ".hoodie/timeline/20261101000000000.commit.requested",
    ".hoodie/timeline/20261101000000000.commit.inflight",
    ".hoodie/timeline/20261101000000000_20261101000100000.commit",
    ".hoodie/timeline/20261101000200000.deltacommit.requested",
    ".hoodie/timeline/history/20250101000000000_20250101000100000_0.parquet",
)
# The metadata table, a Hudi table of its own, in the shapes of both.
INNER = (
    ".hoodie/metadata/.hoodie/20261105000000000.deltacommit",
    ".hoodie/metadata/.hoodie/timeline/20261105000000000_20261105000100000.deltacommit",
    ".hoodie/metadata/timeline/20261105000000000_20261105000100000.deltacommit",
    ".hoodie/metadata/files/files-0000",
)


@pytest.mark.parametrize("files", [HUDI_0, HUDI_1], ids=["0.x", "1.x"])
def test_a_hudi_timeline_is_the_tables_own(files: tuple[str, ...], tmp_path: Path) -> None:
    platform = platform_of(tmp_path, "hudi")
    for path in (*files, *INNER, "eu/a_0-1_20261101000000000.parquet"):
        platform.write(f"warehouse/sales/orders/{path}", "{}")
    with platform.run("jr_1", "d1", error=THROTTLED):
        pass
    collected = collect(platform)
    assert gaps_of_tables(collected) == {}
    seen = {Path(member["Key"]).name for member in one(collected, Signal.HUDI_TIMELINE).payload["Contents"]}
    own = {Path(path).name for path in files if not {"archived", ".temp", "history"} & set(Path(path).parts)}
    assert seen == own
    assert len(one(collected, Signal.TABLE_LISTING).payload["Contents"]) == len(files) + len(INNER) + 1


def test_a_commit_of_this_run_in_a_hudi_table_is_seen_and_the_inner_tables_is_not(tmp_path: Path) -> None:
    platform = platform_of(tmp_path, "hudi")
    os.utime(platform.write("warehouse/sales/orders/.hoodie/20201101000000000.commit", "{}"), (1.6e9, 1.6e9))
    with platform.run("jr_1", "d1", error=THROTTLED):
        name = f"{datetime.now(UTC):%Y%m%d%H%M%S}000"
        inner = platform.write(f"warehouse/sales/orders/.hoodie/metadata/.hoodie/{name}.deltacommit", "{}")
    untouched = platform.triage().write_state[0]
    assert untouched.status in {"NOT_STARTED", "UNCOMMITTED"}, untouched.why
    inner.rename(platform.table(ORDERS) / f".hoodie/{name}.commit")
    assert platform.triage().write_state[0].status not in {"NOT_STARTED", "UNCOMMITTED"}
    assert platform.triage().rerun.decision != "SAFE"


def test_a_hudi_table_without_a_timeline_is_a_gap(tmp_path: Path) -> None:
    platform = platform_of(tmp_path, "hudi")
    platform.write("warehouse/sales/orders/eu/a.parquet", "x")
    with platform.run("jr_1", "d1", error=THROTTLED):
        pass
    assert gaps_of_tables(collect(platform)) == {f"hudi_timeline:{ORDERS}": f"{ORDERS} has no .hoodie folder"}
