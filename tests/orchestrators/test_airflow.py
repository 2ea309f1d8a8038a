"""Real Airflow: its task runner asks the gate before a retry, which else would append half a batch once more."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrators.airflow_home import home, run  # noqa: F401 - home is a fixture
from tests.orchestrators.gate_server import LATER, NO, YES, Gate

pytest.importorskip("airflow", reason="Airflow: make test-airflow")

WAYS = ("policy", "mixin", "decorated")


@pytest.fixture
def played(home: Path, tmp_path: Path, gate: Gate) -> Callable[..., tuple[dict[str, int], str]]:  # noqa: F811
    """Play a DAG; give how often each table was appended to, and what was said."""

    def play(dag: str, *said: Any) -> tuple[dict[str, int], str]:
        gate.answers(*said)
        told = run(home, "dags", "test", dag, LAKE=str(tmp_path))
        wrote = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
        return wrote, told.stdout + told.stderr

    return play


def test_what_is_not_allowed_is_not_written_twice(played: Any, gate: Gate) -> None:
    wrote, told = played("gated_runs", NO)
    assert wrote.pop("alone") == 4, "without us it is retried into duplicates"
    assert wrote == dict.fromkeys((*WAYS, "unknown"), 1)
    assert "OUTPUT_REPEATED: 9 of 12 partitions are there" in told
    assert "which run failed cannot be found out" in told
    assert {one["target"] for one in gate.asked} == {"glue:orders_daily/jr_0123456789abcdef0123456789abcdef"}
    assert len(gate.asked) == len(WAYS)


def test_what_is_allowed_is_retried_and_each_time_asked_for(played: Any, gate: Gate) -> None:
    wrote, _ = played("gated_runs", YES)
    assert {way: wrote[way] for way in WAYS} == dict.fromkeys(WAYS, 4)
    assert wrote["unknown"] == 1
    assert len(gate.asked) == 3 * len(WAYS), "the last attempts ask for nothing"
    assert len({one["asker"] for one in gate.asked}) == 3 * len(WAYS), "each is a retry of its own"
    assert len([one for one in gate.asked if one["can_wait"]]) == 3, "only the policy can put a retry off"


@pytest.mark.parametrize("said", [LATER, b"nonsense"])
def test_whatever_is_no_clear_yes_is_a_no(played: Any, said: Any) -> None:
    wrote, _ = played("gated_runs", said)
    assert {way: wrote[way] for way in WAYS} == dict.fromkeys(WAYS, 1)


SOON = {**LATER, "reason": "still waiting for the input", "retry_after_seconds": 1}
LOOKED = {**NO, "rule": "NOT_GIVEN", "reason": "every rule holds, but who only looks is given none"}


@pytest.mark.parametrize(
    ("said", "times"),
    [
        ((SOON, NO), 1),
        ((SOON, SOON, NO), 1),
        ((SOON, SOON, SOON, YES), 2),
        ((LOOKED, YES, NO), 2),
        ((NO,), 1),
        ((b"nonsense",), 1),
    ],
)
def test_an_attempt_asks_first_where_nobody_can_promise_a_yes(played: Any, gate: Gate, said: Any, times: int) -> None:
    wrote, _ = played("asking_runs", *said)
    assert wrote == {"asking": times}
    looked = [one.get("looks", False) for one in gate.asked]
    assert looked[0], "the policy uses up no yes"
    assert not any(looked[1 : len(said)]) or said[-1] is NO
    assert not any(one["can_wait"] for one in gate.asked)


@pytest.mark.parametrize(("said", "times"), [((SOON, SOON, NO), 1), ((SOON, YES, NO), 2), ((SOON, SOON, SOON), 1)])
def test_a_worker_waits_as_long_as_it_may_and_asks_again(played: Any, gate: Gate, said: Any, times: int) -> None:
    wrote, _ = played("waiting_runs", *said)
    assert wrote == {"waiting": times}
    assert len(gate.asked) == 3
    assert not any(one["can_wait"] for one in gate.asked), "no yes is given for later, and so none is used up"


def test_a_reader_waits_until_the_table_is_whole(played: Any, gate: Gate) -> None:
    wrote, _ = played("gated_reader", NO, NO, YES)
    assert wrote == {"report": 1}
    assert [one["table"] for one in gate.asked] == ["analytics.orders"] * 3


def test_a_reader_does_not_run_while_it_is_not(played: Any) -> None:
    wrote, _ = played("gated_reader", NO)
    assert wrote == {}
