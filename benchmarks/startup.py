"""How long a person waits: ``--help``, and the triage of a run with a 10,000-line log. Run with ``make bench``.

Whole processes are measured from start to exit; in process, ``open_app`` and ``triage`` after the imports. Each figure
is the median of five.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROUNDS = 5
LINES = 10_000
START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def main() -> None:
    """Print every figure with its target."""
    program = [sys.executable, "-m", "pipetriage"]
    bare = measure(lambda: run([sys.executable, "-c", "pass"]))
    helped = measure(lambda: run([*program, "--help"]))
    print(f"python -c pass                 {bare:6.3f} s")
    print(f"pipetriage --help              {helped:6.3f} s  (target 0.4 s; {helped / bare:.1f} times a bare Python)")
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder) / "bundle")
        store = Path(folder) / "incidents.db"
        triage = [*program, "triage", str(bundle), "--json", "--store", str(store)]
        # The first call makes the store, once in its life.
        run(triage)
        kept = measure(lambda: run(triage))
        unkept = measure(lambda: run([*program, "triage", str(bundle), "--json", "--no-store"]))
        shown = measure(lambda: run([*program, "triage", str(bundle), "--store", str(store)]))
        print(f"triage --json, {LINES:,} lines    {kept:6.3f} s  (target 1.0 s, whole process)")
        print(f"triage --json --no-store       {unkept:6.3f} s")
        print(f"triage, text                   {shown:6.3f} s  (target 1.0 s, whole process)")
        print(f"triage in process              {in_process(bundle, store):6.3f} s  (target 0.15 s)")


def measure(action: Callable[[], None]) -> float:
    """Give the median of a few rounds, in seconds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def run(command: list[str]) -> None:
    """Run a program to its end."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONHASHSEED": "0"})


def in_process(bundle: Path, store: Path) -> float:
    """Time a triage where everything is imported already."""
    from pipetriage.bootstrap import open_app

    def once() -> None:
        open_app(config=None, store_url=str(store)).triage(str(bundle))

    once()
    return measure(once)


def make_bundle(folder: Path) -> Path:
    """Write a failed run with a log of 10,000 events, most of them ordinary and some of them stack traces."""
    (folder / "glue").mkdir(parents=True)
    (folder / "logs").mkdir()
    run_id = "jr_bench"
    ended = START + timedelta(minutes=40)
    document = {
        "bundle_version": 1,
        "captured_at": (ended + timedelta(minutes=10)).isoformat(),
        "run": {"job_name": "orders_daily", "job_run_id": run_id, "batch_id": "2026-11-22"},
        "pipeline": {"name": "orders_daily", "target": "sales.orders", "write_mode": "append"},
    }
    job_run = {
        "Id": run_id,
        "JobName": "orders_daily",
        "JobRunState": "FAILED",
        "StartedOn": START.timestamp(),
        "CompletedOn": ended.timestamp(),
        "Attempt": 0,
        "ErrorMessage": "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column cannot be resolved.",
    }
    (folder / "bundle.json").write_text(json.dumps(document))
    (folder / "glue" / "job_run.json").write_text(json.dumps({"JobRun": job_run}))
    with (folder / "logs" / "error.jsonl").open("w") as log:
        for number in range(LINES):
            at = START + timedelta(milliseconds=240 * number)
            event = {"timestamp": int(at.timestamp() * 1000), "message": message(number, at), "logStreamName": run_id}
            log.write(json.dumps(event) + "\n")
    return folder


def message(number: int, at: datetime) -> str:
    """Give one log line: mostly routine, at times a warning or a Java stack trace."""
    stamp = f"{at:%y/%m/%d %H:%M:%S}"
    if number % 200 == 199:
        frames = "\n".join(f"\tat org.apache.spark.scheduler.Step{step}.run(Step.scala:{step})" for step in range(30))
        return (
            f"{stamp} ERROR Executor: Exception in task {number}.0 in stage 3.0 (TID {number})\n"
            f"org.apache.spark.SparkException: Task failed while writing rows\n{frames}\n"
            f"Caused by: java.lang.IllegalStateException: value {number} of column c{number % 7}\n{frames}"
        )
    if number % 20 == 19:
        return f"{stamp} WARN TaskSetManager: Lost task {number}.0 in stage 3.0 (TID {number}): retried"
    return f"{stamp} INFO TaskSetManager: Finished task {number}.0 in stage 3.0 (TID {number}) in 120 ms"


if __name__ == "__main__":
    main()
