"""A collector that is asked once, for several that want the same: the triage, and the bundle that is kept of it."""

from functools import cached_property

from pipetriage.model.evidence import Collected
from pipetriage.sources.interface import Collector


class Remembered:
    """Wraps another collector. See ``Collector``."""

    def __init__(self, inner: Collector) -> None:
        self._inner = inner

    def collect(self) -> Collected:
        """Give what was collected the first time."""
        return self._collected

    @cached_property
    def _collected(self) -> Collected:
        return self._inner.collect()
