"""A table of a page as CSV and JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from fastapi import Response

from pipetriage.entrypoints.web.pages.export import csv_line
from pipetriage.entrypoints.web.pages.rendering import HEADERS
from pipetriage.errors import UsageError


class Table(NamedTuple):
    """A table, as it is written for a spreadsheet."""

    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


def as_csv(page: str, tables: Mapping[str, Table], name: str) -> Response:
    """Answer with one of a page's tables as CSV.

    Raises:
        UsageError: the page has no such table.
    """
    if name not in tables:
        raise UsageError(f"table: choose one of {', '.join(tables)}")
    table = tables[name]
    lines = [csv_line(list(table.columns)), *(csv_line(list(row)) for row in table.rows)]
    return _download(b"".join(lines), "text/csv; charset=utf-8", f"{page}-{name}.csv")


def as_json(page: str, document: msgspec.Struct) -> Response:
    """Answer with all that a page shows as JSON."""
    return _download(msgspec.json.encode(document), "application/json", f"{page}.json")


def _download(data: bytes, kind: str, name: str) -> Response:
    named = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=kind, headers={**HEADERS, **named})
