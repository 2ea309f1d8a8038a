"""What an event says happened: EventBridge's envelope, read strictly and believed little.

Shapes: Glue developer guide (automating with CloudWatch events; domain facts 1.4 and 2), Step Functions developer
guide (EventBridge events for execution status changes). An event only says where to look; what happened is read
from Glue itself.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from pipetriage.errors import EventError
from pipetriage.model.identity import is_name, is_region
from pipetriage.model.times import parse_time

MAX_BYTES = 256 * 1024
"""An EventBridge event, and an SQS message until 2025, is no longer; more is not read."""

_JOB_STATE = "Glue Job State Change"
_QUALITY = "Data Quality Evaluation Results Available"
_EXECUTION = "Step Functions Execution Status Change"
_ACCOUNT = re.compile(r"\d{12}")
_FAILED_EXECUTION = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})


class RunEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A Glue run that is said to have ended."""

    job: str
    run_id: str
    state: str
    """Glue's JobRunState as told, or ``UNKNOWN`` where the event does not say."""
    account: str = ""
    """AWS account of the event; empty: not said, so the one that is read."""
    region: str = ""
    ended_at: datetime | None = None
    """About when it ended (UTC), as told; None: not said."""
    quality_failed: bool = False
    """A data-quality evaluation of the run failed, however the run itself ends."""


class ExecutionFailed(msgspec.Struct, frozen=True, kw_only=True):
    """A Step Functions execution that did not end well."""

    execution_arn: str
    status: str
    account: str = ""
    region: str = ""
    cause: str | None = None
    """The failed state's Cause, where the event carries it: for a Glue task the JobRun as JSON, cut at 32,768."""


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """An event that asks for no triage, and why."""

    why: str


Notice = RunEnded | ExecutionFailed | Nothing


def read_event(body: str | bytes | Mapping[str, Any]) -> Notice:
    """Read an event: EventBridge's JSON, also as a topic wraps it (SNS), or a document that is read already.

    Raises:
        EventError: it is no such event; the message says what is wrong, without repeating what it holds.
    """
    document = _document(body)
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        document = _document(document["Message"])
    kind, detail = document.get("detail-type"), document.get("detail")
    if not isinstance(kind, str) or not isinstance(detail, dict):
        raise EventError("it is no EventBridge event: it has no detail-type or no detail")
    account, region = _account(document), _region(document)
    if kind == _JOB_STATE:
        return RunEnded(
            job=_name(detail, "jobName"),
            run_id=_name(detail, "jobRunId"),
            state=_name(detail, "state"),
            account=account,
            region=region,
            ended_at=parse_time(document.get("time")),
        )
    if kind == _QUALITY:
        return _quality(detail, account, region)
    if kind == _EXECUTION:
        return _execution(detail, account, region)
    return Nothing(why=f"an event of another kind ({kind[:80]})")


def _quality(detail: Mapping[str, Any], account: str, region: str) -> Notice:
    context = detail.get("context")
    if not isinstance(context, dict):
        raise EventError(f"the {_QUALITY!r} event has no context")
    if str(detail.get("state", "")).upper() != "FAILED":
        return Nothing(why="a data-quality evaluation that did not fail")
    if not context.get("jobName") or not context.get("jobId"):
        return Nothing(why="a data-quality evaluation of a catalog table, by no job run")
    return RunEnded(
        job=_name(context, "jobName"),
        run_id=_name(context, "jobId"),
        state="UNKNOWN",
        account=account,
        region=region,
        quality_failed=True,
    )


def _execution(detail: Mapping[str, Any], account: str, region: str) -> Notice:
    status = _name(detail, "status")
    if status not in _FAILED_EXECUTION:
        return Nothing(why=f"an execution that is {status[:40]}")
    cause = detail.get("cause")
    return ExecutionFailed(
        execution_arn=_name(detail, "executionArn", longest=2048),
        status=status,
        account=account,
        region=region,
        cause=cause if isinstance(cause, str) else None,
    )


def _document(body: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(body, Mapping):
        return body
    if len(body) > MAX_BYTES:
        raise EventError(f"it has more than {MAX_BYTES} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventError(f"it is no JSON ({type(error).__name__})") from error
    if not isinstance(document, dict):
        raise EventError("it is no JSON object")
    return document


def _name(document: Mapping[str, Any], key: str, longest: int = 255) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not is_name(value, longest):
        raise EventError(f"its {key} is missing, or no name of one")
    return value


def _account(document: Mapping[str, Any]) -> str:
    value = document.get("account", "")
    if not isinstance(value, str) or (value and not _ACCOUNT.fullmatch(value)):
        raise EventError("its account is no AWS account")
    return value


def _region(document: Mapping[str, Any]) -> str:
    value = document.get("region", "")
    if value and not is_region(value):
        raise EventError("its region is no AWS region")
    return str(value)
