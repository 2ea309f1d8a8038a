"""Events as AWS sends them, and runs that just ended, in the emulated account."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.emulated.account import ACCOUNT, REGION, EmulatedAccount

Document = dict[str, Any]


def job_event(job: str, run_id: str, state: str = "FAILED", **changes: Any) -> Document:
    """Give EventBridge's event of a Glue run that ended."""
    return {
        "version": "0",
        "id": "6e1c8f2a-0d33-4cdd-9a27-52d0f8f0a001",
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "account": ACCOUNT,
        "time": "2026-11-01T02:03:04Z",
        "region": REGION,
        "resources": [],
        "detail": {"jobName": job, "severity": "ERROR", "state": state, "jobRunId": run_id, "message": "SystemExit: 1"},
        **changes,
    }


def quality_event(job: str | None, run_id: str | None, state: str = "FAILED") -> Document:
    """Give the event of a data-quality evaluation; of a catalog table where there is no job."""
    context = {"contextType": "GLUE_JOB", "jobId": run_id, "jobName": job, "evaluationContext": "checks"}
    table = {"contextType": "GLUE_DATA_CATALOG", "runId": "dqrun-1", "databaseName": "sales", "tableName": "orders"}
    detail = {"resultId": "dqresult-1", "context": context if job else table, "state": state, "score": 0.75}
    event = job_event("", "", source="aws.glue-dataquality")
    return {**event, "detail-type": "Data Quality Evaluation Results Available", "detail": detail}


def execution_event(arn: str, status: str = "FAILED", cause: str | None = None) -> Document:
    """Give the event of a Step Functions execution that ended."""
    detail = {"executionArn": arn, "stateMachineArn": arn.replace("execution", "stateMachine"), "status": status}
    event = job_event("", "", source="aws.states")
    return {
        **event,
        "detail-type": "Step Functions Execution Status Change",
        "detail": {**detail, "error": "States.TaskFailed", "cause": cause},
    }


def put_ended_run(
    account: EmulatedAccount, job: str, run_id: str, state: str = "FAILED", *, ago: float = 600.0, **changes: Any
) -> None:
    """Put a run that ended so many seconds ago."""
    end = datetime.now(UTC) - timedelta(seconds=ago)
    document = {
        "Id": run_id,
        "JobName": job,
        "Attempt": 0,
        "JobRunState": state,
        "StartedOn": (end - timedelta(minutes=5)).isoformat(),
        "CompletedOn": end.isoformat(),
        "ExecutionTime": 290,
        "Arguments": {"--batch_id": run_id},
        **changes,
    }
    if state != "SUCCEEDED":
        document.setdefault("ErrorMessage", "KeyError: 'amount'")
    account.put_run(document)


class EventQueue:
    """Our queue and the one for dead letters, as an administrator makes and fills them."""

    def __init__(self, account: EmulatedAccount, name: str = "pipetriage", redrive: int | None = None) -> None:
        """``redrive``: SQS itself moves a message to the dead letters that was received so often."""
        self._sqs = account.admin("sqs")
        self.letters: str = self._sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
        policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": redrive})}
        self.url: str = self._sqs.create_queue(QueueName=name, Attributes=policy if redrive else {})["QueueUrl"]

    def send(self, *events: Document | str) -> None:
        """Put events into the queue."""
        for event in events:
            body = event if isinstance(event, str) else json.dumps(event)
            self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> tuple[int, int]:
        """Count the messages that wait, and those that are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(answer[names[0]]), int(answer[names[1]])

    def dead(self) -> list[tuple[str, str]]:
        """Give each dead letter's body and the reason that goes with it."""
        answer = self._sqs.receive_message(
            QueueUrl=self.letters, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        found = answer.get("Messages", [])
        return [
            (one["Body"], one.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")) for one in found
        ]
