"""Partition values as tables, paths and declarations spell them: when are two of them surely different?

An engine writes ``5`` where a template writes ``05``, days since the epoch where it writes a date, ``%3A`` in a path
where it writes a colon. Values are only called different if both are of one kind that leaves no other reading.
"""

import re
import unicodedata
from datetime import datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote

from pipetriage.model.templates import batch_time

_NULLS = frozenset({"", "null", "none", "__hive_default_partition__"})
_NUMBER = re.compile(r"[+-]?\d{1,38}(?:\.\d{1,38})?")
# Digits that may be a date without its dashes, down to the month or the hour: 202611, 20261121, 2026112103.
_DATE_DIGITS = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:\d{2}){0,2}")

_TWO_DAYS = 2 * 86400


def surely_differ(one: str | None, other: str | None) -> bool:
    """Whether two partition values are different however they are spelled; False in any doubt."""
    if one is None or other is None:
        return False
    first, second = (unicodedata.normalize("NFC", unquote(value).strip()) for value in (one, other))
    if first.casefold() == second.casefold() or {first.lower(), second.lower()} & _NULLS:
        return False
    if _NUMBER.fullmatch(first) and _NUMBER.fullmatch(second):
        return _numbers_differ(first, second)
    times = tuple(None if "W" in value else batch_time(value) for value in (first, second))
    if times[0] is not None and times[1] is not None:
        return _times_differ(times[0], times[1], first, second)
    if any(times) or _NUMBER.fullmatch(first) or _NUMBER.fullmatch(second):
        return False  # an ordinal or a word beside a date: they may mean the same day
    # A truncated value is the beginning of the one that was declared.
    return not (first.casefold().startswith(second.casefold()) or second.casefold().startswith(first.casefold()))


def _numbers_differ(first: str, second: str) -> bool:
    dates = [_DATE_DIGITS.fullmatch(one) is not None for one in (first, second)]
    if any(dates) and not (all(dates) and len(first) == len(second)):
        return False  # 20778 is a day of 2026 as well as 20261121
    try:
        return Decimal(first) != Decimal(second)
    except InvalidOperation:
        return False


def _times_differ(first: datetime, second: datetime, *spelled: str) -> bool:
    apart = abs((first - second).total_seconds())
    if len(spelled[0]) == len(spelled[1]) and not any("+" in one or one.endswith("Z") for one in spelled):
        return apart > 0
    # A day and a moment of that day may be one partition, as may moments told in different zones.
    return apart >= _TWO_DAYS


def names_path(message: str, path: str, *, below: bool = True) -> bool:
    """Whether a message names the path, or what lies below it, however scheme and slashes are spelled.

    ``orders/1`` is neither ``orders/10`` nor ``orders/1-ref``. Without ``below``, a file in it is not the path itself;
    a pattern over all that it holds (``orders/1/*.json``) still is.
    """
    message, path = _plain(message), _plain(path.partition("://")[2] or path).rstrip("/")
    at = message.find(path) if path else -1
    while at >= 0:
        following = message[at + len(path) : at + len(path) + 2]
        itself = below or not following.startswith("/") or _ENDS_PATH.match(following[1:]) is not None
        if itself and not (following[:1].isalnum() or following[:1] in {"-", "_", "="}):
            return True
        at = message.find(path, at + 1)
    return False


# What may follow the slash behind a folder's own name: nothing, the sentence, or a pattern over its files.
_ENDS_PATH = re.compile(r"$|[\s*?{\[,;:'\")\]>|.]")


def _plain(text: str) -> str:
    return text.lower().replace("\\", "/").replace("file:///", "/").replace("file:/", "/")
