"""Looking at an incident's run again: has anything changed since its verdict? Bounded in time, and not too often."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from pipetriage.errors import PipetriageError
from pipetriage.freshness import Changed, changes
from pipetriage.model.incident import Incident

KEPT_SECONDS = 60.0
"""How long an answer is given again: ten people who open the same page ask the account once. Ours."""
WAIT_SECONDS = 20.0
"""How long a page waits for it. One that takes longer goes on, and is there when somebody asks again. Ours."""
AT_ONCE = 2
"""Runs that are looked at again at the same time."""
_KEPT = 500


class Look(NamedTuple):
    """What came of looking again."""

    at: datetime | None
    """When it was looked; None: it was not."""
    changed: Sequence[Changed]
    why_not: str
    """Why it is not known what changed; empty where it is."""


class Looks:
    """Looks at runs again, once for all who ask within a minute. Safe for several threads."""

    def __init__(
        self,
        look_again: Callable[[Incident], Incident | None],
        now: Callable[[], datetime],
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._look_again = look_again
        self._now = now
        self._wait_seconds = wait_seconds
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, datetime], _Asked] = OrderedDict()

    def look(self, incident: Incident) -> Look:
        """Say what changed since an incident's verdict. Never raises."""
        asked = self._asked(incident)
        if not asked.done.wait(self._wait_seconds):
            return Look(None, (), f"there was no answer within {self._wait_seconds:g} s: ask again in a minute")
        return asked.look

    def forget(self, incident_id: str) -> None:
        """Have the next question about an incident answered afresh."""
        with self._lock:
            for key in [one for one in self._kept if one[0] == incident_id]:
                del self._kept[key]

    def _asked(self, incident: Incident) -> "_Asked":
        """Give the question as it was asked a moment ago, or ask it."""
        key = (incident.incident_id, incident.created_at)
        with self._lock:
            known = self._kept.get(key)
            if known is not None and (self._now() - known.began).total_seconds() < KEPT_SECONDS:
                return known
            asked = _Asked(self._now())
            if not self._room.acquire(blocking=False):
                asked.answer(Look(None, (), "too many runs are being looked at: ask again in a moment"))
                return asked
            self._kept[key] = asked
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        threading.Thread(target=self._work, args=(incident, asked), name="look", daemon=True).start()
        return asked

    def _work(self, incident: Incident, asked: "_Asked") -> None:
        try:
            asked.answer(self._found(incident))
        finally:
            self._room.release()

    def _found(self, incident: Incident) -> Look:
        try:
            seen = self._look_again(incident)
        except PipetriageError as error:
            return Look(None, (), str(error))
        except Exception as error:  # noqa: BLE001 - a thread's boundary: whoever waits is told what broke
            return Look(None, (), f"a defect of pipetriage ({type(error).__name__})")
        if seen is None:
            return Look(None, (), "this run cannot be named again: its evidence came as a bundle")
        return Look(seen.as_of, changes(incident, seen), "")


class _Asked:
    """One question, and its answer once it is there."""

    def __init__(self, began: datetime) -> None:
        self.began = began
        self.done = threading.Event()
        self.look = Look(None, (), "")

    def answer(self, look: Look) -> None:
        self.look = look
        self.done.set()
