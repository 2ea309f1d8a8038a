"""A control table in a SQL database: PostgreSQL, Redshift, MySQL, SQLite, or whatever else SQLAlchemy has a driver for.

Only SELECT is ever sent, in a transaction that the database itself keeps read-only where it can, with a bound on how
long it may take. Names come into SQL through SQLAlchemy, which quotes them. A password in the URL is in no message.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from pipetriage.errors import SourceError
from pipetriage.sources.control_wanted import Wanted
from pipetriage.sources.documents import cell
from pipetriage.sources.local_database import MAX_CONTROL_ROWS
from pipetriage.sources.local_files import Answer

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 5
"""How long the database may work on one SELECT (PostgreSQL and Redshift statement_timeout, MySQL max_execution_time,
MariaDB max_statement_time), or SQLite wait for a lock."""

# The drivers' own words for how long connecting may take.
_CONNECT_TIMEOUT = {
    **dict.fromkeys(("psycopg", "psycopg2", "pymysql", "mysqldb"), "connect_timeout"),
    **dict.fromkeys(("pg8000", "redshift_connector"), "timeout"),
    "mysqlconnector": "connection_timeout",
}
# What to install for a module, or for a URL's beginning, that is not there.
_PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pymysql": "pymysql",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "pg8000": "pg8000",
    "redshift": "sqlalchemy-redshift redshift_connector",
    "redshift_connector": "redshift_connector",
}
_SECRET_OPTION = re.compile(r"(?i)pass|pwd|secret|token|key")


def database_rows(location: str, table: str, base: Path, wanted: Wanted) -> Answer:
    """Read the newest rows of a table (``name`` or ``schema.name``) of the database at a SQLAlchemy URL.

    Where there are more than are read, the triaged batch's are looked for besides, and the answer is complete if some
    are found: the newest rows and those of the batch are all that a verdict needs.

    Raises:
        SourceError: no such database, table or column, no driver for it, or no answer in time; the message says which.
    """
    url = _url(location)
    place = _shown(url)
    engine = _engine(url, base, place)
    try:
        with _connected(engine, place) as connection:
            _bound(connection)
            rows, complete = _rows(connection, table, wanted, place)
    except SQLAlchemyError as error:
        said = _without_secrets(str(getattr(error, "orig", None) or error).strip().split("\n")[0], url)
        raise SourceError(
            f"cannot read the control table {table} of {place} ({said}): check the URL, the table's name and the "
            "user's right to SELECT"
        ) from error
    finally:
        engine.dispose()
    return Answer(rows, f"{place}, table {table}", complete=complete)


def _url(location: str) -> sa.URL:
    try:
        return sa.make_url(location)
    except (ArgumentError, ValueError):
        # Not "from error": what could not be read may hold a password.
        raise SourceError(
            "control.location is neither dynamodb, glue nor a database URL: write it as postgresql+psycopg://USER@HOST/DATABASE"
        ) from None


def _shown(url: sa.URL) -> str:
    """Name the database without user, password and options, any of which may be a secret."""
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or ''}{port}/{url.database or ''}"


def _without_secrets(text: str, url: sa.URL) -> str:
    options = [
        (name, one) for name, value in url.query.items() for one in ([value] if isinstance(value, str) else value)
    ]
    secrets = [str(url.password or ""), *(value for name, value in options if _SECRET_OPTION.search(name))]
    for secret in secrets:
        for spelled in {secret, quote(secret), quote(secret, safe=""), unquote(secret)} - {""}:
            text = text.replace(spelled, "***")
    return text


def _engine(url: sa.URL, base: Path, place: str) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, base)
    try:
        name = _CONNECT_TIMEOUT.get(url.get_driver_name())
        arguments = {name: CONNECT_SECONDS} if name and name not in url.query else {}
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments)
    except (ImportError, NoSuchModuleError) as error:
        missing = (getattr(error, "name", None) or url.get_backend_name()).split(".")[0]
        package = _PACKAGES.get(missing, f"a SQLAlchemy driver for {url.get_backend_name()}")
        raise SourceError(f"reading {place} needs a driver that is not installed: pip install {package}") from error
    except (ArgumentError, TypeError, ValueError):
        raise SourceError(f"the URL of the control database {place} cannot be used: check its options") from None
    # psycopg and psycopg2 then begin with BEGIN READ ONLY, which Redshift understands too; MySQL see _bound.
    read_only = url.get_backend_name() == "postgresql" or url.get_driver_name() == "psycopg2"
    return engine.execution_options(postgresql_readonly=True) if read_only else engine


def _sqlite(url: sa.URL, base: Path) -> sa.Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise SourceError("control.location names no SQLite file: write sqlite:///PATH")
    path = base / url.database
    if not path.is_file():
        raise SourceError(f"there is no database file {path.name}: correct control.location")
    # mode=ro: SQLite itself refuses every write, and never creates the file.
    uri = f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&uri=true"
    return sa.create_engine(uri, poolclass=sa.NullPool, connect_args={"timeout": STATEMENT_SECONDS})


def _connected(engine: sa.Engine, place: str) -> sa.Connection:
    try:
        return engine.connect()
    except (TypeError, ValueError, OSError) as error:
        # Some drivers check the options of a URL only now, and not in SQLAlchemy's words.
        raise SourceError(f"the URL of the control database {place} cannot be used: check its options") from error


def _bound(connection: sa.Connection) -> None:
    """Let the database itself refuse writes and stop a SELECT that takes too long, where it knows how."""
    match connection.dialect.name:
        case "postgresql" | "redshift":
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000}")
        case "mysql" | "mariadb":
            if getattr(connection.dialect, "is_mariadb", False):
                connection.exec_driver_sql(f"SET SESSION max_statement_time = {STATEMENT_SECONDS}")
            else:
                connection.exec_driver_sql(f"SET SESSION max_execution_time = {STATEMENT_SECONDS * 1000}")
            connection.exec_driver_sql("START TRANSACTION READ ONLY")


def _rows(connection: sa.Connection, name: str, wanted: Wanted, place: str) -> tuple[list[dict[str, Any]], bool]:
    schema, _, bare = name.rpartition(".")
    table = sa.table(bare, schema=schema or None)
    columns = _columns(connection, table, wanted, f"{place}, table {name}")
    select = sa.select(*columns.values()).select_from(table)
    for column, value in wanted.only.items():
        select = select.where(sa.cast(columns[column], sa.String) == value)
    newest = select
    updated_at = columns.get(wanted.updated_at)
    if updated_at is not None:
        # Rows without a time last, in every database's words.
        newest = select.order_by(sa.case((updated_at.is_(None), 1), else_=0), updated_at.desc())
    rows = _fetch(connection, newest, columns)
    if len(rows) <= MAX_CONTROL_ROWS:
        return rows, True
    rows = rows[:MAX_CONTROL_ROWS]
    if not wanted.batches or wanted.batch not in columns:
        return rows, False
    own = _fetch(connection, select.where(sa.cast(columns[wanted.batch], sa.String).in_(wanted.batches)), columns)
    seen = {str(row.get(wanted.batch)) for row in (*rows, *own)}
    known = {tuple(row.values()) for row in rows}
    rows += [row for row in own[:MAX_CONTROL_ROWS] if tuple(row.values()) not in known]
    return rows, updated_at is not None and wanted.batches[0] in seen and len(own) <= MAX_CONTROL_ROWS


def _columns(
    connection: sa.Connection, table: sa.TableClause, wanted: Wanted, place: str
) -> dict[str, sa.ColumnClause[Any]]:
    """Find the wanted columns, by their names or, failing that, by their names without case."""
    # Reflection asks system tables, which Redshift and cautious grants do not have; a SELECT of nothing always answers.
    there = list(connection.execute(sa.select(sa.literal_column("*")).select_from(table).limit(0)).keys())
    by_case = {name.casefold(): name for name in reversed(there)}
    found: dict[str, sa.ColumnClause[Any]] = {
        column: sa.column(column if column in there else by_case[column.casefold()])
        for column in wanted.columns
        if column in there or column.casefold() in by_case
    }
    if absent := next((column for column in wanted.only if column not in found), None):
        raise SourceError(f"{place}, has no column {absent}: correct its name")
    if wanted.batch not in found and len(found) < 2:
        raise SourceError(f"{place}, has none of the columns {', '.join(wanted.columns)}: declare control.columns")
    return found


def _fetch(connection: sa.Connection, select: sa.Select[Any], columns: Iterable[str]) -> list[dict[str, Any]]:
    # By position: two names may be declared for one column.
    result = connection.execute(select.limit(MAX_CONTROL_ROWS + 1))
    return [dict(zip(columns, map(cell, row), strict=True)) for row in result]
