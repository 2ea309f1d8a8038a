"""Control rows in SQL databases: a real SQLite file, and a real PostgreSQL server where there is one."""

import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_control
from pipetriage.errors import SourceError
from pipetriage.model.pipeline import Control, ControlColumns
from pipetriage.sources import control_database
from pipetriage.sources.control_database import _bound, _connected, _engine, _url
from pipetriage.sources.control_table import control_rows
from pipetriage.sources.local_files import Answer
from tests.emulated.postgres import PASSWORD, Server, postgres_server


def _read(declared: Control, base: Path = Path(), **more: Any) -> Answer:
    return control_rows(None, declared, base, **more)


# SQLite


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "control.db") as connection:
        connection.execute(
            "CREATE TABLE loads (batch_id TEXT, job_run_id TEXT, status TEXT, records INT, updated_at DATETIME, note)"
        )
        for day in (3, 1, 2):
            row = (f"2026-11-0{day}", f"jr_{day}", "SUCCESS", day, f"2026-11-0{day} 02:00:00", "not asked for")
            connection.execute("INSERT INTO loads VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute('CREATE TABLE "odd table" ("Batch" TEXT, "run id; --" TEXT, "order" TEXT)')
        connection.execute("INSERT INTO \"odd table\" VALUES ('b1', 'jr_1', '2026-11-01')")
    connection.close()
    return tmp_path


LITE = Control(location="sqlite:///control.db", table="loads")


def test_rows_are_plain_and_oldest_first(folder: Path) -> None:
    answer = _read(LITE, folder)
    assert answer.complete
    assert answer.locator == "sqlite:///control.db, table loads"
    assert [row["batch_id"] for row in answer.payload] == ["2026-11-01", "2026-11-02", "2026-11-03"]
    assert list(answer.payload[0]) == ["batch_id", "job_run_id", "status", "records", "updated_at"]
    rows = read_control(msgspec.json.decode(msgspec.json.encode(answer.payload)), LITE, Redactor())
    assert (rows[0].status, rows[0].records) == ("succeeded", 1)
    assert rows[0].updated_at is not None


def test_any_name_is_quoted(folder: Path) -> None:
    columns = ControlColumns(batch_id="BATCH", job_run_id="run id; --", updated_at="order")
    answer = _read(Control(location=LITE.location, table="odd table", columns=columns), folder)
    assert answer.payload == [{"BATCH": "b1", "run id; --": "jr_1", "order": "2026-11-01"}]
    for name in ('loads"; DROP TABLE loads; --', "loads; DROP TABLE loads", "(SELECT 1)", "no.such"):
        with pytest.raises(SourceError, match=r"no such table|unknown database"):
            _read(Control(location=LITE.location, table=name), folder)
    assert len(_read(LITE, folder).payload) == 3


def test_the_newest_rows_and_those_of_the_batch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_database, "MAX_CONTROL_ROWS", 1)

    def read(*batches: str, declared: Control = LITE) -> tuple[list[str], bool]:
        answer = _read(declared, folder, batches=batches)
        return [row["batch_id"] for row in answer.payload], answer.complete

    assert read() == (["2026-11-03"], False)
    assert read("2026-11-03") == (["2026-11-03"], True)
    assert read("2026-11-01") == (["2026-11-01", "2026-11-03"], True)
    assert read("2026-12-31") == (["2026-11-03"], False)
    # Without a time, which rows are the newest is not known.
    untimed = msgspec.structs.replace(LITE, columns=ControlColumns(updated_at="nothing"))
    assert read("2026-11-01", declared=untimed)[1] is False


def test_rows_without_a_time_are_the_oldest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(folder / "control.db") as connection:
        connection.execute("INSERT INTO loads (batch_id) VALUES ('untimed')")
    connection.close()
    assert _read(LITE, folder).payload[0]["batch_id"] == "untimed"
    monkeypatch.setattr(control_database, "MAX_CONTROL_ROWS", 3)
    assert _read(LITE, folder).payload[0]["batch_id"] == "2026-11-01"


def test_a_shared_table_s_rows_of_this_pipeline_only(folder: Path) -> None:
    answer = _read(LITE, folder, only={"note": "not asked for", "batch_id": "2026-11-02"})
    assert [row["job_run_id"] for row in answer.payload] == ["jr_2"]
    assert _read(LITE, folder, only={"note": "x' OR '1'='1"}).payload == []
    with pytest.raises(SourceError, match="no column pipeline"):
        _read(LITE, folder, only={"pipeline": "orders"})


def test_nothing_is_written_or_made(folder: Path) -> None:
    engine = _engine(_url("sqlite:///control.db"), folder, "")
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.exec_driver_sql("DELETE FROM loads")
    with pytest.raises(SourceError, match=r"no database file other\.db"):
        _read(msgspec.structs.replace(LITE, location="sqlite:///other.db"), folder)
    assert [path.name for path in folder.iterdir()] == ["control.db"]
    for location in ("sqlite://", "sqlite:///:memory:", "sqlite:///file:control.db?mode=rwc&uri=true"):
        with pytest.raises(SourceError, match="no SQLite file"):
            _read(msgspec.structs.replace(LITE, location=location), folder)


def test_what_cannot_be_read(folder: Path) -> None:
    columns = ControlColumns(*["nothing"] * 8)
    with pytest.raises(SourceError, match=r"none of the columns.*declare control.columns"):
        _read(msgspec.structs.replace(LITE, columns=columns), folder)
    (folder / "control.db").write_bytes(b"no database")
    with pytest.raises(SourceError, match="file is not a database"):
        _read(LITE, folder)


@pytest.mark.parametrize(
    "location",
    [
        "nosuch://u:{}@h/d",
        "postgresql+nosuch://u:{}@h/d",
        "u:{}",
        "oracle+cx_oracle://u:{}@h/d",
        "h:{}://@",
        "x://u:{}@h:port/d",
    ],
)
def test_no_message_holds_the_password(location: str) -> None:
    with pytest.raises(SourceError) as caught:
        _read(Control(location=location.format("hunter2"), table="loads"))
    said, cause = str(caught.value), caught.value.__cause__
    assert "hunter2" not in said + repr(cause)


def test_a_driver_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(SourceError, match="pip install pymysql"):
        _read(Control(location="mysql+pymysql://u:x@h/d", table="loads"))
    with pytest.raises(SourceError, match="sqlalchemy-redshift"):
        _read(Control(location="redshift://u:x@h/d", table="loads"))


# PostgreSQL


SETUP = """
CREATE SCHEMA etl;
CREATE TABLE etl."Loads" (batch_id date, job_run_id text, status text, records numeric, "timestamp" timestamptz,
    attempt bigint, source_path bytea);
INSERT INTO etl."Loads" VALUES ('2026-11-02', 'jr_2', 'FAILED', 20.5, '2026-11-02 03:00+01', 1, 's3://x'),
    ('2026-11-01', 'jr_1', 'SUCCESS', 10, '2026-11-01 03:00+01', 9007199254740993, NULL),
    ('2026-11-03', 'jr_3', 'RUNNING', 'NaN', NULL, NULL, NULL);
CREATE VIEW etl.slow AS SELECT pg_sleep(30)::text AS batch_id;
CREATE FUNCTION etl.sneaky() RETURNS text LANGUAGE sql AS $$ DELETE FROM etl."Loads" RETURNING status $$;
CREATE VIEW etl.writes AS SELECT etl.sneaky() AS batch_id;
CREATE ROLE reader LOGIN PASSWORD 'reader';
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as one:
        engine = sa.create_engine(one.url(), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(SETUP)
        yield one


GRES = Control(table="etl.Loads", columns=ControlColumns(updated_at="timestamp"))


def _gres(server: Server, **changed: Any) -> Control:
    return msgspec.structs.replace(GRES, **{"location": server.url(), **changed})


def test_postgresql_rows_are_json(server: Server) -> None:
    answer = _read(_gres(server))
    assert answer.complete
    assert "owner" not in answer.locator
    assert [row["job_run_id"] for row in answer.payload] == ["jr_3", "jr_1", "jr_2"]
    expected = {"batch_id": "2026-11-01", "job_run_id": "jr_1", "status": "SUCCESS", "attempt": 9007199254740993}
    expected |= {"source_path": None, "records": 10, "timestamp": "2026-11-01T02:00:00+00:00"}
    assert answer.payload[1] == expected
    assert (answer.payload[2]["records"], answer.payload[2]["source_path"]) == (20.5, "s3://x")
    assert msgspec.json.decode(msgspec.json.encode(answer.payload)) == answer.payload


def test_postgresql_the_newest_rows_and_those_of_the_batch(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_database, "MAX_CONTROL_ROWS", 1)
    answer = _read(_gres(server), batches=["2026-11-01"])
    assert [row["job_run_id"] for row in answer.payload] == ["jr_1", "jr_2"]
    assert answer.complete
    assert [row["job_run_id"] for row in _read(_gres(server), only={"attempt": "1"}).payload] == ["jr_2"]


def test_postgresql_refuses_writes_even_from_within_a_view(server: Server) -> None:
    with pytest.raises(SourceError, match="read-only transaction"):
        _read(_gres(server, table="etl.writes"))
    engine = _engine(_url(server.url()), Path(), "")
    with _connected(engine, "") as connection:
        _bound(connection)
        with pytest.raises(sa.exc.InternalError, match="read-only transaction"):
            connection.exec_driver_sql("CREATE TABLE x ()")
    assert len(_read(_gres(server)).payload) == 3


def test_postgresql_stops_what_takes_too_long(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_database, "STATEMENT_SECONDS", 1)
    with pytest.raises(SourceError, match="statement timeout"):
        _read(_gres(server, table="etl.slow"))


def test_postgresql_says_no_without_the_password(server: Server) -> None:
    def said(**changed: Any) -> str:
        with pytest.raises(SourceError) as caught:
            _read(_gres(server, **changed))
        return str(caught.value)

    wrong = "hunter2 wrong"
    answers = [
        said(location=server.url(password=wrong)),
        said(location=server.url(sslmode=wrong)),
        said(location=server.url(password=wrong, nosuchoption=wrong)),
        said(location=server.url("reader", "reader")),
        said(table="etl.nothing"),
    ]
    assert "password authentication failed" in answers[0]
    assert "permission denied for schema etl" in answers[3]
    assert "does not exist" in answers[4]
    for answer in answers:
        assert PASSWORD not in answer
        assert answer.count("\n") == 0
    assert wrong not in answers[0]


def test_postgresql_that_is_not_there() -> None:
    pytest.importorskip("psycopg", reason="psycopg, the driver of PostgreSQL, is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match="refused") as caught:
        _read(Control(location=f"postgresql+psycopg://u:hunter2@127.0.0.1:{port}/d", table="loads"))
    assert "hunter2" not in str(caught.value)
