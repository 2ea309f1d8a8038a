"""A run that succeeded, looked at cheaply through an emulated account; and what a full triage then says of it."""

from typing import Any

import pytest

from pipetriage.errors import CredentialsError, TargetError
from pipetriage.model.evidence import Gap
from pipetriage.model.success import Look
from pipetriage.sources.cloudwatch_logs import analysed_failures
from tests.building_success import (
    ERROR_GROUP,
    FAILED_EVENT,
    JOB,
    LAST,
    REGIONS,
    STAMP,
    app_for,
    commit,
    ms,
    put_days,
    put_metric,
    put_table,
    run,
    run_id,
)
from tests.emulated.account import EmulatedAccount

BOOKMARK = {"--job-bookmark-option": "job-bookmark-enable"}
SWALLOWED = FAILED_EVENT.format(event="GlueExceptionAnalysisJobFailed", why="acme.LoaderStopped: half way")


def look(account: EmulatedAccount, **declared: Any) -> Look:
    return app_for(account, **declared).check(JOB, run_id(0))


def tripped(found: Look) -> list[str]:
    return [str(one.check) for one in found.suspicions]


def gap(found: Look, source: str) -> Gap:
    return next(one for one in found.gaps if one.source == source)


def triaged(account: EmulatedAccount, **declared: Any) -> tuple[str, str]:
    """Give category and mode of the full triage, which must cite evidence and never be safe."""
    incident = app_for(account, **declared).triage(f"glue:{JOB}/{run_id(0)}")
    assert not incident.safe_to_retry
    assert any(one.evidence for one in incident.findings)
    return str(incident.failure_category), str(incident.failure_mode)


def test_an_ordinary_run_is_not_suspicious_and_everything_was_seen(account: EmulatedAccount) -> None:
    put_days(account, commit(), default_arguments=BOOKMARK)
    put_metric(account, "glue.driver.aggregate.recordsRead", 100_000)
    assert look(account, expected_partitions=list(REGIONS), min_records=1000) == Look(suspicions=[], gaps=[])


def test_it_asks_for_little(account: EmulatedAccount) -> None:
    put_days(account, commit(), days=90)
    app = app_for(account)
    account.door.calls.clear()
    app.check(JOB, run_id(0))
    asked = [str(one) for one in account.door.calls]
    assert len(asked) <= 12
    assert asked.count("glue:GetJobRuns") == 1
    assert asked.count("s3:GetObject") == 1
    assert not {"s3:ListObjectsV2", "logs:GetLogEvents", "cloudwatch:GetMetricData"} & set(asked)


@pytest.mark.parametrize(("records", "trips"), [(900, True), (40_000, True), (100_000, False), (900_000, False)])
def test_records_against_history(records: int, trips: bool, account: EmulatedAccount) -> None:
    put_days(account, commit(records=records))
    found = look(account)
    assert tripped(found) == (["RECORDS_LOW"] if trips else [])
    if trips:
        assert f"{records:,} records" in found.suspicions[0].statement
        assert "10 good runs" in found.suspicions[0].statement
        assert triaged(account) == ("SOURCE_DELAY", "LOW_RECORD_COUNT")


def test_fewer_records_than_declared(account: EmulatedAccount) -> None:
    put_days(account, commit(records=500), days=1)
    assert tripped(look(account)) == []
    assert tripped(look(account, min_records=800)) == ["RECORDS_LOW"]
    assert triaged(account, min_records=800) == ("SOURCE_DELAY", "LOW_RECORD_COUNT")
    # What was read is what is declared: a job may well write fewer.
    put_metric(account, "glue.driver.aggregate.recordsRead", 100_000)
    assert tripped(look(account, min_records=800)) == []


def test_nothing_written(account: EmulatedAccount) -> None:
    put_days(account)
    found = look(account)
    assert "NOTHING_WRITTEN" in tripped(found)
    assert "10 of the last 10 good runs" in " ".join(one.statement for one in found.suspicions)
    assert triaged(account) == ("SOURCE_DELAY", "LOW_RECORD_COUNT")


def test_a_compaction_and_anothers_commit_are_not_this_runs(account: EmulatedAccount) -> None:
    compaction = commit(stamp=None, operation="replace")
    put_days(account, compaction, commit(stamp="jr_of_another_pipeline"))
    assert "NOTHING_WRITTEN" in tripped(look(account))


def test_nothing_written_is_no_news_where_good_runs_often_write_nothing(account: EmulatedAccount) -> None:
    before = [commit(day) for day in (9, 8, 6, 5, 3, 2, 1)]
    put_days(account, before=before, default_arguments=BOOKMARK)
    put_metric(account, "glue.driver.filesRead", 0)
    # Ten days back the table is not seen; of the nine since, two wrote nothing.
    assert tripped(look(account)) == []


def test_one_quiet_day_makes_no_habit(account: EmulatedAccount) -> None:
    put_days(account, before=[commit(day) for day in (9, 8, 7, 6, 5, 4, 3, 1)])
    assert "NOTHING_WRITTEN" in tripped(look(account))


@pytest.mark.parametrize(("left", "check"), [(0, "NOTHING_WRITTEN"), (300, "RECORDS_LOW")])
def test_the_fourth_failure_in_a_row_is_found_like_the_first(left: int, check: str, account: EmulatedAccount) -> None:
    short = [commit(day, left) for day in (3, 2, 1, 0)] if left else []
    put_days(account, *short, days=28, before=[commit(day, 10_000) for day in range(28, 3, -1)])
    assert check in tripped(look(account))
    assert triaged(account) == ("SOURCE_DELAY", "LOW_RECORD_COUNT")


def test_anothers_unsigned_commit_is_not_taken_for_what_a_run_did_not_write(account: EmulatedAccount) -> None:
    put_days(account, commit(records=99_000, stamp=None))
    found = look(account)
    assert found.suspicions == []
    assert "a commit without a stamp was made meanwhile" in gap(found, "iceberg_metadata:sales.orders").reason
    assert not app_for(account).triage(f"glue:{JOB}/{run_id(0)}").safe_to_retry


def test_a_young_pipeline_and_a_merge_are_held_against_nothing_and_say_so(account: EmulatedAccount) -> None:
    put_days(account, commit(records=10), days=2)
    found = look(account)
    assert (found.suspicions, found.unanswered) == ([], False)
    assert "of 2 good runs" in gap(found, "history").reason
    rewritten: dict[str, Any] = {"deleted-records": "9"}
    put_days(account, commit(records=10, operation="overwrite", **rewritten))
    found = look(account, write_mode="merge")
    assert found.suspicions == []
    assert "a merge rewrites whole files" in gap(found, "history").reason


def test_a_run_that_published_nothing_of_what_it_staged(account: EmulatedAccount) -> None:
    put_days(account)
    staged = [commit(day) for day in range(10, -1, -1)]
    put_table(account, staged, "sales.orders_staging", "s3://lake/sales.db/orders_staging")
    assert "NOTHING_WRITTEN" in tripped(look(account, staging="sales.orders_staging"))
    category, _ = triaged(account, staging="sales.orders_staging")
    assert category == "PARTIAL_WRITE_RISK"


@pytest.mark.parametrize("expected", [3, ["ap", "eu", "us"], ["ap", "eu", "us", "us"]])
def test_partitions_missing(expected: object, account: EmulatedAccount) -> None:
    put_days(account, commit(regions=("ap", "eu")))
    found = look(account, expected_partitions=expected)
    assert tripped(found) == ["PARTITIONS_MISSING"]
    assert "2 partitions of sales.orders at most" in found.suspicions[0].statement
    assert triaged(account, expected_partitions=expected) == ("PARTIAL_WRITE_RISK", "FAILED_BETWEEN_COMMITS")


@pytest.mark.parametrize("expected", [2, ["ap", "eu"], "from_source", "region={batch_id}", None])
def test_partitions_that_came_or_are_not_declared_by_number(expected: object, account: EmulatedAccount) -> None:
    put_days(account, commit(regions=("ap", "eu")))
    assert tripped(look(account, expected_partitions=expected)) == []


def test_overlapping_commits_prove_nothing(account: EmulatedAccount) -> None:
    put_days(account, commit(regions=("ap", "eu"), minute=5), commit(regions=("eu", "ap"), minute=8))
    assert tripped(look(account, expected_partitions=3)) == []


def test_partitions_that_only_lost_their_files_do_not_count(account: EmulatedAccount) -> None:
    overwrite: dict[str, Any] = {"operation": "overwrite", "deleted-data-files": "3", "changed-partition-count": "3"}
    put_days(account, commit(regions=("eu",), **overwrite))
    assert tripped(look(account, expected_partitions=3)) == ["PARTITIONS_MISSING"]


@pytest.mark.parametrize(
    ("metric", "value", "trips"),
    [
        ("glue.driver.aggregate.recordsRead", 0, True),
        ("glue.driver.recordsRead", 0, True),
        ("glue.driver.filesRead", 0, True),
        ("glue.driver.filesRead", 3, False),
        ("glue.driver.aggregate.recordsRead", 9, False),
    ],
)
def test_a_bookmark_that_found_nothing(metric: str, value: float, trips: bool, account: EmulatedAccount) -> None:
    put_days(account, commit(), default_arguments=BOOKMARK)
    put_metric(account, metric, value)
    assert tripped(look(account)) == (["BOOKMARK_FOUND_NOTHING"] if trips else [])
    if trips:
        assert triaged(account) == ("SOURCE_DELAY", "LOW_RECORD_COUNT")


def test_a_bookmark_without_metrics_is_judged_by_what_was_written(account: EmulatedAccount) -> None:
    put_days(account, days=0, default_arguments=BOOKMARK, before=[commit(40, stamp="jr_long_ago")])
    found = look(account)
    assert tripped(found) == ["BOOKMARK_FOUND_NOTHING"]
    assert gap(found, "metrics").reason
    account.put_run(run(Arguments={"--job-bookmark-option": "job-bookmark-disable"}))
    assert tripped(look(account)) == []


@pytest.mark.parametrize(
    ("version", "group", "stream"),
    [
        ("4.0", "/aws-glue/jobs/error", run_id(0)),
        ("4.0", "/aws-glue/jobs/logs-v2", f"{run_id(0)}-job-insights-rca-driver"),
        ("5.0", "/aws-glue/jobs/error", f"{run_id(0)}-job-insights-rca-driver"),
        ("5.0", "/aws-glue/jobs/error", f"{run_id(0)}-driver"),
    ],
)
def test_a_swallowed_failure(version: str, group: str, stream: str, account: EmulatedAccount) -> None:
    put_days(account, commit())
    account.put_run(run(GlueVersion=version))
    account.put_log_events(group, stream, [(1795312800000, SWALLOWED)])
    found = look(account)
    assert tripped(found) == ["SWALLOWED_FAILURE"]
    assert f"{group} {stream}" in found.suspicions[0].locator
    assert "half way" not in found.suspicions[0].statement
    assert triaged(account) == ("UNKNOWN", "INSUFFICIENT_EVIDENCE")


@pytest.mark.parametrize(
    "line",
    [
        FAILED_EVENT.format(event="GlueExceptionAnalysisTaskFailed", why="acme.LoaderStopped: once"),
        "26/11/22 02:05:00 WARN TaskSetManager: Lost task 0.0 in stage 1.0: java.io.IOException: reset",
    ],
)
def test_a_task_that_failed_on_the_way_is_no_failure_of_the_job(line: str, account: EmulatedAccount) -> None:
    put_days(account, commit(), log=("INFO began", line, "INFO done"))
    assert tripped(look(account)) == []


def test_a_swallowed_failure_that_a_rule_knows_names_its_cause(account: EmulatedAccount) -> None:
    why = "pyspark.errors.AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column cannot be resolved"
    put_days(account, log=("INFO began", FAILED_EVENT.format(event="GlueExceptionAnalysisJobFailed", why=why)))
    assert {"NOTHING_WRITTEN", "SWALLOWED_FAILURE"} <= set(tripped(look(account)))
    category, _ = triaged(account)
    assert category in {"SCHEMA_DRIFT", "CODE_REGRESSION"}


def test_what_was_not_written_after_a_swallowed_failure_is_not_called_late_input(account: EmulatedAccount) -> None:
    put_days(account, log=("INFO began", SWALLOWED))
    assert triaged(account) == ("UNKNOWN", "INSUFFICIENT_EVIDENCE")


def test_a_log_that_was_not_searched_to_its_end_is_not_called_clean(account: EmulatedAccount) -> None:
    put_days(account, commit())
    lines = [(ms(LAST) + 10 * number, "INFO working") for number in range(10_050)]
    account.put_log_events(ERROR_GROUP, run_id(0), lines)
    session = account.session()
    assert analysed_failures(session, run(), None).complete
    assert not analysed_failures(session, run(), None, pages=1).complete


@pytest.mark.parametrize(
    ("call", "source"),
    [
        ("glue:GetTable", "iceberg_metadata:sales.orders"),
        ("s3:GetObject", "iceberg_metadata:sales.orders"),
        ("glue:GetJobRuns", "job_runs"),
        ("glue:GetJob", "job"),
        ("logs:DescribeLogStreams", "logs"),
        ("logs:FilterLogEvents", "logs"),
        ("cloudwatch:GetMetricData", "metrics"),
    ],
)
def test_a_refused_source_is_a_gap_and_no_suspicion(call: str, source: str, account: EmulatedAccount) -> None:
    put_days(account, commit(), default_arguments=BOOKMARK)
    put_metric(account, "glue.driver.aggregate.recordsRead", 100_000)
    account.refuse(call)
    found = look(account)
    assert found.suspicions == []
    assert "not allowed" in gap(found, source).reason
    assert not found.unanswered
    # None of botocore's own retries for this one, and it may be answered later.
    account.refuse(call, "OperationTimeoutException")
    found = look(account)
    assert "ask again later" in gap(found, source).reason
    assert found.unanswered


@pytest.mark.parametrize(
    ("call", "source"), [("cloudwatch:ListMetrics", "metrics"), ("logs:DescribeLogGroups", "logs")]
)
def test_nothing_found_by_a_listing_that_was_not_answered_may_be_found_later(
    call: str, source: str, account: EmulatedAccount
) -> None:
    put_days(account, commit(), default_arguments=BOOKMARK)
    account.admin("logs").delete_log_stream(logGroupName=ERROR_GROUP, logStreamName=run_id(0))
    found = look(account)
    assert gap(found, source).reason
    assert not found.unanswered
    account.refuse(call, "OperationTimeoutException")
    found = look(account)
    assert call in gap(found, source).reason
    assert found.unanswered


def test_a_silent_failure_that_was_not_seen_for_want_of_an_answer_is_seen_later(account: EmulatedAccount) -> None:
    put_days(account)
    account.refuse("s3:GetObject", "OperationTimeoutException")
    found = look(account)
    assert (found.suspicions, found.unanswered) == ([], True)
    account.door.refusals.clear()
    found = look(account)
    assert (tripped(found), found.unanswered) == (["RECORDS_LOW", "NOTHING_WRITTEN"], False)


def test_a_slow_account_gives_gaps_in_time(account: EmulatedAccount) -> None:
    put_days(account)
    app = app_for(account, deadline_seconds=0.2)
    account.door.latency = 0.15
    found = app.check(JOB, run_id(0))
    assert found.suspicions == []
    assert {"logs", "iceberg_metadata:sales.orders"} <= {one.source for one in found.gaps}
    assert any("not answered within 0.2 s" in one.reason for one in found.gaps)
    assert found.unanswered


def test_tables_that_cannot_be_counted_are_gaps(account: EmulatedAccount) -> None:
    put_days(account, commit())
    plain = look(account, format="parquet")
    assert plain.suspicions == []
    assert "parquet" in gap(plain, "iceberg_metadata:sales.orders").reason
    assert gap(plain, "history").reason
    assert "no output table is declared" in gap(look(account, target=None), "history").reason


def test_commits_that_cannot_be_told_apart_are_a_gap(account: EmulatedAccount) -> None:
    put_days(account, commit(stamp=None))
    account.put_run(run() | {"Id": "jr_beside"})
    found = look(account)
    assert found.suspicions == []
    told = gap(found, "iceberg_metadata:sales.orders")
    assert "another run was running" in told.reason
    assert STAMP in told.fix


def test_expired_snapshots_are_unknown_and_not_zero(account: EmulatedAccount) -> None:
    put_days(account, commit(), expired=10)
    found = look(account)
    assert found.suspicions == []
    assert "have expired" in gap(found, "iceberg_metadata:sales.orders").reason


def test_a_first_run_has_nothing_to_be_compared_with(account: EmulatedAccount) -> None:
    put_days(account, commit(), days=0)
    found = look(account)
    assert found.suspicions == []
    assert "nothing to compare with" in gap(found, "history").reason


def test_a_run_that_cannot_be_asked_about_is_an_error(account: EmulatedAccount) -> None:
    put_days(account, commit())
    account.put_run(run(JobRunState="FAILED"))
    with pytest.raises(TargetError, match="is FAILED, not SUCCEEDED"):
        look(account)
    with pytest.raises(TargetError, match="knows no run"):
        app_for(account).check(JOB, "jr_nowhere")
    account.refuse("glue:GetJobRun", code="ExpiredTokenException")
    with pytest.raises(CredentialsError):
        look(account)
