"""From what a job's good runs did to a draft of its declaration, line by line.

A line is *live* only where it says what was seen and where a mistake in it cannot make a verdict less careful. Whatever
a verdict may rely on to call a rerun safe (how a table is written, what is expected in it, where the input lies) is a
guess, however many runs fit it, and is handed over commented out. The draft as a whole is marked ``drafted``, which
keeps every rerun from being called SAFE until a person takes that line out: that no other table is written, and that
the batch id names the input and not the attempt, is nothing that past runs can show.
"""

from collections.abc import Iterator

import msgspec

from pipetriage.context.redact import Redactor
from pipetriage.drafting.batch import Batch, batch_argument, batch_line, source_lines
from pipetriage.drafting.line import Line
from pipetriage.drafting.outputs import table_lines
from pipetriage.model.habits import Habits

__all__ = ["Draft", "Line", "draft"]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A drafted declaration."""

    pipeline: str
    job: str
    good_runs: int
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]
    """What a person has to add or check, and what could not be seen."""


def draft(habits: Habits) -> Draft:
    """Draft the declaration of a job."""
    batch = batch_argument(habits)
    redactor = Redactor()
    lines = [
        Line(key="glue_job", value=habits.job, origin="seen", why=f"the job is there{_script(habits)}", live=True),
        Line(
            key="drafted",
            value=True,
            origin="guessed",
            why="keeps every rerun from being called SAFE; take it out once the lines below are checked, and no other "
            "table, queue or file is written",
            live=True,
        ),
    ]
    if batch is not None:
        lines.append(batch_line(batch))
        # A location with a secret in it (a signed address) is left out: without the secret it would be another.
        lines += [line for line in source_lines(batch, habits) if redactor.text(line.value) == line.value]
    for table in habits.tables:
        lines += table_lines(table, habits, batch)
    return Draft(
        pipeline=habits.job,
        job=habits.job,
        good_runs=len(habits.good),
        # Values that runs were started with are shown as reasons.
        lines=tuple(msgspec.structs.replace(line, why=redactor.text(line.why)) for line in lines),
        remarks=tuple(_remarks(habits, batch)),
    )


def _script(habits: Habits) -> str:
    return f", its script is {habits.script}" if habits.script else ""


# What is left to a person


def _remarks(habits: Habits, batch: Batch | None) -> Iterator[str]:
    if habits.streaming:
        yield "a streaming job (gluestreaming) runs on and on and has no batches: what a rerun repeats is not its runs'"
    if not habits.good:
        yield f"{_none_good(habits)}: only the job could be drafted"
    elif batch is None and not habits.streaming:
        yield "no argument varies with the runs and looks like a date or an id: declare batch_id"
    if not habits.runs_complete:
        yield f"only the newest {len(habits.runs)} runs were read: older ones may have done otherwise"
    if habits.good and not habits.tables:
        yield "no output table was found: name each with --table DB.TABLE, or set [aws] lineage"
    for place in habits.unknown_outputs:
        yield f"lineage names the output {place}, which is no table of the catalog: name its table with --table"
    yield from habits.not_seen
    yield (
        "past runs do not show these: control, other_effects, source_consumed, keys, merge_repeatable, "
        "expected_schema, max_attempts, owners, consumers"
    )


def _none_good(habits: Habits) -> str:
    """Say why there is no good run to draft from; the runs were read."""
    count = len(habits.runs)
    if not count:
        return "Glue remembers no run (it forgets after 90 days)"
    return f"{count} run{'' if count == 1 else 's'}, none succeeded"
