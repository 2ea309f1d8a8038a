"""The text view of the log: redacted errors, their excerpts, and the token budget over all of them."""

from datetime import datetime

from msgspec.structs import replace

from pipetriage.context.log_groups import Group
from pipetriage.context.patterns import CONDITION, SQLSTATE
from pipetriage.context.redact import Redactor
from pipetriage.context.stack_traces import Link, plain
from pipetriage.model.context import Cause, LogError
from pipetriage.model.evidence import Evidence, Signal

RUN_ERROR = "run-error"
_MESSAGE = 2000
# Redacted before it is cut to its final length, so that the cut cannot tear a value.
_RAW_MESSAGE = 8000
_EXCERPT = 1200
_FIRST, _ROOT, _FRAME = 350, 400, 200
_CHARACTERS_PER_TOKEN = 4
# How many of the errors that ended the run keep their cause and frame whatever the budget.
_ALWAYS_TOLD = 3


def read_error(group: Group, *, evidence: str, terminal: bool, survived: bool, redactor: Redactor) -> LogError:
    """Redact a group into the error that detectors and people are given."""
    causes = tuple(_cause(link, redactor) for link in group.trace.links)
    frame = group.trace.python_frame
    frames = tuple(bounded(redactor.text(frame), _FRAME) for frame in group.trace.user_frames)
    python_frame = bounded(redactor.text(frame), _FRAME) if frame else None
    first_line = bounded(redactor.text(plain(group.first_line)), _FIRST)
    before = group.before if terminal else ()
    return LogError(
        evidence=evidence,
        level=group.level,
        logger=bounded(redactor.text(group.logger), _FRAME),
        causes=causes,
        count=group.count,
        first_at=group.first_at,
        last_at=group.last_at,
        stream=redactor.text(group.stream),
        python_frame=python_frame,
        user_frames=frames,
        survived=survived,
        terminal=terminal,
        category_hint=group.trace.category,
        excerpt=_excerpt(first_line, causes, python_frame, frames),
        first_line=group.first_number,
        last_line=group.last_number,
        first_byte=group.first_offset,
        before=tuple(bounded(redactor.text(line[:_RAW_MESSAGE]), _FRAME) for line in before if line.strip()),
    )


def fit(errors: tuple[LogError, ...], token_budget: int) -> tuple[tuple[LogError, ...], int]:
    """Shorten excerpts, the least telling first, until all fit; also give their size in tokens.

    A token is taken as four characters. What stood before the errors goes first; the root cause and the last Python
    frame of the foremost errors that ended the run stay whatever the budget.
    """
    limit = max(0, token_budget) * _CHARACTERS_PER_TOKEN
    kept = list(errors)
    size = sum(len(error.excerpt) + sum(map(len, error.before)) for error in kept)
    if size > limit:
        size -= sum(len(line) for error in kept for line in error.before)
        kept = [replace(error, before=()) for error in kept]
    told = [index for index, error in enumerate(kept) if error.terminal][:_ALWAYS_TOLD]
    for shorten in (_essential, lambda error: ""):
        for index in range(len(kept) - 1, -1, -1):
            if size <= limit:
                break
            error = kept[index]
            shorter = _essential(error) if index in told else shorten(error)
            if len(shorter) < len(error.excerpt):
                size -= len(error.excerpt) - len(shorter)
                kept[index] = replace(error, excerpt=shorter)
    return tuple(kept), -(-size // _CHARACTERS_PER_TOKEN)


def evidence_of(error: LogError, locator: str, observed_at: datetime) -> Evidence:
    """Make an error citable."""
    source = Signal.JOB_RUN if error.evidence == RUN_ERROR else Signal.LOGS
    times = f" (×{error.count})" if error.count > 1 else ""
    return Evidence(
        id=error.evidence,
        source=source.value,
        locator=locator,
        observed_at=observed_at,
        summary=bounded(_cause_line(error.root), 300) + times,
        excerpt="\n".join([*(f"… {line}" for line in error.before), error.excerpt]) if error.excerpt else None,
    )


def place_of(error: LogError) -> str:
    """Say where the error stands: its group and stream, and where it first comes if that is a file."""
    if error.first_line is not None:
        return f"{error.stream} line {error.first_line}"
    return error.stream if error.first_byte is None else f"{error.stream} byte {error.first_byte}"


def bounded(text: str, limit: int) -> str:
    """Cut redacted text to a length, never inside a token."""
    if len(text) <= limit:
        return text
    text = text[: limit - 1]
    opened = text.rfind("‹")
    if opened > text.rfind("›"):
        text = text[:opened]
    return text + "…"


def _cause(link: Link, redactor: Redactor) -> Cause:
    raw = plain(link.message)
    if len(raw) > _RAW_MESSAGE:
        raw = raw[:_RAW_MESSAGE].rsplit(None, 1)[0]
    message = bounded(redactor.text(raw), _MESSAGE)
    qualified = bounded(redactor.text(link.name), _FRAME)
    condition = CONDITION.match(message)
    conditions: tuple[str, ...] = ()
    if condition is not None:
        whole = condition["condition"]
        conditions = tuple(dict.fromkeys((whole.partition(".")[0], whole)))
    state = SQLSTATE.search(message)
    return Cause(
        exception=qualified.rsplit(".", 1)[-1].rsplit("$", 1)[-1],
        qualified=qualified,
        message=message,
        conditions=conditions,
        sqlstate=state["state"] if state else None,
    )


def _cause_line(cause: Cause) -> str:
    first = cause.message.split("\n", 1)[0]
    return f"{cause.exception}: {first}" if cause.exception and first else cause.exception or first


def _excerpt(first_line: str, causes: tuple[Cause, ...], python_frame: str | None, frames: tuple[str, ...]) -> str:
    """What must be kept first, then what else fits: the chain between, frames, the rest of the root's message."""
    must = [first_line] if first_line else []
    root = bounded(_cause_line(causes[-1]), _ROOT)
    if root not in first_line:
        must.append(f"Caused by: {root}" if len(causes) > 1 else root)
    if python_frame:
        must.append(f"in {python_frame}")
    room = _EXCERPT - sum(len(line) + 1 for line in must)
    between = []
    for cause in causes[:-1]:
        line = bounded(_cause_line(cause), 200)
        if line and line[:80] not in first_line and len(line) < room:
            between.append(line)
            room -= len(line) + 1
    after = []
    for line in [*causes[-1].message.split("\n")[1:6], *(f"at {frame}" for frame in frames if frame != python_frame)]:
        if line.strip() and len(line) < room:
            after.append(line)
            room -= len(line) + 1
    return "\n".join([*must[:1], *between, *must[1:], *after])


def _essential(error: LogError) -> str:
    lines = [bounded(_cause_line(error.root), _ROOT)]
    if error.python_frame:
        lines.append(f"in {error.python_frame}")
    return "\n".join(lines)
