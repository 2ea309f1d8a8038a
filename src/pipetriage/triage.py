"""THE flow, readable in one function: collect → context → detect → write state → exposure → gate → store."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from pipetriage.context.build import build_context
from pipetriage.detectors.interface import Detector
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding
from pipetriage.model.incident import Classifier, Incident
from pipetriage.settings import Settings
from pipetriage.sources.interface import Collector
from pipetriage.verdict.attempts import find_attempts
from pipetriage.verdict.exposure import exposures
from pipetriage.verdict.gate import judge
from pipetriage.verdict.rerun import decide_rerun
from pipetriage.verdict.write_state import write_states


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
    ) -> None:
        self._detectors = detectors
        self._settings = settings
        self._rules_version = rules_version
        self._clock = clock
        self._timer = timer

    def run(self, collector: Collector) -> Incident:
        """Triage the run that the collector knows.

        Raises:
            TargetError: the run cannot be identified or read at all.
        """
        began = self._timer()
        collected = collector.collect()
        context = build_context(collected, self._settings.context)
        findings = self.detect(context)
        attempts = find_attempts(context)
        outputs = write_states(context, attempts)
        rerun = decide_rerun(context, attempts, outputs)
        exposed = exposures(context, attempts, outputs)
        incident = judge(
            context,
            attempts,
            findings,
            outputs,
            rerun,
            exposed,
            settings=self._settings,
            now=self._clock(),
            classifier=Classifier(rules_version=self._rules_version, bytes_read=context.facts.log.bytes),
        )
        seconds = round(self._timer() - began, 4)
        return msgspec.structs.replace(
            incident, classifier=msgspec.structs.replace(incident.classifier, seconds=seconds)
        )

    def detect(self, context: Context) -> list[Finding]:
        """Ask every detector; strongest findings first, else in the detectors' order."""
        found = [finding for detector in self._detectors for finding in detector.detect(context)]
        order = ("STRONG", "MODERATE", "WEAK")
        return sorted(found, key=lambda finding: order.index(finding.strength))
