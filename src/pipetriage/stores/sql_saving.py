"""Writing incidents and reviews into a SQL store, and keeping what is derived from them in step, in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from pipetriage.model.archive import Standing
from pipetriage.model.evidence import Evidence
from pipetriage.model.incident import Incident, from_json, to_json
from pipetriage.model.review import Review
from pipetriage.model.tables import table_name
from pipetriage.model.write_state import WriteState
from pipetriage.stores.comparing import leaf, text_of, warned_status
from pipetriage.stores.day_sums import day_sums
from pipetriage.stores.headings import columns_of, columns_of_review, judged_of, storable, text_of_struct
from pipetriage.stores.packing import pack, unpack
from pipetriage.stores.tables import (
    alike_words,
    audit,
    days,
    evidence,
    failure_words,
    failures,
    incidents,
    names,
    reviews,
    revisions,
    words,
    written_tables,
)
from pipetriage.stores.verdict_digest import verdict_digest
from pipetriage.stores.words import failure_words as words_of_failure
from pipetriage.stores.words import search_words

LATEST_ATTEMPT_FIRST: tuple[sa.ColumnElement[Any], ...] = (
    sa.func.coalesce(incidents.c.started_at, "").desc(),
    incidents.c.attempt.desc(),
    incidents.c.first_seen.desc(),
    incidents.c.incident_id.desc(),
)
"""Attempts of one batch by start, then attempt number, then first triage (a re-triage changes nothing)."""


def record(connection: sa.Connection, incident: Incident) -> None:
    """Write one triage: a new incident, a new revision, or one more look at the same verdict."""
    lock_batch(connection, incident.batch_key)
    mine = incidents.c.incident_id == incident.incident_id
    seen, digest = text_of(incident.created_at), verdict_digest(incident)
    known = connection.execute(sa.select(incidents).where(mine).with_for_update()).one_or_none()
    if known is not None and known.verdict == digest:
        again = {**_looked(known, seen), "as_of": text_of(incident.as_of)}
        connection.execute(incidents.update().where(mine).values(again))
        _failure_seen_again(connection, known.fingerprint, again["last_seen"])
        return
    columns = columns_of(incident)
    if known is None:
        head = {**columns, "triages": 1, "first_seen": seen, "last_seen": seen, "verdict": digest, "revision": 1}
        connection.execute(incidents.insert().values({**head, "standing": Standing.OPEN}))
    else:
        head = {**columns, **_looked(known, seen), "verdict": digest, "revision": known.revision + 1}
        closed = _closed_since(connection, known, seen)
        connection.execute(incidents.update().where(mine).values({**head, "settled": head["settled"] or closed}))
    _keep_document(connection, incident, head["revision"], seen)
    keep_found_by(connection, incident)
    count_failure(connection, incident, head, known)
    count_days(connection, day_sums(head, incident if known is None else None, 1))
    if known is not None:
        count_days(connection, day_sums(dict(known._mapping), None, -1))
    for key in {incident.batch_key, known.batch_key if known is not None else incident.batch_key}:
        stand(connection, key)


def record_review(connection: sa.Connection, incident: Incident, review: Review) -> None:
    """Add a review of an incident as it is now, and a line to the audit log."""
    lock_batch(connection, incident.batch_key)
    mine = incidents.c.incident_id == incident.incident_id
    head = connection.execute(sa.select(incidents).where(mine).with_for_update()).one()
    number = connection.scalar(
        sa.select(sa.func.count()).select_from(reviews).where(reviews.c.incident_id == incident.incident_id)
    )
    judged = judged_of(incident, head.first_seen)
    row = {
        "incident_id": incident.incident_id,
        "number": number,
        "reviewed_at": text_of(review.reviewed_at),
        "document": text_of_struct(review),
        "judged": text_of_struct(judged),
    }
    connection.execute(reviews.insert().values(row))
    line = {"at": row["reviewed_at"], "who": storable(review.by), "what": "review", "about": incident.incident_id}
    connection.execute(audit.insert().values(line))
    settled = columns_of(incident)["settled"] or (review.closed and review.reviewed_at >= incident.created_at)
    now = {**columns_of_review(number or 0, review, judged), "settled": settled}
    connection.execute(incidents.update().where(mine).values(now))
    failure_ended(connection, head.fingerprint, text_of(review.reviewed_at), text_of_struct(review))
    stand(connection, incident.batch_key)


def lock_batch(connection: sa.Connection, batch_key: str) -> None:
    """Have whoever else writes of the same batch wait: its incidents change one another's standing."""
    if connection.dialect.name == "postgresql":  # SQLite's writers wait for each other anyway
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 7216))"), {"key": batch_key})


def stand(connection: sa.Connection, batch_key: str) -> None:
    """Say of each incident of a batch how it stands, where that has changed."""
    query = sa.select(incidents.c.incident_id, incidents.c.settled, incidents.c.standing)
    rows = connection.execute(query.where(incidents.c.batch_key == batch_key).order_by(*LATEST_ATTEMPT_FIRST)).all()
    for place, row in enumerate(rows):
        latest = Standing.SETTLED if row.settled else Standing.OPEN
        standing = latest if place == 0 else Standing.SUPERSEDED
        if row.standing != standing:
            mine = incidents.c.incident_id == row.incident_id
            connection.execute(incidents.update().where(mine).values(standing=standing.value))


def count_days(connection: sa.Connection, sums: Sequence[Mapping[str, Any]]) -> None:
    """Add to the sums of days, in an order that is the same for everybody."""
    for one in sums:
        statement = insert_into(connection, days).values(one)
        added = {
            name: days.c[name] + statement.excluded[name]
            for name in ("incidents", "unsafe", "delays", "delay_seconds", "machine_seconds", "cost_usd")
        }
        keys = [days.c.dimension, days.c.day, days.c.name]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=added))
        if one["dimension"] in ("pipeline", "owner"):
            kept = {"dimension": one["dimension"], "name": one["name"]}
            connection.execute(insert_into(connection, names).values(kept).on_conflict_do_nothing())


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """Give an INSERT that can say what is to be done where the row is there."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def whole(document: str, packed: bytes | None) -> Incident:
    """Put an incident together again.

    Raises:
        msgspec.DecodeError: this version cannot read it.
    """
    incident = from_json(document.encode())
    if packed is None:
        return incident
    return msgspec.structs.replace(incident, evidence=msgspec.json.decode(unpack(packed), type=list[Evidence]))


def _looked(known: Any, seen: str) -> dict[str, Any]:
    return {
        "triages": known.triages + 1,
        "first_seen": min(known.first_seen, seen),
        "last_seen": max(known.last_seen, seen),
    }


def _closed_since(connection: sa.Connection, known: Any, seen: str) -> bool:
    """Whether a person has closed the incident after the verdict of that moment."""
    if known.review_number is None or known.reviewed_at < seen:
        return False
    latest = sa.and_(reviews.c.incident_id == known.incident_id, reviews.c.number == known.review_number)
    document = connection.scalar(sa.select(reviews.c.document).where(latest))
    return document is not None and msgspec.json.decode(document, type=Review).closed


def _keep_document(connection: sa.Connection, incident: Incident, number: int, seen: str) -> None:
    # What the store computes at reading is not kept: it would be stale.
    kept = msgspec.structs.replace(incident, superseded_by=None, review=None, evidence=[])
    row = {"incident_id": incident.incident_id, "revision": number}
    document = {**row, "created_at": seen, "document": to_json(kept).decode()}
    connection.execute(revisions.insert().values(document))
    if incident.evidence:
        connection.execute(evidence.insert().values({**row, "data": pack(msgspec.json.encode(incident.evidence))}))


def keep_found_by(connection: sa.Connection, incident: Incident) -> None:
    """Keep what an incident is found by: its words, and the tables that it wrote."""
    mine, text = words.c.incident_id == incident.incident_id, search_words(incident)
    changed = connection.execute(words.update().where(mine).values(words=text))
    if not changed.rowcount:
        connection.execute(words.insert().values(incident_id=incident.incident_id, words=text))
    connection.execute(written_tables.delete().where(written_tables.c.incident_id == incident.incident_id))
    if incident.write_state:
        connection.execute(written_tables.insert(), [_written(incident, one) for one in incident.write_state])


def _written(incident: Incident, state: WriteState) -> dict[str, str]:
    name = storable(table_name(state.table))
    status = warned_status(state, incident.attempt) or state.status.value
    return {"incident_id": incident.incident_id, "leaf": leaf(name), "name": name, "status": status}


def count_failure(connection: sa.Connection, incident: Incident, head: Mapping[str, Any], known: Any) -> None:
    """Count an incident under its failure; a re-triage may have moved it from that of ``known``, its row before."""
    if known is not None and known.fingerprint == incident.fingerprint:
        _failure_seen_again(connection, incident.fingerprint, head["last_seen"])
        return
    statement = insert_into(connection, failures).values(
        fingerprint=incident.fingerprint,
        seen=1,
        first_seen=head["first_seen"],
        last_seen=head["last_seen"],
        latest=incident.incident_id,
    )
    new = statement.excluded
    grown = {
        "seen": failures.c.seen + 1,
        "first_seen": sa.case((new.first_seen < failures.c.first_seen, new.first_seen), else_=failures.c.first_seen),
        "last_seen": sa.case((new.last_seen > failures.c.last_seen, new.last_seen), else_=failures.c.last_seen),
        "latest": new.latest,
    }
    connection.execute(statement.on_conflict_do_update(index_elements=[failures.c.fingerprint], set_=grown))
    times = sa.select(failures.c.seen).where(failures.c.fingerprint == incident.fingerprint)
    if connection.scalar(times) == 1:
        _keep_alike(connection, incident.fingerprint, words_of_failure(incident))
    if known is not None:
        _recount_failure(connection, known.fingerprint)


def _keep_alike(connection: sa.Connection, fingerprint: str, found: Sequence[str]) -> None:
    """Keep the words by which a new failure is alike to others."""
    if not found:
        return
    connection.execute(failure_words.insert(), [{"word": word, "fingerprint": fingerprint} for word in found])
    # In an order that is the same for everybody, so that no two wait for each other.
    for word in sorted(found):
        statement = insert_into(connection, alike_words).values(word=word, failures=1)
        more = {"failures": alike_words.c.failures + 1}
        connection.execute(statement.on_conflict_do_update(index_elements=[alike_words.c.word], set_=more))


def _forget_alike(connection: sa.Connection, fingerprint: str) -> None:
    mine = failure_words.c.fingerprint == fingerprint
    for word in sorted(connection.scalars(sa.select(failure_words.c.word).where(mine))):
        less = {"failures": alike_words.c.failures - 1}
        connection.execute(alike_words.update().where(alike_words.c.word == word).values(less))
    connection.execute(failure_words.delete().where(mine))


def _recount_failure(connection: sa.Connection, fingerprint: str) -> None:
    """Count a failure anew that an incident has left."""
    query = sa.select(
        sa.func.count().label("seen"),
        sa.func.min(incidents.c.first_seen).label("first_seen"),
        sa.func.max(incidents.c.last_seen).label("last_seen"),
    ).where(incidents.c.fingerprint == fingerprint)
    left = connection.execute(query).one()
    mine = failures.c.fingerprint == fingerprint
    if not left.seen:
        connection.execute(failures.delete().where(mine))
        _forget_alike(connection, fingerprint)
        return
    newest = sa.select(incidents.c.incident_id).where(incidents.c.fingerprint == fingerprint)
    latest = connection.scalar(newest.order_by(incidents.c.first_seen.desc(), incidents.c.incident_id.desc()).limit(1))
    connection.execute(failures.update().where(mine).values({**left._mapping, "latest": latest}))


def _failure_seen_again(connection: sa.Connection, fingerprint: str, last_seen: str) -> None:
    mine = sa.and_(failures.c.fingerprint == fingerprint, failures.c.last_seen < last_seen)
    connection.execute(failures.update().where(mine).values(last_seen=last_seen))


def failure_ended(connection: sa.Connection, fingerprint: str, at: str, document: str) -> None:
    """Keep a review as how a failure ended, unless a later one is kept."""
    mine = sa.and_(
        failures.c.fingerprint == fingerprint, sa.or_(failures.c.ended_at.is_(None), failures.c.ended_at <= at)
    )
    connection.execute(failures.update().where(mine).values(ended_at=at, ended=document))
