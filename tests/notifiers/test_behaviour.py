"""What every channel does, against a real server that behaves well and badly."""

import logging
import time
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from pipetriage.errors import DeliveryError, RefusedError
from pipetriage.model.message import Severity, What
from tests.notifiers.mail_server import (
    Mailbox,
    bad_mail_server,
    drips,
    hangs,
    is_full,
    resets,
    talks_http,
)
from tests.notifiers.places import KINDS, Place, everything_secret, mail_channel, mail_place, place, sending
from tests.reasoning.wire import server as wire
from tests.reasoning.wire.server import Handler, Step, answers

QUICK = 0.5
"""Seconds that a channel is given where a server does not answer."""
SLACK = 1.5
"""Seconds that a busy machine may take on top."""


@pytest.fixture(params=sorted(KINDS))
def at(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.fixture(params=sorted(KINDS))
def hurried(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param, QUICK) as found:
        yield found


def said(error: BaseException) -> str:
    """All that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


def assert_nothing_secret(text: str) -> None:
    assert not [secret for secret in everything_secret() if secret in text]


# A channel that works


def test_says_what_a_person_needs(at: Place) -> None:
    at.channel.send(sending())
    (head,) = at.vendor.heads
    for words in (
        "orders_daily, batch 2026-11-22: not safe to retry",
        "SCHEMA_DRIFT / NEW_COLUMN",
        "which a rerun would write a second time",
        "PARTIAL, 9 of 12 partitions",
        "revenue_report (bi-team) read it at 03:20 UTC",
        "Quarantine the batch",
        "data-contract owner",
    ):
        assert words in head


def test_leads_to_the_incident(at: Place) -> None:
    at.channel.send(sending())
    assert "https://triage.example/incidents/inc_1" in at.vendor.heads[0]


def test_who_has_taken_it_on_is_said(at: Place) -> None:
    at.channel.send(sending(acknowledged="ann at 2026-11-22 03:10 UTC"))
    assert "ann at 2026-11-22 03:10 UTC" in at.vendor.heads[0]


def test_without_an_address_of_its_page_the_id_is_told(at: Place) -> None:
    at.channel.send(sending(link=None))
    (head,) = at.vendor.heads
    assert "inc_1" in head


def test_a_later_attempt_joins_the_first(at: Place) -> None:
    thread = dict(at.channel.send(sending()))
    later = sending(
        "key-2",
        thread=thread,
        title="orders_daily, batch 2026-11-22: safe to retry",
        verdict="SAFE TO RETRY",
        safe_to_retry=True,
        job_run_id="jr_2",
        attempt=1,
        earlier=["jr_1: FAILED, not safe to retry"],
    )
    at.channel.send(later)
    assert len(at.vendor.heads) == (1 if at.kind.updates else 2)
    assert "SAFE TO RETRY" in at.vendor.heads[-1]
    assert "jr_1: FAILED, not safe to retry" in at.vendor.heads[-1]
    if at.kind.updates:
        assert "jr_2" in at.vendor.news[-1]


def test_a_thread_leads_from_each_message_to_the_next(at: Place) -> None:
    thread: dict[str, str] = {}
    for number in range(4):
        thread = dict(at.channel.send(sending(f"key-{number}", thread=thread, job_run_id=f"jr_{number}")))
    assert len(at.vendor.heads) == (1 if at.kind.updates else 4)
    if at.kind.updates:
        assert len(at.vendor.news) == 3


def test_another_batch_has_a_thread_of_its_own(at: Place) -> None:
    at.channel.send(sending("key-1"))
    at.channel.send(sending("key-2", topic="bat_2", batch_id="2026-11-23"))
    assert len(at.vendor.heads) == 2


def test_what_was_noted_as_said_is_not_said_again(at: Place) -> None:
    thread = dict(at.channel.send(sending()))
    before = len(at.server.seen)
    assert at.channel.send(sending(attempt=2, thread=thread)) == thread
    assert len(at.server.seen) == before


def test_a_sample_and_a_resolution_are_sent(at: Place) -> None:
    at.channel.send(sending("key-1", what=What.TEST, topic="test_1", verdict="SAMPLE"))
    thread = dict(at.channel.send(sending("key-2")))
    at.channel.send(
        sending("key-3", thread=thread, what=What.RESOLVED, verdict="RESOLVED", severity=Severity.INFO, why=[])
    )
    assert at.server.seen


def test_a_storm_does_not_become_one_of_messages(at: Place) -> None:
    thread: dict[str, str] = {}
    for count in range(10, 40):
        storm = sending(f"key-{count}", thread=thread, what=What.STORM, topic="storm_1", count=count)
        thread = dict(at.channel.send(storm))
    if at.vendor.__class__.__name__ == "WebhookVendor":
        return  # a machine reads every count
    assert len(at.vendor.heads) <= 2
    if at.vendor.__class__.__name__ != "PagerDutyVendor":  # adds to its open alert, which pages nobody
        assert not at.vendor.news


# A channel that does not


def page(handler: Handler) -> None:
    handler.answer(502, b"<!DOCTYPE html><html><body>Bad gateway</body></html>", content_type="text/html")


LATER: dict[str, Step] = {
    "429": answers(429, {"error": {"message": "slow down"}}),
    "500": answers(500, {"message": "oops"}),
    "502 and a page": page,
    "503": answers(503, b""),
    "reset": wire.resets,
    "302": answers(302, b"", location="https://login.example/"),
}


@pytest.mark.parametrize("fault", sorted(LATER))
def test_what_may_get_through_later_is_tried_again(at: Place, fault: str) -> None:
    at.server.faults.append(LATER[fault])
    with pytest.raises(DeliveryError) as raised:
        at.channel.send(sending())
    assert not isinstance(raised.value, RefusedError)
    assert raised.value.retry_after is None
    assert_nothing_secret(said(raised.value))
    at.channel.send(sending(attempt=2))
    assert len(at.vendor.heads) == 1


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("0", 0.0), ("999999999", 3600.0)])
@pytest.mark.parametrize("status", [429, 503])
def test_waits_as_long_as_it_is_asked_to(at: Place, status: int, value: str, seconds: float) -> None:
    at.server.faults.append(answers(status, {}, retry_after=value))
    with pytest.raises(DeliveryError) as raised:
        at.channel.send(sending())
    assert raised.value.retry_after == seconds


def test_a_date_to_wait_for_is_understood(at: Place) -> None:
    at.server.faults.append(answers(503, b"", retry_after="Fri, 01 Jan 2100 00:00:00 GMT"))
    with pytest.raises(DeliveryError) as raised:
        at.channel.send(sending())
    assert raised.value.retry_after == 3600.0


@pytest.mark.parametrize("value", ["soon", "-1", "1e400", "nan", "Fri, 99 Foo 2100", "\xff", "9" * 400])
def test_a_wait_that_is_none_is_passed_over(at: Place, value: str) -> None:
    at.server.faults.append(answers(429, {}, retry_after=value))
    with pytest.raises(DeliveryError) as raised:
        at.channel.send(sending())
    assert raised.value.retry_after is None


@pytest.mark.parametrize("status", [400, 401, 403, 410, 413, 301, 308])
def test_a_refusal_is_final_and_says_why(at: Place, status: int) -> None:
    body = {"error": {"message": "the \x1b[31mproject\u202e is archived", "detail": "ask an admin"}}
    at.server.faults.append(answers(status, body, location="https://elsewhere.example/"))
    with pytest.raises(RefusedError) as raised:
        at.channel.send(sending())
    assert str(status) in str(raised.value)
    assert "project is archived" in str(raised.value)
    assert len(at.server.seen) == 1


def test_a_vendor_that_says_our_secrets_back_is_not_repeated(at: Place) -> None:
    for secret in at.kind.secrets:
        for words in (f"no such thing: {secret} (sent by us)", f"see https://x.example/?key={quote(secret, safe='')}"):
            at.server.faults.append(answers(400, {"message": words}))
            with pytest.raises(RefusedError) as raised:
                at.channel.send(sending())
            assert "400" in str(raised.value)
            assert secret not in said(raised.value)
            assert quote(secret, safe="") not in said(raised.value)


@pytest.mark.parametrize("fault", [wire.hangs, wire.drips], ids=["hangs", "drips"])
def test_a_server_that_does_not_end_is_given_up_in_time(hurried: Place, fault: Step) -> None:
    hurried.server.faults.append(fault)
    began = time.monotonic()
    with pytest.raises(DeliveryError) as raised:
        hurried.channel.send(sending())
    assert time.monotonic() - began < QUICK + SLACK
    assert "did not answer within" in str(raised.value)


def drips_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"x-more: 1\r\n")
        handler.wfile.flush()
        time.sleep(0.1)


def test_headers_without_an_end_are_given_up_in_time(hurried: Place) -> None:
    hurried.server.faults.append(drips_headers)
    began = time.monotonic()
    with pytest.raises(DeliveryError):
        hurried.channel.send(sending())
    assert time.monotonic() - began < QUICK + SLACK


GARBAGE: dict[str, Step] = {
    "no JSON": answers(200, b"\x00\xff{{{"),
    "JSON of another kind": answers(200, [1, 2]),
    "an empty object": answers(200, {}),
    "nothing": answers(200, b""),
    "a deep one": answers(200, b"[" * 100_000),
    "a page": answers(200, b"<html>sign in</html>", content_type="text/html"),
    "too much": wire.pours,
}


# Of Teams and the webhook a status is all that is needed.
@pytest.mark.parametrize("at", sorted(name for name, kind in KINDS.items() if kind.reads), indirect=True)
@pytest.mark.parametrize("fault", sorted(GARBAGE))
def test_an_answer_that_is_none_is_not_taken_for_one(at: Place, fault: str) -> None:
    at.server.faults.append(GARBAGE[fault])
    began = time.monotonic()
    with pytest.raises(DeliveryError):
        at.channel.send(sending())
    assert time.monotonic() - began < 2 * 2.0 + SLACK


@pytest.mark.parametrize("at", sorted(name for name, kind in KINDS.items() if kind.reads), indirect=True)
def test_an_answer_without_end_is_left_at_its_bound(at: Place) -> None:
    at.server.faults.append(wire.pours)
    with pytest.raises(DeliveryError) as raised:
        at.channel.send(sending())
    assert "did not answer within" not in str(raised.value)
    assert at.server.hung_up.wait(2)


def test_nobody_there_is_no_refusal(at: Place) -> None:
    at.server.shutdown()
    at.server.server_close()
    with pytest.raises(DeliveryError) as raised:
        at.channel.send(sending())
    assert not isinstance(raised.value, RefusedError)
    assert_nothing_secret(said(raised.value))


def test_nothing_secret_is_logged_or_shown(at: Place, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx2").setLevel(logging.DEBUG)
        at.channel.send(sending())
        at.server.faults.append(answers(500, {}))
        with pytest.raises(DeliveryError):
            at.channel.send(sending("key-2"))
    assert_nothing_secret(caplog.text)
    assert_nothing_secret(repr(at.channel) + str(at.channel))


# By Jira's label, ServiceNow's correlation id, PagerDuty's dedup key, the event's id. Slack and Teams have no such key.
@pytest.mark.parametrize("at", ["jira", "pagerduty", "servicenow", "webhook"], indirect=True)
def test_an_answer_that_was_lost_makes_no_second_ticket(at: Place) -> None:
    # ServiceNow is asked before it is told.
    at.server.loses_answers = 2 if at.vendor.__class__.__name__ == "ServiceNowVendor" else 1
    for attempt in (1, 2, 3):
        try:
            at.channel.send(sending(attempt=attempt))
            break
        except RefusedError:
            raise
        except DeliveryError:
            continue
    assert len(at.vendor.heads) == 1


# Mail


@pytest.mark.parametrize("behave", [hangs, drips], ids=["hangs", "drips"])
def test_a_mail_server_that_does_not_end_is_given_up_in_time(behave: object) -> None:
    assert callable(behave)
    with bad_mail_server(behave) as port:
        began = time.monotonic()
        with pytest.raises(DeliveryError, match="did not answer within"):
            mail_channel(port, timeout_seconds=QUICK).send(sending())
        assert time.monotonic() - began < QUICK + SLACK


@pytest.mark.parametrize("behave", [resets, talks_http, is_full], ids=["resets", "talks_http", "is_full"])
def test_a_mail_server_that_cannot_now_is_tried_again(behave: object) -> None:
    assert callable(behave)
    with bad_mail_server(behave) as port, pytest.raises(DeliveryError) as raised:
        mail_channel(port).send(sending())
    assert not isinstance(raised.value, RefusedError)


def test_a_mail_that_is_sent_twice_is_the_same_mail() -> None:
    mailbox = Mailbox()
    with mail_place(mailbox) as channel:
        mailbox.loses_answers = 1
        with pytest.raises(DeliveryError):
            channel.send(sending())
        channel.send(sending(attempt=2))
    assert len(mailbox.mails) == 2
    assert len(mailbox.heads) == 1
