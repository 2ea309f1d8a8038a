"""AWS answers as documents: what boto3 turned into Python's own types, back in the form that files and JSON have."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any


def plain(answer: Any) -> Any:
    """Give the answer with its times as ISO 8601 in UTC and bytes as text; without boto3's own metadata."""
    if isinstance(answer, Mapping):
        return {str(key): plain(value) for key, value in answer.items() if key != "ResponseMetadata"}
    if isinstance(answer, list | tuple):
        return [plain(value) for value in answer]
    if isinstance(answer, datetime):
        aware = answer if answer.tzinfo else answer.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat()
    if isinstance(answer, bytes | bytearray):
        return bytes(answer).decode("utf-8", "replace")
    return answer


def cell(value: Any) -> Any:
    """Give one value of a table's row as JSON has it; a whole number exactly."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            if not value.is_finite():
                return None
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | bytes() | Mapping() | list() | tuple():
            return plain(value)
        case date() | time():
            return value.isoformat()
    return str(value)
