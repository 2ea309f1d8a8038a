"""Ways in which an upstream breaks a batch's records or files."""

import json
from collections.abc import Callable
from pathlib import Path

from lab.spark.recorded.domains import Domain, Row

Rows = Callable[[list[Row], Domain], list[Row]]
Files = Callable[[Path, Domain], None]


def rename(field: str, new: str) -> Rows:
    """Give a column another name."""

    def change(rows: list[Row], domain: Domain) -> list[Row]:
        old = getattr(domain, field)
        return [{new if key == old else key: value for key, value in row.items()} for row in rows]

    return change


def drop(field: str) -> Rows:
    """Leave a column out."""
    return lambda rows, domain: [
        {key: value for key, value in row.items() if key != getattr(domain, field)} for row in rows
    ]


def add(name: str, value: object) -> Rows:
    """Add a column, before the last one."""

    def change(rows: list[Row], domain: Domain) -> list[Row]:
        del domain
        return [{**row, name: value} for row in rows]

    return change


def some(field: str, value: object, every: int = 9) -> Rows:
    """Put a value into some records."""

    def change(rows: list[Row], domain: Domain) -> list[Row]:
        name = getattr(domain, field, field)
        return [row | {name: value} if at % every == every - 2 else row for at, row in enumerate(rows)]

    return change


def few(count: int) -> Rows:
    """Send only the first records."""
    return lambda rows, domain: rows[:count]


def repeat(rows: list[Row], domain: Domain) -> list[Row]:
    """Send corrections of the day before along, some twice."""
    day = str(rows[0][domain.day])[2:].replace("-", "")
    before = f"{int(day) - 1:06d}"
    old = [row | {domain.key: str(row[domain.key]).replace(day, before, 1)} for row in rows[:9]]
    return rows + old + [row | {domain.status: domain.states[-1]} for row in old[:4]]


def nest(rows: list[Row], domain: Domain) -> list[Row]:
    """Send amount and status as a nested record."""
    kept = [{key: value for key, value in row.items() if key not in (domain.amount, domain.status)} for row in rows]
    return [
        new | {"details": {domain.amount: row[domain.amount], domain.status: row[domain.status]}}
        for new, row in zip(kept, rows, strict=True)
    ]


def flatten_details(rows: list[Row], domain: Domain) -> list[Row]:
    """Send the nested record as text."""
    del domain
    return [row | {"details": json.dumps(row["details"])} for row in rows]


def cut_file(folder: Path, domain: Domain) -> None:
    """Cut the last file in the middle of a record."""
    del domain
    file = sorted(folder.glob("*"))[-1]
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.index(b"\n", len(whole) // 2) + 60])


def html_file(folder: Path, domain: Domain) -> None:
    """Put a gateway's error page among the files."""
    file = sorted(path for path in folder.glob("*") if not path.name.startswith(("_", ".")))[-1]
    text = "<html><head><title>502 Bad Gateway</title></head><body>upstream export failed</body></html>\n"
    file.with_name(f"part-00007-{domain.groups[0]}{file.suffix}").write_text(text * 3, encoding="utf-8")


def empty_folder(folder: Path, domain: Domain) -> None:
    """Leave the folder there without files."""
    del domain
    for file in folder.glob("*"):
        file.unlink()


def tariffs(folder: Path, domain: Domain, batch: str, broken: bool) -> None:
    """Deliver the pricing team's folder, but for the failing batch."""
    place = folder / "input" / "tariffs" / batch
    if broken:
        return
    place.mkdir(parents=True, exist_ok=True)
    lines = [f"{domain.group},tariff", *(f"{group},0.1{at}" for at, group in enumerate(domain.groups))]
    (place / "tariffs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def replace_files(folder: Path) -> None:
    """Write a batch's files anew under other names, as an upstream that delivers twice."""
    for file in sorted(folder.glob("*.jsonl")):
        file.rename(file.with_name(f"v2-{file.name}"))


def manifest(folder: Path, domain: Domain, batch: str, broken: bool) -> None:
    """Write the manifest beside a batch's files; not for the failing batch."""
    if not broken:
        (place,) = (folder / "input" / domain.table).glob(f"*{batch}")
        files = sorted(file.name for file in place.glob("*.jsonl"))
        (place / "_manifest.json").write_text(json.dumps({"files": len(files), "names": files}), encoding="utf-8")


def scatter(count: int) -> Files:
    """Write the batch's records anew as that many files."""

    def change(folder: Path, domain: Domain) -> None:
        del domain
        lines = [line for file in sorted(folder.glob("*")) for line in file.read_text(encoding="utf-8").splitlines()]
        for file in folder.glob("*"):
            file.unlink()
        for at in range(count):
            part = lines[at::count] or lines[:1]
            (folder / f"p{at:04d}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")

    return change
