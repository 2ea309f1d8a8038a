"""Lists, search, what is alike, trends and judgements in a SQL database: by indexes and sums, whatever its size.

``tests/stores/test_archive_plans.py`` holds each statement against the database's own plan of it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from pipetriage.model.archive import Count, Day, Heading, Judged, Judgement, Page, Similar, Trends, Wanted
from pipetriage.model.review import Review
from pipetriage.stores.comparing import text_of
from pipetriage.stores.headings import heading_of
from pipetriage.stores.likeness import alike
from pipetriage.stores.paging import Cursor, read_cursor
from pipetriage.stores.sql_engine import our_errors
from pipetriage.stores.sql_searching import conditions, found_by_words, starts_with
from pipetriage.stores.tables import alike_words, days, failure_words, failures, incidents, names, reviews, words

_TOP = 20
"""Names of a kind that trends list."""
_COMMON = 300
"""A word that so many failures have says nothing about which are alike. Ours."""
_TELLING = 12
"""Words by which failures are looked for that are alike: the rarest. Ours."""
_SPENT = ("incidents", "delays", "delay_seconds", "machine_seconds", "cost_usd")
_NEWEST = (incidents.c.first_seen.desc(), incidents.c.incident_id.desc())


class SqlArchive:
    """See ``Archive``."""

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine = engine
        self._place = place

    def page(self, wanted: Wanted, *, limit: int = 50, cursor: str | None = None) -> Page:
        """See ``Archive.page``."""
        after = read_cursor(cursor)
        with our_errors(self._place), self._engine.begin() as connection:
            rows = self._rows(connection, wanted, after, limit + 1)
        headings = [heading_of(row) for row in rows[:limit]]
        following = None
        if len(rows) > limit:
            last = rows[limit - 1]
            following = Cursor(number=getattr(last, "number", None), at=last.first_seen, id=last.incident_id).text()
        return Page(headings=headings, following=following)

    def heading(self, incident_id: str) -> Heading | None:
        """See ``Archive.heading``."""
        query = sa.select(incidents).where(incidents.c.incident_id == incident_id)
        with our_errors(self._place), self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        return heading_of(row) if row is not None else None

    def similar(self, incident_id: str, *, limit: int = 5) -> list[Similar]:
        """See ``Archive.similar``."""
        with our_errors(self._place), self._engine.begin() as connection:
            mine = sa.select(incidents.c.fingerprint).where(incidents.c.incident_id == incident_id)
            fingerprint = connection.scalar(mine)
            if fingerprint is None:
                return []
            likeness = {fingerprint: 1.0, **_alike(connection, fingerprint, limit)}
            found = _failures(connection, list(likeness))
            before = sa.select(incidents).where(
                incidents.c.fingerprint == fingerprint, incidents.c.incident_id != incident_id
            )
            another = connection.execute(before.order_by(*_NEWEST).limit(1)).one_or_none()
            latest = _headings(connection, [row.latest for key, row in found.items() if key != fingerprint])
        if another is not None:
            latest[fingerprint] = heading_of(another)
        similar = [
            _similar(row, latest.get(key if key == fingerprint else row.latest), likeness[key], same=key == fingerprint)
            for key, row in found.items()
        ]
        known = [one for one in similar if one is not None]
        return sorted(known, key=lambda one: (not one.same, -one.likeness, one.heading.incident_id))[:limit]

    def trends(self, since: date) -> Trends:
        """See ``Archive.trends``."""
        first = since.isoformat()
        with our_errors(self._place), self._engine.begin() as connection:
            by_day = connection.execute(
                sa.select(days.c.day, days.c.name, days.c.incidents, days.c.unsafe)
                .where(days.c.dimension == "category", days.c.day >= first)
                .order_by(days.c.day, days.c.name)
            ).all()
            spent = [sa.func.sum(days.c[one]).label(one) for one in _SPENT]
            sums = connection.execute(sa.select(*spent).where(days.c.dimension == "all", days.c.day >= first)).one()
            pipelines, owners = (_most(connection, one, first) for one in ("pipeline", "owner"))
            often = connection.execute(
                sa.select(failures)
                .where(failures.c.last_seen >= first)
                .order_by(failures.c.seen.desc(), failures.c.fingerprint)
                .limit(_TOP)
            ).all()
            latest = _headings(connection, [row.latest for row in often])
        recurring = [_similar(row, latest.get(row.latest), 1.0, same=True) for row in often]
        return Trends(
            since=since,
            days=_by_day(by_day),
            pipelines=pipelines,
            owners=owners,
            recurring=[one for one in recurring if one is not None],
            incidents=sums.incidents or 0,
            delay_seconds=sums.delay_seconds / sums.delays if sums.delays else None,
            machine_seconds=sums.machine_seconds / sums.incidents if sums.incidents else None,
            cost_usd=sums.cost_usd or 0.0,
        )

    def judgements(self, since: datetime, *, limit: int = 10_000) -> list[Judgement]:
        """See ``Archive.judgements``."""
        latest = sa.and_(
            reviews.c.incident_id == incidents.c.incident_id, reviews.c.number == incidents.c.review_number
        )
        query = (
            sa.select(reviews.c.document, reviews.c.judged)
            .join_from(incidents, reviews, latest)
            .where(incidents.c.reviewed_at >= text_of(since))
            .order_by(incidents.c.reviewed_at.desc())
            .limit(limit)
        )
        with our_errors(self._place), self._engine.begin() as connection:
            rows = connection.execute(query).all()
        return [
            Judgement(
                judged=msgspec.json.decode(row.judged, type=Judged),
                review=msgspec.json.decode(row.document, type=Review),
            )
            for row in rows
            if row.judged is not None
        ]

    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """See ``Archive.names``."""
        with our_errors(self._place), self._engine.begin() as connection:
            rows = connection.execute(sa.select(names).order_by(names.c.name)).all()
        return tuple([row.name for row in rows if row.dimension == one] for one in ("pipeline", "owner"))  # type: ignore[return-value]

    def changed(self) -> str:
        """See ``Archive.changed``."""
        marks = (sa.func.max(incidents.c.last_seen), sa.func.max(incidents.c.reviewed_at), sa.func.max(words.c.number))
        query = sa.select(*(sa.select(mark).scalar_subquery() for mark in marks))
        with our_errors(self._place), self._engine.begin() as connection:
            return "/".join("" if one is None else str(one) for one in connection.execute(query).one())

    def _rows(self, connection: sa.Connection, wanted: Wanted, after: Cursor | None, most: int) -> Sequence[Any]:
        text = wanted.words.strip()
        named = starts_with(connection, text) if text else None
        if text and named is None:
            return found_by_words(connection, wanted, after.number if after else None, most)
        query = sa.select(incidents).where(*conditions(wanted)).order_by(*_NEWEST)
        if named is not None:
            query = query.where(named)
        if after is not None:
            place = sa.tuple_(incidents.c.first_seen, incidents.c.incident_id)
            query = query.where(place < sa.tuple_(sa.literal(after.at), sa.literal(after.id)))
        return connection.execute(query.limit(most)).all()


def _most(connection: sa.Connection, dimension: str, first: str) -> list[Count]:
    sums = [sa.func.sum(days.c[one]).label(one) for one in ("incidents", "unsafe")]
    query = sa.select(days.c.name, *sums).where(days.c.dimension == dimension, days.c.day >= first)
    query = query.group_by(days.c.name).order_by(sa.desc("incidents"), days.c.name).limit(_TOP)
    rows = connection.execute(query).all()
    return [Count(key=row.name, incidents=row.incidents, unsafe=row.unsafe) for row in rows if row.incidents]


def _by_day(rows: Sequence[Any]) -> list[Day]:
    found: dict[str, list[Count]] = {}
    for row in rows:
        if row.incidents:
            count = Count(key=row.name, incidents=row.incidents, unsafe=row.unsafe)
            found.setdefault(row.day, []).append(count)
    return [Day(day=date.fromisoformat(day), counts=counts) for day, counts in found.items()]


def _headings(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Heading]:
    if not ids:
        return {}
    rows = connection.execute(sa.select(incidents).where(incidents.c.incident_id.in_(ids))).all()
    return {row.incident_id: heading_of(row) for row in rows}


def _failures(connection: sa.Connection, fingerprints: Sequence[str]) -> dict[str, Any]:
    rows = connection.execute(sa.select(failures).where(failures.c.fingerprint.in_(fingerprints))).all()
    return {row.fingerprint: row for row in rows}


def _similar(row: Any, heading: Heading | None, likeness: float, *, same: bool) -> Similar | None:
    if heading is None:
        return None
    review = msgspec.json.decode(row.ended, type=Review) if row.ended is not None else None
    return Similar(heading=heading, same=same, likeness=likeness, count=row.seen, review=review)


def _alike(connection: sa.Connection, fingerprint: str, limit: int) -> dict[str, float]:
    """Find the failures that share the rarest words with one, and how like it each is."""
    mine = connection.scalars(sa.select(failure_words.c.word).where(failure_words.c.fingerprint == fingerprint)).all()
    if not mine:
        return {}
    counts = sa.select(alike_words.c.word, alike_words.c.failures).where(alike_words.c.word.in_(mine))
    counted = {row.word: row.failures for row in connection.execute(counts)}
    telling = [word for word, count in sorted(counted.items(), key=lambda one: (one[1], one[0])) if 1 < count < _COMMON]
    if not telling:
        return {}
    query = sa.select(failure_words).where(
        failure_words.c.word.in_(telling[:_TELLING]), failure_words.c.fingerprint != fingerprint
    )
    shared: dict[str, list[str]] = {}
    for row in connection.execute(query):
        shared.setdefault(row.fingerprint, []).append(row.word)
    nearest = sorted(shared, key=lambda one: (-len(shared[one]), one))[: 10 * limit]
    theirs: dict[str, list[str]] = {}
    for row in connection.execute(sa.select(failure_words).where(failure_words.c.fingerprint.in_(nearest))):
        theirs.setdefault(row.fingerprint, []).append(row.word)
    return alike(mine, theirs, counted, _COMMON, limit)
