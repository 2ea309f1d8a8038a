"""Prints how long it takes to say who read a failed batch, from raw OpenLineage events, and what a scan would take.

10,000 events of 5,000 runs over 1,000 datasets: layers of marts, each reading two datasets of the layer below; the
batch's table is one of the lowest. The named alternative asks of each run and dataset whether they match, as one does
without an index, and follows the same graph.
"""

import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_lineage
from pipetriage.model.facts import LineageRun
from pipetriage.model.write_state import ExposureWindow
from pipetriage.verdict.attempts import find_attempts
from pipetriage.verdict.exposed_by_lineage import by_lineage, collapsed
from pipetriage.verdict.exposure_windows import BadTable
from pipetriage.verdict.lineage_graph import LineageGraph
from tests.building import make_context

RUNS, DATASETS, LAYERS = 5_000, 1_000, 10
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def dataset(number: int) -> dict[str, Any]:
    link = {"namespace": "arn:aws:glue:eu-west-1:111122223333", "name": f"table/lake/t{number}", "type": "TABLE"}
    return {"namespace": "s3://lake", "name": f"lake.db/t{number}", "facets": {"symlinks": {"identifiers": [link]}}}


def events() -> list[dict[str, Any]]:
    random, found = Random(8), list[dict[str, Any]]()  # noqa: S311 - the same graph each time
    width = DATASETS // LAYERS
    for number in range(RUNS):
        layer = number % (LAYERS - 1)
        reads = [dataset(layer * width + random.randrange(width)) for _ in range(2)]
        writes = dataset((layer + 1) * width + random.randrange(width))
        at = START + timedelta(seconds=number)
        head = {"run": {"runId": f"run-{number}"}, "job": {"namespace": "x", "name": f"job_{number % 900}"}}
        found.append({**head, "eventType": "START", "eventTime": at.isoformat(), "inputs": reads, "outputs": []})
        end = (at + timedelta(minutes=5)).isoformat()
        found.append({**head, "eventType": "COMPLETE", "eventTime": end, "inputs": reads, "outputs": [writes]})
    return found


def by_scanning(runs: tuple[LineageRun, ...], name: str) -> int:
    """Follow the graph without an index; give how many runs it reaches."""
    reached: set[str] = set()
    wanted = [name]
    while wanted:
        table = wanted.pop()
        for run in runs:
            if run.run_id not in reached and any(table in one.names for one in run.inputs):
                reached.add(run.run_id)
                wanted += [one.names[0] for one in run.outputs]
    return len(reached)


def main() -> None:
    documents = events()
    context = make_context()
    attempts = find_attempts(context)
    window = ExposureWindow(
        table="lake.t1", since=START, until=None, ended_by=None, first_snapshot=None, why="", evidence=[]
    )
    bad = [BadTable(window, frozenset({"lake.t1", "s3://lake/lake.db/t1"}), frozenset(), frozenset())]
    best = reading = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        runs = read_lineage(documents, Redactor())
        read = time.perf_counter()
        found, _ = by_lineage(LineageGraph(runs), bad, context, attempts, timedelta(minutes=1))
        readers = collapsed(found)
        best, reading = min((time.perf_counter() - began, read - began), (best, reading))
    began = time.perf_counter()
    reached = by_scanning(runs, "s3://lake/lake.db/t1")
    scan = time.perf_counter() - began
    print(
        f"exposure: {len(documents):,} events over {DATASETS:,} datasets to {len(readers):,} readers "
        f"in {best:.2f} s, {reading:.2f} s of it reading the events; "
        f"following {reached:,} runs without an index takes {scan:.2f} s, {scan / best:.1f} times ours"
    )


if __name__ == "__main__":
    main()
