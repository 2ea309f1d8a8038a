"""What one seed plays: pure data, made from the seed alone."""

import random
from typing import Literal, NamedTuple

import msgspec

SHOPS = ("berlin", "lyon", "milan", "oslo", "vienna")
JOB = "orders_daily"

Point = Literal["start", "input", "udf", "between", "after", "commit", "conflict"]
Cause = Literal["service", "denied", "code", "value", "missing", "kill", "conflict"]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One seed."""

    seed: int
    mode: str
    """A writer of ``jobs/writers.py``."""
    point: Point
    cause: Cause
    after: int = 1
    """For ``between``: the commits that had landed by then."""
    layout: Literal["day", "day_shop", "shop"] = "day_shop"
    """What the target is partitioned by."""
    shops: tuple[str, ...] = SHOPS[:3]
    good: int = 1
    """Batches that went well before."""
    stamped: bool = False
    other: Literal["", "apart", "same"] = ""
    """Someone else's rows, committed while the run was in progress: beside the batch's partitions or in one."""
    other_stamped: bool = False
    afterwards: Literal["", "later", "compaction", "expiry", "fix", "undo", "rollback"] = ""
    retried: Literal["", "glue", "orchestrator"] = ""
    """A second attempt was made, which a throttled call ended before it read anything."""
    mended: bool = False
    """A person inserted the missing rows by hand while the second attempt was running."""
    spread: Literal["hash", "none"] = "none"
    """``write.distribution-mode``: whether rows are shuffled by partition before they are written."""
    algorithm: Literal[1, 2] = 1
    """``mapreduce.fileoutputcommitter.algorithm.version``, for plain Parquet."""
    on_read: bool = False
    """Merge-on-read instead of copy-on-write."""
    landed: bool = False
    """For ``commit``: killed when the new metadata file is there, not when the manifest list is."""
    wap_by_batch: bool = False
    branch_replaced: bool = True
    control: bool = True
    whole_names: bool = False
    """Expected partitions are declared by all their fields, not by the shop alone."""

    @property
    def plain(self) -> bool:
        """Whether the target is a folder of Parquet files."""
        return self.mode.startswith("parquet")

    @property
    def staged(self) -> bool:
        """Whether the job writes a staging table first."""
        return self.mode.startswith("stage")

    @property
    def fault(self) -> str:
        """Name the fault as case names do."""
        if self.cause == "kill":
            return {
                "udf": "killed_writing",
                "between": "killed_between",
                "commit": "killed_landed" if self.landed else "killed_at_commit",
            }.get(self.point, "killed_after")
        return self.point if self.cause == self.point else f"{self.point}_{self.cause}"

    @property
    def batches(self) -> tuple[str, ...]:
        """The batch ids in order: the good ones, the failing one, a later one."""
        return tuple(f"2026-11-{day:02}" for day in range(20 - self.good, 22))

    @property
    def failing(self) -> str:
        """The batch that fails."""
        return self.batches[self.good]


class _Row(NamedTuple):
    mode: str
    point: Point
    cause: Cause
    more: dict[str, object] = {}  # noqa: RUF012 - never changed


_R = _Row
# Every mode meets its faults at least once; other writers, later batches and second attempts are spread over them.
PLAN: tuple[_Row, ...] = (
    _R("append_one", "udf", "service", {"spread": "none"}),
    _R("append_one", "after", "service"),
    _R("append_one", "start", "service", {"other": "same"}),
    _R("append_one", "udf", "kill", {"stamped": True}),
    _R("append_one", "commit", "kill", {"stamped": False}),
    _R("append_one", "after", "kill", {"stamped": False}),
    _R("append_one", "input", "missing", {"good": 2}),
    _R("append_one", "udf", "value", {"other": "same", "afterwards": "later", "stamped": False}),
    _R("append_one", "udf", "denied", {"afterwards": "fix", "stamped": True}),
    _R("append_each", "between", "service", {"after": 2}),
    _R("append_each", "between", "kill", {"after": 1, "stamped": False}),
    _R("append_each", "udf", "value", {"afterwards": "undo", "stamped": True}),
    _R("append_each", "between", "service", {"after": 1, "retried": "glue", "stamped": False}),
    _R("append_each", "start", "service", {"retried": "orchestrator", "afterwards": "later"}),
    _R("append_each", "after", "service", {"afterwards": "compaction"}),
    _R("dynamic_api", "udf", "service", {"spread": "none", "layout": "day"}),
    _R("dynamic_api", "after", "service", {"layout": "day", "stamped": False}),
    _R("dynamic_api", "after", "service", {"layout": "shop", "afterwards": "later", "stamped": True}),
    _R("dynamic_api", "conflict", "conflict", {"layout": "day_shop", "other": "same", "stamped": True}),
    _R("dynamic_api", "commit", "kill", {"layout": "day_shop", "stamped": False}),
    _R("dynamic_api", "after", "kill", {"layout": "day_shop", "afterwards": "compaction"}),
    _R("dynamic_sql", "after", "service", {"layout": "day_shop"}),
    _R("dynamic_sql", "udf", "kill", {"layout": "day"}),
    _R("dynamic_sql", "after", "code", {"layout": "shop", "good": 2}),
    _R("dynamic_each", "between", "service", {"after": 2, "layout": "day_shop", "stamped": False}),
    _R("dynamic_each", "between", "service", {"after": 1, "layout": "day_shop", "other": "apart", "stamped": True}),
    _R("dynamic_each", "between", "service", {"after": 1, "layout": "day_shop", "other": "same", "stamped": False}),
    _R("dynamic_each", "between", "kill", {"after": 1, "layout": "day_shop", "retried": "orchestrator"}),
    _R("static_sql", "after", "service", {"good": 2}),
    _R("static_sql", "udf", "service", {"good": 1}),
    _R("static_sql", "after", "kill", {"afterwards": "later", "good": 1}),
    _R("static_api", "commit", "kill", {"stamped": True}),
    _R("static_api", "after", "service", {"stamped": False, "good": 0}),
    _R("static_day", "after", "service", {"layout": "day_shop", "stamped": False}),
    _R("static_day", "udf", "value", {"layout": "day", "stamped": True}),
    _R("merge", "after", "service", {"layout": "day", "good": 2}),
    _R("merge", "after", "service", {"layout": "day", "good": 2, "on_read": True}),
    _R("merge", "after", "service", {"layout": "day_shop", "good": 0}),
    _R("merge", "udf", "service", {"layout": "day", "good": 1}),
    _R("merge", "conflict", "conflict", {"layout": "day", "good": 1, "other": "same"}),
    _R("merge", "after", "kill", {"layout": "shop", "good": 1, "afterwards": "later"}),
    _R("merge", "commit", "kill", {"layout": "day", "good": 1}),
    _R("merge_insert", "after", "service", {"layout": "day", "good": 1}),
    _R("merge_insert", "after", "kill", {"layout": "day_shop", "good": 2}),
    _R("merge_insert", "udf", "denied", {"layout": "day", "good": 1}),
    _R("wap_id", "between", "service", {"stamped": True}),
    _R("wap_id", "between", "kill", {"stamped": False, "wap_by_batch": True}),
    _R("wap_id", "after", "service", {"stamped": False}),
    _R("wap_id", "after", "service", {"stamped": True, "wap_by_batch": True}),
    _R("wap_id", "udf", "service", {"stamped": False}),
    _R("wap_branch", "between", "service", {"stamped": True, "branch_replaced": True}),
    _R("wap_branch", "between", "service", {"stamped": False, "branch_replaced": False}),
    _R("wap_branch", "after", "kill", {"stamped": False}),
    _R("wap_branch", "udf", "code", {"stamped": True}),
    _R("stage_clear", "between", "service", {"after": 2, "stamped": True}),
    _R("stage_clear", "between", "service", {"after": 1, "stamped": False, "good": 2}),
    _R("stage_clear", "after", "service", {"stamped": False}),
    _R("stage_keep", "between", "service", {"after": 2, "stamped": False}),
    _R("stage_keep", "between", "kill", {"after": 3, "stamped": True}),
    _R("stage_overwrite", "between", "service", {"after": 1, "stamped": False, "layout": "day_shop"}),
    _R("stage_overwrite", "between", "kill", {"after": 2, "stamped": True, "layout": "day"}),
    _R("stage_overwrite", "udf", "service", {"stamped": False, "layout": "day"}),
    _R("parquet_append", "udf", "service", {"algorithm": 1}),
    _R("parquet_append", "udf", "service", {"algorithm": 2}),
    _R("parquet_append", "udf", "kill", {"algorithm": 1}),
    _R("parquet_append", "udf", "kill", {"algorithm": 2}),
    _R("parquet_append", "commit", "kill", {"algorithm": 1}),
    _R("parquet_append", "after", "service", {"algorithm": 1}),
    _R("parquet_append", "start", "service", {"algorithm": 2, "other": "same"}),
    _R("parquet_overwrite", "udf", "service", {"algorithm": 1}),
    _R("parquet_overwrite", "udf", "kill", {"algorithm": 2}),
    _R("parquet_overwrite", "after", "service", {"algorithm": 2}),
    _R("parquet_dynamic", "udf", "service", {"algorithm": 1}),
    _R("parquet_dynamic", "after", "service", {"algorithm": 1}),
    _R("parquet_dynamic", "udf", "kill", {"algorithm": 2}),
    _R("append_one", "start", "code", {"good": 2, "afterwards": "later"}),
    _R("append_each", "between", "service", {"after": 2, "other": "apart", "stamped": False}),
    _R("dynamic_each", "start", "service", {"retried": "glue", "other": "apart", "layout": "day_shop"}),
    _R("dynamic_api", "start", "denied", {"layout": "shop", "afterwards": "later"}),
    _R("merge", "start", "service", {"layout": "day", "good": 2, "afterwards": "later"}),
    _R("static_sql", "start", "service", {"good": 1, "other": "apart"}),
    _R("dynamic_sql", "input", "missing", {"layout": "day_shop", "good": 2}),
    _R("append_one", "udf", "service", {"other": "apart", "stamped": True}),
    _R("append_one", "commit", "kill", {"landed": True, "stamped": True}),
    _R("append_one", "commit", "kill", {"landed": True, "stamped": False, "good": 2}),
    _R("dynamic_api", "commit", "kill", {"landed": True, "stamped": False, "layout": "day_shop"}),
    _R("merge", "commit", "kill", {"landed": True, "layout": "day", "good": 2}),
    _R("append_one", "start", "service", {"afterwards": "later", "stamped": True}),
    _R("append_one", "start", "service", {"afterwards": "later", "stamped": False}),
    _R("append_each", "between", "service", {"after": 1, "afterwards": "later", "stamped": True}),
    _R("dynamic_api", "udf", "service", {"afterwards": "later", "stamped": True, "layout": "day_shop"}),
    _R("dynamic_api", "after", "denied", {"afterwards": "later", "stamped": False, "layout": "day_shop"}),
    _R("append_one", "udf", "kill", {"afterwards": "compaction", "stamped": False, "good": 2}),
    _R("parquet_append", "commit", "kill", {"algorithm": 2}),
    _R("stage_clear", "udf", "service", {"stamped": False, "good": 0}),
    _R("wap_branch", "between", "kill", {"stamped": True, "branch_replaced": True, "good": 2}),
    _R("append_one", "start", "service", {"other": "apart", "stamped": False, "good": 2}),
    _R("dynamic_each", "after", "code", {"stamped": True, "good": 2}),
    _R("append_one", "udf", "service", {"stamped": True, "retried": "orchestrator", "mended": True}),
    _R("append_one", "start", "service", {"stamped": False, "retried": "glue", "afterwards": "fix"}),
    _R("append_one", "udf", "value", {"stamped": True, "good": 1}),
    _R("parquet_append", "udf", "kill", {"algorithm": 1, "afterwards": "later"}),
    _R("parquet_append", "udf", "kill", {"algorithm": 1, "retried": "orchestrator", "good": 2}),
    _R("parquet_overwrite", "udf", "kill", {"algorithm": 1}),
    _R("parquet_dynamic", "udf", "kill", {"algorithm": 1, "good": 2}),
    _R("append_one", "udf", "kill", {"stamped": False, "retried": "orchestrator", "mended": True}),
    _R("append_one", "after", "service", {"afterwards": "rollback", "stamped": True, "good": 2}),
    _R("append_each", "between", "kill", {"after": 1, "afterwards": "rollback", "stamped": False}),
    _R("append_one", "after", "service", {"afterwards": "expiry", "stamped": True, "good": 2}),
    _R("append_each", "between", "service", {"after": 2, "afterwards": "expiry", "stamped": False, "good": 2}),
    _R("dynamic_api", "after", "service", {"afterwards": "expiry", "good": 2, "layout": "day", "stamped": False}),
    _R("append_one", "start", "service", {"afterwards": "expiry", "good": 2, "stamped": False}),
    _R("wap_branch", "udf", "service", {"good": 0, "stamped": False}),
    _R("dynamic_each", "between", "service", {"after": 2, "afterwards": "compaction", "stamped": False}),
)


def scenario(seed: int) -> Scenario:
    """Make the scenario of a seed: those of the plan first, then random draws from it with other details."""
    chance = random.Random(seed)
    row = PLAN[seed] if seed < len(PLAN) else chance.choice(PLAN)
    details: dict[str, object] = {
        "shops": tuple(sorted(chance.sample(SHOPS, chance.randint(3, 4)))),
        "good": chance.choice((0, 1, 1, 2, 3)),
        "stamped": chance.random() < 0.5,
        "spread": chance.choice(("hash", "none")),
        "layout": chance.choice(("day", "day_shop")),
        "other_stamped": chance.random() < 0.5,
        "control": chance.random() < 0.85,
        "whole_names": chance.random() < 0.5,
    }
    details |= row.more if seed < len(PLAN) else {key: row.more[key] for key in row.more if key != "stamped"}
    made = Scenario(seed=seed, mode=row.mode, point=row.point, cause=row.cause, **details)  # type: ignore[arg-type]
    return msgspec.structs.replace(made, **_settled(made))


def _settled(made: Scenario) -> dict[str, object]:
    """Give the details that the mode itself decides."""
    settled: dict[str, object] = {}
    if made.mode.endswith("_each"):
        settled["layout"] = "day_shop"  # one commit a shop: a partition each
    if made.plain:
        settled |= {"layout": "day_shop", "stamped": False}
    if made.mode in {"dynamic_sql", "static_sql", "merge", "merge_insert"}:
        settled["stamped"] = False  # SQL takes no write options
    return settled
