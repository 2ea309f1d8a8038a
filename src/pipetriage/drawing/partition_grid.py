"""What was written of one table, by partition: a cell each, or, of very many, a bar for each kind with its count.

A written cell is filled with a tick, a missing one is empty with a cross, an unknown one is dashed with a question
mark. As the time line, it brings no style of its own along.
"""

from typing import NamedTuple

from pipetriage.drawing.text import cut, escaped, many
from pipetriage.model.write_state import WriteState, WriteStatus

MOST_CELLS = 60
"""Beyond them, cells say less than a bar does."""
_COLUMNS, _CELL, _STEP = 12, 22, 26
_NAMED = 12
_WIDTH = _COLUMNS * _STEP
_BAR = 190
# What was not written is missing only where it is proven what was.
_UNPROVEN = frozenset({WriteStatus.UNCERTAIN, WriteStatus.UNOBSERVED})
_SIGNS = {"written": "M-5 0L-1 4L6-5", "missing": "M-5-5L5 5M5-5L-5 5", "unknown": ""}


class Partitions(NamedTuple):
    """How many of a table's partitions are known to be what."""

    written: int
    missing: int
    unknown: int
    names: tuple[str, ...]
    """Of the missing ones, as far as they are known."""
    undeclared: bool
    """Whether nobody said how many were due."""

    @property
    def due(self) -> int:
        """All of them."""
        return self.written + self.missing + self.unknown


def partitions(state: WriteState) -> Partitions | None:
    """Count a table's partitions; None where nothing is known of them."""
    expected, names = state.partitions_expected, tuple(state.partitions_missing or ())
    if expected is None and state.partitions_written is None and not names:
        return None
    written = max(state.partitions_written or 0, 0)
    left = max((expected or 0) - written, 0)
    proven = state.partitions_written is not None and state.status not in _UNPROVEN
    missing = len(names) if names else left if proven else 0
    return Partitions(written, missing, max(left - missing, 0), names, expected is None)


def in_words(state: WriteState) -> str:
    """Say what the picture shows; empty where there is none."""
    known = partitions(state)
    if known is None:
        return ""
    if known.undeclared:
        said = f"{many(known.written, 'partition')} written, how many were due is not declared"
    else:
        said = f"{known.written:,} of {many(known.due, 'partition')} written"
    missing = f", {known.missing:,} missing{_named(known)}" if known.missing else ""
    unknown = f", {known.unknown:,} unknown" if known.unknown else ""
    return said + missing + unknown


def svg(state: WriteState) -> str:
    """Draw a table's partitions; empty where nothing is known of them."""
    known = partitions(state)
    if known is None:
        return ""
    cells = known.due + known.undeclared
    height, drawn = _cells(known) if cells <= MOST_CELLS else _bars(known)
    title = f"Partitions of {cut(state.table, 80)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'class="picture partitions" role="img"><title>{escaped(title, 100)}</title>'
        f"<desc>{escaped(in_words(state), 600)}.</desc>{drawn}</svg>"
    )


def _cells(known: Partitions) -> tuple[int, str]:
    kinds = [("written", "written")] * known.written
    kinds += [("missing", f"missing: {name}") for name in known.names]
    kinds += [("missing", "missing")] * (known.missing - len(known.names))
    kinds += [("unknown", "unknown whether it was written")] * known.unknown
    kinds += [("unknown", "how many more were due is not declared")] * known.undeclared
    rows = max(-(-len(kinds) // _COLUMNS), 1)
    drawn = "".join(_cell(kind, said, number) for number, (kind, said) in enumerate(kinds))
    return rows * _STEP, drawn


def _cell(kind: str, said: str, number: int) -> str:
    x, y = number % _COLUMNS * _STEP, number // _COLUMNS * _STEP
    middle = _CELL // 2 + 1
    sign = (
        f'<path d="{_SIGNS[kind]}" transform="translate({x + middle},{y + middle})"/>'
        if _SIGNS[kind]
        else f'<text x="{x + middle}" y="{y + middle + 4}" text-anchor="middle">?</text>'
    )
    return (
        f'<g class="{kind}"><title>{escaped(said, 120)}</title>'
        f'<rect x="{x + 1}" y="{y + 1}" width="{_CELL}" height="{_CELL}"/>{sign}</g>'
    )


def _bars(known: Partitions) -> tuple[int, str]:
    counts = [("written", known.written), ("missing", known.missing), ("unknown", known.unknown)]
    told = [(kind, count) for kind, count in counts if count]
    drawn = "".join(_counted(kind, count, known.due, row) for row, (kind, count) in enumerate(told))
    return len(told) * _STEP, drawn


def _counted(kind: str, count: int, of: int, row: int) -> str:
    y, width = row * _STEP, max(_BAR * count / of, 3)
    return (
        f'<g class="{kind}"><title>{kind}: {count:,} of {of:,}</title>'
        f'<text class="out" x="0" y="{y + 16}">{kind}</text>'
        f'<rect x="60" y="{y + 4}" width="{width:.1f}" height="16"/>'
        f'<text class="out" x="{60 + width + 6:.1f}" y="{y + 16}">{_short(count)}</text></g>'
    )


def _short(count: int) -> str:
    return f"{count:,}" if count < 10_000_000 else f"{count:.1e}"


def _named(known: Partitions) -> str:
    if not known.names:
        return ""
    shown = ", ".join(cut(name, 40) for name in known.names[:_NAMED])
    more = f" and {len(known.names) - _NAMED:,} more" if len(known.names) > _NAMED else ""
    return f" ({shown}{more})"
