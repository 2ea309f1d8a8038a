"""The embedded databases, opened read-only: the control table and the pyiceberg SQL catalog."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, MetaData, NullPool, Table, create_engine, select, type_coerce
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.types import NullType

from pipetriage.errors import ConfigError, SourceError

MAX_CONTROL_ROWS = 10_000
"""Control rows read, newest first; a table of batches grows by a few rows a day."""
_LOCK_SECONDS = 2
_CATALOG_TABLE = "iceberg_tables"  # pyiceberg's SqlCatalog and Iceberg's JdbcCatalog share this name


def sqlite_path(url: str, base: Path, setting: str) -> Path:
    """Give the database file of a ``sqlite:///`` URL, relative to the settings file.

    Raises:
        ConfigError: the URL is not one of a SQLite file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"{setting} is no database URL: write sqlite:///PATH") from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigError(f"{setting} must name a SQLite file, the embedded backend: write sqlite:///PATH")
    return base / parsed.database


def control_rows(path: Path, table: str, updated_at: str) -> tuple[list[dict[str, Any]], bool]:
    """Read the control table's rows, oldest first; the second value is False when older rows were left out.

    Values come as SQLite stores them: a column declared DATETIME may hold text that is no time.

    Raises:
        SourceError: no such file or table, locked, damaged.
    """
    with _read_only(path) as connection:
        reflected = _reflect(connection, table, path)
        query = select(*(type_coerce(column, NullType()).label(column.name) for column in reflected.columns))
        if updated_at in reflected.columns:
            query = query.order_by(reflected.columns[updated_at].desc())
            rows = connection.execute(query.limit(MAX_CONTROL_ROWS + 1)).mappings().all()[::-1]
        else:
            rows = connection.execute(query.limit(MAX_CONTROL_ROWS + 1)).mappings().all()
    complete = len(rows) <= MAX_CONTROL_ROWS
    return [dict(row) for row in rows[-MAX_CONTROL_ROWS:]], complete


def metadata_location(path: Path, table: str) -> str:
    """Read where a table's current metadata lies from the catalog's row.

    Raises:
        SourceError: no such catalog or table, several of that name, locked, damaged.
    """
    namespace, _, name = table.rpartition(".")
    with _read_only(path) as connection:
        catalog = _reflect(connection, _CATALOG_TABLE, path)
        try:
            query = select(catalog.c.metadata_location).where(
                catalog.c.table_namespace == namespace, catalog.c.table_name == name
            )
        except AttributeError as error:
            raise SourceError(f"{path.name} holds no Iceberg SQL catalog: check [local] catalog") from error
        locations = [row[0] for row in connection.execute(query)]
    if not locations:
        raise SourceError(f"the catalog {path.name} has no table {table}: correct the name under outputs")
    if len(locations) > 1:
        raise SourceError(f"{path.name} holds {len(locations)} catalogs with a table {table}: it cannot be told which")
    if not isinstance(locations[0], str) or not locations[0]:
        raise SourceError(f"the catalog {path.name} names no metadata file for {table}")
    return locations[0]


@contextmanager
def _read_only(path: Path) -> Iterator[Connection]:
    if not path.is_file():
        raise SourceError(f"there is no database file {path.name}: check its path under [local]")
    # mode=ro: SQLite itself refuses every write, and never creates the file.
    engine = create_engine(
        f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&uri=true",
        poolclass=NullPool,
        connect_args={"timeout": _LOCK_SECONDS},
    )
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        said = getattr(error, "orig", None) or error
        raise SourceError(
            f"cannot read the database {path.name} ({said}): try again when nothing locks it, or check the file"
        ) from error
    finally:
        engine.dispose()


def _reflect(connection: Connection, table: str, path: Path) -> Table:
    """Find the table by reflection, so that its name is never a part of SQL that we write."""
    try:
        return Table(table, MetaData(), autoload_with=connection)
    except NoSuchTableError as error:
        raise SourceError(f"{path.name} has no table {table}: correct its name") from error
