"""2,000 events through queue, workers and store, with everything going wrong that does: one incident for each run.

    python benchmarks/watch.py                       all of it, with 1 to 4 workers (half an hour)
    python benchmarks/watch.py --events 200 --workers 2

The account is the tests' emulator, in this process; workers are `pipetriage watch` processes, polling too. Every call
is answered 50 ms late, one event in ten comes twice, one call in 200 is throttled, one run in twenty ended just now and
is triaged again once it has settled (after 20 s here), one in a hundred ended in ERROR and has no event, and as many
workers as there are are killed on the way and replaced. Queue and dead letters have the deployed redrive policy.
Afterwards the store is compared with the runs. The emulator has one core at most, being Python: how much of it was busy
is printed, since beyond that more workers cannot help.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from moto.sqs.models import sqs_backends

from pipetriage.stores import open_store
from tests.building_success import commit, put_table
from tests.emulated.account import ACCOUNT, REGION, EmulatedAccount
from tests.emulated.events import EventQueue, job_event, put_ended_run
from tests.emulated.incident_table import make_table

JOBS = 100
"""Of twenty runs each, so that histories and fingerprints are those of an account and not of one job."""
HIDDEN_SECONDS = 30
SETTLE_SECONDS = 20
POLL_SECONDS = 60
_TABLE = "sales.orders"
_ERRORS = (
    "KeyError: 'column_{n}'",
    "An error occurred while calling o122.pyWriteDynamicFrame. Rate exceeded (Service: Amazon S3; Status Code: 503)",
    "Error Category: IMPORT_ERROR; ModuleNotFoundError: No module named 'lib_{n}'",
    "org.apache.spark.SparkException: Job aborted due to stage failure: java.lang.OutOfMemoryError: Java heap space",
    "AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://acme-raw/orders_{n}/2026-11-24",
)


def main() -> None:
    """Play the events with each number of workers, and print what came of them."""
    parser = argparse.ArgumentParser(description="2,000 events through queue, workers and store")
    parser.add_argument("--events", type=int, default=2000, help="runs that fail; a tenth of them is told twice")
    parser.add_argument("--workers", default="1,2,3,4", help="how many processes, one trial each")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that each call takes longer")
    parser.add_argument("--throttled", type=int, default=200, help="one call in so many is throttled; 0: none")
    parser.add_argument("--no-kills", action="store_true", help="let the workers live")
    options = parser.parse_args()
    os.environ.update(EmulatedAccount.environment())
    print(f"{options.events} runs, {options.events // 10} told twice, {options.latency * 1000:.0f} ms a call")
    print(f"one call in {options.throttled} throttled, workers killed: {'no' if options.no_kills else 'each once'}")
    print(f"one run in 20 settles for {SETTLE_SECONDS} s, one in 100 has no event; polled every {POLL_SECONDS} s")
    print("workers  incidents  lost  doubled  runs/s   p50 s   p95 s  calls/run  emulator's core  against 1")
    first = None
    for count in (int(one) for one in options.workers.split(",")):
        with EmulatedAccount() as account, tempfile.TemporaryDirectory() as folder:
            trial = Trial(account, Path(folder), options)
            rate = trial.play(count)
            first = first or rate
            print(trial.line(count, rate / first), flush=True)


class Trial:
    """One account full of failed runs, emptied by some workers."""

    def __init__(self, account: EmulatedAccount, folder: Path, options: argparse.Namespace) -> None:
        self._account, self._folder, self._options = account, folder, options
        self._random = random.Random(7)  # noqa: S311 - the same duplicates each time
        self._store_url = make_table(account)
        self._events = EventQueue(account, redrive=20)
        self._untold: set[str] = set()
        self._reports: list[dict[str, Any]] = []
        self._readers: list[threading.Thread] = []
        self._runs = self._fill()
        self.seconds = self.busy = 0.0
        self.calls = 0

    def play(self, workers: int) -> float:
        """Let so many workers do it all; give the runs a second."""
        door = self._account.door
        door.calls.clear()
        door.latency, door.throttled_every = self._options.latency, self._options.throttled
        began, cpu = time.monotonic(), time.process_time()
        alive = [self._start() for _ in range(workers)]
        kills = 0 if self._options.no_kills else workers
        killed = 0
        while self._left() > 0 or self._unpolled():
            if killed < kills and self._left() < len(self._runs) * (1 - (killed + 1) / (kills + 1)):
                victim = alive.pop(0)
                victim.kill()
                victim.wait()
                alive.append(self._start())
                killed += 1
            time.sleep(0.5)
        self.seconds, self.busy = time.monotonic() - began, time.process_time() - cpu
        self.calls = len(door.calls)
        door.latency, door.throttled_every = 0.0, 0
        for process in alive:
            process.send_signal(signal.SIGTERM)
        for process in alive:
            process.wait(60)
        for reader in self._readers:
            reader.join(10)
        return len(self._runs) / self.seconds

    def line(self, workers: int, ratio: float) -> str:
        """Say what came of it; the store is read as a person would."""
        kept = open_store(self._store_url).list(limit=None)
        counts = Counter(one.job_run_id for one in kept)
        lost = len(self._runs - counts.keys())
        doubled = sum(count - 1 for count in counts.values())
        seconds = sorted(one["seconds"] for one in self._reports if one["word"] == "triaged")
        p50, p95 = statistics.median(seconds), seconds[int(len(seconds) * 0.95)]
        dead = len(self._events.dead())
        note = f"  {dead} DEAD LETTERS" if dead else ""
        rate, calls = len(self._runs) / self.seconds, self.calls / len(self._runs)
        came = f"{workers:7d}  {len(kept):9d}  {lost:4d}  {doubled:7d}"
        took = f"{rate:6.2f}  {p50:6.2f}  {p95:6.2f}  {calls:9.1f}"
        return f"{came}  {took}  {100 * self.busy / self.seconds:14.0f}%  {ratio:8.2f}x{note}"

    def _fill(self) -> set[str]:
        """Put the runs and their logs into the account, and their events into the queue."""
        total = self._options.events
        runs, events = set(), []
        for number in range(total):
            job, run_id = f"orders_{number % JOBS:03d}", f"jr_{number:08d}"
            ago = 2.0 if number % 20 == 7 else 700.0 + 60.0 * (number // JOBS)
            untold = number % 100 == 13
            error = _ERRORS[number % len(_ERRORS)].format(n=number % JOBS)
            state = "ERROR" if untold else "FAILED"
            put_ended_run(self._account, job, run_id, state, ago=ago, ErrorMessage=error)
            at = int((datetime.now(UTC) - timedelta(seconds=ago)).timestamp() * 1000)
            lines = [(at - 2000, "26/11/24 02:00:01 INFO SparkContext: Running Spark version 3.3.0"), (at, error)]
            self._account.put_log_events("/aws-glue/jobs/error", run_id, lines)
            runs.add(run_id)
            if untold:
                self._untold.add(run_id)
            else:
                events.append(job_event(job, run_id))
        events += self._random.sample(events, total // 10)
        self._random.shuffle(events)
        self._events.send(*events)
        declared = "".join(
            f'[pipelines.orders_{job:03d}]\nglue_job = "orders_{job:03d}"\ncontrol = "none"\n'
            f'batch_id = {{ from = "argument", name = "batch_id" }}\ntarget = "{_TABLE}"\nwrite_mode = "append"\n'
            f'source = "s3://acme-raw/orders_{job:03d}/{{batch_id}}/"\n'
            for job in range(JOBS)
        )
        self._account.put_bucket("acme-raw")
        put_table(self._account, [commit(day) for day in range(3, 0, -1)], _TABLE)
        (self._folder / "pipetriage.toml").write_text(
            f'store = "{self._store_url}"\n[aws]\nregion = "{REGION}"\nendpoint_url = "{self._account.url}"\n'
            f"[settle]\ncloud_seconds = {SETTLE_SECONDS}\n"
            f'[watch]\nqueue = "{self._events.url}"\ndead_letters = "{self._events.letters}"\n'
            f"poll_seconds = {POLL_SECONDS}\n"
            f"hidden_seconds = {HIDDEN_SECONDS}\nwait_seconds = 1\n{declared}"
        )
        return runs

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipetriage", "watch", "--config", str(self._folder / "pipetriage.toml"), "--json"],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        self._readers.append(reader)
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            if line.startswith("{") and line.endswith("}\n"):
                self._reports.append(json.loads(line))

    def _unpolled(self) -> set[str]:
        return self._untold - {
            one.get("run_id", "") for one in list(self._reports) if one["word"] in ("triaged", "known")
        }

    def _left(self) -> int:
        # From within: asked as an administrator does, the emulator would count its messages one by one.
        return len(sqs_backends[ACCOUNT][REGION].queues["pipetriage"]._messages)


if __name__ == "__main__":
    main()
