"""Builders of contexts for tests: every part has a quiet default, a test names what matters to it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pipetriage.model.context import Cause, Context, Facts, LogError
from pipetriage.model.evidence import RunTarget, Signal
from pipetriage.model.facts import Column, Deployment, ListedFile, Listing, QualityRule, Run
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.spark import Spread, StageFacts

STARTED = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
ENDED = STARTED + timedelta(minutes=20)
SOURCE = "s3://raw/orders/2026-11-01/"
GOOD = Run(run_id="jr_good", job_name="orders", state="SUCCEEDED", started_at=STARTED - timedelta(days=1))


def make_run(state: str = "FAILED", **overrides: Any) -> Run:
    """Make the triaged run, failed after twenty minutes."""
    fields: dict[str, Any] = {
        "run_id": "jr_1",
        "job_name": "orders",
        "state": state,
        "started_at": STARTED,
        "ended_at": ENDED,
    }
    return Run(**(fields | overrides))


def make_cause(exception: str = "", message: str = "", **overrides: Any) -> Cause:
    """Make one link of a chain; a dotted name gives the simple one."""
    fields: dict[str, Any] = {
        "exception": exception.rsplit(".", 1)[-1],
        "qualified": exception,
        "message": message,
    }
    return Cause(**(fields | overrides))


def make_error(*causes: Cause | tuple[str, str], **overrides: Any) -> LogError:
    """Make a terminal error from its causes, outermost first."""
    chain = tuple(cause if isinstance(cause, Cause) else make_cause(*cause) for cause in causes)
    fields: dict[str, Any] = {
        "evidence": "log-1",
        "level": "ERROR",
        "logger": "ProcessLauncher",
        "causes": chain,
        "count": 1,
        "first_at": ENDED,
        "last_at": ENDED,
        "stream": "jr_1-driver",
        "python_frame": None,
        "user_frames": (),
        "survived": False,
        "terminal": True,
        "category_hint": None,
        "excerpt": "",
    }
    return LogError(**(fields | overrides))


def make_context(
    errors: Iterable[LogError] = (), *, pipeline: Pipeline | None = None, seen: Iterable[Signal] = Signal, **facts: Any
) -> Context:
    """Make a context of a failed run; keyword arguments are its ``Facts``."""
    fields: dict[str, Any] = {"run": make_run()} | facts
    return Context(
        target=RunTarget(job_name="orders", job_run_id="jr_1"),
        pipeline=pipeline or Pipeline(name="orders"),
        origin="test",
        live=False,
        as_of=ENDED + timedelta(hours=1),
        settle_seconds=0,
        clock_skew_seconds=60,
        facts=Facts(**fields),
        errors=tuple(errors),
        evidence={},
        gaps=(),
        seen=frozenset(seen),
    )


def make_listing(*files: tuple[str, int, datetime], uri: str = SOURCE, complete: bool = True) -> Listing:
    """Make the listing of the source from (name, size, modified) triples."""
    listed = tuple(ListedFile(uri + name, size, at) for name, size, at in files)
    return Listing(
        uri=uri, files=listed, complete=complete, observed_at=ENDED + timedelta(hours=1), evidence="source-listing"
    )


def make_columns(*names: str) -> tuple[Column, ...]:
    """Make columns from ``name type`` words."""
    split = (name.partition(" ") for name in names)
    return tuple(Column(name, kind) for name, _, kind in split)


def make_deployment(at: datetime = STARTED - timedelta(hours=3)) -> Deployment:
    """Make a deployment, by default between the last good run and this one."""
    return Deployment(
        version="v42", deployed_at=at, commit="abc123", author=None, changed_paths=(), evidence="deployment-1"
    )


def make_quality(rule_type: str, outcome: str = "FAIL", **overrides: Any) -> QualityRule:
    """Make one data-quality outcome of this run."""
    fields: dict[str, Any] = {
        "rule": f"{rule_type} rule",
        "rule_type": rule_type,
        "outcome": outcome,
        "run_id": "jr_1",
        "message": "",
        "metrics": {},
        "completed_at": ENDED,
        "evidence": f"quality-{rule_type}",
    }
    return QualityRule(**(fields | overrides))


def spread(largest: float, median: float, tasks: int = 200) -> Spread:
    """Make the spread of tasks that are all alike but one."""
    total = median * (tasks - 1) + largest
    return Spread(count=tasks, total=total, median=median, p75=median, p95=median, maximum=largest)


def make_stage(**overrides: Any) -> StageFacts:
    """Make an even stage of two hundred tasks."""
    fields: dict[str, Any] = {
        "stage_id": 7,
        "attempt": 0,
        "name": "join",
        "evidence": "stage-7",
        "tasks": 200,
        "planned_tasks": 200,
        "duration_ms": spread(12_000, 10_000),
        "shuffle_bytes": spread(11 * 2**20, 10 * 2**20),
        "shuffle_records": spread(11_000, 10_000),
        "completed": True,
    }
    return StageFacts(**(fields | overrides))
