"""One seed from end to end: play it, triage it live and from a bundle, run the batch again, compare, score."""

import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lab.ablate import ablations
from lab.keep import keep_case
from lab.platform import PIPELINE
from lab.result import Result
from lab.scenario import Scenario, build
from lab.score import score
from lab.strata import strata
from lab.world import World
from pipetriage.bootstrap import open_app
from pipetriage.model.incident import Incident


class Triager(Protocol):
    """The public path: what is asked for a verdict."""

    def triage(self, target: str) -> Incident:
        """Triage a run or a bundle."""
        ...

    def capture(self, target: str, folder: Path) -> object:
        """Write a run's evidence into a bundle folder."""
        ...


def open_triager(contract: Path) -> Triager:
    """Open the program itself."""
    return open_app(config=contract, use_store=False)


def run_seed(seed: int, *, ablate: bool = True, keep: Path | None = None) -> Result:
    """Run one seed. ``keep``: a folder that the captured bundle of a bad seed is copied to."""
    return run_scenario(build(seed), ablate=ablate, keep=keep)


def run_scenario(
    scenario: Scenario,
    *,
    ablate: bool = True,
    keep: Path | None = None,
    opened: Callable[[Path], Triager] = open_triager,
) -> Result:
    """Run one scenario. ``opened`` replaces the program under test."""
    began = time.perf_counter()
    result = Result(seed=scenario.seed, facets=strata(scenario))
    try:
        with _folder() as folder:
            _run(scenario, folder, result, ablate, keep, opened)
    except Exception:  # noqa: BLE001 - one broken seed must not end the run; it is counted and shown
        result.error = traceback.format_exc(limit=-4)
    result.seconds = round(time.perf_counter() - began, 3)
    return result


@contextmanager
def _folder() -> Iterator[Path]:
    # In memory where the system has it: the lab makes thousands of small files.
    memory = Path("/dev/shm")  # noqa: S108 - only as the parent of a fresh private folder
    with tempfile.TemporaryDirectory(prefix="lab-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder).resolve()


def _run(
    scenario: Scenario,
    folder: Path,
    result: Result,
    ablate: bool,
    keep: Path | None,
    opened: Callable[[Path], Triager],
) -> None:
    world = World(scenario, folder / "world")
    try:
        world.play()
        triage = opened(world.contract)
        target = f"local:{PIPELINE}/{world.failed_run}"
        live = triage.triage(target)
        _tell(result, live)
        result.acted = list(world.others.acted)
        result.blind = scenario.after == "source_gone" and "source" in scenario.missing
        bundle = folder / "bundle"
        triage.capture(target, bundle)
        result.disagreement = differences(live, triage.triage(str(bundle)))
        verdicts = []
        if ablate:
            for removed, copy in ablations(bundle, folder, scenario.seed):
                told = triage.triage(str(copy))
                verdicts.append((removed, str(told.rerun.decision), told.safe_to_retry))
        measure(world, result)
        score(result, verdicts)
        if keep is not None and result.outcome in {"fatal", "disagreement"}:
            keep_case(bundle, keep / f"lab-{scenario.seed}", scenario, result, world.folder)
    finally:
        world.close()


def _tell(result: Result, incident: Incident) -> None:
    result.decision = str(incident.rerun.decision)
    result.safe_to_retry = incident.safe_to_retry
    result.category, result.failure_mode = str(incident.failure_category), str(incident.failure_mode)
    result.state = incident.status
    result.statuses = [f"{one.table} {one.role} {one.status}" for one in incident.write_state]
    broken = [one for one in incident.rerun.reasons if not one.holds]
    result.broken = sorted({one.rule for one in broken})
    result.why = [f"{one.rule}: {one.why}" for one in broken]


def measure(world: World, result: Result) -> None:
    """Run the batch again and compare."""
    before = world.seen()
    ended_well = world.run_again()
    after = world.seen()
    result.rerun_harmless = ended_well and world.history.is_right(after, before)
    result.futile = not ended_well and before == after
    rerun = world.rerun
    assert rerun is not None  # noqa: S101 - run_again has just set it
    did_nothing = rerun.skipped or rerun.read == 0 or rerun.wrote == 0
    by_batch = world.scenario.mode == "wap_cherry_pick" and not world.scenario.wap_by_run
    staged_before = by_batch and any(" staging " in one for one in result.statuses)
    # What another run does at the same time is luck, too: it might as well have come between.
    result.by_luck = result.rerun_harmless and (did_nothing or staged_before or world.in_flight)


def differences(live: Incident, bundled: Incident) -> list[str]:
    """Say where the verdict from a captured bundle differs from the live one."""
    found = []
    for name in ("failure_category", "failure_mode", "safe_to_retry", "findings", "write_state", "retry_reasons"):
        if getattr(live, name) != getattr(bundled, name):
            found.append(f"{name}: live {getattr(live, name)!r}, bundle {getattr(bundled, name)!r}"[:600])
    if live.rerun.decision != bundled.rerun.decision:
        found.append(f"decision: live {live.rerun.decision}, bundle {bundled.rerun.decision}")
    for one, other in zip(live.rerun.reasons, bundled.rerun.reasons, strict=False):
        if one != other:
            found.append(f"reason: live {one!r}, bundle {other!r}"[:600])
    if len(live.rerun.reasons) != len(bundled.rerun.reasons):
        found.append("the number of reasons differs")
    return found
