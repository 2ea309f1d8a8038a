"""Dagster: a Glue job that is retried only where the gate allows it.

PIPETRIAGE_URL=http://127.0.0.1:8080 dagster job execute -f examples/orders_dagster.py
"""

from dagster import job, op
from glue_run import run_to_end

from pipetriage.entrypoints.dagster import gated


@op
@gated(lambda context, error: f"glue:orders_daily/{error.run_id}", max_retries=2)  # type: ignore[attr-defined]
def orders_daily() -> str:
    """Run the job of that name in Glue. The op needs no RetryPolicy: the gate's yes is its retry."""
    return run_to_end("orders_daily")


@job
def daily() -> None:
    """One batch."""
    orders_daily()
