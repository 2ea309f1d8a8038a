"""The gate's answers: one yes for each failed run, no where anything is in doubt, and always in time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipetriage.errors import StoreError, TargetError
from pipetriage.gatekeeper import Gatekeeper
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Output
from pipetriage.model.review import Review
from pipetriage.model.write_state import Reason, Rerun, RerunDecision, WriteState, WriteStatus
from pipetriage.stores import IncidentStore, open_store
from tests.stores.conftest import MORNING, MakeIncident, make_incident

__all__ = ["make_incident"]

SAFE: dict[str, Any] = {
    "safe_to_retry": True,
    "failure_mode": FailureMode.TRANSIENT_SERVICE,
    "rerun": Rerun(decision=RerunDecision.SAFE, reasons=[]),
    "tables": {"sales.orders": WriteStatus.NOT_STARTED},
}


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    return open_store(f"sqlite:///{tmp_path / 'incidents.db'}")


def keeper(store: IncidentStore, triage: Callable[[str], Incident], **more: Any) -> Gatekeeper:
    return Gatekeeper(triage, lambda: store, lambda: MORNING + timedelta(hours=1), **more)


def saved(store: IncidentStore, incident: Incident) -> Callable[[str], Incident]:
    return lambda target: store.save(incident)


def test_a_yes_is_given_once_and_the_next_learns_to_whom(store: IncidentStore, make_incident: MakeIncident) -> None:
    gate = keeper(store, saved(store, make_incident(**SAFE)))
    assert gate.ask("t", "airflow").rule == "ALLOWED"
    again = gate.ask("t", "cron")
    assert (again.allowed, again.rule) == (False, "ALREADY_ALLOWED")
    assert "airflow" in again.reason


def test_an_asker_whose_answer_was_lost_gets_it_again(store: IncidentStore, make_incident: MakeIncident) -> None:
    gate = keeper(store, saved(store, make_incident(**SAFE)))
    assert gate.ask("t", "run-7", repeats=True).allowed
    assert gate.ask("t", "run-7", repeats=True).allowed
    assert not gate.ask("t", "run-8", repeats=True).allowed
    assert not gate.ask("t", "run-7").allowed, "it does not say that it repeats itself"


def test_of_many_who_ask_at_once_one_is_allowed(store: IncidentStore, make_incident: MakeIncident) -> None:
    gate = keeper(store, saved(store, make_incident(**SAFE)))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: gate.ask_within("t", 30, f"asker {n}"), range(12)))
    assert [one.allowed for one in answers].count(True) == 1
    assert {one.rule for one in answers} == {"ALLOWED", "ALREADY_ALLOWED"}


def test_no_answer_in_time_is_a_no_and_uses_up_nothing(store: IncidentStore, make_incident: MakeIncident) -> None:
    going, done = threading.Event(), threading.Event()

    def slow(target: str) -> Incident:
        going.wait(10)
        try:
            return store.save(make_incident(**SAFE))
        finally:
            done.set()

    gate = keeper(store, slow)
    began = time.monotonic()
    answer = gate.ask_within("t", 0.2, "airflow")
    assert time.monotonic() - began < 2
    assert (answer.allowed, answer.rule, answer.incident) == (False, "NO_ANSWER_IN_TIME", None)
    assert "do not retry automatically" in answer.reason
    assert answer.retry_after_seconds

    going.set()
    assert done.wait(5)
    time.sleep(0.2)
    assert store.get("jr_1").safe_to_retry, "the triage went on, and is kept"
    assert gate.ask("t", "airflow").allowed, "what nobody was told was not noted as given"


@pytest.mark.parametrize(
    "error", [TargetError("no such run"), StoreError("the store is gone"), ZeroDivisionError("secret")]
)
def test_whatever_breaks_is_a_no(store: IncidentStore, error: Exception) -> None:
    def breaks(target: str) -> Incident:
        raise error

    answer = keeper(store, breaks).ask_within("t", 5, "airflow")
    assert (answer.allowed, answer.rule) == (False, "CANNOT_ANSWER")
    assert "do not retry" in answer.reason
    assert "secret" not in answer.reason


def test_a_store_that_cannot_note_a_yes_gives_none(store: IncidentStore, make_incident: MakeIncident) -> None:
    def gone() -> IncidentStore:
        raise StoreError("the store is gone")

    gate = Gatekeeper(saved(store, make_incident(**SAFE)), gone, lambda: MORNING)
    assert not gate.ask_within("t", 5, "airflow").allowed


def test_a_retry_is_asked_for_of_the_latest_attempt(store: IncidentStore, make_incident: MakeIncident) -> None:
    seen = make_incident(**SAFE, later_attempts=["jr_2"])
    answer = keeper(store, saved(store, seen)).ask("t", "airflow")
    assert (answer.allowed, answer.rule) == (False, "LATER_ATTEMPT")
    assert "jr_2" in answer.reason

    store.save(make_incident("jr_9", minute=30, attempt=2))
    answer = keeper(store, saved(store, make_incident("jr_8", **SAFE))).ask("t", "airflow")
    assert (answer.allowed, answer.rule) == (False, "LATER_ATTEMPT")


def test_the_rule_that_decided_is_named_and_what_passes_by_itself_is_worth_asking_again(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    for rule, again in (("OUTPUT_REPEATED", False), ("ENGINE_WILL_RETRY", True), ("RUN_IN_FLIGHT", True)):
        reasons = [Reason(rule="FINE", holds=True, why=""), Reason(rule=rule, holds=False, why=f"because of {rule}")]
        rerun = Rerun(decision=RerunDecision.UNSAFE, reasons=reasons)
        answer = keeper(store, saved(store, make_incident(rerun=rerun))).ask("t", "airflow")
        assert (answer.allowed, answer.rule, answer.reason) == (False, rule, f"because of {rule}")
        assert (answer.retry_after_seconds is not None) is again


def test_what_is_awaited_is_waited_for(store: IncidentStore, make_incident: MakeIncident) -> None:
    rerun = Rerun(decision=RerunDecision.SAFE, reasons=[], wait_for="the service that failed", retry_after_seconds=300)
    incident = make_incident(**SAFE | {"rerun": rerun})
    clock = {"now": MORNING + timedelta(seconds=100)}

    def now() -> datetime:
        return clock["now"]

    gate = Gatekeeper(saved(store, incident), lambda: store, now)
    early = gate.ask("t", "airflow")
    assert (early.rule, early.retry_after_seconds) == ("WAITING", 201)
    later = gate.ask("t", "one that can wait", repeats=True, can_wait=True)
    assert (later.allowed, later.retry_after_seconds) == (True, 201)
    clock["now"] += timedelta(seconds=201)
    assert gate.ask("t", "airflow").rule == "ALREADY_ALLOWED"
    at_last = gate.ask("t", "one that can wait", repeats=True, can_wait=True)
    assert (at_last.allowed, at_last.retry_after_seconds) == (True, None)


def test_a_source_is_never_promised_while_it_is_awaited(store: IncidentStore, make_incident: MakeIncident) -> None:
    rerun = Rerun(decision=RerunDecision.SAFE, reasons=[], wait_for="s3://raw/orders/", retry_after_seconds=300)
    late = {"failure_category": Category.SOURCE_DELAY, "failure_mode": FailureMode.MISSING_PATH}
    seen = [make_incident(**SAFE | late | {"rerun": rerun})]
    gate = keeper(store, lambda target: store.save(seen[-1]))
    for _ in range(2):
        early = gate.ask("t", "a", repeats=True, can_wait=True)
        assert (early.allowed, early.rule, early.retry_after_seconds) == (False, "WAITING", 300)
    # It came in part: what is asked once it is there is answered by what is there.
    broken = [Reason(rule="SOURCE_INCOMPLETE", holds=False, why="3 of 12 files")]
    seen.append(make_incident(**late | {"rerun": Rerun(decision=RerunDecision.UNSAFE, reasons=broken)}))
    assert gate.ask("t", "a", repeats=True, can_wait=True).rule == "SOURCE_INCOMPLETE"
    assert store.granted_retry(seen[0].incident_id) is None, "no yes was used up by waiting"


def test_who_only_looks_is_given_again_what_it_has_and_nothing_new(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    safe = make_incident(**SAFE)
    gate = keeper(store, saved(store, safe))
    assert gate.ask("t", "a", repeats=True, looks=True).rule == "NOT_GIVEN"
    assert store.granted_retry(safe.incident_id) is None
    assert gate.ask("t", "a", repeats=True).allowed
    assert gate.ask("t", "a", repeats=True, looks=True).allowed
    assert gate.ask("t", "b", repeats=True, looks=True).rule == "ALREADY_ALLOWED"
    broken = Rerun(
        decision=RerunDecision.UNSAFE, reasons=[Reason(rule="LATER_BATCH_WRITTEN", holds=False, why="jr_5 wrote")]
    )
    unsafe = keeper(store, saved(store, make_incident(rerun=broken)))
    assert unsafe.ask("t", "a", repeats=True, looks=True).rule == "LATER_BATCH_WRITTEN", "a yes is for what was seen"


def test_no_more_triages_than_there_is_room_for(store: IncidentStore, make_incident: MakeIncident) -> None:
    going, inside = threading.Event(), threading.Event()

    def slow(target: str) -> Incident:
        inside.set()
        going.wait(10)
        return store.save(make_incident(**SAFE))

    gate = keeper(store, slow, at_once=1)
    first = threading.Thread(target=gate.ask_within, args=("t", 10, "one"))
    first.start()
    assert inside.wait(5)
    busy = gate.ask_within("t", 10, "two")
    going.set()
    first.join()
    assert (busy.allowed, busy.rule) == (False, "BUSY")
    assert busy.retry_after_seconds


# Readers


@pytest.mark.parametrize("status", [WriteStatus.PARTIAL, WriteStatus.UNCERTAIN, WriteStatus.UNOBSERVED])
def test_a_reader_is_held_back_where_part_of_a_batch_may_be_visible(
    store: IncidentStore, make_incident: MakeIncident, status: WriteStatus
) -> None:
    store.save(make_incident(tables={"sales.orders": status}))
    answer = keeper(store, saved(store, make_incident())).read("glue.Sales.Orders")
    assert (answer.allowed, answer.rule, len(answer.incidents)) == (False, "PARTIAL_DATA", 1)
    assert str(status) in answer.reason


@pytest.mark.parametrize("status", [WriteStatus.COMPLETE, WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED])
def test_a_reader_goes_on_where_nothing_partial_is_visible(
    store: IncidentStore, make_incident: MakeIncident, status: WriteStatus
) -> None:
    store.save(make_incident(tables={"sales.orders": status}))
    gate = keeper(store, saved(store, make_incident()), written={"orders_daily": [Output(table="sales.orders")]})
    assert gate.read("sales.orders").allowed
    assert "nothing is known" not in gate.read("sales.orders").reason
    assert "nothing is known" in gate.read("sales.elsewhere").reason


def test_what_is_staged_beside_a_target_does_not_hold_its_readers_back(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    def state(table: str, role: str, status: WriteStatus) -> WriteState:
        return WriteState(table=table, role=role, format="iceberg", status=status)

    staged = [
        state("sales.orders", "target", WriteStatus.NOT_STARTED),
        state("sales.orders", "staging", WriteStatus.PARTIAL),
        state("sales.orders_staging", "staging", WriteStatus.PARTIAL),
    ]
    store.save(make_incident(write_state=staged))
    gate = keeper(store, saved(store, make_incident()))
    assert gate.read("sales.orders").allowed
    assert not gate.read("sales.orders_staging").allowed


def test_it_is_over_when_a_later_attempt_left_it_whole(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(make_incident("jr_1"))
    gate = keeper(store, saved(store, make_incident()))
    assert not gate.read("sales.orders").allowed
    doubled = {"tables": {"sales.orders": WriteStatus.PARTIAL}, "status": "SUCCEEDED"}
    store.save(make_incident("jr_2", minute=30, attempt=2, **doubled))
    assert not gate.read("sales.orders").allowed, "that a later run succeeded does not make the table whole"
    whole = {"tables": {"sales.orders": WriteStatus.COMPLETE}, "status": "SUCCEEDED"}
    store.save(make_incident("jr_3", minute=60, attempt=3, **whole))
    assert gate.read("sales.orders").allowed


def test_a_person_can_close_it_until_there_is_another_verdict(
    store: IncidentStore, make_incident: MakeIncident
) -> None:
    incident = store.save(make_incident())
    gate = keeper(store, saved(store, incident))
    review = Review(
        by="ana",
        reviewed_at=MORNING + timedelta(minutes=5),
        failure_category=incident.failure_category,
        safe_to_retry=False,
    )
    store.add_review(incident.incident_id, review)
    assert not gate.read("sales.orders").allowed, "a review that does not say so closes nothing"
    store.add_review(
        incident.incident_id,
        Review(**{name: getattr(review, name) for name in review.__struct_fields__ if name != "closed"}, closed=True),
    )
    assert gate.read("sales.orders").allowed
    store.save(make_incident(minute=9, likely_root_cause="looked at again"))
    assert not gate.read("sales.orders").allowed


def test_a_store_that_hangs_is_no_answer(store: IncidentStore) -> None:
    going = threading.Event()

    def hangs() -> IncidentStore:
        going.wait(10)
        return store

    gate = Gatekeeper(lambda target: pytest.fail("no run"), hangs, lambda: MORNING)
    answer = gate.read_within("sales.orders", 0.1)
    going.set()
    assert (answer.allowed, answer.rule) == (False, "CANNOT_TELL")


@pytest.mark.parametrize("readers", ["closed", "open"])
def test_where_nobody_can_tell_the_setting_decides(readers: Any) -> None:
    def gone() -> IncidentStore:
        raise StoreError("the store is gone")

    answer = Gatekeeper(lambda target: pytest.fail("no run"), gone, lambda: MORNING, readers=readers).read(
        "sales.orders"
    )
    assert (answer.allowed, answer.rule) == (readers == "open", "CANNOT_TELL")
    assert "the store is gone" in answer.reason
