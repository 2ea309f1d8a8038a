"""What a list of incidents is filtered by, as its form and its links say it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import Query

from pipetriage.errors import UsageError
from pipetriage.model.archive import Standing, Wanted
from pipetriage.model.categories import Category

EVERY = "ALL"
"""The choice of every standing, by time alone; without a choice, what is open comes first."""

_Text = Annotated[str, Query(max_length=300)]
_Short = Annotated[str, Query(max_length=32)]


class Filter(NamedTuple):
    """The form's fields as they were sent; empty asks for nothing."""

    words: str = ""
    pipeline: str = ""
    category: str = ""
    owner: str = ""
    standing: str = ""
    unsafe: str = ""
    since: str = ""
    until: str = ""
    """A day, inclusive; like queue, fingerprint and reviewed only links of ours have it."""
    queue: str = ""
    fingerprint: str = ""
    reviewed: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for but, maybe, a standing."""
        return not any(self._replace(standing=""))

    def address(self, path: str, **more: str) -> str:
        """Give the address of a list filtered like this."""
        asked = {name: value for name, value in {**self._asdict(), **more}.items() if value}
        return f"{path}?{urlencode(asked)}" if asked else path

    def wanted(self) -> Wanted:
        """Give what to ask the archive for.

        Raises:
            UsageError: a field has a value that it cannot have.
        """
        until = _day(self.until)
        return Wanted(
            words=self.words.strip(),
            pipeline=self.pipeline.strip() or None,
            category=Category(self.category) if _among("category", self.category, tuple(Category)) else None,
            owner=self.owner.strip() or None,
            queue=self.queue or None,
            fingerprint=self.fingerprint or None,
            standing=_standing(self.standing),
            unsafe_only=bool(self.unsafe),
            reviewed={"yes": True, "no": False}.get(self.reviewed),
            since=_day(self.since),
            until=until + timedelta(days=1) if until is not None else None,
        )


def filter_of(
    words: _Text = "",
    pipeline: _Text = "",
    category: _Short = "",
    owner: _Text = "",
    standing: _Short = "",
    unsafe: _Short = "",
    since: _Short = "",
    until: _Short = "",
    queue: _Text = "",
    fingerprint: _Text = "",
    reviewed: _Short = "",
) -> Filter:
    """Read the filter of a request; for ``Depends``."""
    return Filter(words, pipeline, category, owner, standing, unsafe, since, until, queue, fingerprint, reviewed)


def _standing(value: str) -> Standing | None:
    chosen = _among("standing", value, (*Standing, EVERY))
    return Standing(value) if chosen and value != EVERY else None


def _among(name: str, value: str, allowed: tuple[str, ...]) -> bool:
    if value and value not in allowed:
        raise UsageError(f"{name}: choose one of {', '.join(allowed)}")
    return bool(value)


def _day(value: str) -> datetime | None:
    if not value:
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError as error:
        raise UsageError("a day is written as 2026-11-22") from error
    # The last day of the calendar has no day after it.
    if not date(1970, 1, 2) <= found <= date(9000, 1, 1):
        raise UsageError("that day is too far away")
    return datetime.combine(found, time(), UTC)
