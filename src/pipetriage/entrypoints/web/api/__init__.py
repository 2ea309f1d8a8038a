"""The API, ``/api/v1``: submit runs and bundles, list and read incidents, review them, and the measures."""

from fastapi import FastAPI

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.api import incidents, measures, reviews, submissions
from pipetriage.entrypoints.web.visitors import Door

_ROUTERS = (submissions, incidents, reviews, measures)


def install(app: FastAPI, program: App, door: Door) -> None:
    """Add the API to the service."""
    for one in _ROUTERS:
        app.include_router(one.router(program, door))
