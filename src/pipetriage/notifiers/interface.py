"""What every channel does."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from pipetriage.model.message import Message


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way to one channel."""

    message: Message
    key: str
    """The delivery's own key, the same in every attempt, and of no other delivery: where a receiver can tell twice the
    same by a key, it is given this one."""
    attempt: int = 1
    """From 1. Beyond 1 an earlier attempt may have arrived without our learning of it: whoever cannot send a key looks
    first, where that is possible."""
    thread: dict[str, str] = {}
    """What the channel gave back for earlier messages of the same topic; empty: this is the first."""


class Channel(Protocol):
    """A way to tell people. Built from its settings and secrets; safe for one thread at a time."""

    name: str
    """The channel's name in the settings."""

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Say it, over the channel's real protocol, within its time limit, and give what later messages of the same
        topic need to join it: the thread so far, with what is new (``ts``, a ticket's key, a Message-ID).

        The first message of a topic opens a thread, ticket or alert. A later one brings its head up to date (the latest
        verdict on top) and adds itself below. ``RESOLVED`` closes an alert, and says so in a thread or ticket, whose
        state it leaves to people.

        Raises:
            DeliveryError: it may get through later; ``retry_after`` where the receiver says when.
            RefusedError: it will not, however often it is tried.
        """
        ...
