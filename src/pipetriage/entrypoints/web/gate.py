"""``POST /gate`` and ``POST /gate/read``: a scheduler is answered, always with 200 where it asked in the right form."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web.api.documents import json_answer
from pipetriage.entrypoints.web.operations import Counted
from pipetriage.entrypoints.web.visitors import Door
from pipetriage.model.access import Scope
from pipetriage.model.gate import GateAnswer, ReadAnswer

READ_SECONDS = 20.0
"""In what time a reader has its answer. Ours: the store is asked, nothing else."""


class GateQuestion(BaseModel):
    """May this run be retried now?"""

    model_config = ConfigDict(extra="forbid")
    target: Annotated[str, Field(min_length=1, max_length=2048)]
    asker: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Who asks; the same asker gets the same yes again. Without one each question is a new one."""
    can_wait: bool = False
    """Whether the asker can put a retry off: a yes may then come with ``retry_after_seconds``."""
    looks: bool = False
    """Whether the asker only looks: no new yes is given, only one that it has been given before."""
    within_seconds: Annotated[float, Field(gt=0, le=900)] | None = None


class ReadQuestion(BaseModel):
    """May this table be read now?"""

    model_config = ConfigDict(extra="forbid")
    table: Annotated[str, Field(min_length=1, max_length=1024)]


def router(program: App, door: Door, counted: Counted) -> APIRouter:
    """Make the routes. What is wrong on our side is a no with its reason, never an error."""
    routes = APIRouter(tags=["gate"])

    @routes.post("/gate", dependencies=[Depends(door.api(Scope.SUBMIT))], response_class=Response)
    def gate(question: GateQuestion) -> Response:
        """Answer whether a run may be retried now: always with 200, a no included."""
        answer = _asked(question)
        counted.gate.labels("retry", answer.rule, str(answer.allowed).lower()).inc()
        return json_answer(_gate_document(answer))

    def _asked(question: GateQuestion) -> GateAnswer:
        if not program.is_run(question.target):
            why = "the target is no run: name it as glue:JOB/RUN, a run id, its page's address, or local:PIPELINE/RUN"
            return _refused(why)
        seconds = question.within_seconds or program.settings.gate.within_seconds
        asker = question.asker or "HTTP"
        repeats = question.asker is not None
        return program.gatekeeper.ask_within(
            question.target,
            seconds,
            asker,
            repeats=repeats,
            can_wait=question.can_wait,
            looks=question.looks,
        )

    @routes.post("/gate/read", dependencies=[Depends(door.api(Scope.READ))], response_class=Response)
    def read(question: ReadQuestion) -> Response:
        """Answer whether part of a failed batch may be visible in a table: always with 200, a no included."""
        answer = program.gatekeeper.read_within(question.table, READ_SECONDS)
        counted.gate.labels("read", answer.rule, str(answer.allowed).lower()).inc()
        return json_answer(_read_document(answer))

    return routes


def _refused(why: str) -> GateAnswer:
    return GateAnswer(allowed=False, rule="CANNOT_ANSWER", reason=why, retry_after_seconds=None, incident=None)


def _gate_document(answer: GateAnswer) -> dict[str, Any]:
    incident = answer.incident
    return {
        "allowed": answer.allowed,
        "rule": answer.rule,
        "reason": answer.reason,
        "retry_after_seconds": answer.retry_after_seconds,
        "incident_id": incident.incident_id if incident is not None else None,
        "incident": incident,
    }


def _read_document(answer: ReadAnswer) -> dict[str, Any]:
    return {
        "table": answer.table,
        "allowed": answer.allowed,
        "rule": answer.rule,
        "reason": answer.reason,
        "incidents": answer.incidents,
    }
