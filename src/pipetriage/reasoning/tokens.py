"""How many tokens a text has at most, whatever the model: an estimate that needs no tokenizer."""

import re

# Words, single digits, runs of blanks and line ends, and everything else by the character.
_PIECES = re.compile(r"(?P<word>[A-Za-z]+)|(?P<digit>\d)|(?P<blank>[ \t]+)|(?P<line>\n+)|(?P<other>.)", re.DOTALL)
_LETTERS = 4
"""A word of more letters than that counts as several tokens. English has 4 to 5 letters a token; the names in logs
are rarer words, in more pieces."""

_ELLIPSIS = 3
"""Tokens of the mark that a cut text ends with."""


def tokens(text: str) -> int:
    """Estimate from above.

    Several tokenizers (Qwen's, Llama's, Claude's) give every digit a token of its own, which makes hashes, times and
    ids dear: four characters a token, the usual rule, is far too low for logs. ``benchmarks/tokens.py`` holds the
    estimate against real ones.
    """
    count = 0
    for piece in _PIECES.finditer(text):
        kind = piece.lastgroup
        if kind == "word":
            count += -(-len(piece[0]) // _LETTERS)
        elif kind == "other":
            count += 1 if piece[0].isascii() else 3
        elif kind != "blank":
            # A blank before a word is a part of its token.
            count += 1
    return count


def cut(text: str, limit: int) -> str:
    """Cut a text to at most so many tokens, at a line's end where there is one, and never inside a redaction mark."""
    if tokens(text) <= limit:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if tokens(text[:middle]) + _ELLIPSIS <= limit:
            low = middle
        else:
            high = middle - 1
    kept = text[:low]
    if (opened := kept.rfind("‹")) > kept.rfind("›"):
        kept = kept[:opened]
    line_end = kept.rfind("\n")
    return (kept[:line_end] if line_end > len(kept) // 2 else kept) + "…"
