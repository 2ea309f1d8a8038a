"""Tables of the Glue Data Catalog: the catalog's word (GetTable), then the table's own files in S3."""

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from pipetriage.aws.session import AwsSession
from pipetriage.errors import MissingExtraError, SourceError
from pipetriage.model.evidence import Signal
from pipetriage.model.pipeline import Output
from pipetriage.sources.delta import MAX_COMMITS, older
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer
from pipetriage.sources.local_tables import Question
from pipetriage.sources.s3 import listing

_COMMIT = re.compile(r"\d{20}\.json")
_GZIP = b"\x1f\x8b"
_FETCHED_AT_ONCE = 8
_HIVE_FORMATS = ("parquet", "orc", "avro", "json", "csv")


class GlueTables:
    """The catalog of one account and region."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self._fetched: dict[str, bytes] = {}

    def questions(self, output: Output, since: datetime | None) -> Iterator[Question]:
        """Yield what to read of the output's table; each is to be read before the next is asked for.

        ``since`` is the time from which commits matter; None: from the table's beginning.
        """
        match (output.format or "iceberg").lower():
            case "iceberg":
                yield from self._iceberg(output.table, since)
            case "delta":
                yield Question(Signal.DELTA_LOG, lambda: self._delta(output.table, since))
            case "hudi":
                yield Question(Signal.HUDI_TIMELINE, lambda: self._timeline(output.table))
        if (output.format or "iceberg").lower() != "iceberg":
            yield Question(Signal.TABLE_LISTING, lambda: listing(self._aws, self.location(output.table)))
        # The catalog is asked last, so that a commit made while we read shows as metadata that is not current.
        yield Question(Signal.TABLE, lambda: self.entry(output.table))

    def metadata(self, table: str) -> Answer:
        """Give an Iceberg table's current metadata file: two calls, no manifests.

        Raises:
            SourceError: the table or the file cannot be read, or is no Iceberg table.
        """
        entry = self.entry(table).payload["Table"]
        location = (entry.get("Parameters") or {}).get("metadata_location")
        if not isinstance(location, str):
            raise SourceError(f"the catalog's entry of {table} has no metadata_location: is it an Iceberg table?")
        return Answer(self._document(location), location, uri=location)

    def _iceberg(self, table: str, since: datetime | None) -> Iterator[Question]:
        read: list[Answer] = []

        def current() -> Answer:
            read.append(self.metadata(table))
            return read[0]

        yield Question(Signal.ICEBERG_METADATA, current, "declare the table's format under outputs")
        if not read:
            return
        document, location = read[0].payload, read[0].locator
        yield Question(Signal.ICEBERG_ENTRIES, lambda: self._entries(document, location, since))
        yield Question(Signal.TABLE_LISTING, lambda: listing(self._aws, _location_in(document)))

    def _entries(self, metadata: dict[str, Any], location: str, since: datetime | None) -> Answer:
        try:
            # An extra, and half a second to import.
            from pipetriage.sources.iceberg import entries_since
        except ImportError as error:
            raise MissingExtraError("iceberg", "reading Iceberg manifests") from error
        rows, complete = entries_since(metadata, since, self._bytes, self._fetch)
        return Answer(rows, f"{location} (manifests)", complete=complete)

    def entry(self, table: str) -> Answer:
        """Read the table's entry in the catalog.

        Raises:
            SourceError: it is not there, may not be read, or its name is no ``database.table``.
        """
        database, name = names_of(table)
        with self._aws.calling(f"glue:GetTable {table}"):
            found = plain(self._aws.client("glue").get_table(DatabaseName=database, Name=name))
        return Answer({"Table": found["Table"]}, f"glue:GetTable {database}.{name}")

    def location(self, table: str) -> str:
        """Say where the table's files are.

        Raises:
            SourceError: its entry in the catalog cannot be read, or names no place.
        """
        entry = self.entry(table).payload["Table"]
        location = (entry.get("StorageDescriptor") or {}).get("Location")
        if not isinstance(location, str) or not location:
            raise SourceError(f"the catalog's entry of {table} names no location")
        return location

    def _delta(self, table: str, since: datetime | None) -> Answer:
        folder = f"{self.location(table).rstrip('/')}/_delta_log/"
        listed = listing(self._aws, folder)
        bucket = listed.payload["Name"]
        keys = sorted((one["Key"] for one in listed.payload.get("Contents", ())), reverse=True)
        files: dict[str, Any] = {}
        commits = 0
        for key in keys:
            name = key.rsplit("/", 1)[-1]
            if not _COMMIT.fullmatch(name):
                files[name] = []
                continue
            commits += 1
            files[name] = actions = self._actions(f"s3://{bucket}/{key}")
            if commits == MAX_COMMITS or (since is not None and older(actions or [], since)):
                break
        if not files:
            raise SourceError(f"{folder} holds no log file")
        return Answer(files, folder, complete=listed.complete)

    def _actions(self, location: str) -> list[Any] | None:
        """Read one commit; None where it is no JSON lines: what is there and is not read may be what matters."""
        try:
            return [msgspec.json.decode(line) for line in self._bytes(location).splitlines() if line.strip()]
        except msgspec.DecodeError:
            return None

    def _timeline(self, table: str) -> Answer:
        folder = f"{self.location(table).rstrip('/')}/.hoodie/"
        found = listing(self._aws, folder)
        prefix = str(found.payload["Prefix"])
        # Hudi's own metadata table, below .hoodie/metadata, has a timeline of its own. Hudi 1 keeps it in a folder.
        places = {prefix, f"{prefix}timeline/"}
        own = [one for one in found.payload.get("Contents", ()) if f"{one['Key'].rpartition('/')[0]}/" in places]
        if not own:
            raise SourceError(f"{table} has no .hoodie folder")
        return found._replace(payload=found.payload | {"Contents": own})

    def _document(self, location: str) -> dict[str, Any]:
        data = self._bytes(location)
        try:
            document = msgspec.json.decode(gzip.decompress(data) if data.startswith(_GZIP) else data)
        except (msgspec.DecodeError, OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{location} is no Iceberg metadata file ({error})") from error
        if not isinstance(document, dict):
            raise SourceError(f"{location} is no Iceberg metadata file")
        return document

    def _fetch(self, locations: list[str]) -> None:
        """Read objects at the same time, and keep them until they are asked for."""

        def fetch(location: str) -> None:
            # Whoever asks for it reads it again, and is told what was wrong.
            with suppress(SourceError):
                self._fetched[location] = self._bytes(location)

        with ThreadPoolExecutor(_FETCHED_AT_ONCE) as pool:
            list(pool.map(fetch, locations))

    def _bytes(self, location: str) -> bytes:
        if (known := self._fetched.pop(location, None)) is not None:
            return known
        from pipetriage.aws.file_io import read_object

        return read_object(self._aws, location)


def format_of(entry: Mapping[str, Any]) -> str | None:
    """Read a table's format from its catalog entry: table_type (Iceberg), Spark's provider, Hive's input format."""
    parameters = {str(key).lower(): str(value).lower() for key, value in (entry.get("Parameters") or {}).items()}
    kind = parameters.get("table_type") or parameters.get("spark.sql.sources.provider") or ""
    if kind in ("iceberg", "delta", "hudi"):
        return kind
    if parameters.get("spark.sql.sources.provider") in ("delta", "hudi"):
        return parameters["spark.sql.sources.provider"]
    storage = entry.get("StorageDescriptor") or {}
    serde = (storage.get("SerdeInfo") or {}).get("SerializationLibrary") or ""
    said = " ".join((parameters.get("classification", ""), str(storage.get("InputFormat") or ""), str(serde))).lower()
    if "hoodie" in said:
        return "hudi"
    named = next((one for one in _HIVE_FORMATS if one in said), None)
    return named or ("csv" if "lazysimpleserde" in said else None)


def names_of(table: str) -> tuple[str, str]:
    """Split ``database.table``; engines put their own catalog's name before it (``glue_catalog.sales.orders``).

    Raises:
        SourceError: it is no such name.
    """
    parts = [part.strip('`"') for part in table.split(".")]
    if len(parts) < 2 or not all(parts):
        raise SourceError(f"the name {table!r} is no database.table: declare it so under outputs")
    return parts[-2], parts[-1]


def _location_in(metadata: dict[str, Any]) -> str:
    location = metadata.get("location")
    if not isinstance(location, str):
        raise SourceError("the Iceberg metadata names no table location")
    return location
