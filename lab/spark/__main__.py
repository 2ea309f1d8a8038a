"""``python -m lab.spark``: play seeds on real Spark, and say what the tool made of them."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lab.spark.driver import Driver, DriverError
from lab.spark.keep import keep
from lab.spark.report import judge, line_of, summary
from lab.spark.scenario import JOB, PLAN, scenario
from lab.spark.seed import Result, Seed
from lab.spark.triage import capture_and_triage, triage_bundle


def main() -> int:
    """Play the seeds that have no result yet, then report all of them."""
    options = _options()
    if options.judge:
        _say(judge(options.judge))
        return 0
    out = options.out.resolve()
    results = out / "results"
    results.mkdir(parents=True, exist_ok=True)
    seeds = options.only or list(range(options.start, options.start + options.seeds))
    broken = 0
    for result in _played(seeds, out, again=options.again, recapture=options.recapture):
        if isinstance(result, str):
            broken += 1
            _say(result)
            continue
        _say(line_of(result))
        if options.keep:
            case = keep(result, out / "seeds" / f"{result.scenario.seed:04}", options.keep)
            kept = triage_bundle(case)
            if (kept.category, kept.rerun, kept.safe_to_retry) != _short(result):
                _say(f"  {case.name}: the neutral case is judged otherwise: {kept.rerun} {kept.broken}")
    _say(summary([one for seed in seeds if (one := _read(results / f"{seed:04}.json"))]))
    return 1 if broken else 0


def _short(result: Result) -> tuple[str, str, bool]:
    return result.bundle.category, result.bundle.rerun, result.bundle.safe_to_retry


def _played(seeds: list[int], out: Path, *, again: bool, recapture: bool) -> Iterator[Result | str]:
    job, others = Driver(out / "driver_job"), Driver(out / "driver_others")
    began, done = time.monotonic(), 0
    try:
        for at, seed in enumerate(seeds):
            path = out / "results" / f"{seed:04}.json"
            if not again and (known := _read(path)):
                yield _recaptured(known, out, path) if recapture else known
                continue
            try:
                result = Seed(scenario(seed), out / "seeds" / f"{seed:04}", job, others).play()
            except DriverError as error:
                yield f"{seed:04} broke: {error}"
                continue
            _write(path, result)
            done += 1
            left = (time.monotonic() - began) / done * (len(seeds) - at - 1)
            _say(f"[{at + 1}/{len(seeds)}, about {left / 60:.0f} min left]")
            yield result
    finally:
        job.close()
        others.close()


def _recaptured(result: Result, out: Path, path: Path) -> Result:
    """Triage and capture again what a seed left at its place; what the rerun did stays as it was measured."""
    folder = out / "seeds" / f"{result.scenario.seed:04}"
    target = f"local:{JOB}/{result.run_id}"
    live, bundle = capture_and_triage(folder / "platform" / "pipetriage.toml", target, folder / "bundle")
    made = msgspec.structs.replace(result, live=live, bundle=bundle)
    _write(path, made)
    return made


def _write(path: Path, result: Result) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))


def _read(path: Path) -> Result | None:
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Result)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.spark", description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(PLAN), help="how many (default: the whole plan)")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--only", type=int, nargs="+", help="these seeds instead")
    parser.add_argument("--out", type=Path, default=Path("build/spark"), help="where platforms and results go")
    parser.add_argument("--keep", type=Path, help="write each seed as a case into this folder")
    parser.add_argument("--recapture", action="store_true", help="triage and capture what played seeds left anew")
    parser.add_argument("--again", action="store_true", help="play seeds anew that have a result")
    parser.add_argument("--judge", type=Path, help="play nothing: triage the kept cases of this folder again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
