"""From findings to the one category: what broke (design section 3, "Which one")."""

import msgspec

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding, Strength
from pipetriage.model.incident import Alternative
from pipetriage.model.write_state import Rerun, RerunDecision, WriteState, WriteStatus
from pipetriage.verdict.write_state import OutputState

_COMMITTED = frozenset({WriteStatus.PARTIAL, WriteStatus.COMPLETE, WriteStatus.UNCERTAIN})
_ORDER = {Strength.STRONG: 0, Strength.MODERATE: 1, Strength.WEAK: 2}


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen category with what else was possible."""

    category: Category
    mode: FailureMode
    statement: str
    deciding: tuple[Finding, ...]
    """The findings that speak for it; empty when nothing does."""
    alternatives: tuple[Alternative, ...]
    conflict: bool = False


def choose_cause(context: Context, findings: list[Finding], outputs: list[OutputState], rerun: Rerun) -> Cause:
    """Choose the category: the cause when one is strong, UNKNOWN when two are, the written output when none is."""
    strong = [one for one in findings if one.strength is Strength.STRONG]
    categories = _categories(strong)
    if len(categories) > 1:
        return _conflict(strong, findings)
    if categories and categories != [Category.UNKNOWN]:
        return _cause(strong, findings)
    # "A service failed" or "memory ran out" names what stopped the run, but no cause of the seven: what it left
    # behind matters more.
    at_risk = [one for one in outputs if _unproven(one, rerun)]
    moderate = [one for one in findings if one.strength is Strength.MODERATE]
    if at_risk and context.facts.run.state != "SUCCEEDED":
        return _partial_write(at_risk[0], context, findings)
    if categories:
        return _cause(strong, findings)
    named = [one for one in moderate if one.category is not Category.UNKNOWN] or moderate
    categories = _categories(named)
    if context.facts.run.succeeded and (short := _short(outputs, named=categories not in ([], [Category.UNKNOWN]))):
        return _partial_write(short[0], context, findings)
    if len(categories) == 1:
        return _cause(named, findings)
    if len(categories) > 1:
        return _conflict(named, findings)
    return _nothing(context, findings, outputs)


def _categories(findings: list[Finding]) -> list[Category]:
    """List the distinct causes; a finding that merely says "unknown" yields to one that names a cause."""
    kinds: dict[Category, None] = dict.fromkeys(one.category for one in findings)
    named: list[Category] = [kind for kind in kinds if kind != Category.UNKNOWN]
    unknown = [one for one in findings if one.category is Category.UNKNOWN]
    # The service that failed under a commit is why nobody knows what became of it: one cause, not two.
    commit = any(one.failure_mode is FailureMode.COMMIT_STATE_UNKNOWN for one in findings)
    if named and not commit and any(one.failure_mode is FailureMode.TRANSIENT_SERVICE for one in unknown):
        # A failing service as the terminal error is a cause of its own, not a lack of one.
        return [*named, Category.UNKNOWN]
    return named or list(dict.fromkeys(one.category for one in unknown))


def _cause(deciding: list[Finding], findings: list[Finding]) -> Cause:
    named = [one for one in deciding if one.category is not Category.UNKNOWN] or deciding
    first = named[0]
    speaking = tuple(one for one in findings if one.category is first.category and one.strength is not Strength.WEAK)
    return Cause(
        category=first.category,
        mode=first.failure_mode,
        statement=first.statement,
        deciding=speaking or (first,),
        alternatives=_alternatives(findings, first.category),
    )


def _conflict(among: list[Finding], findings: list[Finding]) -> Cause:
    kinds = list(dict.fromkeys(one.category for one in among))
    firsts = [next(one for one in among if one.category is kind) for kind in kinds]
    words = " — or: ".join(one.statement.rstrip(".") for one in firsts)
    return Cause(
        category=Category.UNKNOWN,
        mode=FailureMode.CONFLICTING_EVIDENCE,
        statement=f"The evidence fits more than one cause: {words}.",
        deciding=tuple(firsts),
        alternatives=_alternatives(findings, None),
        conflict=True,
    )


def _unproven(one: OutputState, rerun: Rerun) -> bool:
    """Whether committed or visible output exists that a rerun is not proven to replace."""
    return one.state.status in _COMMITTED and rerun.decision is not RerunDecision.SAFE


def _short(outputs: list[OutputState], *, named: bool) -> list[OutputState]:
    """Give the outputs that a success left unfinished.

    A target that nothing reached though its staging table was written was not published, whatever else is likely;
    declared partitions that did not come may be the input's fault where that is ``named``.
    """
    staged = any(one.state.role == "staging" and one.state.status in _COMMITTED for one in outputs)
    empty = [one for one in outputs if one.state.role == "target" and one.state.status is WriteStatus.NOT_STARTED]
    if staged and empty:
        return empty
    return [one for one in outputs if not named and _lacks_partitions(one.state)]


def _lacks_partitions(state: WriteState) -> bool:
    fewer = state.partitions_written is not None and state.partitions_written < (state.partitions_expected or 0)
    return state.status is WriteStatus.PARTIAL and (fewer or bool(state.partitions_missing))


def _partial_write(output: OutputState, context: Context, findings: list[Finding]) -> Cause:
    state = output.state
    evidence = tuple(state.evidence) or (context.facts.run.evidence,)
    done = state.status is WriteStatus.COMPLETE
    named = next((one for one in findings if one.strength is not Strength.WEAK), None)
    told = "What else is seen" if context.facts.run.succeeded else "What stopped it"
    stopped = f" {told}: {named.statement}" if named is not None else ""
    mode = FailureMode.UNPROVEN_OUTPUT if done or not state.commits else FailureMode.FAILED_BETWEEN_COMMITS
    succeeded = "is called a success, yet did not write all of"
    ended = succeeded if context.facts.run.succeeded else "failed after it had written to"
    finding = Finding(
        detector="write_state",
        category=Category.PARTIAL_WRITE_RISK,
        failure_mode=mode,
        strength=Strength.STRONG,
        statement=f"The run {ended} {state.table}: {state.why}.{stopped}",
        evidence=evidence,
    )
    return Cause(
        category=Category.PARTIAL_WRITE_RISK,
        mode=mode,
        statement=finding.statement,
        deciding=(finding,),
        alternatives=_alternatives(findings, Category.PARTIAL_WRITE_RISK),
    )


def _nothing(context: Context, findings: list[Finding], outputs: list[OutputState]) -> Cause:
    run = context.facts.run
    if run.succeeded:
        mode, statement = FailureMode.NO_FAILURE_FOUND, "The run succeeded, and no sign of a failure was found."
        if outputs and all(one.state.status is WriteStatus.NOT_STARTED for one in outputs):
            statement += f" It wrote nothing to {', '.join(one.state.table for one in outputs)}."
    elif context.errors:
        mode = FailureMode.INSUFFICIENT_EVIDENCE
        root = context.errors[0].root
        statement = f"No rule explains the failure; the log's last word is {root.exception or 'an error'}."
    else:
        mode, statement = FailureMode.INSUFFICIENT_EVIDENCE, "No evidence of what broke was found."
    return Cause(
        category=Category.UNKNOWN,
        mode=mode,
        statement=statement,
        deciding=(),
        alternatives=_alternatives(findings, None),
    )


def _alternatives(findings: list[Finding], chosen: Category | None) -> tuple[Alternative, ...]:
    best: dict[Category, Finding] = {}
    for one in sorted(findings, key=lambda finding: _ORDER[finding.strength]):
        if one.category not in {chosen, Category.UNKNOWN}:
            best.setdefault(one.category, one)
    return tuple(
        Alternative(category=category, why=f"{one.strength.lower()}: {one.statement}", evidence=list(one.evidence))
        for category, one in best.items()
    )
