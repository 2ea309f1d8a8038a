"""What every incident store does, run against each of them."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pipetriage.errors import TargetError
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.evidence import Evidence
from pipetriage.model.incident import Incident, to_json
from pipetriage.model.write_state import WriteStatus
from pipetriage.stores import IncidentStore, open_store

MakeIncident = Callable[..., Incident]
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_a_saved_incident_comes_back_whole(store: IncidentStore, make_incident: MakeIncident) -> None:
    saved = store.save(make_incident())

    assert saved == make_incident()
    assert store.get("inc_jr_1") == saved


def test_an_incident_is_found_by_id_prefix_and_run(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(make_incident("jr_abc", batch="a"))
    store.save(make_incident("jr_abd", batch="b"))

    assert store.get("inc_jr_abc").job_run_id == "jr_abc"
    assert store.get("inc_jr_abd").job_run_id == "jr_abd"
    assert store.get("jr_abc").incident_id == "inc_jr_abc"
    with pytest.raises(TargetError, match=r"several incidents.*inc_jr_abc, inc_jr_abd"):
        store.get("inc_jr_ab")


@pytest.mark.parametrize("reference", ["inc_nothing", "", "%", "_"])
def test_an_unknown_reference_says_where_to_look(
    store: IncidentStore, make_incident: MakeIncident, reference: str
) -> None:
    store.save(make_incident())

    with pytest.raises(TargetError, match="pipetriage incidents list"):
        store.get(reference)


def test_the_same_verdict_again_adds_no_history(store: IncidentStore, make_incident: MakeIncident) -> None:
    first = make_incident(started_at=NOON)
    seen_at_another_time = Evidence(id="E1", source="logs", locator="log", observed_at=NOON, summary="a line")
    first = msgspec.structs.replace(first, evidence=[seen_at_another_time])
    later = NOON + timedelta(hours=3)
    again = msgspec.structs.replace(
        first,
        created_at=later,
        as_of=later,
        evidence=[msgspec.structs.replace(seen_at_another_time, observed_at=later)],
        classifier=msgspec.structs.replace(first.classifier, seconds=9.0),
    )
    store.save(first)
    saved = store.save(again)

    assert saved.as_of == later
    assert saved.recurrence.count == 1
    assert saved.recurrence.last_seen == later
    assert len(store.history(first.incident_id)) == 1
    assert len(store.list()) == 1


def test_another_verdict_on_the_same_run_is_a_new_revision(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(make_incident())
    store.save(make_incident(safe_to_retry=True, recommended_action="wait"))
    store.save(make_incident())

    actions = [revision.recommended_action for revision in store.history("inc_jr_1")]
    assert actions == ["quarantine the batch", "wait", "quarantine the batch"]
    assert [incident.recommended_action for incident in store.list()] == ["quarantine the batch"]


def test_recurrence_counts_runs_with_the_same_fingerprint(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(make_incident("jr_1", batch="a"))
    store.save(make_incident("jr_2", batch="b", minute=5))
    store.save(make_incident("jr_3", batch="c", minute=7, fingerprint="fp_other"))
    saved = store.save(make_incident("jr_2", batch="b", minute=9))

    assert saved.recurrence.count == 2
    assert saved.recurrence.first_seen == make_incident().created_at
    assert saved.recurrence.last_seen == make_incident(minute=9).created_at
    assert store.get("inc_jr_1").recurrence == saved.recurrence


def test_a_later_attempt_supersedes_whatever_the_order_of_triage(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    store.save(make_incident("jr_2", minute=30, attempt=2))
    earlier = store.save(make_incident("jr_1", minute=0, created_at=NOON))

    assert earlier.superseded_by == "inc_jr_2"
    assert store.get("inc_jr_2").superseded_by is None
    assert [incident.incident_id for incident in store.incidents_of_batch("bat_2026-11-22")] == ["inc_jr_2", "inc_jr_1"]
    assert [incident.incident_id for incident in store.list(open_only=True)] == ["inc_jr_2"]


def test_lists_are_filtered_and_newest_first(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(make_incident("jr_1", batch="a"))
    store.save(make_incident("jr_2", batch="b", minute=1, pipeline_name="returns", safe_to_retry=True))
    store.save(make_incident("jr_3", batch="c", minute=2, failure_mode=FailureMode.MISSING_PATH))

    def runs(**filters: object) -> list[str]:
        return [incident.job_run_id for incident in store.list(**filters)]  # type: ignore[arg-type]

    assert runs() == ["jr_3", "jr_2", "jr_1"]
    assert runs(limit=2) == ["jr_3", "jr_2"]
    assert runs(pipeline="returns") == ["jr_2"]
    assert runs(category=Category.SOURCE_DELAY) == ["jr_3"]
    assert runs(unsafe_only=True) == ["jr_3", "jr_1"]


@pytest.mark.parametrize("status", list(WriteStatus))
def test_a_reader_is_warned_of_what_may_be_partial(
    store: IncidentStore, make_incident: MakeIncident, status: WriteStatus
) -> None:
    store.save(make_incident(tables={"Glue.Sales.Orders": status, "sales.returns": WriteStatus.NOT_STARTED}))

    unsafe = status in (WriteStatus.PARTIAL, WriteStatus.UNCERTAIN, WriteStatus.UNOBSERVED)
    for name in ("sales.orders", "SALES.ORDERS", "glue.sales.orders", "orders", "`sales`.`orders`"):
        assert bool(store.unsafe_readers(name)) is unsafe, name
    for other in ("sales.returns", "hr.orders", "sales.orders_v2", "more_orders"):
        assert not store.unsafe_readers(other), other


def test_a_reader_is_warned_by_the_latest_verdict_of_a_batch_only(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    store.save(make_incident("jr_1"))
    store.save(make_incident("jr_2", minute=30, attempt=2, tables={"sales.orders": WriteStatus.COMPLETE}))
    assert store.unsafe_readers("sales.orders") == []

    store.save(make_incident("jr_9", batch="another", minute=1))
    assert [incident.job_run_id for incident in store.unsafe_readers("sales.orders")] == ["jr_9"]

    store.save(make_incident("jr_9", batch="another", minute=2, tables={"sales.orders": WriteStatus.NOT_STARTED}))
    assert store.unsafe_readers("sales.orders") == []


def test_a_failed_run_is_granted_one_retry(store: IncidentStore) -> None:
    first = store.grant_retry("inc_1", "jr_1", NOON, "airflow")
    second = store.grant_retry("inc_1", "jr_1", NOON + timedelta(minutes=1), "a person")
    another = store.grant_retry("inc_2", "jr_2", NOON, "a person")

    assert first.granted
    assert another.granted
    assert not second.granted
    assert (second.granted_at, second.granted_to) == (NOON, "airflow")


def test_who_was_granted_a_retry_is_told_and_asking_grants_none(store: IncidentStore) -> None:
    assert store.granted_retry("inc_1") is None
    assert store.grant_retry("inc_1", "jr_1", NOON, "airflow").granted
    told = store.granted_retry("inc_1")
    assert told is not None
    assert (told.granted, told.granted_at, told.granted_to) == (False, NOON, "airflow")


SAVE_MANY = """
import sys
from datetime import UTC, datetime
import msgspec
from pipetriage.model.incident import from_json
from pipetriage.stores import open_store

url, worker, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
shared = from_json(sys.stdin.buffer.read())
store = open_store(url)
for number in range(rounds):
    store.save(msgspec.structs.replace(shared, likely_root_cause=f"cause {worker}.{number}"))
    own = f"{worker}_{number}"
    store.save(msgspec.structs.replace(shared, incident_id=f"inc_{own}", job_run_id=own, batch_key=own))
print(store.grant_retry("inc_shared", "jr", datetime.now(UTC), str(worker)).granted)
"""


def test_eight_processes_at_once_lose_nothing(url: str, make_incident: MakeIncident) -> None:
    # The emulator answers a hundred calls a second, and its queries slow down with every item.
    rounds = 3 if url.startswith("dynamodb") else 10
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SAVE_MANY, url, str(worker), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for worker in range(8)
    ]
    for process in workers:
        assert process.stdin is not None
        process.stdin.write(to_json(make_incident("shared")))
        process.stdin.close()
        process.stdin = None
    ends = [process.communicate(timeout=60) for process in workers]

    assert [error.decode() for _, error in ends] == [""] * 8
    assert sorted(output.decode().strip() for output, _ in ends) == ["False"] * 7 + ["True"]
    store = open_store(url)
    history = store.history("inc_shared")
    assert len(history) == 8 * rounds
    assert len({revision.likely_root_cause for revision in history}) == 8 * rounds
    assert len(store.list(limit=1000)) == 8 * rounds + 1
    assert store.get("inc_shared").recurrence.count == 8 * rounds + 1
