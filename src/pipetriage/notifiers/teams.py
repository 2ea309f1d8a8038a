"""Microsoft Teams, by a Workflows webhook: an Adaptive Card 1.4 for each message."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipetriage.errors import DeliveryError
from pipetriage.model.message import Message, Severity, What
from pipetriage.notifiers.http_client import HttpClient
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.secrets import Secrets, checked_address
from pipetriage.notifiers.thread import already_said, has_outgrown, storm_count
from pipetriage.notifiers.wording import Section, Words, cut, fitting
from pipetriage.settings.channels import TeamsChannel

BUDGET = 20 * 1024
"""Bytes of the whole request: Teams takes 28 KB, and was measured to refuse from 21 on."""
_COLOUR = {
    Severity.CRITICAL: "Attention",
    Severity.ERROR: "Attention",
    Severity.WARNING: "Warning",
    Severity.INFO: "Good",
}


def build(name: str, settings: TeamsChannel, environment: Mapping[str, str]) -> Channel:
    """Make the channel.

    Raises:
        ConfigError: the address is missing, or is none.
    """
    found = Secrets(name, environment).get("webhook_env", settings.webhook_env)
    return Teams(name, settings, checked_address(name, "webhook_env", found), environment)


class Teams:
    """Posts each message by itself: the webhook learns of no message's place."""

    def __init__(self, name: str, settings: TeamsChannel, url: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._url = url
        self._client = HttpClient("Teams", settings.timeout_seconds, [url], environment)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Post the whole."""
        if already_said(sending) or not has_outgrown(sending):
            return sending.thread
        answer = self._client.exchange().ask("POST", self._url, request(sending.message), headers={})
        if answer.text().startswith("<"):
            raise DeliveryError(f"Teams answered {answer.status} with a page: something stands between")
        return {**sending.thread, "said": sending.key} | storm_count(sending)


def request(message: Message) -> dict[str, Any]:
    """Give what the workflow is sent."""
    return fitting(message, lambda words: _wrapped(card(message, words)), _fits)


def card(message: Message, words: Words) -> dict[str, Any]:
    """Give the card. All text stands in runs, which know no markup: nothing in it becomes a link or a mention."""
    colour = "Good" if message.what is What.RESOLVED else _COLOUR[message.severity]
    body = [
        _block([_run(cut(words.title, 240), weight="Bolder", size="Medium")]),
        _block([_run(words.verdict, weight="Bolder", color=colour)]),
        _block([_run(words.cause)]),
        *(block for section in words.sections for block in _section(section)),
        *(_block([_run(line, size="Small", isSubtle=True)]) for line in words.foot),
    ]
    actions = [{"type": "Action.OpenUrl", "title": "Open the incident", "url": words.link}] if words.link else []
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": f"{words.title}: {words.verdict}",
        "body": body,
        "actions": actions,
    }


def _section(section: Section) -> list[dict[str, Any]]:
    heading = _run(f"{section.heading}: ", weight="Bolder")
    if len(section.lines) == 1:
        return [_block([heading, _run(section.lines[0])])]
    return [_block([heading]), *(_block([_run(f"• {line}")], spacing="Small") for line in section.lines)]


def _block(runs: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs, **more}


def _run(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **more}


def _wrapped(content: dict[str, Any]) -> dict[str, Any]:
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def _fits(document: dict[str, Any]) -> bool:
    return len(msgspec.json.encode(document)) <= BUDGET
