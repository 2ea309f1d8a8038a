"""Filling the templates of a declaration: ``s3://raw/orders/dt={date}/`` with the batch's own id and dates."""

import re
from datetime import UTC, datetime

_FIELD = re.compile(r"\{([A-Za-z_]{1,32})\}")
_COMPACT_DATE = re.compile(r"^(\d{4})(\d{2})(\d{2})(?:T?(\d{2}))?$")
_HOURLY = re.compile(r"^(\d{4}-\d{2}-\d{2})[T_-](\d{2})$")


def batch_time(batch_id: str) -> datetime | None:
    """Read a batch id that is a date or an hour (``2026-11-22``, ``20261122``, ``2026-11-22T03``)."""
    text = batch_id.strip()
    if found := _COMPACT_DATE.match(text):
        text = f"{found[1]}-{found[2]}-{found[3]}" + (f"T{found[4]}:00" if found[4] else "")
    elif found := _HOURLY.match(text):
        text = f"{found[1]}T{found[2]}:00"
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def batch_key(batch_id: str) -> str:
    """Give the form in which batch ids are compared: ``20261121``, `` 2026-11-21`` and ``…T00:00:00`` are one batch."""
    text = batch_id.strip().removesuffix(".0")
    at = batch_time(text)
    return at.isoformat() if at is not None else text.casefold()


def fill(template: str, batch_id: str | None) -> str | None:
    """Fill the template for one batch; None when a field cannot be known (never guessed from the clock)."""
    at = batch_time(batch_id) if batch_id else None
    values = {"batch_id": batch_id}
    if at is not None:
        values |= {
            "date": f"{at:%Y-%m-%d}", "ds": f"{at:%Y-%m-%d}", "ds_nodash": f"{at:%Y%m%d}",
            "yyyy": f"{at:%Y}", "year": f"{at:%Y}", "MM": f"{at:%m}", "mm": f"{at:%m}", "month": f"{at:%m}",
            "dd": f"{at:%d}", "day": f"{at:%d}", "HH": f"{at:%H}", "hh": f"{at:%H}", "hour": f"{at:%H}",
        }  # fmt: skip
    fields = _FIELD.findall(template)
    if any(values.get(field) is None for field in fields):
        return None
    return _FIELD.sub(lambda found: str(values[found[1]]), template)
