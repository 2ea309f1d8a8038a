"""What a language model may do to a verdict: make it more careful, and explain it. Never the other way.

The port is ``Classifier``; what it proposes goes through ``merge``, which is the only place where a model's word
reaches an incident. It cannot raise ``safe_to_retry``, touches neither ``rerun`` nor ``write_state``, and writes no
action: those come from the rules' own lists. ``tests/verdict/test_classifier.py`` holds that for every answer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.evidence import Evidence
from pipetriage.model.finding import Finding, Strength
from pipetriage.model.incident import Alternative, Incident
from pipetriage.model.incident import Classifier as Cost
from pipetriage.model.opinion import STANCE_IN_WORDS, Opinion, RulesVerdict, Stance
from pipetriage.model.proposal import Answer, Further, Proposal
from pipetriage.model.write_state import Reason
from pipetriage.verdict.confidence import confidence, stored

OBJECTIONS = ("MODEL_OBJECTS", "MODEL_DISAGREES")
"""The rules by which a model takes back a retry that the rules of the evidence allow."""

_LEFT_OPEN = frozenset({FailureMode.CONFLICTING_EVIDENCE, FailureMode.INSUFFICIENT_EVIDENCE})
_STRENGTHS = list(Strength)
_MAX_NOTES = 8


class Consultation(Protocol):
    """A question that was put and not waited for yet."""

    def wait(self, seconds: float) -> Proposal | None:
        """Give the outcome as soon as it is there, or None if it is not after so many seconds."""
        ...

    def cancel(self) -> None:
        """Withdraw the question: nothing more is sent."""
        ...

    @property
    def overdue(self) -> Callable[[], Proposal]:
        """Gives the outcome so far, where the verdict is due and there is no answer."""
        ...


class Classifier(Protocol):
    """Proposes what broke, from a context and what the rules found in it. Never raises for what a model does."""

    def propose(self, context: Context, findings: Sequence[Finding], further: Further | None = None) -> Proposal:
        """Ask and wait, at most until the deadline. ``further`` is what it may ask for besides."""
        ...

    def consult(self, context: Context, findings: Sequence[Finding], further: Further | None = None) -> Consultation:
        """Ask without waiting; the conversation may go on after the deadline."""
        ...


Judge = Callable[[Sequence[Reason]], Incident]
"""Gives the rules' verdict; with reasons against a retry that are not the rules' own, the verdict under those."""


def merge(incident: Incident, proposal: Proposal, judge: Judge, evidence: Mapping[str, Evidence]) -> Incident:
    """Give the incident with what a model proposed.

    Args:
        incident: the rules' verdict.
        proposal: what came of asking.
        judge: judges the same run again, for actions that fit once the model has objected to a retry.
        evidence: all that was known of the run, by id.
    """
    answer = proposal.answer
    stance = _stance(incident, answer)
    objects = incident.safe_to_retry and answer is not None and not _consents(answer, stance)
    merged = judge([_objection(proposal, answer, stance)]) if objects and answer is not None else incident
    merged = replace(
        merged,
        model_opinion=_opinion(incident, proposal, stance, objects),
        grounding=proposal.grounding,
        model_notes=_notes(proposal, stance, objects),
        classifier=_cost(merged, proposal),
        evidence=[*merged.evidence, *_cited(merged, proposal, evidence)],
    )
    if answer is None:
        return merged
    merged = _categorised(merged, answer, stance)
    merged = replace(merged, alternatives=_alternatives(merged, proposal.model, answer))
    # A model's choice among what the rules left open is a reading, and makes nothing surer than they were.
    sure = incident.confidence if stance is Stance.CHOSE else confidence(merged, stored().weights)
    asks = incident.needs_human_review or not merged.safe_to_retry or stance is not Stance.AGREES
    return replace(merged, confidence=min(sure, incident.confidence), needs_human_review=asks)


def stand_by(incident: Incident, objection: Reason, judge: Judge) -> Incident:
    """Give an incident that no model has answered on with the objection that one made to it before.

    A provider that is down, or a question left out, is no reason to allow what was objected to.
    """
    judged = judge([objection])
    note = f"An earlier objection stands, as no language model has answered since: {objection.why}."
    return replace(
        judged,
        model_opinion=incident.model_opinion,
        grounding=incident.grounding,
        model_notes=[note, *incident.model_notes],
        classifier=incident.classifier,
        confidence=min(judged.confidence, incident.confidence),
        needs_human_review=True,
    )


def objection_of(incident: Incident) -> Reason | None:
    """Give a model's objection to a retry, where the incident has one."""
    return next((one for one in incident.retry_reasons if one.rule in OBJECTIONS and not one.holds), None)


def _cited(incident: Incident, proposal: Proposal, evidence: Mapping[str, Evidence]) -> list[Evidence]:
    """Give the evidence that the incident needs for the model's sake: what it asked for, and what it cites."""
    said = proposal.answer
    citing = (
        [] if said is None else [*(one.evidence for one in said.claims), *(one.evidence for one in said.hypotheses)]
    )
    cited = [name for names in citing for name in names]
    known = {one.id: one for one in proposal.found}
    found = [known.get(name) or evidence.get(name) for name in dict.fromkeys([*known, *cited])]
    here = {one.id for one in incident.evidence}
    return [one for one in found if one is not None and one.id not in here]


def _stance(incident: Incident, answer: Answer | None) -> Stance:
    if answer is None:
        return Stance.NO_ANSWER
    if answer.category is incident.failure_category:
        return Stance.AGREES
    if incident.failure_mode in _LEFT_OPEN and _open_finding(incident, answer) is not None:
        return Stance.CHOSE
    uncertain = incident.failure_category is not Category.PARTIAL_WRITE_RISK and not _strong(incident)
    if answer.category is Category.UNKNOWN and uncertain:
        return Stance.MOVED_TO_UNKNOWN
    return Stance.DISAGREES


def _consents(answer: Answer, stance: Stance) -> bool:
    """Whether the model lets a retry that the rules call safe stand.

    Another cause than the one that makes it safe is an objection too, if at least one claim for it was supported.
    """
    return answer.safe_to_retry and (stance is Stance.AGREES or (stance is Stance.DISAGREES and not answer.claims))


def _objection(proposal: Proposal, answer: Answer, stance: Stance) -> Reason:
    model = proposal.model
    why = (
        f"the language model {model} holds {answer.category}/{answer.failure_mode} for the cause"
        if answer.safe_to_retry
        else f"the language model {model} does not hold a retry for safe"
    )
    rule = OBJECTIONS[0] if stance is Stance.AGREES else OBJECTIONS[1]
    cited = list(dict.fromkeys(name for claim in answer.claims for name in claim.evidence))
    return Reason(rule=rule, holds=False, why=why, evidence=cited[:4])


def _strong(incident: Incident) -> bool:
    return any(
        one.category is incident.failure_category and one.strength is Strength.STRONG for one in incident.findings
    )


def _open_finding(incident: Incident, answer: Answer) -> Finding | None:
    """Give the strongest finding of the model's category that one of its supported claims speaks of."""
    cited = {name for claim in answer.claims for name in claim.evidence}
    among = [
        one
        for one in incident.findings
        if one.category is answer.category is not Category.UNKNOWN and cited.intersection(one.evidence)
    ]
    return min(among, key=lambda one: _STRENGTHS.index(one.strength), default=None)


def _categorised(incident: Incident, answer: Answer, stance: Stance) -> Incident:
    """Give the category that the verdict now has; its cause stays in the rules' words."""
    if stance is Stance.CHOSE and (chosen := _open_finding(incident, answer)) is not None:
        return replace(
            incident,
            failure_category=chosen.category,
            failure_mode=chosen.failure_mode,
            likely_root_cause=f"{chosen.statement.rstrip('.')} (chosen by a language model: the rules left it open).",
            alternatives=[one for one in incident.alternatives if one.category is not chosen.category],
        )
    if stance is Stance.MOVED_TO_UNKNOWN:
        speaking = [one for one in incident.findings if one.category is incident.failure_category]
        before = Alternative(
            category=incident.failure_category,
            why=f"the rules' own choice, which is not certain: {incident.likely_root_cause}",
            evidence=list(dict.fromkeys(name for one in speaking for name in one.evidence))[:6],
        )
        return replace(
            incident,
            failure_category=Category.UNKNOWN,
            failure_mode=FailureMode.CONFLICTING_EVIDENCE,
            likely_root_cause=f"Not certain, and a language model doubts it: {incident.likely_root_cause}",
            alternatives=[before, *incident.alternatives],
        )
    return incident


def _alternatives(incident: Incident, model: str, answer: Answer) -> list[Alternative]:
    """Add what the model holds possible, where the evidence that it cites supports it."""
    found = list(incident.alternatives)
    known = {incident.failure_category, Category.UNKNOWN, *(one.category for one in found)}
    said = [(one.category, one.why, one.evidence) for one in answer.hypotheses]
    if answer.claims:
        said.insert(0, (answer.category, answer.claims[0].text, answer.claims[0].evidence))
    for category, why, evidence in said:
        if category not in known:
            known.add(category)
            found.append(Alternative(category=category, why=f"{_by(model)} {why}", evidence=list(evidence)))
    return found


def _opinion(rules: Incident, proposal: Proposal, stance: Stance, objects: bool) -> Opinion:
    answer = proposal.answer
    opinion = Opinion(
        stance=stance,
        objects=objects,
        model=proposal.model,
        prompt_version=proposal.prompt_version,
        rules=RulesVerdict(
            failure_category=rules.failure_category,
            failure_mode=rules.failure_mode,
            safe_to_retry=rules.safe_to_retry,
            confidence=rules.confidence,
        ),
        failures=list(proposal.failures),
        asked=list(proposal.asked),
        requests=proposal.use.requests,
        seconds=proposal.seconds,
        cached=proposal.cached,
    )
    if answer is None:
        return opinion
    return replace(
        opinion,
        failure_category=answer.category,
        failure_mode=answer.failure_mode,
        safe_to_retry=answer.safe_to_retry,
        stated_confidence=answer.confidence,
        root_cause=answer.root_cause,
        claims=list(answer.claims),
        hypotheses=list(answer.hypotheses),
    )


def _by(model: str) -> str:
    return f"language model ({model}):"


def _notes(proposal: Proposal, stance: Stance, objects: bool) -> list[str]:
    """Say for a person what the model said, or that and how it failed."""
    answer = proposal.answer
    if answer is None:
        how = "; ".join(f"{one.model or 'models'}: {one.fault}, {one.why}" for one in proposal.failures[:4])
        return [f"No language model answered, so the rules' verdict stands alone ({how or 'none was asked'})."]
    by = _by(proposal.model)
    view = f"{answer.category}/{answer.failure_mode}, {'safe' if answer.safe_to_retry else 'not safe'} to retry"
    said = [f"{by} {STANCE_IN_WORDS[stance]}: {view}." + (" It objects to a retry." if objects else "")]
    if answer.root_cause:
        said.append(f"{by} {answer.root_cause}")
    said += [f"{by} {one.text} [{', '.join(one.evidence)}]" for one in answer.claims]
    if proposal.grounding is not None and proposal.grounding.cut:
        cut, stated = proposal.grounding.cut, proposal.grounding.claims
        said.append(f"{cut} of {stated} statements of the model were left out: the evidence does not support them.")
    return said[:_MAX_NOTES]


def _cost(incident: Incident, proposal: Proposal) -> Cost:
    return replace(
        incident.classifier,
        model=proposal.model or None,
        input_tokens=proposal.use.input_tokens,
        output_tokens=proposal.use.output_tokens,
        cost_usd=None if proposal.use.cost_usd is None else round(proposal.use.cost_usd, 6),
    )
