"""Control rows: read from DynamoDB, and told apart where pipelines share a table."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_control
from pipetriage.errors import SourceError
from pipetriage.model.pipeline import Control, ControlColumns
from pipetriage.sources import control_table
from pipetriage.sources.control_table import control_rows
from pipetriage.sources.local_files import Answer
from tests.emulated.account import EmulatedAccount

HERE = Path()
DECLARED = Control(location="dynamodb", table="loads")


def _row(day: int, status: str = "SUCCESS", **more: Any) -> dict[str, Any]:
    at = f"2026-11-{day:02d}T02:00:00+00:00"
    row = {"batch_id": f"2026-11-{day:02d}", "job_run_id": f"jr_{day}", "status": status, "updated_at": at}
    return row | {"records": 10 * day, "attempt": 1} | more


def _read(account: EmulatedAccount, declared: Control = DECLARED, **more: Any) -> Answer:
    return control_rows(account.session(), declared, HERE, **more)


def test_rows_are_plain_and_oldest_first(account: EmulatedAccount) -> None:
    payload: dict[str, Any] = {"note": "not asked for", "ratio": 0.5, "extra": {"a": [1, None]}}
    account.put_control_rows("loads", [_row(day, **payload) for day in (3, 1, 2)])
    answer = _read(account)
    assert answer.complete
    assert answer.locator == "dynamodb:Scan of loads"
    assert answer.payload == [_row(day) for day in (1, 2, 3)]
    rows = read_control(msgspec.json.decode(msgspec.json.encode(answer.payload)), DECLARED, Redactor())
    assert (rows[0].batch_id, rows[0].status, rows[0].records) == ("2026-11-01", "succeeded", 10)
    assert account.door.calls[-2:] == ["dynamodb:DescribeTable", "dynamodb:Scan"]


def test_every_kind_of_value(account: EmulatedAccount) -> None:
    kinds: dict[str, Any] = {
        "step": {"a": [1, None, Decimal("0.5")]},
        "status": {"x", "y"},
        "source_path": b"s3://x",
        "records": None,
    }
    kinds |= {"attempt": True, "job_run_id": 12345678901234567890123}
    account.put_control_rows("loads", [{"batch_id": "b"} | kinds])
    row = _read(account).payload[0]
    assert row["step"] == {"a": [1, None, 0.5]}
    assert sorted(row["status"]) == ["x", "y"]
    assert (row["source_path"], row["records"], row["attempt"]) == ("s3://x", None, True)
    assert row["job_run_id"] == 12345678901234567890123
    msgspec.json.encode(row)


def test_a_table_keyed_by_batch_is_asked_for_those_batches(account: EmulatedAccount) -> None:
    rows = [_row(day) for day in range(1, 6)] + [_row(5, "FAILED", job_run_id="jr_5b")]
    account.put_control_rows("loads", rows, ("batch_id", "job_run_id"))
    answer = _read(account, batches=["2026-11-05", "2026-11-04", "2026-12-01"])
    assert [row["job_run_id"] for row in answer.payload] == ["jr_4", "jr_5", "jr_5b"]
    assert account.door.calls[-4:] == ["dynamodb:DescribeTable", *["dynamodb:Query"] * 3]


def test_names_are_reserved_words_or_the_team_s_own(account: EmulatedAccount) -> None:
    columns = ControlColumns(batch_id="batch-key", status="status", updated_at="timestamp", job_run_id="run.id")
    account.put_control_rows(
        "loads", [{"batch-key": "b", "status": "OK", "timestamp": 1_790_000_000, "run.id": "jr"}], ("batch-key",)
    )
    declared = msgspec.structs.replace(DECLARED, columns=columns)
    expected = [{"batch-key": "b", "status": "OK", "timestamp": 1_790_000_000, "run.id": "jr"}]
    for batches in ((), ("b",)):
        assert _read(account, declared, batches=batches).payload == expected


def test_an_index_by_batch_is_used_where_it_holds_whole_rows(account: EmulatedAccount) -> None:
    for name, projection in (("loads", "ALL"), ("keys_only", "KEYS_ONLY")):
        key = [{"AttributeName": "batch_id", "KeyType": "HASH"}]
        index = {"IndexName": "by_batch", "KeySchema": key, "Projection": {"ProjectionType": projection}}
        account.admin("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("job_run_id", "batch_id")],
            KeySchema=[{"AttributeName": "job_run_id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[index],
        )
        account.put_control_rows(name, [_row(1), _row(2)])
    answer = _read(account, batches=["2026-11-02"])
    assert answer.payload == [_row(2)]
    assert answer.locator == "dynamodb:Query of loads, index by_batch"
    declared = msgspec.structs.replace(DECLARED, table="keys_only")
    assert len(_read(account, declared, batches=["2026-11-02"]).payload) == 2


def test_a_shared_table_s_rows_of_this_pipeline_only(account: EmulatedAccount) -> None:
    rows = [_row(1, pipeline="orders"), _row(2, pipeline="clicks")]
    account.put_control_rows("loads", rows, ("pipeline", "batch_id"))
    answer = _read(account, only={"pipeline": "orders"})
    assert answer.payload == [_row(1, pipeline="orders")]
    assert answer.locator.startswith("dynamodb:Query")
    account.put_control_rows("flat", rows)
    declared = msgspec.structs.replace(DECLARED, table="flat")
    assert _read(account, declared, only={"pipeline": "orders"}).payload == [_row(1, pipeline="orders")]


def test_numeric_keys(account: EmulatedAccount) -> None:
    admin = account.admin("dynamodb")
    admin.create_table(
        TableName="loads",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "batch_id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "batch_id", "KeyType": "HASH"}],
    )
    account.put_control_rows("loads", [_row(1, batch_id=20261101)])
    assert _read(account, batches=["20261101"]).payload == [_row(1, batch_id=20261101)]
    assert account.door.calls[-1] == "dynamodb:Query"
    assert len(_read(account, batches=["2026-11-01"]).payload) == 1
    assert account.door.calls[-1] == "dynamodb:Scan"


def test_a_scan_that_is_cut_says_so(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    # A page has 1 MB of items, whatever is read of them.
    account.put_control_rows("loads", [_row(1, batch_id=f"b{number}", note="x" * 300_000) for number in range(8)])
    assert (len(_read(account).payload), _read(account).complete) == (8, True)
    monkeypatch.setattr(control_table, "MAX_PAGES", 1)
    answer = _read(account)
    assert 0 < len(answer.payload) < 8
    assert not answer.complete


def test_another_region(account: EmulatedAccount) -> None:
    account.put_control_rows("loads", [_row(1)])
    assert len(_read(account, msgspec.structs.replace(DECLARED, location="dynamodb:eu-west-1")).payload) == 1
    with pytest.raises(SourceError, match="ResourceNotFound"):
        _read(account, msgspec.structs.replace(DECLARED, location="dynamodb:us-east-1"))


def test_what_cannot_be_read(account: EmulatedAccount) -> None:
    with pytest.raises(SourceError, match="ResourceNotFound"):
        _read(account)
    with pytest.raises(SourceError, match="no AWS account"):
        control_rows(None, DECLARED, HERE)
    for declared in (Control(), Control(location="dynamodb"), Control(table="loads")):
        with pytest.raises(SourceError, match="not declared"):
            _read(account, declared)
    account.put_control_rows("loads", [_row(1)])
    account.refuse("dynamodb:Query")
    with pytest.raises(SourceError, match="dynamodb:Query of loads is not allowed"):
        _read(account, batches=["b"])


@pytest.mark.parametrize(("rows", "kept"), [("shared", ["orders"]), ("without the column", ["?", "?"])])
def test_rows_of_other_pipelines_in_a_shared_control_table_are_left_out(rows: str, kept: list[str]) -> None:
    day = {"batch_id": "2026-11-21", "status": "SUCCESS"}
    named = [{**day, "pipeline": "orders", "step": "orders"}, {**day, "pipeline": "returns", "step": "returns"}]
    document = named if rows == "shared" else [{**day, "step": "?"}, {**day, "step": "?"}]
    read = read_control(document, Control(only={"pipeline": "orders"}), Redactor())
    assert [row.step for row in read] == kept
