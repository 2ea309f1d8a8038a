"""Parquet files: columns and types from the footer alone, rows from a whole file. pyarrow, an extra, reads both."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pipetriage.errors import MissingExtraError, SourceError

TAIL_BYTES = 64 * 1024
"""Of the end of a file, read first: the footer of a table of a hundred columns fits."""
MAX_FOOTER_BYTES = 16 * 1024 * 1024
_MAGIC = b"PAR1"
_END_BYTES = 8
"""The footer's length (4 bytes, little endian) and the magic number, at the end of every file (Parquet format)."""

# Arrow's names of types, in the words of Spark and the Glue catalog. Nested types have none: engines write them each
# in their own way, and a difference of spelling would look like a change.
_TYPES = {
    "string": "string",
    "large_string": "string",
    "string_view": "string",
    "bool": "boolean",
    "float": "float",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "smallint",
    "uint16": "int",
    "uint32": "bigint",
    "double": "double",
    "halffloat": "float",
    "date32[day]": "date",
    "binary": "binary",
    "large_binary": "binary",
}


def footer_columns(tail: Callable[[int], bytes], name: str) -> list[dict[str, str]]:
    """Read a file's columns and, where they are plain, their types. ``tail`` gives the last bytes of the file.

    Raises:
        SourceError: it is no Parquet file, or its footer is larger than is read.
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow, parquet = _pyarrow("reading the columns of Parquet files")
    end = tail(TAIL_BYTES)
    if len(end) < _END_BYTES or not end.endswith(_MAGIC):
        raise SourceError(f"{name} is no Parquet file, or its footer is encrypted")
    length = int.from_bytes(end[-_END_BYTES:-4], "little") + _END_BYTES
    if length > MAX_FOOTER_BYTES:
        raise SourceError(f"{name} has a footer of {length} bytes, more than is read ({MAX_FOOTER_BYTES})")
    if length > len(end):
        end = tail(length)
    try:
        # The footer names places in the file, but nobody goes there for a schema.
        schema = parquet.read_schema(io.BytesIO(_MAGIC + end[-length:]))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{name} has a damaged footer ({_brief(error)})") from error
    return [{"name": field.name} | _type(field.type) for field in schema]


def _type(kind: Any) -> dict[str, str]:
    if hasattr(kind, "value_type") and str(kind).startswith("dictionary"):
        kind = kind.value_type
    written = str(kind)
    if written.startswith("timestamp"):
        return {"type": "timestamp"}
    if written.startswith("decimal"):
        return {"type": f"decimal({kind.precision},{kind.scale})"}
    return {"type": _TYPES[written]} if written in _TYPES else {}


def rows_of(data: bytes, columns: Sequence[str], limit: int, name: str) -> Iterator[dict[str, Any]]:
    """Yield at most ``limit`` rows of a file, of the columns that it has among those wanted, without case.

    Raises:
        SourceError: it is no Parquet file, or two of its wanted columns differ by case alone.
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow, parquet = _pyarrow("reading Parquet files")
    wanted = {column.casefold(): column for column in reversed(columns)}
    left = limit
    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        there = [one for one in file.schema_arrow.names if one.casefold() in wanted]
        if twice := repeated(there):
            raise SourceError(f"{name} has two columns {twice}, and it cannot be told which is meant")
        for batch in file.iter_batches(batch_size=1000, columns=there):
            for row in batch.slice(0, left).to_pylist():
                yield {wanted[column.casefold()]: value for column, value in row.items()}
            left -= min(left, batch.num_rows)
            if not left:
                return
    except (pyarrow.ArrowException, OSError, ValueError, ArithmeticError) as error:
        raise SourceError(f"{name} cannot be read as Parquet ({_brief(error)})") from error


def repeated(names: Iterable[str]) -> str | None:
    """Give the first name that comes twice, without case; engines that ignore case read either of the two."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            return name
        seen.add(name.casefold())
    return None


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]


def _pyarrow(purpose: str) -> tuple[Any, Any]:
    try:
        import pyarrow  # type: ignore[import-untyped]  # pyarrow ships no types
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pyarrow":
            raise
        raise MissingExtraError("parquet", purpose) from error
    return pyarrow, pyarrow.parquet
