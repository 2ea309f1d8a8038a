"""Runs that no event told of are found by asking."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pipetriage.settings import WatchSettings
from pipetriage.sources.glue_past import recent_runs
from pipetriage.watching.answers import Report
from pipetriage.watching.desk import Outcome
from pipetriage.watching.poller import Poller
from pipetriage.watching.worker import Worker
from tests.emulated.account import EmulatedAccount
from tests.emulated.events import put_ended_run
from tests.watching.conftest import JOB, Watch

Make = Callable[..., Watch]


def poller(made: Watch, *, has_events: bool = True, hours: float = 24.0) -> Poller:
    return Poller(
        made.runs,
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
    poller(made).sweep(made.worker)
    assert {one.job_run_id for one in made.store.list()} == {"jr_error", "jr_expired", "jr_lost", "jr_bad"}


def test_without_a_queue_every_failed_run_is_found(account: EmulatedAccount, watch: Make) -> None:
    put_ended_run(account, JOB, "jr_now", "FAILED", ago=5)
    made = watch()
    poller(made, has_events=False).sweep(made.worker)
    assert [one.job_run_id for one in made.store.list()] == ["jr_now"]
    assert made.reports[0].again_in is not None


def test_what_was_seen_to_is_not_asked_for_again_and_what_was_not_settled_is(
    account: EmulatedAccount, watch: Make
) -> None:
    put_ended_run(account, JOB, "jr_old", "FAILED", ago=600)
    put_ended_run(account, JOB, "jr_new", "FAILED", ago=5)
    made = watch()
    ours = poller(made, has_events=False)
    ours.sweep(made.worker)
    made.reports.clear()
    account.door.calls.clear()
    ours.sweep(made.worker)
    assert [one.run_id for one in made.reports] == ["jr_new"]
    # Another worker asks the store, and not the account.
    other = watch()
    poller(other, has_events=False).sweep(other.worker)
    assert [one.word for one in other.reports if one.run_id == "jr_old"] == ["known"]


def test_runs_before_the_look_back_are_left_to_backfill(account: EmulatedAccount, watch: Make) -> None:
    for number in range(40):
        put_ended_run(account, JOB, f"jr_{number}", "SUCCEEDED", ago=3600 * (number + 2))
    put_ended_run(account, JOB, "jr_older", "FAILED", ago=3600 * 50)
    made = watch()
    ours = poller(made, hours=1.0)
    ours.sweep(made.worker)
    account.door.calls.clear()
    ours.sweep(made.worker)
    assert made.reports == []
    # One page tells that the rest is older.
    assert account.door.calls.count("glue:GetJobRuns") == 1


def test_no_more_pages_are_asked_for_than_the_look_back_fills(account: EmulatedAccount) -> None:
    for number in range(120):
        put_ended_run(account, JOB, f"jr_{number:03d}", ago=600.0 * number)
    aws = account.session()
    account.door.calls.clear()
    found = recent_runs(aws, JOB, datetime.now(UTC) - timedelta(hours=6))
    assert len(found) == 36
    assert account.door.calls.count("glue:GetJobRuns") == 2


def test_a_run_that_took_days_is_found_when_it_ends(account: EmulatedAccount, watch: Make) -> None:
    began = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    put_ended_run(account, JOB, "jr_ended_before", "ERROR", ago=1200, StartedOn=began)
    put_ended_run(account, JOB, "jr_long", "RUNNING", StartedOn=began, CompletedOn=None)
    made = watch()
    ours = poller(made)
    ours.sweep(made.worker)
    assert [one.run_id for one in made.reports] == ["jr_ended_before"]
    put_ended_run(account, JOB, "jr_long", "EXPIRED", ago=30, StartedOn=began)
    ours.sweep(made.worker)
    assert made.store.get("jr_long").status == "EXPIRED"


def test_an_end_without_a_time_is_triaged_once(account: EmulatedAccount, watch: Make) -> None:
    put_ended_run(account, JOB, "jr_expired", "EXPIRED", CompletedOn=None)
    made = watch()
    for _ in range(3):
        poller(made).sweep(made.worker)
    assert [one.word for one in made.reports] == ["triaged", "known", "known"]


def test_quiet_successes_are_looked_at_once_a_process_and_not_from_long_ago(
    account: EmulatedAccount, watch: Make
) -> None:
    for number, ago in enumerate((1200, 1800, 9000)):
        put_ended_run(account, JOB, f"jr_{number}", "SUCCEEDED", ago=ago)
    made = watch()
    ours = poller(made)
    ours.sweep(made.worker)
    ours.sweep(made.worker)
    assert sorted(one.run_id for one in made.reports) == ["jr_0", "jr_1"]


class _Broken:
    """A history with one run, and a desk that has a mistake."""

    job, run_id, state, ended_at = JOB, "jr_1", "ERROR", None

    def watched_jobs(self) -> list[str]:
        return [JOB]

    def recent(self, job: str, since: datetime) -> "list[_Broken]":
        return [self]

    def one(self, job: str, run_id: str) -> "list[_Broken]":
        return [self]

    def is_declared(self, job: str) -> bool:
        return False

    def handle(self, notice: object, *, last: bool = False) -> Outcome:
        raise KeyError("a mistake of ours")


def test_a_mistake_of_ours_is_told_and_ends_neither_the_poller_nor_others_and_is_not_repeated_for_ever() -> None:
    reports: list[Report] = []
    broken = _Broken()
    worker = Worker(broken, WatchSettings(), reports.append, lambda: None)  # type: ignore[arg-type]
    ours = Poller(broken, every=300, hours=24, has_events=True, now=lambda: datetime.now(UTC), on_report=reports.append)
    for _ in range(8):
        ours.sweep(worker)
    worker.end()
    assert [one.word for one in reports] == ["failed"] * 5
    assert all("KeyError" in one.why for one in reports)


def test_a_job_that_may_not_be_read_does_not_keep_the_others_from_being_asked(
    account: EmulatedAccount, watch: Make
) -> None:
    put_ended_run(account, "a_job", "jr_a", "FAILED", ago=1200)
    put_ended_run(account, "b_job", "jr_b", "FAILED", ago=1200)
    account.refuse("glue:GetJobRuns", times=1)
    made = watch()
    poller(made).sweep(made.worker)
    assert [one.job_run_id for one in made.store.list()] == ["jr_b"]
    assert any(one.word == "waiting" and "a_job" in one.why for one in made.reports)


def test_a_refusal_to_list_jobs_is_told(account: EmulatedAccount, watch: Make) -> None:
    account.refuse("glue:ListJobs")
    made = watch()
    poller(made).sweep(made.worker)
    assert [one.word for one in made.reports] == ["waiting"]
    assert "glue:ListJobs" in made.reports[0].why
