"""What every outbox does, whatever keeps it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipetriage.model.deliveries import Acknowledged, Deliveries, Delivery, DeliveryState, Try
from pipetriage.stores import open_store
from tests.notifiers.messages import message
from tests.stores.conftest import empty_store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Open = Callable[[], Deliveries]


@pytest.fixture(params=["sqlite", "postgresql", "dynamodb"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    url = empty_store(request, tmp_path)
    return lambda: open_store(url).deliveries()


@pytest.fixture
def outbox(opened: Open) -> Deliveries:
    return opened()


def delivery(key: str, *, minute: int = 0, channel: str = "ops", due: int | None = None, **changes: Any) -> Delivery:
    at = NOON + timedelta(minutes=minute)
    due_at = at if due is None else NOON + timedelta(minutes=due)
    state = changes.pop("state", DeliveryState.WAITING)
    return Delivery(key=key, channel=channel, message=message(**changes), created_at=at, due_at=due_at, state=state)


def claimed(outbox: Deliveries, minute: int = 0, limit: int = 10) -> list[str]:
    now = NOON + timedelta(minutes=minute)
    return sorted(one.key for one in outbox.claim(now, now + timedelta(minutes=5), limit))


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_what_was_put_is_claimed_whole(outbox: Deliveries) -> None:
    one = delivery("a", title="x\x00 \U0001f600 <b>")
    outbox.put([one])
    (got,) = outbox.claim(NOON, after(5), 10)
    assert got == msgspec.structs.replace(one, attempts=1)


def test_nothing_is_claimed_before_it_is_due_or_twice(outbox: Deliveries) -> None:
    outbox.put([delivery("a"), delivery("b", due=10, topic="bat_b")])
    assert claimed(outbox) == ["a"]
    assert claimed(outbox) == []
    assert claimed(outbox, 10) == ["a", "b"], "whoever claimed a has died"


def test_a_dead_senders_attempt_counts(outbox: Deliveries) -> None:
    outbox.put([delivery("a")])
    assert [one.attempts for one in outbox.claim(NOON, after(1), 1)] == [1]
    assert [one.attempts for one in outbox.claim(after(2), after(3), 1)] == [2]


def test_a_thread_is_told_in_order_by_one_at_a_time(outbox: Deliveries) -> None:
    first, second = delivery("z", minute=0), delivery("a", minute=1)
    outbox.put([second, first, delivery("elsewhere", minute=1, channel="pager")])
    assert claimed(outbox, 2) == ["elsewhere", "z"]
    assert claimed(outbox, 2) == []
    outbox.settle(first, Try(at=after(2), outcome="sent"), DeliveryState.SENT, after(2))
    assert claimed(outbox, 2) == ["a"]


def test_an_older_one_that_waits_for_another_try_goes_first(outbox: Deliveries) -> None:
    first = delivery("a")
    outbox.put([first, delivery("b", minute=1)])
    (got,) = outbox.claim(after(1), after(6), 10)
    outbox.settle(got, Try(at=after(1), outcome="busy"), DeliveryState.WAITING, after(30))
    assert claimed(outbox, 10) == []
    assert claimed(outbox, 30) == ["a"]


def test_one_that_was_not_tried_after_all_counts_no_attempt(outbox: Deliveries) -> None:
    outbox.put([delivery("a")])
    (got,) = outbox.claim(NOON, after(5), 1)
    outbox.settle(got, None, DeliveryState.WAITING, after(1))
    (got,) = outbox.claim(after(1), after(5), 1)
    assert (got.attempts, got.tries) == (1, [])


def test_what_waits_for_the_morning_is_told_before_what_cannot_wait(outbox: Deliveries) -> None:
    outbox.put([delivery("a", due=600), delivery("elsewhere", due=600, topic="bat_2")])
    outbox.put([delivery("b", minute=1)])
    assert claimed(outbox, 1) == ["a"]


def test_a_refused_one_does_not_hold_up_its_thread(outbox: Deliveries) -> None:
    outbox.put([delivery("a"), delivery("b", minute=1)])
    (got,) = outbox.claim(after(1), after(6), 10)
    outbox.settle(got, Try(at=after(1), outcome="no such channel"), DeliveryState.REFUSED, after(1))
    assert claimed(outbox, 1) == ["b"]


def test_put_twice_is_sent_once(outbox: Deliveries) -> None:
    one = delivery("a")
    outbox.put([one])
    outbox.put([one])
    (got,) = outbox.claim(NOON, after(5), 10)
    outbox.settle(got, Try(at=NOON, outcome="sent"), DeliveryState.SENT, NOON)
    outbox.put([one])
    assert claimed(outbox, 60) == []
    assert [(entry.key, entry.state) for entry in outbox.log()] == [("a", DeliveryState.SENT)]


def test_what_waits_is_brought_up_to_date(outbox: Deliveries) -> None:
    outbox.put([delivery("a", title="1 run")])
    outbox.put([delivery("a", title="2 runs")])
    (got,) = outbox.claim(NOON, after(5), 10)
    assert got.message.title == "2 runs"


def test_the_log_tells_every_outcome(outbox: Deliveries) -> None:
    outbox.put([delivery("a"), delivery("b", minute=1, channel="pager"), delivery("c", minute=2, topic="bat_c")])
    (got, *_) = outbox.claim(NOON, after(5), 1)
    outbox.settle(got, Try(at=NOON, outcome="503"), DeliveryState.WAITING, after(1))
    again = next(one for one in outbox.claim(after(5), after(9), 5) if one.key == "a")
    outbox.settle(again, Try(at=after(5), outcome="sent"), DeliveryState.SENT, after(5))

    assert [one.key for one in outbox.log()] == ["c", "b", "a"]
    assert [one.key for one in outbox.log(limit=2)] == ["c", "b"]
    assert [one.key for one in outbox.log(channel="ops")] == ["c", "a"]
    assert [one.key for one in outbox.log(topic="bat_c")] == ["c"]
    told = outbox.log(topic=got.topic, channel="ops")[0]
    assert (told.attempts, [one.outcome for one in told.tries]) == (2, ["503", "sent"])


def test_what_was_refused_can_be_sent_again(outbox: Deliveries) -> None:
    outbox.put([delivery("a"), delivery("b", channel="pager"), delivery("c", topic="bat_c")])
    for one, state in zip(
        sorted(outbox.claim(NOON, after(5), 9), key=lambda one: one.key),
        (DeliveryState.REFUSED, DeliveryState.GIVEN_UP, DeliveryState.SENT),
        strict=True,
    ):
        outbox.settle(one, Try(at=NOON, outcome="."), state, NOON)
    assert outbox.put_back("pager", after(1)) == 1
    assert claimed(outbox, 1) == ["b"]
    assert outbox.put_back(None, after(2)) == 1
    assert claimed(outbox, 2) == ["a"]


def test_threads_are_kept_by_channel(outbox: Deliveries) -> None:
    assert outbox.threads("bat_1") == {}
    outbox.keep_thread("ops", "bat_1", {"ts": "1.5"})
    outbox.keep_thread("ops", "bat_1", {"ts": "1.5", "channel": "C1"})
    outbox.keep_thread("jira", "bat_1", {"key": "DATA-7"})
    outbox.keep_thread("ops", "bat_2", {"ts": "2"})
    assert outbox.threads("bat_1") == {"ops": {"ts": "1.5", "channel": "C1"}, "jira": {"key": "DATA-7"}}


def test_topics_are_counted_by_failure_channel_and_time(outbox: Deliveries) -> None:
    outbox.put([delivery(f"k{n}", minute=n, topic=f"bat_{n // 2}") for n in range(8)])
    outbox.put([delivery("other", topic="bat_9", fingerprint="fp_other"), delivery("p", topic="bat_8", channel="p")])
    outbox.put([delivery("absorbed", minute=8, topic="bat_7", state=DeliveryState.ABSORBED)])
    assert outbox.topics_told("ops", "fp_1", NOON, 100) == 5
    assert outbox.topics_told("ops", "fp_1", after(4), 100) == 3
    assert outbox.topics_told("ops", "fp_1", NOON, 2) == 2
    assert claimed(outbox, 60, 100).count("absorbed") == 0


def test_whoever_takes_it_on_first_has_it(outbox: Deliveries) -> None:
    first = Acknowledged(topic="bat_1", by="ana", at=NOON)
    assert outbox.acknowledged("bat_1") is None
    assert outbox.acknowledge(first) == first
    assert outbox.acknowledge(Acknowledged(topic="bat_1", by="bo", at=after(1))) == first
    assert outbox.acknowledged("bat_1") == first


def test_several_senders_never_have_the_same(opened: Open) -> None:
    opened().put([delivery(f"k{n:02}", topic=f"bat_{n % 7}", minute=n % 3) for n in range(28)])

    def send(_: int) -> list[str]:
        mine, outbox, idle = list[str](), opened(), 0
        while idle < 3:
            got = outbox.claim(after(5), after(60), 2)
            idle = 0 if got else idle + 1
            for one in got:
                mine.append(one.key)
                outbox.settle(one, Try(at=after(5), outcome="sent"), DeliveryState.SENT, after(5))
        return mine

    with ThreadPoolExecutor(4) as pool:
        sent = [key for some in pool.map(send, range(4)) for key in some]
    assert sorted(sent) == [f"k{n:02}" for n in range(28)]
