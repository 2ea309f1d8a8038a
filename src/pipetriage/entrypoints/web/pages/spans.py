"""How far back a page looks, and what is counted together: days, weeks or months."""

from datetime import date, timedelta
from typing import Annotated, NamedTuple

from fastapi import Query

from pipetriage.bootstrap.targets import now

Days = Annotated[int, Query(ge=1, le=3660)]
"""Days that a page looks back; today is one of them."""
DAYS = 90
CHOICES = (7, 30, 90, 365)


class Bucket(NamedTuple):
    """What is counted together."""

    first: date
    last: date
    label: str
    said: str


def first_day(days: int) -> date:
    """Give the first day (UTC) of the time that a page looks at."""
    return now().date() - timedelta(days=days - 1)


def unit(days: int) -> str:
    """Say what is counted together: more than sixty bars are none."""
    return "day" if days <= 31 else "week" if days <= 366 else "month"


def buckets(first: date, last: date) -> list[Bucket]:
    """Give the days, weeks or months from a day to another; the first and the last may be cut."""
    kind = unit((last - first).days + 1)
    found: list[Bucket] = []
    start = first
    while start <= last:
        end = min(_end(start, kind), last)
        label = f"{start:%Y-%m}" if kind == "month" else f"{start:%m-%d}"
        said = f"{start:%Y-%m-%d}" if start == end else f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"
        found.append(Bucket(start, end, label, said))
        start = end + timedelta(days=1)
    return found


def _end(start: date, kind: str) -> date:
    if kind == "day":
        return start
    if kind == "week":
        return start + timedelta(days=6 - start.weekday())
    return (start.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
