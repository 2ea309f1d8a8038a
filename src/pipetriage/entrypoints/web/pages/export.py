"""Lists of incidents as CSV and JSON, a page of the store at a time."""

import csv
import io
from collections.abc import Iterator

import msgspec

from pipetriage.model.archive import Archive, Heading, Page, Wanted

MOST = 10_000
"""Incidents of one export; that there are more is said at its end. Ours: about 5 MB."""
_AT_ONCE = 500

Parts = Iterator[bytes]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet takes for a formula (OWASP, CSV injection)."""


def csv_lines(archive: Archive, wanted: Wanted) -> Parts:
    """Give the incidents as CSV, with a heading line.

    Raises:
        StoreError: the store cannot be read.
    """
    # Read before anything is sent: what cannot be read at all is then an answer, not a cut file.
    return _csv_lines(archive, wanted, archive.page(wanted, limit=_AT_ONCE))


def json_parts(archive: Archive, wanted: Wanted) -> Parts:
    """Give the incidents as a JSON document, ``complete`` at its end.

    Raises:
        StoreError: the store cannot be read.
    """
    return _json_parts(archive, wanted, archive.page(wanted, limit=_AT_ONCE))


def csv_line(values: list[object]) -> bytes:
    """Give one line of CSV; no cell is a formula."""
    line = io.StringIO()
    csv.writer(line).writerow([cell(one) for one in values])
    return line.getvalue().encode("utf-8", "replace")


def cell(value: object) -> object:
    """Give a value as it may stand in a spreadsheet: what would be a formula there gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _csv_lines(archive: Archive, wanted: Wanted, first: Page) -> Parts:
    yield csv_line(list(Heading.__struct_fields__))
    more = False
    for headings, more_follow in _pages(archive, wanted, first):
        more = more_follow
        for one in headings:
            yield csv_line(list(msgspec.to_builtins(one).values()))
    if more:
        yield csv_line([f"more than {MOST:,} incidents: filter them for the rest"])


def _json_parts(archive: Archive, wanted: Wanted, first: Page) -> Parts:
    yield b'{"incidents":['
    more, between = False, b""
    for headings, more_follow in _pages(archive, wanted, first):
        more = more_follow
        for one in headings:
            yield between + msgspec.json.encode(one)
            between = b",\n"
    yield b'],"most":%d,"complete":%s}' % (MOST, b"false" if more else b"true")


def _pages(archive: Archive, wanted: Wanted, first: Page) -> Iterator[tuple[list[Heading], bool]]:
    """Yield pages, each with whether there is more than may be exported."""
    found, given = first, 0
    while True:
        headings = found.headings[: MOST - given]
        given += len(headings)
        more = found.following is not None or len(headings) < len(found.headings)
        yield headings, more and given >= MOST
        if not more or given >= MOST:
            return
        found = archive.page(wanted, limit=_AT_ONCE, cursor=found.following)
