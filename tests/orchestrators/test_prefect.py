"""Real Prefect: a task with retries is retried only where the gate allows it (``make test-prefect``)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.orchestrators.conftest import Example
from tests.orchestrators.gate_server import LATER, NO, YES, Gate

prefect = pytest.importorskip("prefect", reason="Prefect: make test-prefect")

from prefect.testing.utilities import prefect_test_harness  # noqa: E402 - it may not be there

from pipetriage.entrypoints.prefect import allowed_by_gate, require_readable  # noqa: E402 - it imports Prefect


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """Prefect's own server, on a database of its own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


class GlueFailedError(Exception):
    run_id = "jr_1"


def times(condition: Any, ends_well_after: int = 99) -> tuple[int, bool]:
    """Run a flow of one task with three retries; give how often it ran, and whether the flow ended well."""
    ran: list[None] = []

    @prefect.task(retries=3, retry_condition_fn=condition)
    def orders() -> None:
        ran.append(None)
        if len(ran) <= ends_well_after:
            raise GlueFailedError("Run State: FAILED")

    @prefect.flow
    def daily() -> None:
        orders()

    state = daily(return_state=True)
    return len(ran), state.is_completed()


def gate_of(error: Any) -> str:
    return f"glue:orders/{error.run_id}"


def test_without_the_gate_it_would_be_retried_into_duplicates() -> None:
    assert times(None)[0] == 4


@pytest.mark.parametrize("said", [NO, LATER, b"nonsense"])
def test_what_is_not_allowed_is_not_retried(gate: Gate, said: Any) -> None:
    gate.answers(said)
    assert times(allowed_by_gate(gate_of)) == (1, False)
    assert gate.asked[0]["target"] == "glue:orders/jr_1"


def test_what_is_allowed_is_retried_and_asked_for_each_time(gate: Gate) -> None:
    gate.answers(YES, NO)
    assert times(allowed_by_gate(gate_of)) == (2, False)
    assert len({one["asker"] for one in gate.asked}) == 2


def test_it_ends_well_after_an_allowed_retry(gate: Gate) -> None:
    gate.answers(YES)
    assert times(allowed_by_gate(gate_of), ends_well_after=1) == (2, True)


def test_a_failure_before_any_run_is_prefects(gate: Gate) -> None:
    gate.answers(NO)
    assert times(allowed_by_gate(lambda error: None))[0] == 4
    assert gate.asked == []


def test_a_run_that_cannot_be_found_out_is_not_retried(gate: Gate) -> None:
    gate.answers(YES)
    assert times(allowed_by_gate(lambda error: error.no_such_thing))[0] == 1  # type: ignore[attr-defined]


def test_a_table_that_is_not_to_be_read_fails_the_reader(gate: Gate) -> None:
    gate.answers(NO, YES)
    with pytest.raises(PermissionError, match="not to be read"):
        require_readable("a.b")
    require_readable("a.b")


@pytest.mark.parametrize(("said", "runs"), [(NO, 1), (YES, 3)])
def test_the_example_starts_a_run_again_only_with_a_yes(gate: Gate, example: Example, said: Any, runs: int) -> None:
    gate.answers(said)
    with example("orders_prefect") as (module, glue):
        assert module.daily(return_state=True).is_failed()
    assert glue.started == {"orders_daily": runs}
    assert len(gate.asked) == min(runs, 2)
