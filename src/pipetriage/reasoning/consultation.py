"""Asking a model beside the program: in a thread of its own, which can be waited for, left behind, or cancelled."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress

from pipetriage.model.proposal import Proposal


class Consultation:
    """One conversation with the models, under way.

    Args:
        converse: makes the conversation; run once, in the thread.
        failed: turns what the conversation raised into the outcome: no defect may cost the verdict.
        overdue: gives the outcome so far, where nobody waits any longer.
    """

    def __init__(
        self,
        converse: Callable[[], Coroutine[None, None, Proposal]],
        failed: Callable[[BaseException], Proposal],
        overdue: Callable[[], Proposal],
    ) -> None:
        self.overdue = overdue
        self._converse = converse
        self._failed = failed
        self._outcome: Proposal | None = None
        self._done = threading.Event()
        self._cancelled = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Proposal] | None = None
        # A daemon: a provider that hangs must not keep the program from ending.
        threading.Thread(target=self._run, name="pipetriage-model", daemon=True).start()

    def wait(self, seconds: float) -> Proposal | None:
        """Give the outcome as soon as it is there, or None if it is not after so many seconds."""
        return self._outcome if self._done.wait(max(0.0, seconds)) else None

    def cancel(self) -> None:
        """End the conversation: nothing more is sent, and what is still answered is not read."""
        with self._lock:
            self._cancelled = True
            if self._loop is not None and self._task is not None:
                with suppress(RuntimeError):  # the loop has ended meanwhile
                    self._loop.call_soon_threadsafe(self._task.cancel)

    def _run(self) -> None:
        try:
            asyncio.run(self._begin())
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: the outcome says what happened
            self._finish(self._failed(error))

    async def _begin(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._converse())
            if self._cancelled:
                self._task.cancel()
        # Told here rather than after the loop has ended: that waits for a source's thread which may hang.
        self._finish(await self._task)

    def _finish(self, outcome: Proposal) -> None:
        if not self._done.is_set():
            self._outcome = outcome
            self._done.set()
