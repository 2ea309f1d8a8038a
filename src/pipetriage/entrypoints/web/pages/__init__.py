"""The pages: server-rendered, usable without a script. Each is a file; ``rendering.py`` is how all of them look."""

from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.pages import incident, incidents, live, login, quality, readiness, static, trends
from pipetriage.entrypoints.web.pages.failing import refused, wants_page
from pipetriage.entrypoints.web.visitors import Door

_PAGES = (static, login, live, incidents, incident, trends, quality, readiness)


def install(app: FastAPI, program: App, door: Door) -> None:
    """Add the pages to the service. Call it last: a page that is not there is said to a browser in words."""
    for one in _PAGES:
        app.include_router(one.router(program, door))
    otherwise: Any = app.exception_handlers.get(HTTPException)

    @app.exception_handler(HTTPException)
    async def said(request: Request, error: HTTPException) -> Response:
        answer: Response = refused(request, error) if wants_page(request) else await otherwise(request, error)
        return answer
