"""What services say when they do not do as asked: their reason, how long to wait, and nothing secret."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from pipetriage.notifiers.wording import cut, plain

REASON_LENGTH = 300
LONGEST_WAIT = 3600.0
"""Seconds. Whoever asks for more is asked again after an hour, to learn that it still holds."""
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_PAGE = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
_SHORTEST = 4
"""Characters. What is shorter cannot be a secret, and would be found in every second word."""
_TELLING = ("error", "errors", "errorMessages", "message", "detail", "code", "title", "reason")
"""Where vendors put their reason: Slack ``error``; Jira ``errorMessages`` and ``errors`` by field; ServiceNow ``error``
with ``message`` and ``detail``; PagerDuty ``message`` and ``errors``; Power Automate ``error`` with ``code`` and
``message``; RFC 9457 ``title`` and ``detail``."""


def reason_in(body: bytes, headers: Mapping[str, str]) -> str:
    """Give the reason in an answer, not yet bounded; empty: it has none that a person could use."""
    if not body.strip() or _PAGE.match(body) or "html" in headers.get("content-type", "").lower():
        return ""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body[:4096].decode("utf-8", "replace") if _is_text(headers) else ""
    return "; ".join(dict.fromkeys(_said(document, 0)))


def retry_after_in(headers: Mapping[str, str]) -> float | None:
    """Give the seconds that an answer asks to wait: ``Retry-After``, as seconds or as a date (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT)


def spellings(secrets: Iterable[str]) -> list[str]:
    """List a channel's secrets in every form in which a service may say one back, the longest first."""
    found: set[str] = set()
    for secret in secrets:
        found |= {secret, *_parts(secret)}
    for one in list(found):
        found |= {quote(one, safe=""), one.replace("/", "\\/"), b64encode(one.encode()).decode()}
    return sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Make a service's words fit to be shown: one line, nothing secret in it, and short."""
    # The secrets go first: a cut or cleaned one would not be known again. Then once more, for one that was taken apart.
    for secret in (*secrets, ""):
        text = text.replace(secret, "(secret)") if secret else plain(text, REASON_LENGTH * 4)
    for secret in secrets:
        text = text.replace(secret, "(secret)")
    return cut(text, REASON_LENGTH)


def _parts(secret: str) -> list[str]:
    """Give what is secret by itself in an address: its path, its query, the longer pieces of either."""
    if not secret.startswith(("https://", "http://")):
        return []
    parts = urlsplit(secret)
    pieces = [value for _, value in parse_qsl(parts.query)] + parts.path.split("/")
    return (
        [piece for piece in pieces if len(piece) >= 8]
        + [f"{parts.path}?{parts.query}"]
        + ([parts.path] if len(parts.path) >= 8 else [])
    )


def _is_text(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "text/plain").lower().startswith(("text/plain", "application/json"))


def _said(document: Any, depth: int) -> list[str]:
    if isinstance(document, str):
        return [document[:1000]]
    if isinstance(document, list):
        return [word for one in document[:5] for word in _said(one, depth + 1)] if depth < 4 else []
    if not isinstance(document, dict) or depth >= 4:
        return []
    found: list[str] = []
    for name in _TELLING:
        value = document.get(name)
        if name == "errors" and isinstance(value, dict):
            found += [f"{str(field)[:100]}: {word}" for field, one in list(value.items())[:5] for word in _said(one, 3)]
        else:
            found += _said(value, depth + 1)
    return found
