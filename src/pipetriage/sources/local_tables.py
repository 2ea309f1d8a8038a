"""Iceberg tables of an embedded lake: the SQL catalog's row, the metadata file, its manifests, the table's folder."""

from datetime import datetime
from pathlib import Path
from typing import Any

from pipetriage.errors import MissingExtraError, SourceError
from pipetriage.sources.files import read_json
from pipetriage.sources.local_database import metadata_location
from pipetriage.sources.local_files import Answer, listing_of, local_path


def current_metadata(catalog: Path, table: str) -> Answer:
    """Read the metadata file that the catalog calls current.

    Raises:
        SourceError: the catalog or the file cannot be read.
    """
    location = metadata_location(catalog, table)
    document = read_json(local_path(location))
    if not isinstance(document, dict):
        raise SourceError(f"{location} is no Iceberg metadata file")
    return Answer(document, location, uri=location)


def catalog_table(catalog: Path, table: str, metadata: dict[str, Any]) -> Answer:
    """Give the catalog's row in the shape of a GetTable response.

    Raises:
        SourceError: the catalog cannot be read.
    """
    location = metadata_location(catalog, table)
    namespace, _, name = table.rpartition(".")
    entry = {
        "Name": name,
        "DatabaseName": namespace,
        "Parameters": {"metadata_location": location, "table_type": "ICEBERG"},
        "StorageDescriptor": {"Location": metadata.get("location")},
    }
    return Answer({"Table": entry}, f"{catalog}, table iceberg_tables")


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
