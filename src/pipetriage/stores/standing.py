"""How an incident stands among the others: what recurs, and which attempt of a batch is the latest."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from pipetriage.model.incident import Recurrence
from pipetriage.model.review import Review
from pipetriage.stores.interface import Incidents
from pipetriage.stores.sql_saving import LATEST_ATTEMPT_FIRST
from pipetriage.stores.tables import failures, incidents, reviews

NEWEST_FIRST: tuple[sa.ColumnElement[Any], ...] = (incidents.c.first_seen.desc(), incidents.c.incident_id)


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
        for row in connection.execute(sa.select(failures).where(failures.c.fingerprint.in_(some))):
            found[row.fingerprint] = Recurrence(
                count=row.seen,
                first_seen=datetime.fromisoformat(row.first_seen),
                last_seen=datetime.fromisoformat(row.last_seen),
                last_resolution=_resolution(row.ended),
            )
    return found


def _resolution(ended: str | None) -> str | None:
    """Say how the failure ended the last time that a person said so."""
    if ended is None:
        return None
    review = msgspec.json.decode(ended, type=Review)
    return review.done or review.note or f"{review.failure_category}, by {review.by}"


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


def in_portions(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """Cut a list for IN (…): a statement takes a limited number of parameters."""
    return (values[start : start + size] for start in range(0, len(values), size))
