"""Which snapshots of which tables a query asks for by time travel, from its text.

Comments and strings are not read; a name may be quoted and dotted. A text whose quotes or comments do not close says
nothing, as no one can tell which half of it is a string.
"""

import re

# One token each: a comment, a string, a quoted name (doubled quotes stay within it), a word or a number, anything else.
# Every alternative is bounded by its own closing character, and what does not close is a token of its own: linear.
_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*')"""
    r"""|(?P<quoted>"(?:[^"]|"")*"|`[^`]*`)|(?P<word>[\w$]+)|(?P<open>/\*|['"`])|(?P<other>.)""",
    re.DOTALL,
)
_OF = ("as", "of")


def asked_versions(sql: str) -> tuple[tuple[str, str], ...] | None:
    """Give the tables with ``FOR [SYSTEM_]VERSION AS OF n`` behind their name, lower case, and n; None: unreadable."""
    found: list[tuple[str, str]] = []
    tokens: list[str] = []
    for match in _TOKEN.finditer(sql):
        if match["open"]:
            return None
        if match["quoted"]:
            tokens.append("." + match["quoted"][1:-1].replace('""', '"').lower())
        elif match["word"]:
            tokens.append("." + match["word"].lower())
        elif match["other"]:
            tokens.append(match["other"])
    for at, word in enumerate(tokens):
        words = [one[1:] for one in tokens[at : at + 5]]
        if word != ".for" or len(words) < 5 or words[1] not in ("version", "system_version"):
            continue
        if tuple(words[2:4]) == _OF and words[4].isascii() and words[4].isdecimal():
            found.append((_name_before(tokens, at), words[4]))
    return tuple(found)


def _name_before(tokens: list[str], at: int) -> str:
    """Join the dotted name that ends before a place."""
    parts: list[str] = []
    while at > 0 and len(tokens[at - 1]) > 1:
        parts.append(tokens[at - 1][1:])
        if at < 2 or tokens[at - 2] != ".":
            break
        at -= 2
    return ".".join(reversed(parts))
