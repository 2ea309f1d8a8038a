"""The pipeline itself: ordinary job code. It yields at each point where something may happen to it.

A generator, so that whoever runs it can throw an error in at a point (it then comes from inside the job, and the job's
own handlers see it), leave it there for ever (a killed process), or go on with it later (an attempt that still runs).
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from lab import faults
from lab.changes import CommitConflictError, Committed, Prepared, Tables
from lab.control import ControlTable, OperationalError
from lab.recipes import STAGING, Step
from lab.rows import Row, read_file
from lab.scenario import Scenario

Log = Callable[[str, str, str], None]
Landing = Literal["at once", "late", "never"]


class Point(NamedTuple):
    """A point the job has reached; ``step`` is the commit it belongs to."""

    name: str
    step: int = -1


@dataclass
class Bookmark:
    """The files a job has read before, as its last ``job.commit()`` saved them."""

    load: Callable[[], set[str]]
    save: Callable[[set[str]], None]


@dataclass
class Run:
    """What one run of the job is given."""

    scenario: Scenario
    run_id: str
    batch_id: str
    attempt: int
    source: Path
    tables: Tables
    control: ControlTable | None
    bookmark: Bookmark | None
    summary: dict[str, str]
    log: Log
    lose_answer: dict[int, Landing] = field(default_factory=dict)
    """Commits whose answer never comes, and whether they land."""
    late: list[Callable[[], Committed]] = field(default_factory=list)
    """Commits that land when the run is long over."""
    before_commit: dict[int, Callable[[], None]] = field(default_factory=dict)
    """What happens elsewhere between a step's data files and its commit."""
    wrote: int = 0
    skipped: bool = False
    read: int = 0


def run_job(run: Run) -> Iterator[Point]:
    """Read the batch, write it step by step, and keep the control row."""
    control, scenario = run.control, run.scenario
    if control is not None and scenario.control == "skips" and control.is_done(run.batch_id):
        run.skipped = True
        run.log("INFO", "orders_daily", f"Batch {run.batch_id} is done already, nothing to do")
        return
    if control is not None:
        control.start(run.run_id, run.batch_id, str(run.source), run.attempt)
    try:
        yield from _work(run)
    except Exception:
        for table in scenario.recipe.tables:
            run.tables.abort(table)
        if control is not None and scenario.control != "stuck":
            # A control table that cannot be reached must not hide what stopped the job.
            with suppress(OperationalError):
                control.update(run.run_id, "FAILED", "failed", 0)
        raise


def _work(run: Run) -> Iterator[Point]:
    yield Point("before_reading")
    files: list[Path] = []
    rows: list[Row] = []
    for file in _input(run):
        run.log("INFO", "orders_daily", f"Reading {file.name} of batch {run.batch_id}")
        rows += read_file(file)
        if not files:
            yield Point("while_reading")
        files.append(file)
    run.read = len(rows)
    if run.scenario.consumed:
        _move_away(files)
    steps = run.scenario.recipe.steps
    for number, step in enumerate(steps):
        if run.control is not None and run.scenario.control == "early_success" and number == len(steps) - 1:
            run.control.update(run.run_id, "SUCCESS", "publish", len(rows))
        yield from _write(run, number, step, rows)
    for table in run.scenario.recipe.tables:
        run.tables.finish(table)
    yield Point("in_control")
    if run.control is not None:
        run.control.update(run.run_id, "SUCCESS", "done", len(rows))
    yield Point("after_control")
    if run.bookmark is not None:
        run.bookmark.save(run.bookmark.load() | {str(file) for file in files})
    yield Point("after_job_commit")


def _input(run: Run) -> list[Path]:
    if not run.source.exists():
        raise faults.source_missing(str(run.source) + "/")
    known = run.bookmark.load() if run.bookmark is not None else set()
    return [file for file in sorted(run.source.iterdir()) if str(file) not in known]


def _move_away(files: list[Path]) -> None:
    for file in files:
        archive = file.parent.parent.parent / "archive" / file.parent.name
        archive.mkdir(parents=True, exist_ok=True)
        file.rename(archive / file.name)


def _write(run: Run, number: int, step: Step, rows: list[Row]) -> Iterator[Point]:
    mine = [row for row in rows if step.shops is None or row.shop in step.shops]
    if step.from_staging:
        mine = [row for row in run.tables.rows(STAGING).elements() if row.day == run.batch_id]
    stage = run.run_id if run.scenario.wap_by_run else run.batch_id
    change = run.tables.prepare(step.op, step.table, mine, run.summary, f"audit_{stage}")
    yield Point("files_written", number)
    if change.halfway is not None:
        change.halfway()
        yield Point("halfway", number)
    made = _commit(run, number, change)
    run.wrote += 1
    if made.snapshot is not None and run.scenario.engine == "spark" and run.scenario.fmt == "iceberg":
        _log_commit(run, step, made)
    yield Point("committed", number)


def _commit(run: Run, number: int, change: Prepared) -> Committed:
    if (meanwhile := run.before_commit.get(number)) is not None:
        meanwhile()
    lands = run.lose_answer.get(number)
    if lands in {"late", "never"}:
        run.late.extend([change.commit] if lands == "late" else [])
        raise faults.lost_answer()
    try:
        made = change.commit()
    except CommitConflictError as error:
        raise faults.conflict(str(error)) from error
    if lands:
        run.wrote += 1
        raise faults.lost_answer()
    return made


def _log_commit(run: Run, step: Step, made: Committed) -> None:
    run.log("INFO", "SnapshotProducer", f"Committed snapshot {made.snapshot} (MergeAppend)")
    app = run.summary.get("app-id", "")
    report = (
        f"Received metrics report: CommitReport{{tableName=glue_catalog.{step.table}, snapshotId={made.snapshot}, "
        f"sequenceNumber=1, operation={made.operation}, metadata={{engine-version=3.5.4, app-id={app}, "
        "engine-name=spark}}"
    )
    run.log("INFO", "LoggingMetricsReporter", report)
