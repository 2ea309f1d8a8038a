"""Would running the batch again, unchanged, give the right tables? (design section 4.4)

Every rule is named after what it guards against, as lint rules are, and appears in ``rerun.reasons`` with whether
it holds. SAFE only if every one holds; UNSAFE if one that means "applied twice, or lost" fails; UNKNOWN otherwise.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from pipetriage.model.context import Context, Facts
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import ENDED
from pipetriage.model.write_state import Reason, Rerun, RerunDecision, WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.rerun_outputs import output_rules
from pipetriage.verdict.write_state import OutputState

_UNTOUCHED = frozenset({WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED})
_OVERWRITES = frozenset({"overwrite_partitions", "overwrite_table"})


class Weight(StrEnum):
    """What a rule that does not hold means for the decision."""

    UNSAFE = "UNSAFE"
    UNKNOWN = "UNKNOWN"


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's outcome with its weight."""

    reason: Reason
    weight: Weight = Weight.UNKNOWN


def decide_rerun(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Rerun:
    """Ask every rule."""
    of_outputs = [
        Ruling(reason=reason, weight=Weight.UNSAFE if unsafe else Weight.UNKNOWN)
        for reason, unsafe in output_rules(context, attempts, outputs)
    ]
    rulings = [
        *_observed(context, attempts, outputs),
        *_in_flight(context, attempts),
        *of_outputs,
        *_bookmark(context, attempts, outputs),
        *_source(context, outputs),
        *_control(context, attempts, outputs, replaced=all(ruling.reason.holds for ruling in of_outputs)),
        *_other_effects(context, attempts, outputs),
    ]
    broken = [ruling for ruling in rulings if not ruling.reason.holds]
    if not broken:
        decision = RerunDecision.SAFE
    elif any(ruling.weight is Weight.UNSAFE for ruling in broken):
        decision = RerunDecision.UNSAFE
    else:
        decision = RerunDecision.UNKNOWN
    return Rerun(
        decision=decision,
        reasons=[ruling.reason for ruling in rulings],
        retry_after_seconds=_settle_wait(context, attempts),
    )


def _rule(rule: str, holds: bool, why: str, *evidence: str, unsafe: bool = False) -> Ruling:
    reason = Reason(rule=rule, holds=holds, why=why, evidence=list(dict.fromkeys(evidence)))
    return Ruling(reason=reason, weight=Weight.UNSAFE if unsafe else Weight.UNKNOWN)


def _settle_wait(context: Context, attempts: Attempts) -> int | None:
    """Give the seconds until an observation counts, when this one came too early."""
    if attempts.window_end is None:
        return int(context.settle_seconds) or 60
    early = (attempts.window_end - context.as_of).total_seconds()
    return int(early) + 1 if early > 0 else None


def _observed(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Iterator[Ruling]:
    """Rule: the run, its history, the job and every output were seen."""
    run, job = context.facts.run, context.facts.job
    run_seen = Signal.JOB_RUN in context.seen and bool(run.state)
    yield _rule(
        "RUN_UNOBSERVED", run_seen, "the run was seen" if run_seen else "the run itself was not seen", "job_run"
    )
    yield _rule("HISTORY_UNOBSERVED", attempts.known, attempts.why, "job_runs")
    job_seen = job is not None and job.max_retries is not None
    why = "the job was seen" if job_seen else "the job's definition (MaxRetries, bookmark) was not seen"
    yield _rule("JOB_UNOBSERVED", job_seen, why, *(["job"] if job else []))
    declared = any(one.declared for one in outputs)
    why = "the outputs are declared" if declared else "which tables the pipeline writes is not declared (outputs)"
    yield _rule("OUTPUTS_UNDECLARED", declared, why)


def _in_flight(context: Context, attempts: Attempts) -> Iterator[Ruling]:
    """Rule: nothing runs, and the engine will not retry by itself."""
    # A state that is not known to be an end may be none.
    flying = [run for run in context.facts.history if run.state not in ENDED]
    why = (
        f"run {flying[-1].run_id} is {flying[-1].state or 'in no known state'}"
        if flying
        else "no run of the job is in flight"
    )
    yield _rule("RUN_IN_FLIGHT", not flying, why, *(run.evidence for run in flying))
    stuck = [
        row
        for row in context.facts.control
        if row.status in {"running", "writing"}
        and row.run_id not in {run.run_id for run in context.facts.history if not run.in_flight}
        and (row.batch_id in attempts.batch_ids or row.run_id in attempts.run_ids)
    ]
    if stuck:
        yield _rule("RUN_IN_FLIGHT", False, f"the control table has run {stuck[-1].run_id} running", stuck[-1].evidence)
    job = context.facts.job
    if job is None or job.max_retries is None:
        return
    last = attempts.runs[-1]
    chain = [run.attempt for run in attempts.runs if run.first_attempt_id == last.first_attempt_id]
    # Glue retries a run that failed or timed out; one that a person stopped, or that succeeded, it leaves.
    will_retry = job.max_retries > max(chain) and last.state in {"FAILED", "TIMEOUT", "ERROR", ""}
    why = (
        f"MaxRetries is {job.max_retries} and only attempt {max(chain)} is seen: the engine starts the next by itself"
        if will_retry
        else f"MaxRetries is {job.max_retries}, no further attempt is due"
    )
    yield _rule("ENGINE_WILL_RETRY", not will_retry, why, "job", last.evidence)


def _bookmark(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Iterator[Ruling]:
    """Rule: with bookmarks on, the rerun must still read the whole batch."""
    facts = context.facts
    name = "--job-bookmark-option"
    defaults = facts.job.default_arguments if facts.job is not None else {}
    option = facts.run.arguments.get(name) or defaults.get(name) or "job-bookmark-disable"
    if option == "job-bookmark-disable":
        yield _rule("BOOKMARK_ADVANCED", True, "job bookmarks are off", "job_run", "job")
        return
    overwriting = [one.output.table for one in outputs if one.output.write_mode in _OVERWRITES]
    if overwriting:
        why = f"bookmarks are on and {overwriting[0]} is overwritten: a rerun would replace it with only the new input"
        yield _rule("BOOKMARK_WITH_OVERWRITE", False, why, "job_run", "job", unsafe=True)
    if facts.bookmark is None or Signal.BOOKMARK not in context.seen:
        yield _rule("BOOKMARK_ADVANCED", False, "bookmarks are on, and the bookmark was not seen", "job_run", "job")
        return
    advanced = facts.bookmark.run_id in attempts.run_ids | {run.first_attempt_id for run in attempts.runs}
    never_saved = facts.bookmark.run_id is None and not facts.bookmark.version
    known = never_saved or advanced or facts.bookmark.run_id in {run.run_id for run in facts.history}
    if advanced:
        why = "the bookmark was saved by an attempt of this batch: a rerun would not read the batch again"
        yield _rule("BOOKMARK_ADVANCED", False, why, "job_bookmark", unsafe=True)
        return
    first = attempts.runs[0].started_at
    later = {run.run_id for run in attempts.others if first is None or (run.started_at and run.started_at > first)}
    moved = not known or facts.bookmark.run_id in later
    why = (
        f"the bookmark was saved by run {facts.bookmark.run_id}, which may have read past this batch"
        if moved
        else "the bookmark stands before this batch"
    )
    yield _rule("BOOKMARK_ADVANCED", not moved, why, "job_bookmark")


def _source(context: Context, outputs: list[OutputState]) -> Iterator[Ruling]:
    """Rule: the batch's input is still all there."""
    facts, pipeline = context.facts, context.pipeline
    if pipeline.source_consumed:
        why = "the job consumes its input (source_consumed): what an attempt took is not read again"
        yield _rule("SOURCE_GONE", False, why, "job_run")
        return
    if pipeline.source is None:
        yield _rule("SOURCE_GONE", True, "no source is declared, and none is seen to be gone")
        return
    if facts.source is None:
        why = "the declared source could not be listed, so whether the batch's input is still there is unknown"
        yield _rule("SOURCE_GONE", False, why)
        return
    there = any(file.size > 0 for file in facts.source.files)
    if not lists_the_source(facts) or not (facts.source.complete or there):
        why = "the listing is cut short or of another path, so whether the batch's input is still there is unknown"
        yield _rule("SOURCE_GONE", False, why, facts.source.evidence)
        return
    read = facts.log.write_started or any(one.state.status not in _UNTOUCHED for one in outputs)
    before = [row.records for row in facts.control if row.run_id == facts.run.run_id and row.records]
    # A folder's own empty object is no input.
    gone = not there and (read or bool(before))
    why = "the run wrote from an input that is no longer there" if gone else "no input file is seen to be gone"
    yield _rule("SOURCE_GONE", not gone, why, facts.source.evidence, unsafe=gone)


def lists_the_source(facts: Facts) -> bool:
    """Whether the source listing is of the batch's declared source, as far as both say where they are."""
    wanted, listed = facts.source_uri, facts.source.uri if facts.source is not None else None
    if not wanted or not listed:
        return True
    return wanted.rstrip("/").startswith(listed.rstrip("/")) or listed.startswith(wanted.rstrip("/"))


def _control(context: Context, attempts: Attempts, outputs: list[OutputState], *, replaced: bool) -> Iterator[Ruling]:
    """Rules: the control row neither makes the job skip the batch nor contradicts the tables.

    ``replaced``: a rerun is proven to replace whatever the batch wrote.
    """
    declared = context.pipeline.control_declaration() is not None
    if Signal.CONTROL not in context.seen:
        if declared:
            yield _rule("CONTROL_UNOBSERVED", False, "the declared control table could not be read")
        return
    if declared and any(row.run_id is None and row.batch_id is None for row in context.facts.control):
        why = "a control row names neither run nor batch: declare the control table's columns"
        yield _rule("CONTROL_UNOBSERVED", False, why)
    if declared and any(gap.source == Signal.CONTROL for gap in context.gaps):
        yield _rule("CONTROL_UNOBSERVED", False, "the declared control table could not be read whole")
    rows = [
        row
        for row in context.facts.control
        if row.run_id in attempts.run_ids or (row.batch_id is not None and row.batch_id in attempts.batch_ids)
    ]
    done = [row for row in rows if row.status == "succeeded"]
    why = (
        "the control row calls the batch done, so the job would skip it"
        if done
        else "no control row makes the job skip the batch"
    )
    yield _rule("CONTROL_SKIPS_BATCH", not done, why, *(row.evidence for row in (done or rows)[-3:]))
    incomplete = [one.state for one in outputs if one.state.status is not WriteStatus.COMPLETE]
    # PARTIAL only because nobody said how many partitions are due contradicts nothing.
    short = [one for one in incomplete if one.status is not WriteStatus.PARTIAL or one.partitions_expected is not None]
    if done and short:
        state = short[0]
        why = f"the control row says success, the evidence of {state.table} says {state.status}"
        yield _rule("CONTROL_CONTRADICTS_TABLE", False, why, done[-1].evidence, *state.evidence[:3])
    failed = [row for row in rows if row.status == "failed"]
    if failed and outputs and not incomplete:
        why = "the control row says failed, yet every output is completely written"
        # Told in any case; where writing again replaces what is there, it does not matter which of the two is right.
        why += "; writing again replaces it either way" if replaced else ""
        yield _rule("CONTROL_CONTRADICTS_TABLE", replaced, why, failed[-1].evidence)


def _other_effects(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Iterator[Ruling]:
    """Rule: nothing was done elsewhere that a rerun would do again."""
    effects = context.pipeline.effects()
    if not effects:
        yield _rule("OTHER_EFFECTS", True, "no side effect outside the output tables is declared")
        return
    writing = [row for row in context.facts.control if row.status == "writing" and row.run_id in attempts.run_ids]
    begun = (
        bool(writing)
        or context.facts.log.write_started
        or any(one.state.status is not WriteStatus.NOT_STARTED for one in outputs)
    )
    if not begun and (Signal.LOGS not in context.seen or len(attempts.runs) > 1):
        why = f"whether {', '.join(effects)} was done cannot be told without every attempt's log"
        yield _rule("OTHER_EFFECTS", False, why)
        return
    why = (
        f"the write phase began, so {', '.join(effects)} may already be done and would be done twice"
        if begun
        else "the write phase never began, so no declared side effect was done"
    )
    evidence = [one for state in outputs for one in state.state.evidence[:2]]
    yield _rule("OTHER_EFFECTS", not begun, why, *evidence, unsafe=True)
