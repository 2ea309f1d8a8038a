"""Cursors: where a list goes on. Opaque to whoever asks."""

import base64
import binascii

import msgspec

from pipetriage.errors import UsageError


class Cursor(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The last incident of a page: everything that comes after it is older."""

    number: int | None
    """Its place in the order of the search; None in a list by time."""
    at: str
    id: str

    def text(self) -> str:
        """Write it as it stands in an address."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def read_cursor(text: str | None) -> Cursor | None:
    """Read a cursor.

    Raises:
        UsageError: it is none of ours.
    """
    if not text:
        return None
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        cursor = msgspec.json.decode(data, type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise UsageError("the cursor is none of ours: begin at the first page") from error
    if "\0" in cursor.at + cursor.id or not -(2**31) < (cursor.number or 0) < 2**31:
        raise UsageError("the cursor is none of ours: begin at the first page")
    return cursor
