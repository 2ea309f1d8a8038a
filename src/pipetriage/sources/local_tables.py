"""Tables of an embedded lake: Iceberg by its SQL catalog or as a hadoop table; Delta, Hudi, plain files by folder."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipetriage.errors import MissingExtraError, SourceError
from pipetriage.model.evidence import Signal
from pipetriage.model.pipeline import Output
from pipetriage.settings import LocalSettings
from pipetriage.sources.delta import read_delta_log
from pipetriage.sources.files import read_json
from pipetriage.sources.local_database import metadata_location, sqlite_path
from pipetriage.sources.local_files import Answer, list_folder, listing_of, local_path

# What a table of plain files does not have: its files alone do not tell what was committed.
_LOGS_OF = {"_delta_log": "delta", ".hoodie": "hudi", "metadata/*.metadata.json*": "iceberg"}

# A hadoop table's metadata files, plain or gzip (Iceberg's HadoopTableOperations).
_HADOOP_METADATA = re.compile(r"v(\d{1,9})(?:\.gz)?\.metadata\.json(?:\.gz)?")


class Question(NamedTuple):
    """One thing to read of a table."""

    signal: Signal
    read: Callable[[], Answer]
    fix: str = ""


class LocalTables:
    """Where the ``[local]`` settings say that tables lie."""

    def __init__(self, settings: LocalSettings, base: Path) -> None:
        self._settings = settings
        self._base = base

    def questions(self, output: Output, since: datetime | None) -> Iterator[Question]:
        """Yield what to read of the output's table; each is to be read before the next is asked for.

        ``since`` is the time from which commits matter; None: from the table's beginning.
        """
        match (output.format or "iceberg").lower():
            case "iceberg":
                yield from self._iceberg(output.table, since)
            case "delta":
                yield Question(Signal.DELTA_LOG, lambda: self._delta(output.table, since), "check [local] tables")
                yield Question(Signal.TABLE_LISTING, lambda: listing_of(self._folder(output.table)))
            case "hudi":
                yield Question(Signal.HUDI_TIMELINE, lambda: self._timeline(output.table), "check [local] tables")
                yield Question(Signal.TABLE_LISTING, lambda: listing_of(self._folder(output.table)))
            case _:
                yield Question(Signal.TABLE_LISTING, lambda: self._plain(output.table), "check [local] tables")

    def _iceberg(self, table: str, since: datetime | None) -> Iterator[Question]:
        metadata: list[Answer] = []

        def current() -> Answer:
            location = self._metadata_location(table)
            document = read_json(local_path(location))
            if not isinstance(document, dict):
                raise SourceError(f"{location} is no Iceberg metadata file")
            metadata.append(Answer(document, location, uri=location))
            return metadata[0]

        fix = "check [local] catalog" if self._settings.catalog else "set [local] catalog or tables"
        yield Question(Signal.ICEBERG_METADATA, current, fix)
        if not metadata:
            return
        document, location = metadata[0].payload, metadata[0].locator
        yield Question(Signal.ICEBERG_ENTRIES, lambda: entries(document, location, since))
        yield Question(Signal.TABLE_LISTING, lambda: list_table(document))
        # The catalog is asked again, so that a commit made while we read shows as metadata that is not current.
        yield Question(Signal.TABLE, lambda: self._catalog_entry(table, document))

    def _metadata_location(self, table: str) -> str:
        if self._settings.catalog:
            return metadata_location(sqlite_path(self._settings.catalog, self._base, "[local] catalog"), table)
        if self._settings.tables:
            return hadoop_metadata(self._folder(table))
        raise SourceError("[local] catalog is not set")

    def _catalog_entry(self, table: str, metadata: dict[str, Any]) -> Answer:
        """Give the catalog's word on the table in the shape of a GetTable response."""
        namespace, _, name = table.rpartition(".")
        entry = {
            "Name": name,
            "DatabaseName": namespace,
            "Parameters": {"metadata_location": self._metadata_location(table), "table_type": "ICEBERG"},
            "StorageDescriptor": {"Location": metadata.get("location")},
        }
        where = "table iceberg_tables of [local] catalog" if self._settings.catalog else "metadata/version-hint.text"
        return Answer({"Table": entry}, f"{where}, {table}")

    def _delta(self, table: str, since: datetime | None) -> Answer:
        folder = self._folder(table)
        return Answer(read_delta_log(folder / "_delta_log", folder, since), f"file://{folder}/_delta_log/")

    def _timeline(self, table: str) -> Answer:
        folder = self._folder(table) / ".hoodie"
        if not folder.is_dir():
            raise SourceError(f"{table} has no .hoodie folder")
        listing = list_folder(folder)
        # Hudi's own metadata table, below .hoodie/metadata, has a timeline of its own. Hudi 1 keeps it in a folder.
        places = {folder, folder / "timeline"}
        own = [one for one in listing.get("Contents", ()) if Path(one["Key"]).parent in places]
        return Answer(listing | {"Contents": own}, f"file://{folder}/", complete=not listing["IsTruncated"])

    def _plain(self, table: str) -> Answer:
        folder = self._folder(table)
        if not folder.is_dir():
            raise SourceError(f"the folder of {table} is not there, so what was in it is unknown")
        for sign, table_format in _LOGS_OF.items():
            if next(folder.glob(sign), None) is not None:
                raise SourceError(f"{table} is a table of format {table_format}: declare that under outputs")
        return listing_of(folder)

    def _folder(self, table: str) -> Path:
        template = self._settings.tables
        if not template:
            raise SourceError("[local] tables is not set")
        namespace, _, name = table.rpartition(".")
        if any(part in {"", ".", ".."} or "/" in part or "\0" in part for part in table.split(".")):
            raise SourceError(f"the name {table!r} is no table name that could be a folder's")
        filled = template.replace("{table}", table).replace("{namespace}", namespace).replace("{name}", name)
        return self._base / local_path(filled)


def hadoop_metadata(folder: Path) -> str:
    """Find a hadoop table's current metadata file: the version hint's, or the newest that follows it without a hole.

    The same walk as Iceberg's HadoopTableOperations: a hint may be stale, never ahead; without a readable one, the
    newest file counts.

    Raises:
        SourceError: there is no metadata file, or none that is surely the current one.
    """
    try:
        found = ((_HADOOP_METADATA.fullmatch(path.name), path) for path in (folder / "metadata").iterdir())
        files = {int(name[1]): path for name, path in found if name and path.is_file()}
    except OSError as error:
        raise SourceError(f"the Iceberg metadata of {folder.name} cannot be found ({error.strerror})") from error
    if not files:
        raise SourceError(f"{folder.name} has no Iceberg metadata file (v1.metadata.json, …)")
    newest = max(files)
    current = _hint(folder / "metadata" / "version-hint.text", newest)
    if current not in files:
        raise SourceError(f"{folder.name} has no Iceberg metadata file of version {current}, which its hint names")
    while current + 1 in files:
        current += 1
    if current != newest:
        # Engines would read the older one; a writer may have put the newer one there after a file was lost.
        raise SourceError(
            f"{folder.name} has Iceberg metadata of versions {current} and {newest} but none between them"
        )
    return str(files[current])


def _hint(path: Path, otherwise: int) -> int:
    try:
        return int(path.read_text(encoding="utf-8").strip()) if path.is_file() else otherwise
    except (OSError, ValueError):
        return otherwise


def entries(metadata: dict[str, Any], location: str, since: datetime | None) -> Answer:
    """Read the manifest entries of every snapshot since then.

    Raises:
        SourceError: a manifest cannot be read.
        MissingExtraError: pyiceberg is not installed.
    """
    try:
        # An extra, and half a second to import.
        from pipetriage.sources.iceberg import entries_since
    except ImportError as error:
        raise MissingExtraError("iceberg", "reading Iceberg manifests") from error
    rows, complete = entries_since(metadata, since)
    return Answer(rows, f"{location} (manifests)", complete=complete)


def list_table(metadata: dict[str, Any]) -> Answer:
    """List the table's own folder.

    Raises:
        SourceError: the metadata does not say where it is, or it cannot be listed.
    """
    location = metadata.get("location")
    if not isinstance(location, str):
        raise SourceError("the Iceberg metadata names no table location")
    return listing_of(local_path(location))
