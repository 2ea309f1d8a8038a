"""A drafted declaration as TOML. Names and values are others': none of them ends its string or its line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from pipetriage.entrypoints.plain_text import plain
from pipetriage.model.toml_text import toml_key, toml_value

if TYPE_CHECKING:
    from pipetriage.drafting import Draft, Line

_WIDTH = 80
"""Of comments; a setting stays on its line, so that one mark uncomments it."""
_COMMENT_COLUMN = 40


def declaration_text(draft: Draft) -> str:
    """Give the draft as TOML, each line with what it rests on; what does not count is commented out."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    place = f"pipelines.{toml_key(draft.pipeline)}"
    # Quoted, and never at the line's start: a job may be named as a setting is written.
    yield from _comment(
        f"Job {toml_key(draft.job)}: drafted from {draft.good_runs} good run{'' if draft.good_runs == 1 else 's'}."
    )
    yield f"[{place}]"
    for table, of_table in groupby(draft.lines, key=lambda line: line.table):
        lines = list(of_table)
        if table is not None:
            header = f"[[{place}.outputs]]"
            yield ""
            yield header if any(line.live for line in lines) else f"# {header}"
        for line in lines:
            yield from _line(line)
    yield ""
    for remark in draft.remarks:
        yield from _comment(remark)


def _line(line: Line) -> Iterator[str]:
    setting = f"{'' if line.live else '# '}{line.key} = {toml_value(line.value)}"
    why = f"{line.origin}: {plain(line.why)}"
    if max(len(setting), _COMMENT_COLUMN) + len(why) + 4 <= _WIDTH:
        yield f"{setting:<{_COMMENT_COLUMN}}  # {why}"
        return
    yield from _comment(why)
    yield setting


def _comment(text: str) -> Iterator[str]:
    # textwrap splits at blanks alone, and plain() has left no other line ends.
    # Set in from the second line on: the text is not ours, and must never look like a setting to be uncommented.
    parts = textwrap.wrap(plain(text), _WIDTH - 2, subsequent_indent="    ", break_on_hyphens=False)
    yield from (f"# {part}" for part in parts)
