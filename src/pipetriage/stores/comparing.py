"""How every store compares times, tables, keys and references, whatever it keeps them in."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from pipetriage.model.write_state import WriteStatus

UNSAFE_TO_READ = (WriteStatus.PARTIAL, WriteStatus.UNCERTAIN, WriteStatus.UNOBSERVED)
"""What a reader of the table must not take for the whole batch."""


def text_of(moment: datetime) -> str:
    """Write a time so that its order as text is its order in time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def digest(key: str) -> str:
    """Give what a remembered value is found by: the same length for every key, and nothing of what it says."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def table_name(name: str) -> str:
    """Bring a table's name to the form in which names are compared."""
    return name.strip().replace("`", "").replace('"', "").casefold()


def leaf(name: str) -> str:
    """Give the last part of a table's name, which every way to qualify it shares."""
    return name.rsplit(".", 1)[-1]


def same_table(one: str, other: str) -> bool:
    """Compare two names of which one may be qualified further (``glue.sales.orders``, ``sales.orders``)."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def not_one(reference: str, ids: Sequence[str]) -> str:
    """Say that a reference names no incident, or several (the first six are enough)."""
    if not ids:
        return f"no incident or run goes by {reference!r}: see pipetriage incidents list"
    return f"{reference!r} names several incidents ({', '.join(ids[:5])}{', …' if ids[5:] else ''}): give the whole id"
