"""What the doctor calls missing is what was measured as missing, and the measured table covers every signal."""

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipetriage.context.build import build_context
from pipetriage.evaluation.losing import BEFORE, LOSSES
from pipetriage.model.categories import Category
from pipetriage.model.evidence import Collected, Gap, Signal, Unanswered
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.write_state import RerunDecision
from pipetriage.readiness.assess import PipelineReport, Readiness, assess
from pipetriage.readiness.checks import Check, refused_reads, routes
from pipetriage.readiness.costs import FEWEST, Loss, Way, capped, in_words, needed, some_lost, stored
from pipetriage.readiness.fixes import denied_call, fix_of
from pipetriage.readiness.names import Name, State
from pipetriage.readiness.signals import SIGNALS
from pipetriage.settings import ContextSettings, SettleSettings
from pipetriage.sources.bundle import BundleCollector
from pipetriage.verdict.attempts import find_attempts
from pipetriage.verdict.rerun import decide_rerun
from pipetriage.verdict.write_state import write_states

ROOT = Path(__file__).parents[2]
CASES = ROOT / "cases"
NONE = frozenset({Name.OWNERS})
"""Signals that no verdict depends on."""
HOLDING = {
    Name.EVENT_LOGS: "aws_executor_lost_skewed_01",
    Name.QUALITY: "aws_dq_after_write_01",
    Name.DEPLOYMENTS: "deployment_null_pointer",
    Name.METRICS: "aws_disk_full_01",
}
"""A case that has the signal, where failure_after_staging_write lacks it."""


@cache
def collected(case: str) -> Collected:
    return BundleCollector(CASES / case, SettleSettings()).collect()


def looked_at(*runs: Collected, pipeline: Pipeline | None = None) -> PipelineReport:
    return assess("orders", pipeline or runs[0].pipeline, runs, ContextSettings())


def state_of(found: PipelineReport, name: Name) -> State:
    return next(one.state for one in found.signals if one.signal is name)


def test_every_signal_has_its_line_and_its_measurement() -> None:
    assert [one.name for one in SIGNALS] == list(Name)
    assert {one.signal for one in stored().losses} == set(Name) - NONE
    assert {(one.signal, one.way) for one in stored().losses} == set(LOSSES)
    assert all(len(one.title) <= 16 for one in SIGNALS)


def test_every_kind_of_evidence_belongs_to_one_signal_at_most() -> None:
    kinds = [kind for one in SIGNALS for kind in one.evidence]
    assert len(kinds) == len(set(kinds))
    # Asked for where a refusal is suspected, or told beside a run; they belong to no platform's set-up.
    others = {Signal.HISTORY, Signal.QUERIES, Signal.LAKE_PERMISSIONS, Signal.AUDIT_TRAIL, Signal.ORCHESTRATOR}
    assert set(Signal) - set(kinds) == others


def test_the_measured_table_is_sound() -> None:
    table = stored()
    assert table.rules_version
    assert table.split == "development"
    assert table.cases > 500
    assert table.fatal_misses == 0
    for one in table.losses:
        assert 0 < one.had_it <= table.cases
        assert 0 <= one.retries_lost <= one.retries <= one.had_it
        assert 0 <= one.reruns_lost <= one.reruns <= one.had_it
        assert 0 <= one.told_lost <= one.told <= one.had_it
        assert set(one.categories_lost) <= set(one.categories) <= set(Category)
        assert sum(one.categories.values()) <= one.had_it
        assert all(count <= one.categories[name] for name, count in one.categories_lost.items())


@pytest.mark.parametrize("name", [Name.RUNS, Name.OUTPUTS, Name.TABLE_COMMITS, Name.LOGS])
def test_what_the_rules_demand_was_measured_to_be_needed(name: Name) -> None:
    loss = stored().of(name, Way.UNSEEN)
    assert loss is not None
    assert needed(loss)
    assert "safe_to_retry: true" in capped([loss])


@pytest.mark.parametrize(("name", "way"), list(LOSSES), ids=str)
def test_a_signal_that_is_taken_away_is_a_gap_and_was_none_before(name: Name, way: Way) -> None:
    whole = collected(HOLDING.get(name, "failure_after_staging_write"))
    if way in BEFORE:
        whole = BEFORE[way](whole)
    lacking = LOSSES[name, way](whole)
    assert lacking is not whole
    assert state_of(looked_at(whole), name) is State.SEEN
    found = looked_at(lacking)
    assert state_of(found, name) is State.GAP
    gap = next(one for one in found.signals if one.signal is name)
    assert gap.costs
    assert gap.fix
    assert gap.fix_in


@pytest.mark.parametrize(("name", "way"), list(LOSSES), ids=str)
def test_what_is_not_there_cannot_be_taken_away(name: Name, way: Way) -> None:
    once = LOSSES[name, way](collected(HOLDING.get(name, "failure_after_staging_write")))
    again = LOSSES[name, way](once)
    assert again is once


def test_a_control_table_that_is_declared_and_unreadable_costs_more_than_an_undeclared_one() -> None:
    undeclared, unseen = stored().of(Name.CONTROL, Way.UNDECLARED), stored().of(Name.CONTROL, Way.UNSEEN)
    assert undeclared is not None
    assert unseen is not None
    whole = collected("failure_after_staging_write")
    for way, loss in ((Way.UNDECLARED, undeclared), (Way.UNSEEN, unseen)):
        found = looked_at(LOSSES[Name.CONTROL, way](whole))
        said = next(one.costs for one in found.signals if one.signal is Name.CONTROL)
        assert (f"{loss.retries_lost} of {loss.retries} retries" in said) is bool(loss.retries_lost)
    assert unseen.retries_lost > undeclared.retries_lost


def test_declared_none_is_no_gap() -> None:
    whole = collected("failure_after_staging_write")
    pipeline = msgspec.structs.replace(whole.pipeline, control="none", deployments="none")
    found = looked_at(msgspec.structs.replace(whole, pipeline=pipeline))
    assert state_of(found, Name.CONTROL) is State.DECLARED_NONE
    assert state_of(found, Name.DEPLOYMENTS) is State.DECLARED_NONE


def test_a_signal_of_some_runs_only_is_a_gap_that_caps_nothing() -> None:
    whole = collected("failure_after_staging_write")
    found = looked_at(whole, LOSSES[Name.LOGS, Way.UNSEEN](whole), whole)
    logs = next(one for one in found.signals if one.signal is Name.LOGS)
    assert (logs.state, logs.seen_in, logs.runs) == (State.GAP, 2, 3)
    assert "safe_to_retry: true" not in found.capped


def test_a_control_table_that_knows_none_of_the_runs_is_a_gap() -> None:
    whole = collected("failure_after_staging_write")
    observations = tuple(
        msgspec.structs.replace(one, payload=[]) if one.signal is Signal.CONTROL else one for one in whole.observations
    )
    silent = msgspec.structs.replace(whole, observations=observations)
    assert state_of(looked_at(silent, silent), Name.CONTROL) is State.GAP
    assert state_of(looked_at(silent, whole), Name.CONTROL) is State.SEEN


def test_words_have_the_figures_and_what_no_verdict_shows() -> None:
    loss = stored().of(Name.EVENT_LOGS, Way.UNSEEN)
    assert loss is not None
    said = in_words(loss, "skew is invisible")
    assert f"{loss.retries_lost} of {loss.retries} retries proven safe are not" in said
    assert said.endswith(f"(measured on {loss.had_it} cases); skew is invisible")
    assert in_words(None, "nobody is named") == "no verdict; nobody is named"


def loss(**changed: object) -> Loss:
    fields = {
        "signal": Name.LOGS,
        "way": Way.UNSEEN,
        "had_it": 10,
        "retries": 5,
        "retries_lost": 0,
        "reruns": 5,
        "reruns_lost": 0,
        "told": 9,
        "told_lost": 0,
        "categories": {"DATA_SKEW": 5, "UNKNOWN": 5},
        "categories_lost": {},
        "safe_retry_coverage": 0.9,
        "accuracy_acceptable": 1.0,
        "fatal_misses": 0,
    }
    return msgspec.convert(fields | changed, Loss)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"retries_lost": 5}, ["safe_to_retry: true"]),
        ({"retries_lost": 4}, []),
        ({"retries": FEWEST - 1, "retries_lost": FEWEST - 1}, []),
        ({"reruns_lost": 5}, ["rerun: SAFE"]),
        ({"categories_lost": {"DATA_SKEW": 5, "UNKNOWN": 1}}, ["failure_category: DATA_SKEW"]),
    ],
)
def test_only_what_nothing_reached_is_out_of_reach(changed: dict[str, object], words: list[str]) -> None:
    assert capped([loss(**changed)]) == words


@pytest.mark.parametrize("changed", [{"retries_lost": 3}, {"reruns_lost": 3}, {"fatal_misses": 1}])
def test_a_signal_is_needed_when_most_safe_verdicts_are_lost_or_one_is_wrong_without_it(
    changed: dict[str, object],
) -> None:
    assert needed(loss(**changed))
    assert not needed(loss())
    assert not needed(None)


@pytest.mark.parametrize("changed", [{"retries_lost": 2}, {"reruns_lost": 1}])
def test_a_signal_for_want_of_which_a_few_are_lost_is_not_needed_and_is_told(changed: dict[str, object]) -> None:
    assert not needed(loss(**changed))
    assert some_lost(loss(**changed))
    assert not some_lost(loss())
    assert not some_lost(None)


@pytest.mark.parametrize(
    ("reason", "call"),
    [
        ("glue:GetTable sales.orders is not allowed (AccessDeniedException: no): grant it", "glue:GetTable"),
        ("sales.orders: s3:GetObject of s3://b/k is not allowed (AccessDenied: x): grant it", "s3:GetObject"),
        ("glue:GetTable failed (EntityNotFoundException: Table is not allowed (x)", None),
        ("the log is not allowed (here)", None),
        ("logs:FilterLogEvents was throttled (Throttling) through every attempt", None),
        ("x" * 100_000, None),
    ],
)
def test_a_refused_call_is_read_out_of_a_gap(reason: str, call: str | None) -> None:
    assert denied_call(reason) == call


@pytest.mark.parametrize(("command", "state"), [("glueetl", State.GAP), ("pythonshell", State.NOT_APPLICABLE)])
def test_a_job_without_spark_owes_no_event_log(command: str, state: State) -> None:
    run = collected("failure_after_staging_write")
    seen = tuple(
        msgspec.structs.replace(one, payload={"Job": {**one.payload["Job"], "Command": {"Name": command}}})
        if one.signal is Signal.JOB
        else one
        for one in run.observations
    )
    assert state_of(looked_at(msgspec.structs.replace(run, observations=seen)), Name.EVENT_LOGS) is state


def test_a_run_that_cannot_be_read_is_told_and_is_not_ready() -> None:
    run = collected("aws_executor_lost_skewed_01")
    assert assess("orders", run.pipeline, [run], ContextSettings()).ready
    found = assess("orders", run.pipeline, [run], ContextSettings(), unread=["Glue knows no run jr_1"])
    assert not found.ready
    assert found.unread == ["Glue knows no run jr_1"]


def test_refused_reads_are_listed_once() -> None:
    run = collected("failure_after_staging_write")
    gaps = (Gap(source="table:a.b", reason="glue:GetTable a.b is not allowed (AccessDeniedException: no): grant it"),)
    refused = msgspec.structs.replace(run, gaps=gaps)
    assert [one.name for one in refused_reads([refused, refused])] == ["permission glue:GetTable"]


def test_routes_name_the_queues_without_an_owner() -> None:
    one = Pipeline(name="orders", owners={"platform": "core", "pipeline_owner": "sales"})
    said = routes([one])
    assert not said.ok
    assert not said.needed
    assert "ingestion owner (orders)" in said.detail
    assert "platform team" not in said.detail
    assert routes([Pipeline(name="orders", owners={"default": "sales"})]).ok


def test_a_delta_table_is_stamped_in_its_own_way() -> None:
    pipeline = Pipeline(name="orders", target="a.b", format="delta", write_mode="append")
    assert "userMetadata" in fix_of(Name.SNAPSHOT_STAMPS, pipeline, "", local=False).text


def changed(run: Collected, **fields: object) -> Collected:
    return msgspec.structs.replace(run, pipeline=msgspec.structs.replace(run.pipeline, **fields))


def without(run: Collected, signal: Signal, gap: Gap) -> Collected:
    kept = tuple(one for one in run.observations if one.signal is not signal)
    return msgspec.structs.replace(run, observations=kept, gaps=(*run.gaps, gap))


def payload_of(run: Collected, signal: Signal, change: Callable[[Any], Any]) -> Collected:
    seen = tuple(
        msgspec.structs.replace(one, payload=change(one.payload)) if one.signal is signal else one
        for one in run.observations
    )
    return msgspec.structs.replace(run, observations=seen)


def bookmarked(job: dict[str, Any]) -> dict[str, Any]:
    arguments = {**job["Job"].get("DefaultArguments", {}), "--job-bookmark-option": "job-bookmark-enable"}
    return {"Job": {**job["Job"], "DefaultArguments": arguments}}


SAFE = "throttled_before_write"
"""A failed run that is triaged as SAFE with all that it has."""
UNREADY: dict[str, Callable[[Collected], Collected]] = {
    "DECLARATION_UNCONFIRMED": lambda run: changed(run, drafted=True),
    "OUTPUTS_UNDECLARED": lambda run: changed(run, outputs=[], target=None, staging=None),
    "SOURCE_GONE": lambda run: changed(run, source_consumed=True),
    "BOOKMARK_WITH_OVERWRITE": lambda run: payload_of(
        changed(run, write_mode="overwrite_partitions"), Signal.JOB, bookmarked
    ),
    "CONTROL_UNOBSERVED": lambda run: payload_of(
        run, Signal.CONTROL, lambda _: [{"job_run_id": run.run.job_run_id, "batch_id": "b", "status": "KO"}]
    ),
    "HISTORY_UNOBSERVED": lambda run: payload_of(
        run, Signal.CONTROL, lambda _: [{"job_run_id": "jr_of_another_job", "status": "SUCCESS"}]
    ),
    "TABLE_UNOBSERVED": lambda run: without(run, Signal.ICEBERG_METADATA, Gap(source="x", reason="no")),
    "JOB_UNOBSERVED": lambda run: without(run, Signal.JOB, Gap(source="job", reason="no")),
}


@pytest.mark.parametrize("rule", UNREADY)
def test_a_pipeline_is_not_ready_where_a_rule_that_is_declared_or_set_up_so_fails(rule: str) -> None:
    whole = collected(SAFE)
    assert not looked_at(whole).rules
    lacking = UNREADY[rule](whole)
    assert triaged(lacking) is not RerunDecision.SAFE
    found = looked_at(lacking)
    told = {one.rule: one for one in found.rules}
    assert rule in told
    assert told[rule].detail
    assert told[rule].fix
    assert told[rule].fix_in
    assert not found.ready
    assert found.capped[:2] == ["rerun: SAFE", "safe_to_retry: true"]


def triaged(run: Collected) -> RerunDecision:
    context = build_context(run, ContextSettings())
    attempts = find_attempts(context)
    return decide_rerun(context, attempts, write_states(context, attempts)).decision


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if path.is_dir())[::15])
def test_no_rule_is_said_to_be_in_the_way_of_a_run_that_is_safe(case: str) -> None:
    run = collected(case)
    found = looked_at(run)
    assert not found.rules or triaged(run) is not RerunDecision.SAFE


def test_what_one_of_several_failed_runs_says_in_an_unknown_word_is_in_the_way() -> None:
    whole = collected(SAFE)
    found = looked_at(whole, UNREADY["CONTROL_UNOBSERVED"](whole), whole)
    (rule,) = found.rules
    assert (rule.rule, rule.fails_in, rule.runs) == ("CONTROL_UNOBSERVED", 1, 3)
    assert "values" in rule.fix
    assert not found.ready
    assert "rerun: SAFE" not in found.capped


def test_a_run_that_alone_lacks_something_of_its_own_says_nothing_of_the_set_up() -> None:
    whole = collected(SAFE)
    assert not looked_at(whole, UNREADY["TABLE_UNOBSERVED"](whole)).rules


def test_a_run_that_has_just_ended_is_no_fault_of_the_set_up() -> None:
    fresh = msgspec.structs.replace(collected(SAFE), settle_seconds=86400.0)
    assert triaged(fresh) is not RerunDecision.SAFE
    assert not looked_at(fresh).rules


def test_a_source_that_did_not_answer_is_asked_again_and_nothing_is_to_be_changed() -> None:
    whole = collected(SAFE)
    gap = Unanswered(source="iceberg_metadata:target", reason="glue:GetTable was throttled (Throttling)")
    found = looked_at(without(whole, Signal.ICEBERG_METADATA, gap))
    commits = next(one for one in found.signals if one.signal is Name.TABLE_COMMITS)
    assert commits.state is State.GAP
    assert "not answered: glue:GetTable was throttled (Throttling): ask again later" in commits.detail
    assert commits.fix_in == ""
    assert "again" in commits.fix
    assert not found.ready


def test_a_pipeline_with_one_attempt_is_never_safe_to_retry_though_it_is_ready() -> None:
    found = looked_at(changed(collected(SAFE), max_attempts=1))
    assert found.ready
    assert found.capped == ["safe_to_retry: true"]


def test_stamps_of_tables_that_were_not_read_are_no_second_gap() -> None:
    whole = collected(SAFE)
    assert state_of(looked_at(UNREADY["TABLE_UNOBSERVED"](whole)), Name.SNAPSHOT_STAMPS) is State.NOT_APPLICABLE


def test_a_header_is_pasted_as_toml_whatever_the_name() -> None:
    pipeline = Pipeline(name='orders.daily"]')
    place = fix_of(Name.BATCH_IDS, pipeline, "", local=False).place
    assert list(tomllib.loads(place.partition(", ")[2])["pipelines"]) == ['orders.daily"]']


def pipeline_report(*, error: str | None = None) -> PipelineReport:
    return PipelineReport(name="a", declared=True, runs=0, run_ids=[], signals=[], capped=[], error=error)


@pytest.mark.parametrize(
    ("pipelines", "checks", "code"),
    [
        ([pipeline_report()], [], 0),
        ([pipeline_report()], [Check(name="store", ok=False, detail="")], 1),
        ([pipeline_report()], [Check(name="routes", ok=False, detail="", needed=False)], 0),
        ([pipeline_report(), pipeline_report(error="gone")], [], 1),
        ([pipeline_report(error="gone")], [], 3),
        ([], [], 1),
    ],
)
def test_exit_codes(pipelines: list[PipelineReport], checks: list[Check], code: int) -> None:
    whole = collected("failure_after_staging_write")
    assert Readiness(as_of=whole.captured_at, checks=checks, pipelines=pipelines).exit_code == code


def test_the_page_has_the_measured_table() -> None:
    table, page = stored(), (ROOT / "docs/readiness.md").read_text()
    titles = {one.name: one.title for one in SIGNALS}
    rows = [
        f"| {titles[one.signal]}, {one.way} | {one.had_it} | {one.retries_lost} of {one.retries} "
        f"| {one.reruns_lost} of {one.reruns} | {one.told_lost} of {one.told} "
        f"| {sum(one.categories_lost.values())} of {sum(one.categories.values())} | {one.fatal_misses} |"
        for one in table.losses
    ]
    missing = [row for row in rows if row not in page]
    assert not missing, "docs/readiness.md lacks:\n" + "\n".join(missing)
    assert f"{table.cases} development cases" in page
