"""Stores that earlier versions really left behind (``left_by/``), opened by this one."""

import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from pipetriage.model.archive import Wanted
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident, from_json
from pipetriage.model.model_memory import Amount
from pipetriage.stores import IncidentStore, open_store
from pipetriage.stores.tables import HEAD, VERSION_TABLE
from tests.stores.conftest import empty_store

LEFT_BY = Path(__file__).parent / "left_by"
VERSIONS = sorted(one.stem for one in LEFT_BY.glob("*.sql"))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session", params=VERSIONS)
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file as a version left it; not to be written to."""
    file: Path = tmp_path_factory.mktemp("left") / f"{request.param}.db"
    connection = sqlite3.connect(file)
    connection.executescript((LEFT_BY / f"{request.param}.sql").read_text(encoding="utf-8"))
    connection.close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def upgraded(request: pytest.FixtureRequest, left: Path, tmp_path: Path) -> IncidentStore:
    """Open the same store in a database of each kind."""
    if request.param == "sqlite":
        file = tmp_path / "store.db"
        file.write_bytes(left.read_bytes())
        return open_store(str(file))
    url = empty_store(request, tmp_path)
    carry_over(left, url)
    return open_store(url)


def carry_over(left: Path, url: str) -> None:
    """Make the schema of that version in PostgreSQL, and put its rows into it."""
    config = Config()
    config.set_main_option("script_location", "pipetriage.stores:migrations")
    there, here = sa.create_engine(f"sqlite:///{left}"), sa.create_engine(url)
    with there.begin() as old, here.begin() as new:
        config.attributes["connection"] = new
        command.upgrade(config, left.stem)
        metadata = sa.MetaData()
        metadata.reflect(new)
        for table in metadata.sorted_tables:
            rows = old.exec_driver_sql(f"SELECT * FROM {table.name}").mappings().all()  # noqa: S608 - our own names
            truths = [column.name for column in table.c if isinstance(column.type, sa.Boolean)]
            if rows and table.name != VERSION_TABLE:
                new.execute(table.insert(), [{**row, **{one: bool(row[one]) for one in truths}} for row in rows])
            _count_on(new, table)
    there.dispose()
    here.dispose()


def _count_on(new: sa.Connection, table: sa.Table) -> None:
    for column in table.primary_key:
        sequence = new.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
        last = new.scalar(sa.select(sa.func.max(column))) if sequence else None
        if last:
            new.execute(sa.select(sa.func.setval(sequence, last)))


def rows_of(left: Path, query: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(left)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_there_is_one_of_every_version_before_this() -> None:
    assert [f"{number:04}" for number in range(1, int(HEAD))] == VERSIONS


def test_every_incident_is_whole_with_all_that_was_ever_said(upgraded: IncidentStore, left: Path) -> None:
    said = rows_of(left, "SELECT incident_id, document FROM pipetriage_revision ORDER BY incident_id, revision")

    assert {one.incident_id for one in upgraded.list()} == {incident_id for incident_id, _ in said}
    assert len(said) == 5
    for incident_id in {one for one, _ in said}:
        history = upgraded.history(incident_id)
        documents = [from_json(document.encode()) for one, document in said if one == incident_id]
        assert [said_by(one) for one in history] == [said_by(one) for one in documents]
        assert upgraded.get(incident_id).evidence == documents[-1].evidence != []


def test_what_this_version_asks_is_answered_of_old_incidents_too(upgraded: IncidentStore) -> None:
    archive = upgraded.archive()
    (drift,) = archive.page(Wanted(category=Category.SCHEMA_DRIFT)).headings
    whole = upgraded.get(drift.incident_id)

    assert whole.likely_root_cause.startswith(drift.likely_root_cause)
    assert drift.as_of == whole.as_of
    assert [one.incident_id for one in archive.page(Wanted(words=whole.pipeline_name)).headings] == [drift.incident_id]
    assert [one.incident_id for one in archive.page(Wanted(words=drift.job_run_id[:6])).headings] == [drift.incident_id]
    trends = archive.trends(date(2020, 1, 1))
    assert trends.incidents == 4
    assert sum(count.incidents for day in trends.days for count in day.counts) == 4
    assert drift.pipeline_name in archive.names()[0]
    again = upgraded.save(_of_another_batch(upgraded, drift.incident_id))
    assert again.recurrence.count == 2
    assert archive.similar(again.incident_id)[0].heading.incident_id == drift.incident_id


def test_reviews_are_held_against_what_they_were_about(upgraded: IncidentStore, left: Path) -> None:
    (drift,) = upgraded.list(category=Category.SCHEMA_DRIFT)
    judgements = {one.judged.failure_category: one for one in upgraded.archive().judgements(LONG_AGO)}

    if left.stem == "0001":
        assert judgements == {}
        assert upgraded.reviews(drift.incident_id) == []
        return
    assert [one.by for one in upgraded.reviews(drift.incident_id)] == ["bob", "ada"]
    assert set(judgements) == {Category.SCHEMA_DRIFT, Category.DATA_SKEW}
    assert judgements[Category.SCHEMA_DRIFT].review.by == "bob"
    assert judgements[Category.DATA_SKEW].review.failure_category is Category.UNKNOWN
    heading = upgraded.archive().heading(drift.incident_id)
    assert heading is not None
    assert (heading.reviewed_by, heading.agreed) == ("bob", True)


def test_what_models_cost_and_who_is_to_be_told_goes_on(upgraded: IncidentStore, left: Path) -> None:
    day, at = date(2026, 11, 23), datetime(2026, 11, 23, tzinfo=UTC)
    memory, log = upgraded.model_memory(), upgraded.deliveries().log(limit=10)

    assert memory.spent(day) == (Amount(tokens=500, micro_usd=40) if left.stem >= "0003" else Amount())
    assert memory.recall("answered", not_before=at) == (b"an answer" if left.stem >= "0003" else None)
    later = datetime(2030, 1, 1, tzinfo=UTC)
    claimed = upgraded.deliveries().claim(later, later + timedelta(minutes=1), 10)
    assert len(log) == (5 if left.stem >= "0004" else 0)
    assert {one.topic for one in claimed} == {one.topic for one in log}, "of each thread the first that waits"


def test_what_this_version_cannot_read_stays_listed_and_the_rest_is_upgraded(left: Path, tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(left.read_bytes())
    with sqlite3.connect(file) as connection:
        connection.execute('UPDATE pipetriage_revision SET document = \'{"from": "elsewhere"}\' WHERE rowid = 3')
        (odd,) = connection.execute("SELECT incident_id FROM pipetriage_revision WHERE rowid = 3").fetchone()
    connection.close()

    headings = open_store(str(file)).archive().page(Wanted()).headings

    assert len(headings) == 4
    assert odd in {one.incident_id for one in headings}


def said_by(incident: Incident) -> tuple[object, ...]:
    """Give what was said at the time: how often it came again, and who reviewed it, are as of now."""
    one = incident
    return one.created_at, one.failure_category, one.safe_to_retry, one.likely_root_cause, one.confidence, one.evidence


def _of_another_batch(store: IncidentStore, incident_id: str) -> Incident:
    one = store.get(incident_id)
    other = {"incident_id": "inc_another", "job_run_id": "jr_another", "batch_id": "another", "batch_key": "another"}
    return msgspec.structs.replace(one, **other, created_at=datetime.now(UTC))
