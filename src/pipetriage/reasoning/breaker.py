"""Leaving a model alone for a while whose provider failed several times in a row: asking it would only take time."""

import threading
from collections.abc import Callable

from pipetriage.model.proposal import ModelFault

_PROVIDERS = frozenset(
    {
        ModelFault.UNREACHABLE,
        ModelFault.TIMEOUT,
        ModelFault.RATE_LIMITED,
        ModelFault.SERVER_ERROR,
        ModelFault.NOT_AUTHORIZED,
        ModelFault.NO_SUCH_MODEL,
    }
)


def is_providers(fault: ModelFault) -> bool:
    """Whether a fault says that the provider is not there for us; others are of this one question or its answer."""
    return fault in _PROVIDERS


class _State:
    """What is known of one model."""

    def __init__(self) -> None:
        self.failures = 0
        """In a row."""
        self.closed_until: float | None = None
        """Nobody may ask before; from then on one may, and the time is set anew. None: everybody may."""


class Breaker:
    """Counts failures by a model's name, in this process. Safe for several threads.

    Whoever ``allows`` lets through tells how it ended: ``worked`` if the provider answered, whatever it said,
    ``failed`` if it failed (``is_providers``). One that was cancelled tells nothing; where it was the one request
    that tries again, another may after so many seconds.
    """

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float]) -> None:
        """Open after so many failures in a row, for so many seconds of a monotonic clock.

        ``failures`` below 1 counts as 1.
        """
        self._most = max(1, failures)
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}

    def allows(self, name: str) -> bool:
        """Whether the model may be asked now."""
        with self._lock:
            state = self._states.get(name)
            if state is None or state.closed_until is None:
                return True
            now = self._clock()
            if now < state.closed_until:
                return False
            # This one tries. The others wait for what comes of it, but not for ever.
            state.closed_until = now + self._seconds
            return True

    def failed(self, name: str) -> None:
        """Count a failure of the provider."""
        with self._lock:
            state = self._states.setdefault(name, _State())
            state.failures += 1
            if state.failures >= self._most:
                state.closed_until = self._clock() + self._seconds

    def worked(self, name: str) -> None:
        """Begin counting anew: the provider answered."""
        with self._lock:
            self._states.pop(name, None)
