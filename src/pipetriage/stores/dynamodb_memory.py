"""What a day of asking models has cost, and remembered answers, in the DynamoDB table of the incidents.

====================  ============  ===============================================================================
``pk``                ``sk``        what
====================  ============  ===============================================================================
``BUDGET#<day>``      ``BUDGET``    tokens and millionths of a dollar that are used and reserved
``ANSWER#<digest>``   ``ANSWER``    one remembered answer
====================  ============  ===============================================================================

Nothing is deleted from here, as pipetriage may not: both have ``expires_at``, by which DynamoDB deletes them once it is
told to (docs/stores.md).

Each change of a budget carries a token of its own: when an answer is lost on the way, botocore asks again, and what
was counted must not be counted twice.
"""

import uuid
from datetime import UTC, date, datetime, time

from pipetriage.errors import StoreError
from pipetriage.model.model_memory import KEPT, MAX_VALUE_BYTES, Amount, settled
from pipetriage.stores.comparing import digest, text_of
from pipetriage.stores.dynamodb_table import Item, Key, OwnTable
from pipetriage.stores.dynamodb_tries import tries


class DynamoDBMemory:
    """See ``ModelMemory``."""

    def __init__(self, table: OwnTable) -> None:
        self._table = table

    def reserve(self, day: date, amount: Amount, limit: Amount) -> bool:
        """See ``ModelMemory.reserve``."""
        asked, most = amount.bounded(), limit.bounded()
        left = {"left_tokens": most.tokens - asked.tokens, "left_micro_usd": most.micro_usd - asked.micro_usd}
        if min(left.values()) < 0:
            return False
        token = uuid.uuid4().hex
        room = "#tokens <= :left_tokens AND #micro_usd <= :left_micro_usd AND #token <> :token"
        changed = self._table.update(
            *(_budget(day), {"token": token, "expires_at": _expires(_midnight(day))}),
            *(f"attribute_not_exists(#pk) OR ({room})", left),
            adds={"tokens": asked.tokens, "micro_usd": asked.micro_usd},
        )
        return changed is not None or (self._table.get(_budget(day)) or {}).get("token") == token

    def settle(self, day: date, reserved: Amount, used: Amount) -> None:
        """See ``ModelMemory.settle``."""
        token = uuid.uuid4().hex
        for _ in tries():
            row = self._table.get(_budget(day))
            if row is not None and row["token"] == token:
                return
            now = settled(_amount(row), reserved, used)
            changes = {"tokens": now.tokens, "micro_usd": now.micro_usd, "token": token}
            # It is what was read as long as nobody else has put a token of their own.
            same, was = ("#token = :was", {"was": row["token"]}) if row else ("attribute_not_exists(#pk)", {})
            if self._table.update(_budget(day), {**changes, "expires_at": _expires(_midnight(day))}, same, was):
                return
        raise StoreError(f"the store {self._table.place} is too busy to note what a model cost: try again")

    def spent(self, day: date) -> Amount:
        """See ``ModelMemory.spent``."""
        return _amount(self._table.get(_budget(day))).bounded()

    def recall(self, key: str, *, not_before: datetime) -> bytes | None:
        """See ``ModelMemory.recall``."""
        row = self._table.get(_answer(key))
        if row is None or row["remembered_at"] < text_of(not_before):
            return None
        return bytes(row["value"])

    def remember(self, key: str, value: bytes, at: datetime) -> None:
        """See ``ModelMemory.remember``."""
        if len(value) > MAX_VALUE_BYTES:
            return
        pk, sk = _answer(key)
        said = {"remembered_at": text_of(at), "value": value, "expires_at": _expires(at)}
        self._table.put({"pk": pk, "sk": sk, **said})


def _budget(day: date) -> Key:
    return f"BUDGET#{day.isoformat()}", "BUDGET"


def _answer(key: str) -> Key:
    return f"ANSWER#{digest(key)}", "ANSWER"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _expires(at: datetime) -> int:
    return int((at + KEPT).timestamp())


def _amount(row: Item | None) -> Amount:
    return Amount() if row is None else Amount(tokens=row["tokens"], micro_usd=row["micro_usd"])
