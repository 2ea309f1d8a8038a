"""The bounds of a request, whoever asks: how long, how large, how often; and the headers of every answer."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from limits import RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from pipetriage.entrypoints.web.problems import problem
from pipetriage.entrypoints.web.unpacking import MAX_PACKED
from pipetriage.entrypoints.web.visitors import LOGIN
from pipetriage.model.access import digest_of

MAX_BODY = 300 * 1024
"""Bytes of a request: Slack sends up to 256 KiB, everything else is a few hundred; a bundle may be larger."""

BODY_SECONDS = 10.0
"""In what time a request has to arrive, a bundle in four times as long. Ours."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
"""Of every answer that does not say otherwise; the pages name what they need themselves."""

LOGINS = parse("10/minute")
"""Attempts to log in from one address."""
REFUSED = parse("120/minute")
"""Requests without a token that is known, from one address, before all from there are refused for a while. Ours."""

_LARGE = {"/api/v1/bundles": (MAX_PACKED, 4 * BODY_SECONDS)}
_UNCOUNTED = frozenset({"/healthz", "/readyz"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Headed:
    """Gives every answer our headers."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (ASGI)."""

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message.get("headers", [])}
                ours = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in said]
                message = {**message, "headers": [*message.get("headers", []), *ours]}
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Often:
    """Refuses who asks too often, by token, or by address where there is none. In memory: each process counts alone."""

    def __init__(self, app: AsgiApp, *, per_minute: int) -> None:
        self._app = app
        self._all = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (ASGI)."""
        if scope["type"] != "http" or scope["path"] in _UNCOUNTED:
            await self._app(scope, receive, send)
            return
        address = (scope.get("client") or ("unknown",))[0]

        async def counting(message: MutableMapping[str, Any]) -> None:
            if message.get("status") == 401:
                self._limiter.hit(REFUSED, "refused", address)
            await send(message)

        allowed = self._limiter.test(REFUSED, "refused", address)
        allowed = allowed and self._limiter.hit(self._all, "all", self._who(scope) or address)
        if allowed and scope["path"] == LOGIN and scope["method"] == "POST":
            allowed = self._limiter.hit(LOGINS, "login", address)
        if allowed:
            await self._app(scope, receive, counting)
            return
        await problem(429, "you ask too often: wait a minute", headers={"retry-after": "60"})(scope, receive, send)

    def _who(self, scope: Scope) -> str | None:
        """Name who asks by what it shows, without keeping that: many programs may be behind one address."""
        shown = [value for name, value in scope["headers"] if name in (b"authorization", b"cookie")]
        return digest_of(b"\0".join(shown).decode("latin-1")) if shown else None


class Bounded:
    """Reads no more of a request than it may have, and says so."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        largest, seconds = _LARGE.get(scope["path"], (MAX_BODY, BODY_SECONDS))
        body, more, ends = bytearray(), True, asyncio.get_running_loop().time() + seconds
        while more:
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                answer = problem(408, f"a request arrives within {seconds:g} s", headers={"connection": "close"})
                await answer(scope, receive, send)
                return
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > largest:
                answer = problem(413, f"a request has at most {largest} bytes", headers={"connection": "close"})
                await answer(scope, receive, send)
                return
        told = False

        async def again() -> MutableMapping[str, Any]:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, again, send)
