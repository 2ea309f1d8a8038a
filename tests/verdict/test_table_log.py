"""Wrong or stale table evidence never proves that a commit is absent."""

from pathlib import Path
from typing import Any

import pytest

from pipetriage.context.delta_facts import read_delta
from pipetriage.model.evidence import Observation, Signal
from pipetriage.model.incident import Incident
from tests.building_bundles import (
    CAPTURED,
    LAKE,
    OVERWRITE,
    REGIONS,
    RUN,
    broken,
    bundle,
    iceberg,
    iso,
    listing,
    minute,
    ms,
    snapshot,
    table,
    triage,
)

Files = dict[str, Any]
NO_ICEBERG = {"iceberg/target.metadata.json": None, "iceberg/target.entries.jsonl": None, "glue/table.json": None}
NO_PROOF = {"UNOBSERVED", "UNCERTAIN"}


def _why(incident: Incident) -> str:
    """Give why nothing is proven; fails where the absence of a commit was taken as proven."""
    assert incident.rerun.decision != "SAFE"
    (state,) = incident.write_state
    assert str(state.status) in NO_PROOF, state.why
    return state.why


def _metadata_file(version: int, name: str = "ab12cd34") -> str:
    return f"{LAKE}/metadata/{version:05}-{name}.metadata.json"


def _of_version(version: int, **more: Any) -> Files:
    """Make a bundle whose metadata file follows ``version - 1``; the catalog and the address say 00003."""
    log = [{"timestamp-ms": ms(minute(-3000)), "metadata-file": _metadata_file(version - 1)}]
    return bundle(metadata={"metadata-log": log}, **more)


@pytest.fixture
def harmless(tmp_path: Path) -> Incident:
    return triage(tmp_path / "harmless", _of_version(3))


def test_a_table_whose_evidence_agrees_is_harmless(harmless: Incident) -> None:
    assert harmless.rerun.decision == "SAFE"


# The table's identity.


def test_a_catalog_entry_of_another_database_is_anothers(tmp_path: Path) -> None:
    files = bundle()
    files["glue/table.json"]["Table"]["DatabaseName"] = "archive"
    assert "another table's (archive.orders)" in _why(triage(tmp_path, files))


@pytest.mark.parametrize("target", ["orders", "sales.orders", "glue_catalog.sales.orders", "Sales.Orders"])
def test_a_catalog_part_or_no_database_is_no_other_table(tmp_path: Path, target: str) -> None:
    assert triage(tmp_path, bundle(declared={"target": target})).rerun.decision == "SAFE"


def test_metadata_of_another_place_is_another_tables(tmp_path: Path) -> None:
    files = bundle(manifest={"files": {}}, metadata={"location": f"{LAKE}_staging"}, files={"s3/target.json": None})
    files["glue/table.json"]["Table"]["StorageDescriptor"] = {"Location": LAKE}
    assert "location differs" in _why(triage(tmp_path, files))


def test_a_trailing_slash_or_scheme_is_no_other_place(tmp_path: Path) -> None:
    files = bundle()
    files["glue/table.json"]["Table"]["StorageDescriptor"] = {"Location": f"{LAKE}/".replace("s3://", "s3a://")}
    assert triage(tmp_path, files).rerun.decision == "SAFE"


def _two_tables(*uuids: str) -> Files:
    names = ("sales.orders", "sales.lines")
    outputs = [
        {"table": name, "write_mode": "append", "format": "iceberg", "partition_field": "region"} for name in names
    ]
    files = bundle(declared={"target": None, "outputs": outputs}, files=NO_ICEBERG | {"s3/target.json": None})
    for name, uuid in zip(names, uuids, strict=True):
        metadata, entries = iceberg(**{"table-uuid": uuid})
        files[f"tables/target/{name}/metadata.json"] = metadata
        files[f"tables/target/{name}/entries.jsonl"] = entries
        files[f"tables/target/{name}/listing.json"] = listing(f"{LAKE}/", "data/region=eu/1001.parquet")
    return files


def test_one_metadata_file_is_not_two_tables(tmp_path: Path) -> None:
    incident = triage(tmp_path, _two_tables("u-1", "u-1"))
    assert incident.rerun.decision == "UNKNOWN"
    assert [str(one.status) for one in incident.write_state] == ["UNOBSERVED", "UNOBSERVED"]
    assert all("one table-uuid" in one.why for one in incident.write_state)


def test_two_tables_of_two_uuids_are_two(tmp_path: Path) -> None:
    assert triage(tmp_path, _two_tables("u-1", "u-2")).rerun.decision == "SAFE"


def test_one_table_in_two_roles_is_one(tmp_path: Path) -> None:
    metadata, entries = iceberg()
    folder = "tables/staging/sales.orders"
    staging = {f"{folder}/metadata.json": metadata, f"{folder}/entries.jsonl": entries}
    incident = triage(tmp_path, bundle(declared={"staging": "sales.orders"}, files=staging))
    assert not any("one table-uuid" in one.why for one in incident.write_state)


# The metadata file's currency.


def test_a_file_older_by_its_own_log_than_the_catalogs_is_stale(tmp_path: Path) -> None:
    files = _of_version(3, manifest={"files": {}}, files={"s3/target.json": None})
    files["glue/table.json"]["Table"]["Parameters"]["metadata_location"] = _metadata_file(9)
    assert "makes it version 3, the catalog points to version 9" in _why(triage(tmp_path, files))


@pytest.mark.parametrize("version", [6, 2])
def test_an_address_at_odds_with_the_files_own_log(tmp_path: Path, version: int) -> None:
    files = _of_version(version, files={"glue/table.json": None})
    assert f"makes it version {version}, its address says version 3" in _why(triage(tmp_path, files))


@pytest.mark.parametrize(
    ("previous", "own"),
    [("v11.metadata.json", "v12.metadata.json"), ("v11.gz.metadata.json", "v12.gz.metadata.json")],
)
def test_a_hadoop_catalogs_versions_agree(tmp_path: Path, previous: str, own: str) -> None:
    folder = f"{LAKE}/metadata"
    log = [{"timestamp-ms": ms(minute(-3000)), "metadata-file": f"{folder}/{previous}"}]
    noted = {"files": {"iceberg/target.metadata.json": {"uri": f"{folder}/{own}"}}}
    files = bundle(manifest=noted, metadata={"metadata-log": log}, files={"glue/table.json": None})
    assert triage(tmp_path, files).rerun.decision == "SAFE"


def _without_address(listed: dict[str, Any], **more: Any) -> Files:
    return _of_version(3, manifest={"files": {}}, files={"glue/table.json": None, "s3/target.json": listed}, **more)


@pytest.mark.parametrize("more", [(), ("metadata/snap-1002-1-x.avro", "data/region=eu/x.parquet")])
def test_a_newer_file_in_the_folder_is_found_by_the_files_own_log(tmp_path: Path, more: tuple[str, ...]) -> None:
    listed = listing(f"{LAKE}/", "metadata/00004-ffffffff.metadata.json", *more, at=minute(5))
    assert "00004-ffffffff" in _why(triage(tmp_path, _without_address(listed)))


def test_a_newer_file_beside_a_first_one_without_log_is_found(tmp_path: Path) -> None:
    listed = listing(f"{LAKE}/", "metadata/00002-ffffffff.metadata.json", at=minute(5))
    files = bundle(manifest={"files": {}}, files={"glue/table.json": None, "s3/target.json": listed})
    assert "00002-ffffffff" in _why(triage(tmp_path, files))


def test_the_file_itself_in_the_folder_is_no_newer_one(tmp_path: Path) -> None:
    keys = ("metadata/00003-ab12cd34.metadata.json", "metadata/00002-ab12cd34.metadata.json")
    listed = listing(f"{LAKE}/", *keys, at=minute(-1439))
    assert triage(tmp_path, _without_address(listed)).rerun.decision == "SAFE"


# What a replace snapshot is.


def _replaced(**counts: str) -> Files:
    one = snapshot(2, 5, *REGIONS, operation="replace", stamp={})
    one["summary"] |= {key.replace("_", "-"): value for key, value in counts.items()}
    return bundle(one)


def test_a_replace_that_adds_records_is_no_compaction(tmp_path: Path) -> None:
    _why(triage(tmp_path, _replaced(added_records="300", deleted_records="0")))


def test_a_replace_that_loses_records_is_no_compaction(tmp_path: Path) -> None:
    _why(triage(tmp_path, _replaced(added_records="290", deleted_records="300", total_delete_files="0")))


@pytest.mark.parametrize(
    "counts",
    [
        {"added_records": "300", "deleted_records": "300"},
        {"added_records": "290", "deleted_records": "300", "total_delete_files": "2"},
        {"added_records": "290", "deleted_records": "300", "removed_position_deletes": "10"},
    ],
)
def test_a_replace_of_unchanged_rows_is_a_compaction(tmp_path: Path, counts: dict[str, str]) -> None:
    assert triage(tmp_path, _replaced(**counts)).rerun.decision == "SAFE"


# Delta's log.


def _add(path: str) -> Files:
    return {"add": {"path": path, "partitionValues": {"region": "eu"}, "size": 9, "stats": '{"numRecords": 100}'}}


def _commit(at: float, *actions: Files, operation: str = "WRITE", **info: Any) -> list[Files]:
    parameters = {"mode": "Append"} if operation == "WRITE" else {}
    stamped = {"timestamp": ms(minute(at)), "operation": operation, "operationParameters": parameters}
    return [{"commitInfo": stamped | info}, *actions]


FIRST = _commit(-900, _add("a"))


def _delta(*commits: list[Files], listed: tuple[str, ...] = (), log: Files | None = None) -> Files:
    files = bundle(declared={"format": "delta"}, files=NO_ICEBERG | {"s3/target.json": None})
    folder = "delta/target/_delta_log"
    files |= {f"{folder}/{number:020}.json": commit for number, commit in enumerate(commits)}
    files |= {f"{folder}/{name}": content for name, content in (log or {}).items()}
    return files | ({"s3/target.json": listing(f"{LAKE}/", *listed, at=minute(5))} if listed else {})


def test_a_delta_log_that_agrees_is_harmless(tmp_path: Path) -> None:
    own = (f"_delta_log/{0:020}.json", f"_delta_log/{0:020}.crc", f"_delta_log/.{1:020}.json.crc")
    incident = triage(tmp_path, _delta(FIRST, listed=own, log={f"{0:020}.crc": "{}"}))
    assert incident.rerun.decision == "SAFE"


@pytest.mark.parametrize("feature", ["catalogManaged", "catalogOwned", "catalogOwned-preview"])
@pytest.mark.parametrize("key", ["readerFeatures", "writerFeatures"])
def test_a_catalog_managed_delta_table_is_its_catalogs_to_tell(tmp_path: Path, key: str, feature: str) -> None:
    protocol = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, key: ["inCommitTimestamp", feature]}}
    incident = triage(tmp_path, _delta(_commit(-900, protocol, _add("a"))))
    _why(incident)
    assert any("catalog-managed" in gap.reason for gap in incident.gaps)


def test_a_delta_table_no_longer_catalog_managed_is_read(tmp_path: Path) -> None:
    managed = {"protocol": {"writerFeatures": ["catalogManaged"]}}
    dropped = {"protocol": {"writerFeatures": ["inCommitTimestamp"]}}
    incident = triage(tmp_path, _delta(_commit(-900, managed), _commit(-800, dropped)))
    assert incident.rerun.decision == "SAFE"


def test_staged_delta_commits_in_a_listing(tmp_path: Path) -> None:
    staged = f"_delta_log/_staged_commits/{1:020}.3a0d65cd-4056-49b8-937b-95f9e3ee90e5.json"
    assert "ask it" in _why(triage(tmp_path, _delta(FIRST, listed=(staged,))))


NEWER = [
    f"{1:020}.crc",
    f"{10:020}.checkpoint.parquet",
    f"{10:020}.checkpoint.0000000001.0000000002.parquet",
    f"{10:020}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json",
    f"{0:020}.{3:020}.compacted.json",
]


@pytest.mark.parametrize("name", [*NEWER, f"{1:020}.json"])
def test_a_newer_delta_version_in_a_listing(tmp_path: Path, name: str) -> None:
    assert "newer version" in _why(triage(tmp_path, _delta(FIRST, listed=(f"_delta_log/{name}",))))


@pytest.mark.parametrize("name", NEWER)
def test_a_newer_delta_version_in_the_log_folder(tmp_path: Path, name: str) -> None:
    assert "version 1 of the Delta log is missing" in _why(triage(tmp_path, _delta(FIRST, log={name: []})))


def test_a_delta_clock_that_runs_backwards_proves_no_time(tmp_path: Path) -> None:
    files = _delta(_commit(-900, _add("a")), _commit(-100, _add("c")), _commit(-1500, _add("b")))
    assert "older than the one before it" in _why(triage(tmp_path, files))


def test_every_transaction_of_a_delta_commit_is_a_stamp(tmp_path: Path) -> None:
    transactions = [{"txn": {"appId": app, "version": 1}} for app in (RUN, "other", "third")]
    commit = _commit(5, *transactions, _add("b"))
    seen = Observation(
        signal=Signal.DELTA_LOG, payload={f"{0:020}.json": commit}, locator="_delta_log", observed_at=CAPTURED
    )
    (only,) = read_delta(seen, "sales.orders").snapshots
    stamps = {key: value for key, value in only.summary.items() if key.startswith("txn-app-id")}
    assert stamps == {"txn-app-id": RUN, "txn-app-id-2": "other", "txn-app-id-3": "third"}
    assert triage(tmp_path, _delta(FIRST, commit)).rerun.decision != "SAFE"


@pytest.mark.parametrize("operation", ["CREATE TABLE", "ADD COLUMNS", "CHANGE COLUMN", "SET TBLPROPERTIES"])
def test_an_operation_without_data_that_carries_files_is_a_write(tmp_path: Path, operation: str) -> None:
    _why(triage(tmp_path / "files", _delta(FIRST, _commit(5, _add("b"), operation=operation))))
    assert triage(tmp_path / "none", _delta(FIRST, _commit(5, operation=operation))).rerun.decision == "SAFE"


# Hudi's timeline.

OLD = {"Key": ".hoodie/20261120020000000.commit", "LastModified": iso(minute(-1440))}


def _hudi(*pages: Files) -> Files:
    return bundle(declared={"format": "hudi"}, files=NO_ICEBERG | {"hudi/target.timeline.json": list(pages)})


@pytest.mark.parametrize(
    "more",
    [
        {"CommonPrefixes": [{"Prefix": ".hoodie/timeline/"}]},
        {"NextContinuationToken": "x"},
        {"NextToken": "x"},
        {"IsTruncated": True},
        {"IsTruncated": "true"},
    ],
)
def test_hudi_pages_that_are_cut_short(tmp_path: Path, more: Files) -> None:
    assert triage(tmp_path / "whole", _hudi({"Contents": [OLD], "IsTruncated": False})).rerun.decision == "SAFE"
    _why(triage(tmp_path / "cut", _hudi({"Contents": [OLD]} | more)))


def test_hudi_folders_in_any_page_are_cut_short(tmp_path: Path) -> None:
    first = {"CommonPrefixes": [{"Prefix": ".hoodie/timeline/"}], "IsTruncated": True, "NextContinuationToken": "x"}
    _why(triage(tmp_path, _hudi(first, {"Contents": [OLD]})))


def test_the_instants_of_hudis_metadata_table_do_not_count(tmp_path: Path) -> None:
    inner = {"Key": ".hoodie/metadata/.hoodie/20261122020500000.deltacommit", "LastModified": iso(minute(5))}
    own = {"Key": ".hoodie/20261122020500000.deltacommit", "LastModified": iso(minute(5))}
    assert triage(tmp_path / "inner", _hudi({"Contents": [OLD, inner]})).rerun.decision == "SAFE"
    _why(triage(tmp_path / "own", _hudi({"Contents": [OLD, own]})))


@pytest.mark.parametrize(("version", "proven"), [(1, True), (4, False)])
def test_a_version_1_table_shows_by_its_metadata_files_whether_anything_was_expired(
    version: int, proven: bool, tmp_path: Path
) -> None:
    mine = snapshot(1, 5, *REGIONS)
    shown = {key: value for key, value in mine.items() if key not in {"_regions", "sequence-number"}}
    where = f"{LAKE}/metadata/{version:05}-ab12cd34.metadata.json"
    replaced = {
        "timestamp-ms": ms(minute(-2000)),
        "metadata-file": f"{LAKE}/metadata/{version - 1:05}-ab12cd34.metadata.json",
    }
    files = bundle(
        declared=OVERWRITE,
        metadata={
            "format-version": 1,
            "last-sequence-number": None,
            "snapshots": [shown],
            "current-snapshot-id": mine["snapshot-id"],
            "refs": {"main": {"snapshot-id": mine["snapshot-id"]}},
            "snapshot-log": [{"timestamp-ms": mine["timestamp-ms"], "snapshot-id": mine["snapshot-id"]}],
            "metadata-log": [replaced],
            "last-updated-ms": mine["timestamp-ms"],
        },
        files={
            "glue/table.json": table(Parameters={"metadata_location": where}),
            "iceberg/target.entries.jsonl": iceberg(mine)[1],
        },
        manifest={"files": {"iceberg/target.metadata.json": {"uri": where}}},
    )
    incident = triage(tmp_path, files)
    assert ("TABLE_UNOBSERVED" in broken(incident)) is not proven
