"""How fast a driver's log is read, and in how much memory. Run with ``make bench``; ``--large`` goes up to 10 GB.

The alternatives: ripgrep counting the lines with the same error words (a program of its own, started for each round),
and Drain3 grouping the same lines (in the peers' environment, once: it takes a minute). Times are medians of five, in
one process for pipetriage, after a first round that is not counted. Memory is the peak of a process that reads one log.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from spark_text import write_log

from pipetriage.context.log_search import ERRORS, Engine, PlainSearch, fastest
from pipetriage.context.logs import LogReading, fit, read_logs
from pipetriage.context.redact import Redactor
from pipetriage.sources.logs import FileLog

ROUNDS = 5
LINES = 1_220_000
"""About 100 MB."""


def main() -> None:
    """Print every figure with its target."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--large", action="store_true", help="up to 10 GB and ten million lines; needs 11 GB of disk")
    options.add_argument("--peers", type=Path, default=Path("build/bench-venv/bin/python"), help="a Python with drain3")
    options.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        _one(chosen.one)
        return
    with tempfile.TemporaryDirectory(prefix="pipetriage-bench-") as folder:
        log = Path(folder) / "driver.log"
        _against_others(log, chosen.peers)
        _line_in_size(log, large=chosen.large)
        _tokens(log, large=chosen.large)


def _against_others(log: Path, peers: Path) -> None:
    for name, noise in (("100 MB of Spark's log", 0), ("  the same, a stack trace every 6,500 lines", 1)):
        size = write_log(log, LINES, noise=noise)
        ours = _median(lambda: read(log))
        print(f"{name:44} {ours:7.3f} s  ({size / ours / 1e9:.2f} GB/s)")
        if shutil.which("rg"):
            words = [argument for word in ERRORS for argument in ("-e", word.decode())]
            grep = _median(partial(_run, ["rg", "-c", "-F", *words, str(log)]))
            label = "  ripgrep -c, the same error words"
            print(f"{label:44} {grep:7.3f} s  ours is {ours / grep:.1f} times (target 6)")
        else:
            print("  ripgrep is not installed (Debian: apt install ripgrep)")
        plain = _median(lambda: read(log, PlainSearch), rounds=3)
        print(f"{'  without the extra fast':44} {plain:7.3f} s  ({plain / ours:.1f} times)")
        if noise:
            continue
        if peers.exists():
            taken = float(_run([str(peers), str(Path(__file__).parent / "peer_drain3.py"), str(log)]))
            print(f"{'  Drain3, the same lines':44} {taken:7.3f} s  {taken / ours:.0f} times ours (target 60)")
        else:
            print("  Drain3 is not there: make build/bench-venv")


def _line_in_size(log: Path, *, large: bool) -> None:
    """Each size in a process of its own, for its memory."""
    for size in (1, 10, 100, 1000, *([10_000] if large else [])):
        bytes_ = write_log(log, LINES * size // 100)
        seconds, peak = map(float, _run([sys.executable, __file__, "--one", str(log)]).split())
        per = seconds / bytes_ * 1e9
        print(f"{bytes_ / 1e6:8,.0f} MB {seconds:9.3f} s  {per:5.2f} s/GB  {peak:5.0f} MB at most (target 150)")


def _one(log: Path) -> None:
    read(log)
    began = time.perf_counter()
    read(log)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.perf_counter() - began, peak)


def _tokens(log: Path, *, large: bool) -> None:
    """The size of the text view, for the same failure in a log of any length."""
    sizes: list[int] = []
    for lines in (100, 10_000, 1_000_000, *([10_000_000] if large else [])):
        write_log(log, lines, noise=1)
        _, tokens = fit(read(log).errors, 4000)
        sizes.append(tokens)
        print(f"{lines:12,} lines of output: {tokens} tokens")
    middle = statistics.median(sizes)
    print(f"  within {max(abs(size - middle) for size in sizes) / middle:.1%} of their median (target 5%)")


def read(log: Path, engine: Engine | None = None) -> LogReading:
    """Read a log as a triage does."""
    return read_logs(
        FileLog(log.parent, (log,)),
        redactor=Redactor(keep=frozenset()),
        max_errors=50,
        error_message="",
        run_state="FAILED",
        ended_at=None,
        engine=engine or fastest(),
    )


def _median(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    action()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
