"""The same words with another cause: what an error quotes, what only follows from it, what other vendors call it."""

import msgspec
import pytest

from pipetriage.model.categories import Category
from pipetriage.model.finding import Strength
from tests.building import make_cause, make_context, make_error
from tests.detectors.judging import findings, strength

SERVICE_MODES = {"TRANSIENT_SERVICE", "IAM_DENIED", "S3_DENIED"}


def modes(*causes: tuple[str, str]) -> set[str]:
    return {str(one.failure_mode) for one in findings(make_context([make_error(*causes)]))}


@pytest.mark.parametrize("exception", ["KeyError", "ValueError", "AssertionError", "TypeError"])
@pytest.mark.parametrize("words", ["'Throttled'", "'AccessDenied'", "state Connection reset by peer", "403 Forbidden"])
def test_a_value_that_sounds_like_a_service_is_a_value(exception: str, words: str) -> None:
    assert not modes((exception, words)) & SERVICE_MODES


@pytest.mark.parametrize(
    "message",
    [
        "40 rows rejected: reason code 'SlowDown' is not in the list",
        'column error_code holds "AccessDenied"',
        "400 Client Error: Bad Request for url: https://api.example.com/v1/Throttling/503",
    ],
)
def test_what_is_quoted_or_in_an_address_is_not_the_error(message: str) -> None:
    assert not modes(("RuntimeError", message)) & SERVICE_MODES


def test_unquoted_the_same_words_count() -> None:
    assert modes(("RuntimeError", "GetTable: Rate exceeded")) == {"TRANSIENT_SERVICE"}
    assert modes(("HTTPError", "403 Client Error: Forbidden for url: https://api.example.com/")) == {"IAM_DENIED"}


def test_a_credential_lookup_that_ends_in_a_timeout_is_about_credentials() -> None:
    chain = ("NoAuthWithAWSException", "No AWS Credentials provided"), ("SocketTimeoutException", "connect timed out")
    assert modes(*chain) == {"CREDENTIALS_INVALID"}


def test_a_gateway_to_a_dead_driver_is_no_passing_network_failure() -> None:
    chain = (
        ("ConnectionRefusedError", "[Errno 111] Connection refused"),
        ("Py4JNetworkError", "An error occurred while trying to connect to the Java server"),
    )
    assert modes(*chain) == {"RESOURCE_EXHAUSTED"}


@pytest.mark.parametrize(
    "message",
    [
        "ERROR: value too long for type character varying(32)",
        "String or binary data would be truncated in table 'dw.orders', column 'note'.",
        "Data truncation: Data too long for column 'note' at row 1",
        'ORA-12899: value too large for column "DW"."ORDERS"."NOTE" (actual: 60, maximum: 40)',
        'ERROR: invalid input syntax for type integer: "n/a"',
        "Conversion failed when converting the varchar value 'n/a' to data type int.",
        "Unknown column 'discount' in 'field list'",
        'ORA-00904: "DISCOUNT": invalid identifier',
        "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved or requester is not authorized to access requested",
    ],
)
def test_databases_refuse_data_in_their_own_words(message: str) -> None:
    context = make_context([make_error(("java.sql.SQLException", message))])
    assert strength(context, Category.SCHEMA_DRIFT) in (Strength.STRONG, Strength.MODERATE)
    assert strength(context, Category.PERMISSION_ERROR) is None


def test_a_translated_message_is_understood_by_its_sqlstate() -> None:
    cause = make_cause("PSQLException", "ERRO: permissão negada para tabela clientes", sqlstate="42501")
    assert strength(make_context([make_error(cause)]), Category.PERMISSION_ERROR) is Strength.STRONG


@pytest.mark.parametrize(
    ("around", "mode"),
    [
        (("KeyError", "'amount'"), "TRANSFORMATION_ERROR"),
        (("ClientError", "An error occurred (AccessDenied) when calling the GetObject operation"), "S3_DENIED"),
        (("CommitFailedException", "Cannot commit: stale table metadata"), "COMMIT_CONFLICT"),
    ],
)
def test_a_throttled_call_beneath_another_failure_does_not_explain_it_away(around: tuple[str, str], mode: str) -> None:
    said = modes(around, ("ThrottlingException", "Rate exceeded"))
    assert mode in said
    assert "TRANSIENT_SERVICE" not in said


@pytest.mark.parametrize("wrapper", ["ValueError", "RuntimeError", "SparkException", "Py4JJavaError"])
def test_a_throttled_call_passed_on_in_other_words_is_one(wrapper: str) -> None:
    assert modes((wrapper, "cannot load the batch"), ("ThrottlingException", "Rate exceeded")) == {"TRANSIENT_SERVICE"}


@pytest.mark.parametrize(
    ("exception", "message", "expected"),
    [
        ("java.net.SocketTimeoutException", "Read timed out", Strength.STRONG),
        ("botocore.exceptions.ReadTimeoutError", "Read timed out", Strength.STRONG),
        ("orders.UpstreamNotReady", "upstream status was 503 Service Unavailable", Strength.MODERATE),
    ],
)
def test_only_a_service_client_makes_a_failure_surely_transient(
    exception: str, message: str, expected: Strength
) -> None:
    context = make_context([make_error((exception, message))])
    assert modes((exception, message)) == {"TRANSIENT_SERVICE"}
    assert strength(context, Category.UNKNOWN) is expected


@pytest.mark.parametrize(
    ("exception", "message", "mode"),
    [
        # Classes and codes of the clients' own documentation.
        ("psycopg2.errors.UndefinedColumn", 'column "net" of relation "orders" does not exist', "MISSING_COLUMN"),
        ("psycopg2.errors.NotNullViolation", "null value in column", "CONSTRAINT_VIOLATION"),
        ("psycopg2.errors.InsufficientPrivilege", "must be a member of the role", "IAM_DENIED"),
        ("psycopg2.errors.SerializationFailure", "restart read required", "COMMIT_CONFLICT"),
        ("com.mysql.cj.jdbc.exceptions.MySQLTransactionRollbackException", "Deadlock found", "COMMIT_CONFLICT"),
        ("snowflake.connector.errors.ProgrammingError", "Timestamp '31/31/2026' is not recognized", "CAST_FAILURE"),
        ("pandera.errors.SchemaError", "column 'net' not in dataframe", "CONTRACT_MISMATCH"),
        ("pydantic.ValidationError", "2 validation errors for Order", "CONTRACT_MISMATCH"),
        ("org.apache.avro.AvroTypeException", "Found string, expecting long", "CAST_FAILURE"),
        ("java.lang.ClassCastException", "Expected instance of primitive converter but got x", "TYPE_CHANGE"),
        ("ValueError", "unexpected state 'HELD' in column state, allowed: OPEN, PAID", "CONTRACT_MISMATCH"),
        ("com.mongodb.MongoCommandException", "not authorized on shop to execute command", "DATABASE_DENIED"),
        ("org.example.security.TableAccessControlException", "user etl may not read it", "IAM_DENIED"),
        ("io.fabric8.kubernetes.client.KubernetesClientException", "pods is forbidden: User x", "IAM_DENIED"),
        ("google.api_core.exceptions.ServiceUnavailable", "503 backend is gone", "TRANSIENT_SERVICE"),
        ("google.api_core.exceptions.ResourceExhausted", "Quota exceeded for reads per minute", "TRANSIENT_SERVICE"),
        ("urllib.error.HTTPError", "HTTP Error 503: Service Unavailable", "TRANSIENT_SERVICE"),
        ("java.io.IOException", "Server returned HTTP response code: 502 for URL: https://a/", "TRANSIENT_SERVICE"),
        ("org.apache.zookeeper.KeeperException$ConnectionLossException", "for /hbase", "TRANSIENT_SERVICE"),
        ("cx_Oracle.OperationalError", "ORA-03113: end-of-file on communication channel", "TRANSIENT_SERVICE"),
        ("airflow.exceptions.AirflowSensorTimeout", "Snap. Time is OUT.", "LATE_FILES"),
        ("RuntimeError", "1,204 rows read, at least 90,000 expected", "LOW_RECORD_COUNT"),
    ],
)
def test_other_clients_say_it_in_their_own_names(exception: str, message: str, mode: str) -> None:
    assert mode in modes((exception, message))


def test_a_throttled_call_is_no_refusal_whatever_service_it_was_made_to() -> None:
    said = "Rate exceeded (Service: LakeFormation, Status Code: 400, Error Code: ThrottledException)"
    assert modes(("LakeFormationException", said)) == {"TRANSIENT_SERVICE"}


def test_two_callers_of_the_catalog_at_once_are_no_lost_commit() -> None:
    said = (
        "Table was changed meanwhile (Service: AWSGlue; Status Code: 400; Error Code: ConcurrentModificationException)"
    )
    assert modes(("ConcurrentModificationException", said)) == {"TRANSIENT_SERVICE"}
    assert "COMMIT_CONFLICT" in modes(("CommitFailedException", "Cannot commit: stale table metadata"))


def test_a_malformed_request_is_no_malformed_input() -> None:
    said = modes(("org.apache.iceberg.exceptions.BadRequestException", "Malformed request: no such field"))
    assert "MALFORMED_INPUT" not in said


def test_the_words_before_an_exception_may_decide_over_it() -> None:
    error = make_error(("java.net.SocketTimeoutException", "Read timed out"))
    assert strength(make_context([error]), Category.PARTIAL_WRITE_RISK) is None
    said = msgspec.structs.replace(error, excerpt=f"Cannot tell if commit to a.b succeeded\n{error.excerpt}")
    assert strength(make_context([said]), Category.PARTIAL_WRITE_RISK) is Strength.STRONG
