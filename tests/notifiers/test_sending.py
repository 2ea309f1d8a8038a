"""The outbox's other end: what a channel does to a delivery, and what becomes of it."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipetriage.errors import ConfigError, DeliveryError, RefusedError
from pipetriage.model.deliveries import Deliveries, Delivery, DeliveryState
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.sending import Sender
from pipetriage.stores import open_store
from tests.notifiers.messages import NIGHT, message


class Recorded:
    """A channel that does what it is told to, one after another, the last again and again."""

    def __init__(self, name: str, *does: Callable[[Sending], Mapping[str, str]]) -> None:
        self.name = name
        self.does = list(does) or [taken]
        self.seen: list[Sending] = []

    def send(self, sending: Sending) -> Mapping[str, str]:
        self.seen.append(sending)
        return self.does[min(len(self.seen), len(self.does)) - 1](sending)


def taken(sending: Sending) -> Mapping[str, str]:
    return {**sending.thread, "ts": sending.thread.get("ts", sending.key)}


def busy(sending: Sending) -> Mapping[str, str]:
    raise DeliveryError("503 Service Unavailable")


def asks_to_wait(sending: Sending) -> Mapping[str, str]:
    raise DeliveryError("429 Too Many Requests", retry_after=120.0)


def refuses(sending: Sending) -> Mapping[str, str]:
    raise RefusedError("404 channel_not_found")


def breaks(sending: Sending) -> Mapping[str, str]:
    raise ZeroDivisionError("secret-in-an-error")


class Clock:
    def __init__(self) -> None:
        self.now = NIGHT

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def outbox(tmp_path: Path) -> Deliveries:
    return open_store(f"sqlite:///{tmp_path / 'incidents.db'}").deliveries()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sender(outbox: Deliveries, clock: Clock, *channels: Channel) -> Sender:
    named = {channel.name: channel for channel in channels}

    def channel_of(name: str) -> Channel:
        if name not in named:
            raise ConfigError(f"channel {name}: set SLACK_TOKEN")
        return named[name]

    return Sender(outbox, channel_of, timedelta(days=2), clock)


def put(outbox: Deliveries, key: str, clock: Clock, channel: str = "ops", **changes: object) -> None:
    outbox.put([Delivery(key=key, channel=channel, message=message(**changes), created_at=clock(), due_at=clock())])


def states(outbox: Deliveries) -> dict[str, DeliveryState]:
    return {one.key: one.state for one in outbox.log()}


def test_each_is_sent_once_and_in_order_with_its_thread(outbox: Deliveries, clock: Clock) -> None:
    ops = Recorded("ops")
    for number in range(3):
        put(outbox, f"k{number}", clock)
        clock.pass_by(seconds=1)
    sender(outbox, clock, ops).send_due(10)
    sender(outbox, clock, ops).send_due(10)
    assert [(one.key, one.thread) for one in ops.seen] == [("k0", {}), ("k1", {"ts": "k0"}), ("k2", {"ts": "k0"})]
    assert set(states(outbox).values()) == {DeliveryState.SENT}


def test_a_channel_that_is_down_for_a_day_loses_nothing(outbox: Deliveries, clock: Clock) -> None:
    down = Recorded("ops", busy)
    for number in range(5):
        put(outbox, f"k{number}", clock, topic=f"bat_{number}")
    sending = sender(outbox, clock, down)
    for _ in range(24 * 4):
        sending.send_due(5)
        clock.pass_by(minutes=15)
    assert set(states(outbox).values()) == {DeliveryState.WAITING}
    assert len(down.seen) < 150, "it is asked less and less often"

    up = Recorded("ops")
    clock.pass_by(hours=1)
    sender(outbox, clock, up).send_due(5)
    assert sorted(one.key for one in up.seen) == [f"k{n}" for n in range(5)]
    assert set(states(outbox).values()) == {DeliveryState.SENT}


def test_it_is_given_up_at_last_and_can_be_sent_again(outbox: Deliveries, clock: Clock) -> None:
    put(outbox, "k", clock)
    sending = sender(outbox, clock, Recorded("ops", busy))
    for _ in range(60):
        sending.send_due(5)
        clock.pass_by(hours=1)
    assert states(outbox) == {"k": DeliveryState.GIVEN_UP}

    outbox.put_back("ops", clock())
    sender(outbox, clock, up := Recorded("ops")).send_due(5)
    assert [one.key for one in up.seen] == ["k"]


def test_what_a_receiver_asks_for_is_heeded(outbox: Deliveries, clock: Clock) -> None:
    put(outbox, "k", clock)
    ops = Recorded("ops", asks_to_wait, taken)
    sending = sender(outbox, clock, ops)
    sending.send_due(5)
    clock.pass_by(seconds=119)
    sending.send_due(5)
    assert len(ops.seen) == 1
    clock.pass_by(seconds=2)
    sending.send_due(5)
    assert [one.attempt for one in ops.seen] == [1, 2]
    assert [one.outcome for one in outbox.log()[0].tries] == ["429 Too Many Requests", "sent"]


def test_a_refused_one_is_not_tried_again_by_itself(outbox: Deliveries, clock: Clock) -> None:
    put(outbox, "k", clock)
    ops = Recorded("ops", refuses)
    sending = sender(outbox, clock, ops)
    for _ in range(5):
        sending.send_due(5)
        clock.pass_by(hours=5)
    assert len(ops.seen) == 1
    assert states(outbox) == {"k": DeliveryState.REFUSED}
    assert outbox.log()[0].tries[0].outcome == "404 channel_not_found"


def test_one_channels_trouble_is_not_anothers(outbox: Deliveries, clock: Clock) -> None:
    for channel in ("down", "broken", "undeclared", "ops"):
        put(outbox, channel, clock, channel=channel)
    ops = Recorded("ops")
    sender(outbox, clock, Recorded("down", busy), Recorded("broken", breaks), ops).send_due(5)
    assert [one.key for one in ops.seen] == ["ops"]
    found = {one.key: (one.state, one.tries[-1].outcome) for one in outbox.log()}
    assert found["down"] == (DeliveryState.WAITING, "503 Service Unavailable")
    assert found["undeclared"] == (DeliveryState.WAITING, "channel undeclared: set SLACK_TOKEN")
    assert found["broken"][0] is DeliveryState.WAITING
    assert "secret" not in found["broken"][1]


def test_a_channel_that_does_not_answer_is_not_asked_for_each(outbox: Deliveries, clock: Clock) -> None:
    for number in range(12):
        put(outbox, f"k{number:02}", clock, topic=f"bat_{number}")
    down = Recorded("ops", busy)
    sender(outbox, clock, down).send_due(5)
    assert len(down.seen) == 1
    others = [one for one in outbox.log() if one.key != down.seen[0].key]
    assert [(one.attempts, one.state) for one in others] == [(0, DeliveryState.WAITING)] * 11


def test_a_slow_channel_does_not_hold_up_the_others_and_time_is_kept(outbox: Deliveries, clock: Clock) -> None:
    def slow(sending: Sending) -> Mapping[str, str]:
        time.sleep(0.4)
        return {}

    for number in range(40):
        put(outbox, f"s{number}", clock, channel="slow", topic=f"bat_{number}")
    put(outbox, "fast", clock)
    began, ops = time.monotonic(), Recorded("ops")
    sender(outbox, clock, Recorded("slow", slow), ops).send_due(0.2)
    assert time.monotonic() - began < 1.5
    assert [one.key for one in ops.seen] == ["fast"]
    assert list(states(outbox).values()).count(DeliveryState.WAITING) >= 38


def test_it_stops_when_told_to(outbox: Deliveries, clock: Clock) -> None:
    put(outbox, "k", clock)
    stopping = threading.Event()
    stopping.set()
    assert sender(outbox, clock, ops := Recorded("ops")).send_due(60, stopping) == []
    assert not ops.seen


def test_the_ticket_of_the_same_failure_before_is_known(outbox: Deliveries, clock: Clock) -> None:
    outbox.keep_thread("jira", "bat_0", {"key": "DATA-7"})
    put(outbox, "k", clock, channel="jira", recurs_topic="bat_0", recurs_in="inc_0")
    jira = Recorded("jira")
    sender(outbox, clock, jira).send_due(5)
    assert jira.seen[0].thread == {"recurs_key": "DATA-7"}
