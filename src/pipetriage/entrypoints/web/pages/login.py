"""Logging in with a token, and out."""

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.pages.failing import PageRoute
from pipetriage.entrypoints.web.pages.rendering import HEADERS, page
from pipetriage.entrypoints.web.visitors import COOKIE, LOGIN, SESSION, Door, Visitor, checked_form, refuse_other_site
from pipetriage.model.access import Scope

REFUSED_SECONDS = 1.0
"""How long whoever gives a wrong token waits for the answer. Ours; the service limits how often, too."""

_REFUSED = "This token is unknown, expired or revoked."


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)

    @routes.get(LOGIN)
    def show(request: Request, then: str = "/") -> Response:
        if door.visitor(request) is not None:
            return RedirectResponse(local_address(then), 303, HEADERS)
        return page(request, None, "login.html", {"then": local_address(then), "refused": ""})

    @routes.post(LOGIN)
    async def log_in(
        request: Request, token: Annotated[str, Form(max_length=512)] = "", then: Annotated[str, Form()] = "/"
    ) -> Response:
        refuse_other_site(request)
        begun = await run_in_threadpool(door.log_in, token.strip())
        if begun is None:
            await asyncio.sleep(REFUSED_SECONDS)
            return page(request, None, "login.html", {"then": local_address(then), "refused": _REFUSED}, status=403)
        answer = RedirectResponse(local_address(then), 303, HEADERS)
        answer.set_cookie(
            *(COOKIE, begun[0], int(SESSION.total_seconds())),
            httponly=True,
            # Not "strict": whoever follows a link in a message would have to log in each time. Forms carry a key.
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    @routes.post("/logout")
    def log_out(
        request: Request,
        visitor: Annotated[Visitor, Depends(door.page(Scope.READ))],
        form_key: Annotated[str, Form(max_length=128)] = "",
    ) -> Response:
        checked_form(request, visitor, form_key)
        door.log_out(request, visitor)
        answer = RedirectResponse(LOGIN, 303, HEADERS)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https")
        return answer

    return routes


def local_address(address: str) -> str:
    """Give an address of ours; of any other, the first page's: a link to the login leads nowhere else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours and "\\" not in address and not parts.scheme and not parts.netloc else "/"
