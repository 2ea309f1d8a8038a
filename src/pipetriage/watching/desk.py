"""What a notice needs: a triage, a cheap look, another look later, or nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from pipetriage.errors import EventError
from pipetriage.model.identity import Place, incident_id
from pipetriage.model.incident import Incident
from pipetriage.model.success import Look
from pipetriage.watching.notices import ExecutionFailed, Nothing, Notice, RunEnded

SUCCEEDED = "SUCCEEDED"
IN_FLIGHT = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
_SOON = 30.0
"""Seconds until a run is asked for again that is said to have ended, and that Glue still shows as going on."""


class Word(StrEnum):
    """What came of a notice."""

    TRIAGED = "triaged"
    KNOWN = "known"
    """The run's incident is there, made late enough to stand."""
    QUIET = "quiet"
    """The run succeeded, and a cheap look found nothing wrong."""
    LATER = "later"
    """The run succeeded a moment ago; logs and metrics take a while to arrive."""
    IGNORED = "ignored"
    """It asks for nothing."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done about one run."""

    word: Word
    why: str = ""
    job: str = ""
    run_id: str = ""
    incident_id: str = ""
    category: str = ""
    safe_to_retry: bool | None = None
    again_in: float | None = None
    """Seconds after which the same notice is to be looked at once more; None: it is done."""


class Runs(Protocol):
    """What the desk needs of the program. Every method may be called by several threads at once."""

    def account(self, region: str) -> str:
        """Give the AWS account that is read in that region."""
        ...

    def region(self, region: str) -> str:
        """Give the region meant: that one, or the configured one where it is empty."""
        ...

    def is_declared(self, job: str) -> bool:
        """Whether a declared pipeline is that job's."""
        ...

    def kept(self, incident_id: str) -> Incident | None:
        """Give a run's incident as it is kept."""
        ...

    def triage(self, job: str, run_id: str, region: str) -> Incident:
        """Triage a run and keep the incident."""
        ...

    def look(self, job: str, run_id: str, region: str) -> Look:
        """Look cheaply at a run that succeeded."""
        ...

    def run_of_execution(self, arn: str, cause: str | None, region: str) -> tuple[str, str] | None:
        """Give job and run by which an execution failed."""
        ...


class Desk:
    """Decides what a notice needs, and has it done. Safe for several threads, processes and machines at once.

    Delivered twice, or to two workers, an event makes the same incident: its id is the run's own.
    """

    def __init__(self, runs: Runs, settle_seconds: float, now: Callable[[], datetime]) -> None:
        self._runs = runs
        self._now = now
        self._settle = timedelta(seconds=settle_seconds)
        self._turns = _Turns()

    def handle(self, notice: Notice) -> Outcome:
        """See to one notice.

        Raises:
            EventError: the notice is of an account that is not read.
            PipetriageError: it could not be seen to now (Glue, the store or the credentials); nothing was lost.
        """
        match notice:
            case Nothing():
                return Outcome(word=Word.IGNORED, why=notice.why)
            case ExecutionFailed():
                return self._execution(notice)
            case RunEnded():
                return self._run(notice)

    def _execution(self, notice: ExecutionFailed) -> Outcome:
        region = self._runs.region(notice.region)
        self._check_account(notice.account, region)
        found = self._runs.run_of_execution(notice.execution_arn, notice.cause, region)
        if found is None:
            return Outcome(word=Word.IGNORED, why="the execution names no Glue run that it failed by")
        job, run_id = found
        return self._run(
            RunEnded(job=job, run_id=run_id, state="UNKNOWN", account=notice.account, region=notice.region)
        )

    def _run(self, notice: RunEnded) -> Outcome:
        region = self._runs.region(notice.region)
        account = self._check_account(notice.account, region)
        identity = incident_id(Place(account, region, notice.job), notice.run_id)
        # Told twice in the same moment, a run is triaged once and then known. Other processes find out by the store.
        with self._turns.of(identity):
            return self._run_once(notice, region, identity)

    def _run_once(self, notice: RunEnded, region: str, identity: str) -> Outcome:
        kept = self._runs.kept(identity)
        if kept is not None and self._stands(kept):
            return _outcome(Word.KNOWN, kept, "its incident is kept already")
        why = ""
        if kept is None and notice.state == SUCCEEDED:
            if not self._runs.is_declared(notice.job):
                return _nothing(notice, Word.IGNORED, "it succeeded, and its pipeline is not declared")
            if (early := self._too_early(notice)) is not None:
                later = _nothing(notice, Word.LATER, "it succeeded, and what it left is not all to be seen yet")
                return msgspec.structs.replace(later, again_in=early)
            look = self._runs.look(notice.job, notice.run_id, region)
            if not look.suspicions:
                return _nothing(notice, Word.QUIET, _unseen(look))
            why = "; ".join(f"{one.check}: {one.statement}" for one in look.suspicions)
        incident = self._runs.triage(notice.job, notice.run_id, region)
        return _outcome(Word.TRIAGED, incident, why, self._again(incident, notice))

    def _check_account(self, account: str, region: str) -> str:
        ours = self._runs.account(region)
        if account and account != ours:
            raise EventError(
                f"it is of account {account}, and the credentials read {ours}: watch that account with credentials or "
                "a --role-arn of its own"
            )
        return ours

    def _stands(self, incident: Incident) -> bool:
        """Whether the incident was made after the run had ended and all it wrote could be seen (design 4.3)."""
        return incident.ended_at is not None and incident.as_of >= incident.ended_at + self._settle

    def _too_early(self, notice: RunEnded) -> float | None:
        """Give the seconds until a success has settled; nothing is asked of AWS for that."""
        if notice.ended_at is None:
            return None
        left = (notice.ended_at + self._settle - self._now()).total_seconds()
        return left + 1.0 if left > 0 else None

    def _again(self, incident: Incident, notice: RunEnded) -> float | None:
        """Give the seconds until the run has settled: what is missing until then proves nothing."""
        if incident.status in IN_FLIGHT or incident.ended_at is None:
            # A quality result comes while its run goes on. The run's own end will be told.
            return None if notice.quality_failed else _SOON
        left = (incident.ended_at + self._settle - incident.as_of).total_seconds()
        return left + 1.0 if left > 0 else None


class _Turns:
    """One lock a name, for as long as somebody has it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        with self._lock:
            turn, users = self._taken.get(name, (threading.Lock(), 0))
            self._taken[name] = turn, users + 1
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, users = self._taken[name]
                if users == 1:
                    del self._taken[name]
                else:
                    self._taken[name] = turn, users - 1


def _outcome(word: Word, incident: Incident, why: str = "", again_in: float | None = None) -> Outcome:
    return Outcome(
        word=word,
        why=why,
        job=incident.pipeline_name,
        run_id=incident.job_run_id,
        incident_id=incident.incident_id,
        category=str(incident.failure_category),
        safe_to_retry=incident.safe_to_retry,
        again_in=again_in,
    )


def _unseen(look: Look) -> str:
    """Say what a look that found nothing did not see."""
    said = "it succeeded, and nothing about it is unusual"
    gaps = "; ".join(f"{gap.source}: {gap.reason}" for gap in look.gaps)
    return f"{said} (not looked at: {gaps})" if gaps else said


def _nothing(notice: RunEnded, word: Word, why: str) -> Outcome:
    return Outcome(word=word, why=why, job=notice.job, run_id=notice.run_id)
