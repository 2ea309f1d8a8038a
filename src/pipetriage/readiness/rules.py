"""Rerun rules that a pipeline's declaration or set-up breaks: the triage's own, asked of each run that was looked at.

The signals say what there is to see. Whether a rerun could be called SAFE with it is decided by the rules
(``verdict/rerun.py``), so they are asked themselves. Only what a person can mend counts here: that a run wrote rows, or
that another is in flight, says nothing against the set-up.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal, Unanswered
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.write_state import Reason, WriteStatus
from pipetriage.readiness.fixes import AGAIN, Fix, fix_of, place_of
from pipetriage.readiness.names import Name
from pipetriage.verdict.attempts import Attempts, find_attempts
from pipetriage.verdict.attribution import Owner
from pipetriage.verdict.rerun import decide_rerun
from pipetriage.verdict.rerun_input import lists_the_source
from pipetriage.verdict.write_state import OutputState, write_states


class RuleReport(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that keeps reruns of the pipeline from being called SAFE."""

    rule: str
    """As ``rerun.reasons`` of an incident names it (docs/rules.md)."""
    fails_in: int
    runs: int
    """Runs looked at."""
    detail: str
    """Why, in the newest run in which it fails."""
    fix: str
    fix_in: str


class _Asked(NamedTuple):
    """One run, judged."""

    context: Context
    attempts: Attempts
    outputs: list[OutputState]
    broken: list[Reason]


class _Rule(NamedTuple):
    """When a rule's failing is the set-up's doing, and how that is mended."""

    of_set_up: Callable[[_Asked], bool]
    fix: Callable[[_Asked, Reason, bool], Fix]
    every: bool
    """Whether it must fail in every run: one alone may have had its own reason."""


def broken_rules(contexts: Sequence[Context], *, local: bool) -> list[RuleReport]:
    """List the rules that stand in the way whatever a run did, from runs newest first."""
    asked = [_ask(one) for one in contexts]
    found = []
    for name, rule in _RULES.items():
        failing = [
            (one, reason)
            for one in asked
            for reason in [next((reason for reason in one.broken if reason.rule == name), None)]
            if reason is not None and rule.of_set_up(one)
        ]
        if not failing or (rule.every and len(failing) < len(asked)):
            continue
        one, reason = failing[0]
        place, text = rule.fix(one, reason, local)
        report = RuleReport(
            rule=name, fails_in=len(failing), runs=len(asked), detail=reason.why, fix=text, fix_in=place
        )
        found.append(report)
    return found


def _ask(context: Context) -> _Asked:
    # That a run has not settled yet is no fault of the set-up's, and passes.
    context = msgspec.structs.replace(context, settle_seconds=0.0)
    attempts = find_attempts(context)
    outputs = write_states(context, attempts)
    rerun = decide_rerun(context, attempts, outputs)
    return _Asked(context, attempts, outputs, [reason for reason in rerun.reasons if not reason.holds])


# When it is the set-up's doing


def _always(asked: _Asked) -> bool:
    return True


def _table_unseen(asked: _Asked) -> bool:
    """Leave out an outcome that is seen and cannot be told (a commit may have landed), and attempts without an end."""
    unseen = any(one.state.status is WriteStatus.UNOBSERVED or one.doubts for one in asked.outputs)
    return unseen and asked.attempts.window_end is not None


def _mode_contradicted(asked: _Asked) -> bool:
    """Leave out plain tables, whose files never show how they were written, and commits that may not be the run's."""
    return any(one.log is not None and one.by_owner(Owner.OURS) for one in asked.outputs)


def _bookmark_unseen(asked: _Asked) -> bool:
    return asked.context.facts.bookmark is None or Signal.BOOKMARK not in asked.context.seen


def _source_unknown(asked: _Asked) -> bool:
    """Leave out an input that was listed whole, and is gone: so it may be for every batch that is done."""
    facts = asked.context.facts
    if asked.context.pipeline.source_consumed or facts.source is None or facts.source_uri is None:
        return True
    return not lists_the_source(facts) or not facts.source.complete


# How it is mended


def _of(name: Name, *signals: Signal) -> Callable[[_Asked, Reason, bool], Fix]:
    """Give the fix of a signal, unless its source was only not reached."""

    def fix(asked: _Asked, reason: Reason, local: bool) -> Fix:
        gaps = [gap for gap in asked.context.gaps if gap.source.partition(":")[0] in signals]
        if gaps and all(isinstance(gap, Unanswered) for gap in gaps):
            return AGAIN
        return fix_of(name, asked.context.pipeline, gaps[0].reason if gaps else reason.why, local=local)

    return fix


def _here(text: str) -> Callable[[_Asked, Reason, bool], Fix]:
    return lambda asked, reason, local: Fix(place_of(asked.context.pipeline), text)


def _bookmark_off(asked: _Asked, reason: Reason, local: bool) -> Fix:
    return Fix("the Glue job's default arguments", "--job-bookmark-option job-bookmark-disable")


def _source(asked: _Asked, reason: Reason, local: bool) -> Fix:
    pipeline = asked.context.pipeline
    if pipeline.source_consumed:
        text = "source_consumed = false  # once the job leaves its input where it is: until then no rerun is safe"
        return Fix(place_of(pipeline), text)
    if pipeline.batch_id is not None and asked.context.facts.source_uri is None:
        return fix_of(Name.BATCH_IDS, pipeline, reason.why, local=local)
    return _of(Name.SOURCE, Signal.SOURCE_LISTING)(asked, reason, local)


_COLUMNS = 'columns = { batch_id = "COLUMN", job_run_id = "COLUMN", status = "COLUMN" }  # as the table names them'
_VALUES = 'values = { succeeded = ["WORD"], failed = ["WORD"], running = ["WORD"], writing = ["WORD"] }'


def _control(asked: _Asked, reason: Reason, local: bool) -> Fix:
    context, pipeline = asked.context, asked.context.pipeline
    if Signal.CONTROL not in context.seen or any(gap.source == Signal.CONTROL for gap in context.gaps):
        return _of(Name.CONTROL, Signal.CONTROL)(asked, reason, local)
    within = _within_control(pipeline)
    if any(row.run_id is None and row.batch_id is None for row in context.facts.control):
        return Fix(within, _COLUMNS)
    declared = pipeline.control_declaration()
    if declared is not None and declared.only and "control.only" in reason.why:
        return Fix(within, 'only = { COLUMN = "VALUE" }  # as this pipeline\'s rows have it')
    return Fix(within, _VALUES)


def _history(asked: _Asked, reason: Reason, local: bool) -> Fix:
    context = asked.context
    known = {run.run_id for run in context.facts.history}
    if any(row.batch_id is None and row.run_id and row.run_id not in known for row in context.facts.control):
        return Fix(_within_control(context.pipeline), _COLUMNS)
    if Signal.JOB_RUNS in context.seen and context.facts.run.batch_id is None:
        return fix_of(Name.BATCH_IDS, context.pipeline, reason.why, local=local)
    if Signal.JOB_RUNS in context.seen:
        return Fix("", "")  # the runs that are missing are gone, or are told apart by nothing that can be declared
    return _of(Name.RUNS, Signal.JOB_RUNS)(asked, reason, local)


def _within_control(pipeline: Pipeline) -> str:
    return f"{place_of(pipeline)}, within control"


_TABLE_SIGNALS = (
    *(Signal.TABLE, Signal.TABLE_LISTING, Signal.ICEBERG_METADATA, Signal.ICEBERG_ENTRIES),
    *(Signal.DELTA_LOG, Signal.HUDI_TIMELINE),
)
_RULES: dict[str, _Rule] = {
    "DECLARATION_UNCONFIRMED": _Rule(_always, _here("drafted = false  # once every line of it is checked"), False),
    "OUTPUTS_UNDECLARED": _Rule(_always, _of(Name.OUTPUTS), False),
    "BOOKMARK_WITH_OVERWRITE": _Rule(_always, _bookmark_off, False),
    "SOURCE_GONE": _Rule(_source_unknown, _source, False),
    "CONTROL_UNOBSERVED": _Rule(_always, _control, False),
    "RUN_UNOBSERVED": _Rule(_always, _of(Name.RUNS, Signal.JOB_RUN), True),
    "HISTORY_UNOBSERVED": _Rule(_always, _history, True),
    "JOB_UNOBSERVED": _Rule(_always, _of(Name.RUNS, Signal.JOB), True),
    "BOOKMARK_ADVANCED": _Rule(_bookmark_unseen, _of(Name.RUNS, Signal.BOOKMARK), True),
    "TABLE_UNOBSERVED": _Rule(_table_unseen, _of(Name.TABLE_COMMITS, *_TABLE_SIGNALS), True),
    "WRITE_MODE_UNPROVEN": _Rule(
        _mode_contradicted, _here('write_mode = "append"  # or another: as the job writes (docs/settings.md)'), True
    ),
}
"""In the order in which they are told: what is declared first."""
