"""The order in which an error is explained, and how surely."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipetriage.detectors import ALL_RULES, all_detectors
from pipetriage.detectors.spark_conditions import sqlstate_of, versions
from pipetriage.model.categories import Category
from pipetriage.model.finding import Strength
from pipetriage.settings import ThresholdSettings
from tests.building import make_cause, make_context, make_error
from tests.detectors.judging import findings, strength, strong

DENIED = ("AmazonS3Exception", "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)")


def test_the_deepest_cause_decides_whatever_wraps_it() -> None:
    error = make_error(
        ("py4j.protocol.Py4JJavaError", "An error occurred while calling o122.pyWriteDynamicFrame."),
        ("org.apache.spark.SparkException", "Job aborted."),
        make_cause(
            "org.apache.spark.SparkException", "Task failed while writing rows", conditions=("TASK_WRITE_FAILED",)
        ),
        make_cause("SparkNumberFormatException", "[CAST_INVALID_INPUT] The value", conditions=("CAST_INVALID_INPUT",)),
    )
    assert strong(make_context([error])) == {"SCHEMA_DRIFT/CAST_FAILURE"}


@pytest.mark.parametrize("wrapper", ["SparkException", "Py4JJavaError", "RuntimeException", "ExecutionException"])
def test_a_wrapper_alone_says_nothing(wrapper: str) -> None:
    assert (
        findings(make_context([make_error((wrapper, "Job aborted due to stage failure: Task 3 failed 4 times"))])) == []
    )


def test_a_generic_root_leaves_the_word_to_the_cause_above() -> None:
    error = make_error(DENIED, ("java.io.IOException", "stream is closed"))
    assert strong(make_context([error])) == {"PERMISSION_ERROR/S3_DENIED"}


def test_an_unknown_specific_root_makes_the_cause_above_it_less_sure() -> None:
    error = make_error(DENIED, ("com.example.VeryOddException", "odd"))
    assert strength(make_context([error]), Category.PERMISSION_ERROR) is Strength.MODERATE


def test_what_the_run_survived_is_a_hint_only() -> None:
    error = make_error(DENIED, survived=True, terminal=False)
    assert strength(make_context([error]), Category.PERMISSION_ERROR) is Strength.WEAK


def test_an_error_beside_the_terminal_one_is_a_hint_only() -> None:
    beside = make_error(DENIED, terminal=False, evidence="log-2")
    context = make_context([make_error(("ModuleNotFoundError", "No module named 'x'")), beside])
    assert strong(context) == {"CODE_REGRESSION/IMPORT_ERROR"}
    assert strength(context, Category.PERMISSION_ERROR) is Strength.WEAK


def test_without_a_terminal_error_another_is_not_sure() -> None:
    assert strength(make_context([make_error(DENIED, terminal=False)]), Category.PERMISSION_ERROR) is Strength.MODERATE


def test_a_class_quoted_by_a_python_worker_is_read() -> None:
    message = "An exception was thrown from the Python worker:\nTraceback\nModuleNotFoundError: No module named 'geo'\n"
    assert strong(make_context([make_error(("PythonException", message))])) == {"CODE_REGRESSION/IMPORT_ERROR"}


def test_glues_own_category_is_never_more_than_a_hint() -> None:
    error = make_error(("", "something"), category_hint="PERMISSION_ERROR")
    assert strength(make_context([error]), Category.PERMISSION_ERROR) is Strength.WEAK


def test_a_condition_no_table_names_is_judged_by_its_sqlstate() -> None:
    error = make_error(
        make_cause("SparkRuntimeException", "[INVALID_INDEX_OF_ZERO] x", conditions=("INVALID_INDEX_OF_ZERO",))
    )
    assert sqlstate_of("INVALID_INDEX_OF_ZERO") == "22003"
    assert strong(make_context([error])) == {"SCHEMA_DRIFT/CAST_FAILURE"}


def test_the_catalogue_covers_every_spark_that_glue_runs() -> None:
    assert versions() == ("3.3", "3.4", "3.5", "4.0", "4.1")
    assert sqlstate_of("UNRESOLVED_COLUMN.WITH_SUGGESTION") == "42703"
    assert sqlstate_of("NEVER_HEARD_OF_IT") is None


def test_every_detector_has_its_page() -> None:
    pages = Path(__file__).parents[2] / "docs" / "detectors"
    for detector in all_detectors(ThresholdSettings()):
        text = (pages / f"{detector.id}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {detector.id}\n")
        assert "**Strong.**" in text


def test_detector_ids_and_rule_ids_are_unique() -> None:
    ids = [detector.id for detector in all_detectors(ThresholdSettings())]
    assert len(ids) == len(set(ids)) == 8
    named = [(rule.category, rule.id) for rule in ALL_RULES]
    assert len(named) == len(set(named))


@given(st.text(max_size=400), st.text(max_size=60), st.lists(st.text(max_size=30), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_text_is_judged_without_failing(message: str, exception: str, conditions: list[str]) -> None:
    findings(make_context([make_error(make_cause(exception, message, conditions=tuple(conditions)))]))


@pytest.mark.parametrize(
    "unit", ["a", "s3://x/", "Access ", "column ", "Forbidden ", "row count ", ": E: ", "data quality "]
)
def test_rules_take_linear_time(unit: str) -> None:
    message = (unit * 2000)[:2000]
    begun = time.perf_counter()
    for rule in ALL_RULES:
        if isinstance(rule.text, re.Pattern):
            rule.text.search(message)
    assert time.perf_counter() - begun < 1.0
