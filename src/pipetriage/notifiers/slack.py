"""Slack: a bot, whose head message is brought up to date and has a thread; or an incoming webhook, which only posts."""

import re
from collections.abc import Mapping
from typing import Any

from pipetriage.errors import ConfigError, DeliveryError, RefusedError
from pipetriage.model.message import Severity, What
from pipetriage.notifiers import slack_blocks
from pipetriage.notifiers.http_client import Exchange, HttpClient
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.secrets import Secrets, checked_address
from pipetriage.notifiers.thread import already_said, has_outgrown, storm_count
from pipetriage.settings.channels import SlackChannel

_API = "https://slack.com/api"
_LATER = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "message_limit_exceeded",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "rollup_error",
    }
)
"""Slack's ``error`` words, in an answer with status 200, that say nothing against the request."""
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
"""The head was deleted, or is no longer ours to edit."""
_TS = re.compile(r"\d{1,20}\.\d{1,10}")
_CHANNEL_ID = re.compile(r"[A-Z0-9]{2,30}")


def build(name: str, settings: SlackChannel, environment: Mapping[str, str]) -> Channel:
    """Make the bot if there is a token, else the webhook.

    Raises:
        ConfigError: neither is declared, or a secret is missing.
    """
    secrets = Secrets(name, environment)
    if settings.signing_secret_env is not None:
        secrets.get("signing_secret_env", settings.signing_secret_env)
    if settings.token_env is not None:
        if not settings.channel:
            raise ConfigError(f"channel {name}: a bot needs channel, the id of the Slack channel (C…) it posts to")
        return SlackBot(name, settings, secrets.get("token_env", settings.token_env), environment)
    if settings.webhook_env is None:
        raise ConfigError(f"channel {name}: Slack needs token_env and channel (a bot), or webhook_env")
    found = checked_address(name, "webhook_env", secrets.get("webhook_env", settings.webhook_env))
    return SlackWebhook(name, settings, found, environment)


class SlackBot:
    """One head a topic, brought up to date in place; what is new is said in its thread, too."""

    def __init__(self, name: str, settings: SlackChannel, token: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._channel = settings.channel or ""
        self._buttons = settings.signing_secret_env is not None
        self._api = checked_address(name, "endpoint", settings.endpoint) if settings.endpoint else _API
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
        self._client = HttpClient("Slack", settings.timeout_seconds, [token], environment)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Post the head, or bring it up to date and reply below it."""
        if already_said(sending):
            return sending.thread
        exchange, message = self._client.exchange(), sending.message
        thread = {**sending.thread, "said": sending.key, "severity": message.severity.value}
        if "ts" not in thread or not self._updated(exchange, sending):
            return thread | self._posted(exchange, sending)
        if message.what is not What.STORM:  # its head has the count; a reply a minute would say nothing more
            self._reply(exchange, sending)
        return thread

    def open_review(self, trigger: str, view: Mapping[str, Any]) -> None:
        """Show a person the form that they asked for by a button, within three seconds of their click.

        Raises:
            DeliveryError: Slack did not show it.
        """
        self._ask(self._client.exchange(), "views.open", {"trigger_id": trigger, "view": view})

    def _posted(self, exchange: Exchange, sending: Sending) -> dict[str, str]:
        document = self._ask(exchange, "chat.postMessage", {"channel": self._channel, **self._head(sending)})
        ts, channel = str(document.get("ts")), str(document.get("channel"))
        if not _TS.fullmatch(ts) or not _CHANNEL_ID.fullmatch(channel):
            raise DeliveryError("Slack took the message and did not say where it is")
        return {"ts": ts, "channel": channel}

    def _updated(self, exchange: Exchange, sending: Sending) -> bool:
        thread = sending.thread
        place = {"channel": thread.get("channel", self._channel), "ts": thread["ts"]}
        found = self._ask(exchange, "chat.update", {**place, **self._head(sending)}, allowed=_GONE)
        return found.get("ok") is True

    def _reply(self, exchange: Exchange, sending: Sending) -> None:
        thread, message = sending.thread, sending.message
        text = slack_blocks.below(message)
        body = {
            "channel": thread.get("channel", self._channel),
            "thread_ts": thread["ts"],
            "text": slack_blocks.summary(message),
            "blocks": [slack_blocks.text_block(text)],
            # A head that is edited rings nowhere: what got worse is shown to the whole channel.
            "reply_broadcast": _is_worse(message.severity, thread.get("severity")),
        }
        self._ask(exchange, "chat.postMessage", body | _QUIETLY)

    def _head(self, sending: Sending) -> dict[str, Any]:
        return {
            "text": slack_blocks.summary(sending.message),
            "blocks": slack_blocks.head(sending.message, buttons=self._buttons),
        } | _QUIETLY

    def _ask(
        self, exchange: Exchange, method: str, body: Mapping[str, Any], allowed: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        document = exchange.ask("POST", f"{self._api}/{method}", body, headers=self._headers).document()
        error = str(document.get("error", "no reason given"))
        if document.get("ok") is True or error in allowed:
            return document
        why = f"Slack refused {method}: {self._client.shown(error)}"
        raise DeliveryError(why) if error in _LATER else RefusedError(why)


class SlackWebhook:
    """Posts each message by itself: an incoming webhook learns of no message's place."""

    def __init__(self, name: str, settings: SlackChannel, url: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._url = url
        self._buttons = settings.signing_secret_env is not None
        self._client = HttpClient("Slack", settings.timeout_seconds, [url], environment)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Post the whole."""
        if already_said(sending) or not has_outgrown(sending):
            return sending.thread
        message = sending.message
        body = {
            "text": slack_blocks.summary(message),
            "blocks": slack_blocks.head(message, buttons=self._buttons, review=False),
        } | _QUIETLY
        answer = self._client.exchange().ask("POST", self._url, body, headers={})
        if answer.text() != "ok":
            raise DeliveryError(f"Slack answered {answer.status} without its ok")
        return {**sending.thread, "said": sending.key} | storm_count(sending)


_QUIETLY: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False, "link_names": False, "parse": "none"}
"""No previews, and no mentions made of names in the text."""


def _is_worse(severity: Severity, before: str | None) -> bool:
    order = [one.value for one in Severity]
    return before in order and order.index(severity.value) < order.index(before)
