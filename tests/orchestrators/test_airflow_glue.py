"""Real Airflow's own GlueJobOperator, over a Glue on loopback: polling, deferred, out of time, refused."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.orchestrators.airflow_home import home, run  # noqa: F401 - home is a fixture
from tests.orchestrators.gate_server import NO, YES, Gate, gate_server
from tests.orchestrators.glue_server import glue_server, run_id

airflow = pytest.importorskip("airflow", reason="Airflow: make test-airflow")

NEW = tuple(map(int, airflow.__version__.split(".")[:2])) >= (3, 3)
"""make test-airflow has 3.3; the same tests are for older versions, in environments made by hand."""
WAYS = ("mixin", "policy") if NEW else ("mixin",)
ENDS = ("fails", "deferred") if NEW else ("fails",)


class Played:
    """What came of a DAG with one answer of the gate."""

    def __init__(self, place: Path, said: Any, dag: str = "glue_runs") -> None:
        with gate_server() as gate, glue_server() as glue:
            gate.answers(said)
            keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
            told = run(
                place,
                *("dags", "test", dag),
                **keys,
                PIPETRIAGE_URL=gate.url,
                AWS_ENDPOINT_URL=glue.url,
                AWS_DEFAULT_REGION="eu-west-1",
                AWS_EC2_METADATA_DISABLED="true",
                AIRFLOW_CONN_AWS_DEFAULT=f"aws://?region_name=eu-west-1&endpoint_url={glue.url.replace('/', '%2F')}",
            )
            self.told = told.stdout + told.stderr
            self.asked = Counter(one["target"] for one in gate.asked)
            self.started, self.refused = glue.started, glue.refused


@pytest.fixture(scope="module")
def refused(home: Path) -> Played:  # noqa: F811
    return Played(home, NO)


@pytest.fixture(scope="module")
def allowed(home: Path) -> Played:  # noqa: F811
    return Played(home, YES)


def test_without_us_a_failed_run_is_started_again(refused: Played) -> None:
    assert refused.started["alone"] == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ENDS)
def test_a_run_that_may_have_written_is_started_once_and_asked_about(refused: Played, way: str, how: str) -> None:
    job = f"{way}_{how}"
    assert refused.started[job] == 1
    assert refused.asked[f"glue:{job}/{run_id(job, 1)}"] == 1


def test_a_task_that_is_out_of_time_has_left_a_run_and_is_asked_about(home: Path) -> None:  # noqa: F811
    played = Played(home, NO, "glue_hangs")
    assert played.started == {f"{way}_hangs": 1 for way in WAYS}
    assert played.asked == {f"glue:{way}_hangs/{run_id(f'{way}_hangs', 1)}": 1 for way in WAYS}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ENDS)
def test_with_a_yes_it_is_started_again_and_the_last_is_not_asked_about(allowed: Played, way: str, how: str) -> None:
    job = f"{way}_{how}"
    assert allowed.started[job] == 2
    assert [allowed.asked[f"glue:{job}/{run_id(job, number)}"] for number in (1, 2)] == [1, 0]


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_start_is_airflows_to_retry(refused: Played, way: str) -> None:
    assert refused.refused[f"{way}_refused"] == 2
    assert not [target for target in refused.asked if "_refused" in target]


@pytest.mark.parametrize("way", WAYS)
def test_a_start_whose_answer_was_lost_is_not_retried(allowed: Played, way: str) -> None:
    """boto3 has repeated it, so that there may be a run, of which nobody knows the id: no yes could be asked for."""
    assert 1 < allowed.started[f"{way}_faulty"] <= 5, "the requests of one attempt"
    assert not [target for target in allowed.asked if "_faulty" in target]


def test_a_task_that_exits_is_asked_about(refused: Played, allowed: Played) -> None:
    assert (refused.asked["glue:exits/jr_1"], allowed.asked["glue:exits/jr_1"]) == (1, 1)


def test_a_task_that_is_skipped_is_no_failure(refused: Played) -> None:
    assert refused.asked["glue:skips/jr_1"] == 0
    assert "after the skip" in refused.told


@pytest.mark.parametrize(
    "pushed", [{"glue_job_run_id": run_id("orders", 1)}, {"glue_job_run_details": {"job_run_id": run_id("orders", 1)}}]
)
def test_a_trigger_that_failed_names_no_run_and_xcom_does(gate: Gate, pushed: dict[str, Any]) -> None:
    from airflow.exceptions import AirflowFailException
    from airflow.providers.amazon.aws.operators.glue import GlueJobOperator

    from pipetriage.entrypoints.airflow.gated import GateMixin

    class Gated(GateMixin, GlueJobOperator):  # type: ignore[misc] # Airflow is not in our environment
        pass

    def xcom_pull(key: str, task_ids: str, map_indexes: int) -> Any:
        return pushed.get(key) if (task_ids, map_indexes) == ("orders", 7) else None

    gate.answers(NO)
    ti = SimpleNamespace(task_id="orders", map_index=7, try_number=1, max_tries=1, xcom_pull=xcom_pull)
    operator = Gated(task_id="orders", job_name="orders", retries=1)
    with pytest.raises(AirflowFailException, match="OUTPUT_REPEATED"):
        operator.resume_execution("__fail__", {"error": "Trigger failure"}, {"ti": ti, "task": operator})
    assert [one["target"] for one in gate.asked] == [f"glue:orders/{run_id('orders', 1)}"]


@pytest.mark.skipif(not NEW, reason="the example is for 3.3")
def test_the_example_starts_a_run_once_and_its_reader_does_not_run(home: Path) -> None:  # noqa: F811
    played = Played(home, NO, "orders")
    assert played.started == {"orders_daily": 1}
