"""SCHEMA_DRIFT: the input no longer has the shape, or holds the values, that the pipeline expects."""

from collections.abc import Iterator

from pipetriage.detectors.changes import SchemaDifference, schema_difference, weigh
from pipetriage.detectors.rules import Hit, Reading, RuleBook, strongest, unique
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.facts import QualityRule
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings

# DQDL rule types that speak of shape, not of values.
_SHAPE_RULES = frozenset({"columnexists", "schemamatch", "columncount", "columndatatype", "columnnamesmatchpattern"})


class SchemaDrift:
    """Finds input that changed its shape, from errors, schemas and data-quality rules."""

    id = "schema_drift"
    summary = "The input's columns, types or values are no longer what the pipeline expects."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from errors first; schemas and rules support them, or speak where no error does."""
        difference = schema_difference(context)
        quality = _failed_shape_rules(context)
        found = []
        for hit in self._book.hits(context):
            one = self._weighed(context, hit, difference, quality)
            if one is not None:
                found.append(one)
        if not any(one.strength is not Strength.WEAK for one in found):
            found.extend(self._without_error(context, difference, quality))
        return strongest(found)

    def _weighed(
        self, context: Context, hit: Hit, difference: SchemaDifference | None, quality: list[QualityRule]
    ) -> Finding | None:
        rule = hit.rule
        mine = rule.category is Category.SCHEMA_DRIFT
        if not mine and rule.reading not in {Reading.DRIFT_OR_CODE, Reading.CODE_OR_DRIFT}:
            return None
        weighed = weigh(context, hit, self._thresholds)
        if weighed.drift is None:
            return None
        relevant = difference if difference is not None and difference.touches(hit.cause.message) else None
        mode = rule.mode if mine else FailureMode.MISSING_COLUMN
        says = rule.says
        if relevant is not None and mode in _SHAPE_MODES and mode is not _mode(relevant):
            # The compared schemas know which side changed; an error's words only that the two differ.
            mode, says = _mode(relevant), "input and table disagree on their columns"
        because = f" ({relevant.described})" if relevant else f" ({weighed.because})" if weighed.because else ""
        supports = [*(relevant.evidence if relevant else ()), *weighed.evidence, *(one.evidence for one in quality[:2])]
        return Finding(
            detector=f"{self.id}/{rule.id}",
            category=Category.SCHEMA_DRIFT,
            failure_mode=mode,
            strength=weighed.drift,
            statement=f"{says}{because}: {hit.telling}",
            evidence=unique((hit.error.evidence, *supports)),
        )

    def _without_error(
        self, context: Context, difference: SchemaDifference | None, quality: list[QualityRule]
    ) -> Iterator[Finding]:
        firm = difference if difference is not None and difference.firm else None
        # Two independent witnesses, the declared schema and the quality rules, are sure without a log line.
        both = firm is not None and bool(quality)
        other = self._book.other_cause(context, Category.SCHEMA_DRIFT)
        told = other is not None and other.rule.mode is not FailureMode.QUALITY_FAILED
        silent = not context.terminal_errors or (other is not None and not told)
        if told or context.facts.run.succeeded:
            strength = Strength.WEAK
        elif both or (quality and other is not None):
            strength = Strength.STRONG
        else:
            strength = Strength.MODERATE if silent else Strength.WEAK
        if difference is not None:
            yield Finding(
                detector=f"{self.id}/input-schema",
                category=Category.SCHEMA_DRIFT,
                failure_mode=_mode(difference),
                strength=strength if firm else Strength.WEAK,
                statement=f"the input's schema differs: {difference.described}",
                evidence=unique((*difference.evidence, *(one.evidence for one in quality[:2]))),
            )
        if quality and firm is None:
            yield Finding(
                detector=f"{self.id}/quality-rule",
                category=Category.SCHEMA_DRIFT,
                failure_mode=FailureMode.CONTRACT_MISMATCH,
                strength=strength,
                statement=f"the data-quality rule {quality[0].rule} on the input's shape failed",
                evidence=unique(one.evidence for one in quality[:5]),
            )


_SHAPE_MODES = frozenset({FailureMode.MISSING_COLUMN, FailureMode.NEW_COLUMN, FailureMode.CONTRACT_MISMATCH})


def _mode(difference: SchemaDifference) -> FailureMode:
    if difference.missing:
        return FailureMode.MISSING_COLUMN
    if difference.retyped:
        return FailureMode.TYPE_CHANGE
    return (
        FailureMode.NEW_COLUMN
        if difference.added and difference.against != "the last good run"
        else (FailureMode.CONTRACT_MISMATCH)
    )


def _failed_shape_rules(context: Context) -> list[QualityRule]:
    """Failed rules on shape, of this run where the result says which."""
    run_id = context.facts.run.run_id
    return [
        rule
        for rule in context.facts.quality
        if rule.outcome == "FAIL" and rule.rule_type.lower() in _SHAPE_RULES and rule.run_id in {None, run_id}
    ]
