"""Incidents in a SQL database: SQLite here, PostgreSQL by the same statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from pipetriage.errors import StoreError, TargetError
from pipetriage.model.access import Access
from pipetriage.model.archive import Archive, Standing
from pipetriage.model.categories import Category
from pipetriage.model.deliveries import Deliveries
from pipetriage.model.incident import Incident
from pipetriage.model.model_memory import ModelMemory
from pipetriage.model.review import Review
from pipetriage.model.tables import same_table, table_name
from pipetriage.stores.comparing import REPEATED, UNSAFE_TO_READ, leaf, not_one, text_of
from pipetriage.stores.interface import GrantResult, Incidents, Reviews
from pipetriage.stores.sql_access import SqlAccess
from pipetriage.stores.sql_archive import SqlArchive
from pipetriage.stores.sql_deliveries import SqlDeliveries
from pipetriage.stores.sql_engine import connect, ensure_schema, our_errors, parse_url, sqlite_file, writing
from pipetriage.stores.sql_memory import SqlMemory
from pipetriage.stores.sql_saving import LATEST_ATTEMPT_FIRST, record, record_review, whole
from pipetriage.stores.standing import NEWEST_FIRST, in_portions, with_standing
from pipetriage.stores.tables import evidence, grants, incidents, reviews, revisions, written_tables

# How often a write begins again after another process took the same revision number. SQLite's write lock leaves
# nothing to collide with; PostgreSQL's row lock neither, but for the very first revision of an incident.
_RETRIES = 5


# Named, because inside the class ``list`` is a method.
Conditions = list[sa.ColumnElement[bool]]

_MINE = sa.and_(evidence.c.incident_id == revisions.c.incident_id, evidence.c.revision == revisions.c.revision)
_WHOLE = sa.select(revisions.c.document, evidence.c.data).join_from(revisions, evidence, _MINE, isouter=True)
_NOT_SUPERSEDED = incidents.c.standing != Standing.SUPERSEDED.value


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
                        record(connection, incident)
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
        query = _WHOLE.where(revisions.c.incident_id == incident_id).order_by(revisions.c.revision)
        with our_errors(self.place), self._engine.begin() as connection:
            rows = connection.execute(query).all()
            return with_standing(connection, [self._decode(row) for row in rows])

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
            wanted.append(_NOT_SUPERSEDED)
        if reviewed_only:
            wanted.append(incidents.c.review_number.is_not(None))
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
        with our_errors(self.place), self._engine.begin() as connection:
            ids = {row.incident_id for row in connection.execute(query) if same_table(row.name, name)}
            found = [
                incident
                for some in in_portions(sorted(ids))
                for incident in self._load(connection, incidents.c.incident_id.in_(some), _NOT_SUPERSEDED)
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

    def granted_retry(self, incident_id: str) -> GrantResult | None:
        """See ``IncidentStore.granted_retry``."""
        with our_errors(self.place), self._engine.begin() as connection:
            row = connection.execute(sa.select(grants).where(grants.c.incident_id == incident_id)).one_or_none()
        if row is None:
            return None
        return GrantResult(granted=False, granted_at=datetime.fromisoformat(row.granted_at), granted_to=row.granted_to)

    def add_review(self, incident_id: str, review: Review) -> Incident:
        """See ``IncidentStore.add_review``."""
        with our_errors(self.place):
            for _ in range(_RETRIES):
                try:
                    with writing(self._engine) as connection:
                        known = self._load(connection, incidents.c.incident_id == incident_id)
                        if not known:
                            raise TargetError(not_one(incident_id, []))
                        record_review(connection, known[0], review)
                        return with_standing(connection, known)[0]
                except IntegrityError:
                    # PostgreSQL only: another review took the same number.
                    continue
        raise StoreError(f"the store {self.place} is too busy to take a review of {incident_id}: try again")

    def reviews(self, incident_id: str) -> Reviews:
        """See ``IncidentStore.reviews``."""
        query = sa.select(reviews.c.document).where(reviews.c.incident_id == incident_id)
        with our_errors(self.place), self._engine.begin() as connection:
            documents = connection.scalars(query.order_by(reviews.c.number.desc())).all()
            return [msgspec.json.decode(document, type=Review) for document in documents]

    def archive(self) -> Archive:
        """See ``IncidentStore.archive``."""
        return SqlArchive(self._engine, self.place)

    def access(self) -> Access:
        """See ``IncidentStore.access``."""
        return SqlAccess(self._engine, self.place)

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
        query = _WHOLE.join(incidents, latest).where(*conditions).order_by(*(order or NEWEST_FIRST)).limit(limit)
        rows = connection.execute(query).all()
        return with_standing(connection, [self._decode(row) for row in rows])

    def _decode(self, row: Any) -> Incident:
        try:
            return whole(row.document, row.data)
        except (msgspec.DecodeError, ValueError) as error:
            raise StoreError(
                f"the store {self.place} holds an incident that this version cannot read ({error}): "
                "use the pipetriage that wrote it, or another store with --store FILE"
            ) from error


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
