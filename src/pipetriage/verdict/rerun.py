"""Would running the batch again, unchanged, give the right tables? (design section 4.4)

Every rule is named after what it guards against, as lint rules are, and appears in ``rerun.reasons`` with whether
it holds. SAFE only if every one holds; UNSAFE if one that means "applied twice, or lost" fails; UNKNOWN otherwise.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import ENDED, Run
from pipetriage.model.write_state import Rerun, RerunDecision
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.rerun_control import control_rules, effect_rules
from pipetriage.verdict.rerun_input import bookmark_rules, source_rules
from pipetriage.verdict.rerun_outputs import output_rules
from pipetriage.verdict.ruling import Ruling, Weight, rule
from pipetriage.verdict.write_state import OutputState

# Airflow's task state, and its callback's name.
_RETRY_DUE = re.compile(r"(?i)\bup_for_retry\b|\bwill_retry\b")
_RETRIED_WITHIN = timedelta(hours=1)
"""An engine's own retry follows at once; a chain that ended longer ago will not go on."""


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
        *bookmark_rules(context, attempts, outputs),
        *source_rules(context, attempts, outputs),
        *control_rules(context, attempts, outputs, replaced=all(ruling.reason.holds for ruling in of_outputs)),
        *effect_rules(context, attempts, outputs),
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
    yield rule("RUN_UNOBSERVED", run_seen, "the run was seen" if run_seen else "the run itself was not seen", "job_run")
    yield rule("HISTORY_UNOBSERVED", attempts.known, attempts.why, "job_runs")
    job_seen = job is not None and job.max_retries is not None
    why = "the job was seen" if job_seen else "the job's definition (MaxRetries, bookmark) was not seen"
    yield rule("JOB_UNOBSERVED", job_seen, why, *(["job"] if job else []))
    declared = any(one.declared for one in outputs)
    why = "the outputs are declared" if declared else "which tables the pipeline writes is not declared (outputs)"
    yield rule("OUTPUTS_UNDECLARED", declared, why)
    if context.pipeline.drafted:
        why = "the declaration was drafted from past runs and nobody has checked it: check it, then take out drafted"
        yield rule("DECLARATION_UNCONFIRMED", False, why)


def _in_flight(context: Context, attempts: Attempts) -> Iterator[Ruling]:
    """Rule: nothing runs, and the engine will not retry by itself."""
    # A state that is not known to be an end may be none.
    flying = [run for run in context.facts.history if run.state not in ENDED]
    why = (
        f"run {flying[-1].run_id} is {flying[-1].state or 'in no known state'}"
        if flying
        else "no run of the job is in flight"
    )
    yield rule("RUN_IN_FLIGHT", not flying, why, *(run.evidence for run in flying))
    stuck = [
        row
        for row in context.facts.control
        if row.status in {"running", "writing"}
        and row.run_id not in {run.run_id for run in context.facts.history if not run.in_flight}
        and (attempts.is_our_batch(row.batch_id) or row.run_id in attempts.run_ids)
    ]
    if stuck:
        yield rule("RUN_IN_FLIGHT", False, f"the control table has run {stuck[-1].run_id} running", stuck[-1].evidence)
    if context.facts.orchestrator_cause and _RETRY_DUE.search(context.facts.orchestrator_cause):
        yield rule("ENGINE_WILL_RETRY", False, "the orchestrator says that it will retry by itself", "orchestrator")
    job = context.facts.job
    if job is None or job.max_retries is None:
        return
    for last, attempt in _chains(attempts):
        # Glue retries a run that failed or timed out; one that a person stopped, or that succeeded, it leaves.
        due = job.max_retries > attempt and last.state in {"FAILED", "TIMEOUT", "ERROR", ""}
        newest = last.first_attempt_id == attempts.runs[-1].first_attempt_id
        recent = last.ended_at is not None and context.as_of - last.ended_at < _RETRIED_WITHIN
        if not newest and not (due and recent):
            continue
        why = (
            f"MaxRetries is {job.max_retries} and only attempt {attempt} is seen: the engine starts the next by itself"
            if due
            else f"MaxRetries is {job.max_retries}, no further attempt is due"
        )
        yield rule("ENGINE_WILL_RETRY", not due, why, "job", last.evidence)


def _chains(attempts: Attempts) -> list[tuple[Run, int]]:
    """Give each chain of the engine's own attempts: its last run, and the highest attempt number."""
    last: dict[str, tuple[Run, int]] = {}
    for run in attempts.runs:
        highest = max(run.attempt, last[run.first_attempt_id][1] if run.first_attempt_id in last else 0)
        last[run.first_attempt_id] = (run, highest)
    return list(last.values())
