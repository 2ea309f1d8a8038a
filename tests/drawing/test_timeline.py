"""The time line: all that happened stands in it in words and as marks, in the right order; nothing breaks out of it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from pipetriage.drawing.axis import MOST_TICKS, Axis, axis_over, seconds
from pipetriage.drawing.timeline import MOST_LANES, svg
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident, from_json
from pipetriage.model.review import Review
from pipetriage.model.write_state import Commit, Exposure, ExposureStatus, ExposureWindow

GOLDEN = Path(__file__).parents[1] / "entrypoints/golden/incident.json"
SVG = "{http://www.w3.org/2000/svg}"
NIGHT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
NASTY = '</text><script>alert(1)</script><image href="http://x/"/>&" onload="x\u202egnp.exe\x00\ud800'


def incident(**more: Any) -> Incident:
    return replace(from_json(GOLDEN.read_bytes()), **more)


def at(minutes: float) -> datetime:
    return NIGHT + timedelta(minutes=minutes)


def window(since: datetime | None, until: datetime | None, table: str = "staging.orders") -> ExposureWindow:
    return ExposureWindow(table=table, since=since, until=until, ended_by=None, first_snapshot=None, why="part")


def reader(consumer: str, owner: str | None, read_at: datetime | None, status: str = "CONFIRMED") -> Exposure:
    sure = ExposureStatus(status)
    return Exposure(consumer=consumer, owner=owner, status=sure, read_at=read_at, snapshot_id=None, via="", depth=1)


def review(reviewed_at: datetime, by: str = "ana") -> Review:
    return Review(by=by, reviewed_at=reviewed_at, failure_category=Category.UNKNOWN, safe_to_retry=False)


def commits(moments: list[datetime], table: str = "staging.orders") -> Any:
    made = [Commit(snapshot=str(n), run=None, committed_at=when, records=5, files=1) for n, when in enumerate(moments)]
    return replace(incident().write_state[1], table=table, commits=made, later_commits_lost=[])


def drawn(one: Incident, *reviews: Review) -> ElementTree.Element:
    return ElementTree.fromstring(svg(one, reviews))  # noqa: S314 - it is ours


def words(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.findall(f"{SVG}text") if element.get("x") == "0"]


def place(root: ElementTree.Element, kind: str) -> list[float]:
    """Where the marks of one kind stand, in percent."""
    holders = [one for one in root.iter(f"{SVG}svg") if one.find(f"{SVG}g[@class='{kind}']") is not None]
    return [float(one.attrib["x"].rstrip("%")) for one in holders]


def test_it_says_in_words_what_it_shows() -> None:
    told = incident(
        exposure_windows=[window(at(54), None)],
        exposure=[
            reader("report", "finance", at(67)),
            reader("board", "bi", None, "POSSIBLE"),
            reader("calm", "hr", at(60), "NOT_EXPOSED"),
        ],
    )
    root = drawn(told, review(at(100)))
    assert words(root) == [
        "UTC, 2026-11-22",
        "Run 02:52 to 03:00: FAILED · attempt 1",
        "staging.orders: 9 commits 02:54",
        "staging.orders: 1 later commit by others",
        "Partial staging.orders 02:54 to now",
        "Read by finance: 1 CONFIRMED 03:07",
        "Read by bi: 1 POSSIBLE, when unknown",
        "First verdict 03:12, now: not safe to retry",
        "Review 03:40 by ana",
    ]
    description = root.findtext(f"{SVG}desc") or ""
    assert all(line in description for line in words(root)[1:])
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SVG}title") == "What happened when, UTC, 2026-11-22"


def test_marks_stand_in_the_order_in_which_things_happened() -> None:
    root = drawn(incident(), review(at(90)))
    commit, failure, read, verdict, reviewed = (
        place(root, kind)[0] for kind in ("commit", "failure", "read", "verdict", "review")
    )
    assert commit < failure < read < verdict < reviewed


def test_a_run_that_succeeded_has_no_failure() -> None:
    assert place(drawn(incident(status="SUCCEEDED")), "failure") == []
    assert len(place(drawn(incident(status="TIMEOUT")), "failure")) == 1


def test_a_run_whose_times_nobody_knows_is_drawn_without_them() -> None:
    root = drawn(incident(started_at=None, ended_at=None, write_state=[], exposure=[]))
    assert words(root)[1].startswith("Run from ? to ?: FAILED")
    assert place(root, "verdict") == [pytest.approx(50, abs=1)]


def test_commits_close_together_are_one_mark_with_their_number() -> None:
    spread = commits([at(minute) for minute in (0, 0.1, 0.2, 30, 60)])
    root = drawn(incident(write_state=[spread]))
    assert len(place(root, "commit")) == 3
    numbers = [one.text for one in root.iter(f"{SVG}text") if one.get("class") == "in"]
    assert numbers == ["3"]


def test_a_review_days_later_stands_at_the_edge_and_the_night_keeps_its_width() -> None:
    root = drawn(incident(), review(at(60 * 24 * 5)))
    assert "later than this axis" in "".join(root.itertext())
    assert place(root, "verdict")[0] - place(root, "commit")[0] > 50


def test_a_window_of_unknown_ends_reaches_both_edges() -> None:
    root = drawn(incident(exposure_windows=[window(None, None)]))
    bar = next(one for one in root.iter(f"{SVG}rect") if one.get("class") == "window")
    assert (bar.get("x"), bar.get("width")) == ("0.0%", "100.0%")


def test_a_window_of_months_has_months_below_it() -> None:
    root = drawn(incident(exposure_windows=[window(at(0), at(60 * 24 * 120))]))
    ticks = [one.text for one in root.iter(f"{SVG}text") if one.get("class") == "soft"][1:]
    assert ticks == ["2026-12", "2027-01", "2027-02", "2027-03"]


def test_a_picture_of_thousands_stays_small_and_says_what_it_left_out() -> None:
    states = [commits([at(n / 7) for n in range(2_000)], f"t{n}") for n in range(40)]
    readers = [reader(f"r{n}", f"team {n % 50}", at(n / 60)) for n in range(3_000)]
    windows = [window(at(n), None, f"t{n}") for n in range(40)]
    big = svg(
        incident(write_state=states, exposure=readers, exposure_windows=windows), [review(at(n)) for n in range(99)]
    )
    assert len(big.encode()) < 40_000
    for more in ("35 more tables with commits", "45 more owners of readers", f"{99 - MOST_LANES + 1} more reviews"):
        assert more in big


@pytest.mark.parametrize("name", [NASTY, "x" * 10_000, "", "]]>", "<!--"])
def test_a_name_can_neither_break_out_nor_load_anything(name: str) -> None:
    nasty = incident(
        job_run_id=name,
        status=name,
        write_state=[commits([at(0)], name)],
        exposure=[reader(name, name, at(1)), reader(name, None, at(2), "POSSIBLE")],
        exposure_windows=[window(at(0), at(1), name)],
    )
    text = svg(nasty, [review(at(9), name)])
    root = ElementTree.fromstring(text)  # noqa: S314 - it is what is looked at
    allowed = {"svg", "title", "desc", "g", "rect", "text", "path", "line", "circle"}
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= allowed
    names = {attribute for one in root.iter() for attribute in one.attrib}
    assert not names & {"style", "href", "onload"}
    assert not re.search(r"url\(|@import|\u202e", text)
    assert len(text) < 9_000


@pytest.mark.parametrize(
    "end", [0.0, 3.0, 40.0, 600.0, 7_000.0, 86_400.0, 9e5, 4e6, 4e7, 4e8, 4e9, 2.4e11], ids=lambda end: f"{end:g}"
)
def test_any_length_of_time_has_a_few_moments_written_below_it(end: float) -> None:
    axis = axis_over([seconds(NIGHT), min(seconds(NIGHT) + end, 253_370_000_000)])
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= MOST_TICKS + 1
    assert all(axis.start <= moment <= axis.end for moment, _ in ticks)
    assert len({words for _, words in ticks}) == len(ticks)


def test_times_at_the_ends_of_the_calendar_are_drawn() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert "Run" in svg(incident(started_at=first, ended_at=last))


def test_what_lies_outside_an_axis_is_at_its_edge() -> None:
    axis = Axis(100.0, 200.0)
    assert axis.at(-1e9) < axis.at(100.5) < axis.at(199.0) < axis.at(1e12) <= 100
