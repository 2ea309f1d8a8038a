"""What clears a table for its readers, by the stored incidents: a success alone does not."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace

from pipetriage.gatekeeper import Gatekeeper
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Output
from pipetriage.model.write_state import Commit, WriteState, WriteStatus
from pipetriage.stores import IncidentStore, open_store
from tests.stores.conftest import MORNING, MakeIncident, make_incident

__all__ = ["make_incident"]


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return open_store(str(tmp_path / "incidents.db"))


def gate(store: IncidentStore, write_mode: Any = "append") -> Gatekeeper:
    def no_triage(target: str) -> NoReturn:
        raise AssertionError("a reader's question needs no triage")

    outputs = {"orders_daily": [Output(table="sales.orders", write_mode=write_mode)]}
    return Gatekeeper(no_triage, lambda: store, lambda: MORNING, written=outputs)


def wrote(incident: Incident, status: WriteStatus, *runs: str, role: str = "target", **changes: Any) -> Incident:
    commits = [Commit(snapshot=str(n), run=run, committed_at=MORNING, records=1, files=1) for n, run in enumerate(runs)]
    state = WriteState(table="glue.sales.orders", role=role, format="iceberg", status=status, commits=commits)
    return replace(incident, write_state=[replace(state, **changes)])


@pytest.mark.parametrize(
    ("mode", "runs", "allowed"),
    [
        ("append", ["jr_1", "jr_2"], False),
        ("append", ["jr_2", None], False),
        (None, ["jr_1", "jr_2"], False),
        ("merge", ["jr_1", "jr_2"], False),
        ("append", ["jr_2"], True),
        ("overwrite_partitions", ["jr_1", "jr_2"], True),
    ],
)
@pytest.mark.parametrize("status", ["COMPLETE", "PARTIAL"])
def test_a_success_clears_its_batch_only_if_nothing_can_be_there_twice(
    status: str, mode: Any, runs: list[str], allowed: bool, store: IncidentStore, make_incident: MakeIncident
) -> None:
    """PARTIAL is what a success is called whose partitions nobody declared."""
    store.save(wrote(make_incident("jr_1"), WriteStatus.PARTIAL, "jr_1"))
    success = make_incident("jr_2", minute=30, attempt=1, status="SUCCEEDED")
    store.save(wrote(success, WriteStatus(status), *runs))
    answer = gate(store, mode).read("sales.orders")
    assert answer.allowed is allowed
    assert answer.rule == ("CLEAR" if allowed else "REPEATED_ROWS")


def test_a_success_that_left_declared_partitions_out_stops_readers(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    success = make_incident("jr_2", status="SUCCEEDED")
    store.save(wrote(success, WriteStatus.PARTIAL, "jr_2", partitions_expected=12, partitions_written=9))
    assert gate(store).read("sales.orders").rule == "PARTIAL_DATA"


def test_a_success_that_wrote_nothing_itself_clears_nothing(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(wrote(make_incident("jr_2", attempt=1, status="SUCCEEDED"), WriteStatus.PARTIAL, "jr_1"))
    assert gate(store).read("sales.orders").rule == "PARTIAL_DATA"


def test_what_is_staged_beside_a_target_that_is_in_order_stops_nobody(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    incident = wrote(make_incident("jr_1"), WriteStatus.PARTIAL, "jr_1", role="staging")
    target = replace(incident.write_state[0], role="target", status=WriteStatus.NOT_STARTED, commits=[])
    store.save(replace(incident, write_state=[*incident.write_state, target]))
    assert gate(store).read("sales.orders").allowed
