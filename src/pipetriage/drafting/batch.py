"""Which argument of a job names the batch, and where the input lies that an argument names with it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipetriage.drafting.line import Line
from pipetriage.model.habits import Habits, PastRunSeen
from pipetriage.model.templates import batch_time

# Glue's own parameters (Developer Guide, "Using job parameters"): they say how a job runs, never what it processes.
_GLUES_OWN = frozenset(
    {
        *("JOB_NAME", "JOB_ID", "JOB_RUN_ID", "JOB_MODE", "TempDir", "class", "scriptLocation", "conf"),
        *("datalake-formats", "python-modules-installer-option", "additional-python-modules", "spark-event-logs-path"),
        *("write-shuffle-files-to-s3", "write-shuffle-spills-to-s3", "user-jars-first", "use-postgres-driver"),
        *("library-set", "customer-driver-env-vars", "customer-executor-env-vars"),
    }
)
_GLUES_OWN_STARTS = ("job-", "enable-", "extra-", "continuous-log-", "auto-scale", "executor-", "custom-log")
_BATCH_WORDS = re.compile(r"(?i)batch|(?:^|[_-])(?:ds|dt|hour|partition|period)(?:$|[_-])|date|day")
# A secret's name, wherever in the argument's name it stands: rather one candidate too few than a secret shown.
_SECRET = re.compile(r"(?i)token|secret|passw(?:or)?d|pwd|credential|key")
_ID = re.compile(r"[\w.:+-]{1,64}")
_SHOWN = 3
"""Values that a reason shows, of however many."""


class Batch(NamedTuple):
    """The argument that names the batch, and how sure that is."""

    name: str
    values: dict[str, str]
    """Run id to value, of the good runs."""
    doubts: tuple[str, ...]
    """Why it may be another; empty: nothing speaks against it."""


def batch_argument(habits: Habits) -> Batch | None:
    """Choose the argument that varies with the runs and looks like a date or an id."""
    found = [one for name in _names(habits.good) if (one := _candidate(name, habits)) is not None]
    if not found:
        return None
    found.sort(key=lambda one: (not _BATCH_WORDS.search(one.name), not _all_dates(one), len(one.doubts), one.name))
    best = found[0]
    # Two names for one thing are no doubt about the thing.
    others = [one.name for one in found[1:] if list(one.values.values()) != list(best.values.values())]
    if others:
        named = ", ".join(f"--{name}" for name in others[:_SHOWN])
        return best._replace(doubts=(*best.doubts, f"{named} varies with the runs, too"))
    return best


def _names(runs: tuple[PastRunSeen, ...]) -> list[str]:
    """Name the arguments that every good run has, but Glue's own and those that may be secrets."""
    common = set.intersection(*({name.lstrip("-") for name in run.arguments} for run in runs)) if runs else set()
    return sorted(
        name
        for name in common
        if name not in _GLUES_OWN and not name.startswith(_GLUES_OWN_STARTS) and not _SECRET.search(name)
    )


def _argument(run: PastRunSeen, name: str) -> str | None:
    return run.arguments.get(f"--{name}", run.arguments.get(name))


def _candidate(name: str, habits: Habits) -> Batch | None:
    values = {run.run_id: _argument(run, name) or "" for run in habits.good}
    if not all(_ID.fullmatch(value) for value in values.values()):
        return None
    different = len(set(values.values()))
    if different < 2 and len(values) > 1:
        return None
    batch = Batch(name, values, ())
    if not _BATCH_WORDS.search(name) and not _all_dates(batch):
        return None
    return batch._replace(doubts=tuple(_doubts(batch, different, habits)))


def _doubts(batch: Batch, different: int, habits: Habits) -> Iterator[str]:
    """Say why the argument may name something else: above all the attempt, which would hide what earlier ones wrote."""
    if len(batch.values) < 2:
        yield "only one good run was seen"
    if different < len(batch.values):
        yield f"{len(batch.values)} good runs share {different} values"
    times = [batch_time(value) for value in batch.values.values()]
    if any(at is not None and (at.minute or at.second or at.microsecond) for at in times):
        yield "its values are times of the clock: each attempt may have its own"
    of_run = {run.run_id: _argument(run, batch.name) for run in habits.runs}
    for run in habits.runs:
        before = of_run.get(run.previous_run_id or "")
        if before is not None and before != of_run[run.run_id]:
            yield f"run {run.run_id} retried {run.previous_run_id} with another value"
            return


def _all_dates(batch: Batch) -> bool:
    return all(batch_time(value) is not None for value in batch.values.values())


def batch_line(batch: Batch) -> Line:
    """Give the line that declares it: live only where nothing speaks against it."""
    values = list(batch.values.values())
    shown = ", ".join(values[-_SHOWN:])
    why = f"--{batch.name} of {len(values)} good runs has {len(set(values))} values (the last: {shown})"
    sure = not batch.doubts
    return Line(
        key="batch_id",
        value={"from": "argument", "name": batch.name},
        origin="seen" if sure else "guessed",
        why=why if sure else f"{why}, but {'; '.join(batch.doubts)}",
        live=sure,
    )


def source_lines(batch: Batch, habits: Habits) -> Iterator[Line]:
    """Yield the input's location: an argument in S3 that holds each run's own batch id."""
    for name in _names(habits.good):
        templates = {_template(_argument(run, name) or "", batch.values[run.run_id]) for run in habits.good}
        template = templates.pop()
        if templates or template is None:
            continue
        why = f"--{name} of {len(habits.good)} good runs fits it; that the whole input lies there is not seen"
        yield Line(key="source", value=template, origin="guessed", why=why, live=False)
        return


def _template(value: str, batch: str) -> str | None:
    """Put ``{batch_id}`` where a location names the batch; None where it is no location, or does not."""
    if not value.startswith(("s3://", "s3a://")) or not batch:
        return None
    escaped = re.escape(batch)
    template, count = re.subn(rf"(?<![\w-]){escaped}(?![\w-])", "{batch_id}", value)
    return template if count else None
