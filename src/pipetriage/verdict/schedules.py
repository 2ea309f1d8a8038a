"""When a schedule starts something, from a cron expression."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class NeverError(ValueError):
    """A schedule cannot be read, so that it says nothing of when anything starts."""


def starts_within(schedule: str, timezone: str, start: datetime, end: datetime) -> datetime | None:
    """Give the first start from ``start`` to ``end`` (UTC); None: there is none.

    Raises:
        NeverError: the expression or the time zone is none.
    """
    # Only pipelines that declare a schedule need it.
    from cronsim import CronSim, CronSimError

    try:
        zone = ZoneInfo(timezone)
        # From a second before: an iteration gives what comes after its beginning.
        found = next(CronSim(schedule, start.astimezone(zone).replace(microsecond=0)), None)
    except (CronSimError, ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NeverError(str(error) or type(error).__name__) from error
    at = found.astimezone(UTC) if found is not None else None
    return at if at is not None and at <= end else None
