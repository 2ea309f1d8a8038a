"""What is on its way to people, and what came of it, in the DynamoDB table of the incidents.

========================  ====================  ======================================================================
``pk``                    ``sk``                what
========================  ====================  ======================================================================
``DELIVERY#<topic>``      ``<channel>#<key>``   one message for one channel
``THREAD#<topic>``        ``<channel>``         what the channel needs to say more on the topic
``TAKEN#<topic>``         ``TAKEN``             who has taken the topic on
========================  ====================  ======================================================================

What waits and what is done are found by ``by_time`` (``kind``), how often a failure was told by ``by_fingerprint``:
both indexes are there for the incidents, whose ``kind`` and fingerprints are others. Who claims a delivery looks at its
thread as it is now, since indexes lag. Nothing is deleted from here; deliveries have ``expires_at``.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec
import zstandard

from pipetriage.model.deliveries import KEPT_TRIES, Acknowledged, Delivery, DeliveryState, Try
from pipetriage.model.message import Message
from pipetriage.stores.comparing import text_of
from pipetriage.stores.dynamodb_table import Item, Key, OwnTable

_WAITING, _DONE = "DELIVERY#WAITING", "DELIVERY#DONE"
_KEPT = timedelta(days=90)
"""What is done may be deleted so long after it was made, what waits too: no setting lets it wait that long."""
_FREE = ""
"""``claimed_until`` of what nobody is sending: before every time."""


class DynamoDBDeliveries:
    """See ``Deliveries``."""

    def __init__(self, table: OwnTable) -> None:
        self._table = table

    def put(self, several: Sequence[Delivery]) -> None:
        """See ``Deliveries.put``."""
        for one in several:
            mine = _item(one)
            waits = {"waiting": DeliveryState.WAITING.value}
            if self._table.put_new(mine) is not None:
                self._table.update(_key(one), {"message": mine["message"]}, "#state = :waiting", waits)
            elif one.state is DeliveryState.WAITING:
                self._bring_forward(one)

    def _bring_forward(self, delivery: Delivery) -> None:
        """Have what waits in the same thread for the morning told before this one, since threads are in order."""
        due = text_of(delivery.due_at)
        for other in self._table.query(f"DELIVERY#{delivery.topic}", begins=f"{delivery.channel}#"):
            if other["attempts"] == 0 and other["due_at"] > due:
                same = {"waiting": DeliveryState.WAITING.value, "none": 0}
                self._table.update(
                    (other["pk"], other["sk"]), {"due_at": due}, "#state = :waiting AND #attempts = :none", same
                )

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """See ``Deliveries.claim``."""
        moment, claimed = text_of(now), list[Delivery]()
        waiting = self._table.query(_WAITING, "by_time")
        places = dict.fromkeys((one["pk"], one["channel"]) for one in waiting if one["due_at"] <= moment)
        for partition, channel in places:
            if len(claimed) == limit:
                break
            thread = self._table.query(partition, begins=f"{channel}#")
            first = _first_waiting(thread, moment)
            if first is None or first["due_at"] > moment:
                continue
            same = "#state = :waiting AND #attempts = :were AND #claimed_until <= :now"
            was = {"waiting": DeliveryState.WAITING.value, "were": first["attempts"], "now": moment}
            changes = {"claimed_until": text_of(until), "attempts": first["attempts"] + 1}
            if mine := self._table.update((first["pk"], first["sk"]), changes, same, was):
                claimed.append(_delivery(mine))
        return claimed

    def settle(self, delivery: Delivery, tried: Try | None, state: DeliveryState, due_at: datetime) -> None:
        """See ``Deliveries.settle``."""
        tries = [*delivery.tries, *([tried] if tried else [])][-KEPT_TRIES:]
        changes = {**_standing(state, due_at), "claimed_until": _FREE, "tries": msgspec.json.encode(tries)}
        changes["attempts"] = delivery.attempts - (tried is None)
        self._table.update(_key(delivery), changes, "attribute_exists(#pk)")

    def keep_thread(self, channel: str, topic: str, thread: Mapping[str, str]) -> None:
        """See ``Deliveries.keep_thread``."""
        self._table.put({"pk": f"THREAD#{topic}", "sk": channel, "thread": dict(thread)})

    def threads(self, topic: str) -> dict[str, dict[str, str]]:
        """See ``Deliveries.threads``."""
        return {str(one["sk"]): dict(one["thread"]) for one in self._table.query(f"THREAD#{topic}")}

    def topics_told(self, channel: str, fingerprint: str, since: datetime, most: int) -> int:
        """See ``Deliveries.topics_told``."""
        topics: set[str] = set()
        told = self._table.query(_told(channel, fingerprint), "by_fingerprint", newest_first=True)
        for one in told:
            if one["first_seen"] < text_of(since) or len(topics) >= most:
                break
            topics.add(one["pk"])
        return len(topics)

    def log(self, *, channel: str | None = None, topic: str | None = None, limit: int = 50) -> list[Delivery]:
        """See ``Deliveries.log``."""
        where = {"channel": channel} if channel is not None else {}
        if topic is not None:
            found: Iterable[Item] = self._table.query(f"DELIVERY#{topic}", where=where)
        else:
            kinds = (
                self._table.query(kind, "by_time", where=where, newest_first=True, page=limit + 1)
                for kind in (_WAITING, _DONE)
            )
            found = [one for items in kinds for one in islice(items, limit)]
        newest = sorted(
            sorted(found, key=lambda one: str(one["sk"])), key=lambda one: str(one["first_seen"]), reverse=True
        )
        return [_delivery(one) for one in newest[:limit]]

    def put_back(self, channel: str | None, now: datetime) -> int:
        """See ``Deliveries.put_back``."""
        count = 0
        for state in (DeliveryState.REFUSED, DeliveryState.GIVEN_UP):
            where = {"state": state.value} | ({"channel": channel} if channel is not None else {})
            for one in list(self._table.query(_DONE, "by_time", where=where)):
                changes = {**_standing(DeliveryState.WAITING, now), "first_seen": text_of(now)}
                done = self._table.update((one["pk"], one["sk"]), changes, "#state = :ended", {"ended": state.value})
                count += done is not None
        return count

    def acknowledge(self, acknowledged: Acknowledged) -> Acknowledged:
        """See ``Deliveries.acknowledge``."""
        pk, sk = _taken(acknowledged.topic)
        document = msgspec.json.encode(acknowledged)
        first = self._table.put_new({"pk": pk, "sk": sk, "token": uuid.uuid4().hex, "document": document})
        return acknowledged if first is None else msgspec.json.decode(first["document"], type=Acknowledged)

    def acknowledged(self, topic: str) -> Acknowledged | None:
        """See ``Deliveries.acknowledged``."""
        item = self._table.get(_taken(topic))
        return None if item is None else msgspec.json.decode(item["document"], type=Acknowledged)


def _key(delivery: Delivery) -> Key:
    return f"DELIVERY#{delivery.topic}", f"{delivery.channel}#{delivery.key}"


def _taken(topic: str) -> Key:
    return f"TAKEN#{topic}", "TAKEN"


def _told(channel: str, fingerprint: str) -> str:
    return f"DELIVERY#{channel}#{fingerprint}"


def _standing(state: DeliveryState, due_at: datetime) -> Item:
    kind = _WAITING if state is DeliveryState.WAITING else _DONE
    return {"kind": kind, "state": state.value, "due_at": text_of(due_at)}


def _first_waiting(thread: Iterable[Item], moment: str) -> Item | None:
    """Give the oldest delivery of a thread that waits; None: there is none, or one of them is being sent."""
    waiting = [one for one in thread if one["state"] == DeliveryState.WAITING.value]
    if any(one["claimed_until"] > moment for one in waiting):
        return None
    return min(waiting, key=lambda one: (str(one["first_seen"]), str(one["sk"])), default=None)


def _item(delivery: Delivery) -> Item:
    pk, sk = _key(delivery)
    return {
        "pk": pk,
        "sk": sk,
        "token": uuid.uuid4().hex,
        **_standing(delivery.state, delivery.due_at),
        "channel": delivery.channel,
        "fingerprint": _told(delivery.channel, delivery.message.fingerprint),
        "first_seen": text_of(delivery.created_at),
        "last_seen": text_of(delivery.created_at),
        "claimed_until": _FREE,
        "attempts": delivery.attempts,
        "tries": msgspec.json.encode(delivery.tries),
        "message": zstandard.compress(msgspec.json.encode(delivery.message)),
        "expires_at": int((delivery.created_at + _KEPT).timestamp()),
    }


def _delivery(item: Item) -> Delivery:
    return Delivery(
        key=str(item["sk"]).removeprefix(f"{item['channel']}#"),
        channel=item["channel"],
        message=msgspec.json.decode(zstandard.decompress(item["message"]), type=Message),
        created_at=datetime.fromisoformat(item["first_seen"]),
        due_at=datetime.fromisoformat(item["due_at"]),
        state=DeliveryState(item["state"]),
        attempts=item["attempts"],
        tries=msgspec.json.decode(item["tries"], type=list[Try]),
    )
