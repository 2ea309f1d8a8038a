"""How every store compares times, tables, keys and references, whatever it keeps them in."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from pipetriage.model.incident import Incident
from pipetriage.model.tables import made_by_several, table_name
from pipetriage.model.write_state import WriteState, WriteStatus

UNSAFE_TO_READ = (WriteStatus.PARTIAL, WriteStatus.UNCERTAIN, WriteStatus.UNOBSERVED)
"""What a reader of the table must not take for the whole batch."""


def warned_tables(incident: Incident) -> set[str]:
    """Give the names of the tables whose readers must hear of the incident. Declared write modes are not known here, so
    that what several attempts wrote is among them.
    """
    return {table_name(one.table) for one in incident.write_state if warned_status(one, incident.attempt) is not None}


def warned_status(state: WriteState, attempt: int) -> str | None:
    """Give the status by which readers of an output are warned; None: they are not."""
    if state.status in UNSAFE_TO_READ:
        return state.status.value
    return REPEATED if state.status is WriteStatus.COMPLETE and made_by_several(state, attempt) else None


REPEATED = "REPEATED"
"""Kept in place of COMPLETE where several attempts wrote it."""


def text_of(moment: datetime) -> str:
    """Write a time so that its order as text is its order in time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def digest(key: str) -> str:
    """Give what a remembered value is found by: the same length for every key, and nothing of what it says."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def leaf(name: str) -> str:
    """Give the last part of a table's name, which every way to qualify it shares."""
    return name.rsplit(".", 1)[-1]


def not_one(reference: str, ids: Sequence[str]) -> str:
    """Say that a reference names no incident, or several (the first six are enough)."""
    if not ids:
        return f"no incident or run goes by {reference!r}: see pipetriage incidents list"
    return f"{reference!r} names several incidents ({', '.join(ids[:5])}{', …' if ids[5:] else ''}): give the whole id"
