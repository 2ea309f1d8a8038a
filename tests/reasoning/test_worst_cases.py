"""Safe with a model implies safe without it: for every case of the corpus and every part that a model may play."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_ai.exceptions import AgentRunError

from pipetriage.bootstrap import App, open_app
from pipetriage.model.incident import Incident
from pipetriage.model.opinion import Stance
from pipetriage.model.proposal import Failure, ModelFault, Proposal
from pipetriage.model.write_state import RerunDecision
from pipetriage.reasoning.answers import answer_type, converted
from pipetriage.reasoning.grounding import ground
from pipetriage.reasoning.request import Request, build_request
from pipetriage.triage import Judged
from pipetriage.verdict.classifier import merge
from tests.reasoning.scripted import PARTS, Part, classifier

CASES = sorted(one.parent for one in Path("cases").glob("*/bundle.json"))
SAMPLE = CASES[::40]
SLICES = 8


@pytest.fixture(scope="module")
def app() -> App:
    return open_app(use_store=False)


def judged(app: App, folder: Path) -> Judged:
    return app._flow().by_rules(app.collector(str(folder)))


def played(part: Part, request: Request) -> Proposal:
    """What the part says, through the answer's form and its grounding, without the library in between."""
    try:
        said: Any = part(request.question.text)
        told = said if isinstance(said, dict) else json.loads(str(said))
        accepted = converted(answer_type(request.question.may_ask).model_validate(told))
    except (ValidationError, ValueError, AgentRunError, ConnectionError) as error:
        failure = Failure(model="scripted", fault=ModelFault.INVALID_ANSWER, why=type(error).__name__)
        return Proposal(prompt_version="1", failures=(failure,))
    answer, grounding = ground(accepted, request.shown)
    return Proposal(prompt_version="1", model="scripted", answer=answer, grounding=grounding)


def assert_no_less_careful(rules: Incident, merged: Incident, part: str) -> None:
    """The invariant of the model layer."""
    assert not merged.safe_to_retry or rules.safe_to_retry, part
    assert merged.rerun == rules.rerun, part
    assert merged.write_state == rules.write_state, part
    assert merged.exposure == rules.exposure, part
    assert merged.confidence <= rules.confidence, part
    assert merged.needs_human_review or not rules.needs_human_review, part
    if merged.safe_to_retry is rules.safe_to_retry:
        for field in ("recommended_action", "recommended_steps", "options", "route", "retry_reasons"):
            assert getattr(merged, field) == getattr(rules, field), (part, field)
    else:
        # Objected: what is left is what the rules say of a run that is not safe; nobody is told to retry.
        assert "etry with the same batch id" not in merged.recommended_action, part
        assert merged.rerun.decision is RerunDecision.SAFE, part
    cited = {name for one in (merged.model_opinion.claims if merged.model_opinion else ()) for name in one.evidence}
    assert cited <= {one.id for one in merged.evidence}, part


@pytest.mark.parametrize("place", range(SLICES))
def test_no_part_makes_any_case_of_the_corpus_less_careful(app: App, place: int) -> None:
    said_safe = objected = 0
    for folder in CASES[place::SLICES]:
        rules = judged(app, folder)
        offered = rules.further.kinds if rules.further is not None else frozenset()
        request = build_request(rules.context, rules.findings, input_tokens=4000, offered=offered)
        for name, part in PARTS.items():
            if name == "ten megabytes":
                continue  # half a second a case: below, for a sample
            proposal = played(part, request)
            merged = merge(rules.incident, proposal, rules.judge, rules.context.evidence)
            assert_no_less_careful(rules.incident, merged, f"{folder.name}: {name}")
            said_safe += proposal.answer is not None and proposal.answer.safe_to_retry
            objected += rules.incident.safe_to_retry and not merged.safe_to_retry
    assert said_safe > 4 * len(CASES[place::SLICES])  # the parts did say what they are there to say
    assert objected > 0


@pytest.mark.parametrize("name", PARTS)
def test_no_part_makes_a_case_less_careful_through_the_library(app: App, name: str) -> None:
    asking, answered = classifier(PARTS[name]), 0
    for folder in SAMPLE[: 3 if name == "ten megabytes" else None]:
        rules = judged(app, folder)
        proposal = asking.propose(rules.context, rules.findings, rules.further)
        merged = merge(rules.incident, proposal, rules.judge, rules.context.evidence)
        assert_no_less_careful(rules.incident, merged, f"{folder.name}: {name}")
        answered += proposal.answer is not None
        opinion = merged.model_opinion
        assert opinion is not None
        if proposal.answer is None:
            assert opinion.stance is Stance.NO_ANSWER
            assert merged.failure_category is rules.incident.failure_category
            assert merged.safe_to_retry is rules.incident.safe_to_retry
            assert proposal.failures, name
            assert any("rules' verdict stands alone" in note for note in merged.model_notes)
    assert answered in (0, len(SAMPLE))  # a part either answers in the accepted form or does not
    assert (answered == 0) is (name in _NEVER_ACCEPTED)


_NEVER_ACCEPTED = {
    *("wrong types", "confidence 100", "mode of another category", "adds actions", "truncated JSON", "HTML"),
    *("ten megabytes", "refuses", "says nothing", "429", "500", "404", "times out", "resets the connection"),
}
