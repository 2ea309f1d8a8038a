"""Asking the gate from inside an orchestrator: in this process or over HTTP. There always is an answer, if only a no.

Environment: with ``PIPETRIAGE_URL`` the service there is asked (``PIPETRIAGE_TOKEN`` is its token); else pipetriage is
run in this process, with the settings of ``PIPETRIAGE_CONFIG`` (default: pipetriage.toml of the working folder) and the
store of ``PIPETRIAGE_STORE``. Only the standard library and msgspec are imported until it asks.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import IO, Any
from urllib.parse import urlsplit

import msgspec

WITHIN_SECONDS = 90.0
"""In what time an answer is awaited: what ``[gate] within_seconds`` is by default."""
_GRACE_SECONDS = 15.0
"""How much longer than it was given the service may take, on its way."""
_MAX_BYTES = 4 * 1024 * 1024
"""Of an answer: an incident has some hundred kilobytes."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says. Whatever keeps it from an answer is a no."""

    allowed: bool
    rule: str
    reason: str
    retry_after_seconds: int | None = None
    """When it makes sense to ask again: the answer is "not yet"."""
    incident_id: str | None = None
    started_at: datetime | None = None
    """When the run began that the answer is about."""


def ask(
    target: str,
    *,
    asker: str | None = None,
    can_wait: bool = False,
    looks: bool = False,
    url: str | None = None,
    within_seconds: float = WITHIN_SECONDS,
) -> Answer:
    """Ask whether a run may be retried now. Never raises.

    ``target`` is a run as ``pipetriage gate`` takes it (``glue:JOB/RUN``); the same ``asker`` gets the same yes again,
    should the first answer have been lost. ``can_wait``: a retry can be put off, so that a yes may come with
    ``retry_after_seconds``. ``looks``: no new yes is given, only one that the same asker has been given before.
    """
    url = url or os.environ.get("PIPETRIAGE_URL")

    def asked() -> Answer:
        if url:
            question: dict[str, Any] = {"target": target, "within_seconds": within_seconds, "can_wait": can_wait}
            # A service of before this word was known refuses it, and is not asked to give what it is not to give.
            question |= {"looks": True} if looks else {}
            question |= {"asker": asker} if asker else {}
            return _answer(_posted(url, "/gate", question, within_seconds + _GRACE_SECONDS))
        found = _program().gatekeeper.ask_within(
            target,
            within_seconds,
            asker or "an orchestrator",
            repeats=asker is not None,
            can_wait=can_wait,
            looks=looks,
        )
        return Answer(
            allowed=found.allowed,
            rule=found.rule,
            reason=found.reason,
            retry_after_seconds=found.retry_after_seconds,
            incident_id=found.incident.incident_id if found.incident is not None else None,
            started_at=found.incident.started_at if found.incident is not None else None,
        )

    return _in_time(asked, within_seconds + _GRACE_SECONDS)


def ask_read(table: str, *, url: str | None = None, within_seconds: float = 30.0) -> Answer:
    """Ask whether a table may be read now. Never raises."""
    url = url or os.environ.get("PIPETRIAGE_URL")

    def asked() -> Answer:
        if url:
            return _answer(_posted(url, "/gate/read", {"table": table}, within_seconds))
        found = _program().gatekeeper.read_within(table, within_seconds)
        first = next((one.incident_id for one in found.incidents), None)
        return Answer(allowed=found.allowed, rule=found.rule, reason=found.reason, incident_id=first)

    return _in_time(asked, within_seconds + _GRACE_SECONDS)


def _in_time(asked: Callable[[], Answer], seconds: float) -> Answer:
    """Ask, and answer in so many seconds at the latest.

    The limits of what is asked do not do: a service that sends its answer byte by byte never meets one, nor does a
    store that takes for ever to be opened. Once the caller has had its no, a yes that still comes is heard by nobody.
    """
    found = list[Answer]()

    def work() -> None:
        try:
            found.append(asked())
        except Exception as error:  # noqa: BLE001 - an orchestrator asks in its own error handling; all trouble is a no
            found.append(_no(error))

    thread = threading.Thread(target=work, name="gate client", daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    return Answer(allowed=False, rule="NO_ANSWER_IN_TIME", reason=f"no answer in {seconds:.0f} s: do not retry")


def _no(error: Exception) -> Answer:
    from pipetriage.errors import PipetriageError

    # The words of what was not made to be shown may hold anything, addresses with passwords among it.
    said = str(error) if isinstance(error, PipetriageError) else f"a {type(error).__name__} stood in the way"
    return Answer(allowed=False, rule="CANNOT_ANSWER", reason=f"pipetriage has no answer ({said}): do not retry")


def _program() -> Any:
    from pipetriage.bootstrap import open_app

    return open_app(config=os.environ.get("PIPETRIAGE_CONFIG"), store_url=os.environ.get("PIPETRIAGE_STORE"))


class _Said(msgspec.Struct, frozen=True):
    """An incident, as far as it is asked for."""

    incident_id: str
    started_at: datetime | None = None


class _Document(msgspec.Struct, frozen=True):
    """What the service answers, as far as it is read."""

    allowed: bool
    rule: str
    reason: str
    retry_after_seconds: int | None = None
    incident_id: str | None = None
    incident: _Said | None = None
    incidents: list[_Said] = []


def _answer(body: bytes) -> Answer:
    said = msgspec.json.decode(body, type=_Document)
    incident = said.incident_id or next((one.incident_id for one in said.incidents), None)
    return Answer(
        allowed=said.allowed,
        rule=said.rule[:100],
        reason=said.reason[:2000],
        retry_after_seconds=said.retry_after_seconds,
        incident_id=incident,
        started_at=said.incident.started_at if said.incident is not None else None,
    )


class _Unanswered(Exception):  # noqa: N818 - it never leaves this file but as an answer
    """The service did not answer as it should."""


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: another server would be sent the token, and its yes would count."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _posted(url: str, path: str, document: dict[str, Any], seconds: float) -> bytes:
    from pipetriage.errors import ConfigError, SourceError

    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError("the address of the gate is none: write PIPETRIAGE_URL as https://HOST:PORT")
    headers = {"content-type": "application/json", "accept": "application/json"}
    if token := os.environ.get("PIPETRIAGE_TOKEN"):
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(  # noqa: S310 - the scheme was seen to be http or https
        url.rstrip("/") + path, json.dumps(document).encode(), headers, method="POST"
    )
    opener = urllib.request.build_opener(_Stays())
    try:
        with opener.open(request, timeout=seconds) as answer:
            return _read(answer)
    except urllib.error.HTTPError as error:
        raise SourceError(f"the gate answers {error.code}: check PIPETRIAGE_TOKEN and PIPETRIAGE_URL") from error
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise SourceError(f"the gate is not reached ({why}): check PIPETRIAGE_URL") from error


def _read(answer: IO[bytes]) -> bytes:
    body = answer.read(_MAX_BYTES + 1)
    if len(body) > _MAX_BYTES:
        raise _Unanswered
    return body
