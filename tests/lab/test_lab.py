"""The lab in CI: a fixed set of seeds and a fresh one, and proof that the lab itself can see a corruption."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("pyiceberg")
pytest.importorskip("deltalake")

from lab.ablate import CUTS, SIGNALS
from lab.figures import figures
from lab.keep import NEUTRAL
from lab.recipes import MODES, Format
from lab.report import write_report
from lab.result import Result, from_json
from lab.run import run_all
from lab.scenario import Attempt, Ending, Fault, FaultPoint, Other, Scenario, build
from lab.score import fatal_reasons
from lab.seed import Triager, open_triager, run_scenario
from pipetriage.bootstrap import open_app
from pipetriage.model.incident import Incident
from pipetriage.model.write_state import RerunDecision

FIXED, FRESH = 120, 80


def _bad(results: list[Result]) -> list[str]:
    return [
        f"seed {one.seed} {one.outcome}: {one.error or one.fatal or one.disagreement} "
        f"{[ablated.removed for ablated in one.ablated if ablated.fatal]} {one.facets} {one.statuses}"
        for one in results
        if one.outcome in {"fatal", "disagreement", "error"}
    ]


@pytest.fixture(scope="module")
def fixed() -> list[Result]:
    return run_all(range(FIXED), jobs=2)


def test_fixed_seeds_have_no_fatal_miss_and_no_disagreement(fixed: list[Result]) -> None:
    assert _bad(fixed) == []


def test_fixed_seeds_are_as_hard_as_they_should_be(fixed: list[Result]) -> None:
    shown = figures(fixed)
    assert shown.shares["another writer in the window"] >= 0.3
    assert shown.shares["no run property"] >= 0.3
    assert shown.shares["a later batch"] >= 0.15
    # A program that never says SAFE has no fatal miss either.
    assert sum(one.decision == "SAFE" and one.rerun_harmless for one in fixed) >= FIXED // 10


def test_every_signal_that_is_taken_away_was_in_some_bundle(fixed: list[Result]) -> None:
    # Names that no bundle has would remove nothing, and prove nothing.
    removed = {name for one in fixed for ablated in one.ablated for name in ablated.removed}
    assert set(SIGNALS) | set(CUTS) <= removed


def test_fresh_seeds_have_no_fatal_miss_and_no_disagreement() -> None:
    first = random.SystemRandom().randrange(10**6, 10**9)
    again = f"again: python -m lab --from {first} --seeds {FRESH}"
    assert _bad(run_all(range(first, first + FRESH), jobs=2)) == [], again


def _plain(fmt: Format, mode: str, point: FaultPoint, step: int = 0, ending: Ending = "error") -> Scenario:
    """Give a scenario in which nothing happens but the one fault."""
    return replace(
        build(1),
        fmt=fmt,
        mode=mode,
        layout="shop",
        shops=("aarhus", "berlin", "cadiz"),
        rows_per_shop=2,
        empty_input=False,
        engine="spark",
        stamp="run_and_batch" if fmt != "parquet" else "none",
        control="kept",
        bookmark=False,
        consumed=False,
        history=2,
        attempts=(Attempt("first", Fault(point, step, "throttled", ending)),),
        max_retries=0,
        others=(),
        later=0,
        after="nothing",
        missing=frozenset(),
        really_killed=False,
    )


def _measured(scenario: Scenario) -> Result:
    result = run_scenario(scenario, ablate=False)
    assert result.error is None, result.error
    assert result.outcome != "fatal", result
    return result


def test_a_blind_append_is_measured_to_be_harmful() -> None:
    result = _measured(_plain("iceberg", "append_many", "between_commits", 1))
    assert not result.rerun_harmless
    assert result.decision == "UNSAFE"


def test_a_partition_overwrite_is_measured_to_be_harmless() -> None:
    result = _measured(_plain("iceberg", "overwrite_partitions_many", "between_commits", 1))
    assert result.rerun_harmless
    assert not result.by_luck
    assert result.decision == "SAFE"


def test_a_partition_overwrite_after_a_later_batch_is_measured_to_be_harmful() -> None:
    result = _measured(replace(_plain("iceberg", "overwrite_partitions_one", "files_written"), later=1))
    assert not result.rerun_harmless
    assert result.decision == "UNSAFE"


def test_a_lost_answer_that_landed_is_measured_to_be_harmful_for_an_append() -> None:
    assert not _measured(_plain("iceberg", "append_one", "lost_answer_landed")).rerun_harmless


def test_a_lost_answer_that_did_not_land_is_measured_to_be_harmless() -> None:
    result = _measured(_plain("iceberg", "append_one", "lost_answer_not_landed"))
    assert result.rerun_harmless


def test_what_a_job_skips_is_harmless_only_by_luck() -> None:
    scenario = replace(_plain("iceberg", "append_one", "after_control", ending="killed"), control="skips")
    result = _measured(scenario)
    assert result.rerun_harmless
    assert result.by_luck


def test_a_killed_job_leaves_its_data_files_and_a_stuck_row() -> None:
    result = _measured(_plain("iceberg", "append_one", "files_written", ending="killed"))
    assert result.rerun_harmless
    assert any("UNCOMMITTED" in one for one in result.statuses)


def test_a_process_that_is_really_killed_is_triaged_like_one_that_is_left() -> None:
    left = _plain("iceberg", "append_many", "between_commits", 1, ending="killed")
    killed = replace(left, really_killed=True)
    assert killed.dies_for_real
    one, other = _measured(left), _measured(killed)
    assert (one.decision, one.rerun_harmless, one.statuses) == (other.decision, other.rerun_harmless, other.statuses)


def test_a_half_visible_plain_append_is_measured_to_be_harmful() -> None:
    result = _measured(_plain("parquet", "append_v2", "halfway", 1))
    assert not result.rerun_harmless


@pytest.mark.parametrize(("fmt", "mode"), [(fmt, mode) for fmt, modes in MODES.items() for mode in modes])
def test_every_mode_agrees_with_the_computed_truth_when_it_fails_before_reading(fmt: Format, mode: str) -> None:
    result = _measured(_plain(fmt, mode, "before_reading"))
    assert result.rerun_harmless


class _Mutant:
    """The program with one belief changed."""

    def __init__(self, contract: Path, change: Callable[[Incident], Incident]) -> None:
        self._real = open_triager(contract)
        self._change = change

    def triage(self, target: str) -> Incident:
        return self._change(self._real.triage(target))

    def capture(self, target: str, folder: Path) -> object:
        return self._real.capture(target, folder)


def _mutant(change: Callable[[Incident], Incident]) -> Callable[[Path], Triager]:
    return lambda contract: _Mutant(contract, change)


def _always_safe(incident: Incident) -> Incident:
    rerun = msgspec.structs.replace(incident.rerun, decision=RerunDecision.SAFE)
    return msgspec.structs.replace(incident, rerun=rerun)


def _always_retried(incident: Incident) -> Incident:
    return msgspec.structs.replace(incident, safe_to_retry=True)


def _without_rule(rule: str) -> Callable[[Incident], Incident]:
    def change(incident: Incident) -> Incident:
        kept = [one for one in incident.rerun.reasons if one.rule != rule]
        safe = all(one.holds for one in kept)
        decision = RerunDecision.SAFE if safe else incident.rerun.decision
        return msgspec.structs.replace(
            incident, rerun=msgspec.structs.replace(incident.rerun, reasons=kept, decision=decision)
        )

    return change


HARMFUL = _plain("iceberg", "append_many", "between_commits", 1)


@pytest.mark.parametrize("change", [_always_safe, _always_retried])
def test_a_triage_that_always_agrees_is_caught(change: Callable[[Incident], Incident]) -> None:
    result = run_scenario(HARMFUL, opened=_mutant(change))
    assert result.outcome == "fatal"
    assert result.fatal
    assert all(one.fatal for one in result.ablated)


@pytest.mark.parametrize(
    ("rule", "scenario"),
    [
        ("OUTPUT_REPEATED", HARMFUL),
        ("LATER_BATCH_WRITTEN", replace(_plain("iceberg", "overwrite_partitions_one", "files_written"), later=1)),
        ("STAGING_NOT_REPLACED", _plain("iceberg", "staging_kept_append", "between_commits", 0)),
        ("ENGINE_WILL_RETRY", replace(_plain("iceberg", "append_one", "before_reading"), max_retries=1)),
    ],
)
def test_a_triage_without_one_rule_is_caught(rule: str, scenario: Scenario) -> None:
    assert run_scenario(scenario, ablate=False).outcome != "fatal"
    assert run_scenario(scenario, ablate=False, opened=_mutant(_without_rule(rule))).outcome == "fatal"


def test_a_verdict_that_depends_on_the_way_it_came_is_a_disagreement() -> None:
    def only_live(incident: Incident) -> Incident:
        return incident if incident.rerun.reasons[0].why == "" else msgspec.structs.replace(incident, write_state=[])

    class Half(_Mutant):
        def triage(self, target: str) -> Incident:
            incident = self._real.triage(target)
            return only_live(incident) if target.startswith("local:") else incident

    result = run_scenario(HARMFUL, ablate=False, opened=lambda contract: Half(contract, only_live))
    assert result.outcome == "disagreement"


SIBLING = replace(
    _plain("iceberg", "overwrite_partitions_one", "after_commit"),
    shops=("aarhus",),
    stamp="batch",
    control="none",
    others=(Other("sibling_job", 0, 0, same_partitions=True),),
)
FOUND = {
    # What the lab once found to be called SAFE.
    "the input is gone, and the job reads an empty prefix without an error": replace(
        _plain("iceberg", "append_one", "files_written"), after="source_gone"
    ),
    "the same with a whole table to overwrite": replace(
        _plain("iceberg", "overwrite_table", "before_reading"), after="source_gone"
    ),
    "a killed committer left finished tasks, which the next job of the table publishes": _plain(
        "parquet", "append_v1", "files_written", ending="killed"
    ),
    "a later merge changed the same keys in other partitions": replace(
        _plain("iceberg", "merge_key", "before_reading"), layout="day", later=1, rows_per_shop=4
    ),
    "the mode is not declared, and a later batch wrote the whole table": replace(
        _plain("iceberg", "overwrite_table", "before_reading"),
        layout="day",
        later=1,
        missing=frozenset({"write_mode"}),
    ),
    "another job appended right after our overwrite, stamped with the same batch": SIBLING,
    "the same in Delta": replace(SIBLING, fmt="delta"),
    "expired history in format version 1, which has no sequence numbers to miss": replace(
        _plain("iceberg", "append_one", "lost_answer_landed"),
        format_version=1,
        history=1,
        others=(Other("job", -1, -1, same_partitions=False),),
        after="expiry",
    ),
}


@pytest.mark.parametrize("scenario", FOUND.values(), ids=FOUND.keys())
def test_what_was_found_stays_found(scenario: Scenario) -> None:
    result = run_scenario(scenario)
    assert not result.rerun_harmless
    assert _bad([result]) == []


def test_a_scenario_is_the_same_for_the_same_seed() -> None:
    assert [build(seed) for seed in range(50)] == [build(seed) for seed in range(50)]
    assert len({build(seed) for seed in range(50)}) == 50


def test_a_harmless_rerun_is_never_fatal() -> None:
    assert fatal_reasons("SAFE", True, harmful=False) == []
    assert fatal_reasons("UNSAFE", False, harmful=True) == []
    assert len(fatal_reasons("SAFE", True, harmful=True)) == 2


def test_a_run_is_taken_up_again_and_reported(tmp_path: Path) -> None:
    told: list[str] = []
    first = run_all([0, 1], jobs=1, out=tmp_path, ablate=False, tell=told.append)
    again = run_all([0, 1, 2], jobs=1, out=tmp_path, ablate=False, tell=told.append)
    assert [one.seed for one in again] == [0, 1, 2]
    assert again[:2] == first
    assert any("2 of 3 seeds were run before" in line for line in told)
    page = write_report(again, tmp_path)
    text = page.read_text("utf-8")
    assert "<svg" in text
    assert "http" not in text
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["seeds"] == 3
    assert from_json(json.loads(json.dumps(again[0].to_json()))) == again[0]


def test_a_bad_seed_is_kept_as_a_labelled_case(tmp_path: Path) -> None:
    result = run_scenario(HARMFUL, ablate=False, keep=tmp_path, opened=_mutant(_always_safe))
    (case,) = tmp_path.iterdir()
    kept, live = open_app(use_store=False).triage(str(case)), _measured(HARMFUL)
    assert (str(kept.rerun.decision), str(kept.failure_category)) == (live.decision, live.category)
    assert result.outcome == "fatal"
    assert "rerun_harmless: false" in (case / "expected.yaml").read_text("utf-8")
    texts = [path.read_bytes() for path in case.rglob("*") if path.is_file()]
    assert any(NEUTRAL.encode() in text for text in texts)
    assert not any(b"/lab-" in text or b"/shm/" in text for text in texts)
