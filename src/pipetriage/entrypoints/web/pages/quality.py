"""``/quality``: how right the verdicts were, by what people found out about them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import Annotated, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from markupsafe import Markup

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.pages import tables
from pipetriage.entrypoints.web.pages.failing import PageRoute
from pipetriage.entrypoints.web.pages.rendering import page
from pipetriage.entrypoints.web.pages.spans import CHOICES, DAYS, Days, first_day
from pipetriage.entrypoints.web.pages.tables import Table
from pipetriage.entrypoints.web.visitors import Door, Visitor
from pipetriage.evaluation.html.charts import confusion_matrix, interval_strip, reliability_diagram
from pipetriage.evaluation.html.page import MEASURES
from pipetriage.evaluation.intervals import Interval, wilson
from pipetriage.evaluation.metrics import Metrics
from pipetriage.evaluation.reviewed import FEW, MOST_OVERRIDDEN, Delay, Overridden, Quality, quality
from pipetriage.model.access import Scope
from pipetriage.model.amounts import of_share
from pipetriage.model.archive import Archive

MOST = 10_000
"""Reviews that are measured, the latest. Ours: as many as are measured in half a second."""
_DELAYS = (
    ("to_verdict", "a run's end to its first verdict; runs first looked at more than a day later left out"),
    ("to_review", "a run's end to the review that counts"),
    ("machine", "the triage itself"),
)


class Measure(NamedTuple):
    """One measure, as the page shows it."""

    name: str
    meaning: str
    value: float | None
    hits: int | None
    """None: it is no share."""
    n: int
    interval: Interval | None
    strip: Markup

    @property
    def few(self) -> bool:
        """Whether it rests on too little to mean anything."""
        return self.n < FEW


class Confused(NamedTuple):
    """How often one category was called another."""

    right: str
    said: str
    times: int


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)
    reading = Annotated[Visitor, Depends(door.page(Scope.READ))]

    def archive() -> Archive:
        return program.kept().archive()

    @routes.get("/quality")
    def show(request: Request, visitor: reading, days: Days = DAYS) -> Response:
        found = measured(archive(), days)
        metrics = found.metrics
        context = {
            "found": found,
            "days": days,
            "choices": CHOICES,
            "incidents": archive().trends(first_day(days)).incidents,
            "most": MOST,
            "most_overridden": MOST_OVERRIDDEN,
            "measures": {one.name: one for one in _measures(found)},
            "delays": [(meaning, getattr(found, name)) for name, meaning in _DELAYS],
            "bins": [(one, wilson(one.correct, one.n)) for one in metrics.reliability],
            "confused": _confused(metrics),
            # Drawn and escaped by us.
            "reliability": Markup(reliability_diagram(metrics.reliability)) if metrics.reliability else "",  # noqa: S704
            "matrix": Markup(confusion_matrix(metrics.confusion)),  # noqa: S704
            "of_share": of_share,
        }
        return page(request, visitor, "quality.html", context, here="quality")

    @routes.get("/quality.csv")
    def csv(visitor: reading, table: str = "measures", days: Days = DAYS) -> Response:
        return tables.as_csv("quality", _tables(measured(archive(), days)), table)

    @routes.get("/quality.json")
    def json(visitor: reading, days: Days = DAYS) -> Response:
        return tables.as_json("quality", measured(archive(), days))

    return routes


def measured(archive: Archive, days: int) -> Quality:
    """Measure what was reviewed in so many days.

    Raises:
        StoreError: the store cannot be read.
    """
    return quality(archive.judgements(datetime.combine(first_day(days), time(), UTC), limit=MOST))


def _measures(found: Quality) -> Iterable[Measure]:
    metrics = found.metrics
    for name, meaning in MEASURES:
        value, interval = getattr(metrics, name), metrics.intervals.get(name)
        count = metrics.counts.get(name)
        hits, n = (count.hits, count.n) if count is not None else (None, metrics.cases)
        yield Measure(name, meaning.replace("label", "review"), value, hits, n, interval, _strip(value, interval))
    overrides = found.overrides
    said = "the review confirms not both, category and retry decision"
    strip = _strip(found.override_rate, found.override_interval)
    yield Measure(
        *("override_rate", said, found.override_rate, overrides.hits, overrides.n, found.override_interval, strip)
    )


def _strip(value: float | None, interval: Interval | None) -> Markup:
    return Markup(interval_strip(value, interval))  # noqa: S704 - drawn by us, of numbers


def _confused(metrics: Metrics) -> list[Confused]:
    found = [
        Confused(right, said, count)
        for right, row in metrics.confusion.items()
        for said, count in row.items()
        if count and right != said
    ]
    return sorted(found, key=lambda one: -one.times)


def _tables(found: Quality) -> Mapping[str, Table]:
    metrics = found.metrics
    return {
        "measures": Table(
            ("measure", "value", "hits", "n", "low", "high", "meaning"),
            [
                (one.name, one.value, one.hits, one.n, *(one.interval or (None, None)), one.meaning)
                for one in _measures(found)
            ],
        ),
        "delays": Table(
            ("seconds_from", "n", "mean", "p50", "p95"),
            [(meaning, *_numbers(getattr(found, name))) for name, meaning in _DELAYS],
        ),
        "calibration": Table(
            ("confidence_from", "confidence_to", "mean_confidence", "n", "right"),
            [(one.low, one.high, one.confidence, one.n, one.correct) for one in metrics.reliability],
        ),
        "categories": Table(
            ("category", "really_so", "called_so", "right", "precision", "recall", "f1"),
            [
                (name, one.support, one.predicted, one.hits, one.precision, one.recall, one.f1)
                for name, one in metrics.per_category.items()
            ],
        ),
        "confusion": Table(
            ("really", "called", "incidents"),
            [(right, said, count) for right, row in metrics.confusion.items() for said, count in row.items() if count],
        ),
        "overridden": Table(
            Overridden.__struct_fields__, [list(msgspec.to_builtins(one).values()) for one in found.overridden]
        ),
    }


def _numbers(one: Delay) -> tuple[object, ...]:
    return one.n, one.mean, one.p50, one.p95
