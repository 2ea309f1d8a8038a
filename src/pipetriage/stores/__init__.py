"""Where incidents are kept: one interface, one file per backend."""

from pipetriage.errors import MissingExtraError, StoreError
from pipetriage.stores.interface import GrantResult, IncidentStore

__all__ = ["GrantResult", "IncidentStore", "open_store"]


def open_store(url: str | None = None) -> IncidentStore:
    """Open the store at a URL or a plain path; None is the default place of this user. docs/stores.md has them all.

    Raises:
        StoreError: the store cannot be opened; the message names the file and the fix.
    """
    if url is not None and url.lower().startswith("dynamodb://"):
        return _open_dynamodb(url)
    # SQLAlchemy takes a tenth of a second to import; a triage without a store does not pay it.
    from pipetriage.stores.sql import SqlStore

    return SqlStore.open(url)


def _open_dynamodb(url: str) -> IncidentStore:
    # boto3 takes 0.3 s to import, and is an extra.
    try:
        from pipetriage.stores.dynamodb import DynamoDBStore
    except MissingExtraError as error:
        raise StoreError(
            f"a store in DynamoDB needs the '{error.extra}' extra: pip install 'pipetriage[{error.extra}]'"
        ) from error
    return DynamoDBStore.open(url)
