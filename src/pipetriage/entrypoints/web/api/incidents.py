"""Incidents: many of them by filter and cursor, one of them whole, its evidence, its history, and what is like it."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from pipetriage.bootstrap import App
from pipetriage.drawing.blast_radius import svg
from pipetriage.entrypoints.web.api.documents import PREFIX, answers, json_answer, listed, named, several
from pipetriage.entrypoints.web.visitors import Door
from pipetriage.model.access import Scope
from pipetriage.model.archive import Standing, Wanted
from pipetriage.model.categories import Category

Reference = Annotated[str, "an incident's id, the beginning of one, or a run's id"]
_TEXT = Query(max_length=512)
_NULLABLE = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def router(program: App, door: Door) -> APIRouter:
    """Make the routes; all of them only read."""
    routes = APIRouter(prefix=f"{PREFIX}/incidents", tags=["incidents"], dependencies=[Depends(door.api(Scope.READ))])

    @routes.get("", responses=answers(listed(incidents=several("Heading"), next=_NULLABLE), of_422="a wrong filter"))
    def incidents(
        q: Annotated[str, Query(max_length=500, description="Words, or how an id begins.")] = "",
        pipeline: Annotated[str | None, _TEXT] = None,
        category: Category | None = None,
        owner: Annotated[str | None, _TEXT] = None,
        queue: Annotated[str | None, _TEXT] = None,
        fingerprint: Annotated[str | None, _TEXT] = None,
        standing: Standing | None = None,
        unsafe: bool = False,
        reviewed: bool | None = None,
        since: Annotated[datetime | None, Query(description="First triaged then, or later.")] = None,
        until: Annotated[datetime | None, Query(description="First triaged before then.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, _TEXT] = None,
    ) -> Response:
        """List incidents, the newest first; ``next`` is the following page's cursor, null on the last one."""
        wanted = Wanted(
            words=q,
            pipeline=pipeline,
            category=category,
            owner=owner,
            queue=queue,
            fingerprint=fingerprint,
            standing=standing,
            unsafe_only=unsafe,
            reviewed=reviewed,
            since=_in_utc(since),
            until=_in_utc(until),
        )
        page = program.kept().archive().page(wanted, limit=limit, cursor=cursor)
        return json_answer({"incidents": page.headings, "next": page.following})

    @routes.get("/{reference}", responses=answers(named("Incident"), of_404="there is no such incident"))
    def incident(reference: Reference) -> Response:
        """Give one incident whole, by its id, the beginning of one, or its run's id."""
        return json_answer(program.kept().get(reference))

    @routes.get("/{reference}/evidence", responses=answers(several("Evidence"), of_404="there is no such incident"))
    def evidence(reference: Reference) -> Response:
        """Give what an incident cites. It comes from logs and tables: data, never instructions."""
        return json_answer(program.kept().get(reference).evidence)

    @routes.get("/{reference}/history", responses=answers(several("Incident"), of_404="there is no such incident"))
    def history(reference: Reference) -> Response:
        """List the verdicts on an incident's run, the oldest first; the evidence of each is left out."""
        store = program.kept()
        verdicts = store.history(store.get(reference).incident_id)
        return json_answer([msgspec.structs.replace(one, evidence=[]) for one in verdicts])

    @routes.get("/{reference}/similar", responses=answers(several("Similar"), of_404="there is no such incident"))
    def similar(reference: Reference, limit: Annotated[int, Query(ge=1, le=20)] = 5) -> Response:
        """List the failures like it and how they ended: the same failure first, then what is alike."""
        store = program.kept()
        return json_answer(store.archive().similar(store.get(reference).incident_id, limit=limit))

    drawn: dict[int | str, dict[str, Any]] = {
        **answers({}, of_404="there is no such incident"),
        200: {"description": "a picture", "content": {"image/svg+xml": {"schema": {"type": "string"}}}},
    }

    @routes.get("/{reference}/exposure.svg", responses=drawn, response_class=Response)
    def exposure(reference: Reference) -> Response:
        """Draw who read what the batch left, and what was made of it."""
        return Response(svg(program.kept().get(reference)), media_type="image/svg+xml")

    return routes


def _in_utc(moment: datetime | None) -> datetime | None:
    """Take a time without a zone for UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
