"""Who asked Athena while the partial data was visible: asked of an account, and in the verdict."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipetriage.bootstrap import open_app
from pipetriage.errors import SourceError
from pipetriage.sources import query_history as source
from pipetriage.sources.query_history import query_history
from tests.emulated.account import EmulatedAccount
from tests.emulated.bundle import load_bundle
from tests.evaluation.building import CASES
from tests.sources.test_glue_run import app_for

SINCE = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
NOW = SINCE + timedelta(hours=2)


def put(account: EmulatedAccount, number: int, minute: float, sql: str = "SELECT 1", **more: Any) -> str:
    """Put a query that was submitted so many minutes after the failed run began, and took one."""
    at = SINCE + timedelta(minutes=minute)
    identity = f"00000000-0000-0000-0000-{number:012}"
    status = {"State": "SUCCEEDED", "SubmissionDateTime": at, "CompletionDateTime": at + timedelta(minutes=1)}
    query = {
        "QueryExecutionId": identity,
        "Query": sql,
        "StatementType": "DML",
        "WorkGroup": "bi",
        "QueryExecutionContext": {"Database": "sales"},
        "Status": {**status, **more.pop("status", {})},
        "Statistics": {"DataScannedInBytes": 5},
        **more,
    }
    account.put_query(query)
    return identity


def ids(answer: Any) -> list[str]:
    return [one["QueryExecutionId"][-2:] for one in answer.payload["QueryExecutions"]]


def test_the_queries_since_the_first_attempt_are_told_and_those_that_had_not_ended(account: EmulatedAccount) -> None:
    put(account, 1, -90)
    put(account, 2, -10, status={"CompletionDateTime": SINCE + timedelta(minutes=5)})
    put(account, 3, 10, sql="SELECT * FROM orders")
    put(account, 4, 20, status={"State": "FAILED"})

    answer = query_history(account.session(), ["bi"], SINCE, NOW)

    assert ids(answer) == ["04", "03", "02"]
    assert answer.complete
    assert answer.payload["QueryExecutions"][1]["Query"] == "SELECT * FROM orders"
    assert "Statistics" not in answer.payload["QueryExecutions"][0]


def test_pages_are_read_until_all_are_older(account: EmulatedAccount) -> None:
    for number in range(170):
        put(account, number, (number - 110) * 0.5)
    account.door.calls.clear()

    answer = query_history(account.session(), ["bi"], SINCE, NOW)

    assert len(answer.payload["QueryExecutions"]) == 62  # sixty since then, and two that had not ended by then
    assert answer.complete
    asked = [str(call) for call in account.door.calls]
    assert asked.count("athena:ListQueryExecutions") == 3
    assert asked.count("athena:StartQueryExecution") == 0


def test_what_is_more_than_is_read_is_told_as_left_out(
    account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_PAGES", 2)
    for number in range(120):
        put(account, number, number * 0.1)

    answer = query_history(account.session(), ["bi"], SINCE, NOW)

    assert len(answer.payload["QueryExecutions"]) == 100
    assert not answer.complete
    assert not query_history(account.session(), ["bi"], NOW - timedelta(days=50), NOW).complete


def test_a_workgroup_that_may_not_be_asked_leaves_the_others(account: EmulatedAccount) -> None:
    put(account, 1, 5)
    answer = query_history(account.session(), ["bi", "nowhere"], SINCE, NOW)
    assert ids(answer) == ["01"]

    account.refuse("athena:ListQueryExecutions")
    with pytest.raises(SourceError, match="not allowed"):
        query_history(account.session(), ["bi"], SINCE, NOW)


def test_a_query_that_asks_for_a_bad_snapshot_is_a_confirmed_reader_and_others_are_possible(
    account: EmulatedAccount, tmp_path: Path
) -> None:
    case = CASES / "failure_after_staging_write"
    loaded = load_bundle(account, case)
    bad = "1912851049492732906"  # the batch's first commit
    put(account, 1, 15, sql="SELECT count(*) FROM shop_sales_staging")
    put(account, 2, 16, sql='SELECT * FROM "sales"."shop_sales_staging" FOR VERSION AS OF ' + bad)  # noqa: S608 - never run
    put(account, 3, 17, sql="SELECT * FROM shop_sales_staging_old")
    put(account, 4, -60, sql="SELECT * FROM shop_sales_staging")
    put(account, 5, 18, sql="SELECT 1 -- password=hunter2hunter2 in sales.shop_sales_staging")
    app = app_for(account, loaded, workgroups=["bi"])

    incident = app.triage(loaded.target)

    readers = {one.consumer[-2:]: one for one in incident.exposure if one.kind == "query"}
    assert {name: one.status.value for name, one in readers.items()} == {
        "01": "POSSIBLE",
        "02": "CONFIRMED",
        "05": "POSSIBLE",
    }
    assert readers["02"].snapshot_id == bad
    assert readers["01"].owner == "bi"
    assert not any(gap.source == "queries" for gap in incident.gaps)
    assert "hunter2hunter2" not in str(incident)
    app.capture(loaded.target, tmp_path / "bundle")
    again = open_app(use_store=False).triage(str(tmp_path / "bundle"))
    assert [(one.consumer, one.status) for one in again.exposure] == [
        (one.consumer, one.status) for one in incident.exposure
    ]
    assert b"hunter2hunter2" not in (tmp_path / "bundle/athena/queries.json").read_bytes()


def test_a_refused_history_is_a_gap_that_names_the_fix(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "new_column")
    account.refuse("athena:ListQueryExecutions")

    incident = app_for(account, loaded, workgroups=["bi"]).triage(loaded.target)

    (gap,) = [one for one in incident.gaps if one.source == "queries"]
    assert "not allowed" in gap.reason
    assert not incident.safe_to_retry
