"""Times as evidence writes them, and the one form we keep: aware datetimes in UTC."""

from datetime import UTC, datetime

# Seconds until the year 5138; a larger epoch number is milliseconds (the AWS CLI writes seconds as floats,
# CloudWatch and Iceberg write milliseconds).
_LARGEST_SECONDS = 100_000_000_000


def parse_time(value: object) -> datetime | None:
    """Read an epoch number (seconds or milliseconds), a numeric string or an ISO 8601 string.

    A time without a zone is taken as UTC. Anything else, and any time outside the years 1971 to 9000, gives None.
    """
    try:
        if isinstance(value, datetime):
            parsed = value if value.tzinfo else value.replace(tzinfo=UTC)
        elif isinstance(value, bool) or value is None:
            return None
        elif isinstance(value, int | float):
            parsed = from_epoch(value)
        elif isinstance(value, str):
            parsed = _parse_text(value.strip())
        else:
            return None
        parsed = parsed.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return parsed if 1971 <= parsed.year <= 9000 else None


def from_epoch(number: float) -> datetime:
    """Read an epoch number of seconds, or of milliseconds when too large for seconds.

    Raises:
        ValueError, OverflowError, OSError: the number is no time at all.
    """
    seconds = number / 1000 if abs(number) > _LARGEST_SECONDS else number
    return datetime.fromtimestamp(seconds, UTC)


def _parse_text(text: str) -> datetime:
    try:
        return from_epoch(float(text))
    except ValueError:
        parsed = datetime.fromisoformat(text)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
