"""Prefect: the condition on which a task is retried, and a check before a table is read.

    from pipetriage.entrypoints.prefect import allowed_by_gate

    @task(retries=3, retry_condition_fn=allowed_by_gate(lambda error: f"glue:orders_daily/{error.run_id}"))
    def orders_daily(): ...

Prefect asks ``retry_condition_fn(task, task_run, state)`` before each retry, and fails the task where it says no
(docs.prefect.io, "Retry a task on a condition"). Tried with Prefect 3.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect.logging import get_run_logger

from pipetriage.entrypoints.gate_client import Answer, ask, ask_read


def allowed_by_gate(
    target: Callable[[BaseException], str | None], *, url: str | None = None
) -> Callable[[Any, Any, Any], bool]:
    """Give the condition that asks the gate.

    ``target`` gives the run that failed, from what the task raised; None where no run was started, and then the retry
    is Prefect's to judge. What cannot be found out is a no.
    """

    def condition(task: Any, task_run: Any, state: Any) -> bool:
        try:
            failed = target(_exception_of(state))
        except Exception as trouble:  # noqa: BLE001 - the reason is to stand in the task's log
            _say(task_run, f"pipetriage does not know which run failed ({type(trouble).__name__}): no retry")
            return False
        if failed is None:
            return True
        answer = ask(failed, asker=f"prefect/{task_run.id}/{failed}/{task_run.run_count}", url=url)
        _say(task_run, f"pipetriage {'allows' if answer.allowed else 'does not allow'} a retry. {_said(answer)}")
        return answer.allowed

    return condition


def require_readable(table: str, *, url: str | None = None) -> None:
    """Raise where a table may hold part of a failed batch: for the beginning of a task that reads it.

    Raises:
        PermissionError: it may.
    """
    answer = ask_read(table, url=url)
    if not answer.allowed:
        raise PermissionError(f"{table} is not to be read now. {_said(answer)}")


def _said(answer: Answer) -> str:
    wait = f" (ask again in {answer.retry_after_seconds} s)" if answer.retry_after_seconds else ""
    return f"{answer.rule}: {answer.reason}{wait}"


def _exception_of(state: Any) -> BaseException:
    found = state.data if isinstance(state.data, BaseException) else state.result(raise_on_failure=False)
    if not isinstance(found, BaseException):
        raise TypeError("the state holds no exception")
    return found


def _say(task_run: Any, text: str) -> None:
    get_run_logger().warning(text)
