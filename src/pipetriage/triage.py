"""THE flow, readable in one function: collect → context → detect → write state → exposure → gate → model → route.

``bootstrap.App`` stores what comes of it, and has people told (``telling.py``).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from pipetriage.context.build import build_context
from pipetriage.context.further import further_evidence, offers
from pipetriage.detectors.interface import Detector
from pipetriage.model.categories import Category
from pipetriage.model.context import Context
from pipetriage.model.evidence import Collected, Evidence, Gap
from pipetriage.model.finding import Finding
from pipetriage.model.incident import Classifier as Cost
from pipetriage.model.incident import Incident
from pipetriage.model.proposal import EvidenceRequest, Further, Proposal
from pipetriage.model.write_state import Reason
from pipetriage.notifiers.routing import by_declared_rules
from pipetriage.settings import Settings
from pipetriage.sources.counting import counting
from pipetriage.sources.interface import Collector, CountsReads, Reads, ReadsOtherLogs
from pipetriage.verdict.attempts import find_attempts
from pipetriage.verdict.classifier import Classifier, Consultation, Judge, merge, stand_by
from pipetriage.verdict.exposure import exposures
from pipetriage.verdict.gate import judge
from pipetriage.verdict.rerun import decide_rerun
from pipetriage.verdict.write_state import write_states

_FURTHER_TOKENS = 280
"""Of one piece of further evidence, in four characters each: logs are dearer than that by half, and three pieces are to
leave room in a request of 4,000."""


class Judged(NamedTuple):
    """The rules' verdict, and what asking a model about it takes."""

    incident: Incident
    context: Context
    findings: list[Finding]
    judge: Judge
    further: Further | None
    reads: Callable[[], Reads]
    """What reading has taken by now, further evidence included."""


class Late(NamedTuple):
    """A model's answer that was not there when the verdict was due, and may still come."""

    consultation: Consultation
    amended: Callable[[Proposal], Incident]

    def wait(self, seconds: float) -> Incident | None:
        """Give the amended incident if the outcome is there within so many seconds; else the question is withdrawn.

        An outcome without an answer is one, too: it says how asking failed, and what it has cost.
        """
        try:
            proposal = self.consultation.wait(seconds)
        finally:
            self.consultation.cancel()
        return None if proposal is None else self.amended(proposal)


class Triaged(NamedTuple):
    """A verdict, and what may still amend it."""

    incident: Incident
    late: Late | None


class Triage:
    """Turns one run's evidence into an incident. Gets its parts by constructor and knows no vendor."""

    def __init__(
        self,
        *,
        detectors: Sequence[Detector],
        settings: Settings,
        rules_version: str,
        clock: Callable[[], datetime],
        timer: Callable[[], float],
        classifier: Classifier | None = None,
        objection: Callable[[str], Reason | None] = lambda incident_id: None,
    ) -> None:
        """Take the parts. ``objection`` gives what a model has objected to a retry before, by incident id."""
        self._detectors = detectors
        self._settings = settings
        self._rules_version = rules_version
        self._clock = clock
        self._timer = timer
        self._classifier = classifier
        self._objection = objection

    def run(self, collector: Collector) -> Incident:
        """Triage the run that the collector knows. A model's answer that is late is not waited for.

        Raises:
            TargetError: the run cannot be identified or read at all.
        """
        began = self._timer()
        rules = self.by_rules(collector)
        if self._classifier is None:
            return self._finished(rules, self._with_objection(rules, rules.incident), began)
        proposal = self._classifier.propose(rules.context, rules.findings, rules.further)
        return self._finished(rules, self._merged(rules, proposal), began)

    def follow(self, collector: Collector) -> Triaged:
        """Do the same, and give what may still come of a model that has not answered in time.

        Raises:
            TargetError: the run cannot be identified or read at all.
        """
        began = self._timer()
        rules = self.by_rules(collector)
        if self._classifier is None:
            return Triaged(self._finished(rules, self._with_objection(rules, rules.incident), began), None)
        consultation = self._classifier.consult(rules.context, rules.findings, rules.further)
        try:
            proposal = consultation.wait(self._settings.reasoning.deadline_seconds)
        except BaseException:
            consultation.cancel()
            raise
        if proposal is not None:
            return Triaged(self._finished(rules, self._merged(rules, proposal), began), None)
        late = Late(consultation, lambda said: self._finished(rules, self._merged(rules, said, amends=True), began))
        return Triaged(self._finished(rules, self._merged(rules, consultation.overdue()), began), late)

    def by_rules(self, collector: Collector) -> Judged:
        """Come to the verdict that needs no model.

        Raises:
            TargetError: the run cannot be identified or read at all.
        """
        collected = collector.collect()
        context = build_context(collected, self._settings.context)
        findings = self.detect(context)
        attempts = find_attempts(context)
        outputs = write_states(context, attempts)
        rerun = decide_rerun(context, attempts, outputs)
        exposed = exposures(context, attempts, outputs)
        reading = _Reading(collector, collected, context)
        calls, read = reading.so_far()
        verdict = partial(
            judge,
            *(context, attempts, findings, outputs, rerun, exposed),
            settings=self._settings,
            now=self._clock(),
            classifier=Cost(rules_version=self._rules_version, api_calls=calls, bytes_read=read),
        )
        incident = verdict(())
        # Only where the rules know no cause can more evidence decide anything.
        further = Further(offers(context), reading.further) if incident.failure_category is Category.UNKNOWN else None
        return Judged(incident, context, findings, verdict, further, reading.so_far)

    def _merged(self, rules: Judged, proposal: Proposal, *, amends: bool = False) -> Incident:
        merged = merge(rules.incident, proposal, rules.judge, rules.context.evidence)
        if proposal.answer is None:
            merged = self._with_objection(rules, merged)
        if proposal.asked:
            calls, read = rules.reads()
            merged = replace(merged, classifier=replace(merged.classifier, api_calls=calls, bytes_read=read))
        return replace(merged, created_at=self._clock()) if amends else merged

    def _with_objection(self, rules: Judged, incident: Incident) -> Incident:
        """Let an earlier objection to a retry stand where no model has answered anew."""
        objection = self._objection(incident.incident_id) if incident.safe_to_retry else None
        return incident if objection is None else stand_by(incident, objection, rules.judge)

    def _finished(self, rules: Judged, incident: Incident, began: float) -> Incident:
        """Route it by the declared rules, and say how long all took."""
        route = by_declared_rules(incident, rules.context.pipeline, self._settings.routing)
        seconds = round(self._timer() - began, 4)
        return replace(incident, route=route, classifier=replace(incident.classifier, seconds=seconds))

    def detect(self, context: Context) -> list[Finding]:
        """Ask every detector; strongest findings first, else in the detectors' order."""
        found = [finding for detector in self._detectors for finding in detector.detect(context)]
        order = ("STRONG", "MODERATE", "WEAK")
        return sorted(found, key=lambda finding: order.index(finding.strength))


class _Reading:
    """Reads further evidence of one run, and counts."""

    def __init__(self, collector: Collector, collected: Collected, context: Context) -> None:
        self._collector = collector
        self._collected = collected
        self._context = context
        self._files = 0

    def further(self, request: EvidenceRequest, name: str) -> Evidence | Gap:
        """Answer a model's request, by the same sources."""
        read_log = self._collector.log_of if isinstance(self._collector, ReadsOtherLogs) else None
        with counting() as count:
            try:
                return further_evidence(
                    *(request, self._context, self._collected, read_log),
                    evidence_id=name,
                    token_budget=_FURTHER_TOKENS,
                )
            finally:
                self._files += count.bytes

    def so_far(self) -> Reads:
        """Say what reading has taken by now."""
        collected = self._collected
        counted = self._collector.reads() if isinstance(self._collector, CountsReads) else None
        if counted is None:
            read = self._context.facts.log.bytes if collected.bytes_read is None else collected.bytes_read
            counted = Reads(collected.api_calls, read)
        return Reads(counted.api_calls, counted.bytes + self._files)
