"""How an incident stands among the others: what recurs, and which attempt of a batch is the latest."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from pipetriage.model.incident import Recurrence
from pipetriage.model.review import Review
from pipetriage.stores.interface import Incidents
from pipetriage.stores.tables import incidents, reviews

NEWEST_FIRST: tuple[sa.ColumnElement[Any], ...] = (incidents.c.first_seen.desc(), incidents.c.incident_id)
LATEST_ATTEMPT_FIRST: tuple[sa.ColumnElement[Any], ...] = (
    sa.func.coalesce(incidents.c.started_at, "").desc(),
    incidents.c.attempt.desc(),
    incidents.c.first_seen.desc(),
    incidents.c.incident_id.desc(),
)


def with_standing(connection: sa.Connection, found: Incidents) -> Incidents:
    """Fill in what the incident's own document cannot hold: recurrence, the later attempt, the latest review."""
    recurrences = _recurrences(connection, {incident.fingerprint for incident in found})
    latest = _latest_attempts(connection, {incident.batch_key for incident in found})
    judged = _latest_reviews(connection, {incident.incident_id for incident in found})
    presented = []
    for incident in found:
        last = latest.get(incident.batch_key)
        presented.append(
            msgspec.structs.replace(
                incident,
                recurrence=recurrences.get(incident.fingerprint, incident.recurrence),
                superseded_by=last if last != incident.incident_id else None,
                review=judged.get(incident.incident_id),
            )
        )
    return presented


def _recurrences(connection: sa.Connection, fingerprints: set[str]) -> dict[str, Recurrence]:
    found: dict[str, Recurrence] = {}
    for some in in_portions(sorted(fingerprints)):
        query = (
            sa.select(
                incidents.c.fingerprint,
                sa.func.count().label("count"),
                sa.func.min(incidents.c.first_seen).label("first_seen"),
                sa.func.max(incidents.c.last_seen).label("last_seen"),
            )
            .where(incidents.c.fingerprint.in_(some))
            .group_by(incidents.c.fingerprint)
        )
        for fingerprint, count, first, last in connection.execute(query):
            found[fingerprint] = Recurrence(
                count=count,
                first_seen=datetime.fromisoformat(first),
                last_seen=datetime.fromisoformat(last),
                last_resolution=None,
            )
    return found


def _latest_attempts(connection: sa.Connection, batch_keys: set[str]) -> dict[str, str]:
    """Give each batch's latest incident."""
    latest: dict[str, str] = {}
    for some in in_portions(sorted(batch_keys)):
        query = sa.select(incidents.c.batch_key, incidents.c.incident_id).where(incidents.c.batch_key.in_(some))
        for batch_key, incident_id in connection.execute(query.order_by(*LATEST_ATTEMPT_FIRST)):
            latest.setdefault(batch_key, incident_id)
    return latest


def _latest_reviews(connection: sa.Connection, incident_ids: set[str]) -> dict[str, Review]:
    latest: dict[str, Review] = {}
    for some in in_portions(sorted(incident_ids)):
        query = sa.select(reviews.c.incident_id, reviews.c.document).where(reviews.c.incident_id.in_(some))
        for incident_id, document in connection.execute(query.order_by(reviews.c.number)):
            latest[incident_id] = msgspec.json.decode(document, type=Review)
    return latest


def is_later(later: sa.FromClause, than: sa.FromClause) -> sa.ColumnElement[bool]:
    """Order attempts of one batch by start, then attempt number, then first triage (a re-triage changes nothing)."""

    def place(of: sa.FromClause) -> sa.Tuple:
        return sa.tuple_(sa.func.coalesce(of.c.started_at, ""), of.c.attempt, of.c.first_seen, of.c.incident_id)

    return place(later) > place(than)


def in_portions(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """Cut a list for IN (…): a statement takes a limited number of parameters."""
    return (values[start : start + size] for start in range(0, len(values), size))
