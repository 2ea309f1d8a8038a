"""What is remembered about asking a model where there is no store: for as long as this process lives."""

import threading
from datetime import date, datetime

from pipetriage.model.model_memory import KEPT, MAX_VALUE_BYTES, Amount, reserved_beside, settled

MAX_ANSWERS = 1_000
"""Answers remembered at most, those that were remembered first go first: some four megabytes of them."""


class InProcessMemory:
    """See ``ModelMemory``. Safe for several threads; another process knows nothing of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[date, Amount] = {}
        self._answers: dict[str, tuple[datetime, bytes]] = {}
        """In the order in which they were remembered."""

    def reserve(self, day: date, amount: Amount, limit: Amount) -> bool:
        """See ``ModelMemory.reserve``."""
        with self._lock:
            now = reserved_beside(self._spent.get(day, Amount()), amount, limit)
            if now is None:
                return False
            self._spent[day] = now
        return True

    def settle(self, day: date, reserved: Amount, used: Amount) -> None:
        """See ``ModelMemory.settle``."""
        with self._lock:
            self._spent[day] = settled(self._spent.get(day, Amount()), reserved, used)

    def spent(self, day: date) -> Amount:
        """See ``ModelMemory.spent``."""
        with self._lock:
            return self._spent.get(day, Amount())

    def recall(self, key: str, *, not_before: datetime) -> bytes | None:
        """See ``ModelMemory.recall``."""
        with self._lock:
            at, value = self._answers.get(key, (None, b""))
        return value if at is not None and at >= not_before else None

    def remember(self, key: str, value: bytes, at: datetime) -> None:
        """See ``ModelMemory.remember``."""
        if len(value) > MAX_VALUE_BYTES:
            return
        with self._lock:
            self._answers.pop(key, None)
            self._answers[key] = at, bytes(value)
            oldest = next(iter(self._answers))
            if len(self._answers) > MAX_ANSWERS or self._answers[oldest][0] < at - KEPT:
                del self._answers[oldest]
