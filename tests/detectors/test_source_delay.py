"""Missing, empty, late and short input."""

from datetime import timedelta

import pytest

from pipetriage.model.categories import Category
from pipetriage.model.context import Change
from pipetriage.model.facts import ControlRow, GoodRun, Listing, Metric
from pipetriage.model.finding import Strength
from pipetriage.model.pipeline import Pipeline
from tests.building import (
    ENDED,
    GOOD,
    SOURCE,
    STARTED,
    make_cause,
    make_context,
    make_deployment,
    make_error,
    make_listing,
    make_quality,
    make_run,
)
from tests.detectors.judging import findings, strength, strong

MISSING = make_error(
    make_cause("AnalysisException", f"[PATH_NOT_FOUND] Path does not exist: {SOURCE}.", conditions=("PATH_NOT_FOUND",))
)
EARLY, LATE = STARTED - timedelta(hours=1), ENDED + timedelta(minutes=5)
MONTH = tuple(GoodRun(run_id=f"jr_{n}", records=100_000 + n) for n in range(10))


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (make_listing(), Strength.STRONG),
        (make_listing(("_SUCCESS", 0, EARLY), ("", 0, EARLY)), Strength.STRONG),
        (make_listing(("a.parquet", 10, LATE)), Strength.STRONG),
        (make_listing(("a.parquet", 10, EARLY)), Strength.WEAK),
        (make_listing(("a.parquet", 10, STARTED + timedelta(minutes=1))), Strength.MODERATE),
        (make_listing(complete=False), Strength.MODERATE),
        (None, Strength.MODERATE),
    ],
)
def test_a_missing_path_is_held_against_the_listing(listing: Listing | None, expected: Strength) -> None:
    context = make_context([MISSING], source=listing, source_uri=SOURCE)
    assert strength(context, Category.SOURCE_DELAY) is expected


def test_s3a_and_s3_are_the_same_place() -> None:
    error = make_error(("InvalidInputException", f"Input path does not exist: {SOURCE.replace('s3:', 's3a:')}"))
    context = make_context([error], source=make_listing(), source_uri=SOURCE)
    assert strong(context) == {"SOURCE_DELAY/MISSING_PATH"}


def test_nothing_to_infer_a_schema_from_is_an_empty_path() -> None:
    error = make_error(
        make_cause("AnalysisException", "[UNABLE_TO_INFER_SCHEMA] x", conditions=("UNABLE_TO_INFER_SCHEMA",))
    )
    assert strong(make_context([error], source=make_listing(), source_uri=SOURCE)) == {"SOURCE_DELAY/EMPTY_PATH"}


@pytest.mark.parametrize(
    "path",
    [
        "s3://lake/orders/_temporary/0/x",
        "s3://code/jobs/orders.py",
        "s3://lake/checkpoints/x",
        "s3://l/t/_delta_log/0.json",
    ],
)
def test_what_is_no_input_is_no_delay(path: str) -> None:
    error = make_error(("FileNotFoundException", f"No such file or directory: {path}"))
    assert strength(make_context([error], source_uri=SOURCE), Category.SOURCE_DELAY) is None


def test_a_missing_script_is_a_matter_of_configuration() -> None:
    error = make_error(("FileNotFoundError", "[Errno 2] No such file or directory: '/opt/jobs/helpers.py'"))
    assert strong(make_context([error], source_uri=SOURCE)) == {"UNKNOWN/CONFIGURATION_ERROR"}


def test_another_input_is_not_sure() -> None:
    error = make_error(("FileNotFoundException", "No such file or directory: s3://raw/customers/2026-11-01/"))
    context = make_context([error], source=make_listing(), source_uri=SOURCE)
    assert strength(context, Category.SOURCE_DELAY) is Strength.MODERATE


def test_another_input_is_sure_where_nobody_moved_it() -> None:
    error = make_error(("FileNotFoundException", "No such file or directory: s3://raw/customers/2026-11-01/"))
    still = make_context([error], source=make_listing(), source_uri=SOURCE, last_good=GOOD)
    assert strength(still, Category.SOURCE_DELAY) is Strength.STRONG
    moved = (Change(what="argument --customers", before="s3://raw/a", now="s3://raw/b"),)
    context = make_context([error], source=make_listing(), source_uri=SOURCE, last_good=GOOD, changes=moved)
    assert strength(context, Category.SOURCE_DELAY) is Strength.MODERATE


def test_a_file_that_was_replaced_while_it_was_read_is_no_risk_to_the_table() -> None:
    said = f"File {SOURCE}part-7.json does not exist. It is possible the underlying files have been updated."
    context = make_context([make_error(("SparkFileNotFoundException", said))], source_uri=SOURCE)
    assert strength(context, Category.SOURCE_DELAY) is Strength.MODERATE
    assert strength(context, Category.PARTIAL_WRITE_RISK) is None


def test_a_table_that_unchanged_code_reads_is_not_made_yet() -> None:
    error = make_error(make_cause("AnalysisException", "x", conditions=("TABLE_OR_VIEW_NOT_FOUND",)))
    assert strength(make_context([error]), Category.SOURCE_DELAY) is Strength.MODERATE
    changed = make_context([error], deployments=(make_deployment(),), last_good=GOOD)
    assert strength(changed, Category.SOURCE_DELAY) is None


def test_a_failed_check_over_an_input_that_shrank_is_a_short_input() -> None:
    check = make_error(("AssertionError", "volume check"))
    short, usual = make_listing(("a.json", 900, EARLY)), make_listing(("a.json", 5000, EARLY))
    assert strong(make_context([check], source=short, previous_source=usual)) == {"SOURCE_DELAY/LOW_RECORD_COUNT"}
    assert strong(make_context([check], source=usual, previous_source=usual)) == set()


def test_two_witnesses_make_low_records_sure() -> None:
    succeeded = make_run("SUCCEEDED")
    row = ControlRow(run_id="jr_1", records=1200, status="succeeded")
    metric = Metric(label="glue.driver.recordsRead", last=0, maximum=1200, total=1200, evidence="metric-1")
    one = make_context(run=succeeded, good_runs=MONTH, control=(row,))
    assert strength(one, Category.SOURCE_DELAY) is Strength.MODERATE
    two = make_context(run=succeeded, good_runs=MONTH, control=(row,), metrics=(metric,))
    assert strong(two) == {"SOURCE_DELAY/LOW_RECORD_COUNT"}
    rule = make_context(run=succeeded, good_runs=MONTH, control=(row,), quality=(make_quality("RowCount"),))
    assert strong(rule) == {"SOURCE_DELAY/LOW_RECORD_COUNT"}


def test_a_small_dip_or_too_short_a_history_is_no_signal() -> None:
    for records, runs in ((99_000, MONTH), (1200, MONTH[:2])):
        row = ControlRow(run_id="jr_1", records=records, status="succeeded")
        context = make_context(run=make_run("SUCCEEDED"), good_runs=runs, control=(row,))
        assert strength(context, Category.SOURCE_DELAY) is None


def test_a_declared_minimum_needs_no_history() -> None:
    row = ControlRow(run_id="jr_1", records=5, status="succeeded")
    context = make_context(run=make_run("SUCCEEDED"), control=(row,), pipeline=Pipeline(min_records=100))
    assert any("at least 100 are declared" in one.statement for one in findings(context))


def test_files_that_came_after_the_start_of_a_run_that_read_little_are_late() -> None:
    row = ControlRow(run_id="jr_1", records=1200, status="succeeded")
    listing = make_listing(("a.parquet", 10, EARLY), ("b.parquet", 10, STARTED + timedelta(minutes=9)))
    context = make_context(run=make_run("SUCCEEDED"), good_runs=MONTH, control=(row,), source=listing)
    assert "SOURCE_DELAY/LATE_FILES" in strong(context)


WROTE = tuple(GoodRun(run_id=f"jr_{n}", records=100_000 + n, written=True) for n in range(10))


def _written(records: int | None) -> GoodRun:
    return GoodRun(run_id="jr_1", records=records, written=True)


@pytest.mark.parametrize(
    ("records", "history", "expected"),
    [
        (900, WROTE, Strength.MODERATE),
        (0, WROTE, Strength.MODERATE),
        (0, (), Strength.MODERATE),
        (100_000, WROTE, None),
        (None, WROTE, None),
        (900, WROTE[:2], None),
        (0, (WROTE[0], _written(0), WROTE[1], _written(0), WROTE[2]), None),
        (0, (*WROTE, *[_written(0)] * 4), Strength.MODERATE),
        (900, (*WROTE, *[_written(900)] * 4), Strength.MODERATE),
        (900, MONTH, None),
    ],
)
def test_what_a_success_wrote_is_held_against_what_good_runs_wrote(
    records: int | None, history: tuple[GoodRun, ...], expected: Strength | None
) -> None:
    context = make_context(run=make_run("SUCCEEDED"), good_runs=history, own_volume=_written(records))
    assert strength(context, Category.SOURCE_DELAY) is expected


def test_what_the_control_row_counts_is_not_compared_with_what_went_into_all_the_tables() -> None:
    # Every record goes into two tables, so that each good run wrote twice what it read.
    twice = tuple(GoodRun(run_id=f"jr_{n}", records=200_000, written=True) for n in range(10))
    row = ControlRow(run_id="jr_1", records=100_000, status="succeeded", evidence="control-1")
    context = make_context(run=make_run("SUCCEEDED"), good_runs=twice, own_volume=_written(200_000), control=(row,))
    assert strength(context, Category.SOURCE_DELAY) is None


def test_short_runs_that_nobody_noticed_do_not_make_a_short_one_usual() -> None:
    row = ControlRow(run_id="jr_1", records=900, status="succeeded", evidence="control-1")
    unnoticed = tuple(GoodRun(run_id=f"jr_9{n}", records=900) for n in range(5))
    context = make_context(run=make_run("SUCCEEDED"), good_runs=(*MONTH, *unnoticed), control=(row,))
    assert strength(context, Category.SOURCE_DELAY) is Strength.MODERATE


def test_what_a_failed_run_had_written_says_nothing_of_its_input() -> None:
    context = make_context(good_runs=WROTE, own_volume=_written(5))
    assert strength(context, Category.SOURCE_DELAY) is None


def test_what_was_read_is_not_compared_with_what_good_runs_wrote() -> None:
    metric = Metric(label="glue.driver.recordsRead", last=900, maximum=900, total=900, evidence="metric-1")
    context = make_context(run=make_run("SUCCEEDED"), good_runs=WROTE, metrics=(metric,))
    assert strength(context, Category.SOURCE_DELAY) is None
    context = make_context(run=make_run("SUCCEEDED"), good_runs=MONTH, metrics=(metric,))
    assert strength(context, Category.SOURCE_DELAY) is Strength.MODERATE


@pytest.mark.parametrize(
    ("state", "files", "expected"), [("SUCCEEDED", 0, True), ("SUCCEEDED", 3, False), ("FAILED", 0, False)]
)
def test_a_success_that_read_no_file(state: str, files: int, expected: bool) -> None:
    metric = Metric(label="glue.driver.filesRead", last=files, maximum=files, total=files, evidence="metric-1")
    context = make_context(run=make_run(state), metrics=(metric,))
    assert (strength(context, Category.SOURCE_DELAY) is not None) is expected


def test_a_failure_that_the_job_passed_over_explains_what_was_not_written() -> None:
    error = make_error(("acme.LoaderStopped", "half way"), terminal=False, survived=False)
    context = make_context([error], run=make_run("SUCCEEDED"), good_runs=WROTE, own_volume=_written(0))
    assert strength(context, Category.SOURCE_DELAY) is Strength.WEAK
    assert strength(context, Category.UNKNOWN) is Strength.MODERATE
    assert any("saw it fail" in one.statement and error.evidence in one.evidence for one in findings(context))


def test_an_error_that_a_success_survived_is_no_failure() -> None:
    error = make_error(("acme.LoaderStopped", "half way"), terminal=False, survived=True)
    assert findings(make_context([error], run=make_run("SUCCEEDED"))) == []
