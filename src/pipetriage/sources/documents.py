"""AWS answers as documents: what boto3 turned into Python's own types, back in the form that files and JSON have."""

from collections.abc import Mapping
from datetime import UTC, datetime
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
