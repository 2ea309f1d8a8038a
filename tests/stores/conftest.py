from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipetriage.model.categories import CATEGORY_OF, FailureMode
from pipetriage.model.incident import Classifier, Incident, Recurrence, Route
from pipetriage.model.write_state import Rerun, RerunDecision, WriteState, WriteStatus
from pipetriage.stores import IncidentStore, open_store
from tests.emulated.fixtures import account, aws_environment, emulator
from tests.emulated.incident_table import make_table
from tests.emulated.postgres import Server, postgres_server

__all__ = ["account", "aws_environment", "emulator"]

MORNING = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

MakeIncident = Callable[..., Incident]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests of a process; it takes some seconds to start."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql", "dynamodb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty store of each kind. A server is started for the first test that needs it."""
    return empty_store(request, tmp_path)


def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty store of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'incidents.db'}"
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").empty())
    return make_table(request.getfixturevalue("account"))


@pytest.fixture
def store(url: str) -> IncidentStore:
    return open_store(url)


@pytest.fixture
def make_incident() -> MakeIncident:
    """Make the incident of one run: ``run`` names it, everything else has a default."""

    def make(run: str = "jr_1", *, minute: int = 0, batch: str = "2026-11-22", **changes: Any) -> Incident:
        at = MORNING + timedelta(minutes=minute)
        mode = changes.get("failure_mode", FailureMode.NEW_COLUMN)
        tables = changes.pop("tables", {"sales.orders": WriteStatus.PARTIAL})
        fields: dict[str, Any] = {
            "pipeline_name": "orders_daily",
            "job_run_id": run,
            "status": "FAILED",
            "failure_category": CATEGORY_OF[mode],
            "likely_root_cause": "the input has a column that the schema lacks",
            "affected_source_path": None,
            "affected_table": "sales.orders",
            "safe_to_retry": False,
            "recommended_action": "quarantine the batch",
            "confidence": 0.9,
            "incident_id": f"inc_{run}",
            "batch_id": batch,
            "batch_key": f"bat_{batch}",
            "attempt": 1,
            "failure_mode": mode,
            "created_at": at,
            "as_of": at,
            "started_at": at,
            "ended_at": at,
            "rerun": Rerun(decision=RerunDecision.UNSAFE, reasons=[]),
            "write_state": [
                WriteState(table=name, role="target", format="iceberg", status=status)
                for name, status in tables.items()
            ],
            "exposure": [],
            "evidence": [],
            "gaps": [],
            "findings": [],
            "alternatives": [],
            "recommended_steps": [],
            "options": [],
            "route": Route(queue="data-contract owner", owner=None, reason="schema", also=[]),
            "needs_human_review": True,
            "fingerprint": "fp_new_column",
            "changed_since_last_good": [],
            "recurrence": Recurrence(count=1, first_seen=at, last_seen=at, last_resolution=None),
            "classifier": Classifier(rules_version="1", seconds=minute / 7),
        }
        return Incident(**{**fields, **changes})

    return make
