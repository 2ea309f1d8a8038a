"""The rows: what a batch brings, as a value that compares; and how a table is laid out over partitions."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

Layout = Literal["shop", "day_shop", "day"]
SHOPS = ("aarhus", "berlin", "cadiz", "dublin", "essen")


class Row(NamedTuple):
    """One row; ``id`` is unique to whoever wrote it, so that a table is a multiset of rows."""

    id: str
    day: str
    shop: str
    key: str
    amount: int


COLUMNS = Row._fields


def partition(row: Row, layout: Layout) -> tuple[str, ...]:
    """Give the partition a row lies in."""
    return tuple(getattr(row, column) for column in partition_columns(layout))


def partition_columns(layout: Layout) -> tuple[str, ...]:
    """Name the partition columns of a layout."""
    return {"shop": ("shop",), "day_shop": ("day", "shop"), "day": ("day",)}[layout]


def batch_rows(seed: int, day: str, shops: Iterable[str], count: int) -> list[Row]:
    """Make a batch's rows. Keys come from a small pool a shop, so that batches share some of them."""
    chance = random.Random(f"{seed} {day}")
    rows = []
    for shop in shops:
        for number, key in enumerate(chance.sample(range(count * 2), count)):
            rows.append(Row(f"{day}-{shop}-{number}", day, shop, f"{shop}-{key}", chance.randrange(1000)))
    return rows


def write_input(folder: Path, rows: Iterable[Row], shops: Iterable[str]) -> None:
    """Write one JSON-lines file a shop, an empty one where a shop sent nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    held: dict[str, list[Row]] = {shop: [] for shop in shops}
    for row in rows:
        held.setdefault(row.shop, []).append(row)
    for shop, mine in held.items():
        text = "".join(json.dumps(row._asdict()) + "\n" for row in mine)
        (folder / f"shop={shop}.jsonl").write_text(text, encoding="utf-8")


def read_file(path: Path) -> list[Row]:
    """Read one input file."""
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
