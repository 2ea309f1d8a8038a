"""Counts of several kinds over time: a bar each day or week, its parts told apart by colour and by hatching.

As the time line, it stretches with the page while its text keeps its size, and brings no style along: the parts are
the ``part`` classes of the page, ``part-1`` and on.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipetriage.drawing.text import escaped

MOST_BARS = 60
"""So many can still be told apart on a telephone."""
_HEIGHT, _TOP, _FOOT = 200, 14, 22
_LEFT = 8.0
_LABELS = 5

# What a part's pattern draws over its ground, in a square of 6: so that no part rests on its colour alone.
_HATCHES = (
    "",
    "M0 6L6 0",
    "M0 3h6",
    "M0 0L6 6",
    "M3 0v6",
    "M0 6L6 0M0 0L6 6",
    "M0 3h6M3 0v6",
    "M2 2h2v2h-2z",
)


class Bar(NamedTuple):
    """One bar."""

    label: str
    """Below it, where there is room."""
    said: str
    """Which time it stands for, in full."""
    counts: Sequence[int]
    """One for each part, in the order of the parts."""


def svg(title: str, said: str, parts: Sequence[str], bars: Sequence[Bar]) -> str:
    """Draw the bars; empty where there is nothing to count. At most ``MOST_BARS``, the latest of them."""
    shown = bars[-MOST_BARS:]
    most = max((sum(bar.counts) for bar in shown), default=0)
    if not most:
        return ""
    top = _round_above(most)
    width = (100 - _LEFT) / len(shown)
    every = -(-len(shown) // _LABELS)
    drawn = "".join(
        _bar(bar, parts, _LEFT + number * width, width, top, labelled=number % every == 0)
        for number, bar in enumerate(shown)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="{_HEIGHT + _TOP + _FOOT}" '
        f'class="picture bars" role="img"><title>{escaped(title, 200)}</title><desc>{escaped(said, 1_000)}</desc>'
        f"<defs>{''.join(map(_pattern, range(len(parts))))}</defs>{_scale(top)}{drawn}</svg>"
    )


def swatch(number: int) -> str:
    """Draw how a part looks, for a legend on the same page."""
    fill = f'<rect width="14" height="14" fill="url(#part-{number + 1})"/>'
    return f'<svg class="swatch" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">{fill}</svg>'


def _round_above(most: int) -> int:
    """Give a round number that is at least as large, and even, so that its half is one, too."""
    size: int = 10 ** (len(str(most)) - 1)
    return next(step * size for step in (2, 4, 6, 8, 10) if step * size >= most)


def _pattern(number: int) -> str:
    hatch = _HATCHES[number % len(_HATCHES)]
    line = f'<path class="hatch" d="{hatch}"/>' if hatch else ""
    return (
        f'<pattern id="part-{number + 1}" class="part-{number + 1}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" class="part"/>{line}</pattern>'
    )


def _scale(top: int) -> str:
    drawn = ""
    for value in (0, top // 2, top):
        y = _y(value, top)
        drawn += (
            f'<line class="line" x1="0" x2="100%" y1="{y:.0f}" y2="{y:.0f}"/>'
            f'<text class="soft" x="0" y="{y - 3:.0f}">{value:,}</text>'
        )
    return drawn


def _bar(bar: Bar, parts: Sequence[str], x: float, width: float, top: int, *, labelled: bool) -> str:
    told = ", ".join(f"{part} {count:,}" for part, count in zip(parts, bar.counts, strict=True) if count) or "none"
    drawn, below = f"<title>{escaped(f'{bar.said}: {told}', 400)}</title>", 0
    for number, count in enumerate(bar.counts):
        if count:
            y, foot = _y(below + count, top), _y(below, top)
            drawn += (
                f'<rect x="{x + width * 0.1:.2f}%" y="{y:.1f}" width="{width * 0.8:.2f}%" '
                f'height="{max(foot - y, 0.5):.1f}" fill="url(#part-{number + 1})"/>'
            )
            below += count
    label = (
        f'<text class="soft" x="{x + width * 0.1:.2f}%" y="{_TOP + _HEIGHT + 16}">{escaped(bar.label, 12)}</text>'
        if labelled
        else ""
    )
    return f"<g>{drawn}{label}</g>"


def _y(value: int, top: int) -> float:
    return _TOP + _HEIGHT * (1 - value / top)
