"""Filling in, for a store of an earlier version, whatever is derived from its revisions and reviews."""

import msgspec
import sqlalchemy as sa

from pipetriage.model.archive import Standing
from pipetriage.model.incident import Incident, from_json
from pipetriage.model.review import Review
from pipetriage.stores.day_sums import day_sums
from pipetriage.stores.headings import columns_of, columns_of_review, judged_of, text_of_struct
from pipetriage.stores.sql_saving import count_days, count_failure, failure_ended, keep_found_by, stand
from pipetriage.stores.tables import incidents, reviews, revisions

_AT_ONCE = 500


def rederive(connection: sa.Connection) -> None:
    """Derive everything, of each incident in the order in which they came. A million take some minutes, once.

    What this version cannot read stays listed as it was.
    """
    ids = connection.scalars(sa.select(incidents.c.incident_id).order_by(incidents.c.first_seen)).all()
    for one in ids:
        _derive(connection, one)
    for key in connection.scalars(sa.select(incidents.c.batch_key).distinct()).all():
        stand(connection, key)


def _derive(connection: sa.Connection, incident_id: str) -> None:
    mine = incidents.c.incident_id == incident_id
    head = connection.execute(sa.select(incidents).where(mine)).one()
    connection.execute(incidents.update().where(mine).values(standing=Standing.OPEN.value))
    query = sa.select(revisions.c.document).where(revisions.c.incident_id == incident_id)
    said = [one for one in map(_read, connection.scalars(query.order_by(revisions.c.revision))) if one is not None]
    if not said:
        plain = {"failure_mode": "INSUFFICIENT_EVIDENCE", "rerun": "UNKNOWN", "as_of": head.last_seen}
        connection.execute(incidents.update().where(mine).values(plain))
        return
    latest = said[-1]
    columns = columns_of(latest)
    connection.execute(incidents.update().where(mine).values(columns))
    keep_found_by(connection, latest)
    seen = {"first_seen": head.first_seen, "last_seen": head.last_seen}
    count_failure(connection, latest, seen, None)
    count_days(connection, day_sums({**columns, **seen}, said[0], 1))
    _derive_reviews(connection, said, head.first_seen)


def _derive_reviews(connection: sa.Connection, said: list[Incident], first_seen: str) -> None:
    latest = said[-1]
    query = sa.select(reviews).where(reviews.c.incident_id == latest.incident_id).order_by(reviews.c.number)
    for row in connection.execute(query).all():
        review = msgspec.json.decode(row.document, type=Review)
        before = [one for one in said if one.created_at <= review.reviewed_at]
        judged = judged_of(before[-1] if before else said[0], first_seen)
        this = sa.and_(reviews.c.incident_id == row.incident_id, reviews.c.number == row.number)
        connection.execute(reviews.update().where(this).values(judged=text_of_struct(judged)))
        settled = columns_of(latest)["settled"] or (review.closed and review.reviewed_at >= latest.created_at)
        now = {**columns_of_review(row.number, review, judged), "settled": settled}
        connection.execute(incidents.update().where(incidents.c.incident_id == row.incident_id).values(now))
        failure_ended(connection, latest.fingerprint, row.reviewed_at, row.document)


def _read(document: str) -> Incident | None:
    try:
        return from_json(document.encode())
    except (msgspec.DecodeError, ValueError):
        return None
