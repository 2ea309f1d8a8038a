"""The rerun rules about the control table, and about effects elsewhere (design section 4.4, rules 4 and 5)."""

from collections.abc import Iterator

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.write_state import WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.ruling import Ruling, asked_early, rule
from pipetriage.verdict.write_state import OutputState

_KNOWN_WORDS = frozenset({"succeeded", "failed", "running", "writing"})


def control_rules(
    context: Context, attempts: Attempts, outputs: list[OutputState], *, replaced: bool
) -> Iterator[Ruling]:
    """Rules: the control row neither makes the job skip the batch nor contradicts the tables.

    ``replaced``: a rerun is proven to replace whatever the batch wrote.
    """
    declared = context.pipeline.control_declaration() is not None
    if Signal.CONTROL not in context.seen:
        if declared:
            yield rule("CONTROL_UNOBSERVED", False, "the declared control table could not be read")
        return
    if declared and any(row.run_id is None and row.batch_id is None for row in context.facts.control):
        why = "a control row names neither run nor batch: declare the control table's columns"
        yield rule("CONTROL_UNOBSERVED", False, why)
    if declared and any(gap.source == Signal.CONTROL for gap in context.gaps):
        yield rule("CONTROL_UNOBSERVED", False, "the declared control table could not be read whole")
    rows = [
        row for row in context.facts.control if row.run_id in attempts.run_ids or attempts.is_our_batch(row.batch_id)
    ]
    control = context.pipeline.control_declaration()
    if control is not None and control.only and not rows:
        why = "no control row of the batch has the values of control.only: they may be declared wrongly"
        yield rule("CONTROL_UNOBSERVED", False, why)
    strange = [row for row in rows if row.status not in _KNOWN_WORDS]
    if strange:
        word = f"says {strange[-1].status!r}" if strange[-1].status else "has no status"
        why = f"a control row of the batch {word}, which is declared to mean nothing (control.values)"
        yield rule("CONTROL_UNOBSERVED", False, why, strange[-1].evidence)
    if early := asked_early(context, Signal.CONTROL, attempts):
        yield rule("CONTROL_UNOBSERVED", False, early, *(row.evidence for row in rows[-1:]))
    done = [row for row in rows if row.status == "succeeded"]
    why = (
        "the control row calls the batch done, so the job would skip it"
        if done
        else "no control row makes the job skip the batch"
    )
    yield rule("CONTROL_SKIPS_BATCH", not done, why, *(row.evidence for row in (done or rows)[-3:]))
    incomplete = [one.state for one in outputs if one.state.status is not WriteStatus.COMPLETE]
    # PARTIAL only because nobody said how many partitions are due contradicts nothing.
    short = [one for one in incomplete if one.status is not WriteStatus.PARTIAL or one.partitions_expected is not None]
    if done and short:
        state = short[0]
        why = f"the control row says success, the evidence of {state.table} says {state.status}"
        yield rule("CONTROL_CONTRADICTS_TABLE", False, why, done[-1].evidence, *state.evidence[:3])
    failed = [row for row in rows if row.status == "failed"]
    if failed and outputs and not incomplete:
        why = "the control row says failed, yet every output is completely written"
        # Told in any case; where writing again replaces what is there, it does not matter which of the two is right.
        why += "; writing again replaces it either way" if replaced else ""
        yield rule("CONTROL_CONTRADICTS_TABLE", replaced, why, failed[-1].evidence)


def effect_rules(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Iterator[Ruling]:
    """Rule: nothing was done elsewhere that a rerun would do again."""
    effects = context.pipeline.effects()
    if not effects:
        yield rule("OTHER_EFFECTS", True, "no side effect outside the output tables is declared")
        return
    writing = [row for row in context.facts.control if row.status == "writing" and row.run_id in attempts.run_ids]
    begun = (
        bool(writing)
        or context.facts.log.write_started
        or any(one.state.status is not WriteStatus.NOT_STARTED for one in outputs)
    )
    # A log that does not hold what ended the run may lack the write as well.
    whole = Signal.LOGS in context.seen and any(one.evidence.startswith("log-") for one in context.terminal_errors)
    if not begun and (not whole or len(attempts.runs) > 1):
        why = f"whether {', '.join(effects)} was done cannot be told without every attempt's log"
        yield rule("OTHER_EFFECTS", False, why)
        return
    why = (
        f"the write phase began, so {', '.join(effects)} may already be done and would be done twice"
        if begun
        else "the write phase never began, so no declared side effect was done"
    )
    evidence = [one for state in outputs for one in state.state.evidence[:2]]
    yield rule("OTHER_EFFECTS", not begun, why, *evidence, unsafe=True)
