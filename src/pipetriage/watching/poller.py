"""Asks for the runs that no event told of: EventBridge never says ERROR or EXPIRED, and may lose what it does say."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Protocol, TypeVar

from pipetriage.errors import CredentialsError
from pipetriage.model.facts import IN_FLIGHT
from pipetriage.watching.answers import Report, told
from pipetriage.watching.desk import SUCCEEDED, Word
from pipetriage.watching.notices import RunEnded
from pipetriage.watching.worker import Worker

NEVER_TOLD = frozenset({"ERROR", "EXPIRED"})
"""Ends of which there is no event (Glue developer guide; domain facts 1.4)."""
_LOST_AFTER = timedelta(minutes=10)
"""How old an end must be before its event counts as lost: an event comes within seconds, and waits in the queue."""
_SUCCESS_BACK = timedelta(hours=1)
"""How far back successes are looked at: a quiet one is kept nowhere, so that every new process looks at it again."""
_LONGEST_RUN = timedelta(days=8)
"""How far back the first sweep looks for runs that go on: Glue's longest timeout is seven days (domain facts 1.1)."""
_CALLS_A_SECOND = 5.0
"""GetJobRuns calls: an account may have hundreds of jobs, and their schedulers use the same quota."""
_MOST_FAILURES = 5
"""After so many sweeps that could not see to a run it is left alone, as a message is put aside."""
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
        """When it ended, or was last heard of (UTC); None: it goes on, or Glue does not say."""
        ...


class History(Protocol):
    """What the poller asks."""

    def watched_jobs(self) -> Iterable[str]:
        """Name every job of the account and region that is to be watched."""
        ...

    def recent(self, job: str, since: datetime) -> Iterable[Ended]:
        """Give a job's runs that began since then."""
        ...

    def one(self, job: str, run_id: str) -> Iterable[Ended]:
        """Give one run of a job."""
        ...

    def is_declared(self, job: str) -> bool:
        """Whether a declared pipeline is that job's."""
        ...


class Poller:
    """Sweeps over the jobs again and again. Several pollers only make the same incidents."""

    def __init__(
        self,
        history: History,
        *,
        every: float,
        hours: float,
        has_events: bool,
        now: Callable[[], datetime],
        on_report: Callable[[Report], None],
    ) -> None:
        """``has_events``: a queue tells of most ends, so that young ones are left to it."""
        self._history = history
        self._every = every
        self._back = timedelta(hours=hours)
        self._has_events = has_events
        self._now = now
        self._on_report = on_report
        self._swept = False
        self._seen: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._going: dict[str, set[str]] = {}
        """Runs of each job that went on at the last sweep: they may have begun long ago when they end."""

    def run(self, worker: Worker) -> None:
        """Sweep until the worker stops; whatever goes wrong, go on."""
        random = SystemRandom()
        while not worker.stopping.is_set():
            try:
                self.sweep(worker)
            except CredentialsError as error:
                worker.give_up(error)
            except Exception as error:  # noqa: BLE001 - a thread's boundary: nobody would notice that it ended
                self._on_report(Report(word=Word.WAITING, why=f"asking for runs: {told(error)}"))
            # Workers that were started together do not ask together for ever.
            worker.stopping.wait(self._every * random.uniform(0.8, 1.2))

    def sweep(self, worker: Worker, until: float = float("inf")) -> None:
        """Ask every job once, and have seen to what nobody has. A refusal is reported, and ends only its job.

        ``until``: the moment (of the monotonic clock) from which nothing more is begun.

        Raises:
            CredentialsError: AWS does not know us.
        """
        now = self._now()
        since = now - (self._back if self._swept else max(self._back, _LONGEST_RUN))
        begun: dict[str, Future[Report]] = {}
        for job in self._asked(self._history.watched_jobs, "the jobs"):
            for run in self._runs_of(job, since):
                if not self._is_due(run, now):
                    continue
                notice = RunEnded(job=run.job, run_id=run.run_id, state=run.state, ended_at=run.ended_at)
                future = worker.begin(notice) if time.monotonic() < until else None
                if future is None:
                    return self._remember(begun)
                begun[run.run_id] = future
            worker.stopping.wait(1 / _CALLS_A_SECOND)
        self._swept = True
        return self._remember(begun)

    def _runs_of(self, job: str, since: datetime) -> list[Ended]:
        listed = self._asked(partial(self._history.recent, job, since), f"job {job}")
        missing = self._going.get(job, set()) - {one.run_id for one in listed}
        earlier = [
            one for run_id in sorted(missing) for one in self._asked(partial(self._history.one, job, run_id), job)
        ]
        runs = [*listed, *earlier]
        if runs:
            self._going[job] = {one.run_id for one in runs if one.state in IN_FLIGHT}
        return runs

    def _is_due(self, run: Ended, now: datetime) -> bool:
        if run.run_id in self._seen or run.state in IN_FLIGHT:
            return False
        age = now - run.ended_at if run.ended_at is not None else None
        if run.state == SUCCEEDED and (age is None or age > _SUCCESS_BACK or not self._history.is_declared(run.job)):
            return False
        if age is not None and age > self._back:
            return False
        told = self._has_events and run.state not in NEVER_TOLD
        return not told or (age is not None and age > _LOST_AFTER)

    def _remember(self, begun: dict[str, Future[Report]]) -> None:
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
            self._failures.clear()
        for run_id, future in begun.items():
            report = future.result()
            if report.word is Word.FAILED:
                self._failures[run_id] += 1
            elif report.again_in is None:
                self._seen.add(run_id)
            if self._failures[run_id] >= _MOST_FAILURES:
                self._seen.add(run_id)

    def _asked(self, ask: Callable[[], Iterable[_T]], what: str) -> list[_T]:
        try:
            return list(ask())
        except CredentialsError:
            raise
        except Exception as error:  # noqa: BLE001 - one job must not keep the others from being asked
            self._on_report(Report(word=Word.WAITING, why=f"{what}: {told(error)}"))
            return []
