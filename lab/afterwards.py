"""What happens between the failure and the triage: a person's fix, a rollback, a compaction, expiry, lost input."""

import shutil
from collections import Counter

from lab.changes import Tables
from lab.platform import Platform
from lab.recipes import STAGING
from lab.rows import write_input
from lab.scenario import Scenario
from lab.truth import History, State


class Afterwards:
    """Does what the scenario says, and only where it makes sense."""

    def __init__(self, scenario: Scenario, tables: Tables, platform: Platform, history: History) -> None:
        self._scenario = scenario
        self._tables = tables
        self._platform = platform
        self._history = history
        self.stage = ""
        """The name under which the last attempt staged its write."""
        self._targets = [table for table in scenario.recipe.tables if table != STAGING]

    def before_later_batches(self, marks: dict[str, str | None], day: str) -> None:
        """Do what comes right after the failure."""
        match self._scenario.after:
            case "fix_append":
                self._append_what_is_missing()
            case "fix_delete":
                for table in self._targets:
                    ours = [row for row in self._tables.rows(table).elements() if row in self._history.failed.rows]
                    if ours:
                        self._tables.remove(table, ours, {})
            case "rollback":
                if not self._history.since:
                    for table, mark in marks.items():
                        if mark is not None and mark != self._tables.mark(table):
                            self._tables.roll_back(table, mark)
            case "recreated":
                self._tables.recreate(self._targets[0])
            case _:
                pass

    def after_later_batches(self, day: str) -> None:
        """Do what comes last before the triage."""
        match self._scenario.after:
            case "compaction":
                self._tables.compact(self._targets[0], {})
            case "expiry":
                for table in self._scenario.recipe.tables:
                    self._tables.expire(table)
            case "source_gone":
                shutil.rmtree(self._platform.source(day), ignore_errors=True)
                if self._scenario.seed % 2 and self._platform.has_arrived(day):
                    # A job that reads an empty prefix without an error finds no rows.
                    self._platform.source(day).mkdir()
            case "late_file":
                if self._platform.source(day).exists():
                    write_input(self._platform.source(day), self._history.failed.rows, self._scenario.shops)
            case _:
                pass

    def _append_what_is_missing(self) -> None:
        """Complete the batch by hand: publish what is staged, where something is, else append what is missing."""
        if self._scenario.mode == "wap_cherry_pick" and self._published():
            return
        seen: State = {table: self._tables.rows(table) for table in self._scenario.recipe.tables}
        wanted = self._history.accepted(seen)[0]
        for table in self._targets:
            here = seen[table]
            missing = [row for row in (wanted[table] - here).elements() if row in self._history.failed.rows]
            if missing:
                self._tables.prepare("append", table, missing, {}, "other").commit()

    def _published(self) -> bool:
        """Publish the staged write, as whoever is on call might."""
        before = self._tables.rows(self._targets[0])
        if self._history.failed.rows and before & Counter(self._history.failed.rows):
            return False
        try:
            self._tables.prepare("cherry_pick", self._targets[0], [], {}, self.stage).commit()
        except StopIteration:
            return False  # nothing was staged
        return True
