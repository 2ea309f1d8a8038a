"""The CloudEvents webhook: an event that any receiver can read, and know to be ours."""

import hashlib
import hmac
import re
import time
from pathlib import Path
from typing import Any

from pipetriage.notifiers.webhook import event, signed
from tests.notifiers.messages import message
from tests.notifiers.places import SECRETS, Place, place, sending
from tests.notifiers.vendors import Asked, WebhookVendor


def requests_of(at: Place) -> list[Asked]:
    assert isinstance(at.vendor, WebhookVendor)
    return at.vendor.requests


def test_an_event_is_read_by_the_cloudevents_library() -> None:
    from cloudevents.core.formats.json import JSONFormat

    found = JSONFormat().read(None, event(message(), "key-1"))
    assert found.get_id() == "key-1"
    assert found.get_type() == "io.pipetriage.verdict.v1"
    assert found.get_source() == "/pipetriage/pipelines/orders_daily"
    assert found.get_subject() == "inc_1"
    data = found.get_data()
    assert isinstance(data, dict)
    assert data["safe_to_retry"] is False
    assert data["failure_category"] == "SCHEMA_DRIFT"
    assert data["exposed"] == ["CONFIRMED: revenue_report (bi-team) read it at 03:20 UTC"]


def test_a_receiver_knows_it_by_the_recipe_in_the_docs() -> None:
    with place("webhook") as at:
        at.channel.send(sending())
        (asked,) = requests_of(at)
    timestamp = asked.headers["x-pipetriage-timestamp"]
    own = hmac.new(SECRETS["HOOK_KEY"].encode(), timestamp.encode() + b"." + asked.body, hashlib.sha256)
    assert asked.headers["x-pipetriage-signature"] == f"sha256={own.hexdigest()}"
    assert asked.headers["content-type"].startswith("application/cloudevents+json")
    assert asked.headers["authorization"] == f"Bearer {SECRETS['HOOK_TOKEN']}"


def test_the_receiver_in_the_docs_accepts_it_and_nothing_else() -> None:
    (recipe,) = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs/channels.md").read_text(), re.S)
    found: dict[str, Any] = {}
    exec(recipe, found)  # noqa: S102 - our own page
    now = int(time.time())
    headers = {name.title(): value for name, value in signed(b"{}", "key", now).items()}
    assert found["is_ours"]("key", headers, b"{}")
    assert not found["is_ours"]("key", headers, b"{ }")
    assert not found["is_ours"]("other", headers, b"{}")
    old = {name.title(): value for name, value in signed(b"{}", "key", now - 301).items()}
    assert not found["is_ours"]("key", old, b"{}")


def test_a_signature_is_of_its_body_and_its_time() -> None:
    one = signed(b"{}", "key", 1)["x-pipetriage-signature"]
    assert one != signed(b"{ }", "key", 1)["x-pipetriage-signature"]
    assert one != signed(b"{}", "key", 2)["x-pipetriage-signature"]
    assert one != signed(b"{}", "other", 1)["x-pipetriage-signature"]


def test_every_attempt_has_the_same_id() -> None:
    with place("webhook") as at:
        at.channel.send(sending())
        at.channel.send(sending(attempt=2))
        first, second = requests_of(at)
    assert first.document["id"] == second.document["id"] == "key-1"
