"""Opening a SQL database for the store: where it is, its transactions, its schema, its errors in our words."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from pipetriage.errors import StoreError
from pipetriage.stores.tables import HEAD, VERSION_TABLE, version

_Out = TypeVar("_Out")

BUSY_SECONDS = 10.0
"""How long one process waits for another's write."""

_RETRIES = 5
"""How often a write begins again."""

# Any number does, as long as every pipetriage takes the same one (PostgreSQL's pg_advisory_xact_lock).
_MIGRATION_LOCK = 7_216_305_118


def default_path() -> Path:
    """Give this user's store: under ``$XDG_DATA_HOME``, or ``~/.local/share`` (XDG base directory specification)."""
    home = os.environ.get("XDG_DATA_HOME", "")
    # The specification says to ignore a relative path.
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share"
    return base / "pipetriage" / "incidents.db"


def parse_url(text: str | None) -> sa.URL:
    """Read a store URL or a plain path of a SQLite file; None is the default store.

    Raises:
        StoreError: no such kind of database.
    """
    if not text:
        return sa.URL.create("sqlite", database=str(default_path()))
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        return sa.make_url(text)
    except ArgumentError as error:
        raise StoreError("the store URL cannot be read: give a path, or sqlite:////absolute/path.db") from error


def connect(url: sa.URL) -> sa.Engine:
    """Make an engine whose reads and writes are real transactions; a SQLite file's folder is made (0700)."""
    place = url.render_as_string(hide_password=True)
    sqlite = url.get_backend_name() == "sqlite"
    path = sqlite_file(url)
    try:
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS} if sqlite else {})
    except (NoSuchModuleError, ImportError) as error:
        raise StoreError(
            f"the store {place} needs a database driver that is not installed ({error}); "
            "use a SQLite path, or install the driver (PostgreSQL: psycopg, with postgresql+psycopg://…)"
        ) from error
    except (ArgumentError, TypeError) as error:
        raise StoreError(f"the store URL {place} cannot be used: {error}") from error
    if path is not None:
        _make_file(path)
    if sqlite:
        _own_transactions(engine)
    return engine


def sqlite_file(url: sa.URL) -> Path | None:
    """Give the file behind a SQLite URL; None in memory, for a ``file:`` URI, or for another database."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name)


def _make_file(path: Path) -> None:
    """Make the database file readable by its owner only: incidents name tables, paths and people."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_dir():
            raise StoreError(f"the store {path} is a folder: give a file, --store {path / 'incidents.db'}")
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(
            f"cannot make the store {path} ({error.strerror or error}): "
            "choose a writable place with --store FILE, or triage with --no-store"
        ) from error


def _own_transactions(engine: sa.Engine) -> None:
    """Take BEGIN away from the sqlite3 module: a write takes its lock at once, so that it never has to give up later.

    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html, "Serializable isolation / Savepoints / Transactional DDL".
    """

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that holds the write lock from its first moment."""
    with engine.execution_options(write=True).begin() as connection:
        yield connection


def write_again(engine: sa.Engine, place: str, write: Callable[[sa.Connection], _Out], what: str) -> _Out:
    """Write in one transaction, and begin again where another process put the same row (PostgreSQL only).

    Raises:
        StoreError: others are always first; ``what`` says what could not be done.
    """
    with our_errors(place):
        for _ in range(_RETRIES):
            try:
                with writing(engine) as connection:
                    return write(connection)
            except IntegrityError:
                continue
    raise StoreError(f"the store {place} is too busy to {what}: try again")


def ensure_schema(engine: sa.Engine, place: str) -> None:
    """Bring the schema to ``HEAD``; several processes may ask at once, one does it.

    Raises:
        StoreError: the store was made by a newer pipetriage.
    """
    with engine.begin() as connection:
        if _current(connection) == HEAD:
            return
    if engine.dialect.name == "sqlite":
        _until_unlocked(lambda: _use_wal(engine))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        current = _current(connection)
        if current != HEAD:
            _migrate(connection, current, place)
            if current is not None:
                from pipetriage.stores.sql_rederiving import rederive

                rederive(connection)


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(sa.select(version.c.version_num))


def _use_wal(engine: sa.Engine) -> None:
    # Outside a transaction, as SQLite demands; the mode stays with the file. Where it cannot be had (a network
    # file system) the store works on without, readers and writers then wait for one another.
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        raw.close()


def _until_unlocked(action: Callable[[], None]) -> None:
    """Try again while another process holds the lock: changing the journal mode ignores the busy timeout."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return action()
        except (sqlite3.OperationalError, DBAPIError) as error:
            busy = _sqlite_code(getattr(error, "orig", error)) in ("BUSY", "LOCKED")
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _migrate(connection: sa.Connection, current: str | None, place: str) -> None:
    # Alembic is a tenth of a second to import, and is needed once in a store's life.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "pipetriage.stores:migrations")
    config.attributes["connection"] = connection
    if current is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(current)
        except CommandError as error:
            raise StoreError(
                f"the store {place} was made by a newer pipetriage (schema {current}, this one knows {HEAD}): "
                "upgrade pipetriage, or use another store with --store FILE"
            ) from error
    command.upgrade(config, "head")


@contextmanager
def our_errors(place: str) -> Iterator[None]:
    """Turn a database's error into a ``StoreError`` that names the store and the fix."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(_explain(error.orig, place)) from error
    except sqlite3.Error as error:
        raise StoreError(_explain(error, place)) from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store {place} cannot be used: {error}") from error


# SQLite's primary result code (https://sqlite.org/rescode.html) → what happened, and the way out.
_SQLITE: dict[str, str] = {
    "READONLY": "is read-only: make it writable, or choose another with --store FILE, or triage with --no-store",
    "CANTOPEN": "cannot be opened: check that its folder exists and is writable, or choose another with --store FILE",
    "PERM": "cannot be opened: access is refused; choose another with --store FILE",
    "AUTH": "cannot be opened: access is refused; choose another with --store FILE",
    "NOTADB": "is not a pipetriage store, or is damaged: move it away (a new one is made) or use --store FILE",
    "CORRUPT": "is damaged: move it away (a new one is made), or restore it from a copy",
    "BUSY": f"is locked by another process for more than {BUSY_SECONDS:.0f} seconds: try again",
    "LOCKED": f"is locked by another process for more than {BUSY_SECONDS:.0f} seconds: try again",
    "FULL": "has no room left: free some space on its disk, or choose another with --store FILE",
    "IOERR": "cannot be read or written (disk error): check its disk, or choose another with --store FILE",
}


def _explain(original: BaseException | None, place: str) -> str:
    if known := _SQLITE.get(_sqlite_code(original)):
        return f"the store {place} {known}"
    said = str(original).strip().splitlines()
    return f"the store {place} cannot be used: {said[0] if said else 'no reason given'}"


def _sqlite_code(error: object) -> str:
    """Give the primary result code's name (``BUSY`` for SQLITE_BUSY_SNAPSHOT); empty for other databases."""
    return str(getattr(error, "sqlite_errorname", "")).removeprefix("SQLITE_").split("_")[0]
