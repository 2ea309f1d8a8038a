"""A success of a batch that readers were warned of is triaged in full; any other is only looked at."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from pipetriage.model.incident import Incident
from pipetriage.model.success import Look
from pipetriage.watching.desk import Desk, Word
from pipetriage.watching.notices import RunEnded
from tests.stores.conftest import MORNING, MakeIncident, make_incident

__all__ = ["make_incident"]


class Program:
    """What the desk asks; it notes what was done."""

    def __init__(self, followed: Incident | None) -> None:
        self.followed = followed
        self.done: list[str] = []

    def account(self) -> str:
        return "111122223333"

    def region(self) -> str:
        return "eu-west-1"

    def is_watched(self, job: str) -> bool:
        return True

    def is_declared(self, job: str) -> bool:
        return job != "undeclared"

    def kept(self, incident_id: str) -> Incident | None:
        return None

    def ended(self, job: str, run_id: str, region: str) -> tuple[str, datetime | None]:
        return "SUCCEEDED", MORNING

    def triage(self, job: str, run_id: str, region: str) -> Incident:
        raise AssertionError("nothing is suspicious")

    def follow_up(self, job: str, run_id: str, region: str) -> Incident | None:
        self.done.append("follow_up")
        return self.followed

    def look(self, job: str, run_id: str, region: str) -> Look:
        self.done.append("look")
        return Look(suspicions=[], gaps=[])

    def run_of_execution(self, arn: str, cause: str | None, region: str) -> tuple[str, str] | None:
        return None


def ended(job: str = "orders_daily", **changes: Any) -> RunEnded:
    fields: dict[str, Any] = {
        "job": job,
        "run_id": "jr_2",
        "state": "SUCCEEDED",
        "account": "111122223333",
        "region": "eu-west-1",
        "ended_at": MORNING,
    }
    return RunEnded(**fields | changes)


def test_a_success_of_an_open_batch_is_triaged_in_full(make_incident: MakeIncident) -> None:
    program = Program(make_incident("jr_2", status="SUCCEEDED", attempt=2))
    outcome = Desk(program, 120.0, lambda: MORNING + timedelta(hours=1)).handle(ended())
    assert (outcome.word, outcome.incident_id) == (Word.TRIAGED, "inc_jr_2")
    assert program.done == ["follow_up"]


@pytest.mark.parametrize(
    ("notice", "done", "word"),
    [
        (ended(), ["follow_up", "look"], Word.QUIET),
        (ended("undeclared"), [], Word.IGNORED),
        (ended(ended_at=MORNING + timedelta(minutes=59)), [], Word.LATER),
    ],
)
def test_any_other_success_is_looked_at_as_before(notice: RunEnded, done: list[str], word: Word) -> None:
    program = Program(None)
    outcome = Desk(program, 120.0, lambda: MORNING + timedelta(hours=1)).handle(notice)
    assert (program.done, outcome.word) == (done, word)
