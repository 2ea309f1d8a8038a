"""Airflow 3.3 and newer: a retry policy that asks the gate.

    GlueJobOperator(task_id="orders", job_name="orders_daily", retries=3, retry_policy=GateRetryPolicy())

Where a retry has to wait for a source, nobody can say yes beforehand: what comes may be something else. With
``asks_first`` the policy only puts the retry off, and the attempt asks for the yes as it begins:

    class Gated(AsksFirst, GlueJobOperator): ...

    Gated(task_id="orders", job_name="orders_daily", retries=5, retry_policy=GateRetryPolicy(asks_first=True))

The policy runs in the worker, after the task has failed. It can fail a task before its retries are used up, not give it
more. A policy that raises is passed over by Airflow, which then retries: this one never does. Tried with Airflow 3.3.2.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.exceptions import AirflowException
from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowFailException

from pipetriage.entrypoints.airflow.runs import asker_of, decided, run_of, said, tries
from pipetriage.entrypoints.gate_client import Answer, ask

_WAITING, _NOT_GIVEN = "WAITING", "NOT_GIVEN"


class NotYetError(AirflowException):  # type: ignore[misc] # Airflow is not in our environment
    """An attempt has begun too early: it has run nothing, and is to be put off once more."""

    def __init__(self, answer: Answer) -> None:
        """Take the gate's answer."""
        super().__init__(said(answer))
        self.seconds = answer.retry_after_seconds


class AsksFirst:
    """Put before an operator that starts a Glue run: each attempt after the first asks the gate before it starts one.

    About the job's latest run, which is that of the attempt before; where that one started none, the latest is an older
    one, and the answer most likely a no.
    """

    gate_url: str | None = None

    def execute(self, context: Any, **named: Any) -> Any:
        """Ask, then run the operator.

        Raises:
            AirflowFailException: it may not be retried.
            NotYetError: it may not be retried yet.
        """
        if tries(context) != 1:
            run = f"glue:{self.job_name}/latest"  # type: ignore[attr-defined]
            answer = ask(run, asker=asker_of(context, run), url=self.gate_url)
            if answer.rule == _WAITING and answer.retry_after_seconds:
                raise NotYetError(answer)
            if not answer.allowed:
                raise AirflowFailException(said(answer))
        return super().execute(context, **named)  # type: ignore[misc]


class GateRetryPolicy(RetryPolicy):  # type: ignore[misc] # Airflow is not in our environment
    """Fails the task with the gate's reason, or lets it be retried, after the time that the run's cause asks for.

    Only where no run was started (StartJobRun itself was refused) is Airflow's own judgement left to it.
    """

    def __init__(self, url: str | None = None, *, asks_first: bool = False) -> None:
        """``url``: the service; None: PIPETRIAGE_URL, or pipetriage in the worker's own process.

        ``asks_first``: the task's attempts ask by themselves (``AsksFirst``), so that a yes is not for the policy.
        """
        self.url = url
        self.asks_first = asks_first

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """See ``RetryPolicy.evaluate``."""
        if try_number > max_tries:
            return RetryDecision.default()  # nothing is left to be allowed, and a yes would be used up
        try:
            if self.asks_first and isinstance(exception, NotYetError):
                return RetryDecision.retry(_seconds(exception.seconds), str(exception))
            looks = self.asks_first
            answer = decided(exception, context, run_of, self.url, can_wait=not looks, looks=looks)
            if answer is None:
                return RetryDecision.default()
            if looks and (answer.rule == _NOT_GIVEN or (answer.rule == _WAITING and answer.retry_after_seconds)):
                return RetryDecision.retry(_seconds(answer.retry_after_seconds), said(answer))
            if not answer.allowed:
                return RetryDecision.fail(said(answer))
            return RetryDecision.retry(_seconds(answer.retry_after_seconds), said(answer))
        except Exception as error:  # noqa: BLE001 - Airflow takes an exception of a policy for a yes
            return RetryDecision.fail(f"pipetriage failed ({type(error).__name__}): no retry is allowed")

    def serialize(self) -> dict[str, Any]:
        """See ``RetryPolicy.serialize``."""
        return {"url": self.url, "asks_first": self.asks_first}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> GateRetryPolicy:
        """See ``RetryPolicy.deserialize``."""
        return cls(**data)


def _seconds(wait: int | None) -> timedelta | None:
    return timedelta(seconds=wait) if wait else None
