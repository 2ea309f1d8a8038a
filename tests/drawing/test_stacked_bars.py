"""Bars over time: as high as their counts, told apart without colour, readable as words, bounded."""

from xml.etree import ElementTree

import pytest

from pipetriage.drawing.stacked_bars import MOST_BARS, Bar, svg, swatch

SVG = "{http://www.w3.org/2000/svg}"
PARTS = [f"kind {number}" for number in range(8)]


def drawn(bars: list[Bar]) -> ElementTree.Element:
    return ElementTree.fromstring(svg("Kinds by day", "told", PARTS, bars))  # noqa: S314 - it is ours


def counts(*given: int) -> list[int]:
    return [*given, *[0] * (len(PARTS) - len(given))]


def heights(root: ElementTree.Element) -> list[list[float]]:
    return [[float(one.attrib["height"]) for one in group.findall(f"{SVG}rect")] for group in root.findall(f"{SVG}g")]


def test_parts_are_as_high_as_their_counts_and_stand_on_one_another() -> None:
    root = drawn([Bar("11-01", "2026-11-01", counts(1, 3)), Bar("11-02", "2026-11-02", counts(0, 2))])
    (one, three), (two,) = heights(root)
    assert [three / one, two / one] == pytest.approx([3, 2])
    first = root.findall(f"{SVG}g")[0].findall(f"{SVG}rect")
    foot = float(first[1].attrib["y"]) + float(first[1].attrib["height"])
    assert foot == pytest.approx(float(first[0].attrib["y"]), abs=0.2)


def test_each_bar_says_what_it_counts() -> None:
    root = drawn([Bar("11-01", "2026-11-01", counts(1, 3)), Bar("11-02", "2026-11-02", counts())])
    told = [group.findtext(f"{SVG}title") for group in root.findall(f"{SVG}g")]
    assert told == ["2026-11-01: kind 0 1, kind 1 3", "2026-11-02: none"]


def test_no_two_parts_are_hatched_alike() -> None:
    root = drawn([Bar("", "", [1] * 8)])
    patterns = [pattern.find(f"{SVG}path") for pattern in root.iter(f"{SVG}pattern")]
    assert len({None if one is None else one.attrib["d"] for one in patterns}) == 8
    assert [f'fill="url(#part-{number + 1})"' in swatch(number) for number in range(8)] == [True] * 8


def test_the_scale_is_round_and_holds_the_highest() -> None:
    for highest, top in ((1, "2"), (7, "8"), (9, "10"), (41, "60"), (1_000_000, "2,000,000")):
        words = [one.text for one in drawn([Bar("", "", counts(highest))]).findall(f"{SVG}text")]
        assert words == ["0", f"{int(top.replace(',', '')) // 2:,}", top]


def test_too_many_bars_are_the_latest_of_them() -> None:
    root = drawn([Bar(str(n), str(n), counts(1)) for n in range(500)])
    assert len(root.findall(f"{SVG}g")) == MOST_BARS
    assert "499: kind 0 1" in "".join(root.itertext())
    labels = [group for group in root.findall(f"{SVG}g") if group.find(f"{SVG}text") is not None]
    assert len(labels) <= 5


def test_nothing_counted_is_no_picture() -> None:
    assert svg("t", "s", PARTS, []) == svg("t", "s", PARTS, [Bar("a", "b", counts())]) == ""


def test_words_break_nothing() -> None:
    text = svg('<script>"', "</desc><b>", ["<i>"], [Bar("<u>", "</title><script>", [1])])
    tags = {one.tag.removeprefix(SVG) for one in ElementTree.fromstring(text).iter()}  # noqa: S314 - it is ours
    assert tags == {"svg", "title", "desc", "defs", "pattern", "rect", "line", "text", "g"}
