"""When a success is suspicious, from what was seen of it."""

from typing import Any

import msgspec
import pytest

from pipetriage.model.evidence import Gap
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
        ([100_000, 0, 0], False),
        ([100_000] * 9 + [0], True),
        ([100_000] * 8 + [0] * 2, False),
        ([100_000] * 28 + [0] * 2, True),
        ([0] * 40 + [100_000] * 30, True),
    ],
)
def test_nothing_written(past: list[int | None], trips: bool) -> None:
    assert ("NOTHING_WRITTEN" in tripped(success(0, past))) is trips


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
