"""How many tokens a text has at most, whatever the model: an estimate that needs no tokenizer."""

import re
from functools import lru_cache
from itertools import pairwise

# Words, single digits, runs of blanks and line ends, and everything else by the character.
_PIECES = re.compile(r"(?P<word>[A-Za-z]+)|(?P<digit>\d)|(?P<blank>[ \t]+)|(?P<line>\n+)|(?P<other>.)", re.DOTALL)
_LETTERS = 4
"""A word of more letters than that counts as several tokens. English has 4 to 5 letters a token; the names in logs
are rarer words, in more pieces."""
_FOLLOWS = {
    "a": "bcdgiklmnprstuvxy",
    "b": "aeijlorsuy",
    "c": "aehiklortu",
    "d": "adeilorsu",
    "e": "acdefglmnopqrstvwxy",
    "f": "aefilorstu",
    "g": "eilnrsu",
    "h": "aeiort",
    "i": "abcdefglmnoprstvxz",
    "j": "e",
    "k": "es",
    "l": "adefilostuy",
    "m": "abeimopsu",
    "n": "acdefgiklnopstuv",
    "o": "abcdfgiklmnoprstuvw",
    "p": "aeiloprstuy",
    "q": "u",
    "r": "acdegikmnorstuy",
    "s": "acehilopstuy",
    "t": "acdefhilmoprstuwy",
    "u": "bcefilmnprst",
    "v": "aei",
    "w": "aehior",
    "x": "cipt",
    "y": "epst",
    "z": "e",
}
"""What follows a letter in 96 of 100 cases: the 250 commonest pairs in Python's standard library, code and prose. A
text of other pairs (base64, ids, ciphers) has no words that a tokenizer knows: it is cut at nearly each of them."""

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
            count += _word(piece[0])
        elif kind == "blank":
            # A single one before a word is a part of the word's token.
            count += 0 if piece[0] == " " else 1 + piece[0].count(" \t") + piece[0].count("\t ")
        elif kind == "other":
            # Without a token of its own, a character is cut into its bytes.
            count += len(piece[0].encode(errors="surrogatepass"))
        else:
            count += 1
    return count


@lru_cache(maxsize=20_000)
def _word(word: str) -> int:
    small = word.lower()
    rare = sum(second not in _FOLLOWS[first] for first, second in pairwise(small))
    if word.isupper():
        # Tokenizers know fewer pieces of capitals.
        rare += rare // 4
    humps = sum(first.islower() and second.isupper() for first, second in pairwise(word))
    return max(-(-len(word) // _LETTERS), 1 + rare + humps)


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
