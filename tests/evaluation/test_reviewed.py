"""Reviews as the truth: the same measures as ``evaluate``, honest about how little some of them rest on."""

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipetriage.evaluation.label import Label
from pipetriage.evaluation.metrics import measure
from pipetriage.evaluation.reviewed import FEW, MOST_OVERRIDDEN, Quality, quality
from pipetriage.evaluation.row import Verdict, judge
from pipetriage.model.archive import Judged, Judgement
from pipetriage.model.categories import Category
from pipetriage.model.review import Review
from pipetriage.model.write_state import RerunDecision

ENDED = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DRIFT, UNKNOWN = Category.SCHEMA_DRIFT, Category.UNKNOWN


def judgement(name: str = "inc_1", *, said: Any = None, found: Any = None) -> Judgement:
    verdict = {
        "failure_category": DRIFT,
        "safe_to_retry": False,
        "rerun": RerunDecision.UNSAFE,
        "confidence": 0.9,
        "ended_at": ENDED,
        "first_seen": ENDED + timedelta(minutes=5),
        "seconds": 0.2,
        "input_tokens": 0,
        "cost_usd": 0.0,
    }
    review = {"by": "ana", "reviewed_at": ENDED + timedelta(hours=6), "failure_category": DRIFT, "safe_to_retry": False}
    return Judgement(
        judged=Judged(incident_id=name, **(verdict | (said or {}))), review=Review(**(review | (found or {})))
    )


SAFE = {"failure_category": UNKNOWN, "safe_to_retry": True, "rerun": RerunDecision.SAFE}
REALLY_SAFE = {"failure_category": UNKNOWN, "safe_to_retry": True, "rerun_harmless": True}


def test_a_review_is_a_label_and_the_measures_are_those_of_evaluate() -> None:
    given = [
        judgement("a"),
        judgement("b", said=SAFE, found=REALLY_SAFE),
        judgement("c", found={"failure_category": UNKNOWN, "acceptable_categories": [DRIFT]}),
        judgement("d", said=SAFE, found={"failure_category": UNKNOWN, "rerun_harmless": False}),
    ]
    rows = [
        judge(
            one.judged.incident_id,
            Label(
                failure_category=one.review.failure_category,
                acceptable_categories=[one.review.failure_category, *one.review.acceptable_categories],
                safe_to_retry=one.review.safe_to_retry,
                rerun_harmless=one.review.rerun_harmless,
            ),
            Verdict(
                failure_category=one.judged.failure_category,
                safe_to_retry=one.judged.safe_to_retry,
                rerun=one.judged.rerun,
                confidence=0.9,
                seconds=0.2,
                input_tokens=0,
                cost_usd=0.0,
            ),
        )
        for one in given
    ]
    assert quality(given).metrics == measure(rows)
    assert quality(given).metrics.counts["safe_retry_precision"].hits == 1
    assert quality(given).metrics.fatal_misses == 1


def test_harm_called_safe_is_listed_as_fatal_and_first_of_all_what_came_last() -> None:
    found = quality(
        [
            judgement("old", said={"failure_category": UNKNOWN}),
            judgement("bad", said=SAFE, found={"failure_category": UNKNOWN, "reviewed_at": ENDED + timedelta(days=2)}),
            judgement("right"),
        ]
    )
    assert [(one.incident_id, one.fatal) for one in found.overridden] == [("bad", True), ("old", False)]
    assert (found.overrides.hits, found.overrides.n) == (2, 3)
    assert found.override_interval is not None
    assert found.override_interval[0] < 2 / 3 < found.override_interval[1]


def test_another_acceptable_category_is_no_override_another_retry_decision_is() -> None:
    also = judgement(found={"failure_category": UNKNOWN, "acceptable_categories": [DRIFT]})
    assert quality([also]).override_rate == 0
    assert quality([judgement(found={"safe_to_retry": True})]).override_rate == 1


def test_waiting_for_a_verdict_waiting_for_a_person_and_the_machine_are_told_apart() -> None:
    found = quality([judgement(), judgement("b", said={"first_seen": ENDED + timedelta(minutes=15), "seconds": 0.4})])
    assert (found.to_verdict.mean, found.to_verdict.p50, found.to_verdict.n) == (600, 300, 2)
    assert found.to_review.mean == 6 * 3600
    assert found.machine.mean == pytest.approx(0.3)


def test_a_backfill_was_not_waited_for_and_a_run_without_an_end_has_no_delay() -> None:
    late = judgement(said={"first_seen": ENDED + timedelta(days=9)})
    endless = judgement("b", said={"ended_at": None})
    found = quality([late, endless])
    assert (found.to_verdict.n, found.to_verdict.mean, found.to_review.n) == (0, None, 1)


def test_clocks_that_disagree_make_no_negative_wait() -> None:
    early = judgement(said={"first_seen": ENDED - timedelta(seconds=9)}, found={"reviewed_at": ENDED})
    assert quality([early]).to_verdict.mean == 0


def test_a_cost_that_is_not_known_is_not_called_nothing() -> None:
    paid, unknown = judgement("a", said={"cost_usd": 0.02}), judgement("b", said={"cost_usd": None})
    assert quality([paid]).cost_per_incident == 0.02
    assert quality([paid, unknown]).cost_per_incident is None


def test_nothing_reviewed_is_said_and_measures_nothing() -> None:
    found = quality([])
    assert found.doubts == ["Nothing was reviewed in this time: there is nothing to measure"]
    assert (found.override_rate, found.cost_per_incident, found.metrics.accuracy_exact) == (None, None, None)


def test_too_few_reviews_are_said_to_be_too_few() -> None:
    assert "too few" in quality([judgement(str(n)) for n in range(FEW - 1)]).doubts[0]


def test_enough_reviews_of_which_too_few_were_called_safe_are_told_apart() -> None:
    doubts = quality([judgement(str(n)) for n in range(FEW)]).doubts
    assert [doubt.split(" rests")[0] for doubt in doubts] == ["safe retry precision", "safe retry coverage"]
    both = [judgement(str(n)) for n in range(FEW)]
    both += [judgement(f"s{n}", said=SAFE, found=REALLY_SAFE) for n in range(FEW)]
    assert quality(both).doubts == []


def test_it_says_that_the_sample_was_chosen() -> None:
    assert "not drawn by lot" in quality([]).sample


def test_it_goes_through_json_and_back() -> None:
    found = quality([judgement(), judgement("b", said=SAFE)])
    assert msgspec.json.decode(msgspec.json.encode(found), type=Quality) == found


def test_ten_thousand_reviews_are_measured_while_a_page_loads_and_the_list_stays_short() -> None:
    chance = random.Random(7)  # noqa: S311 - statistics, not secrets
    many = [
        judgement(
            str(n), said={"confidence": round(chance.random(), 3), "failure_category": chance.choice([*Category])}
        )
        for n in range(10_000)
    ]
    began = time.perf_counter()
    found = quality(many)
    assert time.perf_counter() - began < 5
    assert found.overrides.hits > 8_000
    assert len(found.overridden) == MOST_OVERRIDDEN
