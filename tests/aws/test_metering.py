"""Requests and bytes are counted for whoever asks, though sessions, clients and threads are shared."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipetriage.aws.guard import OwnResources
from pipetriage.aws.metering import Meter
from pipetriage.aws.session import AwsSession
from pipetriage.errors import PipetriageError, ReadOnlyError
from tests.emulated.account import ACCOUNT, EmulatedAccount

OBJECT = b"x" * 100_000


@pytest.fixture
def aws(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> AwsSession:
    # botocore's waits between attempts, which are not ours to test.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setattr("botocore.retries.adaptive.ClientRateLimiter.on_sending_request", lambda *_, **__: None)
    account.put_object("s3://bucket/key", OBJECT)
    account.put_job({"Name": "orders", "Command": {"Name": "glueetl"}})
    return account.session()


@pytest.fixture
def meter() -> Meter:
    return Meter()


def test_each_request_that_the_server_sees_is_counted(account: EmulatedAccount, aws: AwsSession, meter: Meter) -> None:
    account.door.calls.clear()
    glue = aws.metered(meter).client("glue")
    for _ in range(3):
        glue.get_job(JobName="orders")

    assert meter.calls == len(account.door.calls) == 3
    assert meter.bytes > 3 * len('{"Job": {"Name": "orders"}}')


def test_each_attempt_is_one(account: EmulatedAccount, aws: AwsSession, meter: Meter) -> None:
    account.door.calls.clear()
    account.refuse("glue:GetJob", "ThrottlingException", times=2)
    aws.metered(meter).client("glue").get_job(JobName="orders")

    assert meter.calls == len(account.door.calls) == 3


def test_an_error_is_an_answer_too(account: EmulatedAccount, aws: AwsSession, meter: Meter) -> None:
    message = "no, and this is why: " + "because " * 1_000
    account.refuse("glue:GetJob", "AccessDeniedException", message)
    counted = aws.metered(meter)
    with pytest.raises(PipetriageError), counted.calling("glue:GetJob"):
        counted.client("glue").get_job(JobName="orders")

    assert meter.calls == 1
    assert len(message) < meter.bytes < len(message) + 500


def test_what_the_guard_refuses_was_not_sent(aws: AwsSession, meter: Meter) -> None:
    with pytest.raises(ReadOnlyError):
        aws.metered(meter).client("glue").delete_job(JobName="orders")

    assert (meter.calls, meter.bytes) == (0, 0)


def test_of_an_object_what_is_read_counts(aws: AwsSession, meter: Meter) -> None:
    body = aws.metered(meter).client("s3").get_object(Bucket="bucket", Key="key")["Body"]
    assert (meter.calls, meter.bytes) == (1, 0)
    assert body.read(1_000) == OBJECT[:1_000]
    assert meter.bytes == 1_000
    assert body.read() == OBJECT[1_000:]
    assert meter.bytes == len(OBJECT)

    buffer = bytearray(500)
    other = aws.metered(meter).client("s3").get_object(Bucket="bucket", Key="key")["Body"]
    assert other.readinto(buffer) == 500
    assert b"".join(other.iter_chunks(4_096)) == OBJECT[500:]
    assert meter.bytes == 2 * len(OBJECT)


def test_others_that_use_the_session_are_not_counted(aws: AwsSession, meter: Meter) -> None:
    counted, other = aws.metered(meter), Meter()
    counted.client("glue").get_job(JobName="orders")
    aws.client("glue").get_job(JobName="orders")
    aws.metered(other).client("glue").get_job(JobName="orders")

    assert (meter.calls, other.calls) == (1, 1)


def test_threads_that_share_a_session_do_not_mix(account: EmulatedAccount, aws: AwsSession) -> None:
    account.door.latency = 0.002
    meters = [Meter() for _ in range(4)]

    def ask(worker: int) -> None:
        counted = aws.metered(meters[worker])
        for _ in range(5 + worker):
            counted.client("s3").get_object(Bucket="bucket", Key="key", Range=f"bytes=0-{worker}")["Body"].read()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))

    assert [one.calls for one in meters] == [5, 6, 7, 8]
    assert [one.bytes for one in meters] == [5 * 1, 6 * 2, 7 * 3, 8 * 4]


def test_who_we_are_is_asked_once_and_counted_for_whoever_asks_first(aws: AwsSession, meter: Meter) -> None:
    other = Meter()
    assert aws.metered(meter).identity().account == ACCOUNT
    assert aws.metered(other).identity().account == ACCOUNT

    assert (meter.calls, other.calls) == (1, 0)


def test_the_credentials_of_a_role_are_requests_too(account: EmulatedAccount, meter: Meter) -> None:
    account.put_job({"Name": "orders", "Command": {"Name": "glueetl"}})
    session = account.session(role_arn=f"arn:aws:iam::{ACCOUNT}:role/reader")
    account.door.calls.clear()
    session.metered(meter).client("glue").get_job(JobName="orders")

    assert sorted(account.door.calls) == ["glue:GetJob", "sts:AssumeRole"]
    assert meter.calls == 2


def test_a_counted_client_is_as_guarded_as_any(account: EmulatedAccount, meter: Meter) -> None:
    account.put_control_rows("own", [{"batch_id": "1"}])
    counted = account.session(OwnResources(table="own")).metered(meter)
    with pytest.raises(ReadOnlyError):
        counted.client("dynamodb").put_item(TableName="another", Item={"batch_id": {"S": "2"}})
    client = counted.client("dynamodb")
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(
            TableName="own", Item={"batch_id": {"S": "1"}}, ConditionExpression="attribute_not_exists(batch_id)"
        )


@pytest.fixture(autouse=True)
def _quick(account: EmulatedAccount) -> Iterator[None]:
    yield
    account.door.latency = 0.0
