"""Who read what the batch left, and what was made of it: as lines for a terminal, and as a small SVG.

Names in it are untrusted. The SVG has no script, no link and no reference to anything outside itself, and follows the
reader's light or dark theme.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from pipetriage.drawing.text import escaped
from pipetriage.model.incident import Incident
from pipetriage.model.write_state import Exposure, ExposureStatus, ExposureWindow

MOST_LINES = 12
"""Of a tree in a terminal; how many more there are is said."""
MOST_ROWS = 10
"""Boxes of one column of the picture."""
MOST_COLUMNS = 6

_BOX, _GAP, _HEIGHT, _STEP, _MARGIN = 190, 60, 42, 54, 12
_LETTERS = 26

# Each rule is for this picture alone: it may stand in a page that has others.
_STYLE = """
.blast text{font:12px system-ui,sans-serif;fill:#1f2328}.blast .s{font-size:10px;fill:#59636e}
.blast rect{rx:4px;fill:#fff;stroke:#8c959f}.blast path{fill:none;stroke:#8c959f}
.blast .bad rect{fill:#ffebe9;stroke:#cf222e}.blast .conf rect{stroke:#cf222e;stroke-width:2}
.blast .poss rect{stroke:#9a6700;stroke-dasharray:4 2}
@media(prefers-color-scheme:dark){.blast text{fill:#e6edf3}.blast .s{fill:#9198a1}
.blast rect{fill:#151b23;stroke:#656c76}.blast .bad rect{fill:#3c1618;stroke:#f85149}
.blast .conf rect{stroke:#f85149}.blast .poss rect{stroke:#d29922}}
""".strip()


class _Box(NamedTuple):
    kind: str
    title: str
    detail: str
    parent: str | None
    """The key of what it read."""
    key: str


def tree(incident: Incident, most: int = MOST_LINES) -> list[str]:
    """Give the blast radius as lines, each table with its readers below it, each reader with what reads from it."""
    lines: list[str] = []
    below = _children(incident)
    # What reads from a consumer stands below it once: where all read from all, there are more ways than readers.
    told: set[str] = set()

    def reader(one: Exposure, indent: int) -> None:
        owner = one.owner or "owner not declared"
        lines.append(f"{'  ' * indent}└ {one.status}: {one.consumer} ({owner}), {one.kind}")
        if one.consumer not in told:
            told.add(one.consumer)
            for child in below.get(one.consumer, ()):
                reader(child, indent + 1)

    for window in incident.exposure_windows:
        lines.append(window_line(window))
        for one in _nearest(incident, window.table):
            reader(one, 1)
    more = len(lines) - most
    return lines if more <= 0 else [*lines[: most - 1], f"and {more + 1} more"]


def window_line(window: ExposureWindow) -> str:
    """Say when readers could see part of a batch in a table."""
    return f"{window.table}: {_when(window)}"


def svg(incident: Incident, *, styled: bool = True) -> str:
    """Draw the blast radius; empty where no table was exposed.

    ``styled`` False leaves the style sheet out: a page has it in a file of its own, and allows none inside itself.
    """
    columns = _columns(incident)
    if not columns:
        return ""
    places: dict[str, tuple[int, int]] = {}
    drawn: list[str] = []
    for number, boxes in enumerate(columns):
        for row, box in enumerate(boxes):
            x, y = _MARGIN + number * (_BOX + _GAP), _MARGIN + row * _STEP
            if box.key not in places:
                places[box.key] = x, y
            if box.parent in places:
                drawn.append(_line(places[box.parent], (x, y)))
            drawn.append(_drawn(box, x, y))
    width = 2 * _MARGIN + len(columns) * _BOX + (len(columns) - 1) * _GAP
    height = 2 * _MARGIN + max(len(boxes) for boxes in columns) * _STEP - (_STEP - _HEIGHT)
    title, told = "Who read the partial data", escaped(" · ".join(tree(incident)), 2_000)
    # Several pictures may stand on one page.
    key = escaped("".join(char for char in incident.incident_id if char.isalnum()), 16)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'class="blast" role="img" aria-labelledby="t{key} d{key}">'
        f'<title id="t{key}">{title}</title><desc id="d{key}">{told}</desc>'
        f"{f'<style>{_STYLE}</style>' if styled else ''}{''.join(drawn)}</svg>"
    )


def _columns(incident: Incident) -> list[list[_Box]]:
    """Lay the boxes out by depth; what has no room in its column is counted in its last box."""
    exposed = [one for one in incident.exposure if one.status is not ExposureStatus.NOT_EXPOSED]
    if not incident.exposure_windows:
        return []
    tables = [_Box("bad", one.table, _in_short(one), None, f"table:{one.table}") for one in incident.exposure_windows]
    by_depth: dict[int, list[_Box]] = defaultdict(list)
    for one in exposed:
        by_depth[one.depth].append(_box(one))
    columns = [tables, *(by_depth[depth] for depth in sorted(by_depth))]
    if further := sum(len(boxes) for boxes in columns[MOST_COLUMNS:]):
        columns[MOST_COLUMNS:] = []
        columns[-1] = [*columns[-1][: MOST_ROWS - 1], _Box("more", f"and {further} further away", "", None, "further")]
    return [list(_with_room(boxes)) for boxes in columns]


def _box(one: Exposure) -> _Box:
    kind = "conf" if one.status is ExposureStatus.CONFIRMED else "poss"
    parent = f"reader:{one.through}" if one.through else f"table:{one.table}"
    return _Box(kind, one.consumer, f"{one.status} · {one.owner or 'no owner'}", parent, f"reader:{one.consumer}")


def _with_room(boxes: list[_Box]) -> Iterator[_Box]:
    more = len(boxes) - MOST_ROWS
    yield from boxes[: MOST_ROWS - 1] if more > 0 else boxes
    if more > 0:
        yield _Box("more", f"and {more + 1} more", "", None, "")


def _drawn(box: _Box, x: int, y: int) -> str:
    return (
        f'<g class="{box.kind}"><rect x="{x}" y="{y}" width="{_BOX}" height="{_HEIGHT}"/>'
        f'<text x="{x + 8}" y="{y + 18}">{escaped(box.title, _LETTERS)}</text>'
        f'<text class="s" x="{x + 8}" y="{y + 33}">{escaped(box.detail, _LETTERS + 6)}</text></g>'
    )


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = (start[0] + _BOX, start[1] + _HEIGHT // 2), (end[0], end[1] + _HEIGHT // 2)
    middle = (x + to_x) // 2
    return f'<path d="M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"/>'


def _nearest(incident: Incident, table: str) -> list[Exposure]:
    return [
        one
        for one in incident.exposure
        if one.depth == 1 and one.table == table and one.status is not ExposureStatus.NOT_EXPOSED
    ]


def _children(incident: Incident) -> dict[str, list[Exposure]]:
    below: dict[str, list[Exposure]] = defaultdict(list)
    for one in incident.exposure:
        if one.through is not None and one.status is not ExposureStatus.NOT_EXPOSED:
            below[one.through].append(one)
    return below


def _in_short(window: ExposureWindow) -> str:
    """Say when, in as much as a box has room for."""
    if window.until is not None:
        return f"until {window.until:%Y-%m-%d %H:%M}, {window.ended_by}"
    return f"since {window.since:%Y-%m-%d %H:%M}" if window.since else "since when is unknown"


def _when(window: ExposureWindow) -> str:
    since = f"{window.since:%Y-%m-%d %H:%M}" if window.since else "an unknown time"
    until = f"{window.until:%Y-%m-%d %H:%M} UTC ({window.ended_by})" if window.until else "now"
    return f"partial from {since} to {until}"
