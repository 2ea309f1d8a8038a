"""Buttons: only Slack's own requests are heard, and they can ask for two things."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipetriage.errors import RefusedError
from pipetriage.model.categories import Category
from pipetriage.notifiers import slack_blocks
from pipetriage.notifiers.slack_actions import (
    NOTE_LENGTH,
    VIEW,
    Acknowledge,
    LinkOpened,
    ReviewAsked,
    ReviewGiven,
    acknowledged_answer,
    is_from_slack,
    read_action,
    review_answer,
    review_view,
)
from tests.notifiers.messages import message

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
AT = 1_700_000_000


def signature(body: bytes, timestamp: int = AT, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), b"v0:%d:%b" % (timestamp, body), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def form(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def pressed(action: str, **changes: Any) -> dict[str, Any]:
    value = json.dumps({"t": "bat_1", "i": "inc_1"})
    return {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ann", "team_id": "T1"},
        "trigger_id": "123.456.abcdef",
        "response_url": "https://hooks.slack.com/actions/T1/2/3",
        "actions": [{"action_id": action, "block_id": "x", "value": value, "type": "button"}],
    } | changes


def given_review(**changes: Any) -> dict[str, Any]:
    values = {
        "category": {"category": {"selected_option": {"value": "DATA_SKEW"}}},
        "safe": {"safe": {"selected_option": {"value": "no"}}},
        "note": {"note": {"value": "one key has half of the rows"}},
        "done": {"done": {"value": "salted the join"}},
    }
    view = {"callback_id": VIEW, "private_metadata": "inc_1", "state": {"values": values}}
    return {"type": "view_submission", "user": {"id": "U1", "name": "ann"}, "view": view | changes}


@pytest.mark.parametrize("seconds", [0, 299, -299])
def test_slacks_own_request_is_heard(seconds: int) -> None:
    body = form(pressed(slack_blocks.ACKNOWLEDGE))
    assert is_from_slack(SECRET, body, signature(body), lambda: AT + seconds)


def test_a_request_beyond_all_measure_is_not() -> None:
    body = b"payload=" + b"x" * 300_000
    assert not is_from_slack(SECRET, body, signature(body), lambda: AT)


@pytest.mark.parametrize("seconds", [301, 86_400, -301])
def test_an_old_request_is_not(seconds: int) -> None:
    body = form(pressed(slack_blocks.ACKNOWLEDGE))
    assert not is_from_slack(SECRET, body, signature(body), lambda: AT + seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": str(AT)},
        {"X-Slack-Request-Timestamp": str(AT), "X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "9" * 5000, "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": str(AT), "X-Slack-Signature": "v0=é"},
        signature(b"another body"),
        signature(b"payload=%7B%7D", secret="wrong"),
        signature(b"payload=%7B%7D", timestamp=AT - 1) | {"X-Slack-Request-Timestamp": str(AT)},
    ],
)
def test_a_forged_request_is_not(headers: dict[str, str]) -> None:
    assert not is_from_slack(SECRET, b"payload=%7B%7D", headers, lambda: AT)


@given(st.binary(max_size=400), st.text(max_size=80), st.text(max_size=80))
def test_nothing_that_is_sent_breaks_the_check(body: bytes, timestamp: str, signed: str) -> None:
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed}
    assert not is_from_slack(SECRET, body, headers, lambda: AT)


def test_someone_takes_it_on() -> None:
    found = read_action(form(pressed(slack_blocks.ACKNOWLEDGE)))
    assert found == Acknowledge(topic="bat_1", by="ann (Slack U1)", answer_to="https://hooks.slack.com/actions/T1/2/3")


def test_the_buttons_of_a_message_are_understood() -> None:
    for block in slack_blocks.head(message(), buttons=True):
        for element in block["elements"] if block["type"] == "actions" else []:
            actions = [{key: value for key, value in element.items() if key in ("action_id", "value")}]
            found = read_action(form(pressed("", actions=actions)))
            assert isinstance(found, Acknowledge | ReviewAsked | LinkOpened)


def test_someone_asks_for_the_form_and_fills_it_in() -> None:
    asked = read_action(form(pressed(slack_blocks.REVIEW)))
    assert asked == ReviewAsked(incident_id="inc_1", by="ann (Slack U1)", trigger="123.456.abcdef")
    assert read_action(form(given_review())) == ReviewGiven(
        incident_id="inc_1",
        by="ann (Slack U1)",
        failure_category=Category.DATA_SKEW,
        safe_to_retry=False,
        note="one key has half of the rows",
        done="salted the join",
    )


def test_the_form_holds_by_slacks_own_model() -> None:
    from slack_sdk.models.views import View

    view = review_view("inc_1", "x" * 5000, Category.UNKNOWN, safe=False)
    View(**view).validate_json()
    (category, safe, note, done) = view["blocks"][1:]
    assert [one["value"] for one in category["element"]["options"]] == list(Category)
    assert safe["element"]["initial_option"]["value"] == "no"
    assert note["optional"] is done["optional"] is True
    for block in view["blocks"][1:]:
        for option in block["element"].get("options", []):
            assert len(option["text"]["text"]) <= 75


def test_a_form_that_cannot_be_kept_says_so_where_people_look() -> None:
    assert review_answer()["response_action"] == "clear"
    answer = review_answer("the store\nis locked")
    assert answer == {"response_action": "errors", "errors": {"note": "the store is locked"}}


def test_who_took_it_on_is_told_as_text() -> None:
    assert "<!channel>" not in acknowledged_answer("<!channel>")["text"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload={}",
        b"other=1",
        b"\xff\xfe",
        form([]),
        form("x"),
        form(pressed("rerun")),
        form(pressed("pipetriage_retry")),
        form(pressed(slack_blocks.ACKNOWLEDGE, actions=[])),
        form(pressed(slack_blocks.ACKNOWLEDGE, type="shortcut")),
        form(pressed(slack_blocks.ACKNOWLEDGE, actions=[{"action_id": slack_blocks.ACKNOWLEDGE, "value": "{}"}])),
        form(pressed(slack_blocks.ACKNOWLEDGE, user={"id": "U1; drop"})),
        form(pressed(slack_blocks.REVIEW, trigger_id="")),
        form(given_review(callback_id="other")),
        form(given_review(private_metadata="../../etc")),
        form(given_review(private_metadata="")),
        form(given_review(state={"values": {}})),
        form(given_review(state={"values": {"category": {"category": {"selected_option": {"value": "FIXED"}}}}})),
        b"payload=" + b"%5B" * 100_000,
        form({"type": "x" * 300_000}),
    ],
)
def test_whatever_else_is_asked_for_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        read_action(body)


@given(st.binary(max_size=300))
def test_no_request_breaks_the_reader(noise: bytes) -> None:
    for body in (noise, b"payload=" + noise):
        with pytest.raises(RefusedError):
            read_action(body)


@pytest.mark.parametrize(
    "url", ["http://hooks.slack.com/x", "https://evil.example/", "https://hooks.slack.com@evil.example/"]
)
def test_an_answer_goes_to_slack_or_nowhere(url: str) -> None:
    found = read_action(form(pressed(slack_blocks.ACKNOWLEDGE, response_url=url)))
    assert isinstance(found, Acknowledge)
    assert found.answer_to is None


@pytest.mark.parametrize("field", ["note", "done"])
def test_a_text_is_bounded_and_plain_and_may_be_left_out(field: str) -> None:
    payload = given_review()
    values = payload["view"]["state"]["values"]
    values[field][field]["value"] = "a\x00\u202eb" * 3000
    found = read_action(form(payload))
    assert isinstance(found, ReviewGiven)
    assert 0 < len(getattr(found, field)) <= NOTE_LENGTH
    assert "\u202e" not in getattr(found, field)
    del values[field]
    found = read_action(form(payload))
    assert isinstance(found, ReviewGiven)
    assert getattr(found, field) == ""
