"""Is what a model says in the evidence that it cites? A check of names and numbers, letter for letter.

It cannot tell whether a sentence is true: "KeyError did not occur" holds the name of its evidence as well. It does see
to it that nothing is shown to a person that names a table, an error or a number which the evidence does not hold, and
that a statement with nothing to check is not shown as if it had been checked.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.proposal import Answer, Claim, Grounding
from pipetriage.reasoning.request import Shown

# Numbers with their inner points, and words that no dictionary has: with an underscore, a dot, a slash or a capital
# within, all in capitals, or put in quotes.
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)*(?![\w])")
_QUOTED = re.compile(r"(?<!\w)[\"'`‹]([^\"'`‹›\n]{2,120})[\"'`›](?!\w)")
_WORD = re.compile(r"[A-Za-z0-9_$][\w$./:@\-]*")
_ALL_CAPITALS = re.compile(r"[A-Z][A-Z0-9]{3,}")
_INNER_CAPITAL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2,}[a-z]")
_INNER_MARK = re.compile(r"\w[_$/@]\w|[A-Za-z]{2,}[.][A-Za-z]{2,}|[A-Za-z]\d|\d[A-Za-z]")
_OWN_WORDS = frozenset({*Category, *FailureMode, "JSON", "AWS", "and/or"})
"""What the question itself brings in; it is in no evidence."""
_CITED = re.compile(r"\[?\be\d{1,3}\b\]?")


def ground(answer: Answer, shown: Mapping[str, Shown]) -> tuple[Answer, Grounding]:
    """Cut what is not supported, and give the real ids of evidence in place of the numbers the model knows.

    The root cause cites nothing of its own: it is held against all that the supported claims cite.
    """
    held = [one for one in answer.claims if _supported(one.text, _texts(one.evidence, shown))]
    likely = [one for one in answer.hypotheses if _supported(one.why, _texts(one.evidence, shown))]
    cited = [name for claim in held for name in claim.evidence]
    rooted = bool(answer.root_cause) and _supported(answer.root_cause, _texts(cited, shown))
    stated = len(answer.claims) + len(answer.hypotheses) + bool(answer.root_cause)
    kept = len(held) + len(likely) + rooted
    grounded = replace(
        answer,
        root_cause=_named(answer.root_cause, shown) if rooted else "",
        claims=tuple(Claim(text=_named(one.text, shown), evidence=_real(one.evidence, shown)) for one in held),
        hypotheses=tuple(
            replace(one, why=_named(one.why, shown), evidence=_real(one.evidence, shown)) for one in likely
        ),
        more=(),
    )
    return grounded, Grounding(claims=stated, supported=kept, cut=stated - kept)


def _texts(cited: Iterable[str], shown: Mapping[str, Shown]) -> str:
    return "\n".join(shown[name].text for name in cited if name in shown)


def _real(cited: Iterable[str], shown: Mapping[str, Shown]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(shown[name].evidence for name in cited if name in shown))


def _named(text: str, shown: Mapping[str, Shown]) -> str:
    """Say evidence within a sentence by its real id, too."""

    def real(match: re.Match[str]) -> str:
        piece = shown.get(match[0].strip("[]"))
        return match[0] if piece is None else f"[{piece.evidence}]"

    return _CITED.sub(real, text)


def _supported(statement: str, evidence: str) -> bool:
    """Whether it states at least one name or number, and none that the evidence does not hold."""
    terms = checkable(statement)
    if not terms or not evidence:
        return False
    held = evidence.lower()
    numbers = {_plain_number(match[0]) for match in _NUMBER.finditer(evidence)}
    return all(_plain_number(term) in numbers if _NUMBER.fullmatch(term) else _holds(held, term) for term in terms)


def checkable(statement: str) -> frozenset[str]:
    """List the names and numbers in a statement that evidence can be searched for."""
    text = _CITED.sub(" ", statement)
    terms = {match[0] for match in _NUMBER.finditer(text)}
    terms |= {match[1].strip() for match in _QUOTED.finditer(text)}
    for match in _WORD.finditer(text):
        word = match[0].rstrip(".:-/$@,")
        if _ALL_CAPITALS.fullmatch(word) or _INNER_CAPITAL.search(word) or _INNER_MARK.search(word):
            terms.add(word)
    return frozenset(term for term in terms if term and term not in _OWN_WORDS)


def _plain_number(number: str) -> str:
    return number.replace(",", "").rstrip(".")


def _holds(evidence: str, term: str) -> bool:
    """Whether the evidence holds a name as a whole word; of a qualified class name, its last part is enough."""
    wanted = term.lower()
    last = term.rpartition(".")[2]
    names = (wanted, last.lower()) if last[:1].isupper() and "/" not in term else (wanted,)
    return any(_word_in(one, evidence) for one in dict.fromkeys(names))


def _word_in(word: str, text: str) -> bool:
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
            return True
        start = text.find(word, start + 1)
    return False
