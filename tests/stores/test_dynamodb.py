"""What is special about the DynamoDB store: its table, races, interrupted saves, long documents, expiry, errors."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from pipetriage.errors import StoreError, TargetError
from pipetriage.model.categories import Category
from pipetriage.model.evidence import Evidence
from pipetriage.model.incident import Incident
from pipetriage.model.model_memory import Amount
from pipetriage.model.review import Review
from pipetriage.model.write_state import WriteStatus
from pipetriage.stores import IncidentStore, open_store
from pipetriage.stores.dynamodb_table import OwnTable, definition, parse_place
from tests.emulated.account import ACCOUNT, EmulatedAccount
from tests.emulated.incident_table import TABLE, make_table

MakeIncident = Callable[..., Incident]
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def url(account: EmulatedAccount) -> str:
    return make_table(account)


def items(account: EmulatedAccount, kind: str = "") -> list[dict[str, Any]]:
    """Give what is in the table, by an administrator's scan, of those whose sort key begins so."""
    pages = account.admin("dynamodb").get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
    found = [one for page in pages for one in page["Items"]]
    return [one for one in found if one["sk"]["S"].startswith(kind)]


def test_only_allowed_calls_are_made_on_our_table(
    account: EmulatedAccount, store: IncidentStore, make_incident: MakeIncident
) -> None:
    account.door.calls.clear()
    store.save(make_incident())
    store.save(make_incident(safe_to_retry=True, tables={}))
    store.get("jr_1"), store.history("inc_jr_1"), store.list(pipeline="orders_daily"), store.unsafe_readers("orders")
    store.grant_retry("inc_jr_1", "jr_1", NOON, "ada")

    assert set(account.door.calls) == {f"dynamodb:{one}" for one in ("GetItem", "PutItem", "Query", "UpdateItem")}


def test_a_first_save_takes_few_calls(
    account: EmulatedAccount, store: IncidentStore, make_incident: MakeIncident
) -> None:
    account.door.calls.clear()
    store.save(make_incident())

    assert len(account.door.calls) <= 7


def test_threads_that_save_the_same_run_lose_nothing(
    account: EmulatedAccount, url: str, make_incident: MakeIncident
) -> None:
    account.door.latency = 0.005
    stores = [open_store(url) for _ in range(6)]

    def save(worker: int) -> None:
        for number in range(3):
            stores[worker].save(make_incident(likely_root_cause=f"cause {worker}.{number}"))
            stores[worker].save(make_incident(likely_root_cause=f"cause {worker}.{number}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(save, range(6)))

    history = stores[0].history("inc_jr_1")
    assert {one.likely_root_cause for one in history} == {f"cause {w}.{n}" for w in range(6) for n in range(3)}
    (head,) = items(account, "HEAD")
    # A save whose verdict another thread has meanwhile replaced is a revision again, never lost.
    assert int(head["revision"]["N"]) == len(history) == len(items(account, "REV#"))
    assert int(head["triages"]["N"]) == 36


def test_threads_are_granted_one_retry(url: str) -> None:
    stores = [open_store(url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: stores[n].grant_retry("inc_1", "jr_1", NOON, f"worker {n}"), range(8)))

    assert sorted(one.granted for one in answers) == [False] * 7 + [True]
    assert len({one.granted_to for one in answers}) == 1


def test_reviews_of_threads_are_all_kept(account: EmulatedAccount, url: str, make_incident: MakeIncident) -> None:
    stores = [open_store(url) for _ in range(4)]
    stores[0].save(make_incident())

    def review(worker: int) -> None:
        said = Review(by=str(worker), reviewed_at=NOON, failure_category=Category.SCHEMA_DRIFT, safe_to_retry=False)
        stores[worker].add_review("inc_jr_1", said)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(review, range(4)))

    kept = items(account, "REVIEW#")
    assert {json.loads(one["document"]["B"])["by"] for one in kept} == {"0", "1", "2", "3"}
    assert {one["sk"]["S"] for one in kept} == {f"REVIEW#{number:08d}" for number in range(4)}


class _Lost(OwnTable):
    """A table whose answers to new items do not come back, as when the network breaks after the write."""

    def put(self, item: dict[str, Any], condition: str = "", values: Any = None) -> bool:
        super().put(item, condition, values)
        return super().put(item, condition, values)

    def update(self, *arguments: Any, **named: Any) -> dict[str, Any] | None:
        super().update(*arguments, **named)
        return super().update(*arguments, **named)


def test_a_grant_whose_answer_was_lost_is_still_ours(url: str, make_incident: MakeIncident) -> None:
    from pipetriage.stores.dynamodb import DynamoDBStore
    from pipetriage.stores.dynamodb_items import Expiry

    store = DynamoDBStore(_Lost(parse_place(url)), Expiry(None))

    assert store.grant_retry("inc_1", "jr_1", NOON, "airflow").granted
    assert not store.grant_retry("inc_1", "jr_1", NOON, "airflow").granted
    assert store.save(make_incident()).incident_id == "inc_jr_1"
    assert len(store.history("inc_jr_1")) == 1


def test_a_budget_whose_change_was_answered_to_nobody_is_changed_once(url: str) -> None:
    from pipetriage.stores.dynamodb_memory import DynamoDBMemory

    memory, limit = DynamoDBMemory(_Lost(parse_place(url))), Amount(tokens=100, micro_usd=100)
    assert memory.reserve(NOON.date(), Amount(tokens=40), limit)
    assert memory.reserve(NOON.date(), Amount(tokens=60), limit)
    assert not memory.reserve(NOON.date(), Amount(tokens=1), limit)
    memory.settle(NOON.date(), Amount(tokens=60), Amount(tokens=20, micro_usd=7))

    assert memory.spent(NOON.date()) == Amount(tokens=60, micro_usd=7)


def test_what_is_kept_of_models_always_has_an_end(account: EmulatedAccount, url: str) -> None:
    memory = open_store(url).model_memory()
    memory.reserve(NOON.date(), Amount(tokens=40), Amount(tokens=100, micro_usd=100))
    memory.remember("key", b"value", NOON)

    ends = {one["sk"]["S"]: int(one["expires_at"]["N"]) for one in items(account)}
    midnight = NOON.replace(hour=0)
    assert ends == {
        "BUDGET": (midnight + timedelta(days=90)).timestamp(),
        "ANSWER": (NOON + timedelta(days=90)).timestamp(),
    }


@pytest.mark.parametrize("calls", range(1, 9))
def test_a_save_cut_off_anywhere_is_finished_by_the_next(
    account: EmulatedAccount, store: IncidentStore, make_incident: MakeIncident, calls: int
) -> None:
    """The second verdict is cut off after so many calls, then its message is delivered again."""
    store.save(make_incident(tables={"sales.orders": WriteStatus.COMPLETE, "sales.old": WriteStatus.PARTIAL}))
    second = make_incident(minute=5, likely_root_cause="another")
    whole, left = account.door._next_refusal, iter(range(calls))

    def cut(call: str) -> Any:
        if next(left, None) is None:
            account.refuse(call, "AccessDeniedException", times=1)
        return whole(call)

    account.door._next_refusal = cut
    try:
        store.save(second)
    except StoreError:
        account.door._next_refusal = whole
        account.door.refusals.clear()
        assert store.get("inc_jr_1").likely_root_cause in (second.likely_root_cause, make_incident().likely_root_cause)
        store.save(second)
    finally:
        account.door._next_refusal = whole
        account.door.refusals.clear()

    assert [one.likely_root_cause for one in store.history("inc_jr_1")] == [
        make_incident().likely_root_cause,
        "another",
    ]
    assert [one.incident_id for one in store.unsafe_readers("sales.orders")] == ["inc_jr_1"]
    assert store.unsafe_readers("sales.old") == []
    assert store.get("inc_jr_1").recurrence.count == 1


@pytest.mark.parametrize(("kilobytes", "parts"), [(450, 0), (1500, 6)])
def test_a_long_document_comes_back_whole(
    account: EmulatedAccount, store: IncidentStore, make_incident: MakeIncident, kilobytes: int, parts: int
) -> None:
    """An item may have 400 KB: some documents fit once they are compressed, others are cut."""
    noise = Random(7)  # noqa: S311 - hexadecimal noise is compressed to a half, and no secret
    words = [noise.randbytes(512).hex() for _ in range(kilobytes)]
    evidence = [
        Evidence(id=f"E{n}", source="logs", locator="l", observed_at=NOON, summary=w) for n, w in enumerate(words)
    ]
    long = make_incident(evidence=evidence)

    saved = store.save(long)
    again = store.save(msgspec.structs.replace(long, safe_to_retry=True))

    assert saved.evidence == evidence
    assert [one.evidence for one in store.history("inc_jr_1")] == [evidence, evidence]
    assert store.list() == [again]
    assert len(items(account, "PART#")) == parts


def test_incidents_of_the_same_moment_are_in_the_order_of_their_ids(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    for run in ("jr_2", "jr_3", "jr_1"):
        store.save(make_incident(run, batch=run))

    assert [one.job_run_id for one in store.list(limit=2)] == ["jr_1", "jr_2"]


def test_a_list_longer_than_a_page_is_whole(
    store: IncidentStore, make_incident: MakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipetriage.stores.dynamodb._PORTION", 2)
    for number in range(5):
        store.save(make_incident(f"jr_{number}", batch="one", minute=number, attempt=number + 1))

    assert [one.job_run_id for one in store.list(limit=None)] == [f"jr_{n}" for n in (4, 3, 2, 1, 0)]
    assert [one.job_run_id for one in store.list(limit=3)] == ["jr_4", "jr_3", "jr_2"]
    assert [one.job_run_id for one in store.list(open_only=True, limit=3)] == ["jr_4"]
    assert store.list(limit=0) == []


def test_names_that_no_key_can_hold_are_found_too(store: IncidentStore, make_incident: MakeIncident) -> None:
    long = "x" * 3000
    store.save(make_incident("jr_1", pipeline_name=long, job_run_id=long, fingerprint="", batch=long))

    assert store.get(long).incident_id == "inc_jr_1"
    assert [one.incident_id for one in store.list(pipeline=long)] == ["inc_jr_1"]
    assert store.get("inc_jr_1").superseded_by is None
    with pytest.raises(TargetError):
        store.get("y" * 3000)


# Expiry


def test_nothing_expires_unless_it_is_asked_for(
    account: EmulatedAccount, store: IncidentStore, make_incident: MakeIncident
) -> None:
    store.save(make_incident())

    assert not [one for one in items(account) if "expires_at" in one]


def test_an_incident_expires_after_its_last_triage_and_never_its_grant_or_reviews(
    account: EmulatedAccount, url: str, make_incident: MakeIncident
) -> None:
    store = open_store(f"{url}&ttl_days=90")
    store.save(make_incident())
    store.grant_retry("inc_jr_1", "jr_1", NOON, "ada")
    said = Review(by="ada", reviewed_at=NOON, failure_category=Category.SCHEMA_DRIFT, safe_to_retry=False)
    store.add_review("inc_jr_1", said)
    day_after = make_incident().created_at + timedelta(days=1)
    store.save(make_incident(created_at=day_after))

    ends = {one["sk"]["S"][:4]: int(one["expires_at"]["N"]) for one in items(account) if "expires_at" in one}
    last = day_after + timedelta(days=90)
    assert ends.pop("HEAD") == last.timestamp()
    # What a head leads to outlives it: DynamoDB deletes in any order, some days late.
    assert ends == dict.fromkeys(("REV#", "INCI"), (last + timedelta(days=7)).timestamp())

    admin = account.admin("dynamodb")
    for one in items(account):
        if "expires_at" in one:
            admin.delete_item(TableName=TABLE, Key={"pk": one["pk"], "sk": one["sk"]})
    assert store.list() == []
    assert not store.grant_retry("inc_jr_1", "jr_1", NOON, "bob").granted
    assert store.save(make_incident()).review == said
    assert [one.review for one in store.list(reviewed_only=True)] == [said]

    # Whoever keeps it without an end keeps what another would have let go; a warning too many harms nobody.
    open_store(url).save(make_incident(created_at=day_after))
    assert [one["sk"]["S"][:9] for one in items(account) if "expires_at" in one] == []


def test_a_head_whose_document_has_expired_is_written_again(
    account: EmulatedAccount, url: str, make_incident: MakeIncident
) -> None:
    store = open_store(f"{url}&ttl_days=90")
    store.save(make_incident())
    (revision,) = items(account, "REV#")
    account.admin("dynamodb").delete_item(TableName=TABLE, Key={"pk": revision["pk"], "sk": revision["sk"]})

    assert store.list() == []
    with pytest.raises(TargetError):
        store.get("inc_jr_1")
    store.save(make_incident())
    assert store.get("inc_jr_1").incident_id == "inc_jr_1"


# URLs and errors


@pytest.mark.parametrize(
    ("url", "region", "table"),
    [
        ("dynamodb://Team.triage_1-x", None, "Team.triage_1-x"),
        ("dynamodb://us-gov-west-1/triage", "us-gov-west-1", "triage"),
        (f"dynamodb://arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/triage", "eu-west-1", None),
    ],
)
def test_a_url_names_the_table_and_perhaps_its_region(url: str, region: str | None, table: str | None) -> None:
    place = parse_place(f"{url}?ttl_days=30&profile=ops")

    assert (place.region, place.ttl_days, place.profile) == (region, 30, "ops")
    assert place.table == table or f"dynamodb://{place.table}" == url


@pytest.mark.parametrize(
    "url",
    [
        *("dynamodb://", "dynamodb://ab", "dynamodb://key:secret@table", "dynamodb://eu-west-1/", "dynamodb:///table"),
        *("dynamodb://a/b/secret", "dynamodb://table?ttl_days=0", "dynamodb://table?ttl_days=x"),
        *("dynamodb://table?ttl_day=secret", "dynamodb://not_a_region/table"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StoreError, match="dynamodb://REGION/TABLE") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


def test_a_table_may_be_named_by_its_arn(account: EmulatedAccount, url: str, make_incident: MakeIncident) -> None:
    arn = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{TABLE}"
    open_store(f"dynamodb://{arn}?endpoint_url={account.url}").save(make_incident())

    assert open_store(url).get("jr_1").incident_id == "inc_jr_1"


def test_no_region_is_a_store_error(account: EmulatedAccount) -> None:
    with pytest.raises(StoreError, match="no AWS region"):
        open_store("dynamodb://pipetriage")


@pytest.mark.parametrize(
    ("call", "code", "message", "said"),
    [
        ("Query", "AccessDeniedException", "no", r"is not allowed.*iam-policy"),
        ("Query", "ProvisionedThroughputExceededException", "slow down", r"throttled.*on-demand"),
        ("Query", "ValidationException", "The table does not have the specified index: by_time", r"index.*stores\.md"),
        ("Query", "UnrecognizedClientException", "who", "does not accept the credentials"),
    ],
)
def test_what_aws_refuses_is_said_with_the_fix(
    account: EmulatedAccount, url: str, call: str, code: str, message: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # botocore's waits between attempts, which are not ours to test.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setattr("botocore.retries.adaptive.ClientRateLimiter.on_sending_request", lambda *_, **__: None)
    store = open_store(url)
    account.refuse(f"dynamodb:{call}", code, message)

    with pytest.raises(StoreError, match=said) as refused:
        store.list()
    assert "dynamodb://eu-west-1/pipetriage" in str(refused.value)


def test_an_absent_table_says_how_to_make_it(account: EmulatedAccount, make_incident: MakeIncident) -> None:
    store = open_store(f"dynamodb://eu-west-1/absent?endpoint_url={account.url}")

    for ask in (store.list, lambda: store.save(make_incident()), lambda: store.unsafe_readers("a.b")):
        with pytest.raises(StoreError, match=r"create the table.*docs/stores\.md"):
            ask()


def test_a_table_without_our_indexes_says_so(account: EmulatedAccount) -> None:
    account.put_control_rows("plain", [], ("pk", "sk"))

    with pytest.raises(StoreError, match=r"lacks an index.*docs/stores\.md"):
        open_store(f"dynamodb://eu-west-1/plain?endpoint_url={account.url}").list()


def test_a_document_of_another_version_is_refused(
    account: EmulatedAccount, store: IncidentStore, make_incident: MakeIncident
) -> None:
    store.save(make_incident())
    (revision,) = items(account, "REV#")
    account.admin("dynamodb").put_item(TableName=TABLE, Item={**revision, "document": {"B": b"not ours"}})

    with pytest.raises(StoreError, match="this version cannot read"):
        store.get("inc_jr_1")


def test_without_the_extra_it_is_named() -> None:
    script = (
        "import sys\nsys.modules['boto3'] = None\nfrom pipetriage.stores import open_store\n"
        "try: open_store('dynamodb://pipetriage')\nexcept Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout

    assert said.startswith("StoreError")
    assert "pipetriage[aws]" in said


def test_no_other_store_imports_boto3(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pipetriage.stores import open_store\nopen_store(sys.argv[1])\nprint('boto3' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.db")]

    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "False"


def test_the_docs_create_the_table_that_the_code_asks(account: EmulatedAccount) -> None:
    page = (Path(__file__).parents[2] / "docs" / "stores.md").read_text()
    (printed,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)

    assert json.loads(printed) == definition("pipetriage")
