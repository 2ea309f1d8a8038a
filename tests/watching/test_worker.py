"""Events in, at least once; incidents out, exactly once; nothing lost on the way."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pipetriage.errors import CredentialsError, StoreError
from pipetriage.watching.answers import Answer, answer_to
from pipetriage.watching.notices import RunEnded
from pipetriage.watching.queue import Message
from tests.building_success import commit, put_days, run_id
from tests.emulated.account import EmulatedAccount
from tests.emulated.events import EventQueue, execution_event, job_event, put_ended_run, quality_event
from tests.emulated.incident_table import make_table
from tests.watching.conftest import JOB, Watch

Make = Callable[..., Watch]


def test_each_run_becomes_one_incident_however_often_it_is_told(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    for number in range(3):
        put_ended_run(account, JOB, f"jr_{number}")
        events.send(job_event(JOB, f"jr_{number}"), job_event(JOB, f"jr_{number}"))
    done = watch().work()
    assert {one.job_run_id for one in done.store.list()} == {"jr_0", "jr_1", "jr_2"}
    assert done.words() == ["known"] * 3 + ["triaged"] * 3
    assert events.left() == (0, 0)


def test_two_workers_share_the_queue_and_make_the_same_incidents(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    for number in range(6):
        put_ended_run(account, JOB, f"jr_{number}")
        events.send(job_event(JOB, f"jr_{number}"))
    account.door.latency = 0.02
    workers = [watch(at_once=1), watch(at_once=1)]
    threads = [threading.Thread(target=one.work) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(workers[0].store.list()) == 6
    assert all(one.reports for one in workers)
    assert events.left() == (0, 0)


def test_a_message_that_is_no_event_is_put_aside_with_the_reason(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send("{half", job_event(JOB, "jr_1", account="999999999999"), job_event(JOB, "jr_1"))
    done = watch().work()
    assert done.words() == ["buried", "buried", "triaged"]
    reasons = dict(events.dead())
    assert "no JSON" in reasons["{half"]
    assert any("999999999999" in reason and "role-arn" in reason for reason in reasons.values())
    assert events.left() == (0, 0)


def test_without_dead_letters_a_bad_message_stays_for_the_queues_own_policy(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    events.send("{half")
    made = watch(dead_letters=None)
    thread = threading.Thread(target=made.worker.work, args=(made.queue,))
    thread.start()
    time.sleep(4)
    made.worker.stopping.set()
    thread.join(20)
    # Once, and then not before half a minute.
    assert [(one.word, "dead_letters" in one.why) for one in made.reports] == [("failed", True)]
    assert events.left() == (0, 1)


def test_a_run_that_has_just_ended_is_looked_at_again_once_it_has_settled(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1", ago=20)
    events.send(job_event(JOB, "jr_1"))
    done = watch().work()
    (report,) = done.reports
    assert report.word == "triaged"
    assert report.again_in is not None
    assert 90 < report.again_in < 102
    assert events.left() == (0, 1)
    # The first verdict is there at once, and careful.
    assert done.store.get("jr_1").safe_to_retry is False


def test_a_run_that_glue_does_not_know_is_tried_again_and_in_the_end_put_aside(events: EventQueue, watch: Make) -> None:
    events.send(job_event(JOB, "jr_nobody"))
    assert watch().work().words() == ["failed"]
    assert events.left() == (0, 1)
    events.send(job_event(JOB, "jr_nobody"))
    done = watch(max_receives=1).work()
    assert done.words() == ["buried"]
    ((_, reason),) = events.dead()
    assert "jr_nobody" in reason


def test_a_throttled_call_costs_no_message(account: EmulatedAccount, events: EventQueue, watch: Make) -> None:
    put_ended_run(account, JOB, "jr_1")
    account.refuse("glue:GetJobRun", "ThrottlingException", times=2)
    events.send(job_event(JOB, "jr_1"))
    assert watch().work().words() == ["triaged"]


def test_while_the_store_takes_nothing_hardly_anything_is_taken_and_nothing_is_lost(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    for number in range(12):
        put_ended_run(account, JOB, f"jr_{number:02d}")
        events.send(job_event(JOB, f"jr_{number:02d}"))
    made = watch(store=make_table(account), at_once=2, hidden_seconds=4)
    account.refuse("dynamodb:PutItem")
    thread = threading.Thread(target=made.worker.work, args=(made.queue,))
    thread.start()
    time.sleep(4)
    waiting, hidden = events.left()
    assert waiting + hidden == 12
    # Reading the store works all the while. What was in hand failed; then one at a time, ever later.
    assert waiting >= 8
    assert {one.word for one in made.reports} == {"failed"}
    account.door.refusals.clear()
    deadline = time.monotonic() + 60
    while len(made.store.list()) < 12 - hidden and time.monotonic() < deadline:
        time.sleep(0.2)
    made.worker.stopping.set()
    thread.join(20)
    assert len(made.store.list()) + sum(events.left()) >= 12
    assert events.left()[0] == 0
    assert not events.dead()


def test_a_message_outlives_an_outage_of_the_store_and_not_its_own_faults() -> None:
    class Down:
        def handle(self, notice: object, *, last: bool = False) -> object:
            raise StoreError("the disk is full")

    def answer(receives: int) -> Answer:
        message = Message("id", json.dumps(job_event(JOB, "jr_1")), "receipt", receives)
        return answer_to(message, Down(), max_receives=5)  # type: ignore[arg-type]

    waits = [answer(receives).again_in for receives in range(1, 15)]
    assert waits[:6] == [30, 60, 120, 240, 480, 900]
    assert set(waits[6:]) == {900}
    last = answer(15)
    assert last.aside
    assert "disk is full" in last.report.why


def test_credentials_that_nobody_knows_end_the_worker_and_keep_the_message(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    account.refuse("glue:GetJobRun", "ExpiredTokenException")
    made = watch()
    with pytest.raises(CredentialsError, match="expired"):
        made.work()
    assert sum(events.left()) == 1
    assert not events.dead()


def test_a_long_triage_keeps_its_message_to_itself(account: EmulatedAccount, events: EventQueue, watch: Make) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    account.door.latency = 0.6
    made = watch(hidden_seconds=3, at_once=1)
    thread = threading.Thread(target=made.work)
    thread.start()
    seen = []
    while thread.is_alive():
        seen.append(events.left()[0])
        time.sleep(0.3)
    account.door.latency = 0.0
    assert made.words() == ["triaged"]
    assert set(seen[4:]) == {0}
    assert made.reports[0].seconds > 3


def test_a_quality_failure_of_a_run_that_goes_on_is_remembered_until_it_ends(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1", "RUNNING", CompletedOn=None)
    events.send(quality_event(JOB, "jr_1"))
    first = watch().work()
    assert [(one.word, one.again_in) for one in first.reports] == [("triaged", None)]
    put_ended_run(account, JOB, "jr_1", "SUCCEEDED")
    events.send(job_event(JOB, "jr_1", "SUCCEEDED"))
    second = watch().work()
    assert second.words() == ["triaged"]
    assert second.store.get("jr_1").status == "SUCCEEDED"
    assert len(second.store.list()) == 1


def test_a_run_of_an_undeclared_pipeline_that_succeeded_costs_no_call(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, "other_job", "jr_1", "SUCCEEDED")
    events.send(job_event("other_job", "jr_1", "SUCCEEDED"))
    done = watch().work()
    assert done.words() == ["ignored"]
    assert not [call for call in account.door.calls if call.startswith("glue:")]


def test_a_notice_by_no_queue_finds_room_though_messages_wait(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    for number in range(8):
        put_ended_run(account, JOB, f"jr_{number}")
        events.send(job_event(JOB, f"jr_{number}"))
    put_ended_run(account, JOB, "jr_polled", "ERROR")
    account.door.latency = 0.02
    made = watch(at_once=1)
    thread = threading.Thread(target=made.work)
    thread.start()
    future = made.worker.begin(RunEnded(job=JOB, run_id="jr_polled", state="ERROR"))
    assert future is not None
    assert future.result(30).word == "triaged"
    assert events.left() != (0, 0)
    thread.join(60)
    assert made.store.get("jr_polled").status == "ERROR"


@pytest.mark.parametrize(("records", "word"), [(100_000, "quiet"), (7, "triaged")])
def test_a_success_of_a_declared_pipeline_is_triaged_only_if_it_is_unusual(
    records: int, word: str, account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_days(account, commit(records=records))
    events.send(job_event(JOB, run_id(0), "SUCCEEDED"))
    done = watch(target="sales.orders").work()
    (report,) = done.reports
    assert report.word == word
    kept = done.store.list()
    assert len(kept) == (0 if word == "quiet" else 1)
    if kept:
        assert "RECORDS_LOW" in report.why
        assert kept[0].failure_category == "SOURCE_DELAY"
        assert kept[0].safe_to_retry is False


def test_a_success_is_left_to_settle_before_it_is_looked_at(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_days(account, commit(records=7))
    ended = (datetime.now(UTC) - timedelta(seconds=20)).isoformat()
    events.send(job_event(JOB, run_id(0), "SUCCEEDED", time=ended))
    done = watch(target="sales.orders").work()
    (report,) = done.reports
    assert report.word == "later"
    assert report.again_in is not None
    assert 90 < report.again_in < 102
    assert events.left() == (0, 1)
    assert not [call for call in account.door.calls if call.startswith(("glue:", "logs:"))]


def test_a_success_whose_sources_do_not_answer_is_looked_at_again_and_never_called_quiet(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_days(account, commit(records=7))
    events.send(job_event(JOB, run_id(0), "SUCCEEDED"))
    for call in ("glue:GetJobRuns", "glue:GetTable", "logs:DescribeLogGroups"):
        account.refuse(call, "ThrottlingException")
    done = watch(target="sales.orders").work()
    assert [(one.word, one.again_in) for one in done.reports] == [("later", 300)]
    assert events.left() == (0, 1)
    message = Message("id", json.dumps(job_event(JOB, run_id(0), "SUCCEEDED")), "receipt", 5)
    assert answer_to(message, done.runs.desk(), 5).report.word == "unseen"


def test_the_last_time_a_success_comes_it_is_looked_at_though_it_is_early(
    account: EmulatedAccount, watch: Make
) -> None:
    put_days(account, commit(records=7))
    ended = (datetime.now(UTC) - timedelta(seconds=20)).isoformat()
    message = Message("id", json.dumps(job_event(JOB, run_id(0), "SUCCEEDED", time=ended)), "receipt", 5)
    answer = answer_to(message, watch(target="sales.orders").runs.desk(), 5)
    assert answer.report.word == "triaged"
    assert answer.again_in is None


def test_a_time_in_the_future_is_not_believed(account: EmulatedAccount, events: EventQueue, watch: Make) -> None:
    put_days(account, commit())
    events.send(job_event(JOB, run_id(0), "SUCCEEDED", time="2999-01-01T00:00:00Z"))
    (report,) = watch(target="sales.orders").work().reports
    assert report.again_in is not None
    assert report.again_in <= 121


def test_an_end_of_which_glue_keeps_no_time_is_triaged_once(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1", "STOPPED", CompletedOn=None)
    events.send(job_event(JOB, "jr_1", "STOPPED"), job_event(JOB, "jr_1", "STOPPED"))
    done = watch().work()
    assert done.words() == ["known", "triaged"]
    assert events.left() == (0, 0)


def test_after_it_has_settled_a_run_is_known(account: EmulatedAccount, events: EventQueue, watch: Make) -> None:
    put_ended_run(account, JOB, "jr_1", ago=20)
    events.send(job_event(JOB, "jr_1"))
    assert watch().work().words() == ["triaged"]
    put_ended_run(account, JOB, "jr_1", ago=200)
    events.send(job_event(JOB, "jr_1"), job_event(JOB, "jr_1"))
    done = watch().work()
    assert done.words() == ["known", "triaged"]
    assert len(done.store.list()) == 1


def test_a_job_that_has_the_name_of_another_jobs_pipeline_is_itself(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    # The pipeline is called like the job whose run failed, and is another job's.
    done = watch(job="orders_nightly").work()
    assert done.words() == ["triaged"]
    assert done.store.get("jr_1").pipeline_name == JOB
    events.send(job_event(JOB, "jr_1"))
    assert watch(job="orders_nightly").work().words() == ["known"]


def test_a_region_that_refuses_us_is_one_messages_trouble(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1")
    made = watch()
    made.runs.account()
    account.refuse("glue:GetJobRun", "UnrecognizedClientException", times=1)
    events.send(job_event(JOB, "jr_1", region="ap-east-1"))
    made.work()
    (report,) = made.reports
    assert report.word == "failed"
    assert "ap-east-1" in report.why
    # Whose account it is is found out where we are at home, whatever an event says.
    assert [call for call in account.door.calls if call.startswith("sts:")] == ["sts:GetCallerIdentity"]


def test_only_the_jobs_that_are_asked_for_are_watched(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1")
    put_ended_run(account, "scratch_job", "jr_2")
    events.send(job_event(JOB, "jr_1"), job_event("scratch_job", "jr_2"))
    done = watch(jobs=["orders_*"]).work()
    assert done.words() == ["ignored", "triaged"]
    assert [one.job_run_id for one in done.store.list()] == ["jr_1"]


def test_until_empty_waits_for_what_is_in_hand_without_asking_all_the_time(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(job_event(JOB, "jr_1"))
    account.door.latency = 0.3
    watch().work()
    assert account.door.calls.count("sqs:ReceiveMessage") <= 12


ARN = "arn:aws:states:eu-west-1:123456789012:execution:nightly:1"


def cause(job: str, run: str) -> str:
    return json.dumps({"JobName": job, "Id": run, "JobRunState": "FAILED"})


def test_the_run_that_an_execution_failed_by_is_triaged(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_1")
    events.send(execution_event(ARN, cause=cause(JOB, "jr_1")), job_event(JOB, "jr_1"))
    done = watch().work()
    assert done.words() == ["known", "triaged"]


def test_an_execution_that_failed_after_its_run_went_well_makes_no_incident(
    account: EmulatedAccount, events: EventQueue, watch: Make
) -> None:
    put_ended_run(account, "other_job", "jr_1", "SUCCEEDED")
    events.send(execution_event(ARN, cause=cause("other_job", "jr_1")))
    done = watch().work()
    assert done.words() == ["ignored"]
    assert done.store.list() == []


def test_an_execution_that_cannot_be_read_wakes_nobody(account: EmulatedAccount, watch: Make) -> None:
    account.refuse("states:DescribeExecution")
    message = Message("id", json.dumps(execution_event(ARN)), "receipt", 5)
    answer = answer_to(message, watch().runs.desk(), 5)
    assert (answer.report.word, answer.aside, answer.again_in) == ("ignored", False, None)
    assert "DescribeExecution" in answer.report.why
