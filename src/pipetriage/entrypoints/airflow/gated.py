"""Airflow 2.10 and newer: a task that fails for good where the gate does not allow a retry.

    class GatedGlueJobOperator(GateMixin, GlueJobOperator): ...

    @task(retries=3)
    @gated(lambda error, context: f"glue:orders_daily/{error.run_id}")
    def orders_daily(): ...

``AirflowFailException`` is the only way from inside a task to keep Airflow from retrying it: callbacks come too late.
The delay before a retry cannot be set from here, so "not yet" is waited for, up to ``max_wait`` seconds, and beyond
that a no. From 3.3 on ``retry_policy`` does both better.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any

from pipetriage.entrypoints.airflow.runs import Target, decided, is_last_try, run_of, said
from pipetriage.errors import ConfigError

try:
    from airflow.sdk import get_current_context

    _ENDS_WELL: tuple[object, ...] = ()
except ImportError:  # Airflow 2, to which sys.exit(0) is the end of a good task
    from airflow.operators.python import get_current_context

    _ENDS_WELL = (0, None)
try:
    from airflow.sdk import exceptions as airflow_errors
    from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout
except ImportError:  # before Airflow 3.2
    from airflow import exceptions as airflow_errors
    from airflow.exceptions import AirflowFailException, AirflowTaskTimeout

_WAITING = "WAITING"
MAX_WAIT = 600.0
"""Seconds for which a worker's slot is kept waiting at most."""

_FAILURES = (Exception, AirflowTaskTimeout, SystemExit)
"""After what Airflow retries. A time out leaves Glue's run running; it is no Exception, nor is SystemExit."""
_NO_FAILURES: tuple[type[BaseException], ...] = tuple(
    getattr(airflow_errors, name)
    for name in (
        "AirflowFailException",
        "AirflowRescheduleException",
        "AirflowSensorTimeout",
        "AirflowSkipException",
        "DagRunTriggerException",
        "DownstreamTasksSkipped",
        "TaskAwaitingInput",
        "TaskDeferred",
    )
    if hasattr(airflow_errors, name)
)
"""What a task says other things to Airflow with; some are of newer versions only. After none of them is it retried."""


def gated(
    target: Target, *, url: str | None = None, max_wait: float = MAX_WAIT
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have the gate asked when a task's function fails; ``target`` gives the run, by what it raised and the context.

    Raises:
        ConfigError: the function is async or a generator, which would fail where nobody asks the gate.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise ConfigError(f"{function.__name__} is async or yields: only a plain function can be gated")

        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            return _run(functools.partial(function, *arguments, **named), _context, target, url, max_wait)

        return run

    return decorate


class GateMixin:
    """Put before an operator that starts a Glue run: ``class Mine(GateMixin, GlueJobOperator)``; deferrable, too."""

    gate_url: str | None = None
    gate_max_wait: float = MAX_WAIT

    def execute(self, context: Any, **named: Any) -> Any:
        """Run the operator, and ask the gate where it fails."""
        # Airflow 2 hands each execute() a sentinel by keyword, which its operators look for.
        return self._gated(functools.partial(super().execute, **named), context)  # type: ignore[misc]

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Take up after a deferral, and ask the gate where the run, or waiting for it, failed."""
        resume = functools.partial(super().resume_execution, next_method, next_kwargs)  # type: ignore[misc]
        return self._gated(resume, context)

    def _gated(self, method: Callable[[Any], Any], context: Any) -> Any:
        call = functools.partial(method, context)
        return _run(call, lambda: context, functools.partial(run_of, task=self), self.gate_url, self.gate_max_wait)


def _run(call: Callable[[], Any], context: Callable[[], Any], target: Target, url: str | None, max_wait: float) -> Any:
    try:
        return call()
    except _NO_FAILURES:
        raise
    except _FAILURES as error:
        if not (isinstance(error, SystemExit) and error.code in _ENDS_WELL):
            _decide(error, context(), target, url, max_wait)
        raise


def _decide(error: BaseException, context: Any, target: Target, url: str | None, max_wait: float) -> None:
    """Return where Airflow may retry as it was told to.

    Raises:
        AirflowFailException: it may not.
    """
    if is_last_try(context):
        return
    try:
        answer, left = decided(error, context, target, url), max_wait
        # Asked anew once the time has passed: a yes for later would be used up, and the cause may be another then.
        while answer is not None and answer.rule == _WAITING and 0 < (wait := answer.retry_after_seconds or 0) <= left:
            time.sleep(wait)
            left -= wait
            answer = decided(error, context, target, url)
        if answer is None or answer.allowed:
            return
    except AirflowTaskTimeout as timeout:
        raise AirflowFailException(
            "the task's time ended before the gate's answer, or the wait it asks for"
        ) from timeout
    raise AirflowFailException(said(answer)) from error


def _context() -> Any:
    try:
        return get_current_context()
    except Exception:  # noqa: BLE001 - called outside a task
        return None
