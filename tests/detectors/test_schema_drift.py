"""Drift by error, by schema and by quality rule; and what fits a code change as well."""

import pytest

from pipetriage.model.categories import Category
from pipetriage.model.context import Change
from pipetriage.model.finding import Strength
from tests.building import (
    GOOD,
    make_cause,
    make_columns,
    make_context,
    make_deployment,
    make_error,
    make_quality,
    make_run,
)
from tests.detectors.judging import findings, strength, strong

UNRESOLVED = make_error(
    make_cause(
        "AnalysisException",
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `amount` cannot be resolved. Did you mean [`amt`].",
        conditions=("UNRESOLVED_COLUMN.WITH_SUGGESTION",),
    )
)
EXPECTED = make_columns("id bigint", "amount double")
RENAMED = make_columns("id bigint", "amt double")


@pytest.mark.parametrize(
    ("exception", "message", "condition", "mode"),
    [
        ("AnalysisException", "", "INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS", "NEW_COLUMN"),
        ("AnalysisException", "", "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA", "MISSING_COLUMN"),
        ("AnalysisException", "", "CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE", "TYPE_CHANGE"),
        ("SparkDateTimeException", "", "CANNOT_PARSE_TIMESTAMP", "CAST_FAILURE"),
        ("SparkRuntimeException", "", "NOT_NULL_CONSTRAINT_VIOLATION", "CONSTRAINT_VIOLATION"),
        ("SparkException", "", "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "MALFORMED_INPUT"),
        ("AnalysisException", "", "DELTA_FAILED_TO_MERGE_FIELDS", "TYPE_CHANGE"),
        ("SchemaColumnConvertNotSupportedException", "column: [c], physicalType: INT64", "", "TYPE_CHANGE"),
        ("RuntimeException", "s3://b/x is not a Parquet file. Expected magic number at tail", "", "MALFORMED_INPUT"),
        (
            "IllegalArgumentException",
            "Cannot write incompatible dataset to table with schema:",
            "",
            "CONTRACT_MISMATCH",
        ),
        ("ValueError", "Mismatch in fields:\nx", "", "TYPE_CHANGE"),
        ("ValueError", "PyArrow table contains more columns: note. Update the schema first", "", "NEW_COLUMN"),
        ("ArrowInvalid", "Could not convert 'x' with type str: tried to convert to int64", "", "CAST_FAILURE"),
        ("NullPointerException", "Null value appeared in non-nullable field: id", "", "CONSTRAINT_VIOLATION"),
        (
            "",
            "HIVE_BAD_DATA: Field a's type INT64 in parquet file s3://b/f is incompatible with type string",
            "",
            "TYPE_CHANGE",
        ),
    ],
)
def test_what_only_data_can_cause_is_strong_by_itself(exception: str, message: str, condition: str, mode: str) -> None:
    cause = make_cause(exception, message or f"[{condition}] x", conditions=(condition,) if condition else ())
    assert strong(make_context([make_error(cause)])) == {f"SCHEMA_DRIFT/{mode}"}


def test_a_cast_failure_after_an_engine_upgrade_fits_both() -> None:
    error = make_error(make_cause("SparkArithmeticException", "[DIVIDE_BY_ZERO] x", conditions=("DIVIDE_BY_ZERO",)))
    context = make_context([error], changes=(Change(what="engine version", before="5.0", now="6.0"),))
    assert strong(context) == set()
    assert strength(context, Category.CODE_REGRESSION) is Strength.MODERATE


def test_an_unresolved_column_is_drift_where_the_input_lost_it() -> None:
    context = make_context([UNRESOLVED], expected_columns=EXPECTED, source_columns=RENAMED)
    assert strong(context) == {"SCHEMA_DRIFT/MISSING_COLUMN"}
    assert any("amount is gone" in one.statement for one in findings(context))


def test_an_unresolved_column_is_a_regression_where_only_the_code_changed() -> None:
    context = make_context([UNRESOLVED], deployments=(make_deployment(),), last_good=GOOD)
    assert strong(context) == {"CODE_REGRESSION/TRANSFORMATION_ERROR"}


def test_both_changed_leaves_both_standing() -> None:
    context = make_context(
        [UNRESOLVED],
        expected_columns=EXPECTED,
        source_columns=RENAMED,
        deployments=(make_deployment(),),
        last_good=GOOD,
    )
    assert {name.partition("/")[0] for name in strong(context)} == {"SCHEMA_DRIFT", "CODE_REGRESSION"}


def test_neither_seen_to_change_leans_to_drift() -> None:
    context = make_context([UNRESOLVED])
    assert strong(context) == set()
    assert strength(context, Category.SCHEMA_DRIFT) is Strength.MODERATE


def test_an_input_seen_unchanged_speaks_against_drift() -> None:
    context = make_context([UNRESOLVED], expected_columns=EXPECTED, source_columns=EXPECTED)
    assert strength(context, Category.SCHEMA_DRIFT) is Strength.WEAK


def test_a_difference_in_another_column_does_not_explain_the_error() -> None:
    context = make_context(
        [UNRESOLVED], expected_columns=EXPECTED, source_columns=(*EXPECTED, *make_columns("note string"))
    )
    assert strong(context) == set()


@pytest.mark.parametrize(
    ("exception", "message"), [("KeyError", "'amount'"), ("AttributeError", "no attribute 'amount'")]
)
def test_a_key_error_leans_to_code_until_the_input_is_seen_to_have_changed(exception: str, message: str) -> None:
    error = make_error((exception, message))
    assert strength(make_context([error]), Category.CODE_REGRESSION) is Strength.MODERATE
    assert strength(make_context([error]), Category.SCHEMA_DRIFT) is Strength.WEAK
    drifted = make_context([error], expected_columns=EXPECTED, source_columns=RENAMED)
    assert strong(drifted) == {"SCHEMA_DRIFT/MISSING_COLUMN"}


def test_schema_and_quality_rule_together_need_no_log() -> None:
    context = make_context(
        expected_columns=EXPECTED, source_columns=RENAMED, quality=(make_quality("ColumnExists"),), run=make_run()
    )
    assert strong(context) == {"SCHEMA_DRIFT/MISSING_COLUMN"}
    alone = make_context(expected_columns=EXPECTED, source_columns=RENAMED)
    assert strength(alone, Category.SCHEMA_DRIFT) is Strength.MODERATE


def test_a_schema_difference_beside_an_explicit_error_is_a_hint() -> None:
    error = make_error(("AmazonS3Exception", "Access Denied (Service: Amazon S3; Status Code: 403)"))
    context = make_context([error], expected_columns=EXPECTED, source_columns=RENAMED)
    assert strength(context, Category.SCHEMA_DRIFT) is Strength.WEAK


def test_type_names_of_different_engines_are_the_same_type() -> None:
    context = make_context(expected_columns=make_columns("id bigint"), source_columns=make_columns("id int64"))
    assert strength(context, Category.SCHEMA_DRIFT) is None
