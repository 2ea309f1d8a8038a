"""Small files with given columns, as JSON lines, CSV or Parquet: what an input's first object holds."""

import csv
import gzip
import io
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]

SAMPLED = (".json", ".jsonl", ".csv", ".json.gz", ".jsonl.gz", ".csv.gz", ".parquet")
"""Endings of the files that can be made."""

_EXAMPLES: dict[str, Any] = {"bigint": 1, "int": 1, "long": 1, "double": 1.5, "decimal": 1.5, "boolean": True} | {
    "timestamp": "2026-11-21T10:00:00Z",
    "date": "2026-11-21",
}
_ARROW = {
    "bigint": pa.int64(),
    "long": pa.int64(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "binary": pa.binary(),
}


def sample_of(key: str, columns: list[dict[str, str]]) -> bytes:
    """Make a file of one row with these columns (``name``, ``type`` in Spark's words), in the format of its name."""
    bare = key.removesuffix(".gz")
    if bare.endswith(".parquet"):
        return parquet_of(columns)
    row = {one["name"]: _EXAMPLES.get(_bare(one), "x 1") for one in columns}
    data = _csv(row) if bare.endswith(".csv") else msgspec.json.encode(row) + b"\n"
    return gzip.compress(data) if bare != key else data


def parquet_of(columns: list[dict[str, str]]) -> bytes:
    """Make a Parquet file without rows."""
    schema = pa.schema([(one["name"], _arrow(one)) for one in columns])
    out = io.BytesIO()
    pq.write_table(schema.empty_table(), out)
    return out.getvalue()


def _bare(column: dict[str, str]) -> str:
    return column.get("type", "string").split("(")[0]


def _arrow(column: dict[str, str]) -> pa.DataType:
    written = column.get("type", "string")
    if written.startswith("decimal("):
        precision, scale = written.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return _ARROW.get(_bare(column), pa.string())


def _csv(row: dict[str, Any]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(row)
    # A value that no name looks like, in every file.
    writer.writerow(["1" if index == 0 else value for index, value in enumerate(row.values())])
    return out.getvalue().encode()
