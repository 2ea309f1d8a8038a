"""OpenLineage events from a Marquez server, or whatever else answers as it does.

``GET /api/v1/events/lineage`` with ``limit``, ``offset``, ``before``, ``after`` and ``sortDirection`` gives
``{"events": […], "totalCount": n}``, newest first (marquezproject.ai, API reference, "List all received OpenLineage
events"). Read with the standard library: there is no maintained HTTP client among our dependencies.
"""

import http.client
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from email.message import Message
from typing import IO, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from pipetriage.errors import SourceError

PAGE = 100
"""Events a page: Marquez's own default."""
MAX_PAGES = 20
MAX_BYTES = 32 * 1024 * 1024
"""Of one page; an event with its plans and schemas has tens of kilobytes."""
TIMEOUT_SECONDS = 5.0
"""To connect, and between two pieces of an answer."""
PAGE_SECONDS = 8.0
"""For one page; a server that only drips would otherwise never be given up."""
SECONDS = 15.0
"""For all pages: what was read then stands before the deadline of all sources (20 s)."""

_ENDPOINT = "/api/v1/events/lineage"


def marquez_events(
    url: str, since: datetime, until: datetime | None, api_key: str | None
) -> tuple[list[dict[str, Any]], bool]:
    """Give the events received in a time, newest first, and whether those are all.

    Raises:
        SourceError: the server does not answer, refuses, or says something else.
    """
    endpoint = _endpoint(url)
    window = {"after": _written(since)} | ({"before": _written(until)} if until else {})
    events: list[dict[str, Any]] = []
    began = time.monotonic()
    for page in range(MAX_PAGES):
        query = urlencode(window | {"sortDirection": "desc", "limit": PAGE, "offset": page * PAGE})
        document = _get(f"{endpoint}?{query}", api_key)
        found = document.get("events") if isinstance(document, dict) else None
        if not isinstance(found, list):
            raise SourceError(f"{endpoint} does not answer as Marquez does: correct the address of the lineage events")
        events += [event for event in found if isinstance(event, dict)]
        if len(found) < PAGE:
            return events, True
        if time.monotonic() - began > SECONDS:
            break
    return events, False


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise SourceError("the address of the lineage events is none: write it as https://HOST:PORT") from None
    if parts.username or parts.password or not parts.hostname:
        raise SourceError("the address of the lineage events has no host, or a password in it: set an API key instead")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/")
    # People write the server's address, that of its API, or the whole.
    for beginning in (_ENDPOINT, _ENDPOINT.removesuffix("/lineage"), "/api/v1"):
        path = path.removesuffix(beginning)
    return urlunsplit((parts.scheme, f"{host}{port}", path + _ENDPOINT, "", ""))


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _get(url: str, api_key: str | None) -> Any:
    shown = url.partition("?")[0]
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the caller saw http or https
    try:
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            data = _body(answer, shown)
    except urllib.error.HTTPError as error:
        fix = ": set or correct its API key" if error.code in (401, 403) else ""
        raise SourceError(f"{shown} answers {error.code} {error.reason}{fix}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise SourceError(f"{shown} does not answer ({why}): check the address of the lineage events") from error
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{shown} does not answer with JSON: correct the address of the lineage events") from error


def _body(answer: Any, shown: str) -> bytes:
    data = bytearray()
    began = time.monotonic()
    while piece := answer.read1(64 * 1024):
        data += piece
        if len(data) > MAX_BYTES:
            raise SourceError(f"{shown} answers with more than the {MAX_BYTES} bytes that are read")
        if time.monotonic() - began > PAGE_SECONDS:
            raise SourceError(f"{shown} did not send its answer within {PAGE_SECONDS:g} s")
    return bytes(data)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to the same server: another one would be sent the API key."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            raise SourceError(
                f"{old.scheme}://{old.netloc} redirects to another server ({new.scheme}://{new.hostname}), "
                "which was not followed: name that one if it is meant"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _opener() -> urllib.request.OpenerDirector:
    # Not build_opener, which also reads file: and ftp: addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _SameHost(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
