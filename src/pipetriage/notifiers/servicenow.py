"""ServiceNow's incident table, by the Table API: one incident a topic, known by its correlation id.

Its state is left to people.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from pipetriage.errors import DeliveryError
from pipetriage.model.message import Message, Severity, What
from pipetriage.notifiers.http_client import Answer, Exchange, HttpClient
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.secrets import Secrets, checked_address
from pipetriage.notifiers.thread import already_said
from pipetriage.notifiers.wording import as_text, cut, fitting, plain, reply
from pipetriage.settings.channels import ServiceNowChannel

_SHORT, _LONG, _CORRELATION = 160, 4000, 100
"""Lengths of short_description, description and correlation_id in the incident table as it is delivered."""
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"[A-Z]{1,10}[0-9]{1,20}")
_GONE = frozenset({404})
_CLOSED = frozenset({403, 404})
"""Gone; or closed, which rules of the instance may make read-only."""
_FIELDS = "sysparm_fields=sys_id,number"
_CODE = re.compile(r"\[(?=/?code\])", re.IGNORECASE)
"""Journal fields show what stands in [code]…[/code] as HTML."""
_URGENCY = {Severity.CRITICAL: "1", Severity.ERROR: "2", Severity.WARNING: "3", Severity.INFO: "3"}
"""Urgency and impact, 1 (high) to 3; the priority is derived from them."""


def build(name: str, settings: ServiceNowChannel, environment: Mapping[str, str]) -> Channel:
    """Make the channel.

    Raises:
        ConfigError: a secret is missing, or the instance is no address.
    """
    secrets = Secrets(name, environment)
    user = secrets.get("user_env", settings.user_env)
    return ServiceNow(name, settings, user, secrets.get("password_env", settings.password_env), environment)


class ServiceNow:
    """Looks for an open incident before it makes one: two of a topic would be two people at work."""

    def __init__(
        self, name: str, settings: ServiceNowChannel, user: str, password: str, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self._settings = settings
        instance = checked_address(name, "instance", settings.instance)
        base = checked_address(name, "endpoint", settings.endpoint) if settings.endpoint else instance
        self._table = f"{base}/api/now/table/incident"
        credentials = b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"authorization": f"Basic {credentials}", "accept": "application/json"}
        self._client = HttpClient("ServiceNow", settings.timeout_seconds, [password, credentials], environment)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Bring the incident up to date, with a work note; or make it."""
        if already_said(sending):
            return sending.thread
        exchange = self._client.exchange()
        thread = {**sending.thread, "said": sending.key}
        if _SYS_ID.fullmatch(thread.get("sys_id", "")) and self._continued(
            exchange, thread["sys_id"], sending, _CLOSED
        ):
            return thread
        found = self._found(exchange, sending.message.topic)
        # It is open: if we may not write to it, another one would be no better, and one more with every message.
        if found is not None and self._continued(exchange, found["sys_id"], sending, _GONE):
            return thread | found
        return thread | self._created(exchange, sending)

    def _continued(self, exchange: Exchange, sys_id: str, sending: Sending, ended: frozenset[int]) -> bool:
        """Say more in an incident; False: it is gone, or closed for good (``ended``)."""
        message = sending.message
        fields = _head(message)
        if message.what is not What.STORM:
            fields["work_notes"] = harmless("\n".join(reply(message)))
        answer = self._ask(exchange, "PATCH", f"/{sys_id}?{_FIELDS}", fields, allowed=ended)
        return answer.status not in ended and bool(_place(answer))

    def _found(self, exchange: Exchange, topic: str) -> dict[str, str] | None:
        query = urlencode({"sysparm_query": f"correlation_id={correlation_id(topic)}^active=true", "sysparm_limit": 1})
        result = self._ask(exchange, "GET", f"?{query}&{_FIELDS}").document().get("result")
        if not isinstance(result, list):
            raise DeliveryError("ServiceNow answered a question without its result")
        first = result[0] if result and isinstance(result[0], dict) else {}
        return _identified(first)

    def _created(self, exchange: Exchange, sending: Sending) -> dict[str, str]:
        message, settings = sending.message, self._settings
        named = {
            "assignment_group": settings.assignment_group,
            "caller_id": settings.caller,
            "cmdb_ci": settings.configuration_item,
        }
        fields = {
            **settings.fields,
            **{name: value for name, value in named.items() if value},
            **_head(message),
            "urgency": _URGENCY[message.severity],
            "impact": _URGENCY[message.severity],
            "correlation_id": correlation_id(message.topic),
            "correlation_display": "pipetriage",
        }
        earlier = sending.thread.get("recurs_number", "")
        if _NUMBER.fullmatch(earlier):
            fields["work_notes"] = f"The same failure in an earlier batch: {earlier}"
        return _place(self._ask(exchange, "POST", f"?{_FIELDS}", fields))

    def _ask(
        self, exchange: Exchange, method: str, path: str, body: object = None, allowed: frozenset[int] = frozenset()
    ) -> Answer:
        return exchange.ask(method, f"{self._table}{path}", body, headers=self._headers, allowed=allowed)


def correlation_id(topic: str) -> str:
    """Give the id by which an incident is found: the topic, or a hash of one that is long or could end the query."""
    plainly = len(topic) <= _CORRELATION and re.fullmatch(r"[A-Za-z0-9_.:-]+", topic)
    return topic if plainly else hashlib.sha256(topic.encode("utf-8", "backslashreplace")).hexdigest()


def harmless(text: str) -> str:
    """Break what a journal field would take for HTML."""
    return _CODE.sub("[ ", text)


def _head(message: Message) -> dict[str, str]:
    text = fitting(message, lambda words: harmless(as_text(words)), lambda found: len(found.encode()) <= _LONG)
    return {"short_description": plain(message.title, _SHORT) or "pipetriage", "description": cut(text, _LONG)}


def _place(answer: Answer) -> dict[str, str]:
    result = answer.document().get("result")
    found = _identified(result if isinstance(result, dict) else {})
    if found is None:
        raise DeliveryError("ServiceNow took the incident and did not say which it is")
    return found


def _identified(result: Mapping[str, Any]) -> dict[str, str] | None:
    sys_id, number = str(result.get("sys_id", "")), str(result.get("number", ""))
    if not _SYS_ID.fullmatch(sys_id):
        return None
    return {"sys_id": sys_id} | ({"number": number} if _NUMBER.fullmatch(number) else {})
