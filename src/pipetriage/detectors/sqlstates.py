"""What an error means by its SQLSTATE alone, for conditions that no table names.

Classes are those of the SQL standard and of Spark's own list (sql-error-conditions-sqlstates). Most are capped at
MODERATE: a class says less than a name.
"""

from pipetriage.detectors.rules import Reading, Rule
from pipetriage.model.categories import FailureMode
from pipetriage.model.finding import Strength


def _rule(
    prefix: str,
    mode: FailureMode,
    says: str,
    reading: Reading = Reading.PLAIN,
    ceiling: Strength = Strength.MODERATE,
) -> tuple[str, Rule]:
    return prefix, Rule(id=f"sqlstate-{prefix}", mode=mode, says=says, reading=reading, ceiling=ceiling)


_STRONG = Strength.STRONG

# Longest prefix first within a class.
BY_SQLSTATE: tuple[tuple[str, Rule], ...] = (
    _rule("22023", FailureMode.CAST_FAILURE, "a value is not valid where it is used", Reading.DRIFT_OR_CODE),
    _rule("22", FailureMode.CAST_FAILURE, "a value in the data is not valid", Reading.DATA, _STRONG),
    _rule("23", FailureMode.CONSTRAINT_VIOLATION, "the data breaks a constraint", Reading.DATA, _STRONG),
    _rule("21", FailureMode.CONTRACT_MISMATCH, "the number of rows or columns does not fit", Reading.DRIFT_OR_CODE),
    _rule("42501", FailureMode.CATALOG_DENIED, "the privilege is missing", ceiling=_STRONG),
    _rule("42601", FailureMode.SYNTAX_ERROR, "the query is not well formed"),
    _rule("42883", FailureMode.TRANSFORMATION_ERROR, "the query calls a function that does not exist"),
    _rule("42P01", FailureMode.TRANSFORMATION_ERROR, "a table or view does not exist", Reading.CODE),
    _rule("42703", FailureMode.MISSING_COLUMN, "a column is not there", Reading.DRIFT_OR_CODE, _STRONG),
    _rule("42", FailureMode.CONTRACT_MISMATCH, "the query does not fit the data", Reading.DRIFT_OR_CODE),
    _rule("28", FailureMode.CREDENTIALS_INVALID, "the login was refused", ceiling=_STRONG),
    _rule("2D", FailureMode.COMMIT_CONFLICT, "the transaction was ended by another's"),
    _rule("40", FailureMode.COMMIT_CONFLICT, "the transaction was rolled back"),
    # Broken while it was open; the others of the class were never made.
    _rule("08S01", FailureMode.TRANSIENT_SERVICE, "the connection broke", ceiling=_STRONG),
    _rule("08006", FailureMode.TRANSIENT_SERVICE, "the connection broke", ceiling=_STRONG),
    _rule("08", FailureMode.TRANSIENT_SERVICE, "the connection failed"),
    _rule("0A", FailureMode.TRANSFORMATION_ERROR, "the query asks for what the engine cannot do", Reading.CODE),
    _rule("38", FailureMode.TRANSFORMATION_ERROR, "a user's function failed", Reading.CODE),
    _rule("39", FailureMode.TRANSFORMATION_ERROR, "a user's function failed", Reading.CODE),
    _rule("53", FailureMode.RESOURCE_EXHAUSTED, "resources ran out"),
    _rule("54", FailureMode.RESOURCE_EXHAUSTED, "a limit of the engine was exceeded"),
    _rule("82", FailureMode.RESOURCE_EXHAUSTED, "memory ran out"),
    _rule("F0", FailureMode.CONFIGURATION_ERROR, "the session is configured wrongly"),
    _rule("KD", FailureMode.CONTRACT_MISMATCH, "the data source does not fit what is read from it"),
)
