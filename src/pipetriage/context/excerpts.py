"""Further evidence as a model is shown it: redacted as a whole, then cut to whole lines within a bound."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pipetriage.context.log_scan import folded
from pipetriage.context.log_text import bounded
from pipetriage.context.redact import Redactor
from pipetriage.model.evidence import Evidence, Signal

AROUND = 15
"""Lines shown before and after the one that matters: what fits into the default budget of 400 tokens, and some more."""
_SUMMARY = 300
_LINE, _FACT = 240, 700
"""Characters shown of a line of a log, and of a line of ours."""
# Lines of a private key whose beginning lies before what was read look like this, and like nothing that tells anything.
_ENCODED = re.compile(r"[\s|>]{0,20}[A-Za-z0-9+/]{40,}={0,2}\s{0,20}")


class Found(NamedTuple):
    """What a request found, not redacted yet."""

    signal: Signal
    summary: str
    lines: Sequence[str]
    locator: str
    observed_at: datetime
    anchor: int | None = None
    """The line that is shown whatever else fits, with those around it; None: lines are shown from the first on."""


def shown(found: Found, redactor: Redactor, *, evidence_id: str, limit: int) -> Evidence:
    """Redact and cut what was found; the excerpt has at most ``limit`` characters."""
    lines, anchor = _redacted(found, redactor)
    text = _around(lines, anchor, limit) if anchor is not None else _from_first(lines, limit)
    return Evidence(
        id=evidence_id,
        source=found.signal.value,
        locator=redactor.text(found.locator),
        observed_at=found.observed_at,
        summary=bounded(redactor.text(found.summary), _SUMMARY),
        excerpt=text or None,
    )


def _redacted(found: Found, redactor: Redactor) -> tuple[list[str], int | None]:
    # All lines at once, more than are shown: a value of several lines is only known by its first. And before frames are
    # folded, by which the end of such a value is known.
    lines = redactor.text("\n".join(found.lines)).split("\n")
    anchor = found.anchor
    if anchor and len(lines) != len(found.lines):
        # A value of several lines became one token.
        anchor = min(len(redactor.text("\n".join(found.lines[:anchor])).split("\n")), len(lines) - 1)
    if found.signal is not Signal.LOGS:
        return [bounded(line, _FACT) for line in lines], anchor
    before = _told(lines[: anchor or 0], redactor)
    return [*before, *_told(lines[anchor or 0 :], redactor)], anchor if anchor is None else len(before)


def _told(lines: Sequence[str], redactor: Redactor) -> list[str]:
    """Fold and cut the lines of a log."""
    kept = (redactor.token("value", line.strip()) if _ENCODED.fullmatch(line) else line for line in folded(lines))
    return [bounded(line, _LINE) for line in kept if line.strip()]


def _around(lines: Sequence[str], anchor: int, limit: int) -> str:
    """Take the line and, in turn, those after and before it, as long as they fit."""
    if not lines or limit < 1:
        return ""
    anchor = min(anchor, len(lines) - 1)
    first = bounded(lines[anchor], limit)
    begin, end, room = anchor, anchor + 1, limit - len(first)
    up = down = True
    while up or down:
        down = down and end < min(len(lines), anchor + 1 + AROUND) and len(lines[end]) < room
        if down:
            room -= len(lines[end]) + 1
            end += 1
        up = up and begin > max(0, anchor - AROUND) and len(lines[begin - 1]) < room
        if up:
            begin -= 1
            room -= len(lines[begin]) + 1
    return "\n".join([*lines[begin:anchor], first, *lines[anchor + 1 : end]])


def _from_first(lines: Sequence[str], limit: int) -> str:
    """Take lines from the first on; say how many are left out."""
    taken: list[str] = []
    room = limit
    for index, line in enumerate(lines):
        left = len(lines) - index - 1
        # Room for the line that says how many more there are, unless this is the last one.
        if len(line) + (len(_more(left)) + 1 if left else 0) > room:
            more = _more(left + 1)
            taken += [more] if len(more) <= room else []
            break
        taken.append(line)
        room -= len(line) + 1
    return "\n".join(taken)


def _more(count: int) -> str:
    return f"… {count} more"
