"""Dagster: an op whose retries are the gate's to allow, and an op that waits until a table may be read.

    from pipetriage.entrypoints.dagster import gated

    @op
    @gated(lambda context, error: f"glue:orders_daily/{error.run_id}")
    def orders_daily(context): ...

Dagster retries an op that raises ``RetryRequested``, and does not retry one that raises
``Failure(allow_retries=False)`` (docs.dagster.io, "Op retries"), whatever its ``RetryPolicy``. Tried with Dagster 1.13.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from dagster import DagsterInvariantViolationError, Failure, OpExecutionContext, RetryRequested

from pipetriage.entrypoints.gate_client import ask, ask_read
from pipetriage.errors import ConfigError

MAX_RETRIES = 3
"""How often an op is retried at most: a pipeline's ``max_attempts`` by default. The gate allows each one by itself."""


def gated(
    target: Callable[[Any, BaseException], str | None], *, max_retries: int = MAX_RETRIES, url: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have the gate asked when the op fails.

    ``target`` gives the run that failed, from the op's context and what it raised; None where no run was started, and
    then the failure is Dagster's to judge. The answer's reason is the failure's description.

    Raises:
        ConfigError: the function is async or a generator, which would fail where nobody asks the gate.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
        if any(kind(function) for kind in kinds):
            raise ConfigError(f"{function.__name__} is async or yields: only a plain function can be gated")

        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            try:
                return function(*arguments, **named)
            except RetryRequested:
                raise  # the op has decided by itself
            except Exception as error:
                if isinstance(error, Failure) and not error.allow_retries:
                    raise
                context = _context(arguments)
                failed = _run_of(target, context, error)
                if failed is None:
                    raise
                _decide(failed, context, error, max_retries, url)

        return run

    return decorate


def _context(arguments: tuple[Any, ...]) -> Any:
    """Give the op's context, whether or not the op takes it as an argument."""
    try:
        return OpExecutionContext.get()
    except DagsterInvariantViolationError:
        return arguments[0] if arguments else None  # called by hand


def _run_of(target: Callable[[Any, BaseException], str | None], context: Any, error: Exception) -> str | None:
    try:
        return target(context, error)
    except Exception as trouble:  # noqa: BLE001 - whatever the caller's function does, it is a no
        said = f"which run failed cannot be found out ({type(trouble).__name__}), so pipetriage allows no retry"
        raise Failure(description=said, allow_retries=False) from error


def _decide(failed: str, context: Any, error: Exception, max_retries: int, url: str | None) -> None:
    number = getattr(context, "retry_number", 0)
    if number >= max_retries:  # not asked: a yes would be used up. The op's own policy may have some retries left.
        raise Failure(
            description=f"{max_retries} retries were allowed, no more are asked for", allow_retries=False
        ) from error
    asker = f"dagster/{getattr(context, 'run_id', '?')}/{failed}/{number}"
    answer = ask(failed, asker=asker, can_wait=True, url=url)
    said = f"{answer.rule}: {answer.reason}"
    if answer.allowed:
        raise RetryRequested(max_retries=max_retries, seconds_to_wait=answer.retry_after_seconds) from error
    if answer.retry_after_seconds:
        # Asked again at the op's own next attempt would be too late: it would have run. So it is not run again.
        said += f" (not yet: it may be asked again in {answer.retry_after_seconds} s)"
    raise Failure(description=f"pipetriage does not allow a retry. {said}", allow_retries=False) from error


def require_readable(table: str, *, url: str | None = None) -> None:
    """Raise where a table may hold part of a failed batch: for the beginning of an op that reads it.

    Raises:
        Failure: it may; Dagster's own retries are left to it, since the table may be whole by then.
    """
    answer = ask_read(table, url=url)
    if not answer.allowed:
        raise Failure(description=f"{table} is not to be read now. {answer.rule}: {answer.reason}")
