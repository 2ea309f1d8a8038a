"""deploy/*.asl.json: valid, and each branch taken in an emulator that really interprets the language."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends

DEPLOY = Path(__file__).parents[1] / "deploy"
ACCOUNT, REGION = "123456789012", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
EMULATED: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}


class Machine:
    """A state machine in the emulator; Glue fails to start a job that is not there."""

    def __init__(self, name: str) -> None:
        text = (DEPLOY / f"{name}.asl.json").read_text()
        # The emulator cannot put a job run's times into a state's data, so it does not wait for the run's end.
        text = text.replace("111122223333", ACCOUNT).replace("startJobRun.sync", "startJobRun")
        definition = json.loads(text)
        for state in definition["States"].values():
            if state["Type"] == "Wait" and "Seconds" in state:
                state["Seconds"] = 0
        self._steps = boto3.client("stepfunctions", REGION)
        self._sqs = boto3.client("sqs", REGION)
        self.queue = self._sqs.create_queue(QueueName="people")["QueueUrl"]
        asking = definition["States"].get("AskAPerson")
        if asking:
            asking["Parameters"]["QueueUrl"] = self.queue
        zipped = {"ZipFile": b"none"}
        boto3.client("iam", REGION).create_role(RoleName="any", AssumeRolePolicyDocument="{}")
        boto3.client("lambda", REGION).create_function(
            FunctionName="TASK_FUNCTION", Runtime="python3.12", Role=ROLE, Handler="a.b", Code=zipped
        )
        made = self._steps.create_state_machine(name=name, roleArn=ROLE, definition=json.dumps(definition))
        self._arn = made["stateMachineArn"]

    def job(self, name: str) -> None:
        boto3.client("glue", REGION).create_job(Name=name, Role=ROLE, Command={"Name": "glueetl"})

    def run(self, answers: Sequence[dict[str, Any]], person: Sequence[bool] = ()) -> tuple[str, list[str]]:
        """Give how the execution ended, and the states that it entered."""
        queue = lambda_simple_backends[ACCOUNT][REGION].lambda_simple_results_queue
        queue[:] = [json.dumps(one) for one in answers]
        arn = self._steps.start_execution(
            stateMachineArn=self._arn, name=uuid.uuid4().hex, input='{"batch_id": "2026-11-22"}'
        )["executionArn"]
        said, until = list(person), time.monotonic() + 40
        while time.monotonic() < until:
            status = self._steps.describe_execution(executionArn=arn)["status"]
            if status != "RUNNING":
                break
            for message in self._sqs.receive_message(QueueUrl=self.queue).get("Messages", []):
                token = json.loads(message["Body"])["token"]
                self._steps.send_task_success(taskToken=token, output=json.dumps({"retry": said.pop(0)}))
            time.sleep(0.1)
        events = self._steps.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        return status, [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws(config=EMULATED):
        yield


def gate(*, allowed: bool = False, wait: int | None = None) -> dict[str, Any]:
    """Answer as the task does, by its contract in docs/gates.md."""
    return {"retry": {"allowed": allowed, "rule": "ANY", "reason": "any", "retry_after_seconds": wait}}


def read(allowed: bool) -> dict[str, Any]:
    return {"table": "analytics.orders", "allowed": allowed, "rule": "ANY", "reason": "any", "incidents": []}


@pytest.mark.parametrize("name", ["gate", "read_gate"])
def test_only_what_never_ran_is_retried_without_asking(name: str) -> None:
    states = json.loads((DEPLOY / f"{name}.asl.json").read_text())["States"]
    for state in states.values():
        for retry in state.get("Retry", ()):
            assert not {"States.ALL", "States.TaskFailed", "States.Timeout"} & set(retry["ErrorEquals"])


@pytest.mark.usefixtures("emulator")
def test_a_load_that_succeeds_asks_nobody() -> None:
    machine = Machine("gate")
    machine.job("orders_daily")
    assert machine.run([]) == ("SUCCEEDED", ["Begin", "Load", "Loaded"])


@pytest.mark.usefixtures("emulator")
def test_what_is_allowed_is_retried_and_asked_about_anew() -> None:
    status, states = Machine("gate").run([gate(allowed=True), gate()], [False])
    assert status == "FAILED"
    assert states.count("Load") == 2
    assert states[-3:] == ["AskAPerson", "WhatThePersonSaid", "NotRetried"]


@pytest.mark.usefixtures("emulator")
def test_what_is_too_early_is_asked_again_a_bounded_number_of_times() -> None:
    status, states = Machine("gate").run([gate(wait=1)] * 2 + [gate()], [False])
    assert (status, states.count("MayItRetry"), states.count("TooEarly"), states.count("Load")) == ("FAILED", 3, 2, 1)


@pytest.mark.usefixtures("emulator")
def test_a_person_may_allow_it() -> None:
    status, states = Machine("gate").run([gate(), gate()], [True, False])
    assert (status, states.count("Load"), states.count("AskAPerson")) == ("FAILED", 2, 2)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("answer", [{}, {"errorMessage": "broken"}])
def test_an_answer_in_another_form_never_leads_to_a_retry(answer: dict[str, Any]) -> None:
    status, states = Machine("gate").run([answer], [False])
    assert status == "FAILED"
    assert states.count("Load") == 1


@pytest.mark.usefixtures("emulator")
def test_a_reader_reads_what_is_clear_and_waits_for_what_is_not() -> None:
    machine = Machine("read_gate")
    machine.job("orders_report")
    assert machine.run([read(True)]) == ("SUCCEEDED", ["Begin", "MayItRead", "Decide", "Report"])
    status, states = machine.run([read(False), read(True)])
    assert (status, states.count("Later"), states[-1]) == ("SUCCEEDED", 1, "Report")
    status, states = machine.run([read(False)] * 9)
    assert (status, states.count("MayItRead"), states[-1]) == ("FAILED", 9, "NotRead")
