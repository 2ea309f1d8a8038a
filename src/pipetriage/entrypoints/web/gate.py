"""``POST /gate`` and ``POST /gate/read``: a scheduler is answered, always with 200 where it asked in the right form."""

import hmac
import ipaddress
import os
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter, Depends, Header, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from pipetriage.bootstrap import App
from pipetriage.model.gate import GateAnswer, ReadAnswer

READ_SECONDS = 20.0
"""In what time a reader has its answer. Ours: the store is asked, nothing else."""

_TARGETS = ("glue:", "jr_", "https://", "local:")
"""What may be asked about: runs. A path would be one of this machine's folders."""


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


def router(program: App, token: str | None) -> APIRouter:
    """Make the routes. What is wrong on our side is a no with its reason, never an error."""
    routes = APIRouter(dependencies=[Depends(bearer(token))])

    @routes.post("/gate")
    def gate(question: GateQuestion) -> Response:
        """Answer whether a run may be retried now."""
        if not question.target.startswith(_TARGETS) or os.path.lexists(question.target):
            why = "the target is no run: name it as glue:JOB/RUN, a run id, its page's address, or local:PIPELINE/RUN"
            return _json(_gate_document(_refused(why)))
        seconds = question.within_seconds or program.settings.gate.within_seconds
        asker = question.asker or "HTTP"
        repeats = question.asker is not None
        return _json(
            _gate_document(
                program.gatekeeper.ask_within(
                    question.target,
                    seconds,
                    asker,
                    repeats=repeats,
                    can_wait=question.can_wait,
                    looks=question.looks,
                )
            )
        )

    @routes.post("/gate/read")
    def read(question: ReadQuestion) -> Response:
        """Answer whether part of a failed batch may be visible in a table."""
        return _json(_read_document(program.gatekeeper.read_within(question.table, READ_SECONDS)))

    return routes


def is_this_machine(address: str) -> bool:
    """Whether only this machine can reach an address; a name other than ``localhost`` may lead anywhere."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def bearer(token: str | None) -> Callable[..., None]:
    """Give the check of who asks."""

    def check(
        authorization: Annotated[str | None, Header()] = None, host: Annotated[str | None, Header()] = None
    ) -> None:
        if token is None:
            # A page in somebody's browser reaches this machine as well, by a name of its own that leads there.
            if not is_this_machine(urlsplit(f"//{host}").hostname or ""):
                raise HTTPException(421, "without a token, only questions to localhost are answered")
            return
        given = (authorization or "").removeprefix("Bearer ").encode("utf-8", "replace")
        if not hmac.compare_digest(given, token.encode()):
            raise HTTPException(401, "give the token as Authorization: Bearer", {"www-authenticate": "Bearer"})

    return check


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


def _json(document: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
