"""Submitting what is to be triaged: a run by its name, or a bundle as a gzipped tar. Nothing is done to either."""

import hashlib
import tempfile
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from pipetriage.bootstrap import App
from pipetriage.bootstrap.targets import now
from pipetriage.entrypoints.web.api.documents import PREFIX, answers, json_answer, listed, named
from pipetriage.entrypoints.web.unpacking import unpack_bundle
from pipetriage.entrypoints.web.visitors import Door, Visitor
from pipetriage.errors import PipetriageError
from pipetriage.model.access import Scope, Submission
from pipetriage.model.incident import Incident

WAIT_SECONDS = 30.0
"""How long an answer waits for the verdict; after that it says where it will be. Ours."""
GONE = timedelta(minutes=15)
"""After so long a submission without an outcome is begun again: who did it is gone. A triage takes a minute at most."""
_BUSY_SECONDS = 5

_KEY = Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")


class GivenRun(BaseModel):
    """A run to be triaged."""

    model_config = ConfigDict(extra="forbid")
    target: Annotated[str, Field(min_length=1, max_length=2048)]
    """``glue:JOB/RUN``, a run's id, the address of its page, or ``local:PIPELINE/RUN``."""


class Desk:
    """Takes submissions on, so many at a time, each once."""

    def __init__(self, program: App, door: Door) -> None:
        self._program = program
        self._door = door
        at_once = program.settings.serve.at_once
        self._room = threading.BoundedSemaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="submission")

    def take(self, visitor: Visitor, key: str, digest: str, about: str, triage: Callable[[], Incident]) -> Response:
        """Begin a submission, or tell what is known of it.

        Raises:
            HTTPException: it cannot be taken on, or the same key was given to something else.
        """
        if not self._room.acquire(blocking=False):
            raise HTTPException(
                503, "as many runs are being triaged as may: try again", {"retry-after": str(_BUSY_SECONDS)}
            )
        mine = Submission(key=f"{visitor.token_id}:{key}", digest=digest, at=now())
        try:
            known = self._door.access.submit(mine, again_after=now() - GONE)
            if known is None:
                self._door.record(visitor.who, "submit", about)
                future = self._threads.submit(self._work, mine, triage)
        except BaseException:
            self._room.release()
            raise
        if known is not None:
            self._room.release()
            if known.digest != digest:
                raise HTTPException(409, "this Idempotency-Key was given to something else")
            return self.told(known, key)
        return self._awaited(future, mine, key)

    def told(self, known: Submission, key: str) -> Response:
        """Tell what is known of a submission."""
        if known.problem is not None:
            raise HTTPException(422, known.problem)
        if known.incident_id is None:
            return json_answer({"state": "running", "key": key}, status=202, headers={"retry-after": "2"})
        return json_answer(self._program.kept().get(known.incident_id))

    def find(self, visitor: Visitor, key: str) -> Response:
        """Tell what became of a submission of the same visitor."""
        known = self._door.access.submission(f"{visitor.token_id}:{key}")
        if known is None:
            raise HTTPException(404, "nothing was submitted under this key with this token")
        return self.told(known, key)

    def _awaited(self, future: "Future[Submission]", mine: Submission, key: str) -> Response:
        try:
            ended = future.result(WAIT_SECONDS)
        except NotYet:
            return self.told(mine, key)
        if ended.incident_id is None:
            return self.told(ended, key)
        return json_answer(
            self._program.kept().get(ended.incident_id),
            status=201,
            headers={"location": f"/api/v1/incidents/{ended.incident_id}"},
        )

    def _work(self, mine: Submission, triage: Callable[[], Incident]) -> Submission:
        try:
            ended = msgspec.structs.replace(mine, incident_id=triage().incident_id)
        except PipetriageError as error:
            ended = msgspec.structs.replace(mine, problem=str(error))
        except Exception as error:  # noqa: BLE001 - whoever asks again has to learn that it ended
            ended = msgspec.structs.replace(mine, problem=f"a defect of pipetriage ({type(error).__name__})")
        finally:
            self._room.release()
        self._door.access.settle(ended)
        return ended


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes, desk = APIRouter(prefix=PREFIX, tags=["triage"]), Desk(program, door)
    submitter = Annotated[Visitor, Depends(door.api(Scope.SUBMIT))]
    given = answers(
        named("Incident"), status=201, of_409="the key was given to something else", of_422="it cannot be triaged"
    )
    running: dict[int | str, dict[str, Any]] = {
        202: {"description": "it is being triaged", "content": {"application/json": {"schema": listed()}}}
    }
    again: dict[int | str, dict[str, Any]] = {
        200: {"description": "it was triaged before", "content": given[201]["content"]}
    }

    @routes.post("/triages", status_code=201, responses={**given, **running, **again})
    def run(
        asked: GivenRun,
        visitor: submitter,
        idempotency_key: Annotated[str | None, _KEY] = None,
    ) -> Response:
        """Have a run triaged, and its incident stored and told."""
        if not program.is_run(asked.target):
            raise HTTPException(422, "the target is no run: name it as glue:JOB/RUN, a run id, or local:PIPELINE/RUN")
        digest = _digest(b"run", asked.target.encode("utf-8", "replace"))
        key = idempotency_key or uuid.uuid4().hex
        return desk.take(visitor, key, digest, asked.target, lambda: program.triage_kept(asked.target))

    packed: dict[str, Any] = {
        "requestBody": {
            "required": True,
            "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
        }
    }

    @routes.post("/bundles", status_code=201, responses={**given, **running, **again}, openapi_extra=packed)
    async def bundle(
        request: Request,
        visitor: submitter,
        idempotency_key: Annotated[str | None, _KEY] = None,
    ) -> Response:
        """Have a bundle triaged (``tar czf - -C BUNDLE .``), and its incident stored."""
        body = await request.body()
        key, digest = idempotency_key or uuid.uuid4().hex, _digest(b"bundle", body)
        return await run_in_threadpool(desk.take, visitor, key, digest, "a bundle", lambda: _of_bundle(program, body))

    @routes.get(
        "/triages/{key}",
        responses={**given, **running, **again, **answers(named("Incident"), of_404="nothing was submitted")},
    )
    def outcome(key: str, visitor: submitter) -> Response:
        """Tell what became of what this token submitted under a key."""
        return desk.find(visitor, key)

    return routes


def _of_bundle(program: App, packed: bytes) -> Incident:
    with tempfile.TemporaryDirectory(prefix="pipetriage-bundle-") as folder:
        return program.triage_kept(str(unpack_bundle(packed, Path(folder))))


def _digest(kind: bytes, content: bytes) -> str:
    return hashlib.sha256(kind + b"\0" + content).hexdigest()
