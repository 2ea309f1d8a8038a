"""Worker processes that a hanging or crashing case cannot take down with it.

``concurrent.futures`` gives the whole pool up when one process dies, and cannot end a call that hangs. Here each
worker has its own pipe; what the parent has not heard of within the time allowed, it kills, and another takes over.
"""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pipetriage.errors import PipetriageError
from pipetriage.evaluation.row import Verdict
from pipetriage.evaluation.worker import Factory, Ready, Unable, serve

# Small enough that the processes end at about the same time, large enough that nobody waits for the parent.
_MAX_CHUNK = 8
_START_SECONDS = 60.0
"""A worker that has not imported the program by then never will."""


class EvaluationError(PipetriageError):
    """The worker processes cannot be started."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class _Worker:
    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.ready = False
        self.waiting: deque[int] = deque()
        """Numbers of the cases it has been given, the one at work first."""
        self.deadline = time.monotonic() + _START_SECONDS


class Pool:
    """Triages folders in parallel. Workers are started afresh (never forked from a process with threads)."""

    def __init__(
        self,
        factory: Factory,
        folders: Sequence[str],
        *,
        jobs: int,
        timeout: float,
        on_done: Callable[[int], None] = lambda done: None,
    ) -> None:
        self._factory = factory
        self._folders = folders
        self._jobs = jobs
        self._timeout = timeout
        self._on_done = on_done
        self._todo = deque(range(len(folders)))
        self._verdicts: dict[int, Verdict] = {}
        self._workers: list[_Worker] = []
        self._context = multiprocessing.get_context("spawn")
        self._chunk = max(1, min(_MAX_CHUNK, len(folders) // (jobs * 4)))

    def run(self) -> list[Verdict]:
        """Triage every folder and give the verdicts in the folders' order. Leaves no process behind.

        Raises:
            EvaluationError: a worker cannot be started.
        """
        try:
            for _ in range(min(self._jobs, len(self._folders))):
                self._start()
            while len(self._verdicts) < len(self._folders):
                self._step()
        finally:
            for worker in self._workers:
                _end(worker)
        return [self._verdicts[number] for number in range(len(self._folders))]

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve, args=(theirs, self._factory, list(self._folders)), name="pipetriage-evaluate", daemon=True
        )
        with _interrupts_wait():
            process.start()
        # Else a worker that dies would never read as closed.
        theirs.close()
        self._workers.append(_Worker(process, ours))

    def _step(self) -> None:
        """Wait until a worker says something, or is overdue, and see to it."""
        soonest = min(worker.deadline for worker in self._workers)
        talking = wait([worker.connection for worker in self._workers], max(0.0, soonest - time.monotonic()))
        for worker in list(self._workers):
            if worker.connection in talking:
                self._listen(worker)
            elif worker.deadline <= time.monotonic():
                self._give_up(worker, _overdue(worker, self._timeout))

    def _listen(self, worker: _Worker) -> None:
        try:
            said = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(5)
            self._give_up(worker, f"the triage ended its process ({_ending(worker.process.exitcode)})")
            return
        if isinstance(said, Unable):
            raise EvaluationError(said.why, said.exit_code)
        if isinstance(said, Ready):
            worker.ready = True
        else:
            self._done(worker.waiting.popleft(), said)
        self._keep_busy(worker)
        # An idle worker owes nothing.
        worker.deadline = time.monotonic() + self._timeout if worker.waiting else float("inf")

    def _keep_busy(self, worker: _Worker) -> None:
        # One more chunk before the last is done, so that it need not wait for the answer.
        if len(worker.waiting) > 1 or not self._todo:
            return
        chunk = [self._todo.popleft() for _ in range(min(self._chunk, len(self._todo)))]
        worker.waiting.extend(chunk)
        # A worker that has just died is found out when it is next listened to.
        with suppress(OSError):
            worker.connection.send(chunk)

    def _give_up(self, worker: _Worker, why: str) -> None:
        """End a worker: its case has an error, the others that it was given go to a new one."""
        self._workers.remove(worker)
        _end(worker)
        if not worker.ready:
            raise EvaluationError(f"a triage process cannot start: {why}")
        if worker.waiting:
            self._done(worker.waiting.popleft(), Verdict(error=why))
        self._todo.extendleft(reversed(worker.waiting))
        if self._todo:
            self._start()

    def _done(self, number: int, verdict: Verdict) -> None:
        self._verdicts[number] = verdict
        self._on_done(len(self._verdicts))


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts: the child inherits that, and never prints a traceback of its own."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting it unblocks signals, so it must be there before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(worker: _Worker) -> None:
    worker.connection.close()
    worker.process.kill()
    worker.process.join(5)


def _overdue(worker: _Worker, timeout: float) -> str:
    return f"no verdict within {timeout:g} s" if worker.ready else f"no answer within {_START_SECONDS:g} s"


def _ending(code: int | None) -> str:
    if code is None:
        return "no exit code"
    if code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
