"""For whoever runs the service: is it there, is it ready, what does it do."""

import threading
import time
from collections.abc import MutableMapping
from typing import Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.bounds import AsgiApp, Receive, Scope, Send
from pipetriage.entrypoints.web.problems import problem
from pipetriage.entrypoints.web.visitors import Door
from pipetriage.errors import PipetriageError
from pipetriage.model import access

READY_SECONDS = 2.0
"""In what time the store has to answer. Ours: half of what probes usually allow."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 90.0)
_UNROUTED = "none"


class Counted:
    """What the service counts: requests by route, gate answers by rule."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pipetriage_http_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "pipetriage_http_request_seconds", "Seconds to answer.", ["route"], buckets=_BUCKETS, registry=self.registry
        )
        self.gate = Counter(
            "pipetriage_gate_answers", "Answers of the gate.", ["question", "rule", "allowed"], registry=self.registry
        )


class Counting:
    """Counts every request, by its route's pattern: an address would be a label without bounds."""

    def __init__(self, app: AsgiApp, *, counted: Counted) -> None:
        self._app = app
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", _UNROUTED)
            method = scope["method"] if route != _UNROUTED else _UNROUTED
            self._counted.requests.labels(route, method, str(status)).inc()
            self._counted.seconds.labels(route).observe(time.perf_counter() - began)


def router(program: App, door: Door, counted: Counted) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/healthz")
    def healthz() -> dict[str, str]:
        """Say that the process is there; nothing is asked of anyone."""
        return {"status": "ok"}

    @routes.get("/readyz", responses={503: {"description": "not ready: the store does not answer"}})
    def readyz() -> Response:
        """Say whether the store answers."""
        trouble = _store_trouble(program)
        if trouble is not None:
            return problem(503, trouble, headers={"retry-after": "5"})
        return Response(b'{"status": "ready"}', media_type="application/json")

    @routes.get("/metrics", dependencies=[Depends(door.api(access.Scope.READ))], response_class=Response)
    def metrics() -> Response:
        """Give what is counted, for Prometheus."""
        return Response(generate_latest(counted.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _store_trouble(program: App) -> str | None:
    """Say why the store does not answer; None: it does. It may hang: whoever asks is answered all the same."""
    found: list[str | None] = []

    def ask() -> None:
        try:
            program.kept().list(limit=1)
            found.append(None)
        except PipetriageError as error:
            found.append(str(error))

    thread = threading.Thread(target=ask, name="ready", daemon=True)
    thread.start()
    thread.join(READY_SECONDS)
    return found[0] if found else f"the store does not answer within {READY_SECONDS:g} s"
