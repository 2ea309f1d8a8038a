"""What the archive answers about many incidents, against SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipetriage.errors import StoreError, UsageError
from pipetriage.model.archive import Archive, Standing, Wanted
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.incident import Incident, Route
from pipetriage.model.review import Review
from pipetriage.model.write_state import WriteStatus
from pipetriage.stores import IncidentStore, open_store
from tests.stores.conftest import MORNING, empty_store

MakeIncident = Callable[..., Incident]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return empty_store(request, tmp_path)


@pytest.fixture
def archive(store: IncidentStore) -> Archive:
    return store.archive()


def ids(archive: Archive, **wanted: object) -> list[str]:
    return [one.job_run_id for one in archive.page(Wanted(**wanted)).headings]  # type: ignore[arg-type]


def review(minute: int = 60, **changes: object) -> Review:
    fields = {"failure_category": Category.SCHEMA_DRIFT, "safe_to_retry": False, "by": "ada", **changes}
    return Review(reviewed_at=MORNING + timedelta(minutes=minute), **fields)  # type: ignore[arg-type]


def test_a_line_shows_the_verdict_and_whose_it_is(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    route = Route(queue="data-contract owner", owner="sales-data", reason="schema", also=[])
    store.save(make_incident(likely_root_cause="x" * 900, route=route, status="TIMEOUT"))

    (line,) = archive.page(Wanted()).headings

    assert (line.pipeline_name, line.owner, line.status) == ("orders_daily", "sales-data", "TIMEOUT")
    assert (line.safe_to_retry, line.written, line.standing) == (False, WriteStatus.PARTIAL, Standing.OPEN)
    assert len(line.likely_root_cause) == 300
    assert archive.heading(line.incident_id) == line
    assert archive.heading("inc_nothing") is None


def test_pages_follow_one_another_without_gap_or_repeat_while_incidents_come_in(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    for number in range(7):
        # Three of the same moment: the moment alone does not say where a page ends.
        store.save(make_incident(f"jr_{number}", minute=number if number > 3 else 3, batch=str(number)))
    first = archive.page(Wanted(), limit=3)
    store.save(make_incident("jr_new", minute=99, batch="new"))
    second = archive.page(Wanted(), limit=3, cursor=first.following)
    third = archive.page(Wanted(), limit=3, cursor=second.following)

    seen = [one.job_run_id for page in (first, second, third) for one in page.headings]
    assert sorted(seen) == [f"jr_{number}" for number in range(7)]
    assert seen[:3] == ["jr_6", "jr_5", "jr_4"]
    assert third.following is None


@pytest.mark.parametrize("cursor", ["nonsense", "WzEsMl0", "====", "é", "W251bGwsImEiLCJiXHUwMDAwIl0"])
def test_a_cursor_that_is_none_of_ours_is_refused(archive: Archive, cursor: str) -> None:
    with pytest.raises(UsageError, match="first page"):
        archive.page(Wanted(), cursor=cursor)


def test_filters_hold_one_by_one_and_together(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    route = Route(queue="platform team", owner="ops", reason="denied", also=[])
    store.save(make_incident("jr_a", batch="a", pipeline_name="orders"))
    store.save(
        make_incident("jr_b", batch="b", minute=5, failure_mode=FailureMode.TRANSIENT_SERVICE, safe_to_retry=True)
    )
    store.save(make_incident("jr_c", batch="c", minute=9, pipeline_name="orders", route=route, fingerprint="fp_c"))
    store.add_review("inc_jr_c", review())

    assert ids(archive, pipeline="orders") == ["jr_c", "jr_a"]
    assert ids(archive, category=Category.UNKNOWN) == ["jr_b"]
    assert ids(archive, unsafe_only=True) == ["jr_c", "jr_a"]
    assert (
        ids(archive, owner="ops") == ids(archive, queue="platform team") == ids(archive, fingerprint="fp_c") == ["jr_c"]
    )
    assert ids(archive, reviewed=True) == ["jr_c"]
    assert ids(archive, reviewed=False) == ["jr_b", "jr_a"]
    assert ids(archive, since=MORNING + timedelta(minutes=5)) == ["jr_c", "jr_b"]
    assert ids(archive, until=MORNING + timedelta(minutes=5)) == ["jr_a"]
    assert ids(archive, pipeline="orders", reviewed=False, unsafe_only=True) == ["jr_a"]


def test_a_search_finds_names_and_causes_by_whole_words(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    store.save(make_incident("jr_a", batch="a", likely_root_cause="column discount_code is new"))
    store.save(make_incident("jr_b", batch="b", minute=1, likely_root_cause="Größe fehlt; column x'); DROP TABLE y;--"))

    assert ids(archive, words="discount_code") == ["jr_a"]
    assert ids(archive, words="NEW discount column") == ["jr_a"]
    assert ids(archive, words="column") == ["jr_b", "jr_a"]
    assert ids(archive, words="größe") == ["jr_b"]
    assert ids(archive, words="sales.orders column", pipeline="orders_daily") == ["jr_b", "jr_a"]
    assert ids(archive, words="discount nothing") == []
    assert ids(archive, words="' OR 1=1 --") == []
    assert ids(archive, words='"*:^()&|!<->\\') == []
    page = archive.page(Wanted(words="column"), limit=1)
    assert [one.job_run_id for one in archive.page(Wanted(words="column"), cursor=page.following).headings] == ["jr_a"]


def test_an_id_is_found_by_how_it_begins(store: IncidentStore, archive: Archive, make_incident: MakeIncident) -> None:
    store.save(make_incident("jr_0a1b", batch="2026-11-22"))
    store.save(make_incident("jr_ffff", batch="2026-11-23", minute=1))

    assert ids(archive, words="jr_0a") == ["jr_0a1b"]
    assert ids(archive, words="inc_jr_f") == ["jr_ffff"]
    assert ids(archive, words="2026-11") == ["jr_ffff", "jr_0a1b"]
    assert ids(archive, words="jr_%") == ids(archive, words="jr__") == []


def test_a_new_verdict_is_found_by_its_own_words_alone(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    store.save(make_incident(likely_root_cause="apples"))
    store.save(make_incident(likely_root_cause="pears"))

    assert ids(archive, words="apples") == []
    assert ids(archive, words="pears") == ["jr_1"]


def test_an_incident_stands_open_until_superseded_closed_or_made_good(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    def standing(run: str) -> Standing:
        line = archive.heading(f"inc_{run}")
        assert line is not None
        return line.standing

    store.save(make_incident("jr_1"))
    assert standing("jr_1") is Standing.OPEN
    store.save(make_incident("jr_2", minute=10, attempt=2))
    assert (standing("jr_1"), standing("jr_2")) == (Standing.SUPERSEDED, Standing.OPEN)
    store.add_review("inc_jr_2", review(closed=True))
    assert standing("jr_2") is Standing.SETTLED
    assert ids(archive, standing=Standing.OPEN) == []
    # A later triage that says something else opens it again: the review spoke of what was known before.
    store.save(make_incident("jr_2", minute=90, attempt=2, started_at=MORNING + timedelta(minutes=10), confidence=0.5))
    assert standing("jr_2") is Standing.OPEN
    whole = {"sales.orders": WriteStatus.NOT_STARTED}
    store.save(make_incident("jr_3", minute=100, attempt=3, status="SUCCEEDED", tables=whole))
    assert [standing(run) for run in ("jr_1", "jr_2", "jr_3")] == [Standing.SUPERSEDED] * 2 + [Standing.SETTLED]


def test_an_override_never_rewrites_the_verdict_and_is_judged_by_what_it_was_about(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    store.save(make_incident(safe_to_retry=True, confidence=0.9))
    store.add_review("inc_jr_1", review(by="ada", safe_to_retry=True))
    store.save(make_incident(safe_to_retry=False, confidence=0.3, minute=61, started_at=MORNING))
    store.add_review("inc_jr_1", review(70, by="bob", failure_category=Category.DATA_SKEW, done="rolled back"))

    kept = store.get("inc_jr_1")
    assert (kept.failure_category, kept.safe_to_retry) == (Category.SCHEMA_DRIFT, False)
    assert [one.by for one in store.reviews("inc_jr_1")] == ["bob", "ada"]
    (judgement,) = archive.judgements(MORNING)
    assert (judgement.judged.safe_to_retry, judgement.judged.confidence) == (False, 0.3)
    assert judgement.review.failure_category is Category.DATA_SKEW
    line = archive.heading("inc_jr_1")
    assert line is not None
    assert (line.reviewed_by, line.agreed) == ("bob", False)
    assert archive.judgements(MORNING + timedelta(hours=3)) == []


def test_the_last_time_is_told_by_what_was_done(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    store.save(make_incident("jr_1", batch="a"))
    store.add_review("inc_jr_1", review(done="the contract was extended, then rerun"))
    saved = store.save(make_incident("jr_2", batch="b", minute=90))

    assert saved.recurrence.count == 2
    assert saved.recurrence.last_resolution == "the contract was extended, then rerun"
    (before,) = archive.similar("inc_jr_2")
    assert (before.same, before.heading.job_run_id, before.count) == (True, "jr_1", 2)
    assert before.review is not None
    assert before.review.done == "the contract was extended, then rerun"


def test_failures_that_share_rare_words_are_alike_and_others_are_not(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    def failing(run: str, pipeline: str, cause: str, mode: FailureMode = FailureMode.NEW_COLUMN) -> None:
        named = {"pipeline_name": pipeline, "fingerprint": f"fp_{run}", "affected_table": f"{pipeline}.t"}
        store.save(make_incident(run, batch=run, likely_root_cause=cause, failure_mode=mode, tables={}, **named))

    failing("jr_a", "orders", "column discount_code of the loyalty feed is new")
    failing("jr_b", "returns", "column discount_code is new since the loyalty feed changed")
    failing("jr_c", "stock", "executor lost while spilling to disk", FailureMode.SKEWED_EXECUTOR_LOSS)
    for number in range(8):
        failing(f"jr_x{number}", f"other{number}", "column is new")

    found = archive.similar("inc_jr_a")

    assert found[0].heading.job_run_id == "jr_b"
    assert not found[0].same
    assert 0.25 <= found[0].likeness < 1
    assert "jr_c" not in [one.heading.job_run_id for one in found]
    assert archive.similar("inc_nothing") == []


def test_trends_count_each_incident_once_by_its_latest_verdict(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    ended = MORNING - timedelta(minutes=10)
    store.save(make_incident("jr_1", batch="a", ended_at=ended))
    store.save(make_incident("jr_2", batch="b", minute=1, ended_at=ended, pipeline_name="stock"))
    moved = make_incident(
        "jr_1", batch="a", minute=2, failure_mode=FailureMode.TRANSIENT_SERVICE, safe_to_retry=True, fingerprint="fp_2"
    )
    store.save(moved)
    store.save(moved)
    long_ago = make_incident("jr_0", batch="z", ended_at=MORNING - timedelta(days=40))
    store.save(long_ago)

    trends = archive.trends(date(2026, 11, 1))

    (day,) = trends.days
    assert {(one.key, one.incidents, one.unsafe) for one in day.counts} == {
        ("SCHEMA_DRIFT", 2, 2),
        ("UNKNOWN", 1, 0),
    }
    assert trends.incidents == 3
    assert [(one.key, one.incidents) for one in trends.pipelines] == [("orders_daily", 2), ("stock", 1)]
    assert [(one.key, one.unsafe) for one in trends.owners] == [("data-contract owner", 2)]
    # Ten and eleven minutes; what ended forty days before was no delay of ours.
    assert trends.delay_seconds == pytest.approx(630)
    assert {(one.heading.fingerprint, one.count) for one in trends.recurring} == {("fp_new_column", 2), ("fp_2", 1)}
    assert archive.trends(date(2026, 12, 1)).days == []
    assert store.get("jr_2").recurrence.count == 2
    assert archive.names() == (["orders_daily", "stock"], ["data-contract owner"])


def test_a_change_is_seen(store: IncidentStore, archive: Archive, make_incident: MakeIncident) -> None:
    marks = [archive.changed()]
    store.save(make_incident())
    marks.append(archive.changed())
    store.save(make_incident(minute=1, started_at=MORNING))
    marks.append(archive.changed())
    store.add_review("inc_jr_1", review())
    marks.append(archive.changed())

    assert len(set(marks)) == 4
    assert archive.changed() == marks[-1]


def test_text_that_no_database_takes_as_it_is_is_kept_all_the_same(
    store: IncidentStore, archive: Archive, make_incident: MakeIncident
) -> None:
    odd = "NUL \0 and half a pair \ud800 of column one"
    store.save(make_incident(likely_root_cause=odd.replace("\ud800", ""), batch_id="b\0c", affected_table="t\0"))

    assert ids(archive, words="column one") == ["jr_1"]
    assert store.get("inc_jr_1").batch_id == "b\0c"


def test_dynamodb_says_that_it_has_no_archive(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    request.param = "dynamodb"
    store = open_store(empty_store(request, tmp_path))

    with pytest.raises(StoreError, match="SQLite or PostgreSQL"):
        store.archive()
    with pytest.raises(StoreError, match="SQLite or PostgreSQL"):
        store.access()


def test_reviews_of_several_people_are_all_kept_in_every_store(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    make = request.getfixturevalue("make_incident")
    for kind in ("sqlite", "dynamodb"):
        request.param = kind
        store = open_store(empty_store(request, tmp_path))
        store.save(make())
        for by in ("ada", "bob"):
            given = Review(by=by, reviewed_at=at, failure_category=Category.SCHEMA_DRIFT, safe_to_retry=False)
            store.add_review("inc_jr_1", given)
        assert [one.by for one in store.reviews("inc_jr_1")] == ["bob", "ada"]
        assert store.reviews("inc_nothing") == []
