"""Plays a scenario for real in one folder: good batches, the failing one and its attempts, other writers, and after."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lab import faults
from lab.afterwards import Afterwards
from lab.changes import CommitConflictError
from lab.contract import write_contract
from lab.control import ControlTable
from lab.job import Bookmark, Landing, Point, Run, run_job
from lab.killed import play_until_killed, recall
from lab.others import Others
from lab.platform import Platform
from lab.rows import Row, batch_rows
from lab.scenario import Attempt, Fault, Scenario
from lab.stamps import stamps
from lab.tables import open_tables
from lab.truth import Batch, Event, History, State


class LabError(Exception):
    """The lab itself is wrong; nothing is said about the verdict."""


class Unfinished(NamedTuple):
    """An attempt that still runs."""

    run_id: str
    job: Iterator[Point]


class World:
    """One scenario's lake and platform."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder = folder
        self.platform = Platform(folder, scenario)
        self.tables = open_tables(folder / "lake", scenario)
        self.history = History(scenario)
        self.others = Others(scenario, self.tables, self.platform, self.history)
        self.contract = write_contract(folder, scenario)
        self.failed_run = self.last_run = ""
        self.die: Callable[[str], None] | None = None
        """Ends this very process, in the child that is really killed."""
        self.rerun: Run | None = None
        self._running: list[Unfinished] = []
        self._killed: list[Iterator[Point]] = []
        self._marks: dict[str, str | None] = {}

    # Batches

    def day(self, number: int) -> str:
        """Name the batch: 0 is the first good one."""
        return f"2026-11-{number + 1:02}"

    @property
    def failed_day(self) -> str:
        """The failing batch's id."""
        return self.day(self.scenario.history)

    def _rows(self, day: str) -> list[Row]:
        if self.scenario.empty_input and day == self.failed_day:
            return []
        return batch_rows(self.scenario.seed, day, self.scenario.shops, self.scenario.rows_per_shop)

    # The story

    def play(self) -> None:
        """Play everything up to the moment of triage."""
        if self.scenario.dies_for_real and self.die is None:
            play_until_killed(self.scenario, self.folder)
            self.failed_run = self.last_run = recall(self)
            self._ended_by_kill(0, self.failed_run)
        else:
            self._until_failure()
        self.others.act_after()
        after = Afterwards(self.scenario, self.tables, self.platform, self.history)
        after.stage = f"audit_{self.last_run if self.scenario.wap_by_run else self.failed_day}"
        after.before_later_batches(self._marks, self.failed_day)
        for number in range(self.scenario.later):
            self._good_batch(self.day(self.scenario.history + 1 + number), self.history.since)
        after.after_later_batches(self.failed_day)
        if self.scenario.loses_events:
            self.platform.forget_events_of(self._first_run)
        if "history" in self.scenario.missing:
            self.platform.forget_runs_before(self._first_run)

    def _until_failure(self) -> None:
        self._set_up()
        for number in range(self.scenario.history):
            self._good_batch(self.day(number), self.history.before)
        self._check_the_lab()
        self._marks = {table: self.tables.mark(table) for table in self.scenario.recipe.tables}
        self._failing_batch()

    def _ended_by_kill(self, index: int, run_id: str) -> None:
        state = self.scenario.killed_state
        said = "Command failed with exit code 137" if self.scenario.seed % 3 and state == "FAILED" else None
        self.platform.end(run_id, state, said)
        self.others.act_during(index, None)

    def _set_up(self) -> None:
        for table in self.scenario.recipe.tables:
            self.tables.create(table)
            if self.scenario.mode == "wap_branch":
                # A branch starts from a snapshot, so the table's owner made a first, empty one.
                self.tables.prepare("append", table, [], {}, "").commit()
        if (control := self.platform.control()) is not None:
            control.create()
        if self.scenario.bookmark:
            self.platform.empty_bookmark()
        retries = sum(one.how == "engine_retry" for one in self.scenario.attempts)
        self.platform.write_job(retries + self.scenario.max_retries)

    def _good_batch(self, day: str, events: list[Event]) -> None:
        rows = self._rows(day)
        self.platform.write_input(day, rows, self.scenario.shops)
        run_id = self.platform.new_run_id()
        run = self._start(run_id, day, 0, None)
        for _ in run_job(run):
            pass
        self._end_engine(run_id)
        self.platform.end(run_id, "SUCCEEDED")
        events.append(Batch(tuple(rows)))

    def _check_the_lab(self) -> None:
        if self.seen() != self.history.settled():
            raise LabError("clean runs did not give the tables that the lab computed")

    # The failing batch

    def _failing_batch(self) -> None:
        day = self.failed_day
        rows = self._rows(day)
        late = rows[-1:] if self.scenario.after == "late_file" else []
        self.history.failed = Batch(tuple(rows))
        arrived = [row for row in rows if row not in late]
        if self.scenario.attempts[0].fault.point != "source_missing":
            self.platform.write_input(day, arrived, self.scenario.shops)
        first, previous, number = "", None, 0
        for index, attempt in enumerate(self.scenario.attempts):
            if index and not self.platform.has_arrived(day):
                self.platform.write_input(day, arrived, self.scenario.shops)
            if attempt.how == "engine_retry":
                number += 1
                run_id = f"{first}_attempt_{number}"
            else:
                first = run_id = self.platform.new_run_id()
                number, previous = 0, None
            if not index:
                self._first_run = run_id
            self._first_of_chain = first
            self._attempt(index, attempt, run_id, number, previous)
            previous = run_id
            if index == self.scenario.triaged or self.scenario.triaged < 0:
                self.failed_run = run_id
        self.last_run = run_id

    @property
    def in_flight(self) -> bool:
        """Whether an earlier attempt still runs."""
        return bool(self._running)

    @property
    def engine_retries(self) -> bool:
        """Whether the engine will start one more attempt of the failed run by itself."""
        return self.scenario.max_retries > 0 and self.platform.state_of(self.last_run) in {"FAILED", "TIMEOUT"}

    def _attempt(self, index: int, attempt: Attempt, run_id: str, number: int, previous: str | None) -> None:
        run = self._start(run_id, self.failed_day, number, previous)
        fault = attempt.fault
        job = run_job(run)
        self._arm(run, fault)
        error: Exception | None = None
        state = "SUCCEEDED"
        try:
            state = self._advance(run, job, index, fault)
        except Exception as raised:  # noqa: BLE001 - whatever stopped the job is what the platform records
            error, state = raised, "FAILED"
        self.tables.strict = False
        if state == "RUNNING":
            self._running.append(Unfinished(run_id, job))
            self.others.act_during(index, None)
            return
        if error is not None:
            self._say(run_id, error)
            self._end_engine(run_id)
            self.platform.end(run_id, "FAILED", f"{type(error).__name__}: {str(error).splitlines()[0]}")
        elif state == "KILLED":
            self._killed.append(job)
            self._ended_by_kill(index, run_id)
            return
        else:
            self._end_engine(run_id)
            self.platform.end(run_id, "SUCCEEDED")
        for commit in run.late:
            with suppress(CommitConflictError):
                commit()
        self.others.act_during(index, None)

    def _arm(self, run: Run, fault: Fault) -> None:
        step = fault.step
        match fault.point:
            case "lost_answer_landed" | "lost_answer_not_landed":
                landed: Landing = "late" if self.scenario.lands_late else "at once"
                run.lose_answer[step] = "never" if fault.point == "lost_answer_not_landed" else landed
            case "conflict":
                self.tables.strict = True
                table = self.scenario.recipe.steps[step].table
                run.before_commit[step] = lambda: self.others.conflict(table)
            case _:
                pass

    def _advance(self, run: Run, job: Iterator[Point], index: int, fault: Fault) -> str:
        """Advance the job to its fault."""
        for point in job:
            self.others.act_during(index, point)
            if not _hits(point, fault, self.scenario):
                continue
            if fault.ending == "running":
                return "RUNNING"
            if fault.ending == "killed":
                if self.die is not None and self.scenario.dies_for_real:
                    self.die(run.run_id)
                return "KILLED"
            if point.name == "in_control" and run.control is not None:
                run.control.lost = True
                continue
            job.throw(faults.error(fault.error))  # type: ignore[attr-defined]  # a generator's own method
        return "SUCCEEDED"

    # Runs

    def _start(self, run_id: str, day: str, number: int, previous: str | None) -> Run:
        self.platform.start(run_id, day, number, previous)
        app_id = self.platform.new_app_id()
        if self.scenario.engine == "spark":
            self.platform.start_engine(run_id, app_id)
        control: ControlTable | None = self.platform.control()
        bookmark = None
        if self.scenario.bookmark:
            bookmark = Bookmark(self.platform.bookmarked, lambda files: self.platform.save_bookmark(run_id, files))

        def log(level: str, logger: str, message: str) -> None:
            self.platform.log(run_id, level, logger, message)

        log("INFO", "orders_daily", f"Run {run_id} of batch {day} started")
        return Run(
            scenario=self.scenario,
            run_id=run_id,
            batch_id=day,
            attempt=number,
            source=self.platform.source(day),
            tables=self.tables,
            control=control,
            bookmark=bookmark,
            summary=stamps(self.scenario, run_id, day, app_id),
            log=log,
        )

    def _say(self, run_id: str, error: Exception) -> None:
        said = "".join(traceback.format_exception(error)).rstrip().replace(str(Path(__file__).parent), "/tmp/glue")  # noqa: S108
        self.platform.log(run_id, "ERROR", "ProcessLauncher", f"Error from Python:{said}")

    def _end_engine(self, run_id: str) -> None:
        if self.scenario.engine == "spark":
            self.platform.end_engine(run_id)

    # The counterfactual

    def run_again(self) -> bool:
        """Run the failed batch again unchanged, the cause cleared; then let whatever else is due run to its end.

        True if the rerun ended well. Due are attempts that still run, and the engine's own retry of the failed run.
        """
        rows = self._rows(self.failed_day)
        self._clear_the_cause(rows)
        run = self._start(self.platform.new_run_id(), self.failed_day, 0, None)
        self.rerun = run
        well = _drained(run_job(run))
        for unfinished in self._running:
            _drained(unfinished.job)
        if self.engine_retries:
            number = sum(one.how == "engine_retry" for one in self.scenario.attempts) + 1
            run_id = f"{self._first_of_chain}_attempt_{number}"
            _drained(run_job(self._start(run_id, self.failed_day, number, self.last_run)))
        return well

    def _clear_the_cause(self, rows: list[Row]) -> None:
        if not self.platform.has_arrived(self.failed_day):
            self.platform.write_input(self.failed_day, rows, self.scenario.shops)

    def seen(self) -> State:
        """Give the rows that readers see now."""
        return {table: self.tables.rows(table) for table in self.scenario.recipe.tables}

    def close(self) -> None:
        """Let go of files."""
        self.tables.close()


def _drained(job: Iterator[Point]) -> bool:
    try:
        for _ in job:
            pass
    except Exception:  # noqa: BLE001 - a rerun that fails is a result, not an error of the lab
        return False
    return True


def _hits(point: Point, fault: Fault, scenario: Scenario) -> bool:
    steps = len(scenario.recipe.steps)
    last = point.name == "after_job_commit"
    match fault.point:
        case "before_reading" | "while_reading" | "in_control":
            return point.name == fault.point or last
        case "files_written" | "halfway":
            return (point.name == fault.point and point.step == fault.step) or last
        case "between_commits" | "after_commit":
            step = min(fault.step, steps - 1)
            return (point.name == "committed" and point.step == step) or last
        case "after_control":
            return point.name == ("after_control" if scenario.seed % 2 else "after_job_commit")
        case "none":
            return False
        case _:
            # A commit that should have failed and did not: the job fails at its very end instead.
            return last
