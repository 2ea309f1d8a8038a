"""What every way of collecting evidence offers."""

from typing import Protocol

from pipetriage.model.evidence import Collected


class Collector(Protocol):
    """Collects one run's evidence, read-only.

    What cannot be read becomes a ``Gap`` in the result; only a run that cannot be identified at all raises.
    """

    def collect(self) -> Collected:
        """Collect afresh.

        Raises:
            TargetError: the run cannot be identified or read at all.
            ConfigError: a declaration cannot be used as written.
        """
        ...
