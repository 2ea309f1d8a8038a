"""What is remembered between triages about asking a model: what a day has cost, and answers already given."""

from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec

MOST = 2**61
"""What is more counts as so much: sums of two are whole numbers in every database. Two million million US dollars."""

MAX_VALUE_BYTES = 300_000
"""A longer value is not remembered: an item of DynamoDB may have 400 KB, and an answer has some four."""

KEPT = timedelta(days=90)
"""A remembered value may be deleted this long after it was remembered."""


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of model use."""

    tokens: int = 0
    """Input and output together."""
    micro_usd: int = 0
    """Millionths of a US dollar: counted as whole numbers, so that sums are exact."""

    def bounded(self) -> "Amount":
        """Give the amount within 0 and ``MOST``."""
        return Amount(tokens=_bounded(self.tokens), micro_usd=_bounded(self.micro_usd))


def reserved_beside(spent: Amount, amount: Amount, limit: Amount) -> Amount | None:
    """Give what is spent once an amount is set aside; None: that would be more than the limit, of either."""
    asked, most = amount.bounded(), limit.bounded()
    tokens, micro_usd = spent.tokens + asked.tokens, spent.micro_usd + asked.micro_usd
    if tokens > most.tokens or micro_usd > most.micro_usd:
        return None
    return Amount(tokens=tokens, micro_usd=micro_usd)


def settled(spent: Amount, reserved: Amount, used: Amount) -> Amount:
    """Give what is spent once what was reserved is replaced by what was used, which may be more."""
    less, more = reserved.bounded(), used.bounded()
    tokens = spent.tokens - less.tokens + more.tokens
    return Amount(tokens=tokens, micro_usd=spent.micro_usd - less.micro_usd + more.micro_usd).bounded()


def _bounded(number: int) -> int:
    return max(0, min(number, MOST))


class ModelMemory(Protocol):
    """Shared by all processes that use one incident store. Every method may raise ``StoreError``."""

    def reserve(self, day: date, amount: Amount, limit: Amount) -> bool:
        """Set an amount aside of a day's budget (UTC), atomically; False, and nothing is set aside, if it would exceed
        ``limit`` in tokens or in money."""
        ...

    def settle(self, day: date, reserved: Amount, used: Amount) -> None:
        """Replace what was reserved by what was used."""
        ...

    def spent(self, day: date) -> Amount:
        """Give what was used and is reserved of a day."""
        ...

    def recall(self, key: str, *, not_before: datetime) -> bytes | None:
        """Give what was remembered under a key, unless it is older."""
        ...

    def remember(self, key: str, value: bytes, at: datetime) -> None:
        """Remember a value; an older one under the same key is replaced.

        One longer than ``MAX_VALUE_BYTES`` is not remembered. Some of those older than ``KEPT`` are deleted.
        """
        ...
