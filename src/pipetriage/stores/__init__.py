"""Where incidents are kept: one interface, one file per backend."""

from pipetriage.stores.interface import GrantResult, IncidentStore

__all__ = ["GrantResult", "IncidentStore", "open_store"]


def open_store(url: str | None = None) -> IncidentStore:
    """Open the store at a URL or a plain path; None is the default place of this user.

    Raises:
        StoreError: the store cannot be opened; the message names the file and the fix.
    """
    # SQLAlchemy takes a tenth of a second to import; a triage without a store does not pay it.
    from pipetriage.stores.sql import SqlStore

    return SqlStore.open(url)
