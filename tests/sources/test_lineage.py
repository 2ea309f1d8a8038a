"""Lineage events from S3."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_lineage
from pipetriage.errors import SourceError
from pipetriage.sources import lineage
from pipetriage.sources.lineage import lineage_events
from pipetriage.sources.local_files import Answer
from tests.emulated.account import EmulatedAccount

CASE = Path(__file__).parents[2] / "cases/failure_after_staging_write/lineage/events.jsonl"
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SINCE = AT - timedelta(hours=1)
FOLDER = "s3://evidence/lineage/"


def _event(run: str, kind: str = "COMPLETE", minute: int = 0, job: str = "report", **more: Any) -> dict[str, Any]:
    at = AT + timedelta(minutes=minute)
    event = {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "run": {"runId": run},
        "job": {"namespace": "g", "name": job},
    }
    return event | {"inputs": [], "outputs": []} | more


def _dataset(namespace: str, name: str, *links: str) -> dict[str, Any]:
    identifiers = [{"namespace": "arn:aws:glue:eu-west-1:1", "name": link, "type": "TABLE"} for link in links]
    return {"namespace": namespace, "name": name, "facets": {"symlinks": {"identifiers": identifiers}}}


def _put(account: EmulatedAccount, name: str, *events: dict[str, Any], minute: int = 0) -> None:
    data = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
    account.put_object(f"{FOLDER}{name}", data, at=AT + timedelta(minutes=minute))


def _read(account: EmulatedAccount, *around: str, url: str = FOLDER) -> Answer:
    return lineage_events(account.session(), url, around, SINCE)


def _runs(answer: Answer) -> list[str]:
    return [event["run"]["runId"] for event in answer.payload]


ORDERS = _dataset("s3://lake", "sales.db/orders", "table/sales/orders")


def test_a_recorded_case_is_found_by_any_of_its_names(account: EmulatedAccount) -> None:
    account.put_object(f"{FOLDER}events.jsonl", CASE.read_bytes(), at=AT)
    names = ("sales.shop_sales_staging", "s3a://acme-lake/sales.db/shop_sales_staging/", "morning_report")
    for name in (*names, "Glue_Catalog.sales.shop_sales_staging"):
        answer = _read(account, name)
        assert answer.complete
        runs = read_lineage(msgspec.json.decode(msgspec.json.encode(answer.payload)), Redactor())
        assert [run.job for run in runs] == ["morning_report"]
    assert _read(account, "sales.other").payload == []
    assert _read(account, "sales", "shop_sales_staging", "s3://acme-lake/sales.db/shop").payload == []
    assert len(_read(account).payload) == 1
    assert _read(account, "sales.shop_sales_staging", url=f"{FOLDER}events.jsonl").payload


def test_all_events_of_a_run_that_names_the_table_once(account: EmulatedAccount) -> None:
    _put(account, "2.json", _event("r1", minute=5, inputs=[ORDERS]), minute=5)
    _put(account, "1.json", _event("r1", "START"), _event("r2", inputs=[_dataset("s3://lake", "other")]))
    answer = _read(account, "sales.orders")
    assert [(event["run"]["runId"], event["eventType"]) for event in answer.payload] == [
        ("r1", "START"),
        ("r1", "COMPLETE"),
    ]


@pytest.mark.parametrize(
    ("dataset", "wanted"),
    [
        (_dataset("s3://lake", "sales.db/orders/dt=1/part-0.parquet"), "s3://lake/sales.db/orders"),
        (_dataset("s3n://lake", "/sales.db/orders/"), "s3://lake/sales.db/orders"),
        (_dataset("hive://x", "glue_catalog.Sales.Orders"), "sales.orders"),
        (_dataset("postgres://h:1", "db.public.orders"), "public.orders"),
        (_dataset("x", "y", "sales.orders"), "`sales.orders`"),
    ],
)
def test_names_of_tables(account: EmulatedAccount, dataset: dict[str, Any], wanted: str) -> None:
    _put(account, "1.json", _event("r1", outputs=[dataset]))
    assert _runs(_read(account, wanted)) == ["r1"]


def test_a_job_s_steps_are_its_own(account: EmulatedAccount) -> None:
    steps = ("orders_daily.execute_insert", "orders_daily2", "xorders_daily", "ORDERS_DAILY")
    _put(account, "1.json", *(_event(step, job=step) for step in steps))
    assert _runs(_read(account, "orders_daily")) == [steps[0], steps[3]]


def test_documents_of_every_form(account: EmulatedAccount) -> None:
    pretty = msgspec.json.format(msgspec.json.encode(_event("pretty")), indent=2)
    account.put_object(f"{FOLDER}a.json", pretty, at=AT)
    account.put_object(f"{FOLDER}b.json", msgspec.json.encode([_event("list"), _event("list2"), 3]), at=AT)
    account.put_object(f"{FOLDER}c.jsonl.gz", gzip.compress(msgspec.json.encode(_event("packed")) + b"\n\n"), at=AT)
    account.put_object(f"{FOLDER}empty", b"", at=AT)
    answer = _read(account)
    assert (sorted(_runs(answer)), answer.complete) == (["list", "list2", "packed", "pretty"], True)


def test_foreign_shapes_are_no_events(account: EmulatedAccount) -> None:
    odd: list[dict[str, Any]] = [
        *({"run": "x"}, {"run": {"runId": "r"}, "job": 3, "inputs": "x"}, {"inputs": [3, {"facets": 3}]}),
        *({"inputs": [{"facets": {"symlinks": 3}}]}, {"inputs": [{"name": "sales.orders"}]}),
    ]
    _put(account, "1.json", *odd)
    assert _read(account, "sales.orders").payload == []


def test_what_is_torn_is_told_and_the_rest_stands(account: EmulatedAccount) -> None:
    _put(account, "1.json", _event("r1"))
    account.put_object(f"{FOLDER}2.json", msgspec.json.encode(_event("r2")) + b'\n{"eventT', at=AT)
    answer = _read(account)
    assert (sorted(_runs(answer)), answer.complete) == (["r1", "r2"], False)
    account.put_object(f"{FOLDER}2.json", b"\x1f\x8b torn", at=AT)
    assert (_runs(_read(account)), _read(account).complete) == (["r1"], False)
    account.put_object(f"{FOLDER}1.json", b"[" * 100_000, at=AT)
    with pytest.raises(SourceError, match=r"[12]\.json"):
        _read(account)


def test_the_newest_objects_within_bounds(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        _put(account, f"{number}.json", _event(f"r{number}", minute=number), minute=number)
    _put(account, "old.json", _event("old"), minute=-61)
    assert (_runs(_read(account)), _read(account).complete) == (["r0", "r1", "r2", "r3"], True)
    monkeypatch.setattr(lineage, "MAX_OBJECTS", 2)
    assert (_runs(_read(account)), _read(account).complete) == (["r2", "r3"], False)
    monkeypatch.setattr(lineage, "MAX_EVENTS", 1)
    assert _runs(_read(account)) == ["r3"]
    monkeypatch.setattr(lineage, "MAX_OBJECT_BYTES", 10)
    with pytest.raises(SourceError, match="more than is read"):
        _read(account)


def test_a_file_that_unpacks_to_too_much(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "MAX_UNPACKED_BYTES", 1000)
    account.put_object(f"{FOLDER}1.json.gz", gzip.compress(b" " * 1001), at=AT)
    with pytest.raises(SourceError, match="unpacks to more"):
        _read(account)


def test_what_cannot_be_read(account: EmulatedAccount) -> None:
    with pytest.raises(SourceError, match="no AWS account"):
        lineage_events(None, FOLDER, (), SINCE)
    for url in ("kafka://x", "/var/log", "file:///etc/passwd", ""):
        with pytest.raises(SourceError, match="correct the address"):
            _read(account, url=url)
    with pytest.raises(SourceError, match="is not there"):
        _read(account, url="s3://evidence/nothing.json")
    account.put_bucket("evidence")
    assert _read(account, "x") == Answer([], FOLDER)
    account.refuse("s3:ListObjectsV2", "AccessDenied", status=403)
    with pytest.raises(SourceError, match="is not allowed"):
        _read(account)
