"""Runs that no event told of are found by asking."""

from collections.abc import Callable
from datetime import UTC, datetime

from pipetriage.watching.poller import Poller
from tests.emulated.account import EmulatedAccount
from tests.emulated.events import put_ended_run
from tests.watching.conftest import JOB, Watch

Make = Callable[..., Watch]


def poller(made: Watch, *, has_events: bool = True, hours: float = 24.0) -> Poller:
    return Poller(
        *(made.runs, made.worker),
        every=300,
        hours=hours,
        has_events=has_events,
        now=lambda: datetime.now(UTC),
        on_report=made.reports.append,
    )


def test_ends_that_are_never_told_are_found_at_once_and_others_once_they_count_as_lost(
    account: EmulatedAccount, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_error", "ERROR", ago=200)
    put_ended_run(account, JOB, "jr_expired", "EXPIRED", ago=200, CompletedOn=None)
    put_ended_run(account, JOB, "jr_lost", "FAILED", ago=1200)
    put_ended_run(account, JOB, "jr_told", "FAILED", ago=200)
    put_ended_run(account, JOB, "jr_going_on", "RUNNING", CompletedOn=None)
    put_ended_run(account, "undeclared", "jr_fine", "SUCCEEDED", ago=1200)
    put_ended_run(account, "undeclared", "jr_bad", "TIMEOUT", ago=1200)
    made = watch()
    poller(made).sweep()
    assert {one.job_run_id for one in made.store.list()} == {"jr_error", "jr_expired", "jr_lost", "jr_bad"}


def test_without_a_queue_every_failed_run_is_found(account: EmulatedAccount, watch: Make) -> None:
    put_ended_run(account, JOB, "jr_now", "FAILED", ago=5)
    made = watch()
    poller(made, has_events=False).sweep()
    assert [one.job_run_id for one in made.store.list()] == ["jr_now"]
    assert made.reports[0].again_in is not None


def test_what_was_seen_to_is_not_asked_for_again_and_what_was_not_settled_is(
    account: EmulatedAccount, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_old", "FAILED", ago=600)
    put_ended_run(account, JOB, "jr_new", "FAILED", ago=5)
    made = watch()
    ours = poller(made, has_events=False)
    ours.sweep()
    made.reports.clear()
    account.door.calls.clear()
    ours.sweep()
    assert [one.run_id for one in made.reports] == ["jr_new"]
    # Another worker asks the store, and not the account.
    other = watch()
    poller(other, has_events=False).sweep()
    assert [one.word for one in other.reports if one.run_id == "jr_old"] == ["known"]


def test_runs_before_the_look_back_are_left_to_backfill(account: EmulatedAccount, watch: Make) -> None:
    for number in range(40):
        put_ended_run(account, JOB, f"jr_{number}", "SUCCEEDED", ago=3600 * (number + 2))
    put_ended_run(account, JOB, "jr_older", "FAILED", ago=3600 * 50)
    made = watch()
    account.door.calls.clear()
    ours = poller(made, hours=1.0)
    ours.sweep()
    assert made.reports == []
    # One page tells that the rest is older.
    assert account.door.calls.count("glue:GetJobRuns") == 1


def test_a_job_that_may_not_be_read_does_not_keep_the_others_from_being_asked(
    account: EmulatedAccount, watch: Make
) -> None:
    put_ended_run(account, "a_job", "jr_a", "FAILED", ago=1200)
    put_ended_run(account, "b_job", "jr_b", "FAILED", ago=1200)
    account.refuse("glue:GetJobRuns", times=1)
    made = watch()
    poller(made).sweep()
    assert [one.job_run_id for one in made.store.list()] == ["jr_b"]
    assert any(one.word == "waiting" and "a_job" in one.why for one in made.reports)


def test_a_refusal_to_list_jobs_is_told(account: EmulatedAccount, watch: Make) -> None:
    account.refuse("glue:ListJobs")
    made = watch()
    poller(made).sweep()
    assert [one.word for one in made.reports] == ["waiting"]
    assert "glue:ListJobs" in made.reports[0].why
