"""Rows of a control table out of the bytes of its files: JSON lines and Parquet here, CSV in ``control_csv``."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from pipetriage.errors import SourceError
from pipetriage.model.templates import batch_key
from pipetriage.model.times import parse_time
from pipetriage.sources.control_csv import csv_rows, text_form
from pipetriage.sources.control_wanted import Wanted
from pipetriage.sources.documents import cell
from pipetriage.sources.local_database import MAX_CONTROL_ROWS
from pipetriage.sources.parquet import repeated, rows_of

MAX_FILES = 1_000
"""Files read, newest first: a table to which each run appends two rows, one file each, has two a day."""
MAX_BYTES = 32 * 1024 * 1024
"""Of all files together, as they lie there."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""What one gzipped file may unpack to: a thousand times its size is possible."""
MAX_ROWS = 200_000
"""Rows taken out of files, of which the newest are kept."""

_GZIP = b"\x1f\x8b"


class Rows(NamedTuple):
    """What was read of a file."""

    rows: list[dict[str, Any]]
    unread: str = ""
    """Why they may not be all that the job or Athena reads there; empty where they are."""


Reader = Callable[[bytes, str], Rows]


def newest(rows: Iterable[dict[str, Any]], wanted: Wanted) -> tuple[list[dict[str, Any]], bool]:
    """Keep the newest rows, oldest first, and tell whether they are all that a verdict needs.

    Of rows given oldest first, those of the same time or of none stay in their order. Where there are more than are
    kept, the wanted batches' and those of no batch are kept besides; with some of the triaged batch, that is all.
    """
    listed = sorted(rows, key=lambda row: at.timestamp() if (at := parse_time(row.get(wanted.updated_at))) else 0.0)
    if len(listed) <= MAX_CONTROL_ROWS:
        return listed, True
    older, newer = listed[:-MAX_CONTROL_ROWS], listed[-MAX_CONTROL_ROWS:]
    keys = [batch_key(one) for one in wanted.batches]
    needed = [row for row in older if (key := _batch(row, wanted)) is None or key in keys]
    kept = needed[-MAX_CONTROL_ROWS:] + newer
    seen = bool(keys) and any(_batch(row, wanted) == keys[0] for row in kept)
    return kept, seen and len(needed) <= MAX_CONTROL_ROWS


def _batch(row: Mapping[str, Any], wanted: Wanted) -> str | None:
    value = row.get(wanted.batch)
    return batch_key(str(value)) if value not in (None, "") else None


def decoded(data: bytes, name: str) -> bytes:
    """Unpack a gzipped file; give any other as it is.

    Raises:
        SourceError: it is damaged, or unpacks to more than is read.
    """
    if not data.startswith(_GZIP):
        return data
    try:
        data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{name} is no gzip file ({error})") from error
    if len(data) > MAX_UNPACKED_BYTES:
        raise SourceError(f"{name} unpacks to more than the {MAX_UNPACKED_BYTES} bytes that are read")
    return data


def reader_of(kind: str, entry: Mapping[str, Any], wanted: Wanted, table: str) -> Reader:
    """Give what reads a file of the table: its wanted columns, and why it may not be all of them.

    Raises:
        SourceError: the entry describes files in a way that is not read.
    """
    serde = (entry.get("StorageDescriptor") or {}).get("SerdeInfo") or {}
    said = {str(key): str(value) for key, value in (entry.get("Parameters") or {}).items()}
    said |= {str(key): str(value) for key, value in (serde.get("Parameters") or {}).items()}
    if strange := next((key for key in sorted(said) if _is_strange(key, said[key])), None):
        raise SourceError(f"{table} sets {strange} in the catalog, which is not read as Athena does")
    if kind == "parquet":
        return lambda data, name: _parquet_rows(data, name, wanted)
    if kind == "csv":
        form = text_form(entry, said, table)
        return lambda data, name: Rows(*csv_rows(data, name, form, wanted, MAX_ROWS))
    library = str(serde.get("SerializationLibrary") or "")
    if library and "json" not in library.lower():
        raise SourceError(f"{table} calls itself JSON and is read by {library}, which is not read")
    return lambda data, name: _json_rows(data, name, wanted)


def _is_strange(key: str, value: str) -> bool:
    """Whether a parameter of the table or its SerDe gives the cells to columns in a way that is not followed here."""
    key, on = key.lower(), value.strip().lower() == "true"
    return (
        key.startswith("mapping.")
        or (key in ("parquet.column.index.access", "dots.in.keys") and on)
        or (key == "serialization.encoding" and value.strip().lower() not in ("utf-8", "utf8"))
    )


def _parquet_rows(data: bytes, name: str, wanted: Wanted) -> Rows:
    rows = [
        {column: cell(value) for column, value in row.items()}
        for row in rows_of(data, wanted.columns, MAX_ROWS + 1, name)
    ]
    return Rows(rows[:MAX_ROWS], _too_many(len(rows)))


def _json_rows(data: bytes, name: str, wanted: Wanted) -> Rows:
    rows: list[dict[str, Any]] = []
    torn = 0
    lines = data.splitlines()
    for line in lines[: MAX_ROWS + 1]:
        if not line.strip():
            continue
        try:
            document = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            torn += 1
            continue
        # Spark reads an array of objects as so many rows.
        for record in document if isinstance(document, list) else [document]:
            row = _record(record, name, wanted)
            if row:
                rows.append(row)
            else:
                torn += 1
    if torn and not rows:
        raise SourceError(f"{name} holds no line of JSON with any of the columns")
    unread = "a line of it is no JSON object with any of the columns" if torn else ""
    return Rows(rows[:MAX_ROWS], unread or _too_many(max(len(rows), len(lines))))


def _record(record: Any, name: str, wanted: Wanted) -> dict[str, Any] | None:
    """Read the wanted columns of an object; None where it is none, or has none of them."""
    if not isinstance(record, dict):
        return None
    columns = {one.casefold(): one for one in reversed(wanted.columns)}
    there = [str(key) for key in record if str(key).casefold() in columns]
    if twice := repeated(there):
        raise SourceError(f"{name} has two columns {twice}, and it cannot be told which is meant")
    return {columns[key.casefold()]: record[key] for key in there}


def _too_many(count: int) -> str:
    return f"it holds more than the {MAX_ROWS} rows that are read" if count > MAX_ROWS else ""
