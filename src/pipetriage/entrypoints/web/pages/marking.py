"""Which words of an excerpt say what broke: they are highlighted, so that an eye finds them in thirty lines."""

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from pipetriage.entrypoints.plain_text import visible
from pipetriage.model.incident import Incident

_LONGEST = 20_000
"""Characters of an excerpt that are looked through; what comes after is shown as it is."""
_MOST_WORDS = 40

# Names of errors and refusals in any language a job is written in; a cause; a place in code. One word each, so that no
# two alternatives can match the same text in two ways: linear time.
_ERROR = re.compile(
    r"\b[A-Za-z_][\w$]{0,80}(?:Exception|Error|Denied|Failure|Fault)\b|\bCaused by\b|\bexit code \d{1,3}\b"
)
# What in a statement is a name: it has a letter that no sentence has, or stands in quotes.
_NAME = re.compile(r"[`'\"“]([^`'\"“”]{3,80})[`'\"”]|([A-Za-z0-9$]{1,60}(?:[_./:][A-Za-z0-9$=-]{1,60})+)")


def words_of(incident: Incident) -> tuple[str, ...]:
    """Give the names that the verdict's own sentences say: columns, paths, tables, classes of errors."""
    said = [incident.likely_root_cause, *(one.statement for one in incident.findings)]
    found = (quoted or name for text in said for quoted, name in _NAME.findall(text[:2_000]))
    return tuple(dict.fromkeys(one.strip(".:/") for one in found if len(one.strip(".:/")) > 3))[:_MOST_WORDS]


def marked(excerpt: str, words: Iterable[str] = ()) -> Markup:
    """Give an excerpt, escaped, with the words of the error and those given highlighted."""
    text = visible(excerpt)
    head, rest = text[:_LONGEST], text[_LONGEST:]
    spans = sorted({match.span() for match in _ERROR.finditer(head)} | set(_places(head, words)))
    parts, at = [], 0
    for begin, end in spans:
        if begin < at:
            continue  # it is inside the one before
        parts += [escape(head[at:begin]), Markup("<mark>{}</mark>").format(head[begin:end])]
        at = end
    return Markup("").join([*parts, escape(head[at:]), escape(rest)])


def _places(text: str, words: Iterable[str]) -> Iterable[tuple[int, int]]:
    lowered = text.lower()
    # Lower case can be longer than what it was made of, in some scripts: then nothing is where it was.
    if len(lowered) != len(text):
        return
    for word in words:
        begin = lowered.find(word.lower())
        while begin >= 0:
            yield begin, begin + len(word)
            begin = lowered.find(word.lower(), begin + len(word))
