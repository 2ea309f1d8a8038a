"""What a day of asking models has cost, and remembered answers, in the SQL database of the incidents."""

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

import sqlalchemy as sa

from pipetriage.model.model_memory import KEPT, MAX_VALUE_BYTES, Amount, reserved_beside, settled
from pipetriage.stores.comparing import digest, text_of
from pipetriage.stores.sql_engine import our_errors, write_again
from pipetriage.stores.tables import answers, budgets

_Out = TypeVar("_Out")

_DELETED_AT_ONCE = 100
"""Old answers deleted each time that one is remembered, at most: more than come in, so that none gather."""


class SqlMemory:
    """See ``ModelMemory``."""

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine = engine
        self._place = place

    def reserve(self, day: date, amount: Amount, limit: Amount) -> bool:
        """See ``ModelMemory.reserve``."""
        return self._change(day, lambda spent: reserved_beside(spent, amount, limit))

    def settle(self, day: date, reserved: Amount, used: Amount) -> None:
        """See ``ModelMemory.settle``."""
        self._change(day, lambda spent: settled(spent, reserved, used))

    def spent(self, day: date) -> Amount:
        """See ``ModelMemory.spent``."""
        with our_errors(self._place), self._engine.begin() as connection:
            row = connection.execute(_budget_of(day)).one_or_none()
        return _amount(row)

    def recall(self, key: str, *, not_before: datetime) -> bytes | None:
        """See ``ModelMemory.recall``."""
        query = sa.select(answers.c.value).where(
            answers.c.digest == digest(key), answers.c.remembered_at >= text_of(not_before)
        )
        with our_errors(self._place), self._engine.begin() as connection:
            value = connection.scalar(query)
        return None if value is None else bytes(value)

    def remember(self, key: str, value: bytes, at: datetime) -> None:
        """See ``ModelMemory.remember``."""
        if len(value) > MAX_VALUE_BYTES:
            return
        row = {"remembered_at": text_of(at), "value": value}
        mine = answers.c.digest == digest(key)

        def write(connection: sa.Connection) -> None:
            if not connection.execute(answers.update().where(mine).values(row)).rowcount:
                connection.execute(answers.insert().values(digest=digest(key), **row))
            _delete_old(connection, at)

        self._write(write)

    def _change(self, day: date, change: Callable[[Amount], Amount | None]) -> bool:
        """Replace what is spent of a day; False: the change is None, and nothing was written."""

        def write(connection: sa.Connection) -> bool:
            row = connection.execute(_budget_of(day).with_for_update()).one_or_none()
            now = change(_amount(row))
            if now is None:
                return False
            values = {"tokens": now.tokens, "micro_usd": now.micro_usd}
            if row is None:
                connection.execute(budgets.insert().values(day=day.isoformat(), **values))
            else:
                connection.execute(budgets.update().where(budgets.c.day == day.isoformat()).values(values))
            return True

        return self._write(write)

    def _write(self, write: Callable[[sa.Connection], _Out]) -> _Out:
        return write_again(self._engine, self._place, write, "note what a model said")


def _budget_of(day: date) -> "sa.Select[tuple[int, int]]":
    return sa.select(budgets.c.tokens, budgets.c.micro_usd).where(budgets.c.day == day.isoformat())


def _amount(row: "sa.Row[tuple[int, int]] | None") -> Amount:
    return Amount() if row is None else Amount(tokens=row.tokens, micro_usd=row.micro_usd)


def _delete_old(connection: sa.Connection, now: datetime) -> None:
    """Delete some answers that are older than they are kept; those that another process is at are left to it."""
    old = sa.select(answers.c.digest).where(answers.c.remembered_at < text_of(now - KEPT))
    old = old.order_by(answers.c.remembered_at).limit(_DELETED_AT_ONCE).with_for_update(skip_locked=True)
    if digests := connection.scalars(old).all():
        connection.execute(answers.delete().where(answers.c.digest.in_(digests)))
