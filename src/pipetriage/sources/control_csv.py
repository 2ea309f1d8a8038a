"""Rows of a CSV control table, as its SerDe in the catalog tells cells apart: LazySimpleSerDe and OpenCSVSerde.

Engines differ in what they make of a stray quote or escape. A line is taken only where they cannot: where one does not
have exactly the form of its SerDe, the file counts as not read whole.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipetriage.errors import SourceError
from pipetriage.sources.control_wanted import Wanted

_OPEN_CSV, _LAZY = "opencsvserde", "lazysimpleserde"
_HIVES_DELIMITER = "\x01"
"""Of LazySimpleSerDe where the entry names none (Hive's default, ^A)."""
_HIVES_NULL = "\\N"
_LINE_END = re.compile(r"\r\n|\n|\r")
"""What Hadoop's line reader ends a line at; quotes or not, each line is a row."""
_QUOTES = ("'", '"')


class TextForm(NamedTuple):
    """How the entry describes the lines of its files."""

    columns: tuple[str, ...]
    delimiter: str
    quote: str | None
    escape: str | None
    null: str
    skipped: int
    """Lines of each file's header."""


def text_form(entry: Mapping[str, Any], said: Mapping[str, str], table: str) -> TextForm:
    """Read how the entry describes its lines; ``said`` are the parameters of the table and its SerDe.

    Raises:
        SourceError: by a SerDe that is not read, or by something other than single characters.
    """
    storage = entry.get("StorageDescriptor") or {}
    library = str((storage.get("SerdeInfo") or {}).get("SerializationLibrary") or "")
    columns = tuple(str(one.get("Name")) for one in storage.get("Columns") or ())
    header = said.get("skip.header.line.count", "0")
    skipped = int(header) if header.isdecimal() else 0
    if _OPEN_CSV in library.lower():
        delimiter, quote = said.get("separatorChar", ","), said.get("quoteChar", '"')
        escape: str | None = said.get("escapeChar", "\\")
        form = TextForm(columns, delimiter, quote, escape if escape != quote else None, "", skipped)
    elif _LAZY in library.lower() or not library:
        delimiter = said.get("field.delim") or said.get("serialization.format") or _HIVES_DELIMITER
        # Hive writes its delimiters as numbers, too.
        delimiter = chr(int(delimiter)) if delimiter.isdecimal() and len(delimiter) <= 3 else delimiter
        null = said.get("serialization.null.format", _HIVES_NULL)
        form = TextForm(columns, delimiter, None, said.get("escape.delim") or None, null, skipped)
    else:
        raise SourceError(f"{table} is read by {library}: of CSV, LazySimpleSerDe and OpenCSVSerde are read")
    marks = [one for one in (form.delimiter, form.quote, form.escape) if one is not None]
    if any(len(one) != 1 for one in marks) or len(set(marks)) < len(marks):
        raise SourceError(f"{table} tells its cells apart by other than single, different characters: it is not read")
    if said.get("line.delim", "\n") not in ("\n", "\r\n", "10"):
        raise SourceError(f"{table} ends its rows with other than line ends (line.delim): it is not read")
    return form


def csv_rows(data: bytes, name: str, form: TextForm, wanted: Wanted, limit: int) -> tuple[list[dict[str, Any]], str]:
    """Read at most so many rows of a file, and say why they may not be all; nothing where they are.

    Raises:
        SourceError: it is no text in UTF-8.
    """
    try:
        lines = _LINE_END.split(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is no text in UTF-8 ({error.reason})") from error
    names = [one.casefold() for one in form.columns]
    places = {one: names.index(one.casefold()) for one in wanted.columns if one.casefold() in names}
    cell = _pattern(form)
    rows: list[dict[str, Any]] = []
    unread = "" if _is_header(lines[: form.skipped], form) else "the lines that it skips as a header name no column"
    lines = lines[form.skipped :]
    if len(lines) > limit + 1:
        unread = unread or f"it holds more than the {limit} rows that are read"
    for number, line in enumerate(lines[: limit + 1], form.skipped + 1):
        if not line:
            continue
        cells = _cells(line, cell, form.delimiter)
        if cells is None:
            unread = unread or f"line {number} has a quote or escape where none can be, or an open one"
            continue
        if len(cells) != len(form.columns):
            unread = unread or f"line {number} has {len(cells)} cells, not the {len(form.columns)} of the catalog"
        row = {one: _value(cells[place], form) for one, place in places.items() if place < len(cells)}
        if any(_is_doubtful(cells[place], row[one], form) for one, place in places.items() if one in row):
            unread = unread or f"line {number} has a cell with quotes or escapes that its SerDe may keep"
        rows.append(row)
    return rows[:limit], unread


def _is_header(lines: Sequence[str], form: TextForm) -> bool:
    """Whether skipped lines name a column: where a writer left the header out, they are rows."""
    names = {_bare(one) for one in form.columns}
    return not any(lines) or any(_bare(cell) in names for line in lines for cell in line.split(form.delimiter))


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _pattern(form: TextForm) -> re.Pattern[str]:
    """Give the pattern of one cell that every reader of this form reads alike; each character can match in one way."""
    delimiter, quote, escape = (re.escape(one) if one else "" for one in (form.delimiter, form.quote, form.escape))
    plain = f"[^{delimiter}{quote}{escape}]"
    if not quote:
        # An escape at the very end takes the line end with it.
        return re.compile(f"(?:{plain}|{escape}.)*+" if escape else f"{plain}*+", re.DOTALL)
    # Outside of quotes, some readers let an escape count and some do not.
    bare = f"(?:{plain}|{escape}{plain})*+" if escape else f"{plain}*+"
    inner = f"[^{quote}{escape}]|{quote}{quote}" + (f"|{escape}." if escape else "")
    return re.compile(f"{quote}(?:{inner})*+{quote}(?!{quote})|{bare}", re.DOTALL)


def _cells(line: str, cell: re.Pattern[str], delimiter: str) -> Sequence[str] | None:
    """Split a line into its cells as they are written; None where it is not wholly of such cells."""
    found: list[str] = []
    at = 0
    while one := cell.match(line, at):
        found.append(one[0])
        at = one.end()
        if at == len(line):
            return found
        if line[at] != delimiter:
            return None
        at += 1
    return None


def _value(written: str, form: TextForm) -> str | None:
    if form.quote and written.startswith(form.quote):
        written = written[1:-1].replace(form.quote * 2, form.quote)
    elif not form.quote and written == form.null:
        return None
    if form.escape:
        written = re.sub(re.escape(form.escape) + "(.)", r"\1", written, flags=re.DOTALL)
    # OpenCSVSerde knows no null; what others export as one is none to us either.
    return None if written in ("", _HIVES_NULL) else written


def _is_doubtful(written: str, value: str | None, form: TextForm) -> bool:
    """Whether readers may differ in a cell's value, so that an id or a status might not be known again."""
    if form.escape and form.escape in written and written != _HIVES_NULL:
        return True
    return form.quote is None and bool(value) and (str(value)[0] in _QUOTES or str(value)[-1] in _QUOTES)
