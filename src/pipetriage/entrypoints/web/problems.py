"""What is wrong with a request, or with us, as ``application/problem+json`` (RFC 9457)."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipetriage.errors import PipetriageError, StoreError, TargetError, UsageError

_STATUS: dict[type[PipetriageError], int] = {TargetError: 404, UsageError: 422, StoreError: 503}
_TITLES = {"Not Found": "there is nothing here", "Method Not Allowed": "this address does not take that method"}
"""In place of the framework's own words, where no part of ours has said anything."""


def problem(status: int, title: str, *, headers: Any = None, **more: object) -> JSONResponse:
    """Make the answer."""
    document = {"status": status, "title": title, **more}
    return JSONResponse(document, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Have the service answer with problems."""

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        # Where and what, without what was sent.
        wrong = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()[:10]]
        return problem(422, "the request is malformed", wrong=wrong)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        plain = str(error.detail)
        return problem(error.status_code, _TITLES.get(plain, plain), headers=error.headers)

    @app.exception_handler(PipetriageError)
    async def ours(request: Request, error: PipetriageError) -> JSONResponse:
        status = next((of for kind, of in _STATUS.items() if isinstance(error, kind)), 500)
        return problem(status, str(error), headers={"retry-after": "5"} if status == 503 else None)
