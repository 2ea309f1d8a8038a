"""The partitions of a table: how many are written, missing, unknown, told apart without colour and in words."""

from typing import Any
from xml.etree import ElementTree

import pytest

from pipetriage.drawing.partition_grid import MOST_CELLS, in_words, partitions, svg
from pipetriage.model.write_state import WriteState, WriteStatus

SVG = "{http://www.w3.org/2000/svg}"


def state(status: str = "PARTIAL", table: str = "sales.orders", **more: Any) -> WriteState:
    return WriteState(table=table, role="target", format="iceberg", status=WriteStatus(status), **more)


def kinds(given: WriteState) -> dict[str, int]:
    root = ElementTree.fromstring(svg(given))  # noqa: S314 - it is ours
    found = [group.attrib["class"] for group in root.iter(f"{SVG}g")]
    return {kind: found.count(kind) for kind in found}


def test_nine_of_twelve() -> None:
    given = state(partitions_expected=12, partitions_written=9, partitions_missing=["s10", "s11", "s12"])
    assert kinds(given) == {"written": 9, "missing": 3}
    assert in_words(given) == "9 of 12 partitions written, 3 missing (s10, s11, s12)"
    titles = [one.text for one in ElementTree.fromstring(svg(given)).iter(f"{SVG}title")]  # noqa: S314
    assert titles[-3:] == ["missing: s10", "missing: s11", "missing: s12"]


def test_the_kinds_differ_without_colour() -> None:
    given = state("UNCERTAIN", partitions_expected=3, partitions_written=1, partitions_missing=["b"])
    signs = {
        group.attrib["class"]: (group.find(f"{SVG}path") is not None and group.find(f"{SVG}path").attrib["d"])  # type: ignore[union-attr]
        or group.findtext(f"{SVG}text")
        for group in ElementTree.fromstring(svg(given)).iter(f"{SVG}g")  # noqa: S314
    }
    assert set(signs) == {"written", "missing", "unknown"}
    assert len(set(signs.values())) == 3


@pytest.mark.parametrize("status", ["UNCERTAIN", "UNOBSERVED"])
def test_what_is_not_proven_is_unknown_and_never_missing(status: str) -> None:
    assert kinds(state(status, partitions_expected=12, partitions_written=9)) == {"written": 9, "unknown": 3}


def test_what_nobody_counted_is_unknown() -> None:
    given = state("UNOBSERVED", partitions_expected=12)
    assert kinds(given) == {"unknown": 12}
    assert in_words(given) == "0 of 12 partitions written, 12 unknown"


def test_how_many_were_due_may_be_undeclared() -> None:
    given = state(partitions_written=9)
    assert kinds(given) == {"written": 9, "unknown": 1}
    assert in_words(given) == "9 partitions written, how many were due is not declared"


def test_of_nothing_known_there_is_no_picture() -> None:
    assert (svg(state()), in_words(state())) == ("", "")


def test_ten_thousand_are_bars_with_counts() -> None:
    given = state(
        partitions_expected=10_000, partitions_written=9_990, partitions_missing=[f"p{n:04}" for n in range(10)]
    )
    assert kinds(given) == {"written": 1, "missing": 1}
    drawn = svg(given)
    assert {"9,990", "10"} <= {one.text for one in ElementTree.fromstring(drawn).iter(f"{SVG}text")}  # noqa: S314
    assert len(drawn) < 2_000


def test_numbers_that_cannot_be_are_drawn_small() -> None:
    for expected, written in ((10**15, 10**14), (-5, -9), (3, 10**9), (0, 0)):
        given = state(partitions_expected=expected, partitions_written=written)
        assert len(svg(given)) < 3_000
    known = partitions(state(partitions_expected=3, partitions_written=5))
    assert known is not None
    assert (known.written, known.missing, known.unknown) == (5, 0, 0)


@pytest.mark.parametrize("name", ['</title><script>x</script>"', "x" * 5_000, "\u202e\x00"])
def test_a_name_breaks_nothing(name: str) -> None:
    drawn = svg(state(table=name, partitions_expected=2, partitions_written=1, partitions_missing=[name]))
    assert "script" not in {one.tag.removeprefix(SVG) for one in ElementTree.fromstring(drawn).iter()}  # noqa: S314
    assert "\u202e" not in drawn
    assert len(drawn) < 2_500


def test_as_many_cells_as_a_page_has_room_for() -> None:
    at_most = state(partitions_expected=MOST_CELLS, partitions_written=1)
    one_more = state(partitions_expected=MOST_CELLS + 1, partitions_written=1)
    assert sum(kinds(at_most).values()) == MOST_CELLS
    assert sum(kinds(one_more).values()) == 2
