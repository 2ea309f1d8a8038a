"""Ways around the guard: each is refused, and none of them sends a byte."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import botocore.awsrequest
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.hooks import HierarchicalEmitter

from pipetriage.aws.allowlist import ALLOWLIST, Scope
from pipetriage.aws.guard import Guard, OwnResources
from pipetriage.aws.session import Access, AwsSession
from pipetriage.errors import ReadOnlyError
from tests.aws.listening import Listener, listener

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/pipetriage"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/pipetriage"
LETTERS = f"{QUEUE}-dead"
OWN = OwnResources(table=TABLE, queue_url=QUEUE, dead_letter_url=LETTERS)


@pytest.fixture
def somebody(aws_environment: None) -> Iterator[Listener]:
    with listener() as one:
        yield one


def _session(somebody: Listener, own: OwnResources = OWN) -> AwsSession:
    return AwsSession(Access(region="eu-west-1", endpoint_url=somebody.url, attempts=1), own)


def _upload_by_manager(aws: AwsSession) -> None:
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    manager = create_transfer_manager(aws.client("s3"), TransferConfig(use_threads=False))
    manager.upload(__file__, "b", "k").result()


def _sent_by_hand(aws: AwsSession) -> None:
    """A request that is put together and handed to the endpoint, past every event of a call."""
    client = aws.client("s3")
    request = botocore.awsrequest.prepare_request_dict
    made: dict[str, Any] = {"url_path": "/b/k", "query_string": {}, "method": "PUT", "headers": {}, "body": b"x"}
    request(made, client.meta.endpoint_url, context={"client_region": "eu-west-1", "auth_type": "v4"})
    client._endpoint.make_request(client.meta.service_model.operation_model("PutObject"), made)


def _signed_by_hand(aws: AwsSession) -> str:
    client = aws.client("s3")
    made = {"url_path": "/b/k", "query_string": {}, "method": "GET", "headers": {}, "body": b"", "context": {}}
    made["url"] = f"{client.meta.endpoint_url}/b/k"
    url: str = client._request_signer.generate_presigned_url(made, "GetObject")
    return url


def _put_item(table: str) -> Callable[[AwsSession], Any]:
    return lambda aws: aws.client("dynamodb").put_item(TableName=table, Item={"id": {"S": "1"}})


WAYS: dict[str, Callable[[AwsSession], Any]] = {
    "method": lambda aws: aws.client("glue").start_job_run(JobName="j"),
    "make_api_call": lambda aws: aws.client("glue")._make_api_call("DeleteTable", {"DatabaseName": "d", "Name": "t"}),
    "another client": lambda aws: aws.boto3.client("iam").create_user(UserName="u"),
    "another region": lambda aws: aws.client("glue", "us-east-1").stop_crawler(Name="c"),
    "resource": lambda aws: (
        aws.boto3.resource("s3", endpoint_url=aws.client("s3").meta.endpoint_url).Object("b", "k").put(Body=b"x")
    ),
    "resource's table": lambda aws: aws.boto3.resource("dynamodb").Table("orders").put_item(Item={"id": "1"}),
    "resource's batch writer": lambda aws: _batch(aws, "orders"),
    "resource's collection": lambda aws: aws.boto3.resource("s3").Bucket("b").objects.delete(),
    "paginator": lambda aws: list(aws.client("iam").get_paginator("list_users").paginate()),
    "waiter": lambda aws: aws.client("ec2").get_waiter("instance_running").wait(),
    "transfer": lambda aws: aws.client("s3").upload_file(__file__, "b", "k"),
    "transfer of a resource": lambda aws: aws.boto3.resource("s3").Bucket("b").upload_file(__file__, "k"),
    "transfer by AWS's C runtime": lambda aws: aws.client("s3").download_file("b", "k", "/tmp/k", Config=_by_crt()),
    "transfer manager": _upload_by_manager,
    "copy": lambda aws: aws.client("s3").copy({"Bucket": "a", "Key": "k"}, "b", "k"),
    "presigned write": lambda aws: aws.client("s3").generate_presigned_url("put_object", {"Bucket": "b", "Key": "k"}),
    "presigned read": lambda aws: aws.client("s3").generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"}),
    "presigned identity": lambda aws: aws.client("sts").generate_presigned_url("get_caller_identity"),
    "presigned form": lambda aws: aws.client("s3").generate_presigned_post("b", "k"),
    "presigned by hand": _signed_by_hand,
    "database token": lambda aws: aws.client("rds").generate_db_auth_token("h", 5432, "u"),
    "sent by hand": _sent_by_hand,
    "statement": lambda aws: aws.client("dynamodb").execute_statement(Statement="DELETE FROM pipetriage"),
    "transaction": lambda aws: aws.client("dynamodb").transact_write_items(TransactItems=[]),
    "query that may write": lambda aws: aws.client("athena").start_query_execution(QueryString="DROP TABLE t"),
    "temporary credentials": lambda aws: aws.client("lakeformation").get_temporary_glue_table_credentials(
        TableArn="arn"
    ),
    "express bucket's session": lambda aws: aws.client("s3").create_session(Bucket="b"),
    "another table": _put_item("orders"),
    "the table's bare name": _put_item("pipetriage"),
    "the same name in another account": _put_item(TABLE.replace("123456789012", "999999999999")),
    "another queue": lambda aws: aws.client("sqs").delete_message(QueueUrl=f"{QUEUE}-2", ReceiptHandle="r"),
    "our queue, but sending": lambda aws: aws.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="m"),
    "dead letters, taken": lambda aws: aws.client("sqs").receive_message(QueueUrl=LETTERS),
    "dead letters, deleted": lambda aws: aws.client("sqs").delete_message(QueueUrl=LETTERS, ReceiptHandle="r"),
    "sending elsewhere": lambda aws: aws.client("sqs").send_message(QueueUrl=f"{QUEUE}-2", MessageBody="m"),
    "our queue, emptied": lambda aws: aws.client("sqs").purge_queue(QueueUrl=QUEUE),
    "our table, but deleting": lambda aws: aws.client("dynamodb").delete_table(TableName=TABLE),
    "another role": lambda aws: aws.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/admin", RoleSessionName="s"
    ),
}


def _batch(aws: AwsSession, table: str) -> None:
    with aws.boto3.resource("dynamodb").Table(table).batch_writer() as writer:
        writer.put_item(Item={"id": "1"})


def _by_crt() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(preferred_transfer_client="crt")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_every_way_to_change_something_is_refused_before_a_byte_is_sent(
    way: Callable[[AwsSession], Any], somebody: Listener
) -> None:
    with pytest.raises(ReadOnlyError, match="refused before it was sent"):
        way(_session(somebody))
    assert somebody.visits == 0


ALLOWED: dict[str, Callable[[AwsSession], Any]] = {
    "read": lambda aws: aws.client("glue").get_job(JobName="j"),
    "paginator": lambda aws: list(aws.client("glue").get_paginator("get_job_runs").paginate(JobName="j")),
    "our table": _put_item(TABLE),
    "our table, read": lambda aws: aws.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": "1"}}),
    "dead letters": lambda aws: aws.client("sqs").send_message(QueueUrl=LETTERS, MessageBody="m"),
    "our queue": lambda aws: aws.client("sqs").receive_message(QueueUrl=QUEUE),
    "our queue, several": lambda aws: aws.client("sqs").delete_message_batch(
        QueueUrl=QUEUE, Entries=[{"Id": "1", "ReceiptHandle": "r"}]
    ),
}


@pytest.mark.parametrize("way", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_allowed_is_sent(way: Callable[[AwsSession], Any], somebody: Listener) -> None:
    with pytest.raises((BotoCoreError, ClientError)):  # nobody answers
        way(_session(somebody))
    assert somebody.visits > 0


def test_who_owns_nothing_writes_nowhere(somebody: Listener) -> None:
    aws = _session(somebody, OwnResources())
    for way in ("our table", "our queue", "our queue, several"):
        with pytest.raises(ReadOnlyError, match="not pipetriage's own"):
            ALLOWED[way](aws)
    assert somebody.visits == 0


def test_a_handler_that_changes_the_table_on_the_way_does_not_get_through(somebody: Listener) -> None:
    aws = _session(somebody)
    client = aws.client("dynamodb")

    def elsewhere(params: dict[str, Any], **_: Any) -> None:
        params["TableName"] = "orders"

    client.meta.events.register_last("before-parameter-build.dynamodb.PutItem", elsewhere)
    with pytest.raises(ReadOnlyError):
        _put_item(TABLE)(aws)
    assert somebody.visits == 0


def test_a_handler_that_changes_the_bytes_on_the_way_does_not_get_through(somebody: Listener) -> None:
    aws = _session(somebody)

    def elsewhere(request: Any, **_: Any) -> None:
        request.data = json.dumps({"TableName": "orders", "Item": {}}).encode()

    aws.client("dynamodb").meta.events.register_last("request-created.dynamodb.PutItem", elsewhere)
    with pytest.raises(ReadOnlyError):
        _put_item(TABLE)(aws)
    assert somebody.visits == 0


def test_a_client_made_before_its_siblings_is_guarded_as_they_are(somebody: Listener) -> None:
    aws = _session(somebody)
    first = aws.client("s3")
    assert aws.client("s3") is first
    for client in (first, aws.boto3.client("s3"), aws.client("s3", "us-east-1")):
        with pytest.raises(ReadOnlyError):
            client.delete_object(Bucket="b", Key="k")


def test_the_refusal_names_the_operation_and_the_fix(somebody: Listener) -> None:
    with pytest.raises(ReadOnlyError) as refusal:
        _session(somebody).client("logs").delete_log_group(logGroupName="g")
    assert refusal.value.operation == "logs:DeleteLogGroup"
    assert "allowlist.py" in str(refusal.value)


def test_every_exception_is_checked_by_a_resource_of_its_own() -> None:
    own = {Scope.INCIDENT_TABLE: "dynamodb", Scope.QUEUE: "sqs", Scope.DEAD_LETTERS: "sqs", Scope.ROLE: "sts"}
    assert {(row.scope, row.service) for row in ALLOWLIST if row.exception} == set(own.items())


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"{", b"", None, b'{"TableName": ["x"]}', b"[]", b"TableName=a&TableName=b"]
)
def test_a_body_that_cannot_be_read_names_no_resource(body: bytes | None) -> None:
    emitter = HierarchicalEmitter()
    Guard(OWN).install(emitter)
    with pytest.raises(ReadOnlyError):
        emitter.emit("before-call.dynamodb.PutItem", params={"body": body}, context={})


def test_the_query_protocol_names_its_resource_before_and_after_it_is_encoded() -> None:
    emitter = HierarchicalEmitter()
    Guard(OwnResources(roles=frozenset({"arn:aws:iam::1:role/r"}))).install(emitter)
    emitter.emit("before-call.sts.AssumeRole", params={"body": {"RoleArn": "arn:aws:iam::1:role/r"}})
    request = SimpleNamespace(body="Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr")
    emitter.emit("before-send.sts.AssumeRole", request=request)
    with pytest.raises(ReadOnlyError):
        emitter.emit("before-call.sts.AssumeRole", params={"body": {"RoleArn": "arn:aws:iam::1:role/other"}})
