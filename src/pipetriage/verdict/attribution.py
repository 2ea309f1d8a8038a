"""Whose commit is it: ours, another's, or not to be told (design section 4.1)."""

from enum import StrEnum

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.facts import Snapshot
from pipetriage.verdict.attempts import Attempts

APP_ID_KEYS = ("spark.app.id", "app-id")
# A Delta transaction's appId, which a job fills with its own id or the batch's: a stamp by Delta's own definition.
DELTA_TXN_KEY = "txn-app-id"  # with -2, -3, … where a commit carries several


class Owner(StrEnum):
    """Who made a commit."""

    OURS = "ours"
    OTHER = "another's"
    UNCLEAR = "inside the window, not to be told"
    """Counts as ours for the decision, and as uncertain for the numbers."""
    LATER = "while no attempt ran, unexplained"
    """Not made by a known attempt, nor by anyone known: a manual fix would look so."""


class Attributed(msgspec.Struct, frozen=True, kw_only=True):
    """One commit with its owner, and why."""

    snapshot: Snapshot
    owner: Owner
    run_id: str | None
    before: bool
    """Committed before the first attempt began."""
    why: str
    batch_only: bool = False
    """Ours by the batch's id alone, though no attempt ran: a correction of the same batch would carry it, too."""
    assumed: bool = False
    """Ours only by a run or batch id that may be another batch's."""


def stamps_of(snapshot: Snapshot, context: Context) -> list[tuple[str, str]]:
    """List what a commit carries under the keys that count as stamps."""
    keys = context.pipeline.snapshot_keys
    return [
        (key, value)
        for key, value in snapshot.summary.items()
        if value and (key in keys or key.startswith(DELTA_TXN_KEY))
    ]


_Judged = tuple[Owner, str | None, str]


def attribute(snapshots: tuple[Snapshot, ...], context: Context, attempts: Attempts) -> tuple[Attributed, ...]:
    """Tell for each snapshot who made it, oldest first."""
    ledger = _Ledger(context, attempts)
    ours: set[str] = set()
    attributed = []
    for snapshot in sorted(snapshots, key=lambda one: (one.committed_at, one.sequence_number)):
        one = ledger.owner_of(snapshot)
        source = snapshot.summary.get("source-snapshot-id")
        if source in ours and one.owner is not Owner.OURS:
            # Cherry-picking publishes a staged snapshot as a new one that names its source.
            one = msgspec.structs.replace(one, owner=Owner.OURS, why=f"publishes our staged snapshot {source}")
        if one.owner is Owner.OURS:
            ours.add(snapshot.snapshot_id)
        attributed.append(one)
    return tuple(attributed)


class _Ledger:
    """The ids of our attempts and of everyone else who is known."""

    def __init__(self, context: Context, attempts: Attempts) -> None:
        facts = context.facts
        self._run_id = facts.run.run_id
        self._said = frozenset(facts.log.committed_snapshots)
        self._context = context
        self._attempts = attempts
        self._our_runs = attempts.run_ids | {run.first_attempt_id for run in attempts.runs}
        self._our_ids = self._our_runs | attempts.batch_ids
        self._other_runs = {run.run_id for run in attempts.others}
        others = self._other_runs | {row.run_id for row in facts.control if row.run_id}
        if all(run.batch_id for run in attempts.runs):
            # While an attempt's own batch is unknown, any batch id may be its.
            others |= {run.batch_id for run in attempts.others if run.batch_id}
            rows = [row for row in facts.control if row.run_id not in self._our_runs]
            others |= {row.batch_id for row in rows if row.batch_id}
        self._other_ids = others - self._our_ids
        self._our_apps = {app: run for run in attempts.run_ids for app in facts.app_ids.get(run, ())}
        self._other_apps = {
            app: run for run, apps in facts.app_ids.items() if run not in attempts.run_ids for app in apps
        }
        self._all_apps_known = attempts.known and attempts.run_ids <= facts.app_ends.keys()
        self._app_ends = [facts.app_ends.get(run) for run in attempts.run_ids]

    def owner_of(self, snapshot: Snapshot) -> Attributed:
        start = self._attempts.window_start
        before = start is not None and snapshot.committed_at < start
        owner, run_id, why = (
            self._by_stamp(snapshot)
            or self._by_log(snapshot)
            or self._by_engine(snapshot, before)
            or self._by_time(snapshot, before)
        )
        idle = before or self._attempts.none_running(snapshot.committed_at)
        batch_only = owner is Owner.OURS and run_id is None and idle
        return Attributed(
            snapshot=snapshot,
            owner=owner,
            run_id=run_id,
            before=before,
            why=why,
            batch_only=batch_only,
            assumed=owner is Owner.OURS and self._only_assumed(snapshot, run_id),
        )

    def _only_assumed(self, snapshot: Snapshot, run_id: str | None) -> bool:
        if run_id is not None:
            return run_id in self._attempts.assumed
        values = {value for _, value in stamps_of(snapshot, self._context)}
        return bool(values & self._attempts.batch_ids) and not values & self._attempts.sure_batch_ids

    def _by_stamp(self, snapshot: Snapshot) -> _Judged | None:
        stamps = stamps_of(snapshot, self._context)
        ours = [(key, value) for key, value in stamps if value in self._our_ids or self._attempts.is_our_batch(value)]
        if ours and len(ours) < len(stamps) and not any(value in self._our_runs for _, value in ours):
            # Another job may write the same batch to this table: its run is not an attempt of ours.
            return Owner.UNCLEAR, None, f"stamped {ours[0][0]}={ours[0][1]}, but by a run that is no known attempt"
        if ours and _only_rewrites(snapshot):
            return Owner.OTHER, None, "a compaction of ours: it wrote nothing of the batch"
        if ours:
            run = next((value for _, value in ours if value in self._our_runs), None)
            return Owner.OURS, run, f"stamped {ours[0][0]}={ours[0][1]}"
        for key, value in sorted(stamps, key=lambda stamp: stamp[1] not in self._other_runs):
            if value in self._other_ids and snapshot.snapshot_id in self._said:
                return (
                    Owner.UNCLEAR,
                    None,
                    f"stamped {key}={value}, another's, though our log says that it committed it",
                )
            if value in self._other_ids:
                return Owner.OTHER, value, f"stamped {key}={value}, another run or batch"
        return None

    def _by_log(self, snapshot: Snapshot) -> _Judged | None:
        if snapshot.snapshot_id not in self._said:
            return None
        return Owner.OURS, self._run_id, "the run's own log says that it committed it"

    def _by_engine(self, snapshot: Snapshot, before: bool) -> _Judged | None:
        for key in APP_ID_KEYS:
            if (app := snapshot.summary.get(key)) and (judged := self._by_app(app, key, snapshot, before)):
                return judged
        return None

    def _by_app(self, app: str, key: str, snapshot: Snapshot, before: bool) -> _Judged | None:
        idle = self._attempts.none_running(snapshot.committed_at)
        if app in self._our_apps and (before or idle or app in self._other_apps):
            # One long-lived application may run batch after batch.
            if before:
                return None
            owner = Owner.LATER if idle else Owner.UNCLEAR
            return owner, None, f"{key}={app} is our attempt's application, and may be another's too"
        if app in self._our_apps:
            return Owner.OURS, self._our_apps[app], f"{key}={app} is our attempt's application"
        if app in self._other_apps:
            return self._by_other_app(app, key, snapshot, idle)
        if not self._all_apps_known or before or snapshot.operation == "replace" or self._after_its_app(snapshot):
            return None
        failed = any(run.ended_at is not None and run.ended_at < snapshot.committed_at for run in self._attempts.runs)
        if idle or failed:
            # A person who mends what a run left works in an application of his own, be it beside the next attempt.
            return Owner.LATER, None, f"{key}={app} is nobody's that is known, committed after an attempt had ended"
        return Owner.OTHER, None, f"{key}={app} is none of our attempts' applications"

    def _by_other_app(self, app: str, key: str, snapshot: Snapshot, idle: bool) -> _Judged:
        run_id = self._other_apps[app]
        before = self._attempts.window_start is not None and snapshot.committed_at < self._attempts.window_start
        if before or run_id in self._attempts.others_running(snapshot.committed_at):
            return Owner.OTHER, run_id, f"{key}={app} is another run's application"
        # A long-lived application, at a time at which that other run did not run.
        owner = Owner.LATER if idle else Owner.UNCLEAR
        return owner, None, f"{key}={app} is another run's application, which did not run then"

    def _after_its_app(self, snapshot: Snapshot) -> bool:
        """Whether an attempt's only known application had ended by then: the run may have begun a second one."""
        return any(end is not None and end < snapshot.committed_at for end in self._app_ends) and not (
            self._attempts.none_running(snapshot.committed_at)
        )

    def _by_time(self, snapshot: Snapshot, before: bool) -> _Judged:
        end = self._attempts.window_end
        if snapshot.operation == "replace":
            return Owner.OTHER, None, "a compaction (operation replace)"
        if before:
            return Owner.OTHER, None, "committed before the first attempt began"
        if end is not None and snapshot.committed_at > end:
            return Owner.LATER, None, "committed after the last attempt ended, by a writer that is not known"
        return Owner.UNCLEAR, None, "committed while an attempt ran, without a stamp that tells whose it is"


def _only_rewrites(snapshot: Snapshot) -> bool:
    """Whether a compaction put back exactly the records that it took."""
    added, deleted = (snapshot.summary.get(f"{what}-records") for what in ("added", "deleted"))
    return snapshot.operation == "replace" and added is not None and added == deleted
