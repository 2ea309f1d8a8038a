"""A worker: takes events from the queue, has them seen to, several at once, and loses none.

A message is deleted only after what it asked for is kept. While it is being seen to, it is kept hidden from other
workers; a worker that dies lets go of it by that alone. No more messages are taken than are being seen to, so that
the rest stays with workers that are free.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import SystemRandom

import msgspec

from pipetriage.errors import CredentialsError, PipetriageError, SourceError, StoreError
from pipetriage.settings import WatchSettings
from pipetriage.watching.answers import Answer, Report, answer_to, report_of, settle
from pipetriage.watching.desk import Desk
from pipetriage.watching.notices import Notice
from pipetriage.watching.queue import Message, Queue

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts while queue or store do not answer."""


class Worker:
    """One process's share of the work."""

    def __init__(
        self, desk: Desk, settings: WatchSettings, on_report: Callable[[Report], None], ready: Callable[[], None]
    ) -> None:
        """``ready`` raises StoreError while incidents cannot be kept; ``on_report`` is called by several threads."""
        self._desk = desk
        self._settings = settings
        self._on_report = on_report
        self._ready = ready
        self._room = threading.Semaphore(settings.at_once)
        self._pool = ThreadPoolExecutor(settings.at_once, thread_name_prefix="triage")
        self._lock = threading.Lock()
        self._in_hand: dict[str, Message] = {}
        self._failed: CredentialsError | None = None
        self._unready = threading.Event()
        self._over = threading.Event()
        self._asking = threading.Event()
        self.stopping = threading.Event()
        """Set it, and no more is taken; what is in hand is finished."""
        self.tally: Counter[str] = Counter()

    def work(self, queue: Queue, *, until_empty: bool = False) -> None:
        """Take messages until told to stop, or until the queue is empty.

        Raises:
            CredentialsError: AWS does not know us (any more); what was in hand comes again.
        """
        keeper = threading.Thread(target=self._keep_hidden, args=(queue,), daemon=True)
        keeper.start()
        pause = _FIRST_PAUSE
        while not self.stopping.is_set():
            taken = self._free()
            messages: list[Message] = []
            try:
                if self._unready.is_set():
                    self._ready()
                    self._unready.clear()
                messages = queue.receive(taken, wait=not until_empty) if taken else []
                pause = _FIRST_PAUSE
            except (SourceError, StoreError) as error:
                self._release(taken)
                self._report(Report(word="waiting", why=str(error)))
                self.stopping.wait(pause * SystemRandom().uniform(0.5, 1.0))
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            except CredentialsError as error:
                self._release(taken)
                self.give_up(error)
                break
            self._release(taken - len(messages))
            for message in messages:
                with self._lock:
                    self._in_hand[message.receipt] = message
                self._pool.submit(self._see_to, queue, message)
            if until_empty and not messages and self._idle():
                break
        self.end()

    def end(self) -> None:
        """Finish what is in hand.

        Raises:
            CredentialsError: AWS does not know us (any more).
        """
        self.stopping.set()
        self._pool.shutdown(wait=True)
        self._over.set()
        if self._failed is not None:
            raise self._failed

    def begin(self, notice: Notice) -> Future[bool] | None:
        """Have a notice seen to that came by no queue, as soon as there is room; None: we are stopping.

        The future tells whether it is done with; otherwise it is to be asked for again.
        """
        self._asking.set()
        try:
            while not self.stopping.is_set():
                if self._room.acquire(timeout=0.5):
                    return self._pool.submit(self._notice, notice)
        except RuntimeError:  # shut down meanwhile
            self._room.release()
        finally:
            self._asking.clear()
        return None

    def _notice(self, notice: Notice) -> bool:
        began = time.monotonic()
        try:
            outcome = self._desk.handle(notice)
            report = report_of(outcome)
        except PipetriageError as error:
            if isinstance(error, CredentialsError):
                self.give_up(error)
            outcome, report = None, Report(word="failed", why=str(error))
        finally:
            self._room.release()
        self._report(msgspec.structs.replace(report, seconds=round(time.monotonic() - began, 3)))
        return outcome is not None and outcome.again_in is None

    # What happens to a message

    def _see_to(self, queue: Queue, message: Message) -> None:
        began = time.monotonic()
        try:
            answer = answer_to(message, self._desk, self._settings.max_receives)
            self._heed(answer)
            report = settle(queue, message, answer)
        except PipetriageError as error:
            # The queue itself did not answer: the message comes again, and is known by then.
            report = Report(word="failed", why=str(error))
        finally:
            with self._lock:
                self._in_hand.pop(message.receipt, None)
            self._room.release()
        self._report(msgspec.structs.replace(report, message_id=message.id, seconds=round(time.monotonic() - began, 3)))

    def _heed(self, answer: Answer) -> None:
        if isinstance(answer.trouble, CredentialsError):
            self.give_up(answer.trouble)
        elif isinstance(answer.trouble, StoreError):
            # Until the store answers, no more are taken.
            self._unready.set()

    # Room, and what is in hand

    def _free(self) -> int:
        """Take all the room there is, for up to ten messages; wait a little for the first."""
        if self._asking.is_set():
            # Whoever asks by no queue would otherwise never find room while messages wait.
            time.sleep(0.05)
        if not self._room.acquire(timeout=0.5):
            return 0
        taken = 1
        while taken < 10 and self._room.acquire(blocking=False):
            taken += 1
        return taken

    def _release(self, count: int) -> None:
        for _ in range(count):
            self._room.release()

    def _idle(self) -> bool:
        with self._lock:
            return not self._in_hand

    def _keep_hidden(self, queue: Queue) -> None:
        """Keep what is in hand from coming to others while it takes its time."""
        while not self._over.wait(self._settings.hidden_seconds / 3):
            with self._lock:
                held = list(self._in_hand.values())
            for message in held:
                try:
                    queue.hide(message)
                except PipetriageError as error:
                    # It may come to somebody else as well, who makes the same incident of it.
                    self._report(Report(word="waiting", why=str(error), message_id=message.id))

    def give_up(self, error: CredentialsError) -> None:
        """Stop: AWS does not know us, so that no message can be seen to."""
        self._failed = self._failed or error
        self.stopping.set()

    def _report(self, report: Report) -> None:
        with self._lock:
            self.tally[report.word] += 1
        self._on_report(report)
