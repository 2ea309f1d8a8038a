"""Which runs are attempts of this batch, and whether that list is proven to be the whole one (design section 4.1)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import Run
from pipetriage.model.templates import batch_key, batch_time

# Tables keep whole milliseconds: a commit of the moment at which a run began is written as a little earlier.
_RESOLUTION = timedelta(milliseconds=1)
_A_DAY = timedelta(days=1)
# Glue keeps job runs for 90 days (Developer Guide, job runs).
_RETENTION = timedelta(days=90)


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one batch, oldest first; never empty."""

    runs: tuple[Run, ...]
    others: tuple[Run, ...]
    """The job's other runs."""
    known: bool
    """Whether these are proven to be all."""
    why: str
    window_start: datetime | None
    """The first attempt's start less the clock skew; None when unknown."""
    window_end: datetime | None
    """The last attempt's end plus the settling time; None while one is in flight or its end is unknown."""
    spans: tuple[tuple[datetime, datetime | None], ...] = ()
    """When each attempt may have written: its start less the skew to its end plus the settling time (None: no end)."""
    assumed: frozenset[str] = frozenset()
    """Attempts only because a batch is unknown or spelled otherwise: they may be another batch's. To count them as ours
    is careful for an append only."""
    other_spans: Mapping[str, tuple[datetime, datetime | None]] = {}
    """The same for the job's other runs, by run id."""

    @property
    def run_ids(self) -> frozenset[str]:
        """The attempts' run ids."""
        return frozenset(run.run_id for run in self.runs)

    @property
    def batch_ids(self) -> frozenset[str]:
        """The batch ids that the attempts carry."""
        return frozenset(run.batch_id for run in self.runs if run.batch_id)

    @property
    def sure_batch_ids(self) -> frozenset[str]:
        """Those of the attempts that are this batch's beyond doubt."""
        return frozenset(run.batch_id for run in self.runs if run.batch_id and run.run_id not in self.assumed)

    @property
    def sure_start(self) -> datetime | None:
        """When the first attempt that is this batch's beyond doubt began."""
        starts = [run.started_at for run in self.runs if run.run_id not in self.assumed and run.started_at]
        return min(starts) if starts else None

    def is_our_batch(self, batch_id: str | None) -> bool:
        """Whether an id names the batch, however it is spelled."""
        return batch_id is not None and batch_key(batch_id) in {batch_key(one) for one in self.batch_ids}

    @property
    def last_ended(self) -> datetime | None:
        """When the last attempt ended; None while one is in flight or its end is unknown."""
        ends = _all_known(run.ended_at for run in self.runs)
        return max(ends) if ends else None

    def none_running(self, at: datetime) -> bool:
        """Whether that moment is known to lie outside every attempt's own time."""
        if len(self.spans) < len(self.runs):
            return False
        return not any(start <= at and (end is None or at <= end) for start, end in self.spans)

    def others_running(self, at: datetime) -> frozenset[str]:
        """List the job's other runs that may have written at that moment."""
        return frozenset(
            run_id for run_id, (start, end) in self.other_spans.items() if start <= at and (end is None or at <= end)
        )

    def owns(self, run: Run) -> bool:
        """Whether the run is one of the attempts."""
        return run.run_id in self.run_ids


def find_attempts(context: Context) -> Attempts:
    """Find all attempts of the triaged run's batch."""
    facts = context.facts
    since = _since_last_success(facts.history, facts.run)
    ours = {facts.run.run_id}
    grown = True
    while grown:
        more = {run.run_id for run in facts.history if _same_batch(run, ours, facts.history)} - ours
        grown = bool(more)
        ours |= more
    if any(run.batch_id is None for run in since):
        ours |= {run.run_id for run in since}
    sure = frozenset(run.run_id for run in facts.history if run.run_id in ours and _surely_same(run, facts.run))
    runs = tuple(run for run in facts.history if run.run_id in ours)
    why = _what_is_missing(context, runs)
    starts = [run.started_at for run in runs]
    ends = [None if run.started_at and run.ended_at and run.ended_at < run.started_at else run.ended_at for run in runs]
    skew, settle = (_bounded(seconds) for seconds in (context.clock_skew_seconds, context.settle_seconds))
    early, late = skew + _RESOLUTION, settle
    started = _all_known(starts)
    ended = _all_known(ends) if not any(run.in_flight for run in runs) else None
    return Attempts(
        runs=runs,
        others=tuple(run for run in facts.history if run.run_id not in ours),
        known=why is None,
        why=why or f"{len(runs)} attempt(s) of the batch are known, and the history reaches back far enough",
        window_start=min(started) - early if started else None,
        window_end=max(ended) + late if ended else None,
        spans=tuple(span for run in runs if (span := _span(run, early, max(skew, late))) is not None),
        assumed=frozenset(ours) - sure,
        other_spans={
            run.run_id: span
            for run in facts.history
            # An ended run whose end is not known proves nothing of when it ran.
            if run.run_id not in sure
            and (run.in_flight or run.ended_at)
            and (span := _span(run, early, max(skew, late))) is not None
        },
    )


def _span(run: Run, early: timedelta, late: timedelta) -> tuple[datetime, datetime | None] | None:
    if run.started_at is None:
        return None
    ended = run.ended_at if not run.in_flight and run.ended_at and run.ended_at >= run.started_at else None
    return run.started_at - early, ended + late if ended else None


def _surely_same(run: Run, triaged: Run) -> bool:
    """Whether a run is an attempt of the triaged run's batch beyond doubt: not by another spelling or a guess."""
    if run.first_attempt_id == triaged.first_attempt_id:
        return True
    if run.batch_id is None or triaged.batch_id is None:
        linked = {run.previous_run_id, triaged.previous_run_id}
        return bool(linked & {run.run_id, run.first_attempt_id, triaged.run_id, triaged.first_attempt_id})
    return run.batch_id.strip() == triaged.batch_id.strip()


def _bounded(seconds: float) -> timedelta:
    """Give a declared waiting time; a hostile bundle may name any number."""
    return timedelta(seconds=min(max(seconds, 0.0), 7 * 86400.0))


def _all_known(times: Iterable[datetime | None]) -> list[datetime] | None:
    """Give the times; None when one is unknown, for then neither first nor last is known."""
    listed = list(times)
    known = [time for time in listed if time is not None]
    return known if len(known) == len(listed) else None


def _same_batch(run: Run, ours: set[str], history: tuple[Run, ...]) -> bool:
    members = [one for one in history if one.run_id in ours]
    return any(
        (run.batch_id is not None and one.batch_id is not None and batch_key(run.batch_id) == batch_key(one.batch_id))
        or run.first_attempt_id == one.first_attempt_id
        or run.previous_run_id in {one.run_id, one.first_attempt_id}
        or one.previous_run_id in {run.run_id, run.first_attempt_id}
        for one in members
    )


def _since_last_success(history: tuple[Run, ...], run: Run) -> list[Run]:
    """List the runs after the newest success before this run; all of them when there was none."""
    index = next((i for i, one in enumerate(history) if one.run_id == run.run_id), len(history))
    successes = [i for i, one in enumerate(history[:index]) if one.succeeded]
    return list(history[successes[-1] + 1 :]) if successes else list(history)


def _what_is_missing(context: Context, runs: tuple[Run, ...]) -> str | None:
    """Say why attempts may exist that are not in the list; None when they cannot."""
    facts = context.facts
    if Signal.JOB_RUNS not in context.seen:
        return "the run history was not seen, so other attempts of the batch may exist"
    if any(run.started_at is None for run in facts.history):
        return "a run in the history has no start time"
    if contradiction := _batch_contradiction(context, runs):
        return contradiction
    known = {run.run_id for run in facts.history}
    succeeded_before = any(
        one.succeeded and one.started_at and facts.run.started_at and one.started_at < facts.run.started_at
        for one in facts.history
        if one.run_id != facts.run.run_id
    )
    if not facts.history_complete and not succeeded_before:
        return "the run history is cut short before the last succeeded run"
    if why := _out_of_reach(context, runs):
        return why
    for run in runs:
        if run.previous_run_id and run.previous_run_id not in known:
            return f"the history lacks run {run.previous_run_id}, which run {run.run_id} retried"
        # Counted, not enumerated: a hostile Attempt must not make us count to it.
        earlier = {
            one.attempt
            for one in facts.history
            if one.first_attempt_id == run.first_attempt_id and 0 <= one.attempt < run.attempt
        }
        retried = run.run_id != run.first_attempt_id
        if retried and (run.first_attempt_id not in known or len(earlier) < run.attempt):
            return f"the history lacks an earlier attempt of run {run.first_attempt_id}"
        before = sum(bool(one.started_at and run.started_at and one.started_at < run.started_at) for one in runs)
        if not retried and run.attempt > before:
            return f"run {run.run_id} is attempt {run.attempt}, and the history lacks an earlier one"
    batches = {batch_key(run.batch_id) for run in runs if run.batch_id}
    for row in facts.control:
        ours = row.batch_id is None or batch_key(row.batch_id) in batches
        if row.run_id and row.run_id not in known and ours:
            return f"the control table names run {row.run_id} for this batch, the run history does not"
    return None


def _out_of_reach(context: Context, runs: tuple[Run, ...]) -> str | None:
    """Say why a run of this batch may lie beyond the history, though a later batch succeeded since."""
    facts = context.facts
    observed = context.observed_at.get(Signal.JOB_RUNS)
    ends = [run.ended_at for run in runs if run.ended_at]
    settle = _bounded(context.settle_seconds)
    if observed is not None and ends and observed < max(ends) + settle:
        return "the run history was asked for before the last attempt had ended and settled: a later run may be missing"
    batch = facts.run.batch_id
    due = batch_time(batch) if batch is not None else None
    nameless = [one for one in facts.history if one.batch_id is None and one not in runs]
    suspect = [one for one in nameless if batch is not None and _may_have_run(one, batch, due)]
    if context.pipeline.batch_id is not None and suspect:
        return f"run {suspect[-1].run_id} names no batch: it may be an attempt of this one"
    # A batch is processed after its own day or hour begins; one that is run again much later may have older runs.
    starts = [one.started_at for one in facts.history if one.started_at is not None]
    if due is None or not starts or min(starts) - due <= _A_DAY:
        return None
    if not facts.history_complete:
        return "the run history is cut short after the batch's own day, so earlier runs of it may be missing"
    if context.as_of - due > _RETENTION:
        return "the batch is older than the runs that are kept, so earlier runs of it may be missing"
    return None


def _may_have_run(run: Run, batch: str, due: datetime | None) -> bool:
    """Whether a run without a batch may have been one of this batch: it began when the batch's day or hour was over."""
    if due is None:
        return not run.succeeded
    over = timedelta(hours=1) if len(batch.strip()) > len("2026-11-21") else _A_DAY
    return run.started_at is None or run.started_at - due >= over


def _batch_contradiction(context: Context, runs: tuple[Run, ...]) -> str | None:
    """Say where the evidence names two batches for one run: then nobody knows which runs belong together."""
    wanted, run = context.target.batch_id, context.facts.run
    if wanted and run.batch_id and batch_key(wanted) != batch_key(run.batch_id):
        return f"the run's own evidence names batch {run.batch_id}, not {wanted}"
    batch_of = {one.run_id: one.batch_id for one in runs}
    for row in context.facts.control:
        batch = batch_of.get(row.run_id or "")
        if batch and row.batch_id and batch_key(row.batch_id) != batch_key(batch):
            return f"the control table gives run {row.run_id} batch {row.batch_id}, the run says {batch}"
    return None
