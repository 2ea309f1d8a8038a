"""Who read and wrote what, by lineage: runs put together from their steps, and found by any name of a dataset."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pipetriage.model.datasets import is_job, jobs_of, spellings_of
from pipetriage.model.facts import LineageDataset, LineageRun


class Reader(NamedTuple):
    """One run with all of its steps. Whether it failed or goes on changes nothing: it may have read and written."""

    job: str
    run_ids: frozenset[str]
    started_at: datetime | None
    ended_at: datetime | None
    """None while any of its steps has not ended, or is not known to have."""
    state: str
    inputs: tuple[LineageDataset, ...]
    outputs: tuple[LineageDataset, ...]
    owner: str | None
    evidence: str
    above: tuple[str, ...] = ()
    """The jobs that started it: an orchestrator's task, its workflow."""
    is_task: bool = False
    """An orchestrator's task, ``workflow.task``: the tasks of one workflow are as many readers."""

    def runs_job(self, name: str) -> bool:
        """Whether it is the job of that name or a step of it. A workflow's other tasks are not."""
        return self.job.casefold() == name.casefold() if self.is_task else is_job(self.job, name)


class LineageGraph:
    """All runs of the evidence, found by the datasets that they read."""

    def __init__(self, runs: Iterable[LineageRun]) -> None:
        self.readers = _together(runs)
        self._by_input: dict[str, dict[int, list[LineageDataset]]] = defaultdict(lambda: defaultdict(list))
        self._by_snapshot: dict[str, dict[int, list[LineageDataset]]] = defaultdict(lambda: defaultdict(list))
        spelled: dict[tuple[str, ...], tuple[str, ...]] = {}
        for number, reader in enumerate(self.readers):
            for dataset in reader.inputs:
                names = dataset.names
                if dataset.snapshot_id:
                    self._by_snapshot[dataset.snapshot_id][number].append(dataset)
                if names not in spelled:
                    spelled[names] = tuple(dict.fromkeys(one for name in names for one in spellings_of(name)))
                for spelling in spelled[names]:
                    self._by_input[spelling][number].append(dataset)

    def readings_of(self, names: Iterable[str]) -> list[tuple[Reader, list[LineageDataset]]]:
        """Give the runs that read a dataset of any of these names, in the order of the evidence, and what of it."""
        found: dict[int, dict[LineageDataset, None]] = defaultdict(dict)
        for spelling in dict.fromkeys(one for name in names for one in _table_spellings(name)):
            for number, datasets in self._by_input.get(spelling, {}).items():
                found[number].update(dict.fromkeys(datasets))
        return [(self.readers[number], list(found[number])) for number in sorted(found)]

    def readings_of_snapshot(self, output: LineageDataset) -> list[tuple[Reader, list[LineageDataset]]]:
        """Give the runs that read just what a run wrote: the same snapshot of a dataset that has a name in common."""
        wanted = {one for name in output.names for one in _table_spellings(name)}
        found = []
        for number, datasets in self._by_snapshot.get(output.snapshot_id or "", {}).items():
            same = [
                one for one in datasets if any(name in wanted for given in one.names for name in spellings_of(given))
            ]
            if same:
                found.append((self.readers[number], same))
        return found

    def jobs(self) -> frozenset[str]:
        """Name every job of which there is an event, a step's or one that it started among them."""
        told = {job for reader in self.readers for job in (reader.job, *reader.above)}
        return frozenset(name for job in told for name in jobs_of(job))


def _table_spellings(name: str) -> list[str]:
    """A table's name, and the same without a catalog: a location is only itself, and never one of its folders."""
    parts = name.split(".")
    return [name, ".".join(parts[-2:])] if "/" not in name and len(parts) > 2 else [name]


def _together(runs: Iterable[LineageRun]) -> list[Reader]:
    """Put the steps of each run together."""
    steps: dict[str, list[LineageRun]] = defaultdict(list)
    for run in runs:
        steps[run.root_run or run.run_id].append(run)
    return [_one(root, several) for root, several in steps.items()]


def _one(root: str, steps: list[LineageRun]) -> Reader:
    # The run itself tells when it ended; steps that ended say nothing of one that goes on.
    own = next((step for step in steps if step.run_id == root), None)
    starts = [step.started_at for step in steps if step.started_at is not None]
    ends = [step.ended_at for step in steps]
    last = max((end for end in ends if end is not None), default=None) if None not in ends else None
    head = own or steps[0]
    return Reader(
        job=next((step.root_job for step in steps if step.root_job), head.job),
        run_ids=frozenset({root, *(step.run_id for step in steps)}),
        started_at=min(starts, default=None),
        ended_at=own.ended_at if own is not None else last,
        state=head.state,
        inputs=tuple(dict.fromkeys(one for step in steps for one in step.inputs)),
        outputs=tuple(dict.fromkeys(one for step in steps for one in step.outputs)),
        owner=next((step.owner for step in steps if step.owner), None),
        evidence=head.evidence,
        above=tuple(dict.fromkeys(one for step in steps for one in step.above)),
        is_task=head.is_task,
    )
