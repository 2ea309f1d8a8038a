"""``python -m lab.spark.recorder``: run programs that fail on real Spark, and keep each as a labelled case."""

import argparse
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lab.spark.keep import NotNeutralError
from lab.spark.recorded.case import MOST_BYTES, make_case, size_of
from lab.spark.recorded.labels import labels
from lab.spark.recorded.lake import Lake
from lab.spark.recorded.plans import PROGRAMS
from lab.spark.recorded.play import Play, Played, capture
from lab.spark.recorded.process import VENVS, Kind, Process, ProcessError
from lab.spark.recorded.program import Program
from lab.spark.recorded.services import Services


def main() -> int:
    """Record the variants that have no result yet, then sum up all of them."""
    options = _options()
    chosen = [one for one in PROGRAMS if not options.only or one.name in options.only]
    if options.list:
        for one in chosen:
            sys.stdout.write(f"{one.name:32} {one.category:20} {len(one.variants)} variants\n")
        return 0
    out: Path = options.out.resolve()
    (out / "results").mkdir(parents=True, exist_ok=True)
    broken = 0
    recorder = Recorder(out)
    try:
        for program, number in () if options.recapture else _wanted(chosen, out, again=options.again):
            broken += not recorder.record(program, number, options.cases)
    finally:
        recorder.close()
    if options.relabel or options.recapture:
        broken += _rebuild(chosen, out, options.cases, recapture=options.recapture)
    _say(_summary(chosen, out))
    return 1 if broken else 0


class Recorder:
    """Keeps two drivers alive over several programs: the job's, and everyone else's."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._services = Services()
        self._processes: dict[Kind, Process] = {}

    def record(self, program: Program, number: int, cases: Path) -> bool:
        """Play one variant and keep its case; says whether that went well."""
        name = f"rec_{program.name}_{number + 1:02}"
        folder = self._out / "plays" / name
        job, others = self._process(program.kind), self._process(Kind(spark=program.kind.spark, memory="800m"))
        began = time.monotonic()
        try:
            played = Play(program, number, folder, (job, others), self._services).play()
            _write(self._out / "results" / f"{name}.json", played)
            case = make_case(played, program, folder, cases)
        except (ProcessError, NotNeutralError, OSError, ValueError, KeyError) as error:
            _say(f"{name} broke: {type(error).__name__}: {str(error)[:600]}")
            job.close()
            return False
        finally:
            _clean(program.kind)
        told, size = labels(played, program), size_of(case)
        mark = "" if size <= MOST_BYTES else "  TOO BIG"
        _say(
            f"{name:40} {told['failure_category']:19} retry={told['safe_to_retry']!s:5} "
            f"harmless={told.get('rerun_harmless')!s:5} {size / 1000:5.0f} kB {time.monotonic() - began:4.0f} s"
            f"  {(played.error or '-').splitlines()[0][:90]}{mark}"
        )
        return True

    def _process(self, kind: Kind) -> Process:
        for other in [one for one in self._processes if one.spark != kind.spark]:
            self._processes.pop(other).close()
        if kind not in self._processes:
            name = f"driver_{kind.spark}_{kind.memory}{'_plain' if kind.plain_user else ''}"
            endpoint = f"http://{self._services.address}"
            self._processes[kind] = Process(self._out / "drivers" / name, kind, endpoint)
        return self._processes[kind]

    def close(self) -> None:
        """End all of them."""
        for process in self._processes.values():
            process.close()
        self._services.close()


def _clean(kind: Kind) -> None:
    """Remove the copies of jars that executors of their own leave in Spark's folder."""
    for work in VENVS[kind.spark].glob("lib/python3.*/site-packages/pyspark/work"):
        shutil.rmtree(work, ignore_errors=True)


def _wanted(programs: list[Program], out: Path, *, again: bool) -> Iterator[tuple[Program, int]]:
    # Programs of one kind of driver together: a driver takes seconds to start.
    for program in sorted(programs, key=lambda one: (one.kind.spark, one.kind.memory, one.kind.plain_user)):
        for number in range(len(program.variants)):
            if again or not (out / "results" / f"rec_{program.name}_{number + 1:02}.json").exists():
                yield program, number


def _rebuild(programs: list[Program], out: Path, cases: Path, *, recapture: bool) -> int:
    """Make the cases anew from what the plays left."""
    broken = 0
    for program, played in _results(programs, out):
        folder = out / "plays" / played.case
        try:
            if recapture:
                capture(Lake(folder / "platform", program, program.variants[played.number]), played.run_id, folder)
            make_case(played, program, folder, cases)
        except NotNeutralError as error:
            _say(f"{played.case}: {error}")
            broken += 1
    return broken


def _results(programs: list[Program], out: Path) -> Iterator[tuple[Program, Played]]:
    for program in programs:
        for number in range(len(program.variants)):
            path = out / "results" / f"rec_{program.name}_{number + 1:02}.json"
            if path.exists():
                yield program, msgspec.json.decode(path.read_bytes(), type=Played)


def _summary(programs: list[Program], out: Path) -> str:
    found = [labels(played, program) for program, played in _results(programs, out)]
    categories = Counter(str(one["failure_category"]) for one in found)
    safe = Counter(str(one["split"]) for one in found if one["safe_to_retry"])
    split = Counter(str(one["split"]) for one in found)
    lines = [f"{len(found)} cases of {len({one['family'] for one in found})} programs; {dict(split)}"]
    lines += [f"  {category:20} {count}" for category, count in sorted(categories.items())]
    return "\n".join([*lines, f"safe to retry: {dict(safe)}"])


def _write(path: Path, played: Played) -> None:
    path.write_bytes(msgspec.json.encode(played))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.spark.recorder", description=__doc__)
    parser.add_argument("--only", nargs="+", help="these programs")
    parser.add_argument("--list", action="store_true", help="show the programs")
    parser.add_argument("--again", action="store_true", help="record anew what has a result")
    parser.add_argument("--relabel", action="store_true", help="make the cases anew from what earlier plays left")
    parser.add_argument("--recapture", action="store_true", help="capture anew what earlier plays left, then the same")
    parser.add_argument("--out", type=Path, default=Path("build/recorded"), help="where platforms and results go")
    parser.add_argument("--cases", type=Path, default=Path("cases"), help="where the cases go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
