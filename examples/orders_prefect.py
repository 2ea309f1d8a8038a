"""Prefect: a Glue job that is retried only where the gate allows it.

PIPETRIAGE_URL=http://127.0.0.1:8080 python examples/orders_prefect.py
"""

from glue_run import run_to_end
from prefect import flow, task

from pipetriage.entrypoints.prefect import allowed_by_gate

ask_gate = allowed_by_gate(lambda error: f"glue:orders_daily/{error.run_id}")  # type: ignore[attr-defined]


@task(retries=2, retry_condition_fn=ask_gate)
def orders_daily() -> str:
    """Run the job of that name in Glue."""
    return run_to_end("orders_daily")


@flow
def daily() -> None:
    """One batch."""
    orders_daily()


if __name__ == "__main__":
    daily()
