"""The same words with another cause: what an error quotes, what only follows from it, what other vendors call it."""

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
