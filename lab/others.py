"""The other writers of the lake: another job, a sibling of the same batch, a compaction, a stream, a person."""

import random
import time
from typing import TYPE_CHECKING

from lab.changes import Tables
from lab.recipes import TARGET, Op
from lab.rows import Row
from lab.scenario import Other, Scenario
from lab.stamps import engine, shaped
from lab.truth import History, Written

if TYPE_CHECKING:
    from lab.job import Point
    from lab.platform import Platform

_ELSEWHERE_DAY, _ELSEWHERE_SHOP = "2026-01-15", "zurich"


class Others:
    """Lets the others write when their time comes, and tells the truth about it."""

    def __init__(self, scenario: Scenario, tables: Tables, platform: "Platform", history: History) -> None:
        self._scenario = scenario
        self._tables = tables
        self._platform = platform
        self._history = history
        self._waiting = list(scenario.others)
        self._chance = random.Random(f"others {scenario.seed}")
        self._rows_made = 0
        self.acted: list[str] = []

    def act_during(self, attempt: int, point: "Point | None") -> None:
        """Let those write whose time has come; ``point`` None: the attempt has just ended."""
        for other in list(self._waiting):
            if other.attempt != attempt:
                continue
            begins = point is not None and point.name == "before_reading" and other.step < 0
            reached = point is not None and point.name == "committed" and point.step == other.step
            if begins or reached or point is None:
                self._waiting.remove(other)
                self._act(other)

    def act_after(self) -> None:
        """Let those write that come after the last attempt."""
        for other in list(self._waiting):
            self._waiting.remove(other)
            self._act(other)

    def conflict(self, table: str) -> None:
        """Commit to the table between a job's data files and its commit."""
        self._write(table, "append", self._rows(same=False), self._named_job())

    def _act(self, other: Other) -> None:
        self.acted.append(other.kind)
        time.sleep(0.002)
        rows = self._rows(same=other.same_partitions)
        match other.kind:
            case "job":
                self._write(TARGET, "append", rows, self._named_job())
            case "sibling_job":
                day = self._failed_day()
                named = {"batch_id": day}
                if self._chance.random() < 0.5:
                    named["glue-job-run-id"] = self._platform.new_run_id()
                self._write(TARGET, "append", rows, self._stamped(named))
            case "overwriting_job":
                self._write(TARGET, "replace_partitions", rows, self._named_job())
            case "compaction":
                self._tables.compact(TARGET, self._stamped({}))
            case "stream":
                app = self._stamped({})
                for row in (rows * 3)[:3]:
                    self._write(TARGET, "append", [row._replace(id=f"{row.id}-{self._next()}")], app)
            case "person":
                self._write(TARGET, "append", rows, {})
        time.sleep(0.002)

    def _write(self, table: str, op: Op, rows: list[Row], summary: dict[str, str]) -> None:
        strict, self._tables.strict = self._tables.strict, False
        self._tables.prepare(op, table, rows, summary, "other").commit()
        self._tables.strict = strict
        self._history.since.append(Written(table, op, tuple(rows)))

    def _rows(self, *, same: bool) -> list[Row]:
        scenario = self._scenario
        day = self._failed_day() if same else _ELSEWHERE_DAY
        shop = self._chance.choice(scenario.shops) if same else _ELSEWHERE_SHOP
        # Another's keys are its own, except where it meets the batch's own rows under the same key.
        key = f"{shop}-{self._chance.randrange(4)}" if same and self._chance.random() < 0.3 else f"o-{self._next()}"
        return [Row(f"other-{self._next()}", day, shop, key, 7)]

    def _next(self) -> int:
        self._rows_made += 1
        return self._rows_made

    def _failed_day(self) -> str:
        return f"2026-11-{self._scenario.history + 1:02}"

    def _named_job(self) -> dict[str, str]:
        named = {"glue-job-run-id": self._platform.new_run_id()} if self._chance.random() < 0.6 else {}
        return self._stamped(named)

    def _stamped(self, named: dict[str, str]) -> dict[str, str]:
        if self._scenario.fmt == "iceberg":
            return {**engine(self._platform.new_app_id()), **named}
        return shaped(self._scenario, named, None)
