"""Inline SVG charts. Colours come from the page's variables, so that both colour schemes fit."""

from collections.abc import Sequence

from pipetriage.drawing.categories import CATEGORY_NAMES
from pipetriage.evaluation.calibration import Bin
from pipetriage.evaluation.intervals import Interval, wilson
from pipetriage.evaluation.metrics import NO_VERDICT, CategoryScore
from pipetriage.evaluation.written import for_html

SHORT_NAMES = {**{category.value: name for category, name in CATEGORY_NAMES.items()}, NO_VERDICT: "no verdict"}


def confusion_matrix(counts: dict[str, dict[str, int]]) -> str:
    """Draw expected against given categories: the deeper, the larger a share of its row."""
    cell, tall, left, top = 44, 34, 112, 104
    # A column of zeros says nothing where nothing failed.
    columns = [name for name in SHORT_NAMES if name != NO_VERDICT or any(row[name] for row in counts.values())]
    drawn = [
        f'<text class="soft" transform="translate({left + at * cell + cell / 2 + 3},{top - 10}) rotate(-55)">'
        f"{for_html(SHORT_NAMES[name])}</text>"
        for at, name in enumerate(columns)
    ]
    for line, (expected, row) in enumerate(counts.items()):
        y, total = top + line * tall, sum(row.values())
        drawn.append(f'<text x="{left - 10}" y="{y + 21}" text-anchor="end">{for_html(SHORT_NAMES[expected])}</text>')
        drawn += [_cell(left + at * cell, y, expected, given, row[given], total) for at, given in enumerate(columns)]
    width, height = left + cell * len(columns) + 62, top + tall * len(counts) + 8
    return _svg(width, height, "confusion matrix: expected categories in rows, given in columns", drawn)


def _cell(x: int, y: int, expected: str, given: str, count: int, total: int) -> str:
    share = count / total if total else 0.0
    tone = "--cell-right" if expected == given else "--cell-wrong"
    strength = 0.14 + 0.6 * share if count else 0.0
    said = f"{SHORT_NAMES[expected]} called {SHORT_NAMES[given]}: {count} of {total}"
    number = f'<text class="num" x="{x + 20}" y="{y + 21}" text-anchor="middle">{count}</text>' if count else ""
    return (
        f"<g><title>{for_html(said)}</title>"
        f'<rect x="{x}" y="{y}" width="41" height="31" rx="3" fill="var(--track)"/>'
        f'<rect x="{x}" y="{y}" width="41" height="31" rx="3" fill="rgba(var({tone}),{strength:.2f})"/>{number}</g>'
    )


def reliability_diagram(bins: Sequence[Bin]) -> str:
    """Draw the share of right verdicts over their confidence, each bin with its 95% interval; the diagonal is ideal."""
    side, left, top = 300, 52, 14

    def across(value: float) -> float:
        return left + value * side

    def up(value: float) -> float:
        return top + (1 - value) * side

    drawn = [f'<rect x="{left}" y="{top}" width="{side}" height="{side}" rx="4" fill="var(--track)"/>']
    for tenth in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawn.append(
            f'<path d="M{left} {up(tenth):.1f}h{side}M{across(tenth):.1f} {top}v{side}" stroke="var(--line)"/>'
            f'<text class="soft num" x="{left - 8}" y="{up(tenth) + 4:.1f}" text-anchor="end">{tenth:.0%}</text>'
            f'<text class="soft num" x="{across(tenth):.1f}" y="{top + side + 18}" '
            f'text-anchor="middle">{tenth:.0%}</text>'
        )
    drawn.append(
        f'<path d="M{left} {top + side}L{left + side} {top}" stroke="var(--soft)" stroke-dasharray="4 4" fill="none"/>'
    )
    most = max((one.n for one in bins), default=1)
    for one in bins:
        low, high = wilson(one.correct, one.n) or (0.0, 0.0)
        share = one.correct / one.n
        said = f"confidence {one.low:.2f} to {one.high:.2f}: {one.correct} of {one.n} right"
        drawn.append(
            f"<g><title>{for_html(said)}</title>"
            f'<path d="M{across(one.confidence):.1f} {up(high):.1f}V{up(low):.1f}" stroke="var(--bar)" '
            f'stroke-width="2" opacity=".55"/>'
            f'<circle cx="{across(one.confidence):.1f}" cy="{up(share):.1f}" r="{4 + 5 * (one.n / most) ** 0.5:.1f}" '
            f'fill="var(--bar)" stroke="var(--panel)" stroke-width="1.5"/></g>'
        )
    drawn.append(
        f'<text class="soft" x="{left + side / 2}" y="{top + side + 40}" text-anchor="middle">stated confidence</text>'
        f'<text class="soft" transform="translate(12,{top + side / 2}) rotate(-90)" text-anchor="middle">'
        "verdicts that were right</text>"
    )
    return _svg(left + side + 22, top + side + 48, "reliability diagram", drawn)


def category_bars(scores: dict[str, CategoryScore]) -> str:
    """Draw precision and recall of each category, with their counts, in two charts that stand side by side."""
    names = list(scores)
    half = (len(names) + 1) // 2
    return "".join(_bars({name: scores[name] for name in part}) for part in (names[:half], names[half:]))


def _bars(scores: dict[str, CategoryScore]) -> str:
    row, left, bar = 46, 112, 190
    drawn = []
    for line, (category, score) in enumerate(scores.items()):
        top = line * row
        drawn.append(
            f'<text x="{left - 10}" y="{top + 20}" text-anchor="end">{for_html(SHORT_NAMES[category])}</text>'
            f'<text class="soft" x="{left - 10}" y="{top + 35}" text-anchor="end">{score.support} cases</text>'
        )
        measured = (
            ("precision", score.precision, score.precision_interval, score.predicted, "--bar"),
            ("recall", score.recall, score.recall_interval, score.support, "--second"),
        )
        for number, (name, value, interval, of, tone) in enumerate(measured):
            y = top + 8 + number * 16
            said = f"{name}: {score.hits} of {of}" + (f", 95% {_range(interval)}" if interval else "")
            shown = "–" if value is None else f"{value:.0%}"
            drawn.append(
                f"<g><title>{for_html(said)}</title>"
                f'<rect x="{left}" y="{y}" width="{bar}" height="12" rx="2" fill="var(--track)"/>'
                f'<rect x="{left}" y="{y}" width="{(value or 0) * bar:.1f}" height="12" rx="2" fill="var({tone})"/>'
                f'<text class="num" x="{left + bar + 8}" y="{y + 11}">{shown}</text>'
                f'<text class="soft num" x="{left + bar + 52}" y="{y + 11}">{score.hits}/{of}</text></g>'
            )
    return _svg(left + bar + 100, row * len(scores) + 4, "precision and recall of each category", drawn)


def interval_strip(value: float | None, interval: Interval | None) -> str:
    """Draw one value with its interval on a track from 0 to 1."""
    if value is None or interval is None:
        return ""
    low, high = interval
    return (
        '<svg class="strip" viewBox="0 0 120 14" width="120" height="14" aria-hidden="true">'
        '<rect x="4" y="6" width="112" height="2" rx="1" fill="var(--line)"/>'
        f'<rect x="{4 + 112 * low:.1f}" y="5" width="{max(112 * (high - low), 1):.1f}" height="4" rx="2" '
        f'fill="var(--bar)" opacity=".45"/><circle cx="{4 + 112 * value:.1f}" cy="7" r="4" fill="var(--bar)"/></svg>'
    )


def _range(interval: Interval) -> str:
    return f"{interval[0]:.0%} to {interval[1]:.0%}"


def _svg(width: float, height: float, title: str, drawn: Sequence[str]) -> str:
    # As large as it likes to be: the page's style makes it fit. No style here, which the service's pages do not allow.
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width * 1.25:g}"'
    return f'<svg {size} class="picture" role="img" aria-label="{for_html(title)}">{"".join(drawn)}</svg>'
