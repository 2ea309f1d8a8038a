"""What goes wrong, as a page: who has to log in is sent there, everything else is said in words."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as StarletteHTTPException

from pipetriage.entrypoints.web.pages.rendering import HEADERS, page
from pipetriage.entrypoints.web.visitors import LOGIN
from pipetriage.errors import PipetriageError, StoreError, TargetError, UsageError

_SAID = {
    403: "You may not do that",
    404: "There is no such page",
    405: "That cannot be done here",
    413: "That is too long",
    421: "This name is not ours",
    422: "Something in the form or the address is wrong",
    429: "Too often",
    503: "Not now",
}


class PageRoute(APIRoute):
    """A route that answers with a page whatever goes wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler, with what it raises turned into pages."""
        handle = super().get_route_handler()

        async def careful(request: Request) -> Response:
            try:
                return await handle(request)
            except StarletteHTTPException as error:
                return refused(request, error)
            except RequestValidationError as error:
                return failed(request, 422, "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:5]))
            except TargetError as error:
                return failed(request, 404, str(error), title="There is no such incident")
            except UsageError as error:
                return failed(request, 422, str(error))
            except StoreError as error:
                return failed(request, 503, str(error), title="The store does not answer this")
            except PipetriageError as error:
                return failed(request, 500, str(error), title="That did not work")

        return careful


def refused(request: Request, error: StarletteHTTPException) -> Response:
    """Give the page of a refusal; who has to log in is sent there, and comes back."""
    address = (error.headers or {}).get("location")
    if error.status_code == 303 and address is not None:
        if address == LOGIN and request.method == "GET" and request.url.path != "/":
            address = f"{LOGIN}?{urlencode({'then': request.url.path + _query(request)})}"
        return RedirectResponse(address, 303, HEADERS)
    return failed(request, error.status_code, str(error.detail))


def failed(request: Request, status: int, why: str, *, title: str | None = None) -> Response:
    """Give the page that says what went wrong."""
    said = title or _SAID.get(status, "That did not work")
    return page(request, None, "failed.html", {"title": said, "why": why, "status": status}, status=status)


def wants_page(request: Request) -> bool:
    """Whether a browser asks, to show the answer to a person."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""
