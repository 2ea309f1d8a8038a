"""Skew, small files, and what merely ran out."""

from datetime import UTC, datetime

import pytest

from pipetriage.model.categories import Category
from pipetriage.model.facts import Metric
from pipetriage.model.finding import Strength
from pipetriage.model.spark import SparkFacts, StageFacts
from tests.building import ENDED, make_context, make_error, make_listing, make_run, make_stage, spread
from tests.detectors.judging import strength, strong

SKEWED = make_stage(
    shuffle_bytes=spread(3 * 2**30, 10 * 2**20), shuffle_records=spread(9_000_000, 10_000), memory_spilled=2**30
)
LOST = make_error(
    (
        "SparkException",
        "Job aborted due to stage failure: ExecutorLostFailure (executor 3 exited caused by one of the running tasks)",
    )
)
HEAP = make_error(
    ("SparkException", "Job aborted due to stage failure"), ("java.lang.OutOfMemoryError", "Java heap space")
)
SLOW = make_error(
    (
        "AmazonS3Exception",
        "Please reduce your request rate. (Service: Amazon S3; Status Code: 503; Error Code: SlowDown)",
    )
)


def spark(*stages: StageFacts) -> tuple[SparkFacts, ...]:
    return (
        SparkFacts(
            app_id="a",
            app_name=None,
            run_id=None,
            spark_version=None,
            stages=stages,
            executors_removed=(),
            complete=True,
            evidence="spark-events",
        ),
    )


@pytest.mark.parametrize("error", [LOST, HEAP])
def test_tasks_that_ran_out_over_a_skewed_stage_are_skew(error: object) -> None:
    context = make_context([error], spark=spark(SKEWED))  # type: ignore[list-item]
    assert strong(context) == {"DATA_SKEW/SKEWED_EXECUTOR_LOSS"}


@pytest.mark.parametrize("error", [LOST, HEAP])
def test_tasks_that_ran_out_without_skew_are_exhausted(error: object) -> None:
    context = make_context([error], spark=spark(make_stage()))  # type: ignore[list-item]
    assert strong(context) == {"UNKNOWN/RESOURCE_EXHAUSTED"}


def test_skew_beside_an_explicit_error_is_a_hint() -> None:
    context = make_context([make_error(("ModuleNotFoundError", "No module named 'x'"))], spark=spark(SKEWED))
    assert strength(context, Category.DATA_SKEW) is Strength.WEAK
    assert strong(context) == {"CODE_REGRESSION/IMPORT_ERROR"}


def test_skew_of_a_run_that_succeeded_is_a_hint() -> None:
    context = make_context(run=make_run("SUCCEEDED"), spark=spark(SKEWED))
    assert strength(context, Category.DATA_SKEW) is Strength.WEAK


def test_a_timeout_over_a_skew_metric_fits() -> None:
    metric = Metric(label="glue.driver.skewness.stage", last=8, maximum=8.2, total=8.2, evidence="m")
    context = make_context(run=make_run("TIMEOUT"), metrics=(metric,))
    assert strength(context, Category.DATA_SKEW) is Strength.MODERATE


def test_a_ratio_without_size_is_no_skew() -> None:
    small = make_stage(shuffle_bytes=spread(50_000, 1_000))
    assert strength(make_context(run=make_run("TIMEOUT"), spark=spark(small)), Category.DATA_SKEW) is None


def test_a_timeout_alone_is_not_sure() -> None:
    context = make_context(run=make_run("TIMEOUT"))
    assert strength(context, Category.UNKNOWN) is Strength.MODERATE


def test_a_driver_that_dies_listing_is_small_file_pressure() -> None:
    frames = ("org.apache.spark.sql.execution.datasources.InMemoryFileIndex$.listLeafFiles",)
    error = make_error(("java.lang.OutOfMemoryError", "GC overhead limit exceeded"), user_frames=frames)
    assert strong(make_context([error])) == {"SMALL_FILE_PRESSURE/LISTING_PRESSURE"}


def test_slow_down_is_small_file_pressure_only_over_many_objects() -> None:
    assert strong(make_context([SLOW])) == {"UNKNOWN/TRANSIENT_SERVICE"}
    at = datetime(2026, 10, 31, tzinfo=UTC)
    listing = make_listing(*((f"part-{n}.parquet", 20_000, at) for n in range(500)))
    assert strong(make_context([SLOW], source=listing)) == {"SMALL_FILE_PRESSURE/MANY_INPUT_FILES"}


def test_many_small_files_that_broke_nothing_are_a_hint() -> None:
    listing = make_listing(*((f"part-{n}.parquet", 20_000, ENDED) for n in range(500)))
    context = make_context([make_error(("KeyError", "'x'"))], source=listing)
    assert strength(context, Category.SMALL_FILE_PRESSURE) is Strength.WEAK
