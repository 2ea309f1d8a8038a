"""Airflow 3.3: a Glue job that is retried only where the gate allows it, and a reader that waits for a whole table.

Put this file into the DAG folder and PIPETRIAGE_URL into the workers' environment.
"""

import datetime

from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.sdk import dag, task

from pipetriage.entrypoints.airflow.retry_policy import GateRetryPolicy
from pipetriage.entrypoints.airflow.sensor import ReadSensor


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
def orders() -> None:
    """One batch, and its report."""
    daily = GlueJobOperator(
        task_id="orders_daily",
        job_name="orders_daily",
        job_poll_interval=1,
        retries=2,
        retry_delay=datetime.timedelta(0),
        retry_policy=GateRetryPolicy(),
        # A throttled StartJobRun that boto3 has not repeated is known to have started nothing, and may be retried.
        botocore_config={"retries": {"total_max_attempts": 1}},
    )
    whole = ReadSensor(task_id="orders_whole", table="analytics.orders", mode="reschedule", timeout=4 * 3600)

    @task
    def report() -> None:
        """Read the table."""

    daily >> whole >> report()


orders()
