"""The MCP server over HTTP: who may ask is decided as for the service, and a page in a browser may not."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.transport_security import TransportSecuritySettings
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pipetriage.bootstrap import App
from pipetriage.entrypoints.assistant.server import make_server
from pipetriage.entrypoints.web.bounds import Headed, Often, Receive, Send
from pipetriage.entrypoints.web.problems import problem
from pipetriage.entrypoints.web.visitors import Door, is_this_machine
from pipetriage.errors import PipetriageError
from pipetriage.model.access import Scope

PATH = "/mcp"
_BEARER = "bearer "


class Guarded:
    """Lets in who may read, and answers everybody else as the service does."""

    def __init__(self, app: Any, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            await run_in_threadpool(self._check, request)
        except HTTPException as error:
            await problem(error.status_code, str(error.detail), headers=error.headers)(scope, receive, send)
        except PipetriageError as error:
            await problem(503, str(error), headers={"retry-after": "5"})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        if "origin" in request.headers:
            raise HTTPException(403, "a page in a browser may not ask")
        if not self._door.caller(request, secret_of(request.headers)).may(Scope.READ):
            raise HTTPException(403, "this token may not read: it lacks the scope read")


def secret_of(headers: Any) -> str | None:
    """Give the bearer token of a request; None: it has none."""
    given = headers.get("authorization") or ""
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else None


def application(program: App, bundles: Path | None, token: str | None, host: str, port: int) -> Any:
    """Make the ASGI application."""
    door = Door(program, token)

    def may_submit(ctx: Context) -> bool:
        request = ctx.request_context.request
        if not isinstance(request, Request):
            return False
        try:
            return door.caller(request, secret_of(request.headers)).may(Scope.SUBMIT)
        except (HTTPException, PipetriageError):
            return False

    # The door refuses strange names where there is no token; with one, a name alone opens nothing.
    names = [f"{one}:{port}" for one in ("127.0.0.1", "localhost", "[::1]")] if is_this_machine(host) else []
    security = TransportSecuritySettings(enable_dns_rebinding_protection=bool(names), allowed_hosts=names)
    app = make_server(program, bundles, may_submit).streamable_http_app(
        streamable_http_path=PATH,
        json_response=False,
        stateless_http=True,
        max_request_body_size=256 * 1024,
        transport_security=security,
        host=host,
    )
    return Headed(Often(Guarded(app, door), per_minute=program.settings.serve.per_minute))
