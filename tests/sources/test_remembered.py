"""A collector that is asked once, and what it can do besides."""

from datetime import UTC, datetime
from pathlib import Path

from pipetriage.model.evidence import Collected, Gap, Observation, RunTarget, Signal
from pipetriage.model.pipeline import Pipeline
from pipetriage.settings import SettleSettings
from pipetriage.sources.bundle import BundleCollector
from pipetriage.sources.interface import ReadsOtherLogs
from pipetriage.sources.remembered import Remembered

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Source:
    """Reads other logs, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def collect(self) -> Collected:
        self.asked += 1
        return Collected(
            run=RunTarget(job_name="orders", job_run_id="jr_now"),
            pipeline=Pipeline(name="orders"),
            captured_at=NOW,
            settle_seconds=0,
            clock_skew_seconds=0,
            origin="test",
        )

    def log_of(self, run_id: str) -> Observation | Gap:
        return Observation(signal=Signal.LOGS, payload=(), locator=f"log of {run_id}", observed_at=NOW, run_id=run_id)


def test_it_collects_once_and_passes_on_that_it_reads_other_logs() -> None:
    source = Source()
    remembered = Remembered(source)
    assert remembered.collect() is remembered.collect()
    assert source.asked == 1
    assert isinstance(remembered, ReadsOtherLogs)
    seen = remembered.log_of("jr_good")
    assert isinstance(seen, Observation)
    assert seen.locator == "log of jr_good"


def test_a_bundle_holds_this_run_s_log_only(tmp_path: Path) -> None:
    bundle = BundleCollector(tmp_path, SettleSettings())
    assert not isinstance(bundle, ReadsOtherLogs)
    gap = Remembered(bundle).log_of("jr_good")
    assert isinstance(gap, Gap)
    assert gap.reason == "a bundle holds this run's log only"
