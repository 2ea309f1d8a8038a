"""The Lambda handler, invoked as AWS does: batches of the queue, single events, a schedule."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipetriage.entrypoints import aws_lambda
from pipetriage.errors import ConfigError, EventError, StoreError, TargetError
from pipetriage.stores import IncidentStore, open_store
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.events import EventQueue, job_event, put_ended_run
from tests.emulated.fixtures import account, aws_environment, emulator
from tests.emulated.incident_table import make_table

__all__ = ["account", "aws_environment", "emulator"]

JOB = "orders_daily"


class Context:
    """What Lambda hands to a handler, as far as it is used."""

    function_name = "pipetriage"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:pipetriage"
    aws_request_id = "4c6b0d8e-1111-4222-8333-444455556666"

    def __init__(self, left_ms: int = 300_000) -> None:
        self._left = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left


@pytest.fixture
def events(account: EmulatedAccount) -> EventQueue:
    return EventQueue(account)


@pytest.fixture
def store(
    account: EmulatedAccount, events: EventQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IncidentStore]:
    """Set the function's environment up, with settings in S3 and incidents in DynamoDB, as deploy/ does."""
    url = make_table(account)
    settings = f'[aws]\nregion = "{REGION}"\nendpoint_url = "{account.url}"\n[pipelines.orders]\nglue_job = "{JOB}"\n'
    account.put_object("s3://acme-config/pipetriage.toml", settings.encode())
    for name, value in {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": account.url,
        "PIPETRIAGE_CONFIG": "s3://acme-config/pipetriage.toml",
        "PIPETRIAGE_STORE": url,
        "PIPETRIAGE_QUEUE": events.url,
        "PIPETRIAGE_DEAD_LETTERS": events.letters,
    }.items():
        monkeypatch.setenv(name, value)
    aws_lambda._program.cache_clear()
    yield open_store(url)
    aws_lambda._program.cache_clear()


def batch(account: EmulatedAccount, events: EventQueue) -> dict[str, Any]:
    """Take what is in the queue, in the shape in which Lambda's event source hands it over."""
    answer = account.admin("sqs").receive_message(
        QueueUrl=events.url, MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=300
    )
    return {
        "Records": [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": one["Attributes"],
                "messageAttributes": {},
                "md5OfBody": one["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:pipetriage",
                "awsRegion": REGION,
            }
            for one in answer.get("Messages", [])
        ]
    }


def failed(answer: dict[str, Any]) -> set[str]:
    return {one["itemIdentifier"] for one in answer["batchItemFailures"]}


def test_of_a_batch_only_what_is_not_done_comes_again(
    account: EmulatedAccount, events: EventQueue, store: IncidentStore
) -> None:
    put_ended_run(account, JOB, "jr_1")
    put_ended_run(account, JOB, "jr_new", ago=5)
    events.send(job_event(JOB, "jr_1"), job_event(JOB, "jr_1"), job_event(JOB, "jr_new"), job_event(JOB, "jr_gone"))
    events.send("{half")
    event = batch(account, events)
    answer = aws_lambda.handler(event, Context())
    by_id = {one["messageId"]: one["body"] for one in event["Records"]}
    assert sorted(by_id[one] for one in failed(answer)) == sorted(
        json.dumps(job_event(JOB, name)) for name in ("jr_new", "jr_gone")
    )
    assert {one.job_run_id for one in store.list()} == {"jr_1", "jr_new"}
    ((body, reason),) = events.dead()
    assert body == "{half"
    assert "no JSON" in reason


def test_the_same_batch_once_more_makes_no_second_incident(
    account: EmulatedAccount, events: EventQueue, store: IncidentStore
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    event = batch(account, events)
    assert failed(aws_lambda.handler(event, Context())) == set()
    account.door.calls.clear()
    assert failed(aws_lambda.handler(event, Context())) == set()
    assert len(store.list()) == 1
    assert len(store.history(store.list()[0].incident_id)) == 1
    assert not [call for call in account.door.calls if call.startswith("glue:")]


def test_a_batch_that_fails_whole_is_told_message_by_message(
    account: EmulatedAccount, events: EventQueue, store: IncidentStore
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    event = batch(account, events)
    account.refuse("glue:GetJobRun", "ThrottlingException")
    assert failed(aws_lambda.handler(event, Context())) == {event["Records"][0]["messageId"]}


def test_a_store_that_takes_nothing_fails_the_invocation_so_that_its_alarm_rings(
    account: EmulatedAccount, events: EventQueue, store: IncidentStore
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    event = batch(account, events)
    account.refuse("dynamodb:PutItem", "AccessDeniedException")
    with pytest.raises(StoreError):
        aws_lambda.handler(event, Context())
    account.door.refusals.clear()
    assert failed(aws_lambda.handler(event, Context())) == set()
    assert [one.job_run_id for one in store.list()] == ["jr_1"]


def test_with_too_little_time_left_messages_are_given_back_unread(
    account: EmulatedAccount, events: EventQueue, store: IncidentStore
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    event = batch(account, events)
    assert len(failed(aws_lambda.handler(event, Context(left_ms=20_000)))) == 1
    assert store.list() == []
    time.sleep(1.5)
    assert events.left() == (1, 0)


def test_an_event_sent_directly_is_answered_with_what_was_done(account: EmulatedAccount, store: IncidentStore) -> None:
    put_ended_run(account, JOB, "jr_1")
    answer = aws_lambda.handler(job_event(JOB, "jr_1"), Context())
    assert answer["word"] == "triaged"
    assert answer["safe_to_retry"] is False
    assert answer["incident_id"] == store.list()[0].incident_id
    with pytest.raises(TargetError, match="jr_gone"):
        aws_lambda.handler(job_event(JOB, "jr_gone"), Context())
    with pytest.raises(EventError):
        aws_lambda.handler({"hello": "world"}, Context())


@pytest.mark.parametrize("state", ["FAILED", "SUCCEEDED"])
def test_an_event_sent_directly_that_is_not_done_with_is_an_error_so_that_lambda_tries_again(
    state: str, account: EmulatedAccount, store: IncidentStore
) -> None:
    put_ended_run(account, JOB, "jr_1", state, ago=5)
    now = datetime.now(UTC).isoformat()
    with pytest.raises(aws_lambda.NotDoneError, match="queue"):
        aws_lambda.handler(job_event(JOB, "jr_1", state, time=now), Context())
    assert len(store.list()) == (1 if state == "FAILED" else 0)


def test_a_schedule_finds_what_no_event_told_of(account: EmulatedAccount, store: IncidentStore) -> None:
    put_ended_run(account, JOB, "jr_error", "ERROR", ago=300)
    put_ended_run(account, JOB, "jr_told", "FAILED", ago=300)
    assert aws_lambda.handler({"pipetriage": "poll"}, Context()) == {"triaged": 1}
    assert [one.job_run_id for one in store.list()] == ["jr_error"]


def test_a_warm_instance_looks_at_a_quiet_success_once(account: EmulatedAccount, store: IncidentStore) -> None:
    put_ended_run(account, JOB, "jr_fine", "SUCCEEDED", ago=1200)
    assert sum(aws_lambda.handler({"pipetriage": "poll"}, Context()).values()) == 1
    assert aws_lambda.handler({"pipetriage": "poll"}, Context()) == {}


def test_a_schedule_begins_nothing_that_it_has_no_time_for(account: EmulatedAccount, store: IncidentStore) -> None:
    put_ended_run(account, JOB, "jr_error", "ERROR", ago=300)
    assert aws_lambda.handler({"pipetriage": "poll"}, Context(left_ms=20_000)) == {}
    assert aws_lambda.handler({"pipetriage": "poll"}, Context()) == {"triaged": 1}


def test_only_the_jobs_of_the_pattern_are_watched(
    account: EmulatedAccount, store: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPETRIAGE_JOBS", "orders_*")
    put_ended_run(account, JOB, "jr_1", "ERROR", ago=300)
    put_ended_run(account, "scratch", "jr_2", "ERROR", ago=300)
    assert aws_lambda.handler({"pipetriage": "poll"}, Context()) == {"triaged": 1}
    assert aws_lambda.handler(job_event("scratch", "jr_2"), Context())["word"] == "ignored"


def test_settings_that_cannot_be_read_are_an_error_that_names_them(
    account: EmulatedAccount, events: EventQueue, store: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPETRIAGE_CONFIG", "s3://acme-config/elsewhere.toml")
    events.send(job_event(JOB, "jr_1"))
    for event in ({"pipetriage": "poll"}, batch(account, events)):
        with pytest.raises(ConfigError, match=r"elsewhere\.toml"):
            aws_lambda.handler(event, Context())
