"""What is special about the SQL store: its file, its schema, and what can go wrong with both."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipetriage.errors import StoreError
from pipetriage.model.incident import Incident
from pipetriage.stores import open_store
from pipetriage.stores.sql_engine import default_path
from pipetriage.stores.tables import HEAD, VERSION_TABLE, metadata

MakeIncident = Callable[..., Incident]


def test_the_head_constant_is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", "pipetriage.stores:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_queries(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata

    open_store(str(tmp_path / "a.db"))
    with sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}").connect() as connection:
        # SQLite's search index is a table that makes four more, and is none that we query by its columns.
        ours = {"version_table": VERSION_TABLE, "include_name": lambda name, kind, _: "words_index" not in (name or "")}
        differences = compare_metadata(MigrationContext.configure(connection, opts=ours), metadata)
    # Indexes are named in the migrations only.
    assert [one for one in differences if "index" not in str(one[0])] == []


def test_alembic_is_imported_only_to_make_or_change_the_schema(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pipetriage.stores import open_store\nopen_store(sys.argv[1])\nprint('alembic' in sys.modules)"
    )

    def imported() -> str:
        command = [sys.executable, "-c", script, str(tmp_path / "a.db")]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    assert [imported(), imported()] == ["True", "False"]


def test_the_default_store_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    open_store()

    file = tmp_path / "data" / "pipetriage" / "incidents.db"
    assert default_path() == file
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == tmp_path / ".local" / "share" / "pipetriage" / "incidents.db"


def test_a_plain_path_and_a_url_are_the_same_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_incident: MakeIncident
) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("a.db").save(make_incident())

    assert open_store(f"sqlite:///{tmp_path}/a.db").get("inc_jr_1").job_run_id == "jr_1"


def refusal(url: str) -> str:
    with pytest.raises(StoreError) as refused:
        open_store(url)
    return str(refused.value)


def test_a_file_that_is_no_database_is_named_with_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("these are my notes, not a database " * 100)

    assert str(file) in refusal(str(file))
    assert "move it away" in refusal(str(file))
    assert file.read_text().startswith("these are my notes")


def test_a_damaged_store_is_named_with_the_fix(tmp_path: Path, make_incident: MakeIncident) -> None:
    file = tmp_path / "a.db"
    store = open_store(str(file))
    store.save(make_incident())
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)

    with pytest.raises(StoreError, match=r"is damaged|not a pipetriage store") as refused:
        open_store(str(file)).get("inc_jr_1")
    assert str(file) in str(refused.value)


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    open_store(str(file))
    with sqlite3.connect(file) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - our own constant
    connection.close()

    assert "newer pipetriage (schema 9999" in refusal(str(file))
    assert str(file) in refusal(str(file))


def test_a_place_that_cannot_be_written_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "--no-store" in refusal(str(tmp_path / "file" / "incidents.db"))
    assert "is a folder" in refusal(str(tmp_path))


def test_a_read_only_store_can_be_read(tmp_path: Path, make_incident: MakeIncident) -> None:
    open_store(str(tmp_path / "a.db")).save(make_incident())
    store = open_store(f"sqlite:///file:{tmp_path}/a.db?mode=ro&uri=true")

    assert store.get("inc_jr_1").job_run_id == "jr_1"
    with pytest.raises(StoreError, match=r"is read-only.*--no-store"):
        store.save(make_incident("jr_2"))


@pytest.mark.parametrize("url", ["nosuch://x", "postgresql+nosuch://me:secret@host/db", "://", "sqlite+nosuch:///x"])
def test_a_database_of_no_known_kind_is_refused_without_its_password(url: str) -> None:
    assert "store" in refusal(url)
    assert "secret" not in refusal(url)


def test_a_locked_store_says_so(tmp_path: Path, make_incident: MakeIncident, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipetriage.stores.sql_engine.BUSY_SECONDS", 0.2)
    file = tmp_path / "a.db"
    store = open_store(str(file))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match="locked by another process"):
            store.save(make_incident())
    finally:
        other.close()
