"""A real small model through the whole path: what it says is never trusted, what it costs is bounded and counted."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipetriage.bootstrap import App
from pipetriage.model.incident import Incident
from pipetriage.model.opinion import Stance
from pipetriage.model.proposal import ModelFault
from tests.real_model.asking import CHOSEN, INPUT_TOKENS, OUTPUT_TOKENS, PATIENCE, Bench, Told
from tests.reasoning.test_injections import ORDERS, decided, error_of_the_run, line_before_the_error
from tests.reasoning.test_worst_cases import assert_no_less_careful

if not os.environ.get(CHOSEN):
    pytest.skip("a real model: only by `make test-model`, which takes half an hour", allow_module_level=True)

CASES = Path("cases")
STARTERS = (
    *("missing_source_path", "new_column", "access_denied_catalog_table", "shuffle_spill_long_task"),
    *("failure_after_staging_write", "too_many_small_files", "deployment_null_pointer", "low_record_count"),
    *("cast_failure_bad_value", "conflicting_signals", "throttled_before_write"),
)
QUICK = "missing_source_path"
BUNDLES = (
    "failure_after_staging_write",
    "throttled_before_write",
    "access_denied_catalog_table",
    "conflicting_signals",
)
INJECTIONS = [
    # Places that say nothing to the rules. One bundle after the other: what two requests begin with is read once.
    (bundle, (line_before_the_error, error_of_the_run)[number % 2], ORDERS[5 * turn + number])
    for turn, bundle in enumerate(BUNDLES)
    for number in range(5)
]


@pytest.fixture(scope="module")
def app(bench: Bench) -> App:
    return bench.app()


@pytest.fixture(scope="module")
def once(bench: Bench) -> App:
    """Asks no second time: half of what twenty more questions take."""
    return bench.app(retries=0)


def assert_accepted_or_typed(told: Told) -> None:
    """An answer in the accepted form, or a failure with a name, under which the rules' verdict stands."""
    opinion = told.opinion
    if opinion.stance is not Stance.NO_ANSWER:
        assert opinion.failure_category is not None
        assert 0 <= (opinion.stated_confidence or 0) <= 1
        assert told.merged.grounding is not None
        return
    assert {one.fault for one in opinion.failures} <= {ModelFault.INVALID_ANSWER, ModelFault.TOO_LARGE}
    assert decided(told.merged) == decided(told.rules)
    assert told.merged.failure_category is told.rules.failure_category
    assert told.merged.confidence == told.rules.confidence


def assert_within_budget(told: Told) -> None:
    cost = told.merged.classifier
    assert len(told.requests) == told.opinion.requests >= 1
    assert all(one.input_tokens <= INPUT_TOKENS and one.output_tokens <= OUTPUT_TOKENS for one in told.requests)
    assert cost.input_tokens == sum(one.input_tokens for one in told.requests)
    assert cost.output_tokens == sum(one.output_tokens for one in told.requests)
    assert cost.cost_usd is None  # nobody has told the price of this model
    assert told.requests[0].input_tokens <= told.estimate


def assert_rules_stand(merged: Incident, rules: Incident, fault: ModelFault) -> None:
    assert merged.model_opinion is not None
    assert [one.fault for one in merged.model_opinion.failures] == [fault]
    assert decided(merged) == decided(rules)
    assert (merged.failure_category, merged.confidence) == (rules.failure_category, rules.confidence)


@pytest.mark.parametrize("case", STARTERS)
def test_starter_case(bench: Bench, app: App, case: str) -> None:
    told = bench.ask(CASES / case, app)
    bench.note("as it is:", case, told)
    assert_accepted_or_typed(told)
    assert_no_less_careful(told.rules, told.merged, case)
    assert_within_budget(told)


@pytest.mark.parametrize(("bundle", "inject", "order"), INJECTIONS, ids=range(len(INJECTIONS)))
def test_injection(
    bench: Bench, once: App, tmp_path: Path, bundle: str, inject: Callable[[Path, str], None], order: str
) -> None:
    folder = tmp_path / bundle
    shutil.copytree(CASES / bundle, folder)
    inject(folder, order)
    assert bench.rules.request(str(folder)).question.text != bench.rules.request(str(CASES / bundle)).question.text
    clean = bench.rules.triage(str(CASES / bundle))

    told = bench.ask(folder, once)
    bench.note("injected:", bundle, told)
    assert_accepted_or_typed(told)
    assert_no_less_careful(told.rules, told.merged, order)
    assert_within_budget(told)
    assert decided(told.rules) == decided(clean)
    if told.merged.safe_to_retry is clean.safe_to_retry:
        assert decided(told.merged) == decided(clean)
    else:
        assert clean.safe_to_retry


def test_the_day_counts_what_the_provider_counts_and_a_second_triage_asks_nobody(bench: Bench) -> None:
    app = bench.app()
    today = datetime.now(UTC).date()
    told = bench.ask(CASES / QUICK, app)
    assert app.store is not None
    spent = app.store.model_memory().spent(today)
    assert spent.tokens == told.merged.classifier.input_tokens + told.merged.classifier.output_tokens
    if told.opinion.stance is Stance.NO_ANSWER:
        return  # a failure is not remembered

    before = bench.reached()
    again = bench.ask(CASES / QUICK, app)
    assert again.opinion.cached
    assert bench.reached() == before
    assert again.opinion.failure_category is told.opinion.failure_category
    assert decided(again.merged) == decided(told.merged)
    assert app.store.model_memory().spent(today) == spent


@pytest.mark.parametrize("bound", ["tokens_per_incident", "tokens_per_day"])
def test_what_could_pass_a_budget_is_not_asked(bench: Bench, bound: str) -> None:
    before = bench.reached()
    told = bench.ask(CASES / QUICK, bench.app(**{bound: 1000}))
    assert_rules_stand(told.merged, told.rules, ModelFault.OVER_BUDGET)
    assert told.requests == ()
    assert bench.reached() == before
    assert told.merged.classifier.cost_usd == 0


def test_where_the_first_model_is_not_there_the_second_answers(bench: Bench) -> None:
    gone = "local:gone@http://127.0.0.1:1"
    told = bench.ask(CASES / QUICK, bench.app(gone, bench.address))
    first, *others = told.opinion.failures
    assert (first.model, first.fault) == (gone, ModelFault.UNREACHABLE)
    assert bool(others) is (told.opinion.stance is Stance.NO_ANSWER)
    assert others or told.opinion.model == bench.address
    assert_no_less_careful(told.rules, told.merged, "fallback")
    assert sum(one.input_tokens for one in told.requests) > 0


def test_a_late_answer_amends_the_verdict_that_was_there_at_once(bench: Bench) -> None:
    app = bench.app(deadline_seconds=0.2, late_seconds=PATIENCE)
    rules = bench.rules.triage(str(CASES / QUICK))
    triaged = app.follow(str(CASES / QUICK))
    assert triaged.incident.classifier.seconds < 5
    assert_rules_stand(triaged.incident, rules, ModelFault.DEADLINE)

    amended = app.amend(triaged)
    assert app.store is not None
    if amended is None:
        return  # it did answer, but not in the accepted form
    assert amended.model_opinion is not None
    assert amended.model_opinion.model == bench.address
    assert_no_less_careful(rules, amended, "late")
    assert app.store.get(amended.incident_id).model_opinion == amended.model_opinion
    assert len(app.store.history(amended.incident_id)) == 2


def test_a_call_that_nobody_waits_for_is_ended_at_the_server(bench: Bench) -> None:
    written = bench.server.counters()["tokens_predicted_total"]
    app = bench.app(deadline_seconds=6.0)
    rules = bench.rules.triage(str(CASES / "conflicting_signals"))
    merged = app.triage(str(CASES / "conflicting_signals"))
    assert_rules_stand(merged, rules, ModelFault.DEADLINE)
    bench.server.wait_until_idle(60)
    assert bench.server.counters()["tokens_predicted_total"] - written < OUTPUT_TOKENS / 2
