"""A control table of the Glue catalog: JSON lines, CSV, Parquet and Iceberg in S3, bounded, without Athena."""

import gzip
import io
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_control
from pipetriage.errors import MissingExtraError, SourceError
from pipetriage.model.pipeline import Control, ControlColumns
from pipetriage.sources import control_catalog, control_iceberg
from pipetriage.sources import control_rows as control_rows_room
from pipetriage.sources.control_table import control_rows
from pipetriage.sources.local_files import Answer
from tests.emulated.account import KEY_ID, REGION, EmulatedAccount
from tests.emulated.bundle import load_bundle
from tests.sources.test_glue_run import CASES, app_for

DECLARED = Control(location="glue", table="etl.loads")
FOLDER = "s3://acme-etl/loads"
NAMES = ("batch_id", "job_run_id", "status", "records", "updated_at")
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
OPEN_CSV = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"}
LAZY = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"}
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


def row(day: int, status: str = "SUCCESS") -> dict[str, Any]:
    at = f"2026-11-{day:02d}T02:00:00+00:00"
    values = (f"2026-11-{day:02d}", f"jr_{day}", status, 10 * day, at)
    return dict(zip(NAMES, values, strict=True))


def put_table(account: EmulatedAccount, serde: dict[str, Any] | str = JSON_SERDE, **more: Any) -> None:
    serde = {"SerializationLibrary": serde} if isinstance(serde, str) else serde
    columns = [{"Name": name, "Type": "string"} for name in (*NAMES, "note")]
    storage = {"Location": FOLDER, "Columns": columns, "SerdeInfo": serde}
    account.put_table({"DatabaseName": "etl", "Name": "loads", "StorageDescriptor": storage} | more)


def put_lines(account: EmulatedAccount, name: str, rows: Iterable[dict[str, Any]], day: int = 1) -> None:
    data = "".join(json.dumps(one) + "\n" for one in rows).encode()
    account.put_object(f"{FOLDER}/{name}", data, at=datetime(2026, 11, day, tzinfo=UTC))


def read(account: EmulatedAccount, declared: Control = DECLARED, **more: Any) -> Answer:
    return control_rows(account.session(), declared, Path(), **more)


def test_json_lines_are_read_oldest_first(account: EmulatedAccount) -> None:
    put_table(account)
    put_lines(account, "b.json", [row(3) | {"other": "never read"}, row(2)])
    put_lines(account, "a.json", [row(1, "FAILED")])
    account.put_object(f"{FOLDER}/c.json", gzip.compress(json.dumps(row(4)).encode()))
    account.put_object(f"{FOLDER}/_SUCCESS", b"x")
    answer = read(account)
    assert answer.payload == [row(1, "FAILED"), row(2), row(3), row(4)]
    assert answer.complete
    assert not [call for call in account.door.calls if str(call).startswith("athena:")]


def test_names_are_compared_without_case(account: EmulatedAccount) -> None:
    put_table(account)
    put_lines(account, "a.json", [{"Batch_Id": "b", "STATUS": "SUCCESS"}])
    declared = msgspec.structs.replace(DECLARED, columns=ControlColumns(batch_id="BATCH_ID"))
    assert read(account, declared).payload == [{"BATCH_ID": "b", "status": "SUCCESS"}]


@pytest.mark.parametrize(
    ("serde", "parameters", "text"),
    [
        (OPEN_CSV, {"skip.header.line.count": "1"}, 'batch_id,…\n"2026-11-03","jr_3","SUC,CESS","30","t",""\n'),
        ({**OPEN_CSV, "Parameters": {"separatorChar": ";"}}, {}, "2026-11-03;jr_3;SUC,CESS;30;t;\n"),
        (
            {"SerializationLibrary": LAZY, "Parameters": {"field.delim": "\t"}},
            {},
            "2026-11-03\tjr_3\tSUC,CESS\t30\tt\t\\N",
        ),
        ({"SerializationLibrary": LAZY}, {}, "2026-11-03\x01jr_3\x01SUC,CESS\x0130\x01t\x01"),
    ],
)
def test_csv_is_read_as_the_catalog_describes_it(
    serde: dict[str, Any], parameters: dict[str, str], text: str, account: EmulatedAccount
) -> None:
    put_table(account, serde, Parameters=parameters)
    account.put_object(f"{FOLDER}/a.csv", text.encode())
    answer = read(account)
    values = ("2026-11-03", "jr_3", "SUC,CESS", "30", "t")
    assert answer.payload == [dict(zip(NAMES, values, strict=True))]
    assert answer.complete
    assert read_control(answer.payload, DECLARED, Redactor())[0].records == 30


def parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def test_parquet_with_real_times_and_numbers(account: EmulatedAccount) -> None:
    put_table(account, PARQUET_SERDE)
    rows = [row(day) | {"updated_at": datetime(2026, 11, day, 2, tzinfo=UTC), "secret": "no"} for day in (2, 1)]
    account.put_object(f"{FOLDER}/part-0.snappy.parquet", parquet(rows))
    assert read(account).payload == [row(1), row(2)]


def test_without_pyarrow_the_extra_is_named(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    put_table(account, PARQUET_SERDE)
    account.put_object(f"{FOLDER}/part-0.parquet", parquet([row(1)]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pipetriage\[parquet\]"):
        read(account)


# Partitions


def put_partition(account: EmulatedAccount, value: str, location: str) -> None:
    storage = {"Location": location, "Columns": []}
    account.admin("glue").create_partition(
        DatabaseName="etl", TableName="loads", PartitionInput={"Values": [value], "StorageDescriptor": storage}
    )


def test_partitions_give_their_values_wherever_they_lie(account: EmulatedAccount) -> None:
    put_table(account, PartitionKeys=[{"Name": "pipeline", "Type": "string"}])
    put_partition(account, "orders", f"{FOLDER}/pipeline=orders")
    put_partition(account, "old", "s3://acme-archive/x/")
    put_lines(account, "pipeline=orders/a.json", [row(1)])
    account.put_object("s3://acme-archive/x/b.json", json.dumps(row(2)).encode())
    answer = read(account, only={"pipeline": "orders"})
    assert answer.payload == [row(1) | {"pipeline": "orders"}]
    assert answer.complete
    assert read(account, only={"pipeline": "old"}).payload == [row(2) | {"pipeline": "old"}]


def test_files_that_athena_does_not_see_leave_it_incomplete(account: EmulatedAccount) -> None:
    put_table(account, PartitionKeys=[{"Name": "pipeline", "Type": "string"}])
    put_partition(account, "orders", f"{FOLDER}/pipeline=orders/")
    put_lines(account, "pipeline=orders/a.json", [row(1)])
    put_lines(account, "pipeline=new/a.json", [row(2)])
    answer = read(account)
    assert (answer.payload, answer.complete) == ([row(1)], False)


def test_projected_partitions_are_read_from_the_path(account: EmulatedAccount) -> None:
    projected = {"projection.enabled": "true"}
    put_table(account, PartitionKeys=[{"Name": "batch_id", "Type": "string"}], Parameters=projected)
    bare = {name: value for name, value in row(3).items() if name != "batch_id"}
    put_lines(account, "batch_id=2026-11-03/a.json", [bare])
    assert read(account).payload == [row(3)]
    projected["storage.location.template"] = "s3://acme-etl/${batch_id}"
    put_table(account, PartitionKeys=[{"Name": "batch_id", "Type": "string"}], Parameters=projected)
    with pytest.raises(SourceError, match=r"storage\.location\.template"):
        read(account)


# Bounds and damage


def test_what_lies_beyond_the_bounds_is_not_silently_missing(
    account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_table(account)
    for day in (1, 2, 3):
        put_lines(account, f"{9 - day}.json", [row(day)], day)
    monkeypatch.setattr(control_catalog, "MAX_FILES", 2)
    answer = read(account)
    assert (answer.payload, answer.complete) == ([row(2), row(3)], False)
    monkeypatch.setattr(control_catalog, "MAX_FILES", 300)
    monkeypatch.setattr(control_catalog, "MAX_BYTES", 200)
    answer = read(account)
    assert (answer.payload, answer.complete) == ([row(3)], False)
    monkeypatch.setattr(control_catalog, "MAX_BYTES", 20)
    with pytest.raises(SourceError, match="larger than is read"):
        read(account)


def test_torn_lines_and_unreadable_files_leave_it_incomplete(account: EmulatedAccount) -> None:
    put_table(account)
    account.put_object(f"{FOLDER}/a.json", json.dumps(row(1)).encode() + b'\n{"batch_id": "2026-')
    answer = read(account)
    assert (answer.payload, answer.complete) == ([row(1)], False)
    account.put_object(f"{FOLDER}/a.json", json.dumps(row(1)).encode())
    assert read(account).complete
    account.put_object(f"{FOLDER}/b.json", b"\x1f\x8btorn")
    answer = read(account)
    assert (answer.payload, answer.complete) == ([row(1)], False)
    account.put_object(f"{FOLDER}/a.json", b"no json")
    with pytest.raises(SourceError, match=r"gzip|JSON"):
        read(account)


def test_a_place_without_any_file_is_no_empty_table(account: EmulatedAccount) -> None:
    put_table(account)
    account.put_bucket("acme-etl")
    with pytest.raises(SourceError, match=r"lies at s3://acme-etl/loads: is the catalog's entry current"):
        read(account)
    account.put_object(f"{FOLDER}/a.json", b"")
    account.put_object(f"{FOLDER}/_SUCCESS", b"x")
    with pytest.raises(SourceError, match="entry current"):
        read(account)


def test_why_it_was_not_read_whole_is_told(account: EmulatedAccount) -> None:
    put_table(account, OPEN_CSV)
    account.put_object(f"{FOLDER}/a.csv", b'2026-11-01,jr_1,FAILED,1,t,"open\n2026-11-02,jr_2,FAILED,1,t,\n')
    answer = read(account)
    assert [one["job_run_id"] for one in answer.payload] == ["jr_2"]
    assert "not read whole: s3://acme-etl/loads/a.csv: line 1 has a quote" in answer.locator


def test_rows_without_a_time_stay_in_the_order_of_their_files(account: EmulatedAccount) -> None:
    put_table(account)
    for day, batch in ((2, "new"), (1, "old")):
        put_lines(account, f"{9 - day}.json", [{"batch_id": batch, "job_run_id": "jr_x"}], day=day)
    assert [one["batch_id"] for one in read(account).payload] == ["old", "new"]


def test_rows_of_the_batch_are_kept_where_others_are_left_out(
    account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_rows_room, "MAX_CONTROL_ROWS", 2)
    put_table(account)
    put_lines(account, "a.json", [row(day) for day in (1, 2, 3, 4)])
    answer = read(account, batches=["20261101"])
    assert (answer.payload, answer.complete) == ([row(1), row(3), row(4)], True)
    assert not read(account).complete
    assert not read(account, batches=["2026-10-01"]).complete


@pytest.mark.parametrize("more", [{"batches": ["2026-11-03"]}, {"only": {"batch_id": "2026-11-03"}}])
def test_only_the_partitions_that_are_asked_for_are_read(more: dict[str, Any], account: EmulatedAccount) -> None:
    projected = {"projection.enabled": "true"}
    put_table(account, PartitionKeys=[{"Name": "batch_id", "Type": "string"}], Parameters=projected)
    for day in range(1, 6):
        put_lines(account, f"batch_id=2026-11-{day:02d}/a.json", [row(day)])
    account.door.calls.clear()
    answer = read(account, **more)
    assert (answer.payload, answer.complete) == ([row(3)], True)
    assert [str(call) for call in account.door.calls].count("s3:GetObject") == 1


def test_a_batch_that_the_partitions_write_otherwise_hides_no_row_of_its_runs(account: EmulatedAccount) -> None:
    projected = {"projection.enabled": "true"}
    put_table(account, PartitionKeys=[{"Name": "batch_id", "Type": "string"}], Parameters=projected)
    put_lines(account, "batch_id=load-7/a.json", [row(7)])
    put_lines(account, "batch_id=load-6/a.json", [row(6)])
    answer = read(account, batches=["2026-11-07", "load-6"])
    # The second batch has a partition, and the triaged one has none by its own name.
    assert [one["job_run_id"] for one in answer.payload] == ["jr_6", "jr_7"]


def test_padded_ids_of_runs_are_known_again() -> None:
    read_rows = read_control([{"job_run_id": "jr_1   ", "status": "SUCCESS  "}], DECLARED, Redactor())
    assert [(one.run_id, one.status) for one in read_rows] == [("jr_1", "succeeded")]


@pytest.mark.parametrize("value", [7, 7.0, "7", "7   ", "7.0"])
def test_values_of_only_are_compared_as_values(value: object, account: EmulatedAccount) -> None:
    put_table(account)
    rows = [row(1) | {"note": value}, row(2) | {"note": "70"}, row(3) | {"note": True}]
    put_lines(account, "a.json", rows)
    assert [one["batch_id"] for one in read(account, only={"note": "7"}).payload] == ["2026-11-01"]
    assert [one["batch_id"] for one in read(account, only={"note": "true"}).payload] == ["2026-11-03"]
    declared = msgspec.structs.replace(DECLARED, only={"note": "7"})
    assert [one.run_id for one in read_control(rows, declared, Redactor())] == ["jr_1"]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"TableType": "VIRTUAL_VIEW"}, "is a view"),
        ({"TargetTable": {"CatalogId": "1", "DatabaseName": "far", "Name": "x"}}, r"a link to far\.x"),
        (
            {"Parameters": {"classification": "orc"}, "StorageDescriptor": {"Columns": [{"Name": "batch_id"}]}},
            "format orc",
        ),
        ({"StorageDescriptor": {"Columns": [{"Name": "other"}]}}, "none of the columns"),
    ],
)
def test_what_cannot_be_read_is_said(more: dict[str, Any], complaint: str, account: EmulatedAccount) -> None:
    put_table(account, **more)
    with pytest.raises(SourceError, match=complaint):
        read(account)


def test_a_missing_table_column_or_right_is_said(account: EmulatedAccount) -> None:
    with pytest.raises(SourceError, match="EntityNotFound"):
        read(account)
    put_table(account)
    with pytest.raises(SourceError, match="no column pipeline"):
        read(account, only={"pipeline": "orders"})
    with pytest.raises(SourceError, match=r"no database\.table"):
        read(account, Control(location="glue", table="loads"))
    put_lines(account, "a.json", [row(1)])
    account.refuse("s3:GetObject")
    with pytest.raises(SourceError, match="not allowed"):
        read(account)


def test_another_region_is_asked(account: EmulatedAccount) -> None:
    put_table(account)
    with pytest.raises(SourceError, match="EntityNotFound"):
        read(account, Control(location="glue:us-east-1", table="etl.loads"))


# Iceberg


def put_iceberg(account: EmulatedAccount, folder: Path) -> None:
    """Let pyiceberg make a real table in the account's bucket, with a client of its own that may write."""
    account.put_bucket("acme-etl")
    client = {"s3.endpoint": account.url, "s3.region": REGION, "s3.access-key-id": KEY_ID}
    client |= {"s3.secret-access-key": "example", "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}
    catalog = SqlCatalog("made", uri=f"sqlite:///{folder}/c.db", warehouse="s3://acme-etl/lake", **client)
    catalog.create_namespace("etl")
    first = pa.Table.from_pylist([row(1, "RUNNING"), row(2)])
    table = catalog.create_table("etl.loads", schema=first.schema)
    table.append(first)
    table.append(pa.Table.from_pylist([row(3)]))
    # Two commits: the row is taken out, and written anew.
    table.overwrite(pa.Table.from_pylist([row(1, "FAILED")]), overwrite_filter="batch_id = '2026-11-01'")
    columns = [{"Name": name, "Type": "string"} for name in NAMES]
    parameters = {"table_type": "ICEBERG", "metadata_location": table.metadata_location}
    put_table(account, Parameters=parameters, StorageDescriptor={"Columns": columns, "Location": table.location()})


def test_iceberg_is_read_as_it_is_now(account: EmulatedAccount, tmp_path: Path) -> None:
    put_iceberg(account, tmp_path)
    account.door.calls.clear()
    answer = read(account)
    assert answer.payload == [row(1, "FAILED"), row(2), row(3)]
    untimed = msgspec.structs.replace(DECLARED, columns=ControlColumns(updated_at="never"))
    bare = [row(3), row(2), row(1, "FAILED")]  # the second row was written anew when the first was taken out
    for one in bare:
        del one["updated_at"]
    assert read(account, untimed).payload == bare
    assert answer.complete
    assert {str(call) for call in account.door.calls} <= {"glue:GetTable", "s3:GetObject", "s3:HeadObject"}


def test_of_a_large_iceberg_table_the_files_written_last_are_read(
    account: EmulatedAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_iceberg(account, tmp_path)
    monkeypatch.setattr(control_iceberg, "MAX_FILES", 1)
    answer = read(account)
    assert (answer.payload, answer.complete) == ([row(1, "FAILED")], False)


def test_a_damaged_iceberg_table_is_a_gap(account: EmulatedAccount, tmp_path: Path) -> None:
    put_iceberg(account, tmp_path)
    listed = account.admin("s3").list_objects_v2(Bucket="acme-etl")["Contents"]
    for one in listed:
        if one["Key"].endswith(".parquet"):
            account.put_object(f"s3://acme-etl/{one['Key']}", b"PAR1 torn")
    with pytest.raises(SourceError, match="cannot be read"):
        read(account)


def test_iceberg_without_pyarrow_names_the_extra(
    account: EmulatedAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_iceberg(account, tmp_path)
    monkeypatch.delitem(sys.modules, "pyiceberg.io.pyarrow")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pipetriage\[parquet\]"):
        read(account)


# In a triage


@pytest.mark.parametrize(("status", "safe"), [("FAILED", True), ("SUCCESS", False)])
def test_its_rows_decide_as_those_of_any_control_table(status: str, safe: bool, account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    put_table(account)
    run = {"batch_id": loaded.manifest["run"]["batch_id"], "job_run_id": loaded.manifest["run"]["job_run_id"]}
    put_lines(account, "a.json", [row(1) | run | {"status": status}])
    app = app_for(account, loaded)
    for name, pipeline in app.pipelines.items():
        app.pipelines[name] = msgspec.structs.replace(pipeline, control=DECLARED)
    assert (app.triage(loaded.target).rerun.decision == "SAFE") is safe
    account.refuse("s3:GetObject")
    incident = app.triage(loaded.target)
    assert incident.rerun.decision != "SAFE"
    assert any(gap.source == "control" for gap in incident.gaps)
