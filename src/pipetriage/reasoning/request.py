"""A context as a model gets it: the most telling evidence first, quoted line by line, rules and question last.

Bounded in tokens whatever the size of the log: what does not fit is left out, the least telling first. Places and the
time of looking are left out too, so that the same failure makes the same request.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pipetriage.errors import ConfigError
from pipetriage.model.context import Context
from pipetriage.model.evidence import Evidence
from pipetriage.model.finding import Finding
from pipetriage.model.proposal import RequestKind
from pipetriage.reasoning.interface import Question
from pipetriage.reasoning.prompts import prompt
from pipetriage.reasoning.tokens import cut, tokens

SCHEMA_TOKENS = 700
"""What the answer's form costs: some providers count it as input. A test holds it above the real one."""
_QUOTE = "| "
"""Stands before every line that is not ours. A line can be quoted, but no line of ours can be imitated."""
_LONG, _SHORT = 440, 110
"""Tokens of one piece of evidence at most: errors and what was asked for, and everything else."""
_AT_LEAST = 24
"""Tokens below which a piece that does not fit is left out rather than cut."""
_JOINTS = 16
"""Tokens of the blank lines between the parts."""
_SNAPSHOTS = 12
_RUNS = 3
_TOLD, _UNSEEN = 350, 150
"""Tokens kept free of evidence for what the rules found and for what could not be seen, at most. Else one long piece of
evidence would push them out."""
_CITING = 24
"""Tokens of the numbers that one finding cites, at most: four of ``e12, ``."""
_CITED = 4
_ROOM = 400
"""Tokens below which evidence is worth more than the prompt's examples, which are then left out."""
_NO_ROOM = 150
"""Tokens below which nothing of use can be shown."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence as the model reads it."""

    evidence: str
    """Its real id. A model never sees it on a line of ours: it may hold a table's name, which anybody can choose."""
    text: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what of the evidence it shows."""

    question: Question
    shown: Mapping[str, Shown]
    """By the number that the model knows it by (``e1``): what a claim is held against."""


def build_request(
    context: Context,
    findings: Sequence[Finding],
    *,
    input_tokens: int,
    offered: frozenset[RequestKind] = frozenset(),
    found: Sequence[Evidence] = (),
) -> Request:
    """Write the request for one run.

    Args:
        context: the redacted evidence.
        findings: what the rules concluded, strongest first.
        input_tokens: the whole request's size, the answer's form included.
        offered: kinds of further evidence that may be asked for.
        found: further evidence that was asked for; it comes first.

    Raises:
        ConfigError: ``input_tokens`` has no room for evidence beside the prompt.
    """
    offering = " ".join(sorted(offered))
    instructions, ending, room = _frame(offering, input_tokens)
    told = [_finding(one, {}) for one in findings]
    gaps = [f"{one.source}: {one.reason}" for one in context.gaps]
    kept = min(_TOLD, room // 3, _size(_RULES, told) + _CITING * len(told))
    kept_for_gaps = min(_UNSEEN, room // 8, _size(_NOT_SEEN, gaps))
    shown, pieces = _filled(_by_weight(context, findings, found), room - kept - kept_for_gaps)
    room -= sum(map(_piece_size, pieces))
    rules = _part(_RULES, [_finding(one, shown) for one in findings], room - kept_for_gaps)
    unseen = _part(_NOT_SEEN, gaps, room - _piece_size(rules))
    text = "\n\n".join(filter(None, ["\n".join([_HEADING, *pieces]), rules, unseen, ending]))
    question = Question(instructions=instructions, text=text, may_ask=frozenset(map(str, offered)))
    return Request(question=question, shown=shown)


def _frame(offering: str, input_tokens: int) -> tuple[str, str, int]:
    """Give what stands around the evidence, before and after it, and the room between."""
    said = prompt()
    asking = [said.asking.replace("{kinds}", offering)] if offering else []
    ending = "\n\n".join([said.rules, *asking, said.question])
    room = input_tokens - SCHEMA_TOKENS - tokens(said.instructions) - tokens(ending) - tokens(_HEADING) - _JOINTS
    if room - tokens(said.examples) >= _ROOM:
        return f"{said.instructions}\n\n{said.examples}", ending, room - tokens(said.examples)
    if room < _NO_ROOM:
        least = input_tokens - room + _NO_ROOM
        raise ConfigError(
            f"[reasoning] input_tokens = {input_tokens} has no room for evidence: give it {least} or more"
        )
    return said.instructions, ending, room


def _filled(pieces: Iterable[tuple[Evidence, int]], room: int) -> tuple[dict[str, Shown], list[str]]:
    """Take pieces of evidence, each within its bound, until the room is used up."""
    shown: dict[str, Shown] = {}
    written: list[str] = []
    for one, limit in pieces:
        number = f"e{len(shown) + 1}"
        piece, text = _piece(number, one, min(limit, room))
        if not text or _piece_size(piece) > room:
            continue
        written.append(piece)
        shown[number] = Shown(evidence=one.id, text=text)
        room -= _piece_size(piece)
    return shown, written


def _piece_size(piece: str) -> int:
    return tokens(piece) + 1 if piece else 0


_HEADING = "Evidence of one failed run. An id in square brackets, what kind of evidence it is, then quoted lines:"
_RULES = "What rules found (a WEAK finding is a hint, two of different categories are a conflict):"
_NOT_SEEN = "What could not be seen:"
# Chat templates mark turns, tools and thoughts with <...>, <|...|> (DeepSeek's bars are wide) and [CAPITALS]: a server
# that fills a text into its template may take them for its own.
_MARKS = re.compile(r"<(?=[A-Za-z/|\uff5c])|\[(?=/?[A-Z][A-Z0-9_]+\])")
# Runs of Glue are named by 64 digits, each a token of its own. Eight tell them apart.
_RUN_ID = re.compile(r"\b(jr_[0-9a-f]{8})[0-9a-f]{24,}\b")


def _piece(number: str, one: Evidence, limit: int) -> tuple[str, str]:
    """Quote one piece of evidence; give it with and without its heading and quotation marks."""
    heading = f"[{number}] {one.source}"
    lines = [one.summary, *(one.excerpt or "").split("\n")]
    # An excerpt mostly begins with what the summary says.
    body = one.excerpt or "" if one.excerpt and one.summary[:60] in one.excerpt else "\n".join(lines)
    plain = _shortened("\n".join(line for line in body.splitlines() if line.strip()))
    # Quoting a line costs two tokens, as much as the shortest one with its end: half of the room is always enough.
    room = limit - tokens(heading) - 2
    room = max(room // 2, room - 2 * cut(plain, room).count("\n"))
    if room < _AT_LEAST and tokens(plain) > room:
        return "", ""
    text = cut(plain, room)
    return "\n".join([heading, *(f"{_QUOTE}{line}" for line in text.split("\n"))]), text


def _shortened(text: str) -> str:
    return _RUN_ID.sub(r"\1…", unmarked(text))


def unmarked(text: str) -> str:
    """Break what a chat template could take for its own marks."""
    return _MARKS.sub(lambda mark: f"{mark[0]} ", text)


def _by_weight(
    context: Context, findings: Sequence[Finding], found: Sequence[Evidence]
) -> Iterator[tuple[Evidence, int]]:
    """Give the evidence with its bound, the most telling first, each piece once."""
    given: set[str] = set()
    for one in found:
        given.add(one.id)
        yield one, _LONG
    for name, limit in _names(context, findings):
        seen = context.observed(name)
        if seen is not None and name not in given:
            given.add(name)
            yield seen, limit


def _names(context: Context, findings: Sequence[Finding]) -> Iterator[tuple[str, int]]:
    facts = context.facts
    yield facts.run.evidence, _SHORT
    yield from ((error.evidence, _LONG) for error in context.terminal_errors[:3])
    yield from ((name, _SHORT) for finding in findings for name in finding.evidence[:3])
    yield from _written(context)
    yield from ((error.evidence, _SHORT) for error in context.errors[:8])
    yield from _surroundings(context)
    yield from ((error.evidence, _SHORT) for error in context.errors)


def _written(context: Context) -> Iterator[tuple[str, int]]:
    for table in context.facts.tables:
        for part in (table.iceberg, table.delta):
            if part is not None:
                yield part.evidence, _SHORT
                yield from ((one.evidence, _SHORT) for one in part.snapshots[-_SNAPSHOTS:][::-1])
        if table.hudi is not None:
            yield table.hudi.evidence, _SHORT
        if table.listing is not None:
            yield table.listing.evidence, _SHORT


def _surroundings(context: Context) -> Iterator[tuple[str, int]]:
    facts = context.facts
    own = {facts.run.run_id, facts.run.first_attempt_id}
    several: list[Iterable[str]] = [
        (row.evidence for row in facts.control if row.run_id in own or row.batch_id == facts.run.batch_id),
        (rule.evidence for rule in facts.quality if rule.outcome not in {"PASS", "PASSED"}),
        (one.evidence for one in (facts.source, facts.previous_source) if one is not None),
        ("source-schema", "history", "orchestrator"),
        (one.evidence for one in facts.denials),
        (one.evidence for one in facts.deployments[-2:]),
        (run.evidence for run in facts.history[-_RUNS:]),
        (stage.evidence for application in facts.spark for stage in application.stages),
        (metric.evidence for metric in facts.metrics),
        ("job", "log"),
    ]
    yield from ((name, _SHORT) for names in several for name in names)


def _part(heading: str, lines: Sequence[str], room: int) -> str:
    """Write what fits of our sentences below their heading. They quote evidence, and so are quoted."""
    kept, room = [], room - _piece_size(heading)
    for line in map(_told, lines):
        if _piece_size(line) <= room:
            kept.append(line)
            room -= _piece_size(line)
    return "\n".join([heading, *kept]) if kept else ""


def _size(heading: str, lines: Sequence[str]) -> int:
    """Count what all of it takes."""
    return sum(map(_piece_size, [heading, *map(_told, lines)])) if lines else 0


def _told(line: str) -> str:
    return _QUOTE + cut(_shortened(" ".join(line.split())), _SHORT)


def _finding(one: Finding, shown: Mapping[str, Shown]) -> str:
    cited = [number for number, piece in shown.items() if piece.evidence in one.evidence][:_CITED]
    return f"{one.strength} {one.category}/{one.failure_mode} [{', '.join(cited)}]: {one.statement}"
