"""What is remembered between triages about asking a model: what a day has cost, and answers already given."""

from datetime import date, datetime
from typing import Protocol

import msgspec


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of model use."""

    tokens: int = 0
    """Input and output together."""
    micro_usd: int = 0
    """Millionths of a US dollar: counted as whole numbers, so that sums are exact."""


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
        """Remember a value; an older one under the same key is replaced."""
        ...
