"""Having people told of an incident that was stored: into the outbox at once, out of it when there is time."""

import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from pipetriage.errors import ConfigError
from pipetriage.model.deliveries import Acknowledged, Delivery, DeliveryState
from pipetriage.model.incident import Incident
from pipetriage.notifiers.announcing import Announcer, sample
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.sending import Sender, Sent
from pipetriage.settings.routing import RoutingSettings
from pipetriage.stores.interface import IncidentStore

_IDLE_SECONDS = 5.0
"""How long a sender with nothing to do waits until it looks again."""


class Teller:
    """Tells people, by the channels of the settings. Safe for several threads and processes."""

    def __init__(
        self,
        routing: RoutingSettings,
        channels: Collection[str],
        channel_of: Callable[[str], Channel],
        now: Callable[[], datetime],
        picture: Callable[[Incident], str] = lambda incident: "",
    ) -> None:
        self._routing = routing
        self._channels = channels
        self._channel_of = channel_of
        self._now = now
        self._picture = picture
        self._senders: dict[int, Sender] = {}
        self._lock = threading.Lock()

    def announce(self, store: IncidentStore, incident: Incident) -> list[Delivery]:
        """Put what is to be told of an incident's batch into the outbox; nothing where no channel is declared.

        Raises:
            StoreError: it was not put there.
        """
        if not self._channels:
            return []
        return Announcer(store, self._routing, self._now, self._picture).announce(incident.batch_key)

    def acknowledge(self, store: IncidentStore, incident: Incident, by: str) -> Acknowledged:
        """Note that somebody has taken an incident's batch on, and have told who was told of it; give who came first.

        Raises:
            StoreError: it was not noted.
        """
        first = store.deliveries().acknowledge(Acknowledged(topic=incident.batch_key, by=by, at=self._now()))
        self.announce(store, incident)
        return first

    def send(self, store: IncidentStore, seconds: float, stopping: threading.Event | None = None) -> list[Sent]:
        """Send what is due, of whatever incident, and begin nothing more after so many seconds.

        Raises:
            StoreError: the outbox cannot be read or written.
        """
        return self._sender(store).send_due(seconds, stopping) if self._channels else []

    def keep_sending(
        self,
        store: IncidentStore,
        stopping: threading.Event,
        on_sent: Callable[[Sent], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Send what is due, until told to stop; for a thread of its own."""
        while self._channels and not stopping.wait(_IDLE_SECONDS):
            try:
                for sent in self.send(store, 60.0, stopping):
                    on_sent(sent)
            except Exception as error:  # noqa: BLE001 - a thread's boundary; what is waiting is sent the next time
                on_error(error)

    def test(self, name: str) -> Sent:
        """Send a sample by one channel, past the outbox.

        Raises:
            ConfigError: there is no such channel, or a secret of it is missing.
            DeliveryError: it was not taken; the message says why.
        """
        channel, now = self.channel(name), self._now()
        message = sample(name, now, self._routing.link)
        channel.send(Sending(message=message, key=message.topic))
        delivery = Delivery(key=message.topic, channel=name, message=message, created_at=now, due_at=now)
        return Sent(delivery, DeliveryState.SENT, "sent")

    def channel(self, name: str) -> Channel:
        """Make a channel; nothing is sent.

        Raises:
            ConfigError: there is none of that name, or a secret of it is missing.
            MissingExtraError: an optional dependency of it is not installed.
        """
        if name not in self._channels:
            declared = ", ".join(sorted(self._channels)) or "none"
            raise ConfigError(f"there is no channel {name!r} in the settings (declared: {declared})")
        return self._channel_of(name)

    def _sender(self, store: IncidentStore) -> Sender:
        with self._lock:  # one for each store: it remembers which channels do not answer
            if id(store) not in self._senders:
                give_up = timedelta(days=self._routing.give_up_days)
                self._senders[id(store)] = Sender(store.deliveries(), self._channel_of, give_up, self._now)
            return self._senders[id(store)]
