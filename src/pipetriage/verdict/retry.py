"""May the batch be retried without a person? (design section 4.5)

Only when the rerun is SAFE and the cause clears by itself. Every condition is named in ``retry_reasons``.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.finding import Strength
from pipetriage.model.write_state import Reason, Rerun, RerunDecision
from pipetriage.settings import SettleSettings
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.cause import Cause
from pipetriage.verdict.rerun_input import lists_the_source
from pipetriage.verdict.spelling import names_path

# A refusal in any engine's words, or as an exception's name.
_REFUSAL = re.compile(r"(?i)denied|not authorized|unauthorized|forbidden|\b403\b|AccessControlException")
# Glue's words for a run that it never began; they come before any line of the job's code.
_NO_ROOM = re.compile(
    r"(?i)concurrent ?runs ?exceeded|resource unavailable|resource ?number ?limit ?exceeded|concurrent compute capacity"
)
_AWAITS_SOURCE = frozenset({FailureMode.MISSING_PATH, FailureMode.EMPTY_PATH})
# Changes under which a missing path may be a wrong path rather than a late one.
_PATH_MAY_HAVE_CHANGED = ("argument ", "code version", "script location", "engine version", "job modified")


def retry_reasons(context: Context, attempts: Attempts, cause: Cause, rerun: Rerun) -> list[Reason]:
    """Ask every condition; safe to retry only if all hold."""
    return [
        _reason("RERUN_NOT_SAFE", rerun.decision is RerunDecision.SAFE, f"rerun is {rerun.decision}"),
        _reason(
            "PARTIAL_WRITE_RISK",
            cause.category is not Category.PARTIAL_WRITE_RISK,
            f"the category is {cause.category}",
        ),
        _log_seen(context),
        *_clears_by_itself(context, cause),
        _unchanged(context),
        *_attempts_left(context, attempts),
        *_quality(context, attempts),
    ]


def _reason(rule: str, holds: bool, why: str, evidence: list[str] | None = None) -> Reason:
    return Reason(rule=rule, holds=holds, why=why, evidence=evidence or [])


def _log_seen(context: Context) -> Reason:
    """Ask whether the whole log was read: an error message alone may name an effect and hide the cause."""
    seen = Signal.LOGS in context.seen and context.facts.log.lines > 0
    if not seen and _never_started(context):
        why = "the service says itself that it had no room: the job's code never ran, so there is no log"
        return _reason("LOG_UNOBSERVED", True, why, [context.facts.run.evidence])
    why = "the run's log was read" if seen else "the run's log was not seen in full, so the cause may be another"
    return _reason("LOG_UNOBSERVED", seen, why, ["log"] if seen else [])


def _never_started(context: Context) -> bool:
    """Whether Glue refused to start the run for want of capacity (its StartJobRun errors and JobRunState FAILED)."""
    run = context.facts.run
    return not run.execution_seconds and _NO_ROOM.search(run.error_message) is not None


def _clears_by_itself(context: Context, cause: Cause) -> Iterator[Reason]:
    rule = "CAUSE_NEEDS_A_PERSON"
    evidence = [one for finding in cause.deciding for one in finding.evidence][:4]
    if context.facts.run.succeeded:
        yield _reason(rule, False, "the run succeeded; running it again would override its result")
    elif cause.mode is FailureMode.TRANSIENT_SERVICE and not _certain(cause):
        yield _reason(rule, False, "that a service failed for a while is likely, not certain", evidence)
    elif cause.mode is FailureMode.TRANSIENT_SERVICE and cause.category is Category.UNKNOWN:
        yield _reason(rule, True, "a service failed for a while; nobody has to change anything", evidence)
    elif cause.mode in _AWAITS_SOURCE and cause.category is Category.SOURCE_DELAY:
        yield from _late_source(context, cause, evidence)
    else:
        yield _reason(rule, False, f"{cause.category}/{cause.mode} does not clear without a person", evidence)


def _unchanged(context: Context) -> Reason:
    """Ask whether a retry would be the same run again: code or job may have been changed since it began."""
    facts, began = context.facts, context.facts.run.started_at
    job = facts.job
    deployed = [one for one in facts.deployments if one.deployed_at and began and one.deployed_at > began]
    if deployed:
        why = f"version {deployed[-1].version} was deployed since the run began: a retry would run other code"
        return _reason("CHANGED_SINCE_THE_RUN", False, why, [deployed[-1].evidence])
    if job is not None and job.modified_at is not None and began is not None and job.modified_at > began:
        why = "the job was modified since the run began: a retry would not be the same run"
        return _reason("CHANGED_SINCE_THE_RUN", False, why, [job.evidence])
    return _reason("CHANGED_SINCE_THE_RUN", True, "neither code nor job is seen to have changed since the run began")


def _certain(cause: Cause) -> bool:
    return any(finding.strength is Strength.STRONG for finding in cause.deciding)


def _late_source(context: Context, cause: Cause, evidence: list[str]) -> Iterator[Reason]:
    """Ask whether the failing path is this batch's declared source, and merely late."""
    facts = context.facts
    uri = facts.source_uri
    if uri is None:
        yield _reason("SOURCE_NOT_DECLARED", False, "the batch's source is not declared, so the path cannot be judged")
        return
    # Only the errors that decided: a warning in passing may name the source too. Where the source holds files, one of
    # them that is gone was replaced under the run's eyes: whoever delivers them may not have finished.
    holds_files = facts.source is not None and any(file.size > 0 for file in facts.source.files)
    named = any(
        names_path(f"{linked.message} {error.excerpt}", uri, below=not holds_files)
        for error in context.errors
        if any(error.evidence in finding.evidence for finding in cause.deciding)
        for linked in error.causes
    )
    if not named and not _names_any_path(context, cause):
        # botocore's NoSuchKey names nothing; where the declared source is seen to be empty, it is what was looked for.
        named = facts.source is not None and facts.source.complete and not holds_files
    why = "the failing path is the declared source" if named else f"the error does not name the declared source {uri}"
    yield _reason("OTHER_PATH_FAILED", named, why, evidence)
    listed = facts.source is not None and facts.source.complete and lists_the_source(facts)
    why = "the source was listed" if listed else "the source could not be listed in full"
    yield _reason("SOURCE_UNOBSERVED", listed, why, [facts.source.evidence] if facts.source else [])
    refused = facts.denials or any(
        _REFUSAL.search(f"{linked.exception} {linked.message}") for error in context.errors for linked in error.causes
    )
    why = "a refusal is seen, and a refused path looks like a missing one" if refused else "no refusal is seen"
    yield _reason("REFUSAL_SEEN", not refused, why)
    changed = [one.what for one in facts.changes if one.what.startswith(_PATH_MAY_HAVE_CHANGED)]
    why = (
        f"changed since the last good run: {', '.join(changed)}"
        if changed
        else "path, arguments and code are unchanged"
    )
    yield _reason("PATH_MAY_HAVE_CHANGED", not changed, why)


def _names_any_path(context: Context, cause: Cause) -> bool:
    deciding = [
        error for error in context.errors if any(error.evidence in finding.evidence for finding in cause.deciding)
    ]
    return any("://" in f"{linked.message} {error.excerpt}" for error in deciding for linked in error.causes)


def _attempts_left(context: Context, attempts: Attempts) -> Iterator[Reason]:
    used, allowed = len(attempts.runs), context.pipeline.max_attempts
    yield _reason("NO_ATTEMPTS_LEFT", used < allowed, f"{used} of {allowed} attempts are used")
    later = [run for run in attempts.runs if run.succeeded]
    if later:
        yield _reason(
            "BATCH_ALREADY_DONE", False, f"run {later[-1].run_id} of the batch succeeded", [later[-1].evidence]
        )


def _quality(context: Context, attempts: Attempts) -> Iterator[Reason]:
    failed = [
        rule
        for rule in context.facts.quality
        if rule.outcome in {"FAIL", "FAILED"} and (rule.run_id is None or rule.run_id in attempts.run_ids)
    ]
    why = f"rule {failed[0].rule} failed; a retry would override it" if failed else "no data-quality rule failed"
    yield _reason("QUALITY_FAILED", not failed, why, [rule.evidence for rule in failed[:3]])


def with_wait(context: Context, cause: Cause, rerun: Rerun, settle: SettleSettings) -> Rerun:
    """Say what a retry has to wait for."""
    if rerun.decision is not RerunDecision.SAFE:
        return rerun
    if cause.category is Category.SOURCE_DELAY and cause.mode in _AWAITS_SOURCE and context.facts.source_uri:
        source = context.facts.source
        arrived = source is not None and any(file.size > 0 for file in source.files)
        if arrived:
            return rerun
        return replace(rerun, wait_for=context.facts.source_uri, retry_after_seconds=settle.source_wait_seconds)
    if cause.mode is FailureMode.TRANSIENT_SERVICE:
        wait = settle.service_wait_seconds
        return replace(rerun, wait_for="the service that failed", retry_after_seconds=wait)
    return rerun
