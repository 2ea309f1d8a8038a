"""When a success is suspicious, from what was seen of it."""

from typing import Any

import msgspec
import pytest

from pipetriage.model.evidence import Gap, Unanswered
from pipetriage.model.facts import GoodRun
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.success import Delivered, Success
from pipetriage.settings import ThresholdSettings
from pipetriage.silent import look


def volume(records: int | None, files: int | None = 1) -> GoodRun:
    return GoodRun(run_id="jr", records=records, files=files, written=True)


def success(own: int | None = 100_000, past: list[Any] | None = None, **more: Any) -> Success:
    history = [100_000] * 10 if past is None else past
    seen = Success(
        own=None if own is None else volume(own),
        past=tuple(volume(one) for one in history),
        volumes_locator="s3://table",
        read_locator="CloudWatch metrics",
    )
    return msgspec.structs.replace(seen, **more)


def tripped(seen: Success, **declared: Any) -> list[str]:
    pipeline = msgspec.convert({"name": "orders", "target": "sales.orders", **declared}, Pipeline, strict=False)
    return [str(one.check) for one in look(seen, pipeline, ThresholdSettings()).suspicions]


def delivered(partitions: int | None, table: str = "sales.orders") -> tuple[Delivered, ...]:
    return (Delivered(table=table, role="target", commits=1, partitions_at_most=partitions, locator="s3://table"),)


@pytest.mark.parametrize(
    ("own", "past", "expected"),
    [
        (100_000, [100_000] * 10, []),
        (91_000, [100_000] * 10, []),
        (89_000, [100_000] * 10, ["RECORDS_LOW"]),
        (60_000, [100_000, 30_000, 170_000] * 3, []),
        (49_000, [100_000] * 3, ["RECORDS_LOW"]),
        (51_000, [100_000] * 3, []),
        (1, [100_000] * 2, []),
        (10, [60] * 10, ["RECORDS_LOW"]),
        (910, [1000] * 10, []),
        (None, [100_000] * 10, []),
        (5, [None] * 10, []),
        (100_000, [], []),
    ],
)
def test_records_low(own: int | None, past: list[int | None], expected: list[str]) -> None:
    assert tripped(success(own, past)) == expected


def test_volumes_of_what_was_read_are_not_compared_with_what_was_written() -> None:
    read = tuple(GoodRun(run_id="jr", records=9_000_000) for _ in range(10))
    assert tripped(Success(own=volume(100), past=read)) == []


@pytest.mark.parametrize(
    ("read", "wrote", "least", "trips"),
    [
        (None, 99, 100, True),
        (None, 100, 100, False),
        (99, 500, 100, True),
        (500, 2, 100, False),
        (None, None, 9, False),
    ],
)
def test_fewer_than_declared(read: int | None, wrote: int | None, least: int, trips: bool) -> None:
    seen = success(wrote, [], records_read=read)
    assert tripped(seen, min_records=least) == (["RECORDS_LOW"] if trips else [])


@pytest.mark.parametrize(
    ("past", "trips"),
    [
        ([100_000], True),
        ([None], True),
        ([], False),
        ([0], False),
        ([0, 0, 0], False),
        ([100_000, 0], True),
        ([100_000, 0, 0], True),
        ([100_000, 0, 100_000, 0, 100_000], False),
        ([100_000] * 9 + [0], True),
        ([100_000] * 8 + [0] * 2, True),
        (([100_000] * 8 + [0] * 2) * 3, False),
        ([100_000] * 14 + [0] + [100_000] * 14 + [0], True),
        ([0] * 40 + [100_000] * 30, True),
    ],
)
def test_nothing_written(past: list[int | None], trips: bool) -> None:
    assert ("NOTHING_WRITTEN" in tripped(success(0, past))) is trips


@pytest.mark.parametrize("failed", [1, 2, 3, 4, 10, 29])
@pytest.mark.parametrize("good", [3, 5, 25, 60])
@pytest.mark.parametrize("left", [0, 300])
def test_silent_failures_in_a_row_are_each_as_suspicious_as_the_first(left: int, good: int, failed: int) -> None:
    past = [10_000 + day for day in range(good)] + [left] * failed
    assert "RECORDS_LOW" in tripped(success(left, past))
    assert ("NOTHING_WRITTEN" in tripped(success(left, past))) is (left == 0)
    # Nothing, after days of little, and the other way round.
    assert "RECORDS_LOW" in tripped(success(300 - left, past))
    assert tripped(success(10_000, past)) == []


@pytest.mark.parametrize("left", [0, 300])
def test_after_thirty_runs_less_is_what_is_usual(left: int) -> None:
    assert tripped(success(left, [10_000] * 40 + [left] * 29)) != []
    assert tripped(success(left, [10_000] * 40 + [left] * 30)) == []
    assert tripped(success(left, [10_000] * 40 + [left] * 50)) == []


def test_after_less_has_become_usual_nothing_is_news_again() -> None:
    past = [10_000] * 40 + [3_000] * 35 + [0] * 3
    assert "NOTHING_WRITTEN" in tripped(success(0, past))
    assert tripped(success(3_000, past)) == []


def test_an_outage_that_is_over_makes_no_habit() -> None:
    assert "NOTHING_WRITTEN" in tripped(success(0, [10_000] * 15 + [0] * 4 + [10_000] * 5))


@pytest.mark.parametrize(
    ("past", "own"),
    [
        # Of a daily job's weekends, each day of the third; of an hourly job's nights, each hour of the third.
        (([10_000] * 5 + [0, 0]) * 2 + [10_000] * 5, 0),
        (([10_000] * 5 + [0, 0]) * 2 + [10_000] * 5 + [0], 0),
        (([10_000] * 16 + [0] * 8) * 2 + [10_000] * 16 + [0] * 7, 0),
        (([10_000] * 5 + [300, 280]) * 2 + [10_000] * 5, 290),
        # What comes after a first load is less, and no failure.
        ([1_000_000] + [10_000] * 9, 10_000),
    ],
)
def test_what_comes_again_and_again_is_no_news(past: list[int], own: int) -> None:
    assert tripped(success(own, past)) == []


def test_a_bookmark_that_found_nothing_for_days_is_still_news() -> None:
    seen = success(0, [10_000] * 20 + [0] * 5, bookmark=True, records_read=0)
    assert "BOOKMARK_FOUND_NOTHING" in tripped(seen)


def reasons(seen: Success, **declared: Any) -> list[str]:
    pipeline = msgspec.convert({"name": "orders", "target": "sales.orders", **declared}, Pipeline, strict=False)
    return [one.reason for one in look(seen, pipeline, ThresholdSettings()).gaps]


def test_a_volume_that_is_held_against_nothing_is_a_gap() -> None:
    assert reasons(success()) == []
    assert reasons(success(0, [0] * 5)) == []
    merge = Success(own=volume(None), past=tuple(volume(100) for _ in range(5)))
    assert "cannot be told from its commits" in reasons(merge)[0]
    assert "nothing to compare with" in reasons(success(5, []))[0]
    assert "of 2 good runs" in reasons(success(100_000, [100_000] * 2))[0]
    assert "of 0 good runs" in reasons(success(100_000, [None] * 8))[0]
    assert reasons(success(5, []), min_records=1) == []
    assert reasons(msgspec.structs.replace(merge, records_read=500), min_records=1) == []
    assert len(reasons(merge, min_records=1)) == 1
    assert all("min_records" in one.fix for one in look(merge, Pipeline(), ThresholdSettings()).gaps)


def test_only_a_source_that_may_answer_later_makes_a_look_unanswered() -> None:
    lasting = Gap(source="logs", reason="logs:FilterLogEvents is not allowed")
    later = Unanswered(source="metrics", reason="cloudwatch:GetMetricData was throttled")
    for gaps, expected in (((lasting,), False), ((lasting, later), True), ((), False)):
        assert look(success(gaps=gaps), Pipeline(), ThresholdSettings()).unanswered is expected


def test_a_merge_whose_records_are_not_known_wrote_something() -> None:
    assert tripped(Success(own=volume(None), past=tuple(volume(None) for _ in range(5)))) == []


@pytest.mark.parametrize(
    ("declared", "at_most", "trips"),
    [
        (3, 2, True),
        (3, 3, False),
        (3, 7, False),
        (3, None, False),
        (["a", "b", "b"], 1, True),
        (["a", "b", "b"], 2, False),
        ("from_source", 0, False),
        ("day={batch_id}", 0, False),
        (None, 0, False),
        (0, 0, False),
        ([], 0, False),
    ],
)
def test_partitions_missing(declared: Any, at_most: int | None, trips: bool) -> None:
    seen = success(delivered=delivered(at_most))
    assert tripped(seen, expected_partitions=declared) == (["PARTITIONS_MISSING"] if trips else [])


def test_partitions_of_a_table_that_was_not_read_are_not_missing() -> None:
    assert tripped(success(delivered=delivered(1, "sales.other")), expected_partitions=3) == []


@pytest.mark.parametrize(
    ("records", "files", "own", "trips"),
    [
        (0, None, 100_000, True),
        (None, 0, 100_000, True),
        (0, 0, 100_000, True),
        (0, 4, 100_000, False),
        (7, 0, 100_000, False),
        (None, None, 100_000, False),
        (None, None, None, False),
    ],
)
def test_a_bookmark_that_found_nothing(records: int | None, files: int | None, own: int | None, trips: bool) -> None:
    seen = success(own, bookmark=True, records_read=records, files_read=files)
    assert tripped(seen) == (["BOOKMARK_FOUND_NOTHING"] if trips else [])
    assert tripped(msgspec.structs.replace(seen, bookmark=False)) == []


def test_without_metrics_a_bookmark_is_judged_by_what_was_written() -> None:
    assert "BOOKMARK_FOUND_NOTHING" in tripped(success(0, [], bookmark=True))
    assert tripped(success(0, [0] * 5, bookmark=True)) == []


def test_a_swallowed_failure_and_its_place() -> None:
    found = look(success(swallowed="CloudWatch Logs a b"), Pipeline(), ThresholdSettings())
    assert [(str(one.check), one.locator) for one in found.suspicions] == [("SWALLOWED_FAILURE", "CloudWatch Logs a b")]


def test_gaps_are_handed_on_and_trip_nothing() -> None:
    gaps = (Gap(source="logs", reason="refused"),)
    found = look(Success(gaps=gaps), Pipeline(target="sales.orders", min_records=5), ThresholdSettings())
    assert found.gaps == list(gaps)
    assert found.suspicions == []


def test_every_suspicion_names_numbers_and_a_place() -> None:
    seen = success(0, delivered=delivered(0), bookmark=True, records_read=0, swallowed="CloudWatch Logs a b")
    pipeline = Pipeline(target="sales.orders", expected_partitions=3)
    found = look(seen, pipeline, ThresholdSettings()).suspicions
    assert len({one.check for one in found}) == 5
    assert all(one.statement and one.locator for one in found)


def test_thresholds_are_the_settings() -> None:
    strict = ThresholdSettings(low_record_ratio=0.95)
    seen = success(94_000, [100_000] * 4)
    assert look(seen, Pipeline(), strict).suspicions
    assert not look(seen, Pipeline(), ThresholdSettings()).suspicions
