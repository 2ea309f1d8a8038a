"""Text as it may stand in a picture: names in it are untrusted."""

import unicodedata
from xml.sax.saxutils import escape

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are left out: control and invisible characters, halves of characters, undefined ones."""


def cut(text: str, most: int) -> str:
    """Give text without control and invisible characters, at most so many long; not yet escaped."""
    kept = "".join(char for char in text[: most * 4] if unicodedata.category(char) not in _HIDDEN)
    return kept if len(kept) <= most else f"{kept[: most - 1]}…"


def escaped(text: str, most: int) -> str:
    """Give text as it may stand in XML and HTML, between tags and in quotes: plain characters, shortened, escaped."""
    return escape(cut(text, most), {'"': "&quot;"})


def many(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
