"""What the pipelines of the lab do: each mode is a list of steps, one commit each, and what its owner would declare."""

from dataclasses import dataclass
from typing import Literal

from lab.rows import Layout

Format = Literal["iceberg", "delta", "parquet"]
Op = Literal[
    "append",
    "replace_partitions",
    "replace_all",
    "delete_day",
    "merge_key",
    "merge_insert",
    "python_overwrite",
    "python_upsert",
    "empty",
    "stage",
    "cherry_pick",
    "branch_append",
    "fast_forward",
]
Committer = Literal["v1", "v2", "dynamic"]

TARGET, SECOND, STAGING = "sales.orders", "sales.orders_by_customer", "sales.orders_staging"

MODES: dict[Format, tuple[str, ...]] = {
    "iceberg": (
        "append_one",
        "append_many",
        "overwrite_partitions_one",
        "overwrite_partitions_many",
        "overwrite_partitions_python",
        "overwrite_table",
        "merge_key",
        "merge_upsert",
        "merge_nonkey",
        "delete_append",
        "staging_emptied_append",
        "staging_emptied_overwrite",
        "staging_emptied_merge",
        "staging_kept_append",
        "staging_kept_overwrite",
        "staging_kept_merge",
        "wap_cherry_pick",
        "wap_branch",
        "two_targets_append",
        "two_targets_overwrite",
    ),
    "delta": (
        "append_one",
        "append_many",
        "overwrite_partitions_one",
        "overwrite_partitions_many",
        "overwrite_table",
        "merge_key",
        "merge_nonkey",
        "delete_append",
    ),
    "parquet": ("append_v1", "append_v2", "overwrite_dynamic", "overwrite_static_v1", "overwrite_static_v2"),
}
"""Every mode the lab knows, by table format."""

PYTHON_MODES = frozenset({"overwrite_partitions_python", "merge_upsert"})
"""Modes that pyiceberg itself commits; the others are committed in the shape Spark gives them."""


@dataclass(frozen=True)
class Step:
    """One commit of the job to one table."""

    table: str
    op: Op
    shops: tuple[str, ...] | None = None
    """Only these shops' rows; None: all of the batch."""
    from_staging: bool = False
    """The rows are read from staging instead of the input."""


@dataclass(frozen=True)
class Declared:
    """What an honest owner declares of one output."""

    table: str
    write_mode: str | None
    role: str = "target"
    keys: tuple[str, ...] = ()
    merge_repeatable: bool = False
    commits: str | None = "one"


@dataclass(frozen=True)
class Recipe:
    """A job's steps and its declaration."""

    steps: tuple[Step, ...]
    outputs: tuple[Declared, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables it writes."""
        return tuple(dict.fromkeys(step.table for step in self.steps))


def recipe(fmt: Format, mode: str, layout: Layout, shops: tuple[str, ...]) -> Recipe:
    """Give the recipe of a mode."""
    if fmt == "parquet":
        return _parquet(mode, shops)
    if mode.startswith("staging_"):
        return _staged(mode, layout, shops)
    if mode.startswith("two_targets_"):
        write = "append" if mode.endswith("append") else "overwrite_partitions"
        op: Op = "append" if mode.endswith("append") else "replace_partitions"
        return Recipe(
            (Step(TARGET, op), Step(SECOND, op)),
            (Declared(TARGET, write), Declared(SECOND, write)),
        )
    return _single(mode, layout, shops)


def _each(table: str, op: Op, shops: tuple[str, ...]) -> tuple[Step, ...]:
    return tuple(Step(table, op, (shop,)) for shop in shops)


def _single(mode: str, layout: Layout, shops: tuple[str, ...]) -> Recipe:
    # By day only, one commit a shop would each replace the whole day: no one writes a job like that.
    apart = layout != "day"
    keys = ("key",)
    many = "many"
    table: dict[str, tuple[tuple[Step, ...], Declared]] = {
        "append_one": ((Step(TARGET, "append"),), Declared(TARGET, "append")),
        "append_many": (_each(TARGET, "append", shops), Declared(TARGET, "append", commits=many)),
        "overwrite_partitions_one": ((Step(TARGET, "replace_partitions"),), Declared(TARGET, "overwrite_partitions")),
        "overwrite_partitions_many": (
            _each(TARGET, "replace_partitions", shops) if apart else (Step(TARGET, "replace_partitions"),),
            Declared(TARGET, "overwrite_partitions", commits=many if apart else "one"),
        ),
        "overwrite_partitions_python": (
            _each(TARGET, "python_overwrite", shops) if apart else (Step(TARGET, "python_overwrite"),),
            Declared(TARGET, "overwrite_partitions", commits=many),
        ),
        "overwrite_table": ((Step(TARGET, "replace_all"),), Declared(TARGET, "overwrite_table")),
        "merge_key": (
            (Step(TARGET, "merge_key"),),
            Declared(TARGET, "merge", keys=keys, merge_repeatable=True),
        ),
        "merge_upsert": (
            (Step(TARGET, "python_upsert"),),
            Declared(TARGET, "merge", keys=keys, merge_repeatable=True, commits=None),
        ),
        "merge_nonkey": ((Step(TARGET, "merge_insert"),), Declared(TARGET, "merge")),
        "delete_append": (
            (Step(TARGET, "delete_day"), Step(TARGET, "append")),
            Declared(TARGET, "delete_append", commits=many),
        ),
        "wap_cherry_pick": (
            (Step(TARGET, "stage"), Step(TARGET, "cherry_pick")),
            Declared(TARGET, "append"),
        ),
        "wap_branch": (
            (*_each(TARGET, "branch_append", shops), Step(TARGET, "fast_forward")),
            Declared(TARGET, "append", commits=many),
        ),
    }
    steps, declared = table[mode]
    return Recipe(steps, (declared,))


def _staged(mode: str, layout: Layout, shops: tuple[str, ...]) -> Recipe:
    _, keeping, publish = mode.split("_")
    ops: dict[str, tuple[Op, Declared]] = {
        "append": ("append", Declared(TARGET, "append")),
        "overwrite": ("replace_partitions", Declared(TARGET, "overwrite_partitions")),
        "merge": ("merge_key", Declared(TARGET, "merge", keys=("key",), merge_repeatable=True)),
    }
    op, target = ops[publish]
    fill = (*_each(STAGING, "append", shops), Step(TARGET, op, from_staging=True))
    first: tuple[Step, ...] = (Step(STAGING, "empty"),) if keeping == "emptied" else ()
    return Recipe((*first, *fill), (target, Declared(STAGING, "append", role="staging", commits="many")))


def _parquet(mode: str, shops: tuple[str, ...]) -> Recipe:
    if mode.startswith("append"):
        # Committer v2 shows each task's file as the task ends; v1 shows all at the job's commit.
        steps = _each(TARGET, "append", shops) if mode == "append_v2" else (Step(TARGET, "append"),)
        return Recipe(steps, (Declared(TARGET, "append", commits=None),))
    steps = (Step(TARGET, "replace_partitions"),)
    return Recipe(steps, (Declared(TARGET, "overwrite_partitions", commits=None),))
