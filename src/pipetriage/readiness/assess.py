"""How ready pipelines are, from their recent runs: which signals they leave, what is missing, how to mend it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pipetriage.context.build import build_context
from pipetriage.model.evidence import Collected
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.templates import fill
from pipetriage.readiness.checks import Check
from pipetriage.readiness.costs import SAFE_WORDS, Loss, Way, capped, in_words, needed, some_lost, stored
from pipetriage.readiness.fixes import AGAIN, fix_of
from pipetriage.readiness.names import Name, State
from pipetriage.readiness.rules import RuleReport, broken_rules
from pipetriage.readiness.sightings import Sighting, see, together
from pipetriage.readiness.signals import SIGNALS, ReadinessSignal
from pipetriage.settings import ContextSettings


class SignalReport(msgspec.Struct, frozen=True, kw_only=True):
    """One signal of one pipeline."""

    signal: Name
    state: State
    """Of all the runs together: a gap as soon as one that should have left it did not."""
    seen_in: int
    runs: int
    """Of the runs looked at, those in which it was due."""
    detail: str
    costs: str
    """What its absence costs, in words; empty unless it is a gap."""
    fix: str
    """The smallest change, to paste; empty unless it is a gap."""
    fix_in: str
    """Where it is made; empty where nothing is to be changed."""
    needed: bool
    """A safe verdict needs it, as measured: most are lost without it, or harm was called safe."""
    some_lost: bool
    """As measured, some safe verdicts at least are lost without it."""


class PipelineReport(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline."""

    name: str
    declared: bool
    runs: int
    """Runs looked at."""
    run_ids: list[str]
    """Newest first."""
    signals: list[SignalReport]
    capped: list[str]
    """Words of a verdict that cannot be reached as things are."""
    rules: list[RuleReport] = []
    """Rules of the rerun decision that its declaration or set-up breaks, whatever a run did."""
    unread: list[str] = []
    """Why others of its recent runs could not be read."""
    error: str | None = None
    """Why it could not be looked at at all."""

    @property
    def ready(self) -> bool:
        """Whether all that a safe verdict needs is there."""
        return (
            self.error is None
            and not self.unread
            and not self.rules
            and not any(one.needed and one.state is State.GAP for one in self.signals)
        )


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What ``pipetriage doctor`` says."""

    as_of: datetime
    checks: list[Check]
    pipelines: list[PipelineReport]

    @property
    def exit_code(self) -> int:
        """0: all that a safe verdict needs is there. 1: something is missing. 3: no pipeline could be looked at."""
        if self.pipelines and all(one.error for one in self.pipelines):
            return 3
        whole = bool(self.pipelines) and all(one.ready for one in self.pipelines)
        return 0 if whole and all(one.ok or not one.needed for one in self.checks) else 1


def assess(
    name: str,
    pipeline: Pipeline,
    runs: Sequence[Collected],
    settings: ContextSettings,
    *,
    declared: bool = True,
    unread: Sequence[str] = (),
) -> PipelineReport:
    """Say how ready a pipeline is, from the evidence of at least one of its recent runs, newest first."""
    contexts = [build_context(one, settings) for one in runs]
    local = all(one.origin.startswith("local:") for one in runs)
    told = {one.name: together(see(one.name, context) for context in contexts) for one in SIGNALS}
    signals, losses = [], []
    for one in SIGNALS:
        sighting, seen_in, due = told[one.name]
        loss = stored().of(one.name, _way(one.name, pipeline, told))
        if sighting.state is State.GAP and seen_in == 0 and loss is not None:
            losses.append(loss)
        signals.append(_report(one, pipeline, sighting, seen_in, due, loss, local))
    rules = broken_rules(contexts, local=local)
    out_of_reach: tuple[str, ...] = ()
    if any(one.fails_in == one.runs for one in rules):
        out_of_reach = SAFE_WORDS
    elif pipeline.max_attempts <= 1:  # the run itself uses it up
        out_of_reach = SAFE_WORDS[1:]
    return PipelineReport(
        name=name,
        declared=declared,
        runs=len(runs),
        run_ids=[one.run.job_run_id for one in runs],
        signals=signals,
        capped=list(dict.fromkeys([*out_of_reach, *capped(losses)])),
        rules=rules,
        unread=list(unread),
    )


def _report(
    one: ReadinessSignal,
    pipeline: Pipeline,
    sighting: Sighting,
    seen_in: int,
    due: int,
    loss: Loss | None,
    local: bool,
) -> SignalReport:
    gap = sighting.state is State.GAP
    fix = None
    if gap:
        fix = AGAIN if sighting.unanswered else fix_of(one.name, pipeline, sighting.detail, local=local)
    return SignalReport(
        signal=one.name,
        state=sighting.state,
        seen_in=seen_in,
        runs=due,
        detail=sighting.detail,
        costs=in_words(loss, one.besides) if gap else "",
        fix=fix.text if fix else "",
        fix_in=fix.place if fix else "",
        needed=needed(loss),
        some_lost=some_lost(loss),
    )


def _way(name: Name, pipeline: Pipeline, told: dict[Name, tuple[Sighting, int, int]]) -> Way:
    """Say which of the measured ways of missing a signal is this pipeline's."""
    match name:
        case Name.SOURCE:
            return Way.UNDECLARED if pipeline.source is None else Way.UNSEEN
        case Name.CONTROL:
            return Way.UNDECLARED if pipeline.control is None else Way.UNSEEN
        case Name.BATCH_IDS:
            found_by_batch = pipeline.source is not None and fill(pipeline.source, None) is None
            return Way.UNSEEN if found_by_batch else Way.UNDECLARED
        case Name.SNAPSHOT_STAMPS if told[Name.EVENT_LOGS][0].state is not State.SEEN:
            return Way.ALONE
    return Way.UNSEEN
