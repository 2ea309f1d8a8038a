"""Skew that broke a run, and all that only looks like it: scenarios outside the corpus."""

from datetime import timedelta
from typing import Any

import pytest

from pipetriage.model.categories import Category
from pipetriage.model.facts import Metric
from pipetriage.model.finding import Strength
from pipetriage.model.spark import StageFacts, TaskFailure
from tests.building import STARTED, make_context, make_error, make_run, make_stage, spread
from tests.detectors.building_stages import MIB, lost, spark, tiny_reads, unended, wrote
from tests.detectors.judging import findings, strength, strong

HOT = wrote(39_000 + 5_000_000, 39 * 102_400 + 600 * MIB)
"""What the siblings read, and five million records for one task."""
EVEN = wrote(40 * 1_000, 40 * 102_400)
OOM_IN_STAGE_9 = make_error(
    ("SparkException", "Job aborted due to stage failure: Task 3 in stage 9.0 failed 4 times"),
    ("java.lang.OutOfMemoryError", "Java heap space"),
)
LOST_EXECUTOR = make_error(
    ("SparkException", "Job aborted due to stage failure: ExecutorLostFailure (executor 3 exited caused by one of the"
     " running tasks) Reason: Command exited with code 137"),
)  # fmt: skip
TIMEOUT = make_run("TIMEOUT")
FINISHED_SKEW = make_stage(
    stage_id=5,
    evidence="stage-5.0",
    shuffle_bytes=spread(3 * 2**30, 10 * MIB),
    shuffle_records=spread(9_000_000, 10_000),
)


def skew(*stages: StageFacts, **facts: Any) -> Strength | None:
    return strength(make_context(spark=spark(*stages), **({"run": TIMEOUT} | facts)), Category.DATA_SKEW)


# Time ran out in one task, and no log line says so.


def test_a_timeout_in_one_task_that_had_nearly_everything_left_to_read_is_skew() -> None:
    context = make_context(run=TIMEOUT, spark=spark(HOT, unended(keys=("customer_id",))))
    assert strong(context) == {"DATA_SKEW/SKEWED_KEY"}
    (said,) = [one for one in findings(context) if one.category is Category.DATA_SKEW]
    assert said.statement.startswith(
        "one of 40 tasks of stage 3 did not finish, with 600 MiB in 5,000,000 records left"
    )
    assert "99.4% of all that was shuffled by customer_id" in said.statement
    assert "ran 19 min" in said.statement
    assert said.evidence == ("stage-3.0",)


def test_a_few_rows_that_many_pairs_are_made_of_are_enough() -> None:
    quadratic = wrote(39_000 + 30_000, 39 * 102_400 + 3 * MIB)
    assert skew(quadratic, unended()) is Strength.STRONG


def test_a_timeout_in_one_task_with_no_more_to_read_than_the_others_is_not_skew() -> None:
    # A call that hangs, a slow node: the shuffle was even.
    assert skew(EVEN, unended()) is None


def test_one_task_with_a_dozen_rows_is_not_slow_because_of_them() -> None:
    few = unended(shuffle_records=spread(0, 0, 39), shuffle_bytes=spread(0, 0, 39))
    assert skew(wrote(12, 900), few) is None


def test_a_stage_of_which_most_tasks_had_not_begun_is_not_skewed() -> None:
    half = unended(pending=20, planned=40, tasks=20)
    assert skew(wrote(20_000 + 20 * 90_000, 20 * 102_400 + 20 * 9 * MIB), half) is None


def test_a_task_that_had_only_just_begun_when_the_time_was_up_is_not_why() -> None:
    late = unended(since_minutes=19.5)
    assert skew(wrote(39_000 + 30_000, 39 * 102_400 + 3 * MIB), late) is None


def test_the_log_of_a_killed_driver_does_not_show_the_last_ends() -> None:
    # Spark writes its event log in blocks: two tasks that ended are still without an end in it.
    assert skew(HOT, unended(pending=3, planned=40)) is Strength.STRONG


def test_the_run_that_a_person_stopped_may_have_been_stopped_for_anything() -> None:
    assert skew(HOT, unended(), run=make_run("STOPPED")) is Strength.MODERATE


def test_a_driver_that_vanished_in_a_hot_task_may_have_been_killed_for_anything() -> None:
    assert skew(HOT, unended(), run=make_run("FAILED")) is Strength.MODERATE


def test_time_alone_fits_where_nobody_says_what_was_left_to_read() -> None:
    assert skew(unended(parents=())) is Strength.MODERATE
    assert skew(unended(parents=()), run=make_run("FAILED")) is Strength.WEAK
    # Half of the shuffle's stages are missing.
    assert skew(unended(parents=(1, 2)), HOT) is None
    # Tasks that read files have no key.
    files = unended(parents=(), shuffle_records=spread(0, 0, 39), shuffle_bytes=spread(0, 0, 39))
    assert skew(files) is None
    # Four minutes are no time.
    assert skew(unended(parents=(), since_minutes=16)) is None


def test_attempts_of_one_stage_share_what_was_written() -> None:
    first = unended(attempt=0, evidence="stage-3.0", completed=True, failure_reason="FetchFailed", pending=5)
    second = unended(attempt=1, evidence="stage-3.1", planned=5, pending=1)
    even = wrote(40_000, 40 * 102_400)
    assert skew(even, first, second) in {None, Strength.WEAK}


# Skew somewhere, and the run died of something else.


def test_an_explicit_error_wins_over_a_stuck_hot_task() -> None:
    context = make_context([make_error(("KeyError", "'fr'"))], run=make_run(), spark=spark(HOT, unended()))
    assert strength(context, Category.DATA_SKEW) in {None, Strength.WEAK}


def test_skew_in_a_stage_that_got_through_is_not_why_another_ran_out_of_memory() -> None:
    even = make_stage(
        stage_id=9, evidence="stage-9.0", failure_reason="Task 3 in stage 9.0 failed 4 times", failed_tasks=4
    )
    context = make_context([OOM_IN_STAGE_9], spark=spark(FINISHED_SKEW, even))
    assert strong(context) == {"UNKNOWN/RESOURCE_EXHAUSTED"}
    assert strength(context, Category.DATA_SKEW) is Strength.WEAK


def test_the_stage_that_the_error_names_is_the_skewed_one() -> None:
    failed = make_stage(
        stage_id=9,
        evidence="stage-9.0",
        failed_tasks=4,
        shuffle_records=spread(9_000_000, 10_000),
        memory_spilled=2**30,
        failure_reason="Task 3 in stage 9.0 failed 4 times",
    )
    context = make_context([OOM_IN_STAGE_9], spark=spark(FINISHED_SKEW, failed))
    assert strong(context) == {"DATA_SKEW/SKEWED_EXECUTOR_LOSS"}


def test_an_early_skewed_stage_does_not_explain_a_timeout_much_later() -> None:
    assert skew(FINISHED_SKEW) is Strength.WEAK


def test_a_hot_task_that_ended_and_took_most_of_the_time_fits() -> None:
    slow = make_stage(duration_ms=spread(15 * 60_000, 4_000), shuffle_records=spread(9_000_000, 10_000))
    assert skew(slow) is Strength.MODERATE


def test_a_hot_task_that_took_the_time_before_another_that_did_not_finish_is_why() -> None:
    slow = make_stage(duration_ms=spread(15 * 60_000, 4_000), shuffle_records=spread(9_000_000, 10_000))
    assert skew(slow, HOT, unended(since_minutes=17)) is Strength.STRONG


def test_collect_in_the_driver_is_not_a_key() -> None:
    error = make_error(
        ("SparkException", "Job aborted due to stage failure: Total size of serialized results of 9 tasks (1040.0 MiB)"
         " is bigger than spark.driver.maxResultSize (1024.0 MiB)"),
    )  # fmt: skip
    context = make_context([error], spark=spark(FINISHED_SKEW))
    assert strong(context) == {"UNKNOWN/RESOURCE_EXHAUSTED"}


def test_a_driver_heap_that_fills_beside_a_skewed_stage_is_not_a_key() -> None:
    error = make_error(("java.lang.OutOfMemoryError", "Java heap space"), stream="jr_1-driver")
    assert strong(make_context([error], spark=spark(FINISHED_SKEW))) == {"UNKNOWN/RESOURCE_EXHAUSTED"}


def test_a_broadcast_that_does_not_fit_is_not_a_key() -> None:
    error = make_error(("SparkException", "Not enough memory to build and broadcast the table to all worker nodes"))
    assert strong(make_context([error], spark=spark(FINISHED_SKEW))) == {"UNKNOWN/RESOURCE_EXHAUSTED"}


def test_nodes_that_were_taken_away_are_not_lost_to_skew() -> None:
    taken = make_stage(
        shuffle_records=spread(60_000, 10_000),
        executors_lost=4,
        memory_spilled=200 * MIB,
        failures=(lost("Executor decommission: spot interruption"),),
        failure_reason="Job aborted",
    )
    assert skew(taken, run=make_run()) in {None, Strength.WEAK, Strength.MODERATE}
    error = make_error(("SparkException", "ExecutorLostFailure (executor 3 exited unrelated to the running tasks)"))
    assert strong(make_context([error], spark=spark(taken))) == {"UNKNOWN/TRANSIENT_SERVICE"}


def test_a_failing_function_in_a_skewed_stage_is_named_by_its_own_error() -> None:
    # The log was not seen; the event log names what the tasks failed of.
    named = (TaskFailure(reason="ExceptionFailure", exception="ValueError", message="bad amount"),)
    stage = make_stage(
        shuffle_records=spread(9_000_000, 10_000), shuffle_bytes=spread(3 * 2**30, 10 * MIB), failed_tasks=4,
        failures=named, failure_reason="Task 1 in stage 7.0 failed 4 times: ValueError: bad amount",
    )  # fmt: skip
    assert skew(stage, run=make_run()) is not Strength.STRONG


def test_executors_lost_to_memory_over_a_hot_key_are_skew_without_a_log() -> None:
    stage = make_stage(
        shuffle_records=spread(9_000_000, 10_000), shuffle_bytes=spread(3 * 2**30, 10 * MIB), executors_lost=4,
        failures=(lost("Command exited with code 137"),), failure_reason="Job aborted due to stage failure",
    )  # fmt: skip
    context = make_context(spark=spark(stage))
    assert strong(context) == {"DATA_SKEW/SKEWED_EXECUTOR_LOSS"}


def test_a_job_that_was_given_up_early_shows_the_failed_task() -> None:
    # Most tasks had not begun: what was left is no measure, what the failed one had read is.
    stage = make_stage(
        tasks=40, planned_tasks=200, parents=(1,), failed_tasks=1, executors_lost=1,
        shuffle_records=spread(9_000_000, 10_000, 40), shuffle_bytes=spread(2**30, MIB, 40),
        failures=(TaskFailure(reason="ExceptionFailure", exception="java.lang.OutOfMemoryError", message="heap"),),
        failure_reason="Job aborted due to stage failure",
    )  # fmt: skip
    context = make_context(spark=spark(wrote(11_000_000, 3 * 2**30), stage))
    assert strong(context) == {"DATA_SKEW/SKEWED_EXECUTOR_LOSS"}


HUGE_FILE = make_stage(
    stage_id=2, evidence="stage-2.0", shuffle_bytes=spread(0, 0), shuffle_records=spread(0, 0), failed_tasks=4,
    input_bytes=spread(6 * 2**30, 40 * MIB), input_records=spread(90_000_000, 600_000),
    failures=(lost("Command exited with code 137"),), executors_lost=4, failure_reason="Job aborted",
)  # fmt: skip


def test_one_file_that_cannot_be_split_is_uneven_too() -> None:
    context = make_context([LOST_EXECUTOR], spark=spark(HUGE_FILE))
    assert strong(context) == {"DATA_SKEW/SKEWED_EXECUTOR_LOSS"}
    (said,) = [one for one in findings(context) if one.category is Category.DATA_SKEW]
    assert "read 6.00 GiB in 90,000,000 records (154 times the median, 44% of the input)" in said.statement


def test_files_of_different_sizes_are_no_skew() -> None:
    mixed = {
        "input_bytes": spread(120 * MIB, 4 * MIB),
        "input_records": spread(900_000, 9_000),
        "memory_spilled": 2**30,
    }
    stage = make_stage(shuffle_bytes=spread(0, 0), shuffle_records=spread(0, 0), **mixed)
    assert skew(stage) is None


# What is no skew at all.


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(make_stage(shuffle_records=spread(900, 3), shuffle_bytes=spread(50_000, 100)), id="tiny-values"),
        pytest.param(make_stage(tasks=1, planned_tasks=1, shuffle_bytes=spread(2**30, 2**30, 1)), id="one-task"),
        pytest.param(
            make_stage(
                tasks=2, planned_tasks=2, shuffle_bytes=spread(2**30, 2**29, 2), shuffle_records=spread(9, 5, 2)
            ),
            id="two-tasks",
        ),
        pytest.param(make_stage(duration_ms=spread(900_000, 1_000)), id="one-slow-node"),
        pytest.param(make_stage(memory_spilled=50 * 2**30, disk_spilled=9 * 2**30), id="every-task-spills"),
        pytest.param(
            make_stage(shuffle_bytes=spread(300 * MIB, 100 * MIB), memory_spilled=50 * 2**30),
            id="three-times-the-median",
        ),
    ],
)  # fmt: skip
def test_uneven_but_not_skewed(stage: StageFacts) -> None:
    assert skew(stage) is None
    assert skew(stage, run=make_run()) is None


def test_heavy_spill_in_every_task_is_what_ran_out_not_a_key() -> None:
    spilling = make_stage(memory_spilled=80 * 2**30, disk_spilled=20 * 2**30, executors_lost=4, failed_tasks=4)
    assert strong(make_context([LOST_EXECUTOR], spark=spark(spilling))) == {"UNKNOWN/RESOURCE_EXHAUSTED"}


@pytest.mark.parametrize("parents", [(1,), ()])
def test_a_stage_of_which_no_task_succeeded_has_no_median_to_be_uneven_by(parents: tuple[int, ...]) -> None:
    # Every task is alike, and the first one ran out of memory.
    stage = make_stage(
        tasks=1, planned_tasks=10, parents=parents, failed_tasks=1, executors_lost=1, memory_spilled=2**30,
        shuffle_records=spread(900_000, 0, 1), shuffle_bytes=spread(100 * MIB, 0, 1),
        failures=(lost("Command exited with code 52"),), failure_reason="Task 3 in stage 7.0 failed",
    )  # fmt: skip
    context = make_context([LOST_EXECUTOR], spark=spark(wrote(9_000_000, 1000 * MIB), stage))
    assert strong(context) == {"UNKNOWN/RESOURCE_EXHAUSTED"}


def test_a_run_that_succeeded_has_a_hint_at_most() -> None:
    assert skew(FINISHED_SKEW, run=make_run("SUCCEEDED")) is Strength.WEAK
    assert skew(HOT, unended(), run=make_run("SUCCEEDED")) in {None, Strength.WEAK}


def test_skew_and_many_files_that_both_took_the_time_cannot_be_told_apart() -> None:
    context = make_context(run=TIMEOUT, spark=spark(HOT, unended(), tiny_reads()))
    assert strong(context) == {"DATA_SKEW/SKEWED_KEY", "SMALL_FILE_PRESSURE/MANY_INPUT_FILES"}


def test_the_metric_alone_fits_and_does_not_prove() -> None:
    metric = Metric(label="glue.driver.skewness.job", last=9, maximum=9.4, total=9.4, evidence="m")
    assert skew(metrics=(metric,)) is Strength.MODERATE


def test_a_run_without_times_is_not_said_to_have_spent_them() -> None:
    unknown = make_run("TIMEOUT", started_at=None, ended_at=None)
    small = wrote(39_000 + 30_000, 39 * 102_400 + 3 * MIB)
    assert skew(small, unended(), run=unknown) is None


def test_a_speculative_copy_changes_nothing() -> None:
    # The reader counts copies neither among the tasks nor among those without an end.
    assert skew(HOT, unended(unfinished_tasks=2, unfinished_since=STARTED + timedelta(minutes=1))) is Strength.STRONG
