"""Whatever else is to know: a CloudEvents 1.0 webhook, structured JSON, signed (docs/channels.md)."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import quote

from pipetriage.errors import MissingExtraError
from pipetriage.model.message import Message
from pipetriage.notifiers.http_client import HttpClient
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.secrets import Secrets, checked_address
from pipetriage.notifiers.thread import already_said
from pipetriage.notifiers.wording import Words, fitting, plain
from pipetriage.settings.channels import WebhookChannel

LONGEST = 64 * 1024
"""Bytes of an event that every intermediary has to forward (CloudEvents 1.0, size limits)."""
_TYPE = "io.pipetriage.{what}.v1"
_NAME = 200


def build(name: str, settings: WebhookChannel, environment: Mapping[str, str]) -> Channel:
    """Make the channel.

    Raises:
        ConfigError: a declared secret is missing, or the address is none.
        MissingExtraError: the extra is not installed.
    """
    try:
        import cloudevents.core  # noqa: F401 - asked for here, so that a missing one is told before anything is sent
    except ImportError as error:
        raise MissingExtraError("notify", "sending CloudEvents") from error
    secrets = Secrets(name, environment)
    key = secrets.maybe("secret_env", settings.secret_env)
    token = secrets.maybe("token_env", settings.token_env)
    return Webhook(name, settings, key, token, environment)


class Webhook:
    """Posts an event for each message. Its id is the delivery's key, the same in every attempt."""

    def __init__(
        self,
        name: str,
        settings: WebhookChannel,
        key: str | None,
        token: str | None,
        environment: Mapping[str, str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        address = settings.endpoint or settings.url
        self._url = checked_address(name, "endpoint" if settings.endpoint else "url", address)
        self._key = key
        self._authorization = {"authorization": f"Bearer {token}"} if token else {}
        self._now = now
        secrets = [secret for secret in (key, token, self._url) if secret]
        self._client = HttpClient("the webhook", settings.timeout_seconds, secrets, environment)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Post the event; any answer of 200 to 299 takes it."""
        if already_said(sending):
            return sending.thread
        body = event(sending.message, sending.key)
        headers = {"content-type": "application/cloudevents+json; charset=utf-8", **self._authorization}
        if self._key is not None:
            headers |= signed(body, self._key, int(self._now()))
        self._client.exchange().ask("POST", self._url, body=body, headers=headers)
        return {"said": sending.key}


def signed(body: bytes, key: str, timestamp: int) -> dict[str, str]:
    """Give the headers by which a receiver knows that a request is ours, and new: HMAC-SHA256 of ``timestamp.body``."""
    digest = hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-pipetriage-timestamp": str(timestamp), "x-pipetriage-signature": f"sha256={digest}"}


def event(message: Message, key: str) -> bytes:
    """Give a message as a CloudEvent."""
    return fitting(message, lambda words: _encoded(message, words, key), lambda body: len(body) <= LONGEST)


def _encoded(message: Message, words: Words, key: str) -> bytes:
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    attributes: dict[str, Any] = {
        "id": key,
        "source": f"/pipetriage/pipelines/{quote(plain(message.pipeline, _NAME), safe='') or 'unnamed'}",
        "type": _TYPE.format(what=message.what.value.lower()),
        "specversion": "1.0",
        "subject": plain(message.incident_id, _NAME) or "unknown",
        "time": message.created_at.astimezone(UTC),
        "datacontenttype": "application/json",
        # The partitioning extension: what belongs to one batch stays in order.
        "partitionkey": plain(message.topic, _NAME) or "unknown",
    }
    return JSONFormat().write(CloudEvent(attributes, _data(message, words)))


def _data(message: Message, words: Words) -> dict[str, Any]:
    said = {section.heading: section.lines for section in words.sections}
    return {
        "what": message.what.value,
        "topic": plain(message.topic, _NAME),
        "incident_id": plain(message.incident_id, _NAME),
        "pipeline_name": plain(message.pipeline, _NAME),
        "batch_id": _maybe(message.batch_id),
        "job_run_id": plain(message.job_run_id, _NAME),
        "attempt": message.attempt,
        "status": plain(message.status, _NAME),
        "failure_category": message.category.value,
        "failure_mode": message.failure_mode.value,
        "safe_to_retry": message.safe_to_retry,
        "confidence": message.confidence,
        "severity": message.severity.value,
        "title": words.title,
        "verdict": words.verdict,
        "cause": words.cause,
        "why": said.get("Why", []),
        "written": said.get("Written", []),
        "exposed": said.get("Read by", []),
        "next_step": next(iter(said.get("Next", [])), ""),
        "approver": _maybe(message.approver),
        "acknowledged": _maybe(message.acknowledged),
        "earlier": said.get("Earlier attempts", []),
        "recurrence": _maybe(message.recurrence),
        "recurs_in": _maybe(message.recurs_in),
        "fingerprint": plain(message.fingerprint, _NAME),
        "count": message.count,
        "affected_table": _maybe(message.table),
        "queue": plain(message.queue, _NAME),
        "owner": _maybe(message.owner),
        "because": plain(message.because, _NAME),
        "link": words.link,
        "as_of": message.as_of.astimezone(UTC).isoformat(),
        "shortened": words.shortened,
    }


def _maybe(text: str | None) -> str | None:
    return None if text is None else plain(text, _NAME)
