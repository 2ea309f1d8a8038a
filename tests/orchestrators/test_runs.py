"""Which run a failed task of Airflow's is of: where that is not proven, there is no answer, and so no retry."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from pipetriage.entrypoints.airflow.runs import UnknownRunError, run_of

RUN, OTHER = "jr_" + "a" * 64, "jr_" + "b" * 64


def operator(run: str | None = None) -> Any:
    """GlueJobOperator, as far as it is looked at."""
    return SimpleNamespace(job_name="orders", _job_run_id=run)


def refusal(status: int = 400, attempts: int | None = 0, operation: str = "StartJobRun") -> ClientError:
    told: Any = {"HTTPStatusCode": status} | ({} if attempts is None else {"RetryAttempts": attempts})
    error: Any = {"Code": "ConcurrentRunsExceededException", "Message": "no"}
    return ClientError({"Error": error, "ResponseMetadata": told}, operation)


def context(pushed: Any, task: Any = None, map_index: int = -1) -> Any:
    """What Airflow hands over; ``pushed`` by key and index of the task instance."""

    def xcom_pull(key: str, task_ids: str, map_indexes: int) -> Any:
        assert task_ids == "orders"
        return pushed.get((key, map_indexes))

    return {
        "task": task or operator(),
        "ti": SimpleNamespace(task_id="orders", map_index=map_index, xcom_pull=xcom_pull),
    }


def test_a_refused_start_is_of_no_run() -> None:
    assert run_of(refusal(), context({})) is None


@pytest.mark.parametrize(
    "error",
    [
        refusal(attempts=4),
        refusal(attempts=None),
        refusal(status=500),
        refusal(operation="GetJobRun"),
        ReadTimeoutError(endpoint_url="https://glue"),
        ValueError("who knows"),
    ],
    ids=["repeated", "not said how often", "fault of AWS", "another call", "no answer", "anything else"],
)
def test_what_does_not_prove_that_no_run_was_started_is_not_taken_for_it(error: Exception) -> None:
    with pytest.raises(UnknownRunError):
        run_of(error, context({}))


def test_a_run_that_was_started_goes_before_a_refusal_on_the_way_to_it() -> None:
    error = ValueError("later")
    error.__context__ = refusal()
    assert run_of(error, context({}, operator(RUN))) == f"glue:orders/{RUN}"


def test_the_operator_that_ran_goes_before_the_contexts_copy_of_it() -> None:
    assert run_of(ValueError(), context({}, operator()), operator(RUN)) == f"glue:orders/{RUN}"


def test_an_exception_that_names_two_runs_names_none() -> None:
    with pytest.raises(UnknownRunError):
        run_of(ValueError(f"{RUN} after {OTHER}"), context({}))
    assert run_of(ValueError(f"Exiting Job {RUN} Run State: FAILED"), context({})) == f"glue:orders/{RUN}"


@pytest.mark.parametrize("key", ["glue_job_run_id", "glue_job_run_details"])
def test_another_instance_of_a_mapped_task_is_not_taken_for_this_one(key: str) -> None:
    value = RUN if key == "glue_job_run_id" else {"job_run_id": RUN}
    pushed = {(key, 1): value}
    assert run_of(ValueError(), context(pushed, map_index=1)) == f"glue:orders/{RUN}"
    with pytest.raises(UnknownRunError):
        run_of(ValueError(), context(pushed, map_index=2))
