"""What every way of collecting evidence offers."""

from typing import NamedTuple, Protocol, runtime_checkable

from pipetriage.model.evidence import Collected, Gap, Observation


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


@runtime_checkable
class ReadsOtherLogs(Protocol):
    """What a collector may be able to do besides: read the log of another run of the same job."""

    def log_of(self, run_id: str) -> Observation | Gap:
        """Read the end of that run's log, read-only and bounded; call it after ``collect``.

        Raises:
            PipetriageError: nothing can be read at all, as when AWS does not know us.
        """
        ...


class Reads(NamedTuple):
    """What reading has taken so far."""

    api_calls: int
    bytes: int


@runtime_checkable
class CountsReads(Protocol):
    """What a collector of an account may be able to do besides: say what it has read, after ``collect`` too."""

    def reads(self) -> Reads | None:
        """Count requests to AWS and bytes of their answers, also of what was read later; None: nobody counts."""
        ...
