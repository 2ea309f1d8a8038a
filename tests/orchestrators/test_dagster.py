"""Real Dagster: an op with a retry policy is retried only where the gate allows it (``make test-dagster``)."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from pipetriage.errors import ConfigError
from tests.orchestrators.conftest import Example
from tests.orchestrators.gate_server import LATER, NO, YES, Gate

dagster = pytest.importorskip("dagster", reason="Dagster: make test-dagster")

from pipetriage.entrypoints.dagster import gated, require_readable  # noqa: E402 - it imports Dagster


class GlueFailedError(Exception):
    run_id = "jr_1"


def played(body: Callable[[Any], None], target: Any = None, **limits: Any) -> tuple[list[int], Any]:
    """Run a job of one op whose policy is three retries; give the attempts' numbers and the result."""
    attempts: list[int] = []

    @dagster.op(retry_policy=dagster.RetryPolicy(max_retries=3))
    @gated(target or (lambda context, error: f"glue:orders/{error.run_id}"), **limits)
    def orders(context) -> None:  # type: ignore[no-untyped-def]
        attempts.append(context.retry_number)
        body(context)

    @dagster.job
    def daily() -> None:
        orders()

    return attempts, daily.execute_in_process(raise_on_error=False)


def fails(context: Any) -> None:
    raise GlueFailedError("Exiting Job jr_1 Run State: FAILED")


def test_without_the_gate_it_would_be_retried_into_duplicates() -> None:
    attempts: list[int] = []

    @dagster.op(retry_policy=dagster.RetryPolicy(max_retries=3))
    def orders(context) -> None:  # type: ignore[no-untyped-def]
        attempts.append(context.retry_number)
        fails(context)

    @dagster.job
    def daily() -> None:
        orders()

    daily.execute_in_process(raise_on_error=False)
    assert attempts == [0, 1, 2, 3]


@pytest.mark.parametrize("said", [NO, LATER, b"nonsense"])
def test_what_is_not_allowed_is_not_retried_and_says_why(gate: Gate, said: Any) -> None:
    gate.answers(said)
    attempts, result = played(fails)
    assert (attempts, result.success) == ([0], False)
    told = str(result.failure_data_for_node("orders").error)
    assert "does not allow a retry" in told
    assert (said["reason"] if isinstance(said, dict) else "CANNOT_ANSWER") in told


def test_what_is_allowed_is_retried_and_asked_for_each_time(gate: Gate) -> None:
    gate.answers(YES, YES, NO)
    attempts, _ = played(fails)
    assert attempts == [0, 1, 2]
    askers = [one["asker"] for one in gate.asked]
    assert len(set(askers)) == 3, "each is a retry of its own"


def test_it_ends_well_after_an_allowed_retry(gate: Gate) -> None:
    gate.answers(YES)
    attempts, result = played(lambda context: fails(context) if context.retry_number == 0 else None)
    assert (attempts, result.success) == ([0, 1], True)


def test_the_last_attempt_asks_for_nothing(gate: Gate) -> None:
    gate.answers(YES)
    attempts, _ = played(fails)
    assert attempts == [0, 1, 2, 3]
    assert len(gate.asked) == 3


def test_where_the_ops_policy_has_retries_left_ours_are_the_last(gate: Gate) -> None:
    gate.answers(YES)
    attempts, result = played(fails, max_retries=1)
    assert (attempts, len(gate.asked), result.success) == ([0, 1], 1, False)


def test_an_op_that_fails_in_dagsters_own_words_is_asked_about_too(gate: Gate) -> None:
    def fails_so(context: Any) -> None:
        raise dagster.Failure("Glue run jr_1 FAILED")

    gate.answers(NO)
    attempts, _ = played(fails_so, target=lambda context, error: "glue:orders/jr_1")
    assert (attempts, len(gate.asked)) == ([0], 1)


def test_a_yes_that_holds_from_later_on_is_waited_for(gate: Gate) -> None:
    gate.answers({**YES, "retry_after_seconds": 2}, NO)
    began = time.monotonic()
    attempts, _ = played(fails)
    assert attempts == [0, 1]
    assert time.monotonic() - began >= 2
    assert gate.asked[0]["can_wait"]


def test_an_op_that_takes_no_context_asks_for_each_retry_by_itself(gate: Gate) -> None:
    gate.answers(YES)
    ran: list[None] = []

    @dagster.op
    @gated(lambda context, error: f"glue:orders/{error.run_id}")  # type: ignore[attr-defined]
    def orders() -> None:
        ran.append(None)
        fails(None)

    @dagster.job
    def daily() -> None:
        orders()

    daily.execute_in_process(raise_on_error=False)
    assert len(ran) == 4
    assert len({one["asker"] for one in gate.asked}) == 3


def test_what_could_not_be_gated_is_refused_at_once() -> None:
    def yields():  # type: ignore[no-untyped-def]
        yield dagster.Output(1)

    async def waits() -> None: ...

    for body in (yields, waits):
        with pytest.raises(ConfigError, match="only a plain function"):
            gated(lambda context, error: None)(body)


def test_a_failure_before_any_run_is_dagsters(gate: Gate) -> None:
    gate.answers(NO)
    attempts, _ = played(fails, target=lambda context, error: None)
    assert (attempts, gate.asked) == ([0, 1, 2, 3], [])


def test_a_run_that_cannot_be_found_out_is_not_retried(gate: Gate) -> None:
    gate.answers(YES)
    attempts, _ = played(fails, target=lambda context, error: error.no_such_thing)
    assert (attempts, gate.asked) == ([0], [])


def test_a_table_that_is_not_to_be_read_fails_the_reader(gate: Gate) -> None:
    gate.answers(NO, YES)
    with pytest.raises(dagster.Failure, match="not to be read"):
        require_readable("a.b")
    require_readable("a.b")


@pytest.mark.parametrize(("said", "runs"), [(NO, 1), (YES, 3)])
def test_the_example_starts_a_run_again_only_with_a_yes(gate: Gate, example: Example, said: Any, runs: int) -> None:
    gate.answers(said)
    with example("orders_dagster") as (module, glue):
        assert not module.daily.execute_in_process(raise_on_error=False).success
    assert glue.started == {"orders_daily": runs}
    assert len(gate.asked) == min(runs, 2)
