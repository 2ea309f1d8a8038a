"""When a schedule starts something: five fields of cron, or the six of AWS's ``cron(…)``."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_AWS = re.compile(r"(?i)\s*(cron|rate)\s*\(([^()]{1,200})\)\s*")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
"""In the order in which AWS counts them, from 1 (EventBridge user guide, "Cron expressions")."""


class NeverError(ValueError):
    """A schedule cannot be read, or does not tell when anything starts."""


def starts_within(schedule: str, timezone: str, start: datetime, end: datetime) -> datetime | None:
    """Give the first start from ``start`` to ``end`` (UTC); None: there is none.

    Raises:
        NeverError: the expression or the time zone is none, or it does not tell.
    """
    aws = _AWS.fullmatch(schedule)
    if aws is not None and aws[1].lower() == "rate":
        raise NeverError(f"{schedule.strip()} tells how often it starts, and not when")
    fields, years = _from_aws(aws[2]) if aws is not None else (schedule, "*")
    for at in takewhile(lambda one: one <= end, _starts(fields, timezone, start)):
        if _is_in(at.year, years):
            return at
    return None


def _starts(fields: str, timezone: str, start: datetime) -> Iterator[datetime]:
    # Only pipelines that declare a schedule need it.
    from cronsim import CronSim, CronSimError

    try:
        zone = ZoneInfo(timezone)
        # From a second before: what comes after the beginning is given.
        before = (start - timedelta(seconds=1)).astimezone(zone).replace(microsecond=0)
        for found in CronSim(fields, before):
            yield found.astimezone(UTC)
    except (CronSimError, ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NeverError(str(error) or type(error).__name__) from error


def _from_aws(said: str) -> tuple[str, str]:
    """Give the five fields of cron, and the years: AWS has six, a ``?`` for any day, and counts Sunday as 1."""
    fields = said.split()
    if len(fields) != 6:
        raise NeverError("AWS's cron(…) has six fields")
    minute, hour, day, month, weekday, years = fields
    days = ",".join(_weekday(one) for one in weekday.upper().split(","))
    return " ".join([minute, hour, day.replace("?", "*"), month, days]), years


def _weekday(said: str) -> str:
    """Give one item of the days of the week as cron has it: Sunday is 0."""
    first, slash, step = said.partition("/")
    if slash:
        # "2/3" begins there and goes on to the end of the week; "*/3" and "2-6/3" are as in cron.
        bounds = first if first == "*" or "-" in first else f"{first}-7"
        return f"{_weekday(bounds)}/{step}"
    number, hash_, which = first.partition("#")
    if hash_:
        return f"{_numbered(number)}#{which}"
    if first.endswith("L") and first != "L":
        return f"{_numbered(first[:-1])}L"
    low, dash, high = first.partition("-")
    return f"{_numbered(low)}-{_numbered(high)}" if dash else _numbered(first)


def _numbered(day: str) -> str:
    if day in ("?", "*"):
        return "*"
    if day == "L":  # the last day of the week
        return "6"
    if day in _DAYS:
        return str(_DAYS.index(day))
    if day.isdecimal() and 1 <= int(day) <= 7:
        return str(int(day) - 1)
    raise NeverError(f"{day} is no day of the week")


def _is_in(year: int, said: str) -> bool:
    for one in said.split(","):
        first, _, step = one.partition("/")
        low, dash, high = first.partition("-")
        if first == "*":
            low, high = "1970", "2199"
        elif not dash:
            high = low if not step else "2199"
        if not (low.isdecimal() and high.isdecimal() and (not step or step.isdecimal())):
            raise NeverError(f"{said} names no years")
        if int(low) <= year <= int(high) and (year - int(low)) % max(1, int(step or 1)) == 0:
            return True
    return False
