"""Rows of a control table out of the bytes of its files: JSON lines, CSV as its catalog entry describes it, Parquet."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pipetriage.errors import SourceError
from pipetriage.model.times import parse_time
from pipetriage.sources.control_table import Wanted
from pipetriage.sources.documents import cell
from pipetriage.sources.local_database import MAX_CONTROL_ROWS
from pipetriage.sources.parquet import rows_of

MAX_FILES = 300
"""Files read, newest first: a table to which each run appends two rows has two a day."""
MAX_BYTES = 32 * 1024 * 1024
"""Of all files together, as they lie there."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""What one gzipped file may unpack to: a thousand times its size is possible."""
MAX_ROWS = 200_000
"""Rows taken out of files, of which the newest are kept."""

_GZIP = b"\x1f\x8b"
_OPEN_CSV = "opencsvserde"
_HIVES_DELIMITER = "\x01"
"""Of LazySimpleSerDe where the entry names none (Hive's default, ^A)."""

_NULLS = frozenset({"", "\\N"})
"""What Hive's text formats write for null."""

Reader = Callable[[bytes, str], tuple[list[dict[str, Any]], bool]]


def newest(rows: Iterable[dict[str, Any]], wanted: Wanted) -> tuple[list[dict[str, Any]], bool]:
    """Keep the newest rows, and tell whether those are all."""
    listed = sorted(rows, key=lambda row: at.timestamp() if (at := parse_time(row.get(wanted.updated_at))) else 0.0)
    return listed[-MAX_CONTROL_ROWS:], len(listed) <= MAX_CONTROL_ROWS


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


def reader_of(kind: str, entry: Mapping[str, Any], wanted: Wanted) -> Reader:
    """Give what reads a file of the table: its wanted columns, and whether all of it could be read."""
    if kind == "parquet":

        def parquet(data: bytes, name: str) -> tuple[list[dict[str, Any]], bool]:
            rows = [_cells(row) for row in rows_of(data, wanted.columns, MAX_ROWS + 1, name)]
            return rows[:MAX_ROWS], len(rows) <= MAX_ROWS

        return parquet
    if kind == "csv":
        return lambda data, name: _csv_rows(data, name, entry, wanted)
    return lambda data, name: _json_rows(data, name, wanted)


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cell(value) for name, value in row.items()}


def _json_rows(data: bytes, name: str, wanted: Wanted) -> tuple[list[dict[str, Any]], bool]:
    rows: list[dict[str, Any]] = []
    torn = 0
    for line in data.splitlines()[: MAX_ROWS + 1]:
        try:
            record = msgspec.json.decode(line) if line.strip() else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            torn += 1
            continue
        if isinstance(record, dict):
            by_case = {str(key).casefold(): value for key, value in record.items()}
            rows.append({one: by_case.get(one.casefold()) for one in wanted.columns if one.casefold() in by_case})
    if torn and not rows:
        raise SourceError(f"{name} holds no line of JSON")
    return rows[:MAX_ROWS], not torn and len(rows) <= MAX_ROWS


def _csv_rows(data: bytes, name: str, entry: Mapping[str, Any], wanted: Wanted) -> tuple[list[dict[str, Any]], bool]:
    storage = entry.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    said = {str(key): str(value) for key, value in (serde.get("Parameters") or {}).items()}
    places = {
        one: number
        for number, column in enumerate(storage.get("Columns") or ())
        for one in wanted.columns
        if one.casefold() == str(column.get("Name")).casefold()
    }
    parameters = entry.get("Parameters") or {}
    skipped = str(parameters.get("skip.header.line.count", said.get("skip.header.line.count", "0")))
    try:
        # Hive's formats know no line end within quotes: each line is a row.
        lines = data.decode("utf-8-sig").splitlines()[int(skipped) if skipped.isdecimal() else 0 :]
        parsed = list(csv.reader(lines[: MAX_ROWS + 1], **_dialect(str(serde.get("SerializationLibrary") or ""), said)))
    except (csv.Error, TypeError, UnicodeDecodeError) as error:
        raise SourceError(f"{name} cannot be read as its catalog entry describes it ({error})") from error
    rows = [
        {
            one: None if cells[number] in _NULLS else cells[number]
            for one, number in places.items()
            if number < len(cells)
        }
        for cells in parsed
        if cells
    ]
    # Fewer cells than the table has columns: torn, or of another form than the catalog says.
    whole = all(len(cells) > max(places.values(), default=0) for cells in parsed if cells)
    return rows[:MAX_ROWS], whole and len(lines) <= MAX_ROWS


def _dialect(serde: str, said: Mapping[str, str]) -> dict[str, Any]:
    if _OPEN_CSV in serde.lower():
        escape = said.get("escapeChar", "\\")
        quote = said.get("quoteChar", '"')
        return {"delimiter": said.get("separatorChar", ","), "quotechar": quote, "escapechar": escape}
    delimiter = said.get("field.delim") or said.get("serialization.format") or _HIVES_DELIMITER
    return {
        # Hive writes its delimiters as numbers, too.
        "delimiter": chr(int(delimiter)) if delimiter.isdecimal() and len(delimiter) <= 3 else delimiter,
        "quoting": csv.QUOTE_NONE,
        "escapechar": said.get("escape.delim"),
    }
