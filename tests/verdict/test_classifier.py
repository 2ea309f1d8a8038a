"""What a model's answer may do to a verdict: make it more careful, choose among what is open, explain. Nothing else."""

from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipetriage.bootstrap import open_app
from pipetriage.model.categories import CATEGORY_OF, MODES, Category, FailureMode
from pipetriage.model.incident import Incident
from pipetriage.model.opinion import Opinion, Stance
from pipetriage.model.proposal import (
    Answer,
    Claim,
    Failure,
    Grounding,
    Hypothesis,
    ModelFault,
    Proposal,
    Use,
)
from pipetriage.model.write_state import RerunDecision
from pipetriage.triage import Judged
from pipetriage.verdict.classifier import merge

SAFE, OPEN, NAMED, PARTIAL = (
    "throttled_before_write",
    "conflicting_signals",
    "access_denied_catalog_table",
    "failure_after_staging_write",
)
CASES = sorted(one.parent.name for one in Path("cases").glob("*/bundle.json"))[::25]


@cache
def judged(case: str) -> Judged:
    app = open_app(use_store=False)
    return app._flow().by_rules(app.collector(f"cases/{case}"))


def answer(
    mode: FailureMode, *, safe: bool = False, claims: tuple[Claim, ...] = (), hypotheses: tuple[Hypothesis, ...] = ()
) -> Answer:
    return Answer(
        category=CATEGORY_OF[mode],
        failure_mode=mode,
        root_cause="",
        claims=claims,
        safe_to_retry=safe,
        confidence=0.99,
        hypotheses=hypotheses,
    )


def merged(case: str, said: Answer | None, failures: tuple[Failure, ...] = ()) -> tuple[Incident, Opinion]:
    rules = judged(case)
    proposal = Proposal(
        prompt_version="1",
        model="openai:gpt" if said else "",
        answer=said,
        grounding=Grounding(claims=2, supported=1, cut=1) if said else None,
        failures=failures,
        use=Use(requests=1, input_tokens=1000, output_tokens=100, cost_usd=None),
    )
    incident = merge(rules.incident, proposal, rules.judge, rules.context.evidence)
    assert incident.model_opinion is not None
    return incident, incident.model_opinion


def claim_of(case: str, category: Category) -> Claim:
    finding = next(one for one in judged(case).incident.findings if one.category is category)
    return Claim(text="as the evidence says", evidence=finding.evidence[:1])


def test_an_answer_that_agrees_changes_nothing_but_what_is_told() -> None:
    rules = judged(SAFE).incident
    incident, opinion = merged(SAFE, answer(rules.failure_mode, safe=True))
    assert opinion.stance is Stance.AGREES
    assert incident.safe_to_retry
    assert incident.confidence == rules.confidence
    assert incident.needs_human_review is rules.needs_human_review
    assert incident.classifier.model == "openai:gpt"
    assert incident.classifier.input_tokens == 1000
    assert incident.classifier.cost_usd is None
    assert incident.grounding == Grounding(claims=2, supported=1, cut=1)
    assert opinion.stated_confidence == 0.99
    assert any("1 of 2 statements of the model were left out" in note for note in incident.model_notes)
    assert all(
        note.startswith("language model (openai:gpt):") or "of the model" in note for note in incident.model_notes
    )


def test_an_objection_takes_the_retry_back_and_the_actions_with_it() -> None:
    rules = judged(SAFE).incident
    incident, opinion = merged(SAFE, answer(rules.failure_mode, safe=False))
    assert rules.safe_to_retry
    assert not incident.safe_to_retry
    assert opinion.objects
    assert incident.rerun == rules.rerun
    assert incident.rerun.decision is RerunDecision.SAFE
    assert [one.rule for one in incident.retry_reasons if not one.holds] == ["MODEL_OBJECTS"]
    assert "etry with the same batch" not in incident.recommended_action
    assert incident.needs_human_review
    assert incident.confidence < rules.confidence
    assert opinion.rules.safe_to_retry


def test_another_cause_with_support_is_an_objection_too_and_without_it_only_a_doubt() -> None:
    claim = Claim(text="as the evidence says", evidence=(judged(SAFE).context.facts.run.evidence,))
    supported, _ = merged(SAFE, answer(FailureMode.IMPORT_ERROR, safe=True, claims=(claim,)))
    assert not supported.safe_to_retry
    assert [one.rule for one in supported.retry_reasons if not one.holds] == ["MODEL_DISAGREES"]
    assert Category.CODE_REGRESSION in {one.category for one in supported.alternatives}
    unsupported, opinion = merged(SAFE, answer(FailureMode.IMPORT_ERROR, safe=True))
    assert unsupported.safe_to_retry
    assert opinion.stance is Stance.DISAGREES
    assert unsupported.needs_human_review
    assert unsupported.confidence < judged(SAFE).incident.confidence
    assert Category.CODE_REGRESSION not in {one.category for one in unsupported.alternatives}


def test_it_may_choose_among_what_the_rules_left_open() -> None:
    rules = judged(OPEN).incident
    incident, opinion = merged(OPEN, answer(FailureMode.NEW_COLUMN, claims=(claim_of(OPEN, Category.SCHEMA_DRIFT),)))
    assert opinion.stance is Stance.CHOSE
    assert incident.failure_category is Category.SCHEMA_DRIFT
    finding = next(one for one in rules.findings if one.category is Category.SCHEMA_DRIFT)
    assert incident.failure_mode is finding.failure_mode
    assert "chosen by a language model" in incident.likely_root_cause
    assert incident.needs_human_review
    assert incident.confidence <= rules.confidence
    for field in ("recommended_action", "recommended_steps", "options", "route", "safe_to_retry", "rerun"):
        assert getattr(incident, field) == getattr(rules, field)
    assert Category.SCHEMA_DRIFT not in {one.category for one in incident.alternatives}


def test_it_cannot_choose_what_no_finding_speaks_for_nor_without_support() -> None:
    for said in (
        answer(FailureMode.SKEWED_KEY, claims=(claim_of(OPEN, Category.SCHEMA_DRIFT),)),
        answer(FailureMode.NEW_COLUMN),
        answer(FailureMode.NEW_COLUMN, claims=(Claim(text="x", evidence=("job",)),)),
    ):
        incident, opinion = merged(OPEN, said)
        assert opinion.stance is Stance.DISAGREES
        assert incident.failure_category is Category.UNKNOWN


def test_a_certain_cause_stays_whatever_it_says() -> None:
    rules = judged(NAMED).incident
    for mode in (FailureMode.INSUFFICIENT_EVIDENCE, FailureMode.MISSING_PATH):
        incident, opinion = merged(NAMED, answer(mode, safe=True, claims=(claim_of(NAMED, rules.failure_category),)))
        assert opinion.stance is Stance.DISAGREES
        assert incident.failure_category is rules.failure_category
        assert incident.confidence < rules.confidence
        assert incident.needs_human_review


def test_an_uncertain_cause_may_become_unknown() -> None:
    case = next(
        one
        for one in CASES
        if judged(one).incident.failure_category not in {Category.UNKNOWN, Category.PARTIAL_WRITE_RISK}
        and all(
            finding.strength != "STRONG" or finding.category is not judged(one).incident.failure_category
            for finding in judged(one).incident.findings
        )
    )
    rules = judged(case).incident
    incident, opinion = merged(case, answer(FailureMode.INSUFFICIENT_EVIDENCE))
    assert opinion.stance is Stance.MOVED_TO_UNKNOWN
    assert (incident.failure_category, incident.failure_mode) == (Category.UNKNOWN, FailureMode.CONFLICTING_EVIDENCE)
    assert incident.alternatives[0].category is rules.failure_category
    assert incident.recommended_action == rules.recommended_action


def test_a_partial_write_is_never_talked_away() -> None:
    rules = judged(PARTIAL).incident
    assert rules.failure_category is Category.PARTIAL_WRITE_RISK
    for mode in FailureMode:
        incident, _ = merged(PARTIAL, answer(mode, safe=True, claims=(claim_of(PARTIAL, rules.findings[0].category),)))
        assert incident.failure_category is Category.PARTIAL_WRITE_RISK
        assert incident.write_state == rules.write_state
        assert not incident.safe_to_retry


def test_a_failure_leaves_the_rules_verdict_and_says_how() -> None:
    rules = judged(SAFE).incident
    failed = Failure(model="openai:gpt", fault=ModelFault.RATE_LIMITED, why="it answered 429")
    incident, opinion = merged(SAFE, None, (failed,))
    assert opinion.stance is Stance.NO_ANSWER
    assert replace(
        incident, model_opinion=None, model_notes=[], classifier=rules.classifier, grounding=None
    ) == replace(rules, model_notes=[])
    assert "openai:gpt: RATE_LIMITED, it answered 429" in incident.model_notes[0]
    assert incident.grounding is None
    assert incident.classifier.model is None


def test_what_a_model_cites_is_in_the_incident_and_its_words_are_in_no_action() -> None:
    evidence = [name for name in judged(SAFE).context.evidence if name not in {"run-error"}]
    word = "zyzzyva"
    claims = tuple(Claim(text=f"{word} {name}", evidence=(name,)) for name in evidence[-4:])
    hypothesis = Hypothesis(category=Category.DATA_SKEW, why=f"{word} skew", evidence=(evidence[0],))
    incident, _ = merged(SAFE, answer(FailureMode.IMPORT_ERROR, claims=claims, hypotheses=(hypothesis,)))
    assert {name for one in claims for name in one.evidence} <= {one.id for one in incident.evidence}
    told = [one for one in incident.alternatives if word in one.why]
    assert {one.category for one in told} == {Category.CODE_REGRESSION, Category.DATA_SKEW}
    assert all(one.why.startswith("language model (openai:gpt):") for one in told)
    for field in ("recommended_action", "recommended_steps", "options", "route", "likely_root_cause", "retry_reasons"):
        assert word not in str(getattr(incident, field))


answers = st.builds(
    lambda mode, safe, claims, hypotheses, root: replace(
        answer(mode, safe=safe, claims=tuple(claims), hypotheses=tuple(hypotheses)), root_cause=root
    ),
    st.sampled_from(FailureMode),
    st.booleans(),
    st.lists(st.builds(Claim, text=st.text(max_size=40), evidence=st.just(("job_run",))), max_size=3),
    st.lists(
        st.builds(
            Hypothesis, category=st.sampled_from(Category), why=st.text(max_size=20), evidence=st.just(("log-1",))
        ),
        max_size=3,
    ),
    st.text(max_size=40),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([SAFE, OPEN, NAMED, PARTIAL, *CASES]), st.none() | answers, st.data())
def test_safe_with_a_model_implies_safe_without_it(case: str, said: Answer | None, data: st.DataObject) -> None:
    rules = judged(case)
    if said is not None:
        names = st.lists(st.sampled_from([*rules.context.evidence, "nowhere"]), min_size=1, max_size=3)
        said = replace(said, claims=tuple(replace(one, evidence=tuple(data.draw(names))) for one in said.claims))
    incident, opinion = merged(case, said)
    before = rules.incident
    assert not incident.safe_to_retry or before.safe_to_retry
    assert (incident.rerun, incident.write_state, incident.exposure) == (
        before.rerun,
        before.write_state,
        before.exposure,
    )
    assert incident.confidence <= before.confidence
    assert incident.needs_human_review or not before.needs_human_review
    assert incident.failure_mode in MODES[incident.failure_category]
    if before.failure_category is Category.PARTIAL_WRITE_RISK:
        assert incident.failure_category is Category.PARTIAL_WRITE_RISK
    if incident.failure_category is not before.failure_category:
        assert opinion.stance in {Stance.CHOSE, Stance.MOVED_TO_UNKNOWN}
    if incident.safe_to_retry is before.safe_to_retry:
        for field in ("recommended_action", "recommended_steps", "options", "route", "retry_reasons", "gaps"):
            assert getattr(incident, field) == getattr(before, field)
