"""AWS Step Functions: which Glue run made an execution fail (DescribeExecution, GetExecutionHistory).

A state that runs ``glue:startJobRun.sync`` fails with the JobRun as JSON in its Cause, cut off at 32,768 characters
(Step Functions developer guide, connect-glue; domain facts 8). An execution that timed out has no cause: its history
still holds the run that the state had started.
"""

import json
import re
from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.model.identity import is_name

MAX_PAGES = 3
"""Pages of the newest 200 events: the state that failed is among the last."""

# In a JobRun that was cut: names and ids hold no quotes or escapes.
_RUN_ID = re.compile(r'"(?:Id|JobRunId)"\s{0,4}:\s{0,4}"(jr_[0-9A-Za-z_]{4,100})"')
_JOB_NAME = re.compile(r'"JobName"\s{0,4}:\s{0,4}"([^"\\]{1,255})"')


class NamedRun(NamedTuple):
    """A Glue run, by its names."""

    job: str
    run_id: str


def run_in_cause(cause: str) -> NamedRun | None:
    """Find the Glue run that a failed state's Cause names; None: it is no failure of a Glue run."""
    try:
        document = json.loads(cause)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return _named(document.get("JobName"), document.get("Id") or document.get("JobRunId"))
    job_named, run_named = _JOB_NAME.search(cause), _RUN_ID.search(cause)
    return _named(job_named[1], run_named[1]) if job_named and run_named else None


def _named(job: object, run_id: object) -> NamedRun | None:
    return NamedRun(str(job), str(run_id)) if is_name(job) and is_name(run_id) else None


def run_of_execution(aws: AwsSession, arn: str) -> NamedRun | None:
    """Find the Glue run that an execution failed by; None: none is named in what it ended with.

    Raises:
        SourceError: the execution may not be read, or is not there any more.
        CredentialsError: AWS does not know us.
    """
    client = aws.client("stepfunctions")
    with aws.calling("stepfunctions:DescribeExecution"):
        described = client.describe_execution(executionArn=arn)
    named = run_in_cause(str(described.get("cause") or ""))
    return named or run_in_history(_last_events(aws, client, arn))


def _last_events(aws: AwsSession, client: Any, arn: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    request: dict[str, Any] = {"executionArn": arn, "reverseOrder": True, "maxResults": 200}
    for _ in range(MAX_PAGES):
        with aws.calling("stepfunctions:GetExecutionHistory"):
            page = client.get_execution_history(**request)
        events += page["events"]
        if not page.get("nextToken"):
            break
        request["nextToken"] = page["nextToken"]
    return events


def run_in_history(newest_first: list[dict[str, Any]]) -> NamedRun | None:
    """Find the run in the events of an execution, newest first; None: none is named."""
    by_id = {event["id"]: event for event in newest_first}
    # A run that went well is not what the execution failed by.
    well = {event.get("previousEventId") for event in newest_first if event.get("type") == "TaskSucceeded"}
    for event in newest_first:
        failed = event.get("taskFailedEventDetails") or {}
        if failed.get("resourceType") == "glue" and (named := run_in_cause(str(failed.get("cause") or ""))):
            return named
        submitted = event.get("taskSubmittedEventDetails") or {}
        if submitted.get("resourceType") == "glue" and event["id"] not in well:
            run_id = _RUN_ID.search(str(submitted.get("output") or ""))
            job = _scheduled_job(event, by_id)
            return _named(job, run_id[1]) if job and run_id else None
    return None


def _scheduled_job(event: dict[str, Any], by_id: dict[int, dict[str, Any]]) -> str | None:
    """Follow the events back to the one that scheduled the task: only it says which job was meant."""
    before: dict[str, Any] | None = event
    for _ in range(len(by_id)):
        if before is None:
            return None
        if scheduled := before.get("taskScheduledEventDetails"):
            named = _JOB_NAME.search(str(scheduled.get("parameters") or ""))
            return named[1] if named else None
        before = by_id.get(before.get("previousEventId", 0))
    return None
