"""DATA_SKEW: a few keys hold most of the data, and the task that has them broke or never finished."""

from collections.abc import Iterator

from pipetriage.detectors.rules import Hit, RuleBook, strongest, unique
from pipetriage.detectors.skewed_stages import Skew, from_skew, skew_evidence, skews_behind
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings


class DataSkew:
    """Finds skew, and says that it broke the run only where what broke fits it."""

    id = "data_skew"
    summary = "One task had far more data than the others, and memory, executors or time ran out on it."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from stages and metrics, then from how the run ended."""
        return strongest(self._found(context))

    def _found(self, context: Context) -> Iterator[Finding]:
        skews = skew_evidence(context, self._thresholds)
        if not skews:
            return
        exhausted = self._exhausted(context)
        other = self._book.other_cause(context, Category.DATA_SKEW)
        told = other is not None and not from_skew(context, other, self._thresholds)
        for skew in skews[:3]:
            hit = next((hit for hit, behind in exhausted if skew in behind), None)
            if context.facts.run.succeeded or told:
                strength, hit = Strength.WEAK, None
            elif hit is not None:
                strength = Strength.STRONG
            else:
                strength = _by_its_end(context, skew, skews)
            ran_out = f", and the tasks ran out of resources: {hit.telling}" if hit is not None else ""
            yield Finding(
                detector=f"{self.id}/{'stage' if skew.stage is not None else 'metric'}",
                category=Category.DATA_SKEW,
                failure_mode=FailureMode.SKEWED_EXECUTOR_LOSS if hit is not None else skew.mode,
                strength=strength,
                statement=f"{skew.what}{ran_out}",
                evidence=unique((skew.evidence, *((hit.error.evidence,) if hit is not None else ()))),
            )

    def _exhausted(self, context: Context) -> list[tuple[Hit, list[Skew]]]:
        """Give the errors that ended the run and the skews that may be behind each."""
        ended = (hit for hit in self._book.hits(context) if hit.error.terminal and not hit.error.survived)
        paired = ((hit, skews_behind(context, hit, self._thresholds)) for hit in ended)
        return [(hit, behind) for hit, behind in paired if behind]


def _by_its_end(context: Context, skew: Skew, skews: list[Skew]) -> Strength:
    """Judge a skew of a run whose errors do not explain its end."""
    if context.terminal_errors:
        return Strength.MODERATE if skew.failed else Strength.WEAK
    if skew.failed:
        return Strength.STRONG
    timed_out = context.facts.run.state == "TIMEOUT"
    # Nobody but the clock ends a run with TIMEOUT. A killed driver, or a person's stop, may have had another reason.
    if skew.stuck:
        return Strength.STRONG if timed_out else Strength.MODERATE
    # The same rows are often shuffled twice: one hot task took the time, the next was at it when the time was up.
    if skew.took and timed_out and any(other.running for other in skews):
        return Strength.STRONG
    if skew.stage is None:
        return Strength.MODERATE
    return Strength.MODERATE if timed_out and (skew.took or not skew.went_well) else Strength.WEAK
