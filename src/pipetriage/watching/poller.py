"""Asks for the runs that no event told of: EventBridge never says ERROR or EXPIRED, and may lose what it does say."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Protocol, TypeVar

from pipetriage.errors import CredentialsError, PipetriageError
from pipetriage.watching.answers import Report
from pipetriage.watching.desk import IN_FLIGHT, SUCCEEDED
from pipetriage.watching.notices import RunEnded
from pipetriage.watching.worker import Worker

NEVER_TOLD = frozenset({"ERROR", "EXPIRED"})
"""Ends of which there is no event (Glue developer guide; domain facts 1.4)."""
_LOST_AFTER = timedelta(minutes=10)
"""How old an end must be before its event counts as lost: an event comes within seconds, and waits in the queue."""
_CALLS_A_SECOND = 5.0
"""GetJobRuns calls: an account may have hundreds of jobs, and their schedulers use the same quota."""
_REMEMBERED = 20_000
"""Runs that are known to be seen to; a process that has seen more starts over, and finds them in the store."""


_T = TypeVar("_T")


class Ended(Protocol):
    """A run as the job's history shows it."""

    @property
    def job(self) -> str:
        """Its job."""
        ...

    @property
    def run_id(self) -> str:
        """Its id."""
        ...

    @property
    def state(self) -> str:
        """Glue's JobRunState."""
        ...

    @property
    def ended_at(self) -> datetime | None:
        """When it ended (UTC); None: it goes on, or Glue does not say."""
        ...


class History(Protocol):
    """What the poller asks."""

    def jobs(self) -> Iterable[str]:
        """Name every job of the account and region."""
        ...

    def recent(self, job: str, since: datetime) -> Iterable[Ended]:
        """Give a job's runs that began since then."""
        ...

    def is_declared(self, job: str) -> bool:
        """Whether a declared pipeline is that job's."""
        ...


class Poller:
    """Sweeps over the jobs again and again. Several pollers only make the same incidents."""

    def __init__(
        self,
        history: History,
        worker: Worker,
        *,
        every: float,
        hours: float,
        has_events: bool,
        now: Callable[[], datetime],
        on_report: Callable[[Report], None],
    ) -> None:
        """``has_events``: a queue tells of most ends, so that young ones are left to it."""
        self._history = history
        self._worker = worker
        self._every = every
        self._back = timedelta(hours=hours)
        self._has_events = has_events
        self._now = now
        self._on_report = on_report
        self._seen: set[str] = set()

    def run(self) -> None:
        """Sweep until the worker stops."""
        random = SystemRandom()
        while not self._worker.stopping.is_set():
            try:
                self.sweep()
            except CredentialsError as error:
                self._worker.give_up(error)
            # Workers that were started together do not ask together for ever.
            self._worker.stopping.wait(self._every * random.uniform(0.8, 1.2))

    def sweep(self) -> None:
        """Ask every job once, and have seen to what nobody has. A refusal is reported, and ends only its job."""
        now = self._now()
        begun: dict[str, Future[bool]] = {}
        for job in self._asked(self._history.jobs, "the jobs"):
            if self._worker.stopping.is_set():
                return
            for run in self._asked(partial(self._history.recent, job, now - self._back), f"job {job}"):
                if not self._is_due(run, now):
                    continue
                notice = RunEnded(job=run.job, run_id=run.run_id, state=run.state, ended_at=run.ended_at)
                future = self._worker.begin(notice)
                if future is None:
                    return
                begun[run.run_id] = future
            self._worker.stopping.wait(1 / _CALLS_A_SECOND)
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        self._seen |= {run_id for run_id, future in begun.items() if future.result()}

    def _is_due(self, run: Ended, now: datetime) -> bool:
        if run.run_id in self._seen or run.state in IN_FLIGHT:
            return False
        if run.state == SUCCEEDED and not self._history.is_declared(run.job):
            return False
        told = self._has_events and run.state not in NEVER_TOLD
        return not told or (run.ended_at is not None and now - run.ended_at > _LOST_AFTER)

    def _asked(self, ask: Callable[[], Iterable[_T]], what: str) -> list[_T]:
        try:
            return list(ask())
        except CredentialsError:
            raise
        except PipetriageError as error:
            self._on_report(Report(word="waiting", why=f"{what}: {error}"))
            return []
