"""The truth: the tables that one clean run of every batch gives, next to what others legitimately wrote.

Computed on plain lists, not by the writers under test. Several results are right: the failed batch may stand at any
place among what others wrote since it first began, as long as that takes no one's rows away that were still there.
"""

from collections import Counter
from dataclasses import dataclass, field

from lab.recipes import STAGING, Op, Step
from lab.rows import Layout, Row, partition
from lab.scenario import Scenario

State = dict[str, Counter[Row]]


@dataclass(frozen=True)
class Written:
    """What someone else wrote: one operation on one table."""

    table: str
    op: Op
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Batch:
    """One batch of the pipeline."""

    rows: tuple[Row, ...]


Event = Written | Batch


@dataclass
class History:
    """All that should be in the tables, in order."""

    scenario: Scenario
    before: list[Event] = field(default_factory=list)
    """Up to the failed batch's first attempt."""
    since: list[Event] = field(default_factory=list)
    failed: Batch = field(default_factory=lambda: Batch(()))

    def settled(self) -> State:
        """Give the tables before the failed batch began."""
        return self._played(self.before)

    def accepted(self, visible: State) -> list[State]:
        """Give every right result, the failed batch standing first or later among the others.

        ``visible``: the tables before the rerun. What the failed attempts replaced before that, a clean run at that
        time would have replaced as well; what is still there must stay.
        """
        right = []
        for place in range(len(self.since) + 1):
            earlier = self._played([*self.before, *self.since[:place]])
            after = {table: Counter(rows) for table, rows in earlier.items()}
            _apply(after, self.failed, self.scenario)
            theirs = _written_by(self.since[:place])
            lost = {table: _lost(earlier[table], after[table]) & theirs for table in earlier if table != STAGING}
            if any(rows & set(visible[table]) for table, rows in lost.items()):
                continue
            for event in self.since[place:]:
                _apply(after, event, self.scenario)
            right.append(after)
        return right

    def is_right(self, seen: State, before: State) -> bool:
        """Whether the tables are as they should be, after a rerun that found them as ``before``."""
        accepted = self.accepted(before)
        return any(all(self._agrees(table, seen[table], state[table]) for table in seen) for state in accepted)

    def _agrees(self, table: str, seen: Counter[Row], wanted: Counter[Row]) -> bool:
        if seen == wanted:
            return True
        # A staging table that each run empties holds whichever batch ran last; nothing else reads it.
        emptied = any(step.op == "empty" for step in self.scenario.recipe.steps)
        return table == STAGING and emptied and seen == Counter(self.failed.rows)

    def _played(self, events: list[Event]) -> State:
        state: State = {table: Counter() for table in self.scenario.recipe.tables}
        for event in events:
            _apply(state, event, self.scenario)
        return state


def _written_by(events: list[Event]) -> set[Row]:
    return {row for event in events for row in event.rows}


def _lost(before: Counter[Row], after: Counter[Row]) -> set[Row]:
    return set(before - after)


def _apply(state: State, event: Event, scenario: Scenario) -> None:
    if isinstance(event, Written):
        state[event.table] = changed(state[event.table], event.op, list(event.rows), scenario.layout)
        return
    steps = scenario.recipe.steps
    for number, step in enumerate(steps):
        rows = _rows_of(step, event, state)
        op = step.op
        if op == "stage" or op == "branch_append":
            continue  # nobody sees it yet
        if op == "fast_forward":
            rows = [row for row in event.rows if any(_takes(one, row) for one in steps[:number])]
        state[step.table] = changed(state[step.table], op, rows, scenario.layout)


def _takes(step: Step, row: Row) -> bool:
    return step.shops is None or row.shop in step.shops


def _rows_of(step: Step, batch: Batch, state: State) -> list[Row]:
    if step.from_staging:
        days = {row.day for row in batch.rows}
        return [row for row in state[STAGING].elements() if row.day in days]
    return [row for row in batch.rows if _takes(step, row)]


def changed(rows: Counter[Row], op: Op, new: list[Row], layout: Layout) -> Counter[Row]:
    """Give a table's rows after an operation."""
    added = Counter(new)
    match op:
        case "append" | "merge_insert" | "cherry_pick" | "fast_forward":
            return rows + added
        case "replace_partitions" | "python_overwrite":
            hit = {partition(row, layout) for row in new}
            return _without(rows, lambda row: partition(row, layout) in hit) + added
        case "replace_all":
            return added
        case "empty":
            return Counter()
        case "delete_day":
            days = {row.day for row in new}
            return _without(rows, lambda row: row.day in days)
        case "merge_key" | "python_upsert":
            keys = {row.key for row in new}
            return _without(rows, lambda row: row.key in keys) + added
        case _:
            raise ValueError(f"{op} does not change what readers see")


def _without(rows: Counter[Row], hit: object) -> Counter[Row]:
    assert callable(hit)  # noqa: S101 - narrows for the type checker
    return Counter({row: count for row, count in rows.items() if not hit(row)})
