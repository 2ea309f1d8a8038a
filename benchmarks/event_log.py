"""How fast a Spark event log is read: 400 MB with about 94,000 tasks (``make bench``; ``--large`` for 4 GB as well).

The log is made of events that Spark wrote (``tests/context/event_logs``), their numbers varied, the same each time.
Each figure is the median of five, all of one run, each against the other in turns. What is compared: reading a file
into facts, against decoding nothing but the task-end lines of the same file into bare typed records, the reading of the
file included in both; and against spark-ignis, which is not a dependency: ``make bench`` installs it apart, or
name a Python that has it with ``--ignis``.
"""

import argparse
import gzip
import importlib.util
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from pipetriage.context.redact import Redactor
from pipetriage.context.spark_events import read_spark_events
from pipetriage.model.spark import SparkFacts
from pipetriage.sources.eventlog import EventLog

ROUNDS = 5
RECORDED = Path(__file__).parents[1] / "tests/context/event_logs/skew_noaqe.gz"
TASK_END = b'{"Event":"SparkListenerTaskEnd"'
BYTES_A_TASK = 4_255
"""Start and end of a task, of 400 MB with 94,000 of them."""
STAGE_SIZES = (200, 2_000, 50, 6_000)
MEGABYTE = 1_000_000


class Shuffle(
    msgspec.Struct, rename={"remote": "Remote Bytes Read", "local": "Local Bytes Read", "records": "Total Records Read"}
):
    remote: int = 0
    local: int = 0
    records: int = 0


class Metrics(
    msgspec.Struct,
    rename={
        "run": "Executor Run Time",
        "gc": "JVM GC Time",
        "memory": "Memory Bytes Spilled",
        "disk": "Disk Bytes Spilled",
        "shuffle": "Shuffle Read Metrics",
    },
):
    run: int = 0
    gc: int = 0
    memory: int = 0
    disk: int = 0
    shuffle: Shuffle | None = None


class Reason(msgspec.Struct, rename={"reason": "Reason"}):
    reason: str = ""


class Info(
    msgspec.Struct, rename={"task": "Task ID", "launch": "Launch Time", "finish": "Finish Time", "copy": "Speculative"}
):
    task: int = 0
    launch: int = 0
    finish: int = 0
    copy: bool = False


class End(
    msgspec.Struct,
    rename={
        "stage": "Stage ID",
        "attempt": "Stage Attempt ID",
        "reason": "Task End Reason",
        "info": "Task Info",
        "metrics": "Task Metrics",
    },
):
    stage: int = 0
    attempt: int = 0
    reason: Reason | None = None
    info: Info | None = None
    metrics: Metrics | None = None


def main() -> None:
    """Print every figure with its target."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--large", action="store_true", help="4 GB as well: needs that much room")
    options.add_argument("--ignis", default=peers(), help="the Python that has spark-ignis")
    options.add_argument("--peak", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.peak:
        print(peak_memory(Path(chosen.peak)))
        return
    with tempfile.TemporaryDirectory() as folder:
        sizes = [4, 40, 400, *([4_000] if chosen.large else [])]
        logs = {size: Path(folder) / f"log-{size}" for size in sizes}
        for size, path in logs.items():
            make_log(path, size * MEGABYTE)
        compare(logs[400], chosen.ignis)
        for size, path in logs.items():
            [taken] = medians([partial(read, path)], 1 if size > 1_000 else ROUNDS)
            each, peak = 1000 * taken / (path.stat().st_size / MEGABYTE), peak_of(path) / 2**20
            print(f"{size:5,} MB   {each:5.2f} ms a MB, peak memory {peak:4.0f} MiB (target 150 MB)")


def peers() -> str:
    """Give the Python of the environment that ``make bench`` makes for those it is compared with."""
    made = Path(__file__).parents[1] / "build/bench-venv/bin/python"
    return str(made) if made.exists() else sys.executable


def compare(log: Path, python: str) -> None:
    """Print what reading costs against the others."""
    facts = read(log)
    tasks = sum(stage.tasks for stage in facts.stages)
    size = log.stat().st_size
    print(f"event log of {size / MEGABYTE:.0f} MB, {tasks:,} tasks in {len(facts.stages)} stages")
    ours, bare = medians([partial(read, log), partial(decode_bare, log)])
    print(f"read into facts       {ours:6.3f} s   {size / ours / MEGABYTE:5.0f} MB/s")
    print(f"bare typed decoding   {bare:6.3f} s   ours takes {ours / bare:.2f} times it (target 1.5)")
    theirs = ignis(python, log)
    if theirs is None:
        print("spark-ignis           absent: install it anywhere, and name that Python with --ignis")
    else:
        print(f"spark-ignis           {theirs:6.3f} s   {theirs / ours:.1f} times ours (target 10)")


def read(path: Path) -> SparkFacts:
    """Read a log as triage does."""
    return read_spark_events(EventLog.at(path), Redactor())


def decode_bare(path: Path) -> int:
    """Decode the task-end lines and nothing else."""
    decode, count = msgspec.json.Decoder(End).decode, 0
    with path.open("rb") as file:
        for line in file:
            if line.startswith(TASK_END):
                decode(line)
                count += 1
    return count


IGNIS = """
import statistics, sys, time
from ignis.parser.event_log import parse_event_log
taken = []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    application = parse_event_log(sys.argv[1])
    taken.append(time.perf_counter() - began)
    del application
print(statistics.median(taken))
"""


def ignis(python: str, log: Path) -> float | None:
    """Give the time of spark-ignis's own parser, in a process of its own; None where it is not installed."""
    if python == sys.executable and importlib.util.find_spec("ignis") is None:
        return None
    done = subprocess.run([python, "-c", IGNIS, str(log), str(ROUNDS)], capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


def medians(actions: list[Callable[[], object]], rounds: int = ROUNDS) -> list[float]:
    """Give the median of each over a few rounds, in seconds. They take turns, so that a busy moment hits all."""
    taken: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, times in zip(actions, taken, strict=True):
            began = time.perf_counter()
            action()
            times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]


def peak_of(path: Path) -> int:
    """Give the peak memory, in bytes, of a fresh process that reads the log."""
    done = subprocess.run([sys.executable, __file__, "--peak", str(path)], capture_output=True, check=True)
    return int(done.stdout)


def peak_memory(path: Path) -> int:
    """Read once and give this process's peak memory in bytes."""
    import resource

    read(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss begins with the parent's.
        peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return peak if sys.platform == "darwin" else peak * 1024


def make_log(path: Path, size: int) -> None:
    """Write a log of this size."""
    lines = gzip.decompress(RECORDED.read_bytes()).splitlines()
    head = [line for line in lines if re.match(rb'{"Event":"SparkListener(LogStart|Env|ApplicationStart)', line)]
    shapes = {kind: template(lines, kind) for kind in ("TaskStart", "TaskEnd", "StageSubmitted", "StageCompleted")}
    with path.open("wb") as file:
        for line in head:
            file.write(line + b"\n")
        for stage, count in stages(size // BYTES_A_TASK):
            for block in stage_lines(shapes, stage, count):
                file.write(block)
        file.write(b'{"Event":"SparkListenerApplicationEnd","Timestamp":1796100000000}\n')


def stages(tasks: int) -> Iterator[tuple[int, int]]:
    """Divide tasks among stages of a few sizes."""
    stage = 0
    while tasks > 0:
        count = min(STAGE_SIZES[stage % len(STAGE_SIZES)], tasks)
        yield stage, count
        stage, tasks = stage + 1, tasks - count


def stage_lines(shapes: dict[str, bytes], stage: int, count: int) -> Iterator[bytes]:
    """Yield a stage's lines: two tasks run at a time, and every hundredth reads forty times as much."""
    yield shapes["StageSubmitted"] % {b"stage": stage, b"tasks": count}
    for index in range(count):
        varied = (index * 7_919 + stage * 104_729) % 1_000
        heavy = 40 if index % 100 == 99 else 1
        number, at = stage * 10_000 + index, 1_796_000_000_000 + stage * 60_000 + index * 5
        yield shapes["TaskStart"] % {b"stage": stage, b"task": number, b"at": at}
        yield shapes["TaskEnd"] % {
            b"stage": stage,
            b"task": number,
            b"at": at,
            b"end": at + 40 * heavy + varied,
            b"run": 35 * heavy + varied,
            b"read": (50_000 + 40 * varied) * heavy,
            b"records": (400 + varied) * heavy,
        }
    yield shapes["StageCompleted"] % {b"stage": stage, b"tasks": count}


def template(lines: list[bytes], kind: str) -> bytes:
    """Make a template of a recorded line: of a task of the join, which reads a shuffle."""
    start = b'{"Event":"SparkListener%s","Stage I' % kind.encode()
    found = [line for line in lines if line.startswith(start) and re.search(rb'"Stage ID":2\b', line[:90])]
    line = found[len(found) // 2].replace(b"%", b"%%")
    for name, value in (
        (b"Stage ID", b"stage"),
        (b"Number of Tasks", b"tasks"),
        (b"Task ID", b"task"),
        (b"Launch Time", b"at"),
        (b"Finish Time", b"end"),
        (b"Executor Run Time", b"run"),
        (b"Local Bytes Read", b"read"),
        (b"Total Records Read", b"records"),
    ):
        if kind == "TaskStart" and value == b"end":
            continue
        line = re.sub(rb'"%s":\d+' % name, rb'"%s":%%(%s)d' % (name, value), line)
    if kind == "TaskEnd":
        line = of_length(line, BYTES_A_TASK - 330)
    return line + b"\n"


def of_length(line: bytes, length: int) -> bytes:
    """Leave accumulables out until the line has the length that is wanted: how many there are depends on the plan."""
    head, opening, rest = line.partition(b'"Accumulables":[')
    listed, closing, tail = rest.partition(b"]}")
    kept = re.findall(rb"{[^{}]*}", listed)
    while len(kept) > 1 and len(line) > length:
        kept.pop()
        line = head + opening + b",".join(kept) + closing + tail
    return line


if __name__ == "__main__":
    main()
