"""Writes a batch's input files as its upstream would: JSON lines, CSV or Parquet, one file a group."""

import csv
import json
from collections.abc import Callable
from typing import Any

from lab.spark.recorded.domains import Row
from lab.spark.recorded.lake import Lake

Export = Callable[[dict[str, Any]], None]


def write_feed(lake: Lake, batch: str, *, broken: bool, export: Export) -> None:
    """Write a batch's input; ``broken`` as the failing run is to find it."""
    lake.drop_input(batch)
    feed = lake.program.feed
    if feed.format == "none" or (broken and feed.absent):
        return
    folder = lake.source(batch)
    folder.mkdir(parents=True)
    groups = lake.by_group(lake.rows(batch, broken=broken))
    match feed.format:
        case "json":
            for name, rows in groups.items():
                lines = "".join(json.dumps(row) + "\n" for row in rows)
                (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        case "csv":
            for name, rows in groups.items():
                with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, list(rows[0]))
                    writer.writeheader()
                    writer.writerows(rows)
        case _:
            _export_parquet(lake, groups, f"file://{folder}", broken=broken, export=export)
    if broken and feed.files is not None:
        feed.files(folder, lake.domain)


def _export_parquet(lake: Lake, groups: dict[str, list[Row]], path: str, *, broken: bool, export: Export) -> None:
    if not groups:
        return
    feed, domain = lake.program.feed, lake.domain
    columns = list(next(iter(groups.values()))[0])
    kinds = [f"{column} {'int' if column == domain.number else 'string'}" for column in columns]
    types = {domain.amount: "decimal(10,2)"}
    changed = types | {getattr(domain, field): kind for field, kind in feed.types.items()}
    casts = {}
    for at, name in enumerate(groups):
        wanted = changed if broken and (not feed.only_last or at == len(groups) - 1) else types
        casts[name] = {column: kind for column, kind in wanted.items() if column in columns}
    files = {name: [[row.get(column) for column in columns] for row in rows] for name, rows in groups.items()}
    export({"schema": ", ".join(kinds), "files": files, "casts": casts, "path": path})


def columns_of(lake: Lake, batch: str) -> list[dict[str, str]]:
    """Give the columns that a crawler would report of a CSV or Parquet batch."""
    feed, domain = lake.program.feed, lake.domain
    rows = lake.rows(batch, broken=True)
    if not rows:
        return []
    types = {domain.number: "int", domain.amount: "decimal(10,2)"} if feed.format == "parquet" else {}
    types |= {getattr(domain, field): kind for field, kind in feed.types.items()}
    return [{"name": column, "type": types.get(column, "string")} for column in rows[0]]
