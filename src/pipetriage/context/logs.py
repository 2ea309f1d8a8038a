"""The log of one run, in one pass and constant memory: its distinct errors and what else it says.

Most lines are ordinary, and are not even looked at one by one (``log_search``, ``log_blocks``). What may say something
is read (``log_lines``); records that may be errors, and the lines of their stack traces, are parsed (``log_layouts``,
``log_records``, ``stack_traces``), grouped (``log_groups``), judged (``log_endings``) and redacted (``log_text``).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pipetriage.context.log_blocks import BlockReader
from pipetriage.context.log_endings import decide
from pipetriage.context.log_groups import Group, Groups
from pipetriage.context.log_layouts import Record
from pipetriage.context.log_lines import LineReader
from pipetriage.context.log_records import OpenRecord
from pipetriage.context.log_search import Engine, fastest
from pipetriage.context.log_text import RUN_ERROR, evidence_of, fit, place_of, read_error
from pipetriage.context.redact import Redactor, cut_line
from pipetriage.errors import SourceError
from pipetriage.model.context import LogError, LogFacts
from pipetriage.model.evidence import LogBlocks, LogEvent

__all__ = ["LogReading", "evidence_of", "fit", "place_of", "read_logs"]

_MAX_LINES = 400


class LogReading(NamedTuple):
    """What the log says."""

    errors: tuple[LogError, ...]
    """Most telling first: those that ended the run, then the others."""
    facts: LogFacts
    broken: str | None = None
    """Why the log could not be read to its end; None where it was."""


def read_logs(
    events: Iterable[LogEvent] | LogBlocks,
    *,
    redactor: Redactor,
    max_errors: int,
    error_message: str,
    run_state: str,
    ended_at: datetime | None,
    engine: Engine | None = None,
) -> LogReading:
    """Read a log once; also judge the run's own ErrorMessage, which becomes an error of the stream ``run``.

    ``engine`` finds the lines that need reading; None: the best that is installed. What it finds is the same.
    """
    reader = LineReader(max_errors)
    broken = _read(events, BlockReader(reader, engine or fastest()))
    reader.close()
    run_error = _run_error(error_message, ended_at)
    if run_error is None or run_error.opaque:
        reader.guess()
    groups = reader.groups.all()
    ending = decide(groups, run_error, run_state, reader.finished, reader.progress)
    ordered, dropped = _ordered(groups, ending.terminal, ending.survived, max_errors)
    errors = [
        read_error(
            group,
            evidence=f"log-{number}",
            terminal=group in ending.terminal,
            survived=id(group) in ending.survived,
            redactor=redactor,
        )
        for number, group in enumerate(ordered, 1)
    ]
    if run_error is not None:
        failed = run_state.upper() != "SUCCEEDED"
        told = read_error(run_error, evidence=RUN_ERROR, terminal=failed, survived=not failed, redactor=redactor)
        # The log's error, with its chain and frames, says more; unless it only says that something failed.
        first_is_root = bool(ending.terminal) and (not ending.terminal[0].opaque or run_error.opaque)
        errors.insert(1 if first_is_root else 0, told)
    return LogReading(tuple(errors), reader.facts(redactor, dropped), broken)


def _read(events: Iterable[LogEvent] | LogBlocks, blocks: BlockReader) -> str | None:
    """Read all there is; say what stopped it, if anything did."""
    try:
        for part in events.blocks() if isinstance(events, LogBlocks) else events:
            blocks.take(part)
    except SourceError as error:
        return str(error)
    return None


def _run_error(message: str, ended_at: datetime | None) -> Group | None:
    if not message.strip():
        return None
    lines = [cut_line(line) for line in message.strip().split("\n")[:_MAX_LINES]]
    record = OpenRecord(Record("ERROR", "", lines[0], ended_at), lines[0], ended_at)
    record.lines = lines
    return Groups(1).add(record, "run", 0)


def _ordered(
    groups: list[Group], terminal: list[Group], survived: set[int], max_errors: int
) -> tuple[list[Group], int]:
    """Keep the terminal ones and the first seen; order by how much they tell. Also give the number left out."""
    others = [group for group in groups if group not in terminal]
    room = max(0, max_errors - len(terminal))
    kept = sorted(others, key=lambda g: (not g.is_error, g.first_seen))[:room]
    kept.sort(key=lambda g: (not g.is_error, id(g) in survived, not g.named, -g.last_seen))
    chosen = [*terminal, *kept][: max(1, max_errors)]
    return chosen, len(groups) - len(chosen)
