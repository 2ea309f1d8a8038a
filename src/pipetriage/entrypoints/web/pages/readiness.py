"""``/readiness``: the doctor's table. Which signals each pipeline's runs leave, what each missing one costs, the fix.

Looking takes live calls, so it is done when somebody asks for it, once at a time, and shown until somebody asks again.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from pipetriage.bootstrap import App
from pipetriage.bootstrap.targets import now
from pipetriage.entrypoints.doctor_asking import examine_program
from pipetriage.entrypoints.doctor_text import amount, summary
from pipetriage.entrypoints.web.pages import tables
from pipetriage.entrypoints.web.pages.failing import PageRoute
from pipetriage.entrypoints.web.pages.rendering import HEADERS, page
from pipetriage.entrypoints.web.pages.tables import Table
from pipetriage.entrypoints.web.visitors import Door, Visitor, checked_form
from pipetriage.errors import PipetriageError
from pipetriage.model.access import Scope
from pipetriage.readiness.assess import Readiness, SignalReport
from pipetriage.readiness.names import State
from pipetriage.readiness.rules import RuleReport
from pipetriage.readiness.signals import SIGNALS

RUNS = 5
"""Ended runs of each pipeline that are looked at: as the doctor does."""
WAIT_SECONDS = 20.0
"""How long whoever asks waits for it; after that the page says that it is still being looked at. Ours."""

_TITLES = {one.name: one.title for one in SIGNALS}


class Examination:
    """The latest look at all pipelines, and the one that is going on. Safe for several threads."""

    def __init__(self, look: Callable[[], Readiness]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.since: datetime | None = None
        """Since when somebody looks; None: nobody does."""
        self.found: Readiness | None = None
        """What was found last; None: nothing was looked at yet."""
        self.trouble = ""
        """Why the latest look came to nothing; empty: it did not."""

    def begin(self) -> threading.Event:
        """Begin to look, unless somebody does; give what is set at the end."""
        with self._lock:
            if self.since is None:
                self.since, self._ended = now(), threading.Event()
                threading.Thread(target=self._work, args=(self._ended,), name="readiness", daemon=True).start()
            return self._ended

    def _work(self, ended: threading.Event) -> None:
        try:
            self.found, self.trouble = self._look(), ""
        except PipetriageError as error:
            self.trouble = str(error)
        except Exception as error:  # noqa: BLE001 - a thread's boundary: whoever waits is told what broke
            self.trouble = f"a defect of pipetriage ({type(error).__name__})"
        finally:
            self.since = None
            ended.set()


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)
    reading = Annotated[Visitor, Depends(door.page(Scope.READ))]
    examination = Examination(lambda: examine_program(program, None, RUNS))

    def found() -> Readiness:
        if examination.found is None:
            raise HTTPException(404, "nothing was looked at yet: ask for it on the page Readiness")
        return examination.found

    @routes.get("/readiness")
    def show(request: Request, visitor: reading) -> Response:
        latest = examination.found
        context = {
            "found": latest,
            "since": examination.since,
            "trouble": examination.trouble,
            "summary": summary(latest) if latest is not None else "",
            "titles": _TITLES,
            "amount_seen": amount,
            "gap": State.GAP,
            "seen": State.SEEN,
            "runs": RUNS,
            "pipelines": sorted(program.pipelines),
            "may_look": visitor.may(Scope.SUBMIT),
        }
        return page(request, visitor, "readiness.html", context, here="readiness")

    @routes.post("/readiness")
    def look(
        request: Request,
        visitor: Annotated[Visitor, Depends(door.page(Scope.SUBMIT))],
        form_key: Annotated[str, Form(max_length=128)] = "",
    ) -> Response:
        checked_form(request, visitor, form_key)
        examination.begin().wait(WAIT_SECONDS)
        return RedirectResponse("/readiness", 303, HEADERS)

    @routes.get("/readiness.csv")
    def csv(visitor: reading, table: str = "signals") -> Response:
        return tables.as_csv("readiness", _tables(found()), table)

    @routes.get("/readiness.json")
    def json(visitor: reading) -> Response:
        return tables.as_json("readiness", found())

    return routes


def _tables(found: Readiness) -> Mapping[str, Table]:
    return {
        "signals": Table(
            ("pipeline", "signal", "state", "seen_in", "runs", "needed", "detail", "fix_in", "fix", "costs"),
            [
                (
                    of.name,
                    one.signal.value,
                    one.state.value,
                    one.seen_in,
                    one.runs,
                    one.needed,
                    *_mending(one),
                    one.costs,
                )
                for of in found.pipelines
                for one in of.signals
            ],
        ),
        "rules": Table(
            ("pipeline", "rule", "fails_in", "runs", "detail", "fix_in", "fix"),
            [(of.name, one.rule, one.fails_in, one.runs, *_mending(one)) for of in found.pipelines for one in of.rules],
        ),
        "checks": Table(
            ("check", "ok", "needed", "detail", "fix"),
            [(one.name, one.ok, one.needed, one.detail, one.fix) for one in found.checks],
        ),
    }


def _mending(one: SignalReport | RuleReport) -> tuple[str, str, str]:
    return one.detail, one.fix_in, one.fix
