"""From the outbox to the channels: in order, several channels at once, again and again until taken or given up."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import SystemRandom
from typing import NamedTuple

from pipetriage.errors import ConfigError, DeliveryError, MissingExtraError, RefusedError
from pipetriage.model.deliveries import Deliveries, Delivery, DeliveryState, Try
from pipetriage.notifiers.interface import Channel, Sending

CLAIMED_SECONDS = 300.0
"""How long a claimed delivery is nobody else's: more than a channel's longest time limit (120 s), twice."""
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 3600.0
"""Seconds until a failed delivery is tried again: doubled each time, up to an hour."""
AT_ONCE = 4
"""Channels that are sent to at the same time."""
_PORTION = 16


class Sent(NamedTuple):
    """What came of one attempt."""

    delivery: Delivery
    state: DeliveryState
    outcome: str


class Sender:
    """One process's share of the sending. Any number of processes may share an outbox."""

    def __init__(
        self,
        outbox: Deliveries,
        channel_of: Callable[[str], Channel],
        give_up: timedelta,
        now: Callable[[], datetime],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """``channel_of`` makes a channel by its name, and raises ConfigError where it cannot."""
        self._outbox = outbox
        self._channel_of = channel_of
        self._give_up = give_up
        self._now = now
        self._timer = timer
        self._channels: dict[str, Channel] = {}
        self._resting: dict[str, datetime] = {}
        """Channels that did not take something, and until when they are left alone."""
        self._lock = threading.Lock()

    def send_due(self, seconds: float, stopping: threading.Event | None = None) -> list[Sent]:
        """Send what is due, and begin nothing more after so many seconds; one attempt may last as long as its channel's
        time limit.

        Raises:
            StoreError: the outbox cannot be read or written; what was sent meanwhile may be sent twice, never not at
                all.
        """
        ends, found = self._timer() + seconds, list[Sent]()
        while self._timer() < ends and not (stopping is not None and stopping.is_set()):
            now = self._now()
            claimed = self._outbox.claim(now, now + timedelta(seconds=CLAIMED_SECONDS), _PORTION)
            if not claimed:
                break
            found += self._each_channel(claimed, ends)
        return found

    def _each_channel(self, claimed: list[Delivery], ends: float) -> list[Sent]:
        by_channel: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in claimed:
            by_channel[delivery.channel].append(delivery)
        with ThreadPoolExecutor(min(AT_ONCE, len(by_channel)), thread_name_prefix="tell") as pool:
            sent = pool.map(lambda several: self._several(several, ends), by_channel.values())
            return [one for some in sent for one in some]

    def _several(self, deliveries: list[Delivery], ends: float) -> list[Sent]:
        sent: list[Sent] = []
        for delivery in deliveries:
            # A channel that did not take the last one is left alone for a while; others would wait as long for nothing.
            rested = self._resting.get(delivery.channel, self._now())
            if rested > self._now() or self._timer() >= ends:
                self._outbox.settle(delivery, None, DeliveryState.WAITING, max(rested, delivery.due_at))
            else:
                sent.append(self._one(delivery))
        return sent

    def _one(self, delivery: Delivery) -> Sent:
        try:
            thread = self._send(delivery)
        except RefusedError as error:
            return self._settled(delivery, str(error), DeliveryState.REFUSED, self._now())
        except (DeliveryError, ConfigError, MissingExtraError) as error:
            return self._later(delivery, str(error), getattr(error, "retry_after", None))
        except Exception as error:  # noqa: BLE001 - a channel's boundary; nothing that it does loses a message
            return self._later(delivery, f"the channel failed ({type(error).__name__})", None)
        self._outbox.keep_thread(delivery.channel, delivery.topic, thread)
        return self._settled(delivery, "sent", DeliveryState.SENT, self._now())

    def _send(self, delivery: Delivery) -> Mapping[str, str]:
        threads = self._outbox.threads(delivery.topic)
        thread = dict(threads.get(delivery.channel, {}))
        before = delivery.message.recurs_topic
        if not thread and before is not None:
            thread = {f"recurs_{name}": value for name, value in self._thread(before, delivery.channel).items()}
        sending = Sending(message=delivery.message, key=delivery.key, attempt=delivery.attempts, thread=thread)
        return self._channel(delivery.channel).send(sending)

    def _thread(self, topic: str, channel: str) -> dict[str, str]:
        return self._outbox.threads(topic).get(channel, {})

    def _channel(self, name: str) -> Channel:
        with self._lock:
            if name not in self._channels:
                self._channels[name] = self._channel_of(name)
            return self._channels[name]

    def _later(self, delivery: Delivery, why: str, retry_after: float | None) -> Sent:
        now = self._now()
        if now - delivery.created_at > self._give_up:
            return self._settled(delivery, why, DeliveryState.GIVEN_UP, now)
        pause = min(FIRST_PAUSE * 2 ** min(delivery.attempts - 1, 20), LONGEST_PAUSE)
        pause = min(max(pause * SystemRandom().uniform(0.8, 1.2), retry_after or 0.0), LONGEST_PAUSE)
        again = now + timedelta(seconds=pause)
        self._resting[delivery.channel] = now + timedelta(seconds=min(pause, FIRST_PAUSE))
        return self._settled(delivery, why, DeliveryState.WAITING, again)

    def _settled(self, delivery: Delivery, outcome: str, state: DeliveryState, due_at: datetime) -> Sent:
        self._outbox.settle(delivery, Try(at=self._now(), outcome=outcome), state, due_at)
        return Sent(delivery, state, outcome)
