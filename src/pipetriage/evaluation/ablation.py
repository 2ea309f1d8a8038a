"""Leaving signals out of a run's evidence, as if their sources had not answered (``evaluate --ablate``)."""

import msgspec

from pipetriage.model.evidence import Collected, Gap, Observation, Signal
from pipetriage.sources.interface import Collector


class Without:
    """A collector whose answer lacks some signals: each of their observations is a gap."""

    def __init__(self, collector: Collector, dropped: frozenset[Signal]) -> None:
        self._collector = collector
        self._dropped = dropped

    def collect(self) -> Collected:
        """Collect, and leave the signals out.

        Raises:
            PipetriageError: whatever the collector raises.
        """
        return leave_out(self._collector.collect(), self._dropped)


def leave_out(collected: Collected, dropped: frozenset[Signal], reason: str = "left out by --ablate") -> Collected:
    """Make a gap of what these signals observed; the very same evidence where they observed nothing."""
    lost = [_name(seen) for seen in collected.observations if seen.signal in dropped]
    if not lost:
        return collected
    kept = tuple(seen for seen in collected.observations if seen.signal not in dropped)
    # One gap a source: several event logs are one source.
    gaps = tuple(Gap(source=name, reason=reason) for name in dict.fromkeys(lost))
    return msgspec.structs.replace(collected, observations=kept, gaps=(*collected.gaps, *gaps))


def _name(seen: Observation) -> str:
    if seen.table is None:
        return str(seen.signal)
    return f"{seen.signal}:{seen.table.name or seen.table.role}"
