"""The emulated account answers as AWS does, seen through the guarded session."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipetriage.aws.file_io import read_object
from pipetriage.sources.files import read_json, read_json_lines
from pipetriage.sources.iceberg import entries_since
from tests.emulated.account import ACCOUNT, REGION, EmulatedAccount
from tests.emulated.bundle import load_bundle

CASES = Path(__file__).parents[2] / "cases"
STARTERS = [
    *("missing_source_path", "new_column", "access_denied_catalog_table", "shuffle_spill_long_task"),
    *("failure_after_staging_write", "too_many_small_files", "deployment_null_pointer", "low_record_count"),
    *("cast_failure_bad_value", "conflicting_signals", "throttled_before_write"),
]
OLD = datetime(2020, 1, 1, tzinfo=UTC)


def _run(number: int, **more: Any) -> dict[str, Any]:
    started = OLD + timedelta(days=number)
    return {"JobName": "j", "Id": f"jr_{number}", "JobRunState": "SUCCEEDED", "StartedOn": started, **more}


def test_a_run_stays_as_it_was_put(account: EmulatedAccount) -> None:
    more = {"ErrorMessage": "boom", "Arguments": {"--batch_id": "b"}, "Attempt": 1, "PreviousRunId": "jr_0"}
    account.put_run(_run(1, **more | {"JobRunState": "FAILED", "CompletedOn": "2020-01-02T01:00:00.5+00:00"}))
    glue = account.session().client("glue")
    for _ in range(3):
        run = glue.get_job_run(JobName="j", RunId="jr_1")["JobRun"]
        assert run["JobRunState"] == "FAILED"
    assert run["CompletedOn"] == datetime(2020, 1, 2, 1, 0, 0, 500_000, UTC)
    assert more.items() <= run.items()
    account.put_run(_run(1, JobRunState="SUCCEEDED"))
    assert glue.get_job_run(JobName="j", RunId="jr_1")["JobRun"]["JobRunState"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.get_job_run(JobName="j", RunId="jr_2")


def test_runs_are_listed_newest_first_page_by_page(account: EmulatedAccount) -> None:
    for number in (2, 5, 1, 4, 3):
        account.put_run(_run(number))
    pages = account.session().client("glue").get_paginator("get_job_runs").paginate(JobName="j", MaxResults=2)
    assert [[run["Id"] for run in page["JobRuns"]] for page in pages] == [["jr_5", "jr_4"], ["jr_3", "jr_2"], ["jr_1"]]


def test_bookmarks_and_data_quality(account: EmulatedAccount) -> None:
    account.put_bookmark({"JobName": "j", "Version": 3, "Run": 3, "RunId": "jr_1", "JobBookmark": "{}"})
    for number in (1, 2):
        result = {"ResultId": f"dq{number}", "Score": 0.5, "JobName": "j", "JobRunId": f"jr_{number}", "StartedOn": OLD}
        account.put_quality_result(result | {"RuleResults": [{"Name": "Rule_1", "Result": "FAIL"}]})
    account.put_ruleset({"Name": "rules", "Ruleset": "Rules = [ RowCount > 0 ]"})
    glue = account.session().client("glue")
    assert glue.get_job_bookmark(JobName="j")["JobBookmarkEntry"]["Version"] == 3
    found = glue.list_data_quality_results(Filter={"JobRunId": "jr_2"})["Results"]
    assert [one["ResultId"] for one in found] == ["dq2"]
    assert glue.get_data_quality_result(ResultId="dq2")["RuleResults"][0]["Result"] == "FAIL"
    assert "RowCount" in glue.get_data_quality_ruleset(Name="rules")["Ruleset"]
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.get_job_bookmark(JobName="other")


def test_log_events_of_any_age_in_both_eras_of_groups(account: EmulatedAccount) -> None:
    at = int(OLD.timestamp() * 1000)
    account.put_log_events("/aws-glue/jobs/error", "jr_1-driver", [(at, "ERROR boom"), (at + 1, "INFO bye")])
    account.put_log_events("/aws-glue/jobs/logs-v2-conf", "jr_1-driver", [(at, "hello")])
    logs = account.session().client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws-glue/jobs")["logGroups"]
    assert [one["logGroupName"] for one in groups] == ["/aws-glue/jobs/error", "/aws-glue/jobs/logs-v2-conf"]
    found = logs.filter_log_events(logGroupName="/aws-glue/jobs/error", logStreamNames=["jr_1-driver"], startTime=at)
    assert [one["message"] for one in found["events"]] == ["ERROR boom", "INFO bye"]
    streams = logs.describe_log_streams(logGroupName="/aws-glue/jobs/error", logStreamNamePrefix="jr_1")["logStreams"]
    assert streams[0]["lastEventTimestamp"] == at + 1


def test_objects_have_the_size_and_time_that_a_listing_said(account: EmulatedAccount) -> None:
    account.put_object("s3://raw/day=1/a.json", b"{}\n", at=OLD, size=21_000_000, etag='"0123"')
    s3 = account.session().client("s3")
    listed = s3.list_objects_v2(Bucket="raw", Prefix="day=1/")["Contents"][0]
    assert (listed["Size"], listed["LastModified"], listed["ETag"]) == (21_000_000, OLD, '"0123"')
    assert s3.get_object(Bucket="raw", Key="day=1/a.json", Range="bytes=0-999")["Body"].read() == b"{}\n"


def test_metrics(account: EmulatedAccount) -> None:
    dimensions = {"JobName": "j", "JobRunId": "jr_1", "Type": "count"}
    account.put_metric(
        "glue.driver.aggregate.recordsRead", [(OLD, 10.0), (OLD + timedelta(minutes=5), 30.0)], dimensions
    )
    metric = {
        "Namespace": "Glue",
        "MetricName": "glue.driver.aggregate.recordsRead",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    query = {"Id": "m0", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
    client = account.session().client("cloudwatch")
    until = OLD + timedelta(hours=1)
    found = client.get_metric_data(MetricDataQueries=[query], StartTime=OLD, EndTime=until)["MetricDataResults"][0]
    assert sorted(found["Values"]) == [10.0, 30.0]


def test_around_the_run(account: EmulatedAccount) -> None:
    account.put_control_rows("etl", [{"batch_id": "b", "status": "FAILED", "records": 1.5}])
    account.put_trail_event(
        {"EventName": "GetTable", "EventTime": OLD, "Username": "GlueJobRole", "CloudTrailEvent": "{}"}
    )
    arn = "arn:aws:s3:::lake/sales.db"
    account.put_path_permissions(arn, [{"Principal": {"DataLakePrincipalIdentifier": "r"}, "Permissions": ["SELECT"]}])
    summary = {"pipelineExecutionId": "e1", "status": "Succeeded", "startTime": OLD}
    account.put_pipeline_execution(
        "deploy", summary, [{"actionName": "Source", "status": "Succeeded", "startTime": OLD}]
    )
    aws = account.session()
    item = aws.client("dynamodb").get_item(TableName="etl", Key={"batch_id": {"S": "b"}})["Item"]
    assert item["records"] == {"N": "1.5"}
    looked = [{"AttributeKey": "Username", "AttributeValue": "GlueJobRole"}]
    assert aws.client("cloudtrail").lookup_events(LookupAttributes=looked)["Events"][0]["EventTime"] == OLD
    assert not aws.client("cloudtrail").lookup_events(StartTime=OLD + timedelta(days=1))["Events"]
    effective = aws.client("lakeformation").get_effective_permissions_for_path(ResourceArn=arn)["Permissions"]
    assert effective[0]["Permissions"] == ["SELECT"]
    pipeline = aws.client("codepipeline")
    assert pipeline.list_pipeline_executions(pipelineName="deploy")["pipelineExecutionSummaries"][0]["startTime"] == OLD
    assert pipeline.list_action_executions(pipelineName="deploy")["actionExecutionDetails"][0]["actionName"] == "Source"


def test_a_call_is_refused_as_often_as_asked(account: EmulatedAccount) -> None:
    account.put_job({"Name": "j"})
    account.refuse("glue:GetJob", times=1)
    account.refuse("s3:ListObjectsV2", "AccessDenied", status=403)
    aws = account.session()
    with pytest.raises(ClientError, match="AccessDeniedException"):
        aws.client("glue").get_job(JobName="j")
    assert aws.client("glue").get_job(JobName="j")
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("s3").list_objects_v2(Bucket="b")
    assert account.door.calls == ["glue:GetJob", "glue:GetJob", "s3:ListObjectsV2"]


def test_two_regions_of_one_account_and_another_account_are_apart(account: EmulatedAccount) -> None:
    account.put_job({"Name": "j"})
    assert account.session().identity().account == ACCOUNT
    assert account.session().client("glue").list_jobs()["JobNames"] == ["j"]
    assert account.session(region="us-east-1").client("glue").list_jobs()["JobNames"] == []
    other = account.session(role_arn="arn:aws:iam::222222222222:role/reader")
    assert other.client("glue").list_jobs()["JobNames"] == []
    assert REGION == "eu-west-1"


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_case_is_found_again_in_the_account(name: str, account: EmulatedAccount) -> None:
    folder = CASES / name
    loaded = load_bundle(account, folder)
    assert not loaded.left_out
    aws = account.session()
    job, run_id = loaded.target.removeprefix("glue:").split("/")
    run = aws.client("glue").get_job_run(JobName=job, RunId=run_id)["JobRun"]
    document = read_json(folder / "glue/job_run.json")["JobRun"]
    assert (run["JobRunState"], run.get("ErrorMessage")) == (document["JobRunState"], document.get("ErrorMessage"))
    for role in ("target", "staging"):
        path = folder / f"iceberg/{role}.metadata.json"
        if path.exists():
            rows, _ = read_json_lines(folder / f"iceberg/{role}.entries.jsonl")
            found, complete = entries_since(read_json(path), None, lambda location: read_object(aws, location))
            assert complete
            assert sorted(found, key=_identity) == sorted(rows, key=_identity)
    listing = read_json(folder / "s3/source.json")
    page = aws.client("s3").list_objects_v2(Bucket=listing["Name"], Prefix=listing["Prefix"])
    brief = [(one["Key"], one["Size"]) for one in page.get("Contents", ())]
    assert brief == [(one["Key"], one["Size"]) for one in listing.get("Contents", ())]


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["snapshot_id"], row["file_path"], row["status"]
