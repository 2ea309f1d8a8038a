"""Local folders in the shapes of their cloud counterparts: listings as ListObjectsV2, columns as a schema."""

import os
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipetriage.errors import SourceError

MAX_LISTED = 200_000
"""Files listed at most; more is reported as truncated, as S3 would."""
_SAMPLED_FILES = 500
SAMPLED_LINES = 20
"""First lines of each input file that are read for its columns."""
_SAMPLED_LINE_BYTES = 256 * 1024
_JSON_LINES = frozenset({".jsonl", ".ndjson", ".json"})


class Answer(NamedTuple):
    """What one reading gave, before it is stamped with its signal and time."""

    payload: Any
    locator: str
    uri: str | None = None
    complete: bool = True


def listing_of(folder: Path) -> Answer:
    """List a folder as evidence.

    Raises:
        SourceError: a folder exists but cannot be listed.
    """
    listing = list_folder(folder)
    uri = f"file://{folder}/"
    return Answer(listing, uri, uri=uri, complete=not listing["IsTruncated"])


def local_path(location: str) -> Path:
    """Give the path of a ``file:`` URI or plain path.

    Raises:
        SourceError: the location is not on this machine's disk.
    """
    if location.startswith("file:"):
        return Path("/" + location.removeprefix("file:").lstrip("/"))
    if "://" in location:
        raise SourceError(f"{location} is not a local file: embedded sources read this machine's disk only")
    return Path(location)


def list_folder(folder: Path) -> dict[str, Any]:
    """List all files below the folder; one that does not exist was looked at and is empty, as a prefix would be.

    Raises:
        SourceError: a folder exists but cannot be listed.
    """
    contents: list[dict[str, Any]] = []
    truncated = False
    try:
        for entry in _files(str(folder)):
            if len(contents) == MAX_LISTED:
                truncated = True
                break
            try:
                seen = entry.stat()
            except FileNotFoundError:
                continue  # gone between listing and looking
            if stat.S_ISDIR(seen.st_mode):
                truncated = True  # a link to a folder is not followed: it may lead round in circles
                continue
            modified = datetime.fromtimestamp(seen.st_mtime, UTC).isoformat()
            contents.append({"Key": entry.path, "Size": seen.st_size, "LastModified": modified})
    except OSError as error:
        raise SourceError(f"cannot list {folder}: {error.strerror or error}") from error
    listing: dict[str, Any] = {"Prefix": f"{folder}/", "IsTruncated": truncated, "KeyCount": len(contents)}
    if contents:
        listing["Contents"] = contents
    return listing


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield the files below a folder, and links to folders."""
    # Strings rather than paths: a table of ten thousand files is listed in a third of the time.
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.is_file() or entry.is_dir():
            yield entry


def sample_columns(listing: dict[str, Any]) -> dict[str, Any]:
    """Read the column names of JSON-lines input from the first lines of each file, in order of appearance.

    Types are left out: JSON has too few of its own to compare with a declared schema.

    Raises:
        SourceError: there is no JSON-lines file, or none of them can be read.
    """

    def read(key: str) -> Iterator[bytes]:
        with Path(key).open("rb") as file:
            for _ in range(SAMPLED_LINES):
                yield file.readline(_SAMPLED_LINE_BYTES)

    return columns_of(read(key) for key in json_keys(listing)[:_SAMPLED_FILES])


def json_keys(listing: dict[str, Any]) -> list[str]:
    """Name the JSON-lines files of a listing."""
    keys = (str(member["Key"]) for member in listing.get("Contents", ()))
    return [key for key in keys if Path(key).suffix in _JSON_LINES]


def columns_of(files: Iterable[Iterator[bytes]]) -> dict[str, Any]:
    """Read the column names from the first lines of each file.

    Raises:
        SourceError: there is no file, or none of them can be read.
    """
    columns: dict[str, None] = {}
    for lines in files:
        try:
            for line in lines:
                record = msgspec.json.decode(line) if line.strip() else None
                if isinstance(record, dict):
                    columns |= dict.fromkeys(record)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # a damaged file says nothing of the schema; the others still do
    if not columns:
        raise SourceError("the input holds no JSON-lines file whose columns can be read")
    return {"columns": [{"name": name} for name in columns]}
