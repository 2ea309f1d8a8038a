"""Slack: the head and its thread, what a webhook cannot do, and text that stays text."""

import json
from typing import Any

import pytest

from pipetriage.errors import DeliveryError, RefusedError
from pipetriage.model.message import Severity, What
from pipetriage.notifiers import slack_blocks
from pipetriage.notifiers.channels import build_channel
from pipetriage.settings.channels import SlackChannel
from tests.notifiers.messages import message
from tests.notifiers.places import SECRETS, Place, place, sending
from tests.notifiers.vendors import SlackVendor, SlackWebhookVendor
from tests.reasoning.wire.server import answers


def vendor_of(at: Place) -> SlackVendor:
    assert isinstance(at.vendor, SlackVendor)
    return at.vendor


def test_the_head_is_edited_in_place_and_the_news_are_below_it() -> None:
    with place("slack") as at:
        thread = dict(at.channel.send(sending()))
        at.channel.send(sending("key-2", thread=thread, verdict="SAFE TO RETRY"))
        (first, posted), (second, edited), (third, reply) = vendor_of(at).calls
    assert (first, second, third) == ("chat.postMessage", "chat.update", "chat.postMessage")
    assert edited["ts"] == thread["ts"] == reply["thread_ts"]
    assert "thread_ts" not in posted
    assert edited["channel"] == reply["channel"] == "C01"
    assert "SAFE TO RETRY" in json.dumps(edited["blocks"][1])


@pytest.mark.parametrize(("severity", "rings"), [(Severity.CRITICAL, True), (Severity.ERROR, False)])
def test_what_got_worse_is_shown_to_the_whole_channel(severity: Severity, rings: bool) -> None:
    with place("slack") as at:
        thread = dict(at.channel.send(sending(severity=Severity.ERROR)))
        at.channel.send(sending("key-2", thread=thread, severity=severity))
        assert vendor_of(at).calls[-1][1]["reply_broadcast"] is rings


def test_a_head_that_somebody_deleted_is_posted_anew() -> None:
    with place("slack") as at:
        thread = dict(at.channel.send(sending()))
        vendor_of(at).messages.clear()
        vendor_of(at).messages["1699999999.000001"] = {"thread_ts": "other", "blocks": []}
        after = at.channel.send(sending("key-2", thread=thread))
        assert after["ts"] != thread["ts"]
        assert len(vendor_of(at).heads) == 1


@pytest.mark.parametrize("error", ["ratelimited", "internal_error", "service_unavailable"])
def test_slacks_words_for_later_are_understood(error: str) -> None:
    with place("slack") as at:
        at.server.faults.append(answers(200, {"ok": False, "error": error}))
        with pytest.raises(DeliveryError, match=error) as raised:
            at.channel.send(sending())
        assert not isinstance(raised.value, RefusedError)


@pytest.mark.parametrize(
    "error", ["channel_not_found", "not_in_channel", "token_revoked", "invalid_blocks", "new_word"]
)
def test_any_other_word_is_a_refusal(error: str) -> None:
    with place("slack") as at:
        at.server.faults.append(answers(200, {"ok": False, "error": error}))
        with pytest.raises(RefusedError, match=error):
            at.channel.send(sending())


def test_a_webhook_posts_the_whole_each_time() -> None:
    with place("slack webhook") as at:
        assert isinstance(at.vendor, SlackWebhookVendor)
        thread = dict(at.channel.send(sending()))
        at.channel.send(sending("key-2", thread=thread, earlier=["jr_0: FAILED"]))
        assert len(at.vendor.posted) == 2
        assert "jr_0: FAILED" in json.dumps(at.vendor.posted[1])


HOSTILE = "<!channel> <@U123> <https://evil.example|click> @here #general & &lt;!here&gt; <!subteam^S1>"


def test_text_of_others_mentions_nobody_and_leads_nowhere() -> None:
    blocks = slack_blocks.head(
        message(title=HOSTILE, cause=HOSTILE, why=[HOSTILE], approver=HOSTILE, because=HOSTILE, verdict=HOSTILE),
        buttons=True,
    )
    for text in _mrkdwn(blocks):
        assert "<" not in text["text"]
        assert text["verbatim"] is True  # else Slack itself makes mentions and links
    for line in (slack_blocks.summary(message(title=HOSTILE)), slack_blocks.below(message(cause=HOSTILE))):
        assert "<" not in line


def test_names_in_the_text_are_not_looked_up() -> None:
    with place("slack") as at:
        at.channel.send(sending(cause="@here"))
        (_, body) = vendor_of(at).calls[0]
    assert body["parse"] == "none"
    assert body["link_names"] is False


def test_buttons_are_there_only_where_something_answers_them() -> None:
    assert _actions(slack_blocks.head(message(), buttons=False)) == [slack_blocks.LINK]
    with_buttons = _actions(slack_blocks.head(message(), buttons=True))
    assert with_buttons == [slack_blocks.LINK, slack_blocks.ACKNOWLEDGE, slack_blocks.REVIEW]
    assert not _actions(slack_blocks.head(message(link=None), buttons=False))
    assert _actions(slack_blocks.head(message(what=What.TEST), buttons=True)) == [slack_blocks.LINK]


def test_a_webhook_offers_no_form_that_it_cannot_show() -> None:
    with place("slack webhook") as at:
        url = f"{at.server.url}/services/x"
        settings = SlackChannel(webhook_env="HOOK", signing_secret_env="SIGNING")
        build_channel("ops", settings, {**SECRETS, "HOOK": url}).send(sending())
        assert isinstance(at.vendor, SlackWebhookVendor)
        assert _actions(at.vendor.posted[0]["blocks"]) == [slack_blocks.LINK, slack_blocks.ACKNOWLEDGE]


def test_a_storm_can_be_taken_on_but_not_reviewed_as_one() -> None:
    storm = message(what=What.STORM, count=12)
    assert slack_blocks.REVIEW not in _actions(slack_blocks.head(storm, buttons=True))


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://user:pw@x.example/", "https://x.example/<script>", "x"]
)
def test_an_address_that_no_click_should_open_is_not_offered(link: str) -> None:
    assert not _actions(slack_blocks.head(message(link=link), buttons=False))


def _mrkdwn(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, list):
        return [one for item in found for one in _mrkdwn(item)]
    if not isinstance(found, dict):
        return []
    own = [found] if found.get("type") == "mrkdwn" else []
    return own + [one for item in found.values() for one in _mrkdwn(item)]


def _actions(blocks: list[dict[str, Any]]) -> list[str]:
    return [one["action_id"] for block in blocks if block["type"] == "actions" for one in block["elements"]]
