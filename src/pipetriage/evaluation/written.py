"""Text that others wrote (case names, notes, log excerpts), made harmless for the files that a report consists of."""

import re
import unicodedata
from html import escape

# What XML 1.0 allows (production 2, Char); halves of characters, which Python strings may hold, are not in it.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def storable(text: str) -> str:
    """Replace halves of characters (from file names that are no UTF-8), which no UTF-8 file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def for_html(text: object) -> str:
    """Escape for an element or a quoted attribute, and drop what cannot be seen: such characters reorder text."""
    seen = (char for char in str(text) if char in "\n\t" or not unicodedata.category(char).startswith("C"))
    return escape("".join(seen), quote=True)


def for_xml(text: str) -> str:
    """Drop the characters that no XML document may hold; whoever writes the document escapes the rest."""
    return _NOT_XML.sub("", text)
