"""Jira Cloud, REST API v3: one issue a topic; its description is brought up to date, what is new is a comment.

An issue is never moved to another status: people do that.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from pipetriage.errors import DeliveryError, RefusedError
from pipetriage.model.message import Message, What
from pipetriage.notifiers.http_client import Exchange, HttpClient
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.jira_documents import delivery_mark, description, note, summary
from pipetriage.notifiers.secrets import Secrets, checked_address
from pipetriage.notifiers.thread import already_said
from pipetriage.settings.channels import JiraChannel

_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,254}-[0-9]{1,18}")
_LABEL_LENGTH = 255
_GONE = frozenset({404})
_COMMENTS = 50
"""The latest comments that are looked through for one that may have arrived."""


def build(name: str, settings: JiraChannel, environment: Mapping[str, str]) -> Channel:
    """Make the channel.

    Raises:
        ConfigError: a secret is missing, or the site is no address.
    """
    secrets = Secrets(name, environment)
    user = secrets.get("user_env", settings.user_env)
    return Jira(name, settings, user, secrets.get("token_env", settings.token_env), environment)


class Jira:
    """What was said where is kept in the thread; Jira is searched only where an answer was lost."""

    def __init__(self, name: str, settings: JiraChannel, user: str, token: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._settings = settings
        site = checked_address(name, "site", settings.site)
        base = checked_address(name, "endpoint", settings.endpoint) if settings.endpoint else site
        self._api = f"{base}/rest/api/3"
        credentials = b64encode(f"{user}:{token}".encode()).decode()
        self._headers = {"authorization": f"Basic {credentials}", "accept": "application/json"}
        self._client = HttpClient("Jira", settings.timeout_seconds, [token, credentials], environment)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Create the issue, or bring it up to date and comment on it; link it to the same failure's earlier one."""
        if already_said(sending):
            return sending.thread
        exchange, thread = self._client.exchange(), {**sending.thread, "said": sending.key}
        if not (self._is_known(thread) and self._continued(exchange, sending, thread)):
            thread["key"] = self._found(exchange, sending) or self._created(exchange, sending)
        if self._linked(exchange, thread):
            thread.pop("recurs_key", None)
        return thread

    def _is_known(self, thread: Mapping[str, str]) -> bool:
        return _KEY.fullmatch(thread.get("key", "")) is not None

    def _continued(self, exchange: Exchange, sending: Sending, thread: Mapping[str, str]) -> bool:
        """Say more in an issue; False: it is gone."""
        key, message = thread["key"], sending.message
        if not self._brought_up_to_date(exchange, key, message):
            return False
        if message.what is What.STORM or (sending.attempt > 1 and self._has_comment(exchange, key, sending)):
            return True
        body = {"body": note(message, sending.key)}
        answer = self._ask(exchange, "POST", f"/issue/{key}/comment", body, allowed=_GONE)
        return answer.status not in _GONE

    def _brought_up_to_date(self, exchange: Exchange, key: str, message: Message) -> bool:
        fields = {"summary": summary(message), "description": description(message)}
        try:
            answer = self._ask(exchange, "PUT", f"/issue/{key}", {"fields": fields}, allowed=_GONE)
        except RefusedError:
            # Closed issues may be read-only, and projects without these fields exist. The comment is what matters; if
            # that is refused as well, it says why.
            return True
        return answer.status not in _GONE

    def _has_comment(self, exchange: Exchange, key: str, sending: Sending) -> bool:
        path = f"/issue/{key}/comment?orderBy=-created&maxResults={_COMMENTS}"
        answer = self._ask(exchange, "GET", path, allowed=_GONE)
        return answer.status not in _GONE and delivery_mark(sending.key).encode() in answer.body

    def _found(self, exchange: Exchange, sending: Sending) -> str | None:
        """Find the issue that an earlier attempt may have created. The search lags behind by seconds."""
        if sending.attempt == 1:
            return None
        query = {
            "jql": f'project = "{_quoted(self._settings.project)}" AND labels = "{topic_label(sending.message.topic)}" '
            "ORDER BY created DESC",
            "maxResults": 1,
            "fields": ["labels"],
        }
        issues = self._ask(exchange, "POST", "/search/jql", query).document().get("issues")
        first = issues[0] if isinstance(issues, list) and issues else None
        key = first.get("key") if isinstance(first, dict) else None
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            return None
        return key if self._brought_up_to_date(exchange, key, sending.message) else None

    def _created(self, exchange: Exchange, sending: Sending) -> str:
        message, settings = sending.message, self._settings
        fields: dict[str, Any] = {
            **settings.fields,
            "project": {"key": settings.project},
            "issuetype": {"name": settings.issue_type},
            "summary": summary(message),
            "description": description(message),
            "labels": [*map(_label, settings.labels), "pipetriage", topic_label(message.topic)],
        }
        priority = settings.priorities.get(message.severity.value)
        if priority is not None:
            fields["priority"] = {"name": priority}
        key = self._ask(exchange, "POST", "/issue", {"fields": fields}).document().get("key")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise DeliveryError("Jira took the issue and did not say which it is")
        return key

    def _linked(self, exchange: Exchange, thread: Mapping[str, str]) -> bool:
        """Link the issue to the earlier one; False: tried again with the next message, as the issue itself stands."""
        earlier, kind = thread.get("recurs_key", ""), self._settings.link_type
        if not kind or not _KEY.fullmatch(earlier) or earlier == thread["key"]:
            return True
        link = {
            "type": {"name": kind},
            "inwardIssue": {"key": thread["key"]},
            "outwardIssue": {"key": earlier},
        }
        try:
            self._ask(exchange, "POST", "/issueLink", link)
        except DeliveryError:
            return False
        return True

    def _ask(
        self, exchange: Exchange, method: str, path: str, body: object = None, allowed: frozenset[int] = frozenset()
    ) -> Any:
        return exchange.ask(method, f"{self._api}{path}", body, headers=self._headers, allowed=allowed)


def topic_label(topic: str) -> str:
    """Give the label by which the issue of a topic is found."""
    return f"pipetriage-{hashlib.sha256(topic.encode('utf-8', 'backslashreplace')).hexdigest()[:24]}"


def _label(text: str) -> str:
    return "-".join(text.split())[:_LABEL_LENGTH]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
