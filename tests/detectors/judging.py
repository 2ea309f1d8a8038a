"""Run all detectors over a context, as triage does, and pick from what they say."""

from pipetriage.detectors import all_detectors
from pipetriage.model.categories import Category
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings


def findings(context: Context) -> list[Finding]:
    """Give what all the detectors say."""
    return [one for detector in all_detectors(ThresholdSettings()) for one in detector.detect(context)]


def strong(context: Context) -> set[str]:
    """Give ``CATEGORY/MODE`` of the strong findings."""
    return {f"{one.category}/{one.failure_mode}" for one in findings(context) if one.strength is Strength.STRONG}


def strength(context: Context, category: Category) -> Strength | None:
    """Give the strongest that is said of a category."""
    said = {one.strength for one in findings(context) if one.category is category}
    return next((one for one in (Strength.STRONG, Strength.MODERATE, Strength.WEAK) if one in said), None)
