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
from pipetriage.watching.answers import Answer, Report, answer_to, report_of, settle, told
from pipetriage.watching.desk import Desk, Word
from pipetriage.watching.notices import Notice
from pipetriage.watching.queue import Message, Queue

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts while queue or store do not answer."""


class Worker:
    """One process's share of the work."""

    def __init__(
        self, desk: Desk, settings: WatchSettings, on_report: Callable[[Report], None], ready: Callable[[], None]
    ) -> None:
        """``ready`` raises StoreError while incidents cannot be read; ``on_report`` is called by several threads."""
        self._desk = desk
        self._settings = settings
        self._on_report = on_report
        self._ready = ready
        self._room = _Room(settings.at_once)
        self._pool = ThreadPoolExecutor(settings.at_once, thread_name_prefix="triage")
        self._hand = _Hand()
        self._failed: CredentialsError | None = None
        self._pause = 0.0
        """Seconds until another message is tried while the store takes nothing; 0: it does."""
        self._counting = threading.Lock()
        self._over = threading.Event()
        self.stopping = threading.Event()
        """Set it, and no more is taken; what is in hand is finished."""
        self.tally: Counter[str] = Counter()

    def work(self, queue: Queue, *, until_empty: bool = False) -> None:
        """Take messages until told to stop, or until the queue is empty.

        Raises:
            CredentialsError: AWS does not know us (any more); what was in hand comes again.
        """
        threading.Thread(target=self._keep_hidden, args=(queue,), daemon=True).start()
        pause, busy = _FIRST_PAUSE, False
        while not self.stopping.is_set():
            # While nothing comes, the rest of the room is for whoever asks by no queue.
            taken = self._room.take(10 if busy and not self._pause else 1)
            try:
                messages = self._take(queue, taken)
                pause, busy = _FIRST_PAUSE, bool(messages)
            except (SourceError, StoreError) as error:
                self._room.leave(taken)
                self._report(Report(word=Word.WAITING, why=str(error)))
                self.stopping.wait(pause * SystemRandom().uniform(0.5, 1.0))
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            except CredentialsError as error:
                self._room.leave(taken)
                self.give_up(error)
                break
            self._room.leave(taken - len(messages))
            for message in messages:
                self._begin_message(queue, message)
            if until_empty and taken and not messages and self._hand.is_empty():
                break
        self.end()

    def begin(self, notice: Notice) -> "Future[Report] | None":
        """Have a notice seen to that came by no queue, as soon as there is room; None: we are stopping."""
        while not self.stopping.is_set():
            if self._room.enter(0.5):
                try:
                    return self._pool.submit(self._notice, notice)
                except RuntimeError:  # shut down meanwhile
                    self._room.leave(1)
        return None

    def give_up(self, error: CredentialsError) -> None:
        """Stop: AWS does not know us, so that no message can be seen to."""
        self._failed = self._failed or error
        self.stopping.set()

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

    # Taking

    def _take(self, queue: Queue, room: int) -> list[Message]:
        if not room:
            return []
        if self._pause:
            # The store did not take an incident: one message at a time, until one is kept again.
            if not self._hand.is_empty() or self.stopping.wait(self._pause * SystemRandom().uniform(0.5, 1.0)):
                return []
            self._ready()
        return queue.receive(room)

    def _begin_message(self, queue: Queue, message: Message) -> None:
        if self.stopping.is_set():
            # It came while we were told to stop: others may have it at once.
            self._room.leave(1)
            queue.hide(message, 0)
            return
        self._hand.add(message)
        self._pool.submit(self._message, queue, message)

    # Seeing to

    def _message(self, queue: Queue, message: Message) -> None:
        began = time.monotonic()
        try:
            answer = answer_to(message, self._desk, self._settings.max_receives)
            self._heed(answer)
            self._hand.drop(message)
            _, report = settle(queue, message, answer)
        except Exception as error:  # noqa: BLE001 - a thread's boundary; the message comes again, and is known by then
            report = Report(word=Word.FAILED, why=told(error))
        finally:
            self._hand.drop(message)
            self._room.leave(1)
        self._report(report, message.id, began)

    def _notice(self, notice: Notice) -> Report:
        began = time.monotonic()
        try:
            report = report_of(self._desk.handle(notice))
        except Exception as error:  # noqa: BLE001 - a thread's boundary: what goes wrong with one run is its report
            if isinstance(error, CredentialsError):
                self.give_up(error)
            report = Report(word=Word.FAILED, why=told(error))
        finally:
            self._room.leave(1)
        self._report(report, "", began)
        return report

    def _heed(self, answer: Answer) -> None:
        if isinstance(answer.trouble, CredentialsError):
            self.give_up(answer.trouble)
        elif isinstance(answer.trouble, StoreError):
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        elif answer.report.word is Word.TRIAGED:
            self._pause = 0.0

    def _keep_hidden(self, queue: Queue) -> None:
        """Keep what is in hand from coming to others while it takes its time."""
        while not self._over.wait(self._settings.hidden_seconds / 3):
            for message in self._hand.held():
                try:
                    self._hand.with_held(message, queue.hide)
                except PipetriageError as error:
                    # It may come to somebody else as well, who makes the same incident of it.
                    self._report(Report(word=Word.WAITING, why=str(error), message_id=message.id))

    def _report(self, report: Report, message_id: str = "", began: float | None = None) -> None:
        if began is not None:
            seconds = round(time.monotonic() - began, 3)
            report = msgspec.structs.replace(report, message_id=message_id, seconds=seconds)
        with self._counting:
            self.tally[report.word] += 1
        self._on_report(report)


class _Room:
    """Places for so many at once."""

    def __init__(self, places: int) -> None:
        self._free = threading.Semaphore(places)
        self._asking = threading.Event()

    def take(self, most: int) -> int:
        """Take up to so many places; wait a little for the first."""
        if self._asking.is_set():
            # Whoever asks by no queue would otherwise never find room while messages wait.
            time.sleep(0.05)
        taken = 1 if self._free.acquire(timeout=0.5) else 0
        while 0 < taken < most and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def enter(self, seconds: float) -> bool:
        """Take one place, waiting so long."""
        self._asking.set()
        try:
            return self._free.acquire(timeout=seconds)
        finally:
            self._asking.clear()

    def leave(self, places: int) -> None:
        """Give places back."""
        for _ in range(places):
            self._free.release()


class _Hand:
    """The messages that are being seen to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._messages: dict[str, Message] = {}

    def add(self, message: Message) -> None:
        with self._lock:
            self._messages[message.receipt] = message

    def drop(self, message: Message) -> None:
        """Let go of a message; a renewal that is under way ends first, so that it cannot undo what follows."""
        with self._renewing, self._lock:
            self._messages.pop(message.receipt, None)

    def held(self) -> list[Message]:
        with self._lock:
            return list(self._messages.values())

    def is_empty(self) -> bool:
        with self._lock:
            return not self._messages

    def with_held(self, message: Message, act: Callable[[Message], None]) -> None:
        """Do something with a message if it is still in hand."""
        with self._renewing:
            with self._lock:
                held = message.receipt in self._messages
            if held:
                act(message)
