"""Commits, passing failures, code and quality checks."""

import pytest

from pipetriage.model.categories import Category
from pipetriage.model.context import Change
from pipetriage.model.finding import Strength
from tests.building import GOOD, make_cause, make_context, make_deployment, make_error, make_quality
from tests.detectors.judging import findings, strength, strong


@pytest.mark.parametrize(
    ("exception", "message", "mode"),
    [
        ("CommitFailedException", "Cannot commit t because Glue detected concurrent update", "COMMIT_CONFLICT"),
        ("CommitFailedException", "Requirement failed: branch main has changed: expected id 1 != 2", "COMMIT_CONFLICT"),
        ("ValidationException", "Found conflicting files that can contain records matching true", "COMMIT_CONFLICT"),
        (
            "ConcurrentAppendException",
            "Files were added to the root of the table by a concurrent update",
            "COMMIT_CONFLICT",
        ),
        ("HoodieWriteConflictException", "Cannot resolve conflicts for overlapping writes", "COMMIT_CONFLICT"),
        (
            "CommitStateUnknownException",
            "Cannot determine whether the commit was successful or not",
            "COMMIT_STATE_UNKNOWN",
        ),
    ],
)
def test_a_failed_commit_is_its_own_cause(exception: str, message: str, mode: str) -> None:
    assert strong(make_context([make_error((exception, message))])) == {f"PARTIAL_WRITE_RISK/{mode}"}


def test_an_unknown_commit_over_a_passing_failure_is_never_transient() -> None:
    error = make_error(
        (
            "org.apache.iceberg.exceptions.CommitStateUnknownException",
            "Cannot determine whether the commit was successful",
        ),
        ("InternalServiceException", "Internal Server Error (Service: Glue, Status Code: 500)"),
    )
    context = make_context([error])
    assert strong(context) == {"PARTIAL_WRITE_RISK/COMMIT_STATE_UNKNOWN"}
    assert strength(context, Category.UNKNOWN) is None


def test_a_refused_commit_is_a_refusal() -> None:
    error = make_error(
        ("ForbiddenException", "Cannot commit t because Glue cannot access the requested resources"),
        ("AccessDeniedException", "User: r is not authorized to perform: glue:UpdateTable on resource: t"),
    )
    assert strong(make_context([error])) == {"PERMISSION_ERROR/CATALOG_DENIED"}


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("ThrottlingException", "Rate exceeded (Service: AWSGlue; Status Code: 400; Error Code: ThrottlingException)"),
        ("ClientError", "An error occurred (ThrottlingException) when calling the GetTable operation: Rate exceeded"),
        ("SdkClientException", "Unable to execute HTTP request: Connection reset"),
        ("java.net.SocketTimeoutException", "Read timed out"),
        (
            "AmazonS3Exception",
            "We encountered an internal error. (Service: Amazon S3; Status Code: 500; Error Code: InternalError)",
        ),
        ("NoHttpResponseException", "The target server failed to respond"),
        ("", "ConcurrentRunsExceededException: Concurrent runs exceeded for orders"),
        (
            "SparkException",
            "ExecutorLostFailure (executor 3 exited unrelated to the running tasks) Reason: Container marked as failed",
        ),
    ],
)
def test_a_passing_failure_is_transient(exception: str, message: str) -> None:
    assert strong(make_context([make_error((exception, message))])) == {"UNKNOWN/TRANSIENT_SERVICE"}


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("java.net.UnknownHostException", "db.internal"),
        ("AnalysisException", "[INTERNAL_ERROR] The Spark SQL phase analysis failed with an internal error."),
        ("OperationalError", 'no such table: "orders"'),
    ],
)
def test_what_need_not_pass_is_not_surely_transient(exception: str, message: str) -> None:
    assert "UNKNOWN/TRANSIENT_SERVICE" not in strong(make_context([make_error((exception, message))]))


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("java.net.UnknownHostException", "db.internal"),
        ("psycopg2.OperationalError", 'connection to server at "db.internal", port 5432 failed: Connection refused'),
    ],
)
def test_a_host_that_the_same_job_reached_before_is_down_for_a_while(exception: str, message: str) -> None:
    error = make_error((exception, message))
    assert strong(make_context([error])) == set()
    assert strong(make_context([error], last_good=GOOD)) == {"UNKNOWN/TRANSIENT_SERVICE"}
    moved = Change(what="argument --db-url", before="jdbc:a", now="jdbc:b")
    assert strong(make_context([error], last_good=GOOD, changes=(moved,))) == set()


def test_an_expired_certificate_does_not_pass_though_it_worked_before() -> None:
    error = make_error(("ssl.SSLError", "certificate verify failed: certificate has expired"))
    assert strong(make_context([error], last_good=GOOD)) == set()


@pytest.mark.parametrize(
    ("exception", "message", "mode"),
    [
        ("ModuleNotFoundError", "No module named 'geo'", "IMPORT_ERROR"),
        ("java.lang.NoSuchMethodError", "org.apache.x.Y.z()V", "LINKAGE_ERROR"),
        ("ClassNotFoundException", "Failed to find data source: iceberg", "LINKAGE_ERROR"),
        ("SyntaxError", "invalid syntax", "SYNTAX_ERROR"),
        ("NameError", "name 'spark_ctx' is not defined", "TRANSFORMATION_ERROR"),
        ("GlueArgumentError", "the following arguments are required: --batch_id", "ARGUMENT_ERROR"),
    ],
)
def test_what_data_cannot_cause_is_code_without_a_deployment(exception: str, message: str, mode: str) -> None:
    assert strong(make_context([make_error((exception, message))])) == {f"CODE_REGRESSION/{mode}"}


@pytest.mark.parametrize("exception", ["NullPointerException", "TypeError", "ZeroDivisionError", "ValueError"])
def test_a_logic_error_is_strong_only_after_a_change(exception: str) -> None:
    error = make_error((exception, "something about a value"))
    assert strength(make_context([error]), Category.CODE_REGRESSION) is Strength.MODERATE
    changed = make_context([error], deployments=(make_deployment(),), last_good=GOOD)
    assert strong(changed) == {"CODE_REGRESSION/TRANSFORMATION_ERROR"}


def test_a_deployment_before_the_last_good_run_explains_nothing() -> None:
    assert GOOD.started_at is not None
    old = make_context(
        [make_error(("TypeError", "x"))], deployments=(make_deployment(GOOD.started_at),), last_good=GOOD
    )
    assert strong(old) == set()


def test_a_failing_udf_is_judged_by_what_it_raised() -> None:
    cause = make_cause("SparkException", "[FAILED_EXECUTE_UDF] x", conditions=("FAILED_EXECUTE_UDF",))
    alone = make_context([make_error(cause)])
    assert strength(alone, Category.CODE_REGRESSION) is Strength.MODERATE
    denied = make_error(
        cause, ("ClientError", "An error occurred (AccessDeniedException) when calling the Query operation")
    )
    assert strong(make_context([denied])) == {"PERMISSION_ERROR/IAM_DENIED"}


def test_an_unexplained_error_after_a_deployment_points_at_it() -> None:
    error = make_error(("com.example.OddException", "odd"), python_frame="orders.py:12 in main")
    context = make_context([error], deployments=(make_deployment(),), last_good=GOOD)
    assert strength(context, Category.CODE_REGRESSION) is Strength.MODERATE


def test_a_quality_abort_with_failed_rules_is_quality() -> None:
    error = make_error(("RuntimeError", "data quality checks failed for orders"))
    assert strong(make_context([error], quality=(make_quality("IsComplete"),))) == {"UNKNOWN/QUALITY_FAILED"}


def test_a_quality_abort_over_the_shape_of_the_input_is_drift() -> None:
    error = make_error(("RuntimeError", "data quality checks failed for orders"))
    assert strong(make_context([error], quality=(make_quality("SchemaMatch"),))) == {"SCHEMA_DRIFT/CONTRACT_MISMATCH"}


def test_a_rule_that_could_not_run_is_no_bad_data() -> None:
    assert findings(make_context(quality=(make_quality("IsComplete", outcome="ERROR"),))) == []
