"""``python -m lab``: run seeds and write the report."""

import argparse
import random
import shutil
import sys
from pathlib import Path

from lab.report import write_report
from lab.run import run_all


def main(arguments: list[str] | None = None) -> int:
    """Run the lab; exit 1 when a seed was fatal, disagreed or failed in the lab itself."""
    options = _parser().parse_args(arguments)
    out = Path(options.out)
    if options.fresh:
        shutil.rmtree(out, ignore_errors=True)
    first = random.SystemRandom().randrange(10**6, 10**9) if options.random else options.first
    print(f"seeds {first} to {first + options.seeds - 1}, {options.jobs} processes, results in {out}")
    results = run_all(
        range(first, first + options.seeds),
        jobs=options.jobs,
        out=out,
        ablate=not options.no_ablation,
        tell=lambda line: print(line, flush=True),
    )
    page = write_report(results, out)
    bad = [one for one in results if one.outcome in {"fatal", "disagreement", "error"}]
    print(f"report: {page}")
    print(f"{len(results)} seeds, {len(bad)} bad: {', '.join(str(one.seed) for one in bad) or 'none'}")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run (default 200)")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="N", help="the first seed (default 0)")
    parser.add_argument("--random", action="store_true", help="begin at a random seed, which is printed")
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes (default 2)")
    parser.add_argument("--out", default="build/lab", help="where results, report and bad cases go (default build/lab)")
    parser.add_argument("--fresh", action="store_true", help="forget the results found there")
    parser.add_argument("--no-ablation", action="store_true", help="do not take signals away")
    return parser


if __name__ == "__main__":
    sys.exit(main())
