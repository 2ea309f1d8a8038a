"""Our own DynamoDB table in the emulated account, as an administrator makes it; and DynamoDB's promise about items.

DynamoDB checks a condition and writes the item in one step. moto does it in two, and its server has many threads: a
test of conditional writes would fail on the emulator's own races, so DynamoDB's calls are answered one at a time.

moto also projects an index's entries by writing each item out as JSON once an attribute, and sorts the whole table
before it looks for those of a query: most of the time of one, and more with every item.
"""

import threading
from typing import Any

from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import SecondaryIndex, Table
from moto.dynamodb.responses import DynamoHandler

from pipetriage.stores.dynamodb_table import definition
from tests.emulated.account import EmulatedAccount

TABLE = "pipetriage"

_ANSWERING = threading.Lock()
_dispatch = DynamoHandler._dispatch
_queried, _sorted = Table.query, Table.all_items


def _one_at_a_time(self: DynamoHandler, *arguments: Any, **named: Any) -> Any:
    with _ANSWERING:
        return _dispatch(self, *arguments, **named)


def _project(self: SecondaryIndex, item: Item) -> Item:
    """Keep what an index holds of an item, as DynamoDB does: the keys of both, and the attributes it names."""
    kind = (self.projection or {}).get("ProjectionType", "ALL")
    if kind == "ALL":
        return item
    names = {*self.table_key_attrs, *self.schema_key_attrs, *(self.projection or {}).get("NonKeyAttributes", ())}
    kept = Item(item.hash_key, item.range_key, {})
    kept.attrs.update({name: value for name, value in item.attrs.items() if name in names})
    return kept


def _query(self: Table, *arguments: Any, **named: Any) -> Any:
    """Answer a query, which sorts what it has found by itself; calls come one at a time."""
    Table.all_items = _unsorted  # type: ignore[method-assign]
    try:
        return _queried(self, *arguments, **named)
    finally:
        Table.all_items = _sorted  # type: ignore[method-assign]


def _unsorted(self: Table) -> list[Item]:
    found: list[Item] = []
    for rows in self.items.values():
        found += rows.values() if self.range_key_attr else [rows]  # type: ignore[list-item]
    return found


def make_table(account: EmulatedAccount, name: str = TABLE) -> str:
    """Create the table; give the store URL that means it, from this process and from those it starts."""
    DynamoHandler._dispatch = _one_at_a_time  # type: ignore[method-assign, assignment]
    SecondaryIndex.project = _project  # type: ignore[method-assign]
    Table.query = _query  # type: ignore[method-assign]
    account.admin("dynamodb").create_table(**definition(name))
    return f"dynamodb://eu-west-1/{name}?endpoint_url={account.url}"
