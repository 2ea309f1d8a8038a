"""Reading evidence files: JSON, JSON lines, plain and compressed. Bounded, and never outside the given root."""

import gzip
import os
import re
import stat
import zlib
from pathlib import Path
from typing import Any

import msgspec

from pipetriage.errors import SourceError
from pipetriage.sources.counting import has_read
from pipetriage.sources.packed import Unpacked, named_form

MAX_JSON_BYTES = 512 * 1024 * 1024
"""A JSON document larger than this is no evidence file but an accident; it would not fit in memory decoded."""

MAX_LINE_BYTES = 64 * 1024
"""Longer lines are cut; what a log line says, it says in its first kilobytes."""

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""Of one line of JSON that holds an event of a log, or a page of them."""

# Invalid UTF-8 and control characters, but white space and the escapes of coloured logs.
_ODD = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")
_GZIP_MAGIC = b"\x1f\x8b"


def within(root: Path, path: Path) -> bool:
    """Whether the path, links resolved, is a regular file inside the root."""
    try:
        resolved = os.path.realpath(path, strict=True)
        inside = resolved.startswith(os.path.realpath(root).rstrip(os.sep) + os.sep)
        return inside and stat.S_ISREG(os.lstat(resolved).st_mode)
    except OSError:
        return False


def is_text(path: Path) -> bool:
    """Whether a file's first 64 KiB read as text: in binary junk a tenth and more is invalid UTF-8 or control bytes."""
    try:
        with Unpacked(path) if named_form(path.name) else path.open("rb") as file:
            head = bytearray(MAX_LINE_BYTES)
            head = head[: file.readinto(head) or 0]
    except EOFError:
        return True
    except (OSError, SourceError):
        return False
    decoded = head.decode("utf-8", "replace")
    return len(_ODD.findall(decoded)) * 10 <= len(decoded)


def read_json(path: Path) -> Any:
    """Decode one JSON file, plain or gzip.

    Raises:
        SourceError: unreadable, empty, too large, or not JSON; the message says which and the fix.
    """
    try:
        _check_size(path)
        data = path.read_bytes()
        has_read(len(data))
        if data.startswith(_GZIP_MAGIC):
            data = _unpacked(path)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"cannot read {path.name}: {getattr(error, 'strerror', None) or error}") from error
    if not data.strip():
        raise SourceError(f"{path.name} is empty: write the API's response into it again")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{path.name} is not valid JSON ({error}): write it again") from error


def _unpacked(path: Path) -> bytes:
    with gzip.open(path, "rb") as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise SourceError(f"{path.name} unpacks to more than the {MAX_JSON_BYTES} bytes that are read")
    return data


def _check_size(path: Path) -> None:
    seen = path.stat()
    # Opening a pipe waits for a writer, and a device may have no end.
    if not stat.S_ISREG(seen.st_mode):
        raise SourceError(f"{path.name} is no plain file: put the file itself there")
    if seen.st_size > MAX_JSON_BYTES:
        raise SourceError(f"{path.name} has {seen.st_size} bytes, more than the {MAX_JSON_BYTES} that are read")


def read_json_lines(path: Path) -> tuple[list[Any], int]:
    """Decode a file of JSON lines; give the documents and how many lines could not be decoded.

    Raises:
        SourceError: unreadable, too large, or not one line could be decoded.
    """
    documents: list[Any] = []
    bad = 0
    try:
        _check_size(path)
        with path.open("rb") as file:
            has_read(os.fstat(file.fileno()).st_size)
            for line in file:
                if not line.strip():
                    continue
                try:
                    documents.append(msgspec.json.decode(line))
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    bad += 1
    except OSError as error:
        raise SourceError(f"cannot read {path.name}: {error.strerror or error}") from error
    if bad and not documents:
        raise SourceError(f"{path.name} holds no line of JSON: write it again, one document a line")
    return documents, bad
