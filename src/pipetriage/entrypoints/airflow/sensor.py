"""A sensor that lets a reader go on once no open incident leaves part of a batch in the table that it is about to read.

ReadSensor(task_id="orders_whole", table="analytics.orders", mode="reschedule", poke_interval=300, timeout=4 * 3600)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipetriage.entrypoints.gate_client import ask_read

try:
    from airflow.sdk import BaseSensorOperator
except ImportError:  # Airflow 2
    from airflow.sensors.base import BaseSensorOperator


class ReadSensor(BaseSensorOperator):  # type: ignore[misc] # Airflow is not in our environment
    """Asks the gate at each poke. What it cannot tell is as ``[gate] readers`` says: by default, not yet."""

    template_fields: Sequence[str] = ("table",)

    def __init__(self, *, table: str, url: str | None = None, **named: Any) -> None:
        super().__init__(**named)
        self.table = table
        self.url = url

    def poke(self, context: Any) -> bool:
        """Ask once."""
        answer = ask_read(self.table, url=self.url)
        self.log.info("%s: %s: %s", self.table, answer.rule, answer.reason)
        return answer.allowed
