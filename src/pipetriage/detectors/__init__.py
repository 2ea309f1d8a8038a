"""What broke: pure functions from a context to findings. One file per category; this is their index.

The order of the tables is the order of precedence within one cause: a refusal wins over the missing path that it
looks like, a commit's own words over the failed call beneath them, the exact over the general.
"""

from functools import cache

from pipetriage.detectors import (
    code_regression,
    partial_write_risk,
    permission_error,
    schema_rules,
    source_delay,
    unknown_rules,
)
from pipetriage.detectors.code_regression import CodeRegression
from pipetriage.detectors.data_skew import DataSkew
from pipetriage.detectors.interface import Detector
from pipetriage.detectors.partial_write_risk import PartialWriteRisk
from pipetriage.detectors.permission_error import PermissionRefused
from pipetriage.detectors.rules import Rule, RuleBook
from pipetriage.detectors.schema_drift import SchemaDrift
from pipetriage.detectors.small_file_pressure import SmallFilePressure
from pipetriage.detectors.source_delay import SourceDelay
from pipetriage.detectors.sqlstates import BY_SQLSTATE
from pipetriage.detectors.unknown import Unknown
from pipetriage.settings import ThresholdSettings

RULES_VERSION = "4"
"""Goes up with every change of a rule; an incident keeps the version that judged it."""

ALL_RULES: tuple[Rule, ...] = (
    *partial_write_risk.RULES[:3],
    *unknown_rules.CONFIGURATION,
    *unknown_rules.THROTTLED,
    *permission_error.RULES,
    *partial_write_risk.RULES[3:],
    *code_regression.RULES,
    *schema_rules.RULES,
    *unknown_rules.LOST_NODES,
    *unknown_rules.EXHAUSTED,
    *source_delay.RULES,
    *schema_rules.AMBIGUOUS,
    *unknown_rules.QUALITY,
    *unknown_rules.TRANSIENT,
    *code_regression.GENERAL,
)


@cache
def _book() -> RuleBook:
    """Make the rule book once: it holds nothing of a run, and remembers what it has explained."""
    return RuleBook(ALL_RULES, BY_SQLSTATE)


def all_detectors(thresholds: ThresholdSettings) -> tuple[Detector, ...]:
    """Make every detector over one rule book."""
    book = _book()
    return (
        SchemaDrift(book, thresholds),
        DataSkew(book, thresholds),
        SmallFilePressure(book, thresholds),
        SourceDelay(book, thresholds),
        CodeRegression(book, thresholds),
        PermissionRefused(book),
        PartialWriteRisk(book),
        Unknown(book, thresholds),
    )
