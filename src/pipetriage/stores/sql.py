"""Incidents in a SQL database: SQLite here, PostgreSQL by the same statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from pipetriage.errors import StoreError, TargetError
from pipetriage.model.categories import Category
from pipetriage.model.deliveries import Deliveries
from pipetriage.model.incident import Incident, from_json, to_json
from pipetriage.model.model_memory import ModelMemory
from pipetriage.model.review import Review
from pipetriage.model.tables import same_table, table_name
from pipetriage.model.write_state import WriteState
from pipetriage.stores.comparing import REPEATED, UNSAFE_TO_READ, leaf, not_one, text_of, warned_status
from pipetriage.stores.interface import GrantResult, Incidents
from pipetriage.stores.sql_deliveries import SqlDeliveries
from pipetriage.stores.sql_engine import connect, ensure_schema, our_errors, parse_url, sqlite_file, writing
from pipetriage.stores.sql_memory import SqlMemory
from pipetriage.stores.standing import LATEST_ATTEMPT_FIRST, NEWEST_FIRST, in_portions, is_later, with_standing
from pipetriage.stores.tables import grants, incidents, reviews, revisions, written_tables
from pipetriage.stores.verdict_digest import verdict_digest

# How often a write begins again after another process took the same revision number. SQLite's write lock leaves
# nothing to collide with; PostgreSQL's row lock neither, but for the very first revision of an incident.
_RETRIES = 5


# Named, because inside the class ``list`` is a method.
Conditions = list[sa.ColumnElement[bool]]


class SqlStore:
    """An incident store in one SQL database."""

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine = engine
        self.place = place
        """Where the store is, for a person; without its password."""

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Open a store, making or upgrading its schema where needed. See ``open_store``."""
        parsed = parse_url(url)
        file = sqlite_file(parsed)
        place = str(file) if file else parsed.render_as_string(hide_password=True)
        engine = connect(parsed)
        with our_errors(place):
            ensure_schema(engine, place)
        return cls(engine, place)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def save(self, incident: Incident) -> Incident:
        """See ``IncidentStore.save``."""
        with our_errors(self.place):
            for _ in range(_RETRIES):
                try:
                    with writing(self._engine) as connection:
                        _record(connection, incident)
                        return with_standing(connection, [incident])[0]
                except IntegrityError:
                    continue
        raise StoreError(f"the store {self.place} is too busy to take incident {incident.incident_id}: try again")

    def get(self, reference: str) -> Incident:
        """See ``IncidentStore.get``."""
        with our_errors(self.place), self._engine.begin() as connection:
            ids = _find(connection, reference)
            if len(ids) != 1:
                raise TargetError(not_one(reference, ids))
            return self._load(connection, incidents.c.incident_id == ids[0])[0]

    def history(self, incident_id: str) -> Incidents:
        """See ``IncidentStore.history``."""
        query = sa.select(revisions.c.document).where(revisions.c.incident_id == incident_id)
        with our_errors(self.place), self._engine.begin() as connection:
            documents = connection.scalars(query.order_by(revisions.c.revision)).all()
            return with_standing(connection, [self._decode(document) for document in documents])

    def list(
        self,
        *,
        pipeline: str | None = None,
        category: Category | None = None,
        unsafe_only: bool = False,
        open_only: bool = False,
        reviewed_only: bool = False,
        limit: int | None = 50,
    ) -> Incidents:
        """See ``IncidentStore.list``."""
        wanted: Conditions = []
        if pipeline is not None:
            wanted.append(incidents.c.pipeline_name == pipeline)
        if category is not None:
            wanted.append(incidents.c.category == category.value)
        if unsafe_only:
            wanted.append(incidents.c.safe_to_retry.is_(False))
        if open_only:
            later = incidents.alias("later")
            wanted.append(~sa.exists().where(later.c.batch_key == incidents.c.batch_key, is_later(later, incidents)))
        if reviewed_only:
            wanted.append(sa.exists().where(reviews.c.incident_id == incidents.c.incident_id))
        with our_errors(self.place), self._engine.begin() as connection:
            return self._load(connection, *wanted, limit=limit)

    def incidents_of_batch(self, batch_key: str) -> Incidents:
        """See ``IncidentStore.incidents_of_batch``."""
        with our_errors(self.place), self._engine.begin() as connection:
            return self._load(connection, incidents.c.batch_key == batch_key, order=LATEST_ATTEMPT_FIRST)

    def with_fingerprint(self, fingerprint: str, limit: int) -> Incidents:
        """See ``IncidentStore.with_fingerprint``."""
        with our_errors(self.place), self._engine.begin() as connection:
            return self._load(connection, incidents.c.fingerprint == fingerprint, limit=limit)

    def unsafe_readers(self, table: str) -> Incidents:
        """See ``IncidentStore.unsafe_readers``."""
        name = table_name(table)
        query = sa.select(written_tables.c.incident_id, written_tables.c.name).where(
            written_tables.c.leaf == leaf(name),
            written_tables.c.status.in_([*(status.value for status in UNSAFE_TO_READ), REPEATED]),
        )
        later = incidents.alias("later")
        superseded = sa.exists().where(later.c.batch_key == incidents.c.batch_key, is_later(later, incidents))
        with our_errors(self.place), self._engine.begin() as connection:
            ids = {row.incident_id for row in connection.execute(query) if same_table(row.name, name)}
            found = [
                incident
                for some in in_portions(sorted(ids))
                for incident in self._load(connection, incidents.c.incident_id.in_(some), ~superseded)
            ]
        return sorted(found, key=lambda incident: incident.created_at, reverse=True)

    def grant_retry(self, incident_id: str, job_run_id: str, granted_at: datetime, by: str) -> GrantResult:
        """See ``IncidentStore.grant_retry``."""
        asked = {
            "incident_id": incident_id,
            "job_run_id": job_run_id,
            "granted_at": text_of(granted_at),
            "granted_to": by,
        }
        earlier = sa.select(grants).where(grants.c.incident_id == incident_id)
        with our_errors(self.place):
            try:
                with writing(self._engine) as connection:
                    row = connection.execute(earlier).one_or_none()
                    if row is None:
                        connection.execute(grants.insert(), asked)
                        return GrantResult(granted=True, granted_at=granted_at, granted_to=by)
            except IntegrityError:
                # PostgreSQL only: another process granted it between the question and the insert.
                with self._engine.begin() as connection:
                    row = connection.execute(earlier).one()
        return GrantResult(granted=False, granted_at=datetime.fromisoformat(row.granted_at), granted_to=row.granted_to)

    def add_review(self, incident_id: str, review: Review) -> Incident:
        """See ``IncidentStore.add_review``."""
        count = sa.select(sa.func.count()).where(reviews.c.incident_id == incident_id)
        row = {"incident_id": incident_id, "reviewed_at": text_of(review.reviewed_at)}
        row["document"] = msgspec.json.encode(review).decode()
        with our_errors(self.place):
            for _ in range(_RETRIES):
                try:
                    with writing(self._engine) as connection:
                        known = self._load(connection, incidents.c.incident_id == incident_id)
                        if not known:
                            raise TargetError(not_one(incident_id, []))
                        connection.execute(reviews.insert(), {**row, "number": connection.scalar(count)})
                        return with_standing(connection, known)[0]
                except IntegrityError:
                    # PostgreSQL only: another review took the same number.
                    continue
        raise StoreError(f"the store {self.place} is too busy to take a review of {incident_id}: try again")

    def model_memory(self) -> ModelMemory:
        """See ``IncidentStore.model_memory``."""
        return SqlMemory(self._engine, self.place)

    def deliveries(self) -> Deliveries:
        """See ``IncidentStore.deliveries``."""
        return SqlDeliveries(self._engine, self.place)

    def _load(
        self,
        connection: sa.Connection,
        *conditions: sa.ColumnElement[bool],
        order: Sequence[sa.ColumnElement[Any]] | None = None,
        limit: int | None = None,
    ) -> Incidents:
        latest = sa.and_(
            revisions.c.incident_id == incidents.c.incident_id, revisions.c.revision == incidents.c.revision
        )
        query = sa.select(revisions.c.document).join_from(incidents, revisions, latest).where(*conditions)
        query = query.order_by(*(order or NEWEST_FIRST)).limit(limit)
        documents = connection.scalars(query).all()
        return with_standing(connection, [self._decode(document) for document in documents])

    def _decode(self, document: str) -> Incident:
        try:
            return from_json(document.encode())
        except (msgspec.DecodeError, ValueError) as error:
            raise StoreError(
                f"the store {self.place} holds an incident that this version cannot read ({error}): "
                "use the pipetriage that wrote it, or another store with --store FILE"
            ) from error


def _record(connection: sa.Connection, incident: Incident) -> None:
    """Write one triage: a new incident, a new revision, or one more look at the same verdict."""
    mine = incidents.c.incident_id == incident.incident_id
    seen, digest = text_of(incident.created_at), verdict_digest(incident)
    known = connection.execute(sa.select(incidents).where(mine).with_for_update()).one_or_none()
    if known is not None:
        ends = {
            "triages": known.triages + 1,
            "first_seen": min(known.first_seen, seen),
            "last_seen": max(known.last_seen, seen),
        }
        if known.verdict == digest:
            connection.execute(incidents.update().where(mine).values(ends))
            return
    else:
        ends = {"triages": 1, "first_seen": seen, "last_seen": seen}
    number = known.revision + 1 if known is not None else 1
    now = {**_head(incident), **ends, "verdict": digest, "revision": number}
    if known is None:
        connection.execute(incidents.insert().values(now))
    else:
        connection.execute(incidents.update().where(mine).values(now))
    # What the store computes at reading is not kept: it would be stale.
    kept = msgspec.structs.replace(incident, superseded_by=None, review=None)
    row = {
        "incident_id": incident.incident_id,
        "revision": number,
        "created_at": seen,
        "document": to_json(kept).decode(),
    }
    connection.execute(revisions.insert().values(row))
    connection.execute(written_tables.delete().where(written_tables.c.incident_id == incident.incident_id))
    if incident.write_state:
        connection.execute(written_tables.insert(), [_written(incident, one) for one in incident.write_state])


def _head(incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": incident.incident_id,
        "job_run_id": incident.job_run_id,
        "pipeline_name": incident.pipeline_name,
        "category": incident.failure_category.value,
        "fingerprint": incident.fingerprint,
        "batch_key": incident.batch_key,
        "safe_to_retry": incident.safe_to_retry,
        "started_at": text_of(incident.started_at) if incident.started_at else None,
        "attempt": incident.attempt,
    }


def _written(incident: Incident, state: WriteState) -> dict[str, str]:
    name = table_name(state.table)
    status = warned_status(state, incident.attempt) or state.status.value
    return {"incident_id": incident.incident_id, "leaf": leaf(name), "name": name, "status": status}


def _find(connection: sa.Connection, reference: str) -> list[str]:
    """Give the ids of the incidents that a reference names; an exact id or run id beats a prefix."""
    column = incidents.c.incident_id
    conditions = (
        column == reference,
        incidents.c.job_run_id == reference,
        column.startswith(reference, autoescape=True),
    )
    for condition in conditions if reference else ():
        found = connection.scalars(sa.select(column).where(condition).order_by(column).limit(6)).all()
        if found:
            return list(found)
    return []
