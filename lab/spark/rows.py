"""The source system's side and the truth: a day's orders, and what the tables hold once every batch ran cleanly."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from lab.spark.scenario import Scenario


class Order(NamedTuple):
    """One row as the tables hold it."""

    order_id: str
    shop: str
    order_date: str
    quantity: int
    amount_cents: int
    status: str


def orders_of(scenario: Scenario, batch: str) -> list[Order]:
    """Give a batch's orders; a merge's batch also sends changed orders of the day before."""
    chance = random.Random(f"{scenario.seed} {batch}")
    made = []
    for at, shop in enumerate(scenario.shops):
        # The first shop's file is the largest: Spark starts with it, and the last one's task comes last.
        for number in range(chance.randint(3, 5) + 3 * (len(scenario.shops) - at)):
            cents = chance.randint(299, 24_999)
            made.append(Order(f"{shop[:3]}-{batch}-{number}", shop, batch, chance.randint(1, 5), cents, "new"))
    before = scenario.batches.index(batch) - 1
    if scenario.mode.startswith("merge") and before >= 0:
        previous = [one for one in orders_of(scenario, scenario.batches[before]) if one.status == "new"]
        made += [one._replace(quantity=one.quantity + 5, status="changed") for one in previous[::4]]
    return made


def others_rows(scenario: Scenario) -> list[Order]:
    """Give the rows that another writer commits meanwhile, with ids of its own."""
    if not scenario.other:
        return []
    same = scenario.other == "same"
    shop, day = (scenario.shops[0], scenario.failing) if same else ("zagreb", "2026-01-01")
    return [Order(f"web-{day}-{number}", shop, day, 1, 1000 + number, "web") for number in range(3)]


def write_input(folder: Path, orders: list[Order], *, broken: bool) -> None:
    """Write one JSON-lines file a shop; ``broken`` puts a word where the last shop's first amount should be."""
    last = max(one.shop for one in orders)
    for shop in sorted({one.shop for one in orders}):
        lines: list[dict[str, object]] = []
        for one in (order for order in orders if order.shop == shop):
            amount = f"{one.amount_cents // 100}.{one.amount_cents % 100:02}"
            if broken and shop == last and not lines:
                amount = "n/a"
            lines.append(
                {"order_id": one.order_id, "order_date": one.order_date, "quantity": one.quantity, "amount": amount}
                | {"status": one.status}
            )
        path = folder / f"shop={shop}" / "part-00000.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


Rows = Counter[Order]


def truth(scenario: Scenario) -> dict[str, Rows]:
    """Compute what target and staging hold after a clean run of every batch, in order, with others' rows kept."""
    target: list[Order] = []
    staging: list[Order] = []
    for batch in scenario.batches[: scenario.good + 1]:
        target, staging = _apply(scenario, target, staging, batch)
    target = target + others_rows(scenario)
    if scenario.afterwards == "later":
        target, staging = _apply(scenario, target, staging, scenario.batches[-1])
    return {"target": Counter(target), "staging": Counter(staging if scenario.staged else [])}


def _apply(
    scenario: Scenario, target: list[Order], staging: list[Order], batch: str
) -> tuple[list[Order], list[Order]]:
    new = orders_of(scenario, batch)
    staging = (staging + new) if scenario.mode == "stage_keep" else new
    mode = scenario.mode
    if mode in {"static_sql", "static_api", "parquet_overwrite"}:
        return new, staging
    if mode == "static_day":
        return [one for one in target if one.order_date != batch] + new, staging
    if mode.startswith(("dynamic", "stage_overwrite", "parquet_dynamic")):
        replaced = {partition(scenario, one) for one in new}
        return [one for one in target if partition(scenario, one) not in replaced] + new, staging
    if mode == "merge":
        ids = {one.order_id for one in new}
        return [one for one in target if one.order_id not in ids] + new, staging
    if mode == "merge_insert":
        there = {one.order_id for one in target}
        return target + [one for one in new if one.order_id not in there], staging
    return target + new, staging


def partition(scenario: Scenario, order: Order) -> tuple[str, ...]:
    """Give the row's partition in the target."""
    return {"day": (order.order_date,), "shop": (order.shop,)}.get(scenario.layout, (order.order_date, order.shop))
