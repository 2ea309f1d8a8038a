"""Redaction: what must go, what must stay, and that neither length nor repetition defeats it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipetriage.context.redact import Redactor

REDACTOR = Redactor()

AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("credentials AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
        (f"aws_secret_access_key = {AWS_SECRET}", AWS_SECRET),
        (f"('ASIAIOSFODNN7EXAMPLE', '{AWS_SECRET}')", AWS_SECRET),
        ("header IQoJb3JpZ2luX2VjE" + "a1B2" * 40 + " end", "a1B2a1B2"),
        ("GET https://b.s3.amazonaws.com/k?X-Amz-Credential=c&X-Amz-Signature=deadbeef99 200", "deadbeef99"),
        ("https://a.blob.core.windows.net/c/f?sv=2022&sig=AbC%2Fdef%3D", "AbC%2Fdef"),
        ("jdbc:postgresql://db:5432/x?user=etl&password=hunter2;ssl=true", "hunter2"),
        ("jdbc:postgresql://db:5432/x?user=etl_admin&ssl=true", "etl_admin"),
        ("jdbc:oracle:thin:scott/tiger7@//db:1521/x", "tiger7"),
        ("redis://default:s3cr3tpw@cache:6379/0", "s3cr3tpw"),
        ('{"password": "correct horse"}', "correct horse"),
        (r"{\"password\": \"correct horse\"}", "correct horse"),
        ("{'dbPassword': 'x,y z'}", "x,y z"),
        ("-Djavax.net.ssl.keyStorePassword=changeit", "changeit"),
        ("run --db-password hunter2 --region eu-west-1", "hunter2"),
        ("['--api_token', 'abcd1234']", "abcd1234"),
        ("password: hunter2", "hunter2"),
        ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("posting with xoxb-123456789012-abcdefABCDEF", "abcdefABCDEF"),
        ("https://hooks.slack.com/services/T0/B0/XXXXYYYY", "XXXXYYYY"),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/abc/triggers", "workflows/abc"),
        (f"got {JWT} back", "eyJzdWIi"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnop"),
        ("dapi0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("ATATT3xFfGF0abcdefghijklmnop", "3xFfGF0"),
        ("routing_key=0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow never ends", "MIIEow"),
        ("bad row for jane.doe@example.co.uk today", "jane.doe"),
        ("call +44 20 7946 0958 now", "7946"),
        ("call (212) 555-0123 now", "555-0123"),
        ("phone: 02079460958", "02079460958"),
        ("card 4111 1111 1111 1111 declined", "4111"),
        ("card 4111111111111111 declined", "4111"),
        ("iban DE89370400440532013000", "DE8937"),
        ("iban GB29 NWBK 6016 1331 9268 19 FAILED", "NWBK"),
        ('[CAST_INVALID_INPUT] The value \'Jane\'s house\' of the type "STRING" cannot be cast to "INT"', "Jane"),
        ('[CAST_OVERFLOW] The value 991234L of the type "BIGINT" cannot be cast to "INT"', "991234"),
        (
            "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records are detected in record parsing: "
            "[17,Jane\nDoe].\nParse Mode: FAILFAST.",
            "Doe",
        ),
        ("CHECK constraint c (a > 0) violated by row with values:\n - a : -77\n - n : Jane\n\tat x.Y", "Jane"),
        ("ValueError: invalid literal for int() with base 10: 'Jane'", "Jane"),
        ('NumberFormatException: For input string: "Jane"', "Jane"),
        ("Row(id=4, name='Jane')", "Jane"),
        ("Detail: Key (name)=(Jane) already exists.", "Jane"),
    ],
)
def test_sensitive_values_go(text: str, gone: str) -> None:
    redacted = REDACTOR.text(text)
    assert gone not in redacted
    assert "‹" in redacted
    assert REDACTOR.text(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "run jr_" + "0123456789abcdef" * 4 + "_attempt_1 failed",
        "Committed snapshot 4111111111111111111 (MergeAppend), parent 523456789012345678",
        "current-snapshot-id 6011000990139424123",
        "at 1793498584123 and 2026-11-01T02:03:04.123456+00:00, 26/03/18 09:49:59, 2026-11-01 02:03:04,123",
        "table glue_catalog.sales.orders at s3://lake/orders/dt=2026-11-01/part-00000-0f8fad5b-d9cb-469f.parquet",
        "org.apache.spark.sql.AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://raw/a?b=1",
        "KeyError: 'customer_id'",
        "ExpiredToken: The provided token has expired",
        "ExpiredTokenException: The security token included in the request is expired",
        "Access denied for user 'u'@'h' (using password: YES)",
        "(Service: AWSGlue; Status Code: 400; Error Code: AccessDeniedException; Request ID: "
        "7b1f1c9e-0d3c-4f7e-9b37-111122223333; Proxy: null)",
        "User: arn:aws:sts::111122223333:assumed-role/etl/GlueJobRunnerSession is not authorized to perform: "
        "glue:GetTable on resource: arn:aws:glue:eu-west-1:111122223333:catalog",
        "application_1793498584123_0042 app-20261101020304-0001 local-1793498584123",
        "Lost task 3.0 in stage 1.0 (TID 912345678) (10.0.0.1 executor 1)",
        "java.lang.Object@1a2b3c4d pyspark@3.5.4",
        "\tat org.apache.Foo.bar(Foo.scala:12)",
    ],
)
def test_what_a_person_needs_stays(text: str) -> None:
    assert REDACTOR.text(text) == text


def test_the_same_value_is_the_same_token_everywhere() -> None:
    log = REDACTOR.text("user jane@example.com failed, password=hunter2")
    run = REDACTOR.text("mail to <jane@example.com>")
    arguments = REDACTOR.arguments({"--db_password": "hunter2"})
    assert log.split()[1] in run
    assert arguments["--db_password"] in log
    assert Redactor(key=b"other").text("jane@example.com") != REDACTOR.text("jane@example.com")


def test_partition_values_are_kept() -> None:
    keep = Redactor(keep=frozenset({"jane@example.com"}))
    assert keep.text("customer=jane@example.com") == "customer=jane@example.com"
    assert keep.text("customer=john@example.com") != "customer=john@example.com"


def test_arguments() -> None:
    seen = REDACTOR.arguments(
        {
            "--JOB_NAME": "orders",
            "--api_key": "abc",
            "--SecretArn": "arn:x",
            "--partition_key": "order_date",
            "--encryption-key": "kkk",
            "--source": "s3://raw/orders/2026-11-01/",
            "--conf": "spark.a=b --conf spark.db.password=hunter2",
            "--n": 5,
            "--none": None,
        }
    )
    assert seen["--JOB_NAME"] == "orders"
    assert seen["--partition_key"] == "order_date"
    assert seen["--source"] == "s3://raw/orders/2026-11-01/"
    assert seen["--n"] == "5"
    assert seen["--none"] == ""
    assert "abc" not in seen["--api_key"]
    assert "kkk" not in seen["--encryption-key"]
    assert "hunter2" not in seen["--conf"]


def test_control_characters_go() -> None:
    assert REDACTOR.text("\x1b[31mred\x1b[0m\x07 a\tb\nc\x00\u202e\x1b]0;title\x07!") == "red a\tb\nc!"
    # Hiding a secret behind invisible characters does not help.
    assert "hunter2" not in REDACTOR.text("pass\x00word=hunter2")


@pytest.mark.parametrize("offset", range(11_900, 12_400, 7))
def test_a_cut_never_lets_half_a_secret_through(offset: int) -> None:
    secret = "password = 'hunter2hunter2' AKIAIOSFODNN7EXAMPLE 4111 1111 1111 1111 "
    line = "x " * (offset // 2) + secret + "y " * 20_000
    cut = REDACTOR.text(line)
    assert "characters cut]…" in cut
    for part in ("hunter2", "AKIA", "4111", "MPLE"):
        assert part not in cut
    backwards = REDACTOR.text("y " * 20_000 + secret + "x " * ((offset - 10_500) // 2))
    for part in ("hunter2", "AKIA", "4111", "MPLE"):
        assert part not in backwards


@pytest.mark.parametrize(
    "piece",
    [
        "password=", "eyJ", "eyJ.", "--", "secret", "a@", "://a:", "?", "The value '", "\x1b]", "4", "+1 ", "Row(",
        "-----BEGIN PRIVATE KEY-----", "AKIA", "token='", "violated by row with values:", ")=(", "a.", "AB12 ", "‹",
        "password=a ", "jdbc:oracle:thin:", "x" * 63 + ".",
    ],
)  # fmt: skip
def test_hostile_text_takes_linear_time(piece: str) -> None:
    for newline_every in (0, 10_000):
        text = piece * (300_000 // len(piece))
        if newline_every:
            text = "\n".join(text[i : i + newline_every] for i in range(0, len(text), newline_every))
        started = time.perf_counter()
        REDACTOR.text(text)
        assert time.perf_counter() - started < 8


FRAGMENTS = st.sampled_from(
    ["password", "=", ":", " ", '"', "'", "\\", "secret", "--", "a@b.co", "4111111111111111", "‹", "›", "‹email:", "?",
     "sig=", "The value '", "' of the type", "+441234567", "\n", "://", "u:p@", "token", ",", ")", "x", "\x1b[", "eyJ",
     "DE89370400440532013000", "Row(", ")=(", ") already exists", "Text '", "AKIAIOSFODNN7EXAMPLE", "&", "null"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(FRAGMENTS, max_size=12).map("".join)))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once
