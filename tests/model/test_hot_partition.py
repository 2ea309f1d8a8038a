"""The heaviest task of a stage: measured where it ended, worked out where it did not."""

import math
from datetime import timedelta

import pytest

from pipetriage.model.hot_partition import HotTask, hot_task
from tests.building import ENDED, STARTED, make_stage, spread

WROTE = make_stage(
    stage_id=1, shuffle_records=spread(0, 0, 4), written_shuffle_records=50_000, written_shuffle_bytes=90_000
)


def test_a_task_that_ended_is_told_by_its_own_numbers() -> None:
    stage = make_stage(
        shuffle_records=spread(90_000, 10, 11), shuffle_bytes=spread(900, 100, 11), tasks=11, planned_tasks=11
    )
    hot = hot_task(stage, [stage], ENDED)
    assert (hot.records, hot.typical_records, hot.ended, hot.pending) == (90_000, 10, True, 0)
    assert hot.ratio == 9_000
    assert hot.share == pytest.approx(90_000 / 90_100)


def test_what_was_written_less_what_was_read_is_left_for_those_without_an_end() -> None:
    stage = make_stage(
        stage_id=3, parents=(1,), tasks=8, planned_tasks=10, completed=False, unfinished_since=STARTED,
        shuffle_records=spread(1_000, 1_000, 8), shuffle_bytes=spread(2_000, 2_000, 8),
    )  # fmt: skip
    hot = hot_task(stage, [WROTE, stage], ENDED)
    assert (hot.ended, hot.pending, hot.records, hot.bytes) == (False, 2, 21_000, 37_000)
    assert hot.share == pytest.approx(42_000 / 50_000)
    assert hot.ran_ms == timedelta(minutes=20).total_seconds() * 1000


def test_an_earlier_attempt_read_its_part() -> None:
    first = make_stage(stage_id=3, parents=(1,), tasks=8, planned_tasks=10, shuffle_records=spread(5_000, 5_000, 8))
    second = make_stage(
        stage_id=3, attempt=1, parents=(1,), tasks=1, planned_tasks=2, shuffle_records=spread(5_000, 5_000, 1)
    )
    assert hot_task(second, [WROTE, first, second], ENDED).records == 5_000


def test_more_read_than_was_seen_written_leaves_nothing() -> None:
    stage = make_stage(parents=(1,), tasks=199, planned_tasks=200, shuffle_records=spread(9_000, 9_000, 199))
    hot = hot_task(stage, [WROTE, stage], ENDED)
    assert hot.ended


def test_a_median_of_nothing_is_no_division_by_zero() -> None:
    stage = make_stage(shuffle_records=spread(90_000, 0), shuffle_bytes=spread(900_000, 0))
    assert math.isinf(hot_task(stage, [stage], None).ratio)


@pytest.mark.parametrize(
    ("size", "records", "typical", "planned", "parts"),
    [
        (6 * 2**30, 9_000, 1, 20, 96),
        (2**20, 9_000, 1, 20, 20),
        (2**20, 70, 10, 20, 7),
        (2**20, 70, 0, 20, 20),
        (2**20, 11, 10, 20, 2),
    ],
)
def test_into_how_many_parts(size: int, records: int, typical: int, planned: int, parts: int) -> None:
    hot = HotTask(
        bytes=size, records=records, typical_bytes=size, typical_records=typical, share=None, ran_ms=1, typical_ms=1,
        ended=True, pending=0, planned=planned,
    )  # fmt: skip
    assert hot.parts == parts
