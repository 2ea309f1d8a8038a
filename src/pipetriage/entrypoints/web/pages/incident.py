"""``/incidents/ID``: one incident, the verdict first; its review, and a look at what changed since."""

from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from pipetriage.bootstrap import App
from pipetriage.bootstrap.targets import now
from pipetriage.drawing import blast_radius, partition_grid, timeline
from pipetriage.entrypoints.render import why
from pipetriage.entrypoints.web.pages import reviewing
from pipetriage.entrypoints.web.pages.failing import PageRoute
from pipetriage.entrypoints.web.pages.looking import Looks
from pipetriage.entrypoints.web.pages.marking import marked, words_of
from pipetriage.entrypoints.web.pages.rendering import HEADERS, page
from pipetriage.entrypoints.web.pages.reviewing import Answer, answer_of
from pipetriage.entrypoints.web.visitors import Door, Visitor, checked_form
from pipetriage.errors import StoreError, UsageError
from pipetriage.model.access import Scope
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident, to_json
from pipetriage.model.review import confirms
from pipetriage.model.write_state import ExposureStatus
from pipetriage.stores.interface import IncidentStore

_DELIVERIES = 20
_SIMILAR = 5


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)
    reading = Annotated[Visitor, Depends(door.page(Scope.READ))]
    looks = Looks(program.look_again, now)

    @routes.get("/incidents/{reference}.json")
    def document(visitor: reading, reference: str) -> Response:
        data = to_json(program.kept().get(reference), indent=2)
        return Response(data, media_type="application/json", headers=HEADERS)

    @routes.get("/incidents/{reference}/changes")
    def changed(request: Request, visitor: reading, reference: str) -> Response:
        incident = program.kept().get(reference)
        context = {
            "incident": incident,
            "look": looks.look(incident),
            "may_look": _may_look(program, visitor, incident),
        }
        return page(request, visitor, "changes.html", context, here="incidents")

    @routes.get("/incidents/{reference}")
    def show(request: Request, visitor: reading, reference: str, kept: str = "") -> Response:
        store = program.kept()
        mark = _mark(store)
        incident = store.get(reference)
        if reference != incident.incident_id:
            return RedirectResponse(f"/incidents/{incident.incident_id}", 303, HEADERS)
        told = "Your review is kept. The verdict stays as it was; your review stands beside it." if kept else ""
        context = _context(program, visitor, incident, reviewing.blank(incident))
        return page(
            request, visitor, "incident.html", {**context, "kept": told, "wrong": ""}, here="incidents", live_mark=mark
        )

    @routes.post("/incidents/{reference}/review")
    def review(
        request: Request,
        visitor: Annotated[Visitor, Depends(door.page(Scope.REVIEW))],
        reference: str,
        given: Annotated[Answer, Depends(answer_of)],
        form_key: Annotated[str, Form(max_length=128)] = "",
    ) -> Response:
        checked_form(request, visitor, form_key)
        store = program.kept()
        incident = store.get(reference)
        if wrong := reviewing.problem(given, incident):
            context = _context(program, visitor, incident, given._replace(judged=reviewing.version_of(incident)))
            shown = {**context, "kept": "", "wrong": wrong}
            return page(request, visitor, "incident.html", shown, here="incidents", status=422)
        store.add_review(incident.incident_id, reviewing.review_of(given, visitor.who, now()))
        return RedirectResponse(f"/incidents/{incident.incident_id}?kept=1#review", 303, HEADERS)

    @routes.post("/incidents/{reference}/again")
    def again(
        request: Request,
        visitor: Annotated[Visitor, Depends(door.page(Scope.SUBMIT))],
        reference: str,
        form_key: Annotated[str, Form(max_length=128)] = "",
    ) -> Response:
        checked_form(request, visitor, form_key)
        incident = program.kept().get(reference)
        target = program.target_of(incident)
        if target is None:
            raise UsageError("this run cannot be looked at again: its evidence came as a bundle")
        fresh = program.triage_and_keep(program.collector(target))
        looks.forget(incident.incident_id)
        door.record(visitor.who, "submit", fresh.incident_id)
        return RedirectResponse(f"/incidents/{fresh.incident_id}", 303, HEADERS)

    return routes


def _mark(store: IncidentStore) -> str | None:
    """Give the mark that live updates are measured by; None where the store has none."""
    try:
        return store.archive().changed()
    except StoreError:
        return None


def _may_look(program: App, visitor: Visitor, incident: Incident) -> bool:
    return visitor.may(Scope.SUBMIT) and program.target_of(incident) is not None


def _context(program: App, visitor: Visitor, incident: Incident, answer: Answer) -> dict[str, Any]:
    store = program.kept()
    reviews = store.reviews(incident.incident_id)
    places = {one.id: f"e-{number}" for number, one in enumerate(incident.evidence, start=1)}
    words = words_of(incident)
    deliveries = store.deliveries()
    return {
        "incident": incident,
        "why": why(incident),
        "confirms": lambda one: confirms(one, incident.failure_category, safe=incident.safe_to_retry),
        "reviews": reviews,
        "history": store.history(incident.incident_id),
        "attempts": [one for one in store.incidents_of_batch(incident.batch_key) if one != incident],
        "similar": _similar(store, incident),
        "told": deliveries.log(topic=incident.batch_key, limit=_DELIVERIES),
        "taken": deliveries.acknowledged(incident.batch_key),
        "places": places,
        "excerpts": {one.id: marked(one.excerpt, words) for one in incident.evidence if one.excerpt},
        "deciding": next((one.evidence for one in incident.findings if one.failure_mode is incident.failure_mode), []),
        "rules": _rules(incident),
        "timeline": Markup(timeline.svg(incident, reviews)),  # noqa: S704 - drawn by us, its texts are escaped there
        "grids": [Markup(partition_grid.svg(one)) for one in incident.write_state],  # noqa: S704 - the same
        "graph": Markup(blast_radius.svg(incident, styled=False)),  # noqa: S704 - the same
        "exposed": [one for one in incident.exposure if one.status is not ExposureStatus.NOT_EXPOSED],
        "calm": [one for one in incident.exposure if one.status is ExposureStatus.NOT_EXPOSED],
        "looks_again": program.target_of(incident) is not None,
        "may_look": _may_look(program, visitor, incident),
        "may_review": visitor.may(Scope.REVIEW),
        "answer": answer,
        "categories": tuple(Category),
        "note_length": reviewing.NOTE_LENGTH,
        "notes": _notes(incident),
    }


def _rules(incident: Incident) -> list[tuple[str, str, Sequence[Any]]]:
    """Give both lists of rules, those that are broken first."""
    lists = (
        ("rerun", "Would a rerun give the right tables?", incident.rerun.reasons),
        ("retry", "May a machine retry it without asking anyone?", incident.retry_reasons),
    )
    return [(key, title, sorted(reasons, key=lambda one: one.holds)) for key, title, reasons in lists if reasons]


def _similar(store: IncidentStore, incident: Incident) -> Sequence[Any] | None:
    """Give what happened before that is like it; None where the store cannot say."""
    try:
        return store.archive().similar(incident.incident_id, limit=_SIMILAR)
    except StoreError:
        return None


def _notes(incident: Incident) -> list[str]:
    """Give what a model said, a sentence each, as it is kept."""
    opinion = incident.model_opinion
    failures = (f"{one.model or 'models'}: {one.fault.value}, {one.why}" for one in opinion.failures) if opinion else ()
    return list(chain(incident.model_notes, failures))
