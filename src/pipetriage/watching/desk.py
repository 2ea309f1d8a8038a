"""What a notice needs: a triage, a cheap look, another look later, or nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from pipetriage.errors import EventError
from pipetriage.model.facts import IN_FLIGHT
from pipetriage.model.identity import Place, incident_id
from pipetriage.model.incident import Incident
from pipetriage.model.success import Look
from pipetriage.watching.notices import ExecutionFailed, Nothing, Notice, RunEnded

SUCCEEDED = "SUCCEEDED"
_UNANSWERED = 300.0
"""Seconds until a success is looked at again whose sources did not answer."""
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
    """The run succeeded, and cannot be looked at yet: logs and metrics take a while to arrive, or nobody answered."""
    UNSEEN = "unseen"
    """The run succeeded, and what a look at it needs did not answer to the last."""
    IGNORED = "ignored"
    """It asks for nothing."""
    FAILED = "failed"
    """It could not be seen to, and comes again."""
    BURIED = "buried"
    """It was put aside, with the reason."""
    WAITING = "waiting"
    """Of no notice: nothing can be asked or kept for the moment."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done about one run."""

    word: Word
    why: str = ""
    job: str = ""
    """Glue's name of the job."""
    pipeline: str = ""
    run_id: str = ""
    incident_id: str = ""
    category: str = ""
    safe_to_retry: bool | None = None
    again_in: float | None = None
    """Seconds after which the same notice is to be looked at once more; None: it is done."""


class Runs(Protocol):
    """What the desk needs of the program. Every method may be called by several threads at once."""

    def account(self) -> str:
        """Give the AWS account that is read."""
        ...

    def region(self) -> str:
        """Give the region that is read where an event names none."""
        ...

    def is_watched(self, job: str) -> bool:
        """Whether the settings ask for that job to be watched."""
        ...

    def is_declared(self, job: str) -> bool:
        """Whether a declared pipeline is that job's."""
        ...

    def kept(self, incident_id: str) -> Incident | None:
        """Give a run's incident as it is kept."""
        ...

    def ended(self, job: str, run_id: str, region: str) -> tuple[str, datetime | None]:
        """Give a run's state, and when it ended (UTC)."""
        ...

    def triage(self, job: str, run_id: str, region: str) -> Incident:
        """Triage a run and keep the incident."""
        ...

    def follow_up(self, job: str, run_id: str, region: str) -> Incident | None:
        """Triage and keep a success of a batch of which an open incident warns readers; None: it is of no such."""
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

    def handle(self, notice: Notice, *, last: bool = False) -> Outcome:
        """See to one notice; ``last``: it does not come again, so that there is no later.

        Raises:
            EventError: the notice is of an account that is not read.
            PipetriageError: it could not be seen to now (Glue, the store or the credentials); nothing was lost.
        """
        match notice:
            case Nothing():
                return Outcome(word=Word.IGNORED, why=notice.why)
            case ExecutionFailed():
                return self._execution(notice, last)
            case RunEnded():
                return self._run(notice, last)

    def _execution(self, notice: ExecutionFailed, last: bool) -> Outcome:
        region = notice.region or self._runs.region()
        self._check_account(notice.account)
        found = self._runs.run_of_execution(notice.execution_arn, notice.cause, region)
        if found is None:
            return Outcome(word=Word.IGNORED, why="the execution names no Glue run that it failed by")
        job, run_id = found
        if not self._runs.is_watched(job):
            return Outcome(word=Word.IGNORED, why="the job is not watched", job=job, run_id=run_id)
        state, ended_at = self._runs.ended(job, run_id, region)
        return self._run(
            RunEnded(job=job, run_id=run_id, state=state, account=notice.account, region=region, ended_at=ended_at),
            last,
        )

    def _run(self, notice: RunEnded, last: bool) -> Outcome:
        if not self._runs.is_watched(notice.job):
            return _nothing(notice, Word.IGNORED, "the job is not watched")
        region = notice.region or self._runs.region()
        account = self._check_account(notice.account)
        identity = incident_id(Place(account, region, notice.job), notice.run_id)
        # Told twice in the same moment, a run is triaged once and then known. Other processes find out by the store.
        with self._turns.of(identity):
            return self._run_once(notice, region, identity, last)

    def _run_once(self, notice: RunEnded, region: str, identity: str, last: bool) -> Outcome:
        kept = self._runs.kept(identity)
        if kept is not None and self._stands(kept):
            return _outcome(notice, Word.KNOWN, kept, "its incident is kept already")
        why = ""
        if kept is None and notice.state == SUCCEEDED:
            found = self._success(notice, region, last)
            if isinstance(found, Outcome):
                return found
            why = found
        incident = self._runs.triage(notice.job, notice.run_id, region)
        return _outcome(notice, Word.TRIAGED, incident, why, self._again(incident, notice))

    def _success(self, notice: RunEnded, region: str, last: bool) -> Outcome | str:
        """Look at a run that succeeded: give what is to be done, or the reason to triage it."""
        if not self._runs.is_declared(notice.job):
            return _nothing(notice, Word.IGNORED, "it succeeded, and its pipeline is not declared")
        early = self._too_early(notice)
        if early is not None and not last:
            return _nothing(notice, Word.LATER, "it succeeded, and what it left is not all to be seen yet", early)
        followed = self._runs.follow_up(notice.job, notice.run_id, region)
        if followed is not None:
            why = "it succeeded, and an earlier run of its batch had left something that readers were warned of"
            return _outcome(notice, Word.TRIAGED, followed, why)
        look = self._runs.look(notice.job, notice.run_id, region)
        if look.suspicions:
            return "; ".join(f"{one.check}: {one.statement}" for one in look.suspicions)
        if look.unanswered and not last:
            return _nothing(notice, Word.LATER, _unseen(look), _UNANSWERED)
        return _nothing(notice, Word.UNSEEN if look.unanswered else Word.QUIET, _unseen(look))

    def _check_account(self, account: str) -> str:
        ours = self._runs.account()
        if account and account != ours:
            raise EventError(
                f"it is of account {account}, and the credentials read {ours}: watch that account with credentials or "
                "a --role-arn of its own"
            )
        return ours

    def _stands(self, incident: Incident) -> bool:
        """Whether the incident was made after the run had ended and all it wrote could be seen (design 4.3)."""
        if incident.status in IN_FLIGHT:
            return False
        # Of some ends Glue keeps no time: looking again would not bring it.
        return incident.ended_at is None or incident.as_of >= incident.ended_at + self._settle

    def _too_early(self, notice: RunEnded) -> float | None:
        """Give the seconds until a success has settled; nothing is asked of AWS for that."""
        if notice.ended_at is None:
            return None
        # An event's own time is not believed beyond the present.
        left = (min(notice.ended_at, self._now()) + self._settle - self._now()).total_seconds()
        return left + 1.0 if left > 0 else None

    def _again(self, incident: Incident, notice: RunEnded) -> float | None:
        """Give the seconds until the run has settled: what is missing until then proves nothing."""
        if incident.status in IN_FLIGHT:
            # A quality result comes while its run goes on. The run's own end will be told.
            return None if notice.quality_failed else _SOON
        if incident.ended_at is None:
            return None
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


def _outcome(notice: RunEnded, word: Word, incident: Incident, why: str = "", again_in: float | None = None) -> Outcome:
    return Outcome(
        word=word,
        why=why,
        job=notice.job,
        pipeline=incident.pipeline_name,
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


def _nothing(notice: RunEnded, word: Word, why: str, again_in: float | None = None) -> Outcome:
    return Outcome(word=word, why=why, job=notice.job, run_id=notice.run_id, again_in=again_in)
