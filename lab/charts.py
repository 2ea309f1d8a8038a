"""Inline SVG charts. Colours come from the page's variables, so that both themes fit."""

from collections.abc import Sequence
from html import escape

from lab.figures import Coverage

_ROW, _LABEL, _BAR, _WIDTH = 24, 250, 190, 620


def bars(groups: Sequence[Coverage], title: str, of: str = "harmless") -> str:
    """Draw one horizontal bar a group: the covered share on a full track, the counts beside it."""
    height = _ROW * len(groups) + 4
    drawn = "".join(_bar(one, number * _ROW, of) for number, one in enumerate(groups))
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">{drawn}</svg>'


def _bar(one: Coverage, top: int, of: str) -> str:
    share = one.share or 0.0
    middle = top + 16
    name = one.name if len(one.name) <= 37 else one.name[:36] + "…"
    percent = "–" if one.share is None else f"{share:.0%}"
    left = _LABEL + 8
    counts = f"{one.safe} of {one.harmless} {of}, {one.seeds} seeds"
    mark = f'<tspan fill="var(--bad)"> · {one.fatal} fatal</tspan>' if one.fatal else ""
    return (
        f"<g><title>{escape(one.name)}: {escape(counts)}</title>"
        f'<text x="{_LABEL}" y="{middle}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{left}" y="{top + 6}" width="{_BAR}" height="12" rx="2" fill="var(--track)"/>'
        f'<rect x="{left}" y="{top + 6}" width="{share * _BAR:.1f}" height="12" rx="2" fill="var(--bar)"/>'
        f'<text class="num" x="{left + _BAR + 42}" y="{middle}" text-anchor="end">{percent}</text>'
        f'<text class="soft num" x="{left + _BAR + 50}" y="{middle}">{one.safe}/{one.harmless}{mark}</text></g>'
    )


_TONES = {"SAFE": "var(--bar)", "UNKNOWN": "var(--mid)", "UNSAFE": "var(--soft)"}


def stacked(decisions: dict[str, dict[str, int]]) -> str:
    """Draw one bar for each truth, divided by what was said."""
    width, left, row = 900, 150, 46
    drawn = []
    for number, (kind, counts) in enumerate(decisions.items()):
        top, at, total = number * row, float(left), max(sum(counts.values()), 1)
        drawn.append(f'<text x="{left - 12}" y="{top + 20}" text-anchor="end">{escape(kind)}</text>')
        for word, count in counts.items():
            wide = (width - left - 4) * count / total
            if not count:
                continue
            drawn.append(
                f'<rect x="{at:.1f}" y="{top + 4}" width="{max(wide - 2, 1):.1f}" height="24" rx="2" '
                f'fill="{_TONES[word]}"><title>{escape(kind)}: {word} {count}</title></rect>'
            )
            if wide > 34:
                label = f"{word} {count}" if wide > 100 else str(count)
                drawn.append(f'<text class="soft num" x="{at + 2:.1f}" y="{top + 41}">{label}</text>')
            at += wide
    return (
        f'<svg viewBox="0 0 {width} {row * len(decisions) + 4}" role="img" '
        f'aria-label="decisions by truth">{"".join(drawn)}</svg>'
    )


def matrix(rows: list[str], columns: list[str], counts: dict[str, dict[str, int]], impossible: set[str]) -> str:
    """Draw a table of counts, darker where there are more; nothing where a combination does not exist."""
    cell, height, left, top = 29, 24, 190, 210
    zero = '<tspan fill="var(--bad)">0</tspan>'
    most = max((counts[row][column] for row in rows for column in columns), default=1) or 1
    width = left + cell * len(columns) + 40
    drawn = [
        f'<text class="soft" transform="translate({left + number * cell + 18},{top - 8}) rotate(-60)">'
        f"{escape(name)}</text>"
        for number, name in enumerate(columns)
    ]
    for line, row in enumerate(rows):
        y = top + line * height
        drawn.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{escape(row)}</text>')
        for number, column in enumerate(columns):
            count, x = counts[row][column], left + number * cell
            if f"{row} {column}" in impossible:
                continue
            strength = 0.0 if not count else 0.12 + 0.55 * count / most
            drawn.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{height - 2}" rx="2" '
                f'fill="rgba(var(--cell),{strength:.2f})">'
                f"<title>{escape(row)}, {escape(column)}: {count}</title></rect>"
                f'<text class="num soft" x="{x + cell / 2 - 1:.0f}" y="{y + 15}" text-anchor="middle">'
                f"{count or zero}</text>"
            )
    tall = top + height * len(rows) + 4
    style = f"min-width:{width}px"
    return (
        f'<svg viewBox="0 0 {width + 60} {tall}" style="{style}" role="img" '
        f'aria-label="seeds by fault and mode">{"".join(drawn)}</svg>'
    )
