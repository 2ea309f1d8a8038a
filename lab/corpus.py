"""Plays fresh seeds and keeps some as cases: ``python -m lab.corpus --out cases``.

Which are kept depends on how a seed is made and on what its rerun really left, never on what the tool says of it: safe
retries, for the reasons that the design names, and traps, whose error passes by itself and whose rerun does harm.
"""

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from lab.keep import keep_case, transient
from lab.platform import PIPELINE
from lab.result import Result
from lab.scenario import Scenario, build
from lab.seed import measure, open_triager
from lab.strata import strata
from lab.world import World

FIRST_SEED = 20_000_000
_WANTED = {"safe": 80, "trap": 64}
_EACH = {"safe": 2, "trap": 1}
"""Cases of one write mode and fault."""


def kind_of(scenario: Scenario) -> str | None:
    """Say what a scenario may become a case of, before it is played."""
    facets = strata(scenario)
    clears = transient(scenario) or scenario.fault.point == "source_missing"
    if not clears or facets["signals"] != "full" or scenario.triaged != -1 or scenario.max_retries:
        return None
    quiet = facets["surroundings"] == "quiet" and scenario.after in {"nothing", "late_file", "compaction"}
    allowed = facets["contract"] == "allows SAFE" and scenario.control != "skips" and len(scenario.attempts) < 3
    conflict = scenario.fault.point in {"conflict", "lost_answer_landed", "lost_answer_not_landed"}
    return "safe" if quiet and allowed and not conflict else "trap"


def fits(kind: str, result: Result) -> bool:
    """Say whether the rerun was what the kind promises."""
    if kind == "safe":
        return result.rerun_harmless and not result.by_luck
    return not result.rerun_harmless and not result.futile and not result.blind


def main() -> None:
    """Fill the corpus."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("cases"), help="folder of the cases")
    options.add_argument("--from", dest="first", type=int, default=FIRST_SEED)
    asked = options.parse_args()
    for old in asked.out.glob("lab_*"):
        shutil.rmtree(old)
    kept: Counter[str] = Counter()
    places: Counter[tuple[str, str, str]] = Counter()
    seed = asked.first
    while any(kept[kind] < wanted for kind, wanted in _WANTED.items()):
        scenario = build(seed)
        seed += 1
        kind = kind_of(scenario)
        if kind is None:
            continue
        place = (kind, f"{scenario.fmt} {scenario.mode}", scenario.fault.point)
        if kept[kind] < _WANTED[kind] and places[place] < _EACH[kind] and _keep(scenario, kind, asked.out):
            kept[kind] += 1
            places[place] += 1
            print(f"seed {scenario.seed}: {' '.join(place)} ({dict(kept)})")


def _keep(scenario: Scenario, kind: str, out: Path) -> bool:
    """Play a scenario, and make a case of it if its rerun fits."""
    with tempfile.TemporaryDirectory(prefix="lab-corpus-") as made:
        folder = Path(made).resolve()
        world = World(scenario, folder / "world")
        result = Result(seed=scenario.seed, facets=strata(scenario))
        try:
            world.play()
            bundle = folder / "bundle"
            open_triager(world.contract).capture(f"local:{PIPELINE}/{world.failed_run}", bundle)
            measure(world, result)
            if not fits(kind, result):
                return False
            name = f"lab_{scenario.fmt}_{scenario.mode}_{scenario.fault.point}_{scenario.seed}"
            keep_case(bundle, out / name, scenario, result, world.folder)
            return True
        finally:
            world.close()


if __name__ == "__main__":
    main()
