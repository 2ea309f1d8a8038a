"""Many small files that broke a run, and those that were merely there: scenarios outside the corpus."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from pipetriage.model.categories import Category
from pipetriage.model.evidence import TableKey
from pipetriage.model.facts import GoodRun, ListedFile, Listing, TableFacts
from pipetriage.model.finding import Strength
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.model.spark import SparkFacts
from tests.building import ENDED, STARTED, make_context, make_error, make_listing, make_run, spread
from tests.detectors.building_stages import MIB, reads, scan, spark, tiny_reads
from tests.detectors.judging import findings, strength, strong

TIMEOUT = make_run("TIMEOUT")
TABLE = "s3://lake/sales/events"


def pressure(applications: tuple[SparkFacts, ...] = (), **facts: Any) -> Strength | None:
    context = make_context(spark=applications, **({"run": TIMEOUT} | facts))
    return strength(context, Category.SMALL_FILE_PRESSURE)


def tiny_listing(count: int, uri: str = "s3://raw/orders/2026-11-01/", size: int = 20_000) -> Listing:
    return make_listing(*((f"part-{at}.json", size, STARTED) for at in range(count)), uri=uri)


def table(count: int, size: int = 20_000) -> TableFacts:
    files = tuple(ListedFile(f"{TABLE}/data/h={at % 24:02d}/{at}.parquet", size, STARTED) for at in range(count))
    listing = Listing(uri=TABLE, files=files, complete=True, observed_at=ENDED, evidence="listing:sales.events")
    return TableFacts(key=TableKey("target", "sales.events"), listing=listing)


# Time ran out over the files, and no log line says so.


def test_a_timeout_that_went_into_reading_tiny_files_is_theirs() -> None:
    context = make_context(run=TIMEOUT, spark=spark(tiny_reads(), executions=(reads(scan()),)))
    assert "SMALL_FILE_PRESSURE/MANY_TABLE_FILES" in strong(context)
    assert all(one.startswith("SMALL_FILE_PRESSURE") for one in strong(context))
    said = next(one for one in findings(context) if one.category is Category.SMALL_FILE_PRESSURE)
    assert said.statement.startswith("the scan of lake.sales.events read 9,000 files of 20.0 KiB on average")
    assert "took 19 min" in said.statement


def test_stages_alone_tell_it_where_no_plan_does() -> None:
    # Schema inference runs before any SQL execution begins.
    assert pressure(spark(tiny_reads(execution=None))) is Strength.STRONG


def test_planning_that_took_most_of_the_time_is_theirs() -> None:
    slow = scan(planning_ms=15 * 60_000.0, manifests=4_000)
    assert pressure(spark(executions=(reads(slow),))) is Strength.STRONG


def test_listing_that_took_most_of_the_time_is_theirs() -> None:
    slow = scan(what="json s3://raw/events", format="json", files=80_000, size=80_000 * 900, listing_ms=14 * 60_000.0)
    assert pressure(spark(executions=(reads(slow),))) is Strength.STRONG


def test_listing_jobs_and_what_the_driver_does_between_them_are_theirs() -> None:
    # Spark lists on its executors before any plan is made; the stages alone know of how many paths.
    listing = tiny_reads(
        stage_id=0, evidence="stage-0.0", minutes=3, listed_paths=24_000, input_tasks_tiny=0, tasks=60,
        input_bytes=spread(0, 0, 60), execution=None,
    )  # fmt: skip
    again = replace(listing, stage_id=1, evidence="stage-1.0", started_at=STARTED + timedelta(minutes=7), ended_at=None)
    context = make_context(run=TIMEOUT, spark=spark(listing, again))
    assert strong(context) == {"SMALL_FILE_PRESSURE/LISTING_PRESSURE"}
    said = next(one for one in findings(context) if one.category is Category.SMALL_FILE_PRESSURE)
    assert said.statement == "Spark listed 24,000 paths 2 times; listing and reading them took 19 min"
    # What ran in between was something else.
    between = tiny_reads(
        stage_id=5, evidence="stage-5.0", started_at=STARTED + timedelta(minutes=5), input_tasks_tiny=0
    )
    quick = replace(again, ended_at=STARTED + timedelta(minutes=9))
    assert pressure(spark(listing, quick, between)) is Strength.WEAK


def test_a_scan_that_took_a_minute_of_twenty_is_not_why() -> None:
    assert pressure(spark(tiny_reads(minutes=1), executions=(reads(scan()),))) is Strength.WEAK


def test_a_count_says_no_more_once_it_is_known_that_they_were_read_quickly() -> None:
    quick = spark(tiny_reads(minutes=1), executions=(reads(scan("json s3://raw/orders", format="json")),))
    assert pressure(quick, source=tiny_listing(12_000), previous_source=tiny_listing(8)) is Strength.WEAK


def test_five_seconds_a_file_is_not_the_files() -> None:
    # 200 files in 19 minutes: whatever is done with their rows takes the time.
    few = scan(files=200, size=200 * 20_480)
    quick = tiny_reads(tasks=50, input_tasks_tiny=50)
    assert pressure(spark(quick, executions=(reads(few),))) is Strength.WEAK


def test_the_run_that_a_person_stopped_may_have_been_stopped_for_anything() -> None:
    assert pressure(spark(tiny_reads(execution=None)), run=make_run("STOPPED")) is Strength.MODERATE


def test_many_more_files_than_last_time_fit_a_timeout() -> None:
    assert pressure(source=tiny_listing(3_000), previous_source=tiny_listing(20)) is Strength.MODERATE


def test_as_many_files_as_last_time_do_not() -> None:
    assert pressure(source=tiny_listing(3_000), previous_source=tiny_listing(2_800)) is Strength.WEAK
    before = (GoodRun(run_id="jr_0", files=11_000),)
    assert pressure(source=tiny_listing(12_000), good_runs=before) is Strength.WEAK


def test_a_hundred_more_files_do_not_take_twenty_minutes() -> None:
    assert pressure(source=tiny_listing(150), previous_source=tiny_listing(4)) is Strength.WEAK


def test_ten_thousand_files_fit_a_timeout_where_nothing_was_measured() -> None:
    assert pressure(source=tiny_listing(12_000)) is Strength.MODERATE


# There, and not why.


def test_an_explicit_error_wins() -> None:
    context = make_context([make_error(("KeyError", "'x'"))], spark=spark(tiny_reads(), executions=(reads(scan()),)))
    assert strength(context, Category.SMALL_FILE_PRESSURE) is Strength.WEAK


def test_a_transient_failure_stays_one_where_the_files_were_read_well() -> None:
    error = make_error(
        ("botocore.exceptions.ClientError", "An error occurred (ThrottlingException) when calling the GetParameter"
         " operation (reached max retries: 2): Rate exceeded"),
    )  # fmt: skip
    context = make_context([error], spark=spark(tiny_reads(minutes=1), executions=(reads(scan()),)))
    assert strong(context) == {"UNKNOWN/TRANSIENT_SERVICE"}


def test_a_run_that_succeeded_has_a_hint_at_most() -> None:
    assert pressure(spark(tiny_reads(), executions=(reads(scan()),)), run=make_run("SUCCEEDED")) is Strength.WEAK


def test_a_table_that_is_only_appended_to_is_not_read() -> None:
    appends = Pipeline(name="orders", outputs=[Output(table="sales.events", write_mode="append")])
    context = make_context(run=TIMEOUT, tables=(table(20_000),), pipeline=appends)
    assert strength(context, Category.SMALL_FILE_PRESSURE) is Strength.WEAK
    merges = Pipeline(name="orders", outputs=[Output(table="sales.events", write_mode="merge")])
    context = make_context(run=TIMEOUT, tables=(table(20_000),), pipeline=merges)
    assert strength(context, Category.SMALL_FILE_PRESSURE) is Strength.MODERATE


def test_a_table_that_a_scan_names_is_read() -> None:
    appends = Pipeline(name="orders", outputs=[Output(table="sales.events", write_mode="append")])
    named = spark(executions=(reads(scan(files=50, size=50 * 2**30)),))
    context = make_context(run=TIMEOUT, tables=(table(20_000),), pipeline=appends, spark=named)
    assert strength(context, Category.SMALL_FILE_PRESSURE) is Strength.MODERATE


def test_many_huge_files_are_no_pressure() -> None:
    large = scan(files=9_000, size=9_000 * 400 * MIB)
    assert pressure(spark(executions=(reads(large),)), tables=(table(900, size=400 * MIB),)) is None


def test_a_well_kept_table_may_have_one_partition_that_is_not() -> None:
    kept = table(48, size=500 * MIB)
    assert kept.listing is not None
    late = tuple(ListedFile(f"{TABLE}/data/h=23/late-{at}.parquet", 9_000, STARTED) for at in range(400))
    listing = Listing(
        uri=TABLE, files=kept.listing.files + late, complete=True, observed_at=ENDED, evidence="listing:sales.events"
    )
    context = make_context(run=TIMEOUT, tables=(TableFacts(key=kept.key, listing=listing),))
    said = next(one for one in findings(context) if one.category is Category.SMALL_FILE_PRESSURE)
    assert said.strength is Strength.WEAK
    assert "h=23 holds 400 small files" in said.statement


def test_a_driver_that_collects_rows_is_not_filled_by_files() -> None:
    error = make_error(
        ("java.lang.OutOfMemoryError", "Java heap space in the driver: out of memory"),
        user_frames=("org.apache.spark.sql.Dataset.collectToPython(Dataset.scala:4160)",),
    )
    context = make_context([error], source=tiny_listing(12_000), spark=spark(tiny_reads(minutes=2)))
    assert strong(context) == {"UNKNOWN/RESOURCE_EXHAUSTED"}


def test_slow_down_over_many_objects_is_never_called_passing() -> None:
    # Even where good runs had as many: a retry would ask for them all again.
    error = make_error(
        ("AmazonS3Exception", "Please reduce your request rate. (Service: Amazon S3; Status Code: 503; Error Code:"
         " SlowDown)"),
    )  # fmt: skip
    context = make_context([error], source=tiny_listing(500), previous_source=tiny_listing(480))
    assert strong(context) == {"SMALL_FILE_PRESSURE/MANY_INPUT_FILES"}


def test_results_too_large_over_as_many_files_as_ever_are_the_jobs() -> None:
    error = make_error(("SparkException", "Total size of serialized results of 500 tasks is bigger than"
                        " spark.driver.maxResultSize"))  # fmt: skip
    context = make_context([error], source=tiny_listing(500), previous_source=tiny_listing(480))
    assert strong(context) == {"UNKNOWN/RESOURCE_EXHAUSTED"}
    context = make_context([error], source=tiny_listing(500), previous_source=tiny_listing(8))
    assert strong(context) == {"SMALL_FILE_PRESSURE/MANY_INPUT_FILES"}


def test_a_trickle_of_input_is_no_pressure() -> None:
    # A stream's micro-batches: few files each, in many executions.
    small = tuple(reads(scan(files=4, size=4_000), execution_id=at) for at in range(40))
    assert pressure(spark(tiny_reads(tasks=4), executions=small), source=tiny_listing(4)) is None


def test_what_the_second_scan_took_is_not_the_first_ones() -> None:
    two = reads(scan(), scan(what="lake.sales.customers", files=3, size=3 * 2**30))
    slow = tiny_reads(execution=4, input_tasks_tiny=0, input_bytes=tiny_reads().input_bytes, started_at=STARTED)
    other = tiny_reads(
        tasks=3, stage_id=5, evidence="stage-5.0", started_at=STARTED + timedelta(minutes=2), input_tasks_tiny=0
    )
    assert pressure(spark(slow, other, executions=(two,))) is Strength.WEAK
