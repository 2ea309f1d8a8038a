"""Is what a model says in the evidence that it cites? A check of names and numbers, letter for letter.

It cannot tell whether a sentence is true: "KeyError did not occur" holds the name of its evidence as well. It does see
to it that nothing is shown to a person that names a table, an error or a number which the evidence does not hold, and
that a statement with nothing to check is not shown as if it had been checked. What is checked is what is shown: a
statement is made plain before, so that no invisible character hides a name from the check and is stripped behind it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.proposal import Answer, Claim, Grounding
from pipetriage.reasoning.request import Shown, unmarked

# Numbers with their sign and inner points, and words that no dictionary has: with an underscore, a dot, a slash or a
# capital within, with two hyphens or a hyphen and a digit, all in capitals, of another script, or put in quotes.
_NUMBER = re.compile(r"(?:(?<![^\s(\[{=:,\"'`])-)?(?<![\w.])\d[\d,]*(?:\.\d+)*(?![\w])")
_QUOTED = re.compile(r"(?<!\w)[\"'`‹]([^\"'`‹›\n]{2,120})[\"'`›](?!\w)")
_WORD = re.compile(r"[\w$][\w$./:@\-]*")
_ALL_CAPITALS = re.compile(r"[A-Z][A-Z0-9]{3,}")
_INNER_CAPITAL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2,}[a-z]")
_INNER_MARK = re.compile(r"\w[_$/@]\w|[A-Za-z]{2,}[.][A-Za-z]{2,}|[A-Za-z]\d|\d[A-Za-z]")
_FOREIGN = re.compile(r"[^\W\d_A-Za-z\u00c0-\u024f]")
"""A letter beyond the Latin ones: it may look like one of them."""
_OWN_WORDS = frozenset(
    {*Category, *FailureMode, "JSON", "AWS", "and/or", "out-of-memory", "up-to-date", "end-to-end", "row-by-row"}
)
"""What the question itself brings in, and English: it is in no evidence."""
_CITED = re.compile(r"(?<![\w./:@$\-])(\[?)(e\d{1,3})(\]?)(?![\w/@$\-]|[.:]\w)")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"})
_BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u3164\u2800"))
"""Letters and signs that show nothing."""
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-") | dict.fromkeys("\u2014\u2015", " - "))


def ground(answer: Answer, shown: Mapping[str, Shown]) -> tuple[Answer, Grounding]:
    """Cut what is not supported, and give the real ids of evidence in place of the numbers the model knows.

    The root cause cites nothing of its own: it is held against all that the supported claims cite.
    """
    # Said five times, a sentence is one statement.
    claims = list({plain(one.text): replace(one, text=plain(one.text)) for one in answer.claims}.values())
    hypotheses = [replace(one, why=plain(one.why)) for one in answer.hypotheses]
    root = plain(answer.root_cause)
    held = [one for one in claims if _supported(one.text, one.evidence, shown)]
    likely = [one for one in hypotheses if _supported(one.why, one.evidence, shown)]
    rooted = _supported(root, [name for claim in held for name in claim.evidence], shown)
    stated = len(claims) + len(hypotheses) + bool(answer.root_cause)
    kept = len(held) + len(likely) + rooted
    grounded = replace(
        answer,
        root_cause=_named(root, shown) if rooted else "",
        claims=tuple(Claim(text=_named(one.text, shown), evidence=_real(one.evidence, shown)) for one in held),
        hypotheses=tuple(
            replace(one, why=_named(one.why, shown), evidence=_real(one.evidence, shown)) for one in likely
        ),
        more=(),
    )
    return grounded, Grounding(claims=stated, supported=kept, cut=stated - kept)


def plain(text: str) -> str:
    """Write a text on one line, in the common form of each character (NFKC) and without those that do not show."""
    common = unicodedata.normalize("NFKC", " ".join(text.split())).translate(_BLANK).translate(_DASHES)
    return "".join(char for char in common if unicodedata.category(char) not in _UNSEEN)


def _texts(cited: Iterable[str], shown: Mapping[str, Shown]) -> str:
    return "\n".join(shown[name].text for name in cited if name in shown)


def _real(cited: Iterable[str], shown: Mapping[str, Shown]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(shown[name].evidence for name in cited if name in shown))


def _named(text: str, shown: Mapping[str, Shown]) -> str:
    """Say evidence within a sentence by its real id, too."""

    def real(match: re.Match[str]) -> str:
        piece = shown.get(match[2])
        return match[0] if piece is None else f"[{piece.evidence}]"

    return _CITED.sub(real, text)


def _supported(statement: str, cited: Iterable[str], shown: Mapping[str, Shown]) -> bool:
    """Whether it states at least one name or number, and none that the evidence does not hold."""
    terms, evidence = checkable(statement, shown), plain(_texts(cited, shown))
    if not terms or not evidence or any(map(_is_strange, statement)):
        return False
    held = evidence.lower()
    numbers = {_plain_number(match[0]) for match in _NUMBER.finditer(evidence)}
    numbers |= {number.lstrip("-") for number in numbers}
    return all(_plain_number(term) in numbers if _NUMBER.fullmatch(term) else _word_in(term, held) for term in terms)


def _is_strange(char: str) -> bool:
    """Whether it is a digit or fraction that has no plain form, so that it cannot be looked up."""
    return not char.isascii() and (char == "\u2044" or unicodedata.category(char).startswith("N"))


def checkable(statement: str, shown: Iterable[str] = ()) -> frozenset[str]:
    """List the names and numbers in a plain statement that evidence can be searched for; ids that were shown are none.

    A qualified name is one name: that the evidence holds its last part does not make the package true.
    """
    known = frozenset(shown)
    text = _CITED.sub(lambda match: " " if match[2] in known else match[0], unmarked(statement))
    terms = {match[0] for match in _NUMBER.finditer(text)}
    terms |= {match[1].strip() for match in _QUOTED.finditer(text)}
    words = (match[0].rstrip(".:-/$@,") for match in _WORD.finditer(text))
    return frozenset(term for term in terms.union(filter(_is_name, words)) if term and term not in _OWN_WORDS)


def _is_name(word: str) -> bool:
    hyphens = word.count("-")
    return bool(
        hyphens > 1
        or (hyphens and any(map(str.isdigit, word)))
        or _ALL_CAPITALS.fullmatch(word)
        or any(kind.search(word) for kind in (_INNER_CAPITAL, _INNER_MARK, _FOREIGN))
    )


def _plain_number(number: str) -> str:
    return number.replace(",", "").rstrip(".")


def _word_in(term: str, text: str) -> bool:
    """Whether the text, in small letters, holds it as a whole word."""
    word = term.lower()
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
            return True
        start = text.find(word, start + 1)
    return False
