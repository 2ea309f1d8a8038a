"""``/live``: whether a page that somebody has open is still what it would be now. ``static/live.js`` asks.

Asked every few seconds, and answered by three indexes: a stream to each open page would hold a connection for a whole
night, through proxies that cut it off.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.pages.failing import PageRoute
from pipetriage.entrypoints.web.pages.rendering import HEADERS
from pipetriage.entrypoints.web.visitors import Door, Visitor
from pipetriage.model.access import Scope


def router(program: App, door: Door) -> APIRouter:
    """Make the route."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)

    @routes.get("/live")
    def live(
        visitor: Annotated[Visitor, Depends(door.page(Scope.READ))], mark: Annotated[str, Query(max_length=200)] = ""
    ) -> Response:
        """Say whether anything changed since a page's mark."""
        changed = program.kept().archive().changed() != mark
        return JSONResponse({"changed": changed}, headers=HEADERS)

    return routes
