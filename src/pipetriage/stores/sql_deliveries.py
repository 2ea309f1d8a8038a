"""What is on its way to people, and what came of it, in the SQL database of the incidents."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from pipetriage.model.deliveries import KEPT_TRIES, Acknowledged, Delivery, DeliveryState, Try
from pipetriage.model.message import Message
from pipetriage.stores.comparing import text_of
from pipetriage.stores.sql_engine import our_errors, write_again
from pipetriage.stores.tables import acknowledgements, deliveries, threads

_Out = TypeVar("_Out")

_FREE = ""
"""``claimed_until`` of what nobody is sending: before every time."""


class SqlDeliveries:
    """See ``Deliveries``."""

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine = engine
        self._place = place

    def put(self, several: Sequence[Delivery]) -> None:
        """See ``Deliveries.put``."""
        if several:
            self._write(lambda connection: _put(connection, several))

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """See ``Deliveries.claim``."""
        moment, mine = text_of(now), deliveries
        query = sa.select(mine).where(
            mine.c.state == DeliveryState.WAITING.value, mine.c.due_at <= moment, mine.c.claimed_until <= moment
        )
        query = query.where(~sa.exists().where(*_before(deliveries.alias("other"), moment)))
        # What another process is claiming in this moment is left to it (PostgreSQL; SQLite has one writer).
        query = query.order_by(mine.c.due_at, mine.c.delivery_key).limit(limit).with_for_update(skip_locked=True)

        def write(connection: sa.Connection) -> list[Delivery]:
            rows = connection.execute(query).all()
            taken = mine.update().where(mine.c.delivery_key.in_([row.delivery_key for row in rows]))
            if rows:
                connection.execute(taken.values(claimed_until=text_of(until), attempts=mine.c.attempts + 1))
            return [msgspec.structs.replace(_delivery(row), attempts=row.attempts + 1) for row in rows]

        return self._write(write)

    def settle(self, delivery: Delivery, tried: Try | None, state: DeliveryState, due_at: datetime) -> None:
        """See ``Deliveries.settle``."""
        tries = [*delivery.tries, *([tried] if tried else [])][-KEPT_TRIES:]
        values = {
            "state": state.value,
            "due_at": text_of(due_at),
            "claimed_until": _FREE,
            "attempts": delivery.attempts - (tried is None),
            "tries": msgspec.json.encode(tries).decode(),
        }
        self._write(lambda connection: connection.execute(_one(delivery.key).values(values)))

    def keep_thread(self, channel: str, topic: str, thread: Mapping[str, str]) -> None:
        """See ``Deliveries.keep_thread``."""
        values = {"thread": msgspec.json.encode(dict(thread)).decode()}

        def write(connection: sa.Connection) -> None:
            here = threads.update().where(threads.c.topic == topic, threads.c.channel == channel)
            if not connection.execute(here.values(values)).rowcount:
                connection.execute(threads.insert().values(topic=topic, channel=channel, **values))

        self._write(write)

    def threads(self, topic: str) -> dict[str, dict[str, str]]:
        """See ``Deliveries.threads``."""
        rows = self._read(sa.select(threads.c.channel, threads.c.thread).where(threads.c.topic == topic))
        return {row.channel: msgspec.json.decode(row.thread, type=dict[str, str]) for row in rows}

    def topics_told(self, channel: str, fingerprint: str, since: datetime, most: int) -> int:
        """See ``Deliveries.topics_told``."""
        topics = sa.select(deliveries.c.topic).distinct()
        topics = topics.where(
            deliveries.c.channel == channel,
            deliveries.c.fingerprint == fingerprint,
            deliveries.c.created_at >= text_of(since),
        )
        (row,) = self._read(sa.select(sa.func.count()).select_from(topics.limit(most).subquery()))
        return int(row[0])

    def log(self, *, channel: str | None = None, topic: str | None = None, limit: int = 50) -> list[Delivery]:
        """See ``Deliveries.log``."""
        wanted = [deliveries.c.channel == channel] if channel is not None else []
        wanted += [deliveries.c.topic == topic] if topic is not None else []
        order = deliveries.c.created_at.desc(), deliveries.c.delivery_key
        return [
            _delivery(row) for row in self._read(sa.select(deliveries).where(*wanted).order_by(*order).limit(limit))
        ]

    def put_back(self, channel: str | None, now: datetime) -> int:
        """See ``Deliveries.put_back``."""
        ended = deliveries.c.state.in_([DeliveryState.REFUSED.value, DeliveryState.GIVEN_UP.value])
        wanted = [ended] + ([deliveries.c.channel == channel] if channel is not None else [])
        values = {"state": DeliveryState.WAITING.value, "due_at": text_of(now), "created_at": text_of(now)}
        return self._write(
            lambda connection: connection.execute(deliveries.update().where(*wanted).values(values)).rowcount
        )

    def acknowledge(self, acknowledged: Acknowledged) -> Acknowledged:
        """See ``Deliveries.acknowledge``."""

        def write(connection: sa.Connection) -> Acknowledged:
            first = _acknowledged(connection, acknowledged.topic)
            if first is None:
                document = msgspec.json.encode(acknowledged).decode()
                connection.execute(acknowledgements.insert().values(topic=acknowledged.topic, document=document))
            return first or acknowledged

        return self._write(write)

    def acknowledged(self, topic: str) -> Acknowledged | None:
        """See ``Deliveries.acknowledged``."""
        with our_errors(self._place), self._engine.begin() as connection:
            return _acknowledged(connection, topic)

    def _read(self, query: "sa.Select[Any]") -> Sequence[Any]:
        with our_errors(self._place), self._engine.begin() as connection:
            return connection.execute(query).all()

    def _write(self, write: Callable[[sa.Connection], _Out]) -> _Out:
        return write_again(self._engine, self._place, write, "note a delivery")


def _before(other: sa.FromClause, moment: str) -> list[sa.ColumnElement[bool]]:
    """Say which other delivery of the same thread stands before one: an older one that waits, or one being sent."""
    mine = deliveries
    older = sa.tuple_(other.c.created_at, other.c.delivery_key) < sa.tuple_(mine.c.created_at, mine.c.delivery_key)
    return [
        other.c.topic == mine.c.topic,
        other.c.channel == mine.c.channel,
        other.c.state == DeliveryState.WAITING.value,
        other.c.delivery_key != mine.c.delivery_key,
        sa.or_(older, other.c.claimed_until > moment),
    ]


def _one(key: str) -> "sa.Update":
    return deliveries.update().where(deliveries.c.delivery_key == key)


def _put(connection: sa.Connection, several: Sequence[Delivery]) -> None:
    for delivery in several:
        _put_one(connection, delivery)


def _put_one(connection: sa.Connection, delivery: Delivery) -> None:
    message = msgspec.json.encode(delivery.message).decode()
    known = sa.select(deliveries.c.state).where(deliveries.c.delivery_key == delivery.key).with_for_update()
    state = connection.scalar(known)
    if state == DeliveryState.WAITING.value:
        connection.execute(_one(delivery.key).values(message=message))
    elif state is None:
        row = {
            "delivery_key": delivery.key,
            "channel": delivery.channel,
            "topic": delivery.topic,
            "fingerprint": delivery.message.fingerprint,
            "state": delivery.state.value,
            "created_at": text_of(delivery.created_at),
            "due_at": text_of(delivery.due_at),
            "claimed_until": _FREE,
            "attempts": delivery.attempts,
            "tries": msgspec.json.encode(delivery.tries).decode(),
            "message": message,
        }
        connection.execute(deliveries.insert().values(row))
        connection.execute(_waiting_before(delivery).values(due_at=text_of(delivery.due_at)))


def _waiting_before(delivery: Delivery) -> "sa.Update":
    """Find what waits in the same thread for the morning, and is told before this one: threads are in order."""
    return deliveries.update().where(
        deliveries.c.topic == delivery.topic,
        deliveries.c.channel == delivery.channel,
        deliveries.c.state == DeliveryState.WAITING.value,
        deliveries.c.attempts == 0,
        deliveries.c.due_at > text_of(delivery.due_at),
    )


def _delivery(row: Any) -> Delivery:
    return Delivery(
        key=row.delivery_key,
        channel=row.channel,
        message=msgspec.json.decode(row.message, type=Message),
        created_at=datetime.fromisoformat(row.created_at),
        due_at=datetime.fromisoformat(row.due_at),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        tries=msgspec.json.decode(row.tries, type=list[Try]),
    )


def _acknowledged(connection: sa.Connection, topic: str) -> Acknowledged | None:
    document = connection.scalar(sa.select(acknowledgements.c.document).where(acknowledgements.c.topic == topic))
    return None if document is None else msgspec.json.decode(document, type=Acknowledged)
