"""One task for each way of asking, each of which appends to a table (a file) and then fails, and one that does not."""

import datetime
import os
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, dag, task

from pipetriage.entrypoints.airflow.gated import GateMixin, gated
from pipetriage.entrypoints.airflow.retry_policy import AsksFirst, GateRetryPolicy
from pipetriage.entrypoints.airflow.sensor import ReadSensor

RUN = "jr_0123456789abcdef0123456789abcdef"
THREE: dict[str, Any] = {"retries": 3, "retry_delay": datetime.timedelta(0)}


class GlueFailedError(Exception):
    run_id = RUN


def append_half(table: str) -> None:
    """Do what a job does that appends half of its batch and dies."""
    with Path(os.environ["LAKE"], table).open("a") as file:
        file.write("half a batch\n")
    raise GlueFailedError(f"Exiting Job {RUN} Run State: FAILED")


class Operator(BaseOperator):  # type: ignore[misc] # Airflow is not in our environment
    """Stands for GlueJobOperator: it knows the run that it started, and raises without Glue's message."""

    job_name = "orders_daily"

    def execute(self, context: Any) -> None:
        self._job_run_id = RUN
        append_half(self.task_id)


class GatedOperator(GateMixin, Operator):
    gate_max_wait = 2.0


class AskingOperator(AsksFirst, Operator):
    pass


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
def gated_runs() -> None:
    @task(**THREE)
    def alone() -> None:
        append_half("alone")

    @task(retry_policy=GateRetryPolicy(), **THREE)
    def unknown() -> None:
        with Path(os.environ["LAKE"], "unknown").open("a") as file:
            file.write("half a batch\n")
        raise ValueError("who knows which run")

    @task(**THREE)
    @gated(lambda error, context: f"glue:orders_daily/{error.run_id}", max_wait=2.0)  # type: ignore[attr-defined]
    def decorated() -> None:
        append_half("decorated")

    alone()
    unknown()
    decorated()
    Operator(task_id="policy", retry_policy=GateRetryPolicy(), **THREE)
    GatedOperator(task_id="mixin", **THREE)


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
def asking_runs() -> None:
    AskingOperator(task_id="asking", retry_policy=GateRetryPolicy(asks_first=True), **THREE)


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
def waiting_runs() -> None:
    GatedOperator(task_id="waiting", **THREE)


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
def gated_reader() -> None:
    @task
    def report() -> None:
        with Path(os.environ["LAKE"], "report").open("a") as file:
            file.write("read\n")

    ReadSensor(task_id="whole", table="analytics.orders", poke_interval=0.2, timeout=5) >> report()


gated_runs()
asking_runs()
waiting_runs()
gated_reader()
