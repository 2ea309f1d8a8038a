"""The picture of who read it: well-formed, small, readable by machines and in the dark, and nothing runs in it."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from pipetriage.drawing.blast_radius import MOST_COLUMNS, MOST_LINES, MOST_ROWS, svg, tree
from pipetriage.model.incident import Incident, from_json
from pipetriage.model.write_state import Exposure, ExposureStatus, ExposureWindow

GOLDEN = Path(__file__).parents[1] / "entrypoints/golden/incident.json"
WINDOW = ExposureWindow(
    table="sales.orders",
    since=datetime(2026, 11, 22, 2, 5, tzinfo=UTC),
    until=None,
    ended_by=None,
    first_snapshot="1002",
    why="part",
)
NASTY = '</text><script>alert(1)</script><image href="http://x/"/>&" onload="x\u202egnp.exe\x00\ud800'


def reader(
    consumer: str, depth: int = 1, through: str | None = None, status: str = "CONFIRMED", **more: Any
) -> Exposure:
    given = {"owner": "bi", "read_at": None, "snapshot_id": None, "via": "read it", "table": "sales.orders"} | more
    return Exposure(consumer=consumer, status=ExposureStatus(status), depth=depth, through=through, **given)


def incident(*readers: Exposure, windows: tuple[ExposureWindow, ...] = (WINDOW,)) -> Incident:
    golden = from_json(GOLDEN.read_bytes())
    return replace(golden, exposure=list(readers), exposure_windows=list(windows))


def test_the_tree_has_what_reads_from_a_reader_below_it() -> None:
    lines = tree(incident(reader("mart"), reader("board", 2, "mart", "POSSIBLE", kind="dashboard", owner=None)))
    assert lines == [
        "sales.orders: partial from 2026-11-22 02:05 to now",
        "  └ CONFIRMED: mart (bi), job",
        "    └ POSSIBLE: board (owner not declared), dashboard",
    ]


def test_who_is_not_exposed_is_in_neither() -> None:
    calm = incident(reader("calm", status="NOT_EXPOSED"))
    assert "calm" not in "".join(tree(calm)) + svg(calm)


def test_a_long_tree_is_cut_and_says_so() -> None:
    lines = tree(incident(*(reader(f"r{n}") for n in range(40))))
    assert len(lines) == MOST_LINES
    assert lines[-1] == "and 30 more"


def test_where_all_read_from_all_each_reader_has_its_readers_below_it_once() -> None:
    """Ten layers of ten, each reading all of the layer below: ten thousand million ways, a thousand lines."""
    first = [reader(f"l0-{n}") for n in range(10)]
    others = [
        reader(f"l{layer}-{n}", layer + 1, f"l{layer - 1}-{via}", table=f"t{layer - 1}-{via}")
        for layer in range(1, 10)
        for n in range(10)
        for via in range(10)
    ]
    assert len(tree(incident(*first, *others), most=5_000)) == 1 + len(first) + len(others)


def test_circles_end() -> None:
    both = incident(reader("a"), reader("b", 2, "a"), reader("a", 3, "b"))
    assert len(tree(both)) == 4


def test_the_picture_is_accessible_small_and_follows_the_theme() -> None:
    drawn = svg(incident(reader("mart"), reader("board", 2, "mart")))
    root = ElementTree.fromstring(drawn)  # noqa: S314 - it is ours
    space = "{http://www.w3.org/2000/svg}"
    named = root.attrib["aria-labelledby"].split()
    assert [root.find(f"{space}{tag}").attrib["id"] for tag in ("title", "desc")] == named  # type: ignore[union-attr]
    assert root.attrib["role"] == "img"
    assert "board" in "".join(root.itertext())
    assert "prefers-color-scheme:dark" in drawn
    assert len(drawn) < 4_000


def test_a_picture_of_thousands_stays_small_and_says_what_it_left_out() -> None:
    chain = [reader(f"deep{depth}", depth, f"deep{depth - 1}" if depth > 1 else None) for depth in range(1, 9)]
    drawn = svg(incident(*chain, *(reader(f"r{n}") for n in range(3_000))))
    assert len(drawn.encode()) < 12_000
    assert drawn.count("<g ") <= MOST_ROWS * MOST_COLUMNS
    assert "2992 more" in drawn
    assert "3 further away" in drawn


@pytest.mark.parametrize("name", [NASTY, "x" * 10_000, "", "]]>", "<!--"])
def test_a_name_can_neither_break_out_nor_load_anything(name: str) -> None:
    nasty = replace(WINDOW, table=name)
    drawn = svg(incident(reader(name, owner=name, table=name), windows=(nasty,)))
    root = ElementTree.fromstring(drawn)  # noqa: S314 - it is what is looked at
    tags = {element.tag.partition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "g", "rect", "text", "path"}
    names = {attribute for element in root.iter() for attribute in element.attrib}
    assert names <= {"width", "height", "viewBox", "class", "role", "aria-labelledby", "id", "x", "y", "d"}
    assert not re.search(r"url\(|@import|\u202e", drawn)
    assert drawn.count("http") <= 1 + drawn.count("http://x/")
    assert len(drawn) < 8_000


def test_no_window_is_no_picture() -> None:
    assert svg(incident(reader("calm", status="NOT_EXPOSED"), windows=())) == ""
