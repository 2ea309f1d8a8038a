"""Airflow 3.3 and newer: a retry policy that asks the gate.

    GlueJobOperator(task_id="orders", job_name="orders_daily", retries=3, retry_policy=GateRetryPolicy())

The policy runs in the worker, after the task has failed. It can fail a task before its retries are used up, not give it
more. A policy that raises is passed over by Airflow, which then retries: this one never does. Tried with Airflow 3.3.2.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

from pipetriage.entrypoints.airflow.runs import decided, run_of, said


class GateRetryPolicy(RetryPolicy):  # type: ignore[misc] # Airflow is not in our environment
    """Fails the task with the gate's reason, or lets it be retried, after the time that the run's cause asks for.

    Only where no run was started (StartJobRun itself was refused) is Airflow's own judgement left to it.
    """

    def __init__(self, url: str | None = None) -> None:
        """``url``: the service; None: PIPETRIAGE_URL, or pipetriage in the worker's own process."""
        self.url = url

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """See ``RetryPolicy.evaluate``."""
        if try_number > max_tries:
            return RetryDecision.default()  # nothing is left to be allowed, and a yes would be used up
        try:
            answer = decided(exception, context, run_of, self.url, can_wait=True)
            if answer is None:
                return RetryDecision.default()
            if not answer.allowed:
                return RetryDecision.fail(said(answer))
            delay = timedelta(seconds=answer.retry_after_seconds) if answer.retry_after_seconds else None
            return RetryDecision.retry(delay, said(answer))
        except Exception as error:  # noqa: BLE001 - Airflow takes an exception of a policy for a yes
            return RetryDecision.fail(f"pipetriage failed ({type(error).__name__}): no retry is allowed")

    def serialize(self) -> dict[str, Any]:
        """See ``RetryPolicy.serialize``."""
        return {"url": self.url}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> GateRetryPolicy:
        """See ``RetryPolicy.deserialize``."""
        return cls(**data)
