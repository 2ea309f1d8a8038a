"""Proves a verdict by running again: what a blind rerun would leave, and whether a retry left the right table."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pipetriage.demo.lake import CLICKS, STAGING, Lake
from pipetriage.demo.runner import Runner

# All that a run changes. The incident store is not part of it.
_CHANGED_BY_RUNS = ("lake", "runs", "logs", "control.db")


class Rows(NamedTuple):
    """One day or hour in one table."""

    rows: int
    distinct: int
    twice: list[str]
    """Partitions that hold a row more than once."""


def staged(folder: Path, day: date) -> Rows:
    """Count a day's orders in staging."""
    with Lake(folder / "lake") as lake:
        orders = lake.orders_of(STAGING, day)
    ids = Counter(zip(orders["shop"].to_pylist(), orders["order_id"].to_pylist(), strict=True))
    return Rows(orders.num_rows, len(ids), sorted({shop for (shop, _), times in ids.items() if times > 1}))


def clicks_of(folder: Path, hour: str) -> Rows:
    """Count an hour's clicks."""
    with Lake(folder / "lake") as lake:
        clicks = lake.table(CLICKS).scan(row_filter=f"event_hour = '{hour}'").to_arrow()
    ids = Counter(clicks["click_id"].to_pylist())
    return Rows(clicks.num_rows, len(ids), [hour] if len(ids) < clicks.num_rows else [])


def blind_rerun(folder: Path, job: str, batch_id: str, source: Path) -> Rows:
    """Run the failed batch again as it is, count what is in staging then, and put everything back as it was."""
    with put_back(folder):
        Runner(folder).run(job, batch_id, source)
        return staged(folder, date.fromisoformat(batch_id))


@contextmanager
def put_back(folder: Path) -> Iterator[None]:
    """Undo whatever runs change inside the block, even when it is interrupted.

    Iceberg metadata names its files by absolute path, so a copy of the lake elsewhere would still write to this
    one. The runs therefore work here, and the copy is what is kept safe.
    """
    with tempfile.TemporaryDirectory(prefix="pipetriage-demo-kept-") as kept:
        for name in _CHANGED_BY_RUNS:
            _copy(folder / name, Path(kept) / name)
        try:
            yield
        finally:
            for name in _CHANGED_BY_RUNS:
                _remove(folder / name)
                _copy(Path(kept) / name, folder / name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
