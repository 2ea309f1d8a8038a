"""Whether something took the larger part of a run's time: a timeout is said to come of that, and of nothing less."""

from pipetriage.model.facts import Run
from pipetriage.settings import ThresholdSettings


def run_ms(run: Run) -> float:
    """Give how long the run lasted, by the clock where both ends are known; 0 where nobody says."""
    if run.started_at is not None and run.ended_at is not None:
        return (run.ended_at - run.started_at).total_seconds() * 1000
    return (run.execution_seconds or 0.0) * 1000


def most_of(run: Run, milliseconds: float, thresholds: ThresholdSettings) -> bool:
    """Whether that is the larger part of the run, and long in itself."""
    whole = run_ms(run)
    return whole > 0 and milliseconds >= max(thresholds.stuck_min_ms, thresholds.time_share * whole)
