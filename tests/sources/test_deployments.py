"""Deployments from wherever a pipeline declares them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_deployments
from pipetriage.errors import SourceError
from pipetriage.sources import code_pipelines, deployments
from pipetriage.sources.deployments import deployments_of
from pipetriage.sources.local_files import Answer
from tests.emulated.account import EmulatedAccount

HERE = Path()
DAY = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
JOB = {
    "Job": {
        "Name": "orders",
        "Command": {"ScriptLocation": "s3://code/jobs/orders.py"},
        "DefaultArguments": {"--extra-py-files": "s3://code/lib.zip, s3a://code/two.whl", "--extra-jars": "/opt/x.jar"},
    }
}


def _read(account: EmulatedAccount, declared: Mapping[str, str] | str | None, **more: Any) -> Answer:
    return deployments_of(account.session(), declared, JOB, HERE, **more)


def _versions(answer: Answer) -> list[str]:
    msgspec.json.encode(answer.payload)
    return [one["version"] for one in answer.payload]


# Files


def test_a_file_in_the_bundle_s_shape(tmp_path: Path) -> None:
    one = {"version": "1.1", "deployed_at": "2026-11-01T02:00:00+00:00", "commit": "df615a1", "author": "m"}
    (tmp_path / "deployments.json").write_bytes(msgspec.json.encode([one | {"version": "1.2"}, one]))
    answer = deployments_of(None, "file:deployments.json", {}, tmp_path)
    assert (_versions(answer), answer.complete) == (["1.2", "1.1"], True)
    (tmp_path / "deployments.json").write_bytes(msgspec.json.encode({"deployments": [one]}))
    assert deployments_of(None, {"file": "deployments.json"}, {}, tmp_path).payload == [one]
    for wrong in (b"{}", b"[1]", b"", b'"x"'):
        (tmp_path / "deployments.json").write_bytes(wrong)
        with pytest.raises(SourceError):
            deployments_of(None, "file:deployments.json", {}, tmp_path)


def test_a_file_in_s3(account: EmulatedAccount) -> None:
    account.put_object("s3://evidence/orders/deployments.json", b'[{"version": "1.38.0", "deployed_at": 1790000000}]')
    account.put_object("s3://evidence/other.json", b"[")
    assert _versions(_read(account, "s3://evidence/orders/deployments.json")) == ["1.38.0"]
    assert _versions(_read(account, {"s3": "//evidence/orders/deployments.json"})) == ["1.38.0"]
    for wrong in ("other.json", "nothing.json"):
        with pytest.raises(SourceError, match=wrong):
            _read(account, f"s3://evidence/{wrong}")


# What is kept


def test_those_since_a_time_and_the_one_that_ran_until_then(tmp_path: Path) -> None:
    written = [{"version": str(day), "deployed_at": (DAY + timedelta(days=day)).isoformat()} for day in (4, 1, 3, 2)]
    (tmp_path / "d.json").write_bytes(msgspec.json.encode([*written, {"version": "untimed"}]))

    def read(day: int) -> list[str]:
        return _versions(deployments_of(None, "file:d.json", {}, tmp_path, since=DAY + timedelta(days=day)))

    assert read(3) == ["untimed", "2", "3", "4"]
    assert read(9) == ["untimed", "4"]
    assert read(0) == ["untimed", "1", "2", "3", "4"]


def test_one_place_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_bytes(b'[{"version": "1"}]')
    answer = deployments_of(None, {"codepipeline": "etl", "file": "d.json"}, {}, tmp_path)
    assert (_versions(answer), answer.complete) == (["1"], False)
    with pytest.raises(SourceError, match="no AWS account"):
        deployments_of(None, None, JOB, tmp_path)
    for declared in ("jenkins:etl", "none", "git", {"file": "x", "jenkins": "y"}):
        with pytest.raises(SourceError):
            deployments_of(None, declared, {}, tmp_path)


# The job's script


def test_versions_of_the_script_and_its_libraries(account: EmulatedAccount) -> None:
    admin = account.admin("s3")
    account.put_bucket("code")
    admin.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
    ids = [admin.put_object(Bucket="code", Key="jobs/orders.py", Body=body)["VersionId"] for body in (b"1", b"2")]
    admin.put_object(Bucket="code", Key="jobs/orders.py.bak", Body=b"3")
    admin.put_object(Bucket="code", Key="lib.zip", Body=b"4")
    admin.put_object(Bucket="code", Key="two.whl", Body=b"5")
    admin.delete_object(Bucket="code", Key="two.whl")
    answer = _read(account, None)
    assert answer.complete
    versions = _versions(answer)
    assert {f"orders.py@{one[:12]}" for one in ids} | {"deleted"} <= set(versions)
    assert sorted(one.partition("@")[0] for one in versions) == [
        *("deleted", "lib.zip", "orders.py", "orders.py", "two.whl")
    ]
    assert all(one["changed_paths"][0] in {"jobs/orders.py", "lib.zip", "two.whl"} for one in answer.payload)
    read = read_deployments(msgspec.json.decode(msgspec.json.encode(answer.payload)), Redactor())
    assert all(one.deployed_at is not None for one in read)
    assert set(account.door.calls[-3:]) == {"s3:ListObjectVersions"}


def test_a_bucket_without_versions_tells_when_the_script_was_put(account: EmulatedAccount) -> None:
    account.put_object("s3://code/jobs/orders.py", b"print()", at=DAY)
    answer = _read(account, "script")
    assert [one["deployed_at"] for one in answer.payload] == ["2026-11-01T02:00:00+00:00"]
    assert answer.payload[0]["version"].startswith("orders.py@")
    assert "null" not in answer.payload[0]["version"]


def test_versions_that_may_not_be_listed(account: EmulatedAccount) -> None:
    account.put_object("s3://code/jobs/orders.py", b"print()", at=DAY)
    account.refuse("s3:ListObjectVersions", "AccessDenied", status=403)
    answer = _read(account, None)
    assert [one["deployed_at"] for one in answer.payload] == ["2026-11-01T02:00:00+00:00"]
    # What is there has been there since: nothing else was put in between.
    assert _read(account, None, since=DAY + timedelta(days=1)).complete
    assert not _read(account, None, since=DAY - timedelta(days=1)).complete
    account.refuse("s3:HeadObject", "AccessDenied", status=403)
    with pytest.raises(SourceError, match="s3:HeadObject"):
        _read(account, None)


def test_a_job_without_a_script_in_s3(account: EmulatedAccount) -> None:
    for job in ({}, {"Job": {"Command": {"ScriptLocation": "/opt/job.py"}}}, {"Command": None}):
        with pytest.raises(SourceError, match="no script in S3"):
            deployments_of(account.session(), None, job, HERE)
    account.put_bucket("code")
    with pytest.raises(SourceError, match="is not there"):
        _read(account, None)


# CodePipeline


def _execution(number: int, status: str = "Succeeded", **more: Any) -> dict[str, Any]:
    at = DAY + timedelta(days=number)
    revision = {"actionName": "Source", "revisionId": f"{number:040x}", "revisionSummary": "fix"}
    summary = {"pipelineExecutionId": f"e{number}", "status": status, "startTime": at - timedelta(hours=1)}
    return summary | {"lastUpdateTime": at, "sourceRevisions": [revision]} | more


def test_executions_that_deployed(account: EmulatedAccount) -> None:
    by_hand = {"triggerType": "StartPipelineExecution", "triggerDetail": "arn:aws:sts::1:assumed-role/Dev/alice"}
    account.put_pipeline_execution("etl", _execution(4, "InProgress"))
    deploy = {"category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1"}
    action = {"pipelineExecutionId": "e3", "status": "Succeeded", "lastUpdateTime": DAY + timedelta(days=2.5)}
    tests = action | {"input": {"actionTypeId": deploy | {"category": "Test"}}, "lastUpdateTime": DAY}
    # It deployed, then failed in its last tests.
    account.put_pipeline_execution(
        *("etl", _execution(3, "Failed")), [action | {"input": {"actionTypeId": deploy}}, tests]
    )
    account.put_pipeline_execution("etl", _execution(2, "Failed"))
    account.put_pipeline_execution("etl", _execution(1, trigger=by_hand))
    answer = _read(account, "codepipeline:etl")
    assert answer.complete
    assert [one["deployed_at"] for one in answer.payload] == ["2026-11-02T02:00:00+00:00", "2026-11-03T14:00:00+00:00"]
    assert [one["author"] for one in answer.payload] == ["alice", None]
    assert answer.payload[0]["commit"] == f"{1:040x}"
    assert _versions(answer) == ["000000000000"] * 2


def test_more_executions_than_are_read(account: EmulatedAccount) -> None:
    for number in range(120, 0, -1):
        account.put_pipeline_execution("etl", _execution(number))
    answer = _read(account, "codepipeline:etl", since=DAY + timedelta(days=100))
    assert (len(answer.payload), answer.complete) == (22, True)
    assert not _read(account, "codepipeline:etl", since=DAY).complete
    account.refuse("codepipeline:ListActionExecutions")
    assert len(_read(account, "codepipeline:etl").payload) == 100
    account.refuse("codepipeline:ListPipelineExecutions")
    with pytest.raises(SourceError, match="codepipeline:ListPipelineExecutions etl is not allowed"):
        _read(account, "codepipeline:etl")


# CodeDeploy


def _deploy(account: EmulatedAccount, revision: dict[str, Any], **more: Any) -> None:
    from moto.codedeploy.models import codedeploy_backends

    from tests.emulated.account import ACCOUNT, REGION

    admin = account.admin("codedeploy")
    if "etl" not in admin.list_applications()["applications"]:
        admin.create_application(applicationName="etl")
        role = "arn:aws:iam::1:role/x"
        admin.create_deployment_group(applicationName="etl", deploymentGroupName="prod", serviceRoleArn=role)
    made = admin.create_deployment(applicationName="etl", deploymentGroupName="prod", revision=revision)
    # moto's deployments never end.
    backend = codedeploy_backends[ACCOUNT][REGION]
    one = backend.deployments[made["deploymentId"]]
    for name, value in {"status": "Succeeded", "complete_time": DAY, **more}.items():
        setattr(one, name, value)


def test_deployments_of_codedeploy(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_pipelines, "BATCH", 2)
    github = {"revisionType": "GitHub", "gitHubLocation": {"repository": "acme/etl", "commitId": "a" * 40}}
    s3 = {
        "revisionType": "S3",
        "s3Location": {"bucket": "code", "key": "etl.zip", "version": "v7", "bundleType": "zip"},
    }
    _deploy(account, github)
    _deploy(account, s3, complete_time=DAY + timedelta(days=1), creator="codeDeployRollback")
    _deploy(account, s3, status="Failed")
    answer = _read(account, "codedeploy:etl/prod")
    assert _versions(answer) == ["a" * 12, "v7"]
    assert [one["author"] for one in answer.payload] == [None, "codeDeployRollback"]
    assert [one["changed_paths"] for one in answer.payload] == [[], ["etl.zip"]]
    assert answer.payload[0]["deployed_at"] == "2026-11-01T02:00:00+00:00"
    for declared in ("codedeploy:etl", "codedeploy:", "codedeploy:/prod"):
        with pytest.raises(SourceError, match="APPLICATION/GROUP"):
            _read(account, declared)
    account.refuse("codedeploy:ListDeployments")
    with pytest.raises(SourceError, match="codedeploy:ListDeployments etl/prod is not allowed"):
        _read(account, "codedeploy:etl/prod")


def test_the_bound_of_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments, "MAX_OBJECTS", 2)
    assert deployments._code_objects(JOB) == ["s3://code/jobs/orders.py", "s3://code/lib.zip"]
