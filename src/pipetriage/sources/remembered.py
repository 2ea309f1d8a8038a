"""A collector that is asked once, for several that want the same: the triage, and the bundle that is kept of it."""

from functools import cached_property

from pipetriage.model.evidence import Collected, Gap, Observation, Signal
from pipetriage.sources.interface import Collector, CountsReads, Reads, ReadsOtherLogs


class Remembered:
    """Wraps another collector. See ``Collector`` and ``ReadsOtherLogs``."""

    def __init__(self, inner: Collector) -> None:
        self._inner = inner

    def collect(self) -> Collected:
        """Give what was collected the first time."""
        return self._collected

    def log_of(self, run_id: str) -> Observation | Gap:
        """Read another run's log where the wrapped collector can; each time afresh."""
        if isinstance(self._inner, ReadsOtherLogs):
            return self._inner.log_of(run_id)
        return Gap(source=str(Signal.LOGS), reason="a bundle holds this run's log only")

    def reads(self) -> Reads | None:
        """Say what the wrapped collector has read, where it counts."""
        return self._inner.reads() if isinstance(self._inner, CountsReads) else None

    @cached_property
    def _collected(self) -> Collected:
        return self._inner.collect()
