"""The service as an ASGI application: its parts, in order. What each answers is in the part's own file."""

from fastapi import FastAPI

from pipetriage import __version__
from pipetriage.bootstrap import App
from pipetriage.entrypoints.web import api, gate, operations, pages, problems, slack
from pipetriage.entrypoints.web.api.documents import describe
from pipetriage.entrypoints.web.bounds import Bounded, Headed, Often
from pipetriage.entrypoints.web.tracing import trace
from pipetriage.entrypoints.web.visitors import Door

_DESCRIPTION = """Is it safe to rerun, and what is already wrong downstream? Nothing here acts on a pipeline, a run or a
table: runs are triaged, incidents read and reviewed, and schedulers answered."""


def service(program: App, token: str | None) -> FastAPI:
    """Make the application. ``token``: the environment's; see ``Door`` for who may ask."""
    app = FastAPI(title="pipetriage", version=__version__, description=_DESCRIPTION, docs_url=None, redoc_url=None)
    door, counted = Door(program, token), operations.Counted()
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's own way to extend the document
    app.include_router(gate.router(program, door, counted))
    app.include_router(slack.router(program))
    app.include_router(operations.router(program, door, counted))
    api.install(app, program, door)
    problems.install(app)
    pages.install(app, program, door)
    # The last one added is the first that a request meets.
    app.add_middleware(Bounded)
    app.add_middleware(operations.Counting, counted=counted)
    app.add_middleware(Often, per_minute=program.settings.serve.per_minute)
    app.add_middleware(Headed)
    trace(app)
    return app
