"""Trends, how right the verdicts were, and the audit log."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.api.documents import PREFIX, answers, json_answer, listed, named
from pipetriage.entrypoints.web.visitors import Door
from pipetriage.evaluation.reviewed import quality
from pipetriage.model.access import Scope

Days = Annotated[int, Query(ge=1, le=3660, description="How many days back.")]


def router(program: App, door: Door) -> APIRouter:
    """Make the routes; all of them only read."""
    routes = APIRouter(prefix=PREFIX, tags=["measures"])

    @routes.get("/trends", responses=answers(named("Trends")), dependencies=[Depends(door.api(Scope.READ))])
    def trends(days: Days = 90) -> Response:
        """Say what happened lately: by day and category, pipeline, owner, and what recurs."""
        return json_answer(program.kept().archive().trends(_since(days).date()))

    @routes.get("/metrics", responses=answers(named("Quality")), dependencies=[Depends(door.api(Scope.READ))])
    def metrics(days: Days = 90) -> Response:
        """Say how right the verdicts were that people reviewed lately."""
        return json_answer(quality(program.kept().archive().judgements(_since(days))))

    entry = {"type": "object", "properties": {"number": {"type": "integer"}, "entry": named("Entry")}}

    @routes.get(
        "/audit",
        responses=answers(listed(entries={"type": "array", "items": entry})),
        dependencies=[Depends(door.api(Scope.ADMIN))],
    )
    def audit(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    ) -> Response:
        """List who logged in, reviewed and submitted, the latest first; ``before`` is a line's number."""
        found = door.access.entries(limit=limit, before=before)
        return json_answer({"entries": [{"number": number, "entry": entry} for number, entry in found]})

    return routes


def _since(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
