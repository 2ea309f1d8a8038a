"""What people are told of a batch over time: once, in one thread, and once for many of the same."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipetriage.model.deliveries import Acknowledged, Delivery, DeliveryState, Try
from pipetriage.model.message import Severity, What
from pipetriage.model.write_state import Exposure, ExposureStatus, WriteStatus
from pipetriage.notifiers.announcing import Announcer, after_quiet
from pipetriage.settings.routing import QuietHours, RoutingRule, RoutingSettings
from pipetriage.stores import IncidentStore, open_store
from tests.notifiers.incidents import MakeIncident
from tests.notifiers.messages import NIGHT

WHOLE: dict[str, Any] = {"status": "SUCCEEDED", "tables": {"sales.orders": WriteStatus.COMPLETE}}


class Newsroom:
    """A store, an announcer and a clock; what it says is settled as if it had been sent."""

    def __init__(self, store: IncidentStore, make: MakeIncident, **settings: Any) -> None:
        self.store = store
        self.make = make
        self.now = NIGHT
        self.outbox = store.deliveries()
        self.announcer = Announcer(store, RoutingSettings(**({"default": ["ops"]} | settings)), lambda: self.now)

    def triaged(self, run: str = "jr_1", **changes: Any) -> list[Delivery]:
        incident = self.store.save(self.make(run, **changes))
        self.now += timedelta(seconds=1)
        return self.announcer.announce(incident.batch_key)

    def sent(self, minutes: float = 0) -> list[Delivery]:
        self.now += timedelta(minutes=minutes)
        found: list[Delivery] = []
        while some := self.outbox.claim(self.now, self.now + timedelta(minutes=5), 50):
            for one in some:
                self.outbox.keep_thread(one.channel, one.topic, {"ts": one.key})
                self.outbox.settle(one, Try(at=self.now, outcome="sent"), DeliveryState.SENT, self.now)
            found += some
        return found


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return open_store(f"sqlite:///{tmp_path / 'incidents.db'}")


@pytest.fixture
def newsroom(store: IncidentStore, make_incident: MakeIncident) -> Newsroom:
    return Newsroom(store, make_incident)


def test_the_same_verdict_is_told_once(newsroom: Newsroom) -> None:
    assert len(newsroom.triaged()) == 1
    assert newsroom.triaged(minute=5) == []
    newsroom.sent()
    assert newsroom.triaged(minute=9, confidence=0.8) == []
    assert newsroom.sent() == []


def test_a_verdict_that_changes_and_changes_back_is_told_each_time(newsroom: Newsroom) -> None:
    for cause in ("a", "b", "a"):
        newsroom.triaged(likely_root_cause=cause)
    assert [one.message.cause[-1] for one in newsroom.sent()] == ["a", "b", "a"]


def test_attempts_of_a_batch_share_a_topic_with_the_latest_on_top(newsroom: Newsroom) -> None:
    newsroom.triaged("jr_1", minute=1)
    newsroom.triaged("jr_2", minute=9, attempt=2, likely_root_cause="the second failure")
    assert newsroom.triaged("jr_1", minute=1, likely_root_cause="said otherwise") == [], "nobody acts on that any more"
    newsroom.triaged("jr_1", minute=1, status="TIMEOUT")
    told = [one.message for one in newsroom.sent()]
    assert {one.topic for one in told} == {"bat_2026-11-22"}
    assert [one.job_run_id for one in told] == ["jr_1", "jr_2", "jr_2"]
    assert "jr_1" in told[1].earlier[0]
    assert "the second failure" in told[2].cause
    assert "SAFE" in told[2].verdict


def test_recurrence_is_counted_and_linked_but_another_batch(newsroom: Newsroom) -> None:
    newsroom.triaged("jr_1", batch="2026-11-20")
    newsroom.triaged("jr_2", batch="2026-11-21", minute=3, safe_to_retry=True)
    first, second = newsroom.sent()
    assert (first.message.recurrence, first.message.recurs_topic) == (None, None)
    assert second.message.recurrence is not None
    assert "2 runs" in second.message.recurrence
    assert (second.message.recurs_in, second.message.recurs_topic) == ("inc_jr_1", "bat_2026-11-20")
    assert second.message.topic == "bat_2026-11-21"
    assert (first.message.verdict, second.message.verdict) == ("NOT SAFE TO RETRY", "SAFE TO RETRY")


def test_that_somebody_has_taken_it_on_is_told_once(newsroom: Newsroom) -> None:
    newsroom.triaged()
    newsroom.sent()
    newsroom.outbox.acknowledge(Acknowledged(topic="bat_2026-11-22", by="Ana", at=NIGHT))
    newsroom.triaged(minute=3)
    newsroom.triaged(minute=6)
    (told,) = newsroom.sent()
    assert told.message.acknowledged == "Ana, 2026-11-22 03:00 UTC"


def test_who_was_told_is_told_that_it_is_over(newsroom: Newsroom) -> None:
    newsroom.triaged("jr_1")
    newsroom.sent()
    newsroom.triaged("jr_2", minute=30, attempt=2, **WHOLE)
    (over,) = newsroom.sent()
    assert (over.message.what, over.message.severity) == (What.RESOLVED, Severity.INFO)
    assert "jr_1" in over.message.earlier[0]


def test_a_success_that_nobody_was_told_of_before_is_no_news(newsroom: Newsroom) -> None:
    assert newsroom.triaged(**WHOLE) == []


@pytest.mark.parametrize("status", [WriteStatus.PARTIAL, WriteStatus.UNCERTAIN, WriteStatus.UNOBSERVED])
def test_a_success_whose_tables_are_not_whole_is_not_over(newsroom: Newsroom, status: WriteStatus) -> None:
    newsroom.triaged("jr_1")
    newsroom.triaged("jr_2", minute=30, attempt=2, status="SUCCEEDED", tables={"sales.orders": status})
    assert newsroom.sent()[-1].message.what is What.VERDICT


def test_a_run_that_goes_on_is_not_told(newsroom: Newsroom) -> None:
    assert newsroom.triaged(status="RUNNING") == []


def test_thousands_of_the_same_failure_are_one_message_with_a_count(store: IncidentStore, make_incident: Any) -> None:
    newsroom = Newsroom(store, make_incident, storm_after=3, storm_every_seconds=60.0)
    for number in range(200):
        newsroom.triaged(f"jr_{number:03}", batch=f"b{number:03}", minute=number / 100)
    told = newsroom.sent(minutes=2)
    own = [one.message for one in told if one.message.what is What.VERDICT]
    storms = [one.message for one in told if one.message.what is What.STORM]
    assert [one.job_run_id for one in own] == ["jr_000", "jr_001", "jr_002"]
    assert len(storms) <= 5, "at most one a minute of the 200 seconds that this took"
    assert {one.topic for one in storms} == {storms[0].topic}
    assert storms[-1].count == 200
    assert "200 batches" in storms[-1].title
    assert storms[-1].safe_to_retry is None
    absorbed = [one for one in newsroom.outbox.log(limit=500) if one.state is DeliveryState.ABSORBED]
    assert len(absorbed) == 197, "each is in the log"
    assert len(store.list(limit=None)) == 200, "and each keeps its own verdict"


def test_another_failure_in_a_storm_is_told_by_itself(store: IncidentStore, make_incident: Any) -> None:
    newsroom = Newsroom(store, make_incident, storm_after=2)
    for number in range(5):
        newsroom.triaged(f"jr_{number}", batch=f"b{number}")
    (other,) = newsroom.triaged("jr_x", batch="bx", fingerprint="fp_other")
    assert other.message.what is What.VERDICT


def test_a_batch_that_has_its_thread_keeps_it_in_a_storm(store: IncidentStore, make_incident: Any) -> None:
    newsroom = Newsroom(store, make_incident, storm_after=2)
    newsroom.triaged("jr_0", batch="b0")
    newsroom.sent()
    for number in range(1, 5):
        newsroom.triaged(f"jr_{number}", batch=f"b{number}")
    (mine,) = newsroom.triaged("jr_0b", batch="b0", attempt=2, minute=9)
    assert (mine.message.what, mine.message.topic) == (What.VERDICT, "bat_b0")


def test_a_storm_is_over_when_failures_come_seldom(store: IncidentStore, make_incident: Any) -> None:
    newsroom = Newsroom(store, make_incident, storm_after=2, storm_minutes=10)
    for number in range(6):
        newsroom.triaged(f"jr_{number}", batch=f"b{number}")
        newsroom.sent(minutes=9)
    assert {one.message.what for one in newsroom.outbox.log()} == {What.VERDICT}


def test_what_can_wait_waits_for_the_morning(store: IncidentStore, make_incident: Any) -> None:
    quiet = QuietHours(start="22:00", end="07:00", timezone="Europe/Berlin")
    newsroom = Newsroom(
        store, make_incident, quiet=quiet, rules=[RoutingRule(pipelines=["vital"], severity="critical")]
    )
    newsroom.triaged("jr_1", batch="b1")
    newsroom.triaged("jr_2", batch="b2", pipeline_name="vital")
    assert [one.message.job_run_id for one in newsroom.sent()] == ["jr_2"], "it is 4 o'clock in Berlin"
    assert newsroom.sent(minutes=2 * 60 + 58) == []
    assert [one.message.job_run_id for one in newsroom.sent(minutes=2)] == ["jr_1"]


def test_a_thread_is_told_whole_when_it_can_no_longer_wait(store: IncidentStore, make_incident: Any) -> None:
    newsroom = Newsroom(store, make_incident, quiet=QuietHours(start="22:00", end="07:00"))
    newsroom.triaged("jr_1")
    assert newsroom.sent() == []
    read = Exposure(
        consumer="r", owner=None, status=ExposureStatus.CONFIRMED, read_at=None, snapshot_id="1", via="", depth=1
    )
    newsroom.triaged("jr_2", attempt=2, minute=9, exposure=[read])
    assert [one.message.job_run_id for one in newsroom.sent()] == ["jr_1", "jr_2"]


@pytest.mark.parametrize(
    ("clock", "until"),
    [
        ("2026-11-22T21:59:00", "2026-11-22T21:59:00"),
        ("2026-11-22T22:00:00", "2026-11-23T07:00:00"),
        ("2026-11-23T06:59:59", "2026-11-23T07:00:00"),
        ("2026-11-23T07:00:00", "2026-11-23T07:00:00"),
    ],
)
def test_quiet_hours_over_midnight(clock: str, until: str) -> None:
    now, end = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (clock, until))
    assert after_quiet(now, QuietHours(start="22:00", end="07:00"), Severity.ERROR) == end
    assert after_quiet(now, QuietHours(start="22:00", end="07:00"), Severity.CRITICAL) == now
    assert after_quiet(now, QuietHours(start="22:00", end="07:00", below="error"), Severity.ERROR) == now


def test_quiet_hours_where_the_clock_is_put_forward() -> None:
    quiet = QuietHours(start="01:00", end="02:30", timezone="Europe/Berlin", below="error")
    now = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert after_quiet(now, quiet, Severity.INFO) - now <= timedelta(hours=1, minutes=30)
