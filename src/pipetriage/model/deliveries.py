"""What is on its way to people, and what came of it: the outbox that loses nothing, and its log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from pipetriage.model.message import Message

KEPT_TRIES = 20
"""Outcomes of attempts that are kept of one delivery, the latest; ``attempts`` counts all."""


class DeliveryState(StrEnum):
    """What has become of a delivery."""

    WAITING = "WAITING"
    """To be sent, now or later; an attempt may have failed already."""
    SENT = "SENT"
    """The receiver took it."""
    REFUSED = "REFUSED"
    """The receiver will not take it: a person has to change something, and may then have it sent again."""
    GIVEN_UP = "GIVEN_UP"
    """It was tried for as long as the settings say."""
    ABSORBED = "ABSORBED"
    """Not sent by itself: it is counted in a storm's message."""


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send."""

    at: datetime
    outcome: str
    """``sent``, or why not; nothing secret."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one channel."""

    key: str
    """What makes two deliveries the same: the receiver's idempotency key, too."""
    channel: str
    message: Message
    created_at: datetime
    due_at: datetime
    """Not to be sent before."""
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    tries: list[Try] = []

    @property
    def topic(self) -> str:
        """What shares one thread in its channel."""
        return self.message.topic


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has taken a topic on."""

    topic: str
    by: str
    at: datetime


class Deliveries(Protocol):
    """Shared by all processes that use one incident store. Every method may raise ``StoreError``."""

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Add deliveries. Of one whose key is known and that still waits, the message is replaced; any other is left as
        it is, so that putting the same twice sends it once. What waits longer in the same thread and was not tried yet
        is then due as soon: a thread is told in order."""
        ...

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Take deliveries that are due; nobody else gets them before ``until``, unless they are settled.

        Of a channel's topic only the oldest that waits is given, and none while one is claimed: a thread is told in
        order, by one at a time. An attempt is counted with the claim, so that one whose sender died is known.
        """
        ...

    def settle(self, delivery: Delivery, tried: Try | None, state: DeliveryState, due_at: datetime) -> None:
        """Record what came of a claimed delivery, and let go of it; if it still waits, it is tried at ``due_at``.

        ``tried`` None: it was not tried after all, and no attempt is counted.
        """
        ...

    def keep_thread(self, channel: str, topic: str, thread: Mapping[str, str]) -> None:
        """Keep what the channel needs to say more on a topic."""
        ...

    def threads(self, topic: str) -> dict[str, dict[str, str]]:
        """Give what was kept of a topic, by channel."""
        ...

    def topics_told(self, channel: str, fingerprint: str, since: datetime, most: int) -> int:
        """Count the topics on which a channel has deliveries with that fingerprint since then, whatever became of them;
        counting may stop at ``most``."""
        ...

    def log(self, *, channel: str | None = None, topic: str | None = None, limit: int = 50) -> list[Delivery]:
        """List deliveries, the newest first."""
        ...

    def put_back(self, channel: str | None, now: datetime) -> int:
        """Have what was refused or given up sent again, of one channel or all; give how many those are."""
        ...

    def acknowledge(self, acknowledged: Acknowledged) -> Acknowledged:
        """Record that somebody has taken a topic on; give whoever came first."""
        ...

    def acknowledged(self, topic: str) -> Acknowledged | None:
        """Give who has taken a topic on."""
        ...
