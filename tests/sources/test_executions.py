"""The Glue run behind a Step Functions execution that failed: by its cause, or by its history."""

import json
import time
from typing import Any

import pytest
import requests

from pipetriage.errors import SourceError
from pipetriage.sources.executions import NamedRun, run_in_cause, run_in_history, run_of_execution
from tests.emulated.account import ACCOUNT, EmulatedAccount

JOB_RUN = {
    "AllocatedCapacity": 10,
    "Arguments": {"--batch_id": "2026-11-24"},
    "Attempt": 0,
    "CompletedOn": 1793500000000,
    "ErrorMessage": 'SystemExit: "1"',
    "GlueVersion": "5.0",
    "Id": "jr_0a1b2c",
    "JobName": "orders_daily",
    "JobRunState": "FAILED",
}


def execution(account: EmulatedAccount, definition: dict[str, Any]) -> str:
    """Really run a state machine to its end, in the emulator; give the execution's ARN."""
    settings = {"stepfunctions": {"execute_state_machine": True}}
    requests.post(f"{account.url}/moto-api/config", json=settings, timeout=10).raise_for_status()
    client = account.admin("stepfunctions")
    role = f"arn:aws:iam::{ACCOUNT}:role/machine"
    machine = client.create_state_machine(name="nightly", definition=json.dumps(definition), roleArn=role)
    arn: str = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    for _ in range(100):
        if client.describe_execution(executionArn=arn)["status"] != "RUNNING":
            return arn
        time.sleep(0.05)
    raise AssertionError("the execution did not end")


def failing(cause: str) -> dict[str, Any]:
    return {"StartAt": "Stop", "States": {"Stop": {"Type": "Fail", "Error": "NightlyFailed", "Cause": cause}}}


def test_the_cause_of_an_execution_that_really_failed_names_the_run(account: EmulatedAccount) -> None:
    arn = execution(account, failing(json.dumps(JOB_RUN)))
    assert run_of_execution(account.session(), arn) == NamedRun("orders_daily", "jr_0a1b2c")


def test_an_execution_that_failed_by_itself_names_none(account: EmulatedAccount) -> None:
    arn = execution(account, failing("no orders today"))
    assert run_of_execution(account.session(), arn) is None


def test_an_execution_that_is_gone_is_a_source_that_cannot_answer(account: EmulatedAccount) -> None:
    arn = f"arn:aws:states:eu-west-1:{ACCOUNT}:execution:nightly:gone"
    with pytest.raises(SourceError, match="stepfunctions:DescribeExecution"):
        run_of_execution(account.session(), arn)


def test_a_cause_that_was_cut_off_still_names_the_run() -> None:
    whole = json.dumps(JOB_RUN)
    cut = whole[: whole.index("JobRunState")]
    assert run_in_cause(cut) == NamedRun("orders_daily", "jr_0a1b2c")
    assert run_in_cause(whole[:60]) is None


@pytest.mark.parametrize(
    "cause",
    [
        *("", "{", "[]", "7", '{"JobName": 3, "Id": "jr_1"}', "[" * 50_000),
        json.dumps({"JobName": "o" * 100_000, "Id": "jr_1"}),
        json.dumps({"JobName": "orders\x1b[2J", "Id": "jr_1"}),
        '{"JobName": "orders\\ud800", "Id": "jr_1"}',
    ],
)
def test_any_other_cause_names_none(cause: str) -> None:
    assert run_in_cause(cause) is None


def test_a_time_out_is_followed_back_to_the_task_that_was_running() -> None:
    """Shapes: Step Functions API reference, HistoryEvent. An execution that times out has no cause."""
    parameters = json.dumps({"JobName": "orders_daily", "Arguments": {"--batch_id": "x"}})
    newest_first = [
        {"id": 6, "previousEventId": 0, "type": "ExecutionTimedOut"},
        {
            "id": 5,
            "previousEventId": 4,
            "type": "TaskSubmitted",
            "taskSubmittedEventDetails": {"resourceType": "glue", "output": json.dumps({"JobRunId": "jr_0a1b2c"})},
        },
        {"id": 4, "previousEventId": 3, "type": "TaskStarted"},
        {
            "id": 3,
            "previousEventId": 2,
            "type": "TaskScheduled",
            "taskScheduledEventDetails": {"resourceType": "glue", "parameters": parameters},
        },
        {"id": 2, "previousEventId": 1, "type": "TaskStateEntered"},
    ]
    assert run_in_history(newest_first) == NamedRun("orders_daily", "jr_0a1b2c")
    # A run that went well before something else failed is none that the execution failed by.
    assert run_in_history([{"id": 7, "previousEventId": 5, "type": "TaskSucceeded"}, *newest_first]) is None
    assert run_in_history(newest_first[:1]) is None
    assert run_in_history(newest_first[:2]) is None
