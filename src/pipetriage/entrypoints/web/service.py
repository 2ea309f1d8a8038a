"""The service as an ASGI application: its routers, who may ask, and the bounds of a request."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipetriage import __version__
from pipetriage.bootstrap import App
from pipetriage.entrypoints.web import gate, pages, slack
from pipetriage.entrypoints.web.visitors import Door

MAX_BODY = 300 * 1024
"""Bytes of a request: Slack sends up to 256 KiB, everything else is a few hundred."""

BODY_SECONDS = 10.0
"""In what time a request has to arrive. Ours."""

_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def service(program: App, token: str | None) -> FastAPI:
    """Make the application. ``token`` None: whoever reaches it may ask."""
    app = FastAPI(title="pipetriage", version=__version__, docs_url=None, redoc_url=None)
    app.include_router(gate.router(program, token))
    app.include_router(slack.router(program))
    app.add_middleware(_Bounded)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """Say that the process is there; nothing is asked of anyone."""
        return {"status": "ok"}

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        # Where and what, without what was sent.
        wrong = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()[:10]]
        return _problem(422, "the request is malformed", wrong=wrong)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, str(error.detail), headers=error.headers)

    pages.install(app, program, Door(program, token))
    return app


def _problem(status: int, title: str, *, headers: Any = None, **more: object) -> JSONResponse:
    document = {"status": status, "title": title, **more}
    return JSONResponse(document, status, headers, media_type="application/problem+json")


class _Bounded:
    """Reads no more of a request than it may have, and says so; every answer has our headers."""

    def __init__(self, app: Callable[[_Scope, _Receive, _Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message.get("headers", [])}
                ours = [
                    (name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in said
                ]
                message = {**message, "headers": [*message.get("headers", []), *ours]}
            await send(message)

        body, more, ends = bytearray(), True, asyncio.get_running_loop().time() + BODY_SECONDS
        while more:
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                answer = _problem(408, f"a request arrives within {BODY_SECONDS:g} s", headers={"connection": "close"})
                await answer(scope, receive, with_headers)
                return
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY:
                answer = _problem(413, f"a request has at most {MAX_BODY} bytes", headers={"connection": "close"})
                await answer(scope, receive, with_headers)
                return
        told = False

        async def again() -> MutableMapping[str, Any]:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, again, with_headers)
