"""PagerDuty, by the Events API v2: one alert a topic, opened, triggered again and resolved."""

import hashlib
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import msgspec

from pipetriage.errors import ConfigError, DeliveryError
from pipetriage.model.message import Message, What
from pipetriage.notifiers.http_client import Exchange, HttpClient
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.secrets import Secrets, checked_address
from pipetriage.notifiers.thread import already_said
from pipetriage.notifiers.wording import Words, cut, fitting, plain
from pipetriage.settings.channels import PagerDutyChannel

_EVENTS = "https://events.pagerduty.com"
_SUMMARY, _DEDUP, _FIELD, _BYTES = 1024, 255, 255, 512 * 1024


def build(name: str, settings: PagerDutyChannel, environment: Mapping[str, str]) -> Channel:
    """Make the channel.

    Raises:
        ConfigError: the integration key is missing, or is none.
    """
    key = Secrets(name, environment).get("routing_key_env", settings.routing_key_env)
    if len(key) != 32 or not key.isalnum():
        raise ConfigError(
            f"channel {name}: {settings.routing_key_env} (routing_key_env) holds no integration key: 32 letters and "
            "digits, of an Events API v2 integration"
        )
    return PagerDuty(name, settings, key, environment)


class PagerDuty:
    """Triggering again with the key of an alert that is open adds to that alert, and pages nobody anew."""

    def __init__(self, name: str, settings: PagerDutyChannel, routing_key: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._routing_key = routing_key
        self._source = plain(settings.source, _FIELD) or "pipetriage"
        base = checked_address(name, "endpoint", settings.endpoint) if settings.endpoint else _EVENTS
        self._url = f"{base}/v2/enqueue"
        self._client = HttpClient("PagerDuty", settings.timeout_seconds, [routing_key], environment)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Open the alert or add to it; resolve it when the batch is whole, and a sample at once."""
        if already_said(sending):
            return sending.thread
        exchange, message = self._client.exchange(), sending.message
        if message.what is not What.RESOLVED:
            self._enqueue(exchange, triggered(message, self._source))
        if message.what in (What.RESOLVED, What.TEST):
            self._enqueue(exchange, {"event_action": "resolve", "dedup_key": dedup_key(message.topic)})
        return {"said": sending.key, "dedup_key": dedup_key(message.topic)}

    def _enqueue(self, exchange: Exchange, event: dict[str, Any]) -> None:
        answer = exchange.ask("POST", self._url, {"routing_key": self._routing_key, **event}, headers={})
        status = answer.document().get("status")
        if status != "success":
            raise DeliveryError(f"PagerDuty answered {answer.status} without its success")


def triggered(message: Message, source: str) -> dict[str, Any]:
    """Give a trigger event, without the key of the integration."""
    return fitting(message, lambda words: _event(message, words, source), _fits)


def dedup_key(topic: str) -> str:
    """Give the alert's key: the topic, or a hash of one that is too long or not plain."""
    plainly = len(topic) <= _DEDUP and topic.isascii() and topic.isprintable() and topic.strip() == topic != ""
    return topic if plainly else hashlib.sha256(topic.encode("utf-8", "backslashreplace")).hexdigest()


def _event(message: Message, words: Words, source: str) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "summary": cut(f"{words.title}. {words.cause}", _SUMMARY),
        "source": source,
        "severity": message.severity.value,
        "timestamp": message.as_of.astimezone(UTC).isoformat(),
        "group": plain(message.pipeline, _FIELD),
        "class": plain(f"{message.category}/{message.failure_mode}", _FIELD),
        "custom_details": {
            "verdict": words.verdict,
            "cause": words.cause,
            **{section.heading.lower(): _value(section.lines) for section in words.sections},
            "run": " ".join(words.foot),
        },
    }
    if message.table:
        payload["component"] = plain(message.table, _FIELD)
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": dedup_key(message.topic),
        "payload": payload,
        "client": "pipetriage",
    }
    if words.link:
        event |= {"client_url": words.link, "links": [{"href": words.link, "text": "Open the incident"}]}
    return event


def _value(lines: list[str]) -> str | list[str]:
    return lines[0] if len(lines) == 1 else lines


def _fits(event: dict[str, Any]) -> bool:
    return len(msgspec.json.encode(event)) <= _BYTES - 1024
