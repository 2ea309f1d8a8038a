"""The tables that a job writes, and how its commits look: the tables are seen, the rest is guessed."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipetriage.drafting.batch import Batch
from pipetriage.drafting.line import Line
from pipetriage.model.habits import CommitSeen, Habits, TableSeen

_STAGING = re.compile(r"(?i)(?:^|_)(?:staging|stage|stg|tmp|temp)(?:$|_)")
_LISTED = 200
"""Partitions that are written out by name; more are counted."""


def table_lines(table: TableSeen, habits: Habits, batch: Batch | None) -> Iterator[Line]:
    """Yield the lines of one output: the table itself stands where the job is seen to write it."""
    sure, why = _is_written(table, habits)

    def line(key: str, value: Any, why: str, *, seen: bool = False) -> Line:
        return Line(key=key, value=value, origin="seen" if seen else "guessed", why=why, live=seen, table=table.name)

    yield line("table", table.name, why, seen=sure)
    if not sure:
        # The rest would stand under another table if only some of it were uncommented.
        return
    if table.format:
        yield line("format", table.format, f"the Glue catalog's entry of {table.name}", seen=True)
    if _STAGING.search(table.name.rpartition(".")[2]):
        yield line("role", "staging", "only its name says so")
    if guess := _write_mode(table):
        yield line("write_mode", *guess)
    yield from (line(*one) for one in _partitions(table, batch))
    if commits := _commits(table):
        yield line("commits", *commits)


def _is_written(table: TableSeen, habits: Habits) -> tuple[bool, str]:
    """Whether the job is seen to write the table, and what showed it."""
    stamped = {commit.run_id for commit in table.commits if commit.stamped_by}
    by_time = {commit.run_id for commit in table.commits} - stamped
    of = f"of {len(habits.good)} good runs"
    if stamped:
        example = next(commit for commit in reversed(table.commits) if commit.stamped_by)
        told = f"snapshots carry the ids of {len(stamped)} {of}, as {example.snapshot_id} does ({example.stamped_by})"
        return True, f"{told}; named by {table.where}"
    if table.named_by == "lineage":
        return True, f"an output in {table.where}"
    timed = f"it was committed to while {len(by_time)} {of} ran" if by_time else "no commit of the runs is seen in it"
    if table.named_by == "person":
        return True, f"named by {table.where}; {timed}"
    return False, f"named by {table.where}, which may be an input; {timed}"


def _write_mode(table: TableSeen) -> tuple[str, str] | None:
    """Guess how the table is written, from what its commits did."""
    runs: dict[str, list[CommitSeen]] = {}
    for commit in table.commits:
        runs.setdefault(commit.run_id, []).append(commit)
    kinds = Counter(_mode_of(commits) for commits in runs.values())
    if not kinds:
        return None
    if len(kinds) > 1:
        # Some runs replaced something and some had nothing to replace: the first of a partition's overwrites looks so.
        kinds.pop("append", None)
    mode, count = kinds.most_common(1)[0]
    operations = sorted({commit.operation for commit in table.commits})
    why = f"{', '.join(operations)} in {len(runs)} runs, {count} of them as this mode would look"
    if mode == "overwrite_partitions":
        why += "; MERGE, UPDATE and DELETE look the same"
    return mode, why


def _mode_of(commits: list[CommitSeen]) -> str:
    operations = [commit.operation for commit in commits]
    if all(operation == "append" for operation in operations):
        return "append"
    if "delete" in operations and "append" in operations:
        return "delete_append"
    first = next(commit for commit in commits if commit.operation != "append")
    if first.removed_everything:
        return "overwrite_table"
    return "overwrite_partitions"


def _partitions(table: TableSeen, batch: Batch | None) -> Iterator[tuple[str, Any, str]]:
    """Yield the field that tells a batch's partitions apart, and which of them a batch fills."""
    by_run: dict[str, set[tuple[tuple[str, str | None], ...]]] = {}
    for commit in table.commits:
        if commit.partitions is not None:
            by_run.setdefault(commit.run_id, set()).update(tuple(sorted(one.items())) for one in commit.partitions)
    if not table.partition_fields:
        return
    fields = table.partition_fields
    field = next((one for one in fields if _varies(one, by_run)), fields[-1])
    yield "partition_field", field, f"the table is partitioned by {', '.join(fields)}"
    if len(by_run) < 2:
        return
    values = {run: {str(dict(one).get(field)) for one in partitions} for run, partitions in by_run.items()}
    of = f"in {len(values)} runs"
    if batch is not None and all(found == {batch.values.get(run)} for run, found in values.items()):
        yield "expected_partitions", ["{batch_id}"], f"each run filled {field}=its batch id, {of}"
        return
    if len({frozenset(found) for found in values.values()}) == 1:
        same = sorted(next(iter(values.values())))
        if len(same) <= _LISTED:
            yield "expected_partitions", same, f"the same {len(same)} were filled {of}"
            return
    counts = {len(found) for found in values.values()}
    if len(counts) == 1:
        yield "expected_partitions", counts.pop(), f"as many were filled {of}"


def _varies(field: str, by_run: dict[str, set[tuple[tuple[str, str | None], ...]]]) -> bool:
    """Whether one run fills several of a field's partitions: those are what may be left out half way."""
    return any(len({dict(one).get(field) for one in partitions}) > 1 for partitions in by_run.values())


def _commits(table: TableSeen) -> tuple[str, str] | None:
    counts = Counter(commit.run_id for commit in table.commits)
    if len(counts) < 2:
        return None
    if set(counts.values()) == {1}:
        return "one", f"each of {len(counts)} runs made one commit"
    return "many", f"runs made {min(counts.values())} to {max(counts.values())} commits"
