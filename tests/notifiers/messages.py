"""Messages for tests: everything has a default."""

from datetime import UTC, datetime
from typing import Any

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.message import Message, Severity, What

NIGHT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "what": What.VERDICT,
        "topic": "bat_1",
        "title": "orders_daily, batch 2026-11-22: not safe to retry",
        "verdict": "NOT SAFE TO RETRY",
        "safe_to_retry": False,
        "severity": Severity.ERROR,
        "cause": "SCHEMA_DRIFT / NEW_COLUMN: the input has a column discount_code that the table lacks",
        "why": ["sales.orders_staging holds 9 of 12 partitions, which a rerun would write a second time"],
        "written": ["sales.orders: nothing", "sales.orders_staging (staging): PARTIAL, 9 of 12 partitions"],
        "exposed": ["CONFIRMED: revenue_report (bi-team) read it at 03:20 UTC"],
        "next_step": "Quarantine the batch, review the schema contract, rerun with the same batch id after validation.",
        "approver": "data-contract owner",
        "because": "SCHEMA_DRIFT goes to the data-contract owner",
        "queue": "data-contract owner",
        "owner": "sales-data",
        "link": "https://triage.example/incidents/inc_1",
        "incident_id": "inc_1",
        "pipeline": "orders_daily",
        "batch_id": "2026-11-22",
        "job_run_id": "jr_1",
        "status": "FAILED",
        "category": Category.SCHEMA_DRIFT,
        "failure_mode": FailureMode.NEW_COLUMN,
        "confidence": 0.95,
        "fingerprint": "fp_1",
        "table": "sales.orders_staging",
        "as_of": NIGHT,
        "created_at": NIGHT,
    }
    return Message(**fields | changes)
