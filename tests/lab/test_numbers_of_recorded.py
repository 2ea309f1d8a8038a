"""Runs on real Spark that died of a hot key or of tiny files without one log line, and those that had them and did not.

What each really died of is its plan's word (``lab/spark/recorded/plans/hot_keys.py``, ``tiny_files.py``).
"""

from functools import cache
from pathlib import Path

import pytest

from pipetriage.bootstrap import open_app
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.finding import Strength
from pipetriage.model.incident import Incident

CASES = Path(__file__).parents[2] / "cases"


@cache
def triaged(case: str) -> Incident:
    return open_app(use_store=False).triage(str(CASES / case))


def cases(*families: str) -> list[str]:
    return sorted(path.name for family in families for path in CASES.glob(f"rec_{family}_[0-9][0-9]"))


def hints(incident: Incident, category: Category) -> set[Strength]:
    return {one.strength for one in incident.findings if one.category is category}


HOT_AND_TIMED_OUT = cases("calls_close_in_time", "rolling_median", "parcel_rows", "straggler_times_out")
HOT_AND_OUT_OF_MEMORY = cases("statements_by_account")
EVEN = cases("statements_of_all", "visits_in_order", "asks_once_a_partition", "waits_for_limits")
HOT_BESIDE_AN_ERROR = cases("stops_ranked", "accounts_ranked")
TINY_AND_TIMED_OUT = cases("events_of_the_day", "devices_counted", "year_of_samples")
TINY_BESIDE_AN_ERROR = cases("events_then_denied", "events_then_throttled", "events_read_well")


def test_they_are_there() -> None:
    for group, least in (
        (HOT_AND_TIMED_OUT, 9), (HOT_AND_OUT_OF_MEMORY, 2), (EVEN, 8), (HOT_BESIDE_AN_ERROR, 4),
        (TINY_AND_TIMED_OUT, 6), (TINY_BESIDE_AN_ERROR, 6),
    ):  # fmt: skip
        assert len(group) >= least


@pytest.mark.parametrize("case", HOT_AND_TIMED_OUT)
def test_a_hot_key_that_used_up_the_time_is_named_without_a_log_line(case: str) -> None:
    incident = triaged(case)
    assert incident.failure_category is Category.DATA_SKEW
    assert not [one for one in incident.evidence if one.id.startswith("log-")]
    assert "of all that was shuffled" in incident.likely_root_cause
    assert any(one.action.startswith(("Salt ", "Have the largest file")) for one in incident.recommended_steps)


@pytest.mark.parametrize("case", HOT_AND_OUT_OF_MEMORY)
def test_a_hot_key_that_filled_the_memory_is_told_with_key_share_and_memory(case: str) -> None:
    incident = triaged(case)
    assert incident.failure_category is Category.DATA_SKEW
    assert "99.9% of all that was shuffled by account" in incident.likely_root_cause
    steps = " ".join(f"{one.action} {one.why}" for one in incident.recommended_steps)
    assert "Salt account, or handle its heaviest value by itself: about 6 parts" in steps
    assert "an executor has 640 MiB" in steps


@pytest.mark.parametrize("case", EVEN)
def test_even_partitions_are_never_skew_however_much_they_spill_or_wait(case: str) -> None:
    incident = triaged(case)
    assert incident.failure_category is Category.UNKNOWN
    assert hints(incident, Category.DATA_SKEW) == set()


@pytest.mark.parametrize("case", HOT_BESIDE_AN_ERROR)
def test_an_explicit_error_wins_over_a_hot_key_that_got_through(case: str) -> None:
    incident = triaged(case)
    assert incident.failure_category in {Category.PERMISSION_ERROR, Category.CODE_REGRESSION}
    assert hints(incident, Category.DATA_SKEW) == {Strength.WEAK}


@pytest.mark.parametrize("case", TINY_AND_TIMED_OUT)
def test_tiny_files_that_used_up_the_time_are_named_without_a_log_line(case: str) -> None:
    incident = triaged(case)
    assert incident.failure_category is Category.SMALL_FILE_PRESSURE
    assert not [one for one in incident.evidence if one.id.startswith("log-")]
    assert " took " in incident.likely_root_cause


@pytest.mark.parametrize("case", TINY_BESIDE_AN_ERROR)
def test_tiny_files_that_were_read_well_are_a_hint(case: str) -> None:
    incident = triaged(case)
    assert incident.failure_category in {Category.PERMISSION_ERROR, Category.UNKNOWN}
    assert hints(incident, Category.SMALL_FILE_PRESSURE) == {Strength.WEAK}


@pytest.mark.parametrize("case", cases("events_then_throttled"))
def test_a_passing_failure_stays_one_over_thousands_of_tiny_files(case: str) -> None:
    incident = triaged(case)
    assert incident.failure_mode is FailureMode.TRANSIENT_SERVICE
    assert incident.safe_to_retry
