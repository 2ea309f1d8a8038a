"""One test a rule of ``retry_reasons``: a rerun that would be harmless, and yet no machine may start it."""

from pathlib import Path
from typing import Any

import pytest

from tests.building_bundles import BATCH, RUN, broken, bundle, good_run, iso, listing, minute, ms, run, triage

SOURCE = f"s3://raw/orders/{BATCH}"


NO_SUCH_KEY = (
    "botocore.exceptions.ClientError: An error occurred (NoSuchKey) when calling the GetObject operation: "
    "The specified key does not exist."
)


def failing(message: str, **more: Any) -> dict[str, Any]:
    """Make a bundle whose run failed with this message."""
    this = run(ErrorMessage=message)
    event = {
        "timestamp": ms(minute(9)),
        "message": f"ERROR ProcessLauncher: Error from Python: {message}",
        "logStreamName": RUN,
    }
    files = {"logs/error/jr_now.jsonl": [event], "s3/source.json": listing(f"{SOURCE}/")} | more.pop("files", {})
    return bundle(this_run=more.pop("this_run", this), files=files, **more)


def missing(path: str = SOURCE, **more: Any) -> dict[str, Any]:
    return failing(f"AnalysisException: [PATH_NOT_FOUND] Path does not exist: {path}.", **more)


def test_a_source_that_is_merely_late_is_waited_for(tmp_path: Path) -> None:
    incident = triage(tmp_path, missing())
    assert incident.safe_to_retry
    assert (incident.rerun.wait_for or "").rstrip("/") == SOURCE


def test_an_unnamed_object_is_the_source_where_that_is_seen_to_be_empty(tmp_path: Path) -> None:
    incident = triage(tmp_path, failing(NO_SUCH_KEY))
    assert incident.safe_to_retry
    assert (incident.rerun.wait_for or "").rstrip("/") == SOURCE


def test_a_run_that_never_began_has_no_log_to_be_seen(tmp_path: Path) -> None:
    refused = run(ErrorMessage="Exceeded maximum concurrent compute capacity for your account", ExecutionTime=0)
    unlogged = bundle(this_run=refused, files={"logs/error/jr_now.jsonl": None})
    assert triage(tmp_path / "refused", unlogged).safe_to_retry
    ran = bundle(this_run=refused | {"ExecutionTime": 300}, files={"logs/error/jr_now.jsonl": None})
    assert "LOG_UNOBSERVED" in broken(triage(tmp_path / "ran", ran))


RULES: list[Any] = [
    pytest.param(
        "CAUSE_NEEDS_A_PERSON",
        failing('NumberFormatException: For input string: "abc"'),
        id="CAUSE_NEEDS_A_PERSON",
    ),
    pytest.param("CAUSE_NEEDS_A_PERSON", bundle(this_run=run(state="SUCCEEDED")), id="the run succeeded"),
    pytest.param("OTHER_PATH_FAILED", missing("s3://raw/currencies/2026-11-21"), id="OTHER_PATH_FAILED"),
    pytest.param("OTHER_PATH_FAILED", missing(f"{SOURCE}0"), id="a longer path"),
    pytest.param(
        "OTHER_PATH_FAILED",
        missing(f"{SOURCE}/part-7.json", files={"s3/source.json": listing(f"{SOURCE}/", "part-8.json", "part-9.json")}),
        id="one of the files was replaced while it was read",
    ),
    pytest.param("SOURCE_UNOBSERVED", missing(files={"s3/source.json": None}), id="SOURCE_UNOBSERVED"),
    pytest.param(
        "SOURCE_UNOBSERVED",
        missing(files={"s3/source.json": [{"Key": "a", "Size": 1}]}),
        id="a listing's bare contents",
    ),
    pytest.param(
        "SOURCE_UNOBSERVED",
        missing(files={"s3/source.json": listing(f"{SOURCE}/") | {"CommonPrefixes": [{"Prefix": "x/"}]}}),
        id="a listing with a delimiter",
    ),
    pytest.param(
        "REFUSAL_SEEN",
        missing(
            files={
                "cloudtrail/events.json": {
                    "Events": [
                        {
                            "EventName": "GetObject",
                            "CloudTrailEvent": '{"errorCode":"AccessDenied","eventName":"GetObject"}',
                        }
                    ]
                }
            }
        ),
        id="REFUSAL_SEEN",
    ),
    pytest.param(
        "PATH_MAY_HAVE_CHANGED",
        missing(runs=[good_run(Arguments={"--batch_id": "2026-11-20", "--root": "a"}), run(ErrorMessage="")]),
        id="PATH_MAY_HAVE_CHANGED",
    ),
    pytest.param(
        "CHANGED_SINCE_THE_RUN",
        bundle(files={"deployments.json": [{"version": "v9", "deployed_at": iso(minute(20))}]}),
        id="CHANGED_SINCE_THE_RUN",
    ),
    pytest.param(
        "CHANGED_SINCE_THE_RUN",
        bundle(
            files={"glue/job.json": {"Job": {"Name": "orders", "MaxRetries": 0, "LastModifiedOn": iso(minute(20))}}}
        ),
        id="job modified since",
    ),
    pytest.param("NO_ATTEMPTS_LEFT", bundle(declared={"max_attempts": 1}), id="NO_ATTEMPTS_LEFT"),
    pytest.param(
        "BATCH_ALREADY_DONE",
        bundle(runs=[good_run(), run(), run("jr_2", at=minute(30), state="SUCCEEDED")]),
        id="BATCH_ALREADY_DONE",
    ),
    pytest.param(
        "QUALITY_FAILED",
        bundle(
            files={
                "data_quality/results.json": [
                    {"JobRunId": RUN, "RuleResults": [{"EvaluatedRule": "RowCount > 10", "Result": "FAIL"}]}
                ]
            }
        ),
        id="QUALITY_FAILED",
    ),
    pytest.param("RERUN_NOT_SAFE", bundle(files={"glue/job.json": None}), id="RERUN_NOT_SAFE"),
    pytest.param("LOG_UNOBSERVED", bundle(files={"logs/error/jr_now.jsonl": None}), id="LOG_UNOBSERVED"),
    pytest.param("SOURCE_NOT_DECLARED", missing(declared={"source": None}), id="SOURCE_NOT_DECLARED"),
    pytest.param(
        "PARTIAL_WRITE_RISK",
        failing(
            "org.apache.iceberg.exceptions.CommitFailedException: Cannot commit sales.orders because Glue detected "
            "concurrent update"
        ),
        id="PARTIAL_WRITE_RISK",
    ),
]


@pytest.mark.parametrize(("rule", "files"), RULES)
def test_no_machine_retries_it(rule: str, files: dict[str, Any], tmp_path: Path) -> None:
    incident = triage(tmp_path, files)
    assert rule in broken(incident), incident.failure_mode
    assert not incident.safe_to_retry
