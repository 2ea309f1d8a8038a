"""How fast cases are evaluated: the whole command, the triage alone, and what the harness adds (``make bench``).

The whole command is measured from start to exit, processes, imports and reports included; each figure is the median
of three.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipetriage.bootstrap import open_app
from pipetriage.entrypoints.evaluate import MakeTriage
from pipetriage.evaluation.case import find_cases
from pipetriage.evaluation.run import evaluate
from pipetriage.evaluation.worker import TriageFolder
from pipetriage.model.incident import Incident, from_json, to_json

ROUNDS = 3
CASES = Path(__file__).parents[1] / "cases"


def main() -> None:
    """Print every figure with its target."""
    cases = find_cases(CASES).chosen
    program = open_app(use_store=False)
    folders = [str(case.folder) for case in cases]

    def triage_all() -> None:
        for folder in folders:
            program.triage(folder)

    alone = measure(triage_all)
    whole = measure(lambda: command(repeat=1))
    more = measure(lambda: command(repeat=4))
    ready = partial(made_already, to_json(program.triage(folders[0])))
    nothing = measure(lambda: evaluate(cases, ready, repeat=10))
    started = measure(lambda: evaluate(cases[:1], ready))
    count, added = len(cases), (nothing - started) / (10 * len(cases))
    print(f"cases                          {count:6d}    {os.cpu_count()} cores")
    print(f"triage alone, one process      {count / alone:6.0f} a second, {1000 * alone / count:.1f} ms a case")
    print(f"evaluate, two processes        {count / whole:6.0f} a second, whole command  (target 150)")
    print(f"evaluate --repeat 4            {4 * count / more:6.0f} triages a second")
    print(f"the harness adds               {1000 * added:6.2f} ms a case                   (target 1 ms)")
    print(f"starting a process             {started:6.2f} s")


def measure(action: Callable[[], object]) -> float:
    """Give the median of a few rounds, in seconds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def command(*, repeat: int) -> None:
    """Evaluate as a build server does, and make sure that every case was."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        arguments = ["evaluate", str(CASES), "--json", str(out), "--repeat", str(repeat)]
        subprocess.run([sys.executable, "-m", "pipetriage", *arguments], check=True, capture_output=True)
        assert json.loads(out.read_bytes())["metrics"]["errors"] == 0  # noqa: S101


def made_already(incident: bytes) -> TriageFolder:
    """Make a triage that costs nothing, so that what is left is the harness."""
    kept: Incident = from_json(incident)
    MakeTriage(None, frozenset())()
    return lambda folder: kept


if __name__ == "__main__":
    main()
