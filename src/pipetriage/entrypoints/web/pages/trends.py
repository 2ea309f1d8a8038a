"""``/trends``: what happened over time, what comes again and again, whose it is, and how long it all takes."""

from datetime import date
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from markupsafe import Markup

from pipetriage.bootstrap import App
from pipetriage.bootstrap.targets import now
from pipetriage.drawing import stacked_bars
from pipetriage.drawing.categories import CATEGORY_NAMES
from pipetriage.drawing.text import many
from pipetriage.entrypoints.web.pages import tables
from pipetriage.entrypoints.web.pages.failing import PageRoute
from pipetriage.entrypoints.web.pages.rendering import page
from pipetriage.entrypoints.web.pages.spans import CHOICES, DAYS, Bucket, Days, buckets, first_day, unit
from pipetriage.entrypoints.web.pages.tables import Table
from pipetriage.entrypoints.web.visitors import Door, Visitor
from pipetriage.model.access import Scope
from pipetriage.model.archive import Count, Similar, Trends
from pipetriage.model.categories import Category
from pipetriage.verdict.recommend import QUEUES


class Line(NamedTuple):
    """A day, week or month, and how many incidents of each category it has."""

    bucket: Bucket
    counts: list[int]
    """In the order of ``Category``."""

    @property
    def total(self) -> int:
        """Of all categories."""
        return sum(self.counts)


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)
    reading = Annotated[Visitor, Depends(door.page(Scope.READ))]

    def read(days: int) -> Trends:
        return program.kept().archive().trends(first_day(days))

    @routes.get("/trends")
    def show(request: Request, visitor: reading, days: Days = DAYS) -> Response:
        found = read(days)
        lines = _lines(found, now().date())
        context = {
            "found": found,
            "days": days,
            "choices": CHOICES,
            "unit": unit(days),
            "lines": lines,
            "totals": _totals(found),
            "chart": Markup(_chart(found, lines, unit(days))),  # noqa: S704 - drawn and escaped by us
            "swatches": [Markup(stacked_bars.swatch(number)) for number in range(len(Category))],  # noqa: S704 - the same
            "names": [CATEGORY_NAMES[one] for one in Category],
            "whose": {count.key: _whose(count, found.since) for count in found.owners},
        }
        return page(request, visitor, "trends.html", context, here="trends")

    @routes.get("/trends.csv")
    def csv(visitor: reading, table: str = "categories", days: Days = DAYS) -> Response:
        return tables.as_csv("trends", _tables(read(days)), table)

    @routes.get("/trends.json")
    def json(visitor: reading, days: Days = DAYS) -> Response:
        return tables.as_json("trends", read(days))

    return routes


def _lines(found: Trends, today: date) -> list[Line]:
    """Count by day, week or month; a day of tomorrow, by a clock that is ahead, counts as today."""
    order = {category.value: number for number, category in enumerate(Category)}
    spans = buckets(found.since, max(today, found.since))
    lines = [Line(bucket, [0] * len(order)) for bucket in spans]
    for day in found.days:
        line = next((one for one in lines if day.day <= one.bucket.last), lines[-1])
        for count in day.counts:
            line.counts[order.get(count.key, order[Category.UNKNOWN])] += count.incidents
    return lines


def _totals(found: Trends) -> dict[str, Count]:
    """Count each category over all days."""
    totals = {category.value: Count(key=category.value, incidents=0, unsafe=0) for category in Category}
    for one in (count for day in found.days for count in day.counts):
        before = totals.get(one.key, Count(key=one.key, incidents=0, unsafe=0))
        totals[one.key] = Count(
            key=one.key, incidents=before.incidents + one.incidents, unsafe=before.unsafe + one.unsafe
        )
    return totals


def _chart(found: Trends, lines: list[Line], each: str) -> str:
    bars = [stacked_bars.Bar(line.bucket.label, line.bucket.said, line.counts) for line in lines]
    most = max(lines, key=lambda line: line.total, default=None)
    said = f"{many(found.incidents, 'incident')} since {found.since:%Y-%m-%d}"
    if most is not None and most.total:
        said += (
            f"; the {each} with most of them: {most.bucket.said}, {most.total:,}. All figures are in the table below"
        )
    names = [CATEGORY_NAMES[one] for one in Category]
    return stacked_bars.svg(f"Incidents each {each}, by category", said, names, bars)


def _whose(count: Count, since: date) -> str:
    """Give the address of an owner's incidents; where none is named, of the queue's."""
    name = "queue" if count.key in QUEUES else "owner"
    return "/?" + urlencode({name: count.key, "standing": "ALL", "since": f"{since:%Y-%m-%d}"})


def _tables(found: Trends) -> dict[str, Table]:
    return {
        "categories": Table(
            ("day", "category", "incidents", "not_safe_to_retry"),
            [
                (f"{one.day:%Y-%m-%d}", count.key, count.incidents, count.unsafe)
                for one in found.days
                for count in one.counts
            ],
        ),
        "recurring": Table(
            (
                *("fingerprint", "incidents", "pipeline", "category", "failure_mode", "likely_root_cause", "last_seen"),
                *("latest_incident", "reviewed_by", "review", "done"),
            ),
            [_recurring(one) for one in found.recurring],
        ),
        "pipelines": _counted("pipeline", found.pipelines),
        "owners": _counted("owner", found.owners),
    }


def _counted(name: str, counts: list[Count]) -> Table:
    return Table((name, "incidents", "not_safe_to_retry"), [(one.key, one.incidents, one.unsafe) for one in counts])


def _recurring(one: Similar) -> tuple[object, ...]:
    heading, review = one.heading, one.review
    return (
        *(heading.fingerprint, one.count, heading.pipeline_name, heading.failure_category.value),
        *(heading.failure_mode.value, heading.likely_root_cause, heading.last_seen.isoformat(), heading.incident_id),
        *((review.by, review.note, review.done) if review is not None else ("", "", "")),
    )
