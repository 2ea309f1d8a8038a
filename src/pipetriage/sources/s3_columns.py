"""The columns of an input in S3, from one end of a few of its files: JSON lines, CSV with a header, Parquet."""

import csv
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.sources.local_files import SAMPLED_LINES, Answer
from pipetriage.sources.parquet import footer_columns
from pipetriage.sources.s3 import listing

SAMPLED_FILES = 5
"""Input files that are looked into; one request each, two for a Parquet file with a large footer."""
_SAMPLED_BYTES = 256 * 1024
"""Of each text file, and of what a compressed one unpacks to."""

_KINDS = {".jsonl": "json", ".ndjson": "json", ".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
_DELIMITERS = (",", ";", "\t", "|")
# A column's name, as headers have them; a number, a date or an empty cell is none.
_NAME = re.compile(r"[^\W\d][\w .:/()#%&-]{0,127}")
_MAX_NAMES = 1_000
"""Names in the records of one JSON file: more are no columns, but keys that are data themselves."""
Columns = list[dict[str, str]]


class _File(NamedTuple):
    columns: Columns
    by_header: bool = False
    """They are a CSV file's first line, which may be a row."""
    alone: bool = False
    """No row below that line shows that it is none."""


def sampled_schema(aws: AwsSession, uri: str, expected: Collection[str] = ()) -> Answer:
    """Read the input's column names from some of its files, and the types where Parquet says them.

    A column is there if any file has it. Where files give it different types, the one that fewest have counts: a feed
    changes one file at a time. ``expected`` are declared names: the first line of a CSV file is no header where it has
    none of those, nor any that another file has.

    Raises:
        SourceError: there is no file of a kind that is read, or none of them can be read.
        MissingExtraError: the input is Parquet, and pyarrow is not installed.
    """
    found = listing(aws, uri).payload
    # Of an empty object no range can be read.
    filled = [str(one["Key"]) for one in found.get("Contents", ()) if one.get("Size")]
    keys = [key for key in filled if _kind(key)]
    # Some of those that came first and some that came last: a feed may change in between.
    keys = list(dict.fromkeys([*keys[: SAMPLED_FILES // 2 + 1], *keys[-(SAMPLED_FILES // 2) :]]))
    if not keys:
        raise SourceError("the input holds no JSON-lines, CSV or Parquet file whose columns can be read")
    files: list[_File] = []
    unread: list[SourceError] = []
    for key in keys:
        try:
            files.append(_columns(aws, found["Name"], key))
        except SourceError as error:
            unread.append(error)  # the others still say what the columns are
    told = [one.columns for one in files if _is_vouched_for(one, files, expected)]
    columns = _united(told)
    if not columns:
        if len(told) < len(files):
            raise SourceError(f"{uri} has no line of column names that can be told from its rows")
        raise unread[-1] if unread else SourceError("the input's files hold no row whose columns can be read")
    return Answer({"columns": columns}, f"{uri} (columns of {len(told)} files)")


def _is_vouched_for(file: _File, files: list[_File], expected: Collection[str]) -> bool:
    """Whether a file's columns are surely names: values taken for names would be a drift, and show what rows hold."""
    if not file.by_header:
        return True
    own = _folded(one["name"] for one in file.columns)
    others = [one for one in files if one is not file]
    if not expected and not others:
        return not file.alone
    known = _folded(expected).union(*(_folded(one["name"] for one in other.columns) for other in others))
    return bool(own & known)


def _folded(names: Iterable[str]) -> set[str]:
    return {name.strip().casefold() for name in names}


def _kind(key: str) -> str | None:
    """Tell a file's kind by its name; None for one that is not read, and for those that engines hide."""
    name = key.rsplit("/", 1)[-1].lower()
    if name.startswith(("_", ".")):
        return None
    bare = name.removesuffix(".gz")
    kind = next((kind for ending, kind in _KINDS.items() if bare.endswith(ending)), None)
    return None if kind == "parquet" and bare != name else kind


def _united(files: list[Columns]) -> Columns:
    types: dict[str, Counter[str]] = {}
    for columns in files:
        for column in columns:
            types.setdefault(column["name"], Counter()).update([column["type"]] if column.get("type") else [])
    return [
        {"name": name} | ({"type": min(seen, key=lambda one: seen[one])} if seen else {})
        for name, seen in types.items()
    ]


def _columns(aws: AwsSession, bucket: str, key: str) -> _File:
    uri, kind = f"s3://{bucket}/{key}", _kind(key)
    if kind == "parquet":
        return _File(footer_columns(lambda count: _part(aws, bucket, key, f"bytes=-{count}"), uri))
    head = _part(aws, bucket, key, f"bytes=0-{_SAMPLED_BYTES - 1}")
    torn = len(head) == _SAMPLED_BYTES
    if key.lower().endswith(".gz"):
        head, torn = _unpacked(head, uri)
    lines = head.split(b"\n")
    # The last piece may be torn.
    lines = (lines[:-1] if torn and len(lines) > 1 else lines)[: SAMPLED_LINES + 1]
    if kind == "json":
        return _File([{"name": name} for name in _json_names(lines[:SAMPLED_LINES], uri)])
    names, alone = _header(lines, uri)
    return _File([{"name": name} for name in names], by_header=True, alone=alone)


def _part(aws: AwsSession, bucket: str, key: str, wanted: str) -> bytes:
    with aws.calling(f"s3:GetObject of s3://{bucket}/{key}"):
        data: bytes = aws.client("s3").get_object(Bucket=bucket, Key=key, Range=wanted)["Body"].read()
    return data


def _unpacked(data: bytes, uri: str) -> tuple[bytes, bool]:
    """Unpack the beginning of a gzip file, as far as it was read."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        head = unpacking.decompress(data, _SAMPLED_BYTES)
    except zlib.error as error:
        raise SourceError(f"{uri} is no gzip file ({error})") from error
    return head, not unpacking.eof


def _json_names(lines: list[bytes], uri: str) -> list[str]:
    """Read the names of the first records.

    Raises:
        SourceError: they are no columns: most records bring some that no other has, or there are very many.
    """
    records: list[list[str]] = []
    for line in lines:
        try:
            record = msgspec.json.decode(line) if line.strip() else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            break  # a damaged file says nothing more of the schema
        if isinstance(record, dict):
            records.append([str(name) for name in record])
    counted = Counter(name for record in records for name in record)
    # A feed that changes brings a name once, and keeps it.
    strange = sum(any(counted[name] == 1 for name in record) for record in records)
    if len(counted) > _MAX_NAMES or (len(records) > 1 and 2 * strange > len(records)):
        raise SourceError(f"{uri} has records whose keys are no columns, but data themselves")
    return list(counted)


def _header(lines: list[bytes], uri: str) -> tuple[list[str], bool]:
    """Read the column names of a CSV file's first line, and tell whether no row follows.

    Raises:
        SourceError: its first line is no header: the rows below it look no different, or it holds values.
    """
    text = [line.decode("utf-8-sig", "replace").rstrip("\r") for line in lines if line.strip()]
    rows: list[list[str]] = max(
        (_parsed(text, delimiter) for delimiter in _DELIMITERS), key=lambda parsed: len(parsed[0]) if parsed else 0
    )
    header, data = (rows[0], rows[1:]) if rows else ([], [])
    # A first line of values must not be taken for names: it would look like a drift, and show what rows hold.
    if not _are_names(header) or (data and all(_are_names(row) for row in data)):
        raise SourceError(f"{uri} has no line of column names that can be told from its rows")
    return [name.strip() for name in header], not data


def _parsed(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []


def _are_names(cells: list[str]) -> bool:
    names = [cell.strip() for cell in cells]
    return bool(names) and len(set(names)) == len(names) and all(_NAME.fullmatch(name) for name in names)
