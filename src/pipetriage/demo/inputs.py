"""The source system's side: a day's orders as one JSON-lines file a shop, an hour's clicks as one file."""

import json
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

SHOPS = (
    "amsterdam",
    "antwerp",
    "berlin",
    "brussels",
    "cologne",
    "copenhagen",
    "hamburg",
    "lille",
    "lyon",
    "milan",
    "oslo",
    "vienna",
)
"""The twelve shops; their files are read in this order."""

FIRST_SHOP_WITH_DISCOUNTS = "milan"
"""The tenth: from here on, the cash registers already run the release that sends ``discount_code``."""


def write_orders(folder: Path, day: date, *, with_discounts: bool) -> None:
    """Write one file a shop; ``with_discounts`` adds the new column to the last three shops' files."""
    folder.mkdir(parents=True)
    chance = random.Random(f"orders {day}")  # noqa: S311 - made-up orders, the same for the same day
    for shop in SHOPS:
        released = with_discounts and shop >= FIRST_SHOP_WITH_DISCOUNTS
        _write(folder / f"shop={shop}.jsonl", _orders(chance, day, shop, released))


def _orders(chance: random.Random, day: date, shop: str, with_discounts: bool) -> Iterator[dict[str, Any]]:
    opening = datetime.combine(day, datetime.min.time()) + timedelta(hours=8)
    for number in range(chance.randint(80, 160)):
        order = {
            "order_id": f"{shop[:3]}-{day:%Y%m%d}-{number:04}",
            "shop": shop,
            "ordered_at": (opening + timedelta(seconds=chance.randrange(12 * 3600))).isoformat(),
            "quantity": chance.randint(1, 5),
            "amount": f"{chance.randint(299, 24_999) / 100:.2f}",
        }
        if with_discounts:
            order["discount_code"] = chance.choice(["WELCOME10", "AUTUMN5", ""])
        yield order


def write_clicks(folder: Path, hour: str) -> None:
    """Write one hour of clicks (``hour`` as ``YYYY-MM-DD-HH``)."""
    folder.mkdir(parents=True)
    chance = random.Random(f"clicks {hour}")  # noqa: S311 - made-up clicks, the same for the same hour
    start = datetime.strptime(hour, "%Y-%m-%d-%H")  # noqa: DTZ007 - the events carry local times without a zone
    clicks = (
        {
            "click_id": f"{hour}-{number:05}",
            "page": chance.choice(["/", "/cart", "/search", "/product"]),
            "clicked_at": (start + timedelta(seconds=chance.randrange(3600))).isoformat(),
        }
        for number in range(chance.randint(300, 500))
    )
    _write(folder / "part-00000.jsonl", clicks)


def _write(path: Path, records: Iterator[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
