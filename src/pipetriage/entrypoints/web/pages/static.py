"""The pages' own files, under an address that changes with what is in them, so that browsers may keep them."""

import hashlib
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Response

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.visitors import Door

_KINDS = {
    "pipetriage.css": "text/css",
    "charts.css": "text/css",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""All of them: nothing else of the folder is given out."""
_KEPT = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


@cache
def contents() -> dict[str, bytes]:
    """Give each file's bytes by its name."""
    folder = files(__package__) / "static"
    return {name: (folder / name).read_bytes() for name in _KINDS}


@cache
def version() -> str:
    """Give the part of the address that stands for what is in the files."""
    found = hashlib.sha256()
    for name, data in contents().items():
        found.update(name.encode() + b"\0" + data)
    return found.hexdigest()[:12]


def asset(name: str) -> str:
    """Give a file's address.

    Raises:
        KeyError: there is no such file.
    """
    if name not in _KINDS:
        raise KeyError(name)
    return f"/static/{version()}/{name}"


def router(program: App, door: Door) -> APIRouter:
    """Make the route. Whoever reaches the login page may have them: nothing in them is secret."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/{of}/{name}")
    def give(of: str, name: str) -> Response:
        if of != version() or name not in _KINDS:
            raise HTTPException(404, "there is no such file")
        return Response(contents()[name], media_type=_KINDS[name], headers=_KEPT)

    return routes
