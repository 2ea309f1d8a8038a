"""``/``: the incidents, what is open first, and the same filtered as CSV and JSON."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.pages import export
from pipetriage.entrypoints.web.pages.failing import PageRoute
from pipetriage.entrypoints.web.pages.filters import EVERY, Filter, filter_of
from pipetriage.entrypoints.web.pages.rendering import HEADERS, page
from pipetriage.entrypoints.web.visitors import Door, Visitor
from pipetriage.model.access import Scope
from pipetriage.model.archive import Archive, Heading, Page, Standing
from pipetriage.model.categories import Category

PAGE = 50
"""Incidents on one page."""
_LATELY = 20
"""Of those that are not open, as many are shown below the open ones."""
_NAMES = 300
"""Pipelines and owners that the form offers; any may be typed."""

_Cursor = Annotated[str, Query(max_length=500)]


class Group(NamedTuple):
    """Incidents under one heading."""

    key: str
    title: str
    headings: Sequence[Heading]
    following: str | None
    """The address of the next page."""
    counted: bool
    """Whether these are all there are."""

    @property
    def unsafe(self) -> int:
        """How many of those shown are not safe to retry."""
        return sum(not one.safe_to_retry for one in self.headings)


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)
    reading = Annotated[Visitor, Depends(door.page(Scope.READ))]
    filtered = Annotated[Filter, Depends(filter_of)]

    @routes.get("/")
    def show(request: Request, visitor: reading, asked: filtered, cursor: _Cursor = "") -> Response:
        archive = program.kept().archive()
        # Asked for first: what comes in between is then seen to be new.
        mark = archive.changed()
        pipelines, owners = archive.names()
        context = {
            "groups": _groups(archive, asked, cursor),
            "asked": asked,
            "paged": bool(cursor),
            "categories": tuple(Category),
            "standings": tuple(Standing),
            "every": EVERY,
            "pipelines": pipelines[:_NAMES],
            "owners": owners[:_NAMES],
            "most": export.MOST,
        }
        return page(request, visitor, "incidents.html", context, here="incidents", live_mark=mark)

    @routes.get("/incidents")
    def moved() -> Response:
        return Response(status_code=308, headers={"location": "/"})

    @routes.get("/incidents.csv")
    def as_csv(visitor: reading, asked: filtered) -> Response:
        return _download(export.csv_lines(program.kept().archive(), asked.wanted()), "text/csv; charset=utf-8", "csv")

    @routes.get("/incidents.json")
    def as_json(visitor: reading, asked: filtered) -> Response:
        return _download(export.json_parts(program.kept().archive(), asked.wanted()), "application/json", "json")

    return routes


def _groups(archive: Archive, asked: Filter, cursor: str) -> list[Group]:
    wanted = asked.wanted()
    if asked.standing:
        title = "All incidents, newest first" if asked.standing == EVERY else f"{asked.standing.capitalize()} incidents"
        return [_group("list", title, archive.page(wanted, limit=PAGE, cursor=cursor or None), asked, cursor)]
    still = archive.page(msgspec.structs.replace(wanted, standing=Standing.OPEN), limit=PAGE, cursor=cursor or None)
    groups = [_group("open", "Open", still, asked, cursor)]
    if not cursor:
        lately = archive.page(wanted, limit=PAGE)
        past = [one for one in lately.headings if one.standing is not Standing.OPEN][:_LATELY]
        if past:
            every = asked._replace(standing=EVERY).address("/")
            groups.append(Group("past", "Lately superseded or settled", past, every, counted=False))
    return groups


def _group(key: str, title: str, found: Page, asked: Filter, cursor: str) -> Group:
    following = asked.address("/", cursor=found.following) if found.following else None
    return Group(key, title, found.headings, following, counted=not cursor and following is None)


def _download(parts: export.Parts, kind: str, ending: str) -> Response:
    named = {"content-disposition": f'attachment; filename="incidents.{ending}"'}
    return StreamingResponse(parts, media_type=kind, headers={**HEADERS, **named})
