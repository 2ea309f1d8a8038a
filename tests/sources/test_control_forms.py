"""A SUCCESS row of the batch by another run, in every form that was once lost: never SAFE, and the reason is told."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from pipetriage.model.pipeline import BatchIdFrom, Control
from tests.emulated.account import EmulatedAccount
from tests.emulated.bundle import load_bundle
from tests.sources.test_control_catalog import (
    DECLARED,
    FOLDER,
    JSON_SERDE,
    LAZY,
    NAMES,
    OPEN_CSV,
    PARQUET_SERDE,
    put_lines,
    put_partition,
    put_table,
)
from tests.sources.test_glue_run import CASES, app_for

DONE_AT = "2026-11-21T02:00:00+00:00"
COMMAS = {**LAZY, "Parameters": {"field.delim": ","}}
PROJECTED = {"projection.enabled": "true"}


def done(batch: object) -> dict[str, Any]:
    return dict(zip(NAMES, (batch, "jr_other", "SUCCESS", 10, DONE_AT), strict=True))


def without_batch(batch: str) -> dict[str, Any]:
    return {name: value for name, value in done(batch).items() if name != "batch_id"}


def line(batch: str, note: str = "ok") -> str:
    return f"{batch},jr_other,SUCCESS,10,{DONE_AT},{note}\n"


def keyed(name: str) -> dict[str, Any]:
    return {"PartitionKeys": [{"Name": name, "Type": "string"}]}


def put(account: EmulatedAccount, name: str, data: str | bytes) -> None:
    data = data.encode() if isinstance(data, str) else data
    account.put_object(f"{FOLDER}/{name}", data, at=datetime(2026, 11, 21, 3, tzinfo=UTC))


def put_csv(account: EmulatedAccount, serde: dict[str, Any], text: str, **more: Any) -> None:
    put_table(account, serde, **more)
    put(account, "a.csv", text)


def put_parquet(account: EmulatedAccount, columns: dict[str, list[Any]], **more: Any) -> None:
    put_table(account, PARQUET_SERDE, **more)
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    put(account, "a.parquet", out.getvalue())


def put_json(account: EmulatedAccount, text: str, name: str = "a.json", **more: Any) -> None:
    put_table(account, **more)
    put(account, name, text)


def open_quote(account: EmulatedAccount, batch: str) -> None:
    put_csv(account, OPEN_CSV, f'b0,jr_0,FAILED,1,t,"torn\n{line(batch)}')


def doubled_quote_left_open(account: EmulatedAccount, batch: str) -> None:
    put_csv(account, OPEN_CSV, f'b0,jr_0,FAILED,1,t,"said ""x\n{line(batch)}')


def open_csv_backslash(account: EmulatedAccount, batch: str) -> None:
    put_csv(account, OPEN_CSV, f"b0,jr_0,FAILED,1,t,C:\\tmp\\\n{line(batch)}")


def lazy_backslash(account: EmulatedAccount, batch: str) -> None:
    serde = {**LAZY, "Parameters": {"field.delim": ",", "escape.delim": "\\"}}
    put_csv(account, serde, f"b0,jr_0,FAILED,1,t,trailing\\\n{line(batch)}")


def vertical_tab(account: EmulatedAccount, batch: str) -> None:
    put_csv(account, OPEN_CSV, f"b0,jr_0,FAILED,1,t,a\x0bb\n{line(batch)}")


def quotes_that_lazy_keeps(account: EmulatedAccount, batch: str) -> None:
    rows = [(*NAMES, "note"), (batch, "jr_other", "SUCCESS", "10", DONE_AT, "ok")]
    text = "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    put_csv(account, COMMAS, text, Parameters={"skip.header.line.count": "1"})


def a_comma_in_a_note(account: EmulatedAccount, batch: str) -> None:
    columns = [{"Name": name, "Type": "string"} for name in ("note", *NAMES)]
    storage = {"Location": FOLDER, "Columns": columns, "SerdeInfo": COMMAS}
    put_csv(account, COMMAS, f"loaded, 3 files,{batch},jr_other,SUCCESS,10,{DONE_AT}\n", StorageDescriptor=storage)


def a_row_where_a_header_is_due(account: EmulatedAccount, batch: str) -> None:
    put_csv(account, OPEN_CSV, line(batch), Parameters={"skip.header.line.count": "1"})


def another_serde(account: EmulatedAccount, batch: str) -> None:
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.RegexSerDe"}
    put_csv(account, serde, line(batch).replace(",", "|"), Parameters={"classification": "csv"})


def a_null_of_its_own(account: EmulatedAccount, batch: str) -> None:
    serde = {**LAZY, "Parameters": {"field.delim": ",", "serialization.null.format": "-"}}
    put_csv(account, serde, f"-,-,SUCCESS,1,{DONE_AT},n\n")


def json_array(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps([done(batch)]))


def json_array_beside_a_row(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps([[done(batch)]]))
    put_lines(account, "b.json", [done("b0")])


def json_envelope(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps(done("b0")) + "\n" + json.dumps({"rows": [done(batch)]}))


def nested_batch(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps(done({"day": batch})) + "\n" + json.dumps(done("b0")))


def json_twice_by_case(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps({"Status": "SUCCESS"} | done(batch) | {"status": "FAILED"}))


def parquet_twice_by_case(account: EmulatedAccount, batch: str) -> None:
    columns = {"Status": ["SUCCESS"], "batch_id": [batch], "job_run_id": ["jr_other"], "status": ["FAILED"]}
    put_parquet(account, columns)


def parquet_by_place(account: EmulatedAccount, batch: str) -> None:
    columns = {"c0": [batch], "job_run_id": ["jr_other"], "batch_id": ["b0"], "status": ["SUCCESS"]}
    put_parquet(account, columns, Parameters={"parquet.column.index.access": "true"})


def json_mapping(account: EmulatedAccount, batch: str) -> None:
    serde = {"SerializationLibrary": JSON_SERDE, "Parameters": {"mapping.batch_id": "day"}}
    put_table(account, serde)
    put(account, "a.json", json.dumps(without_batch(batch) | {"day": batch, "batch_id": "b0"}))


def folder_that_looks_hidden(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps(done(batch)), "_day=2026-11-21/a.json", **keyed("_day"))
    put_partition(account, "2026-11-21", f"{FOLDER}/_day=2026-11-21")


def hidden_folder(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps(done(batch)), "_delta/a.json")
    put_lines(account, "b.json", [done("b0")])


def moved(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps(done(batch)))
    columns = [{"Name": name, "Type": "string"} for name in NAMES]
    storage = {"Location": f"{FOLDER}_old", "Columns": columns, "SerdeInfo": {"SerializationLibrary": JSON_SERDE}}
    put_table(account, StorageDescriptor=storage)


def one_object_as_location(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps(done(batch)))
    columns = [{"Name": name, "Type": "string"} for name in NAMES]
    storage = {"Location": f"{FOLDER}/a.json", "Columns": columns, "SerdeInfo": {"SerializationLibrary": JSON_SERDE}}
    put_table(account, StorageDescriptor=storage)


def partition_without_files(account: EmulatedAccount, batch: str) -> None:
    put_table(account, **keyed("dt"))
    put_partition(account, "1", f"{FOLDER}/dt=1")
    account.put_bucket("acme-etl")


def no_partition_known(account: EmulatedAccount, batch: str) -> None:
    put_table(account, **keyed("dt"))
    account.put_bucket("acme-etl")


def empty_files(account: EmulatedAccount, batch: str) -> None:
    put_csv(account, COMMAS, "")


def projected_and_encoded(account: EmulatedAccount, batch: str) -> None:
    folder = f"batch_id={batch}T00%3A00%3A00"
    put_json(account, json.dumps(without_batch(batch)), f"{folder}/a.json", Parameters=PROJECTED, **keyed("batch_id"))


def projected_without_its_key(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps(without_batch(batch)), f"{batch}/a.json", Parameters=PROJECTED, **keyed("batch_id"))
    put_lines(account, "batch_id=b0/a.json", [without_batch("b0")])


def projected_without_a_value(account: EmulatedAccount, batch: str) -> None:
    row = {"batch_id": batch, "status": "SUCCESS"}
    folder = "job_run_id=__HIVE_DEFAULT_PARTITION__"
    put_json(account, json.dumps(row), f"{folder}/a.json", Parameters=PROJECTED, **keyed("job_run_id"))


def partition_of_other_columns(account: EmulatedAccount, batch: str) -> None:
    put_csv(account, OPEN_CSV, "", **keyed("dt"))
    columns = [{"Name": name, "Type": "string"} for name in ("note", *NAMES)]
    storage = {"Location": f"{FOLDER}/dt=1", "Columns": columns, "SerdeInfo": OPEN_CSV}
    account.admin("glue").create_partition(
        DatabaseName="etl", TableName="loads", PartitionInput={"Values": ["1"], "StorageDescriptor": storage}
    )
    put(account, "dt=1/a.csv", f"n,{batch},jr_other,SUCCESS,10,{DONE_AT}\n")


def padded_cells(account: EmulatedAccount, batch: str) -> None:
    put_json(account, json.dumps({"batch_id": batch.ljust(20), "job_run_id": "jr_other   ", "status": "SUCCESS  "}))


FORMS: list[Callable[[EmulatedAccount, str], None]] = [
    open_quote,
    doubled_quote_left_open,
    open_csv_backslash,
    lazy_backslash,
    vertical_tab,
    quotes_that_lazy_keeps,
    a_comma_in_a_note,
    a_row_where_a_header_is_due,
    another_serde,
    a_null_of_its_own,
    json_array,
    json_array_beside_a_row,
    json_envelope,
    nested_batch,
    json_twice_by_case,
    parquet_twice_by_case,
    parquet_by_place,
    json_mapping,
    folder_that_looks_hidden,
    hidden_folder,
    moved,
    one_object_as_location,
    partition_without_files,
    no_partition_known,
    empty_files,
    projected_and_encoded,
    projected_without_its_key,
    projected_without_a_value,
    partition_of_other_columns,
    padded_cells,
]


def rerun_with(account: EmulatedAccount, form: Callable[[EmulatedAccount, str], None], **control: Any) -> Any:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    form(account, loaded.manifest["run"]["batch_id"])
    app = app_for(account, loaded)
    for name, pipeline in app.pipelines.items():
        declared = msgspec.structs.replace(DECLARED, **control)
        app.pipelines[name] = msgspec.structs.replace(pipeline, control=declared)
    return app.triage(loaded.target)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_success_of_the_batch_is_never_lost(
    form: Callable[[EmulatedAccount, str], None], account: EmulatedAccount
) -> None:
    incident = rerun_with(account, form)
    assert incident.rerun.decision != "SAFE"
    assert not incident.safe_to_retry
    told = {one.rule for one in incident.rerun.reasons if not one.holds}
    assert told & {"CONTROL_SKIPS_BATCH", "CONTROL_UNOBSERVED"}


def test_values_of_only_do_not_hide_it(account: EmulatedAccount) -> None:
    def shared(account: EmulatedAccount, batch: str) -> None:
        put_table(account)
        failed = done(batch) | {"note": 7, "status": "FAILED", "job_run_id": "jr_before"}
        put_lines(account, "a.json", [done(batch) | {"note": 7.0}, failed])

    incident = rerun_with(account, shared, only={"note": "7"})
    assert "CONTROL_SKIPS_BATCH" in {one.rule for one in incident.rerun.reasons if not one.holds}


def test_a_table_that_is_read_whole_and_knows_no_success_is_no_obstacle(account: EmulatedAccount) -> None:
    def others(account: EmulatedAccount, batch: str) -> None:
        noted = line("b1", "C:\\tmp")
        put_csv(account, OPEN_CSV, f'b0,jr_0,SUCCESS,1,{DONE_AT},"a ""note"", C:\\\\tmp"\n{noted}')

    assert rerun_with(account, others).rerun.decision == "SAFE"


def test_the_newest_file_names_the_batch_where_no_row_has_a_time(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    batch, run_id = (loaded.manifest["run"][name] for name in ("batch_id", "job_run_id"))
    put_table(account)
    put_lines(account, "1.json", [{"batch_id": "2026-11-19", "job_run_id": run_id, "status": "RUNNING"}], day=1)
    put_lines(account, "2.json", [{"batch_id": batch, "job_run_id": run_id, "status": "FAILED"}], day=2)
    app = app_for(account, loaded)
    for name, pipeline in app.pipelines.items():
        named = BatchIdFrom("control", "batch_id")
        app.pipelines[name] = msgspec.structs.replace(
            pipeline, control=Control(location="glue", table="etl.loads"), batch_id=named
        )
    assert app.triage(loaded.target).batch_id == batch
