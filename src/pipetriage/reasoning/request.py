"""A context as a model gets it: the most telling evidence first, quoted line by line, rules and question last.

Bounded in tokens whatever the size of the log: what does not fit is left out, the least telling first. Places and the
time of looking are left out too, so that the same failure makes the same request.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.evidence import Evidence, Gap
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
    """
    said = prompt()
    asking = [said.asking.replace("{kinds}", " ".join(sorted(offered)))] if offered else []
    instructions = f"{said.instructions}\n\n{said.examples}"
    ending = "\n\n".join([said.rules, *asking, said.question])
    room = input_tokens - SCHEMA_TOKENS - tokens(instructions) - tokens(ending) - tokens(_HEADING) - _JOINTS
    pieces: list[str] = []
    shown: dict[str, Shown] = {}
    for one, limit in _by_weight(context, findings, found):
        number = f"e{len(shown) + 1}"
        piece, text = _piece(number, one, min(limit, room))
        size = tokens(piece) + 1
        if not text or size > room:
            continue
        pieces.append(piece)
        shown[number] = Shown(evidence=one.id, text=text)
        room -= size
    told = _told(findings, context.gaps, shown, room)
    text = "\n\n".join(["\n".join([_HEADING, *pieces]), *told, ending])
    question = Question(instructions=instructions, text=text, may_ask=frozenset(map(str, offered)))
    return Request(question=question, shown=shown)


_HEADING = "Evidence of one failed run. An id in square brackets, what kind of evidence it is, then quoted lines:"
# What chat templates mark turns with: a server that fills a text into its template may take them for its own.
_MARKS = re.compile(r"(?i)<(?=\||/?s>|/?(?:bos|eos|start_of_turn|end_of_turn)>|<SYS|/SYS)|\[(?=/?INST\])")


def _piece(number: str, one: Evidence, limit: int) -> tuple[str, str]:
    """Quote one piece of evidence; give it with and without its heading and quotation marks."""
    heading = f"[{number}] {one.source}"
    lines = [one.summary, *(one.excerpt or "").split("\n")]
    # An excerpt mostly begins with what the summary says.
    body = one.excerpt or "" if one.excerpt and one.summary[:60] in one.excerpt else "\n".join(lines)
    plain = "\n".join(line for line in body.split("\n") if line.strip())
    # Quoting a line costs two tokens.
    room = limit - tokens(heading) - 2 * (plain.count("\n") + 1)
    if room < _AT_LEAST and tokens(plain) > room:
        return "", ""
    text = cut(_unmarked(plain), room)
    return "\n".join([heading, *_quoted(text)]), text


def _quoted(text: str) -> Iterator[str]:
    return (f"{_QUOTE}{line}" for line in text.splitlines())


def _unmarked(text: str) -> str:
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


def _told(findings: Sequence[Finding], gaps: Sequence[Gap], shown: Mapping[str, Shown], room: int) -> list[str]:
    """Say what the rules found and what could not be seen. Both quote evidence, and so are quoted."""
    parts = []
    for heading, lines in (
        ("What rules found (a WEAK finding is a hint, two of different categories are a conflict):", findings),
        ("What could not be seen:", gaps),
    ):
        kept, room = [], room - tokens(heading) - 2
        for one in lines:
            line = _finding(one, shown) if isinstance(one, Finding) else f"{one.source}: {one.reason}"
            quoted = "\n".join(_quoted(cut(_unmarked(line), _SHORT)))
            size = tokens(quoted) + 1
            if size <= room:
                kept.append(quoted)
                room -= size
        if kept:
            parts.append("\n".join([heading, *kept]))
    return parts


def _finding(one: Finding, shown: Mapping[str, Shown]) -> str:
    cited = ", ".join(number for number, piece in shown.items() if piece.evidence in one.evidence)
    return f"{one.strength} {one.category}/{one.failure_mode} [{cited}]: {one.statement}"
