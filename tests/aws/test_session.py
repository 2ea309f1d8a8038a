"""Sessions: who, where, how patiently; and what is said when AWS does not know us."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipetriage.aws.guard import OwnResources
from pipetriage.aws.policy import SESSION_POLICY_LIMIT
from pipetriage.aws.session import Access, AwsSession
from pipetriage.errors import (
    ConfigError,
    CredentialsError,
    PipetriageError,
    ReadOnlyError,
    SourceError,
    UnansweredError,
)
from tests.aws.listening import listener
from tests.emulated.account import ACCOUNT, REGION, EmulatedAccount

ROLE = "arn:aws:iam::222222222222:role/reader"


def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))


def test_identity_is_asked_once(account: EmulatedAccount) -> None:
    aws = account.session()
    assert aws.identity() is aws.identity()
    assert aws.identity().account == ACCOUNT
    assert account.door.calls.count("sts:GetCallerIdentity") == 1


def test_a_role_of_another_account_is_read_behind_the_guard(account: EmulatedAccount) -> None:
    account.put_run({"JobName": "j", "Id": "jr_1", "JobRunState": "FAILED"})
    aws = account.session(role_arn=ROLE, external_id="seven")
    assert not account.door.calls  # nothing is sent before the first question
    identity = aws.identity()
    assert identity.arn.startswith("arn:aws:sts::222222222222:assumed-role/reader/pipetriage")
    with pytest.raises(ReadOnlyError):
        aws.client("glue").delete_job(JobName="j")


def test_the_policy_goes_with_the_role(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    from botocore.credentials import AssumeRoleCredentialFetcher

    made = AssumeRoleCredentialFetcher.__init__

    def note(self: Any, *arguments: Any, **named: Any) -> None:
        seen.append(named["extra_args"])
        made(self, *arguments, **named)

    monkeypatch.setattr(AssumeRoleCredentialFetcher, "__init__", note)
    account.session(role_arn=ROLE).identity()
    account.session(OwnResources(table="pipetriage"), role_arn=ROLE).identity()
    reading, keeping = (set(json.loads(one["Policy"])["Statement"][0]["Action"]) for one in seen)
    assert keeping - reading == {
        *("dynamodb:PutItem", "dynamodb:UpdateItem"),
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage"),
    }
    assert all(len(one["Policy"]) < SESSION_POLICY_LIMIT for one in seen)


def test_a_profile_with_a_role_is_used_as_the_cli_would(
    account: EmulatedAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _config(
        *(tmp_path, monkeypatch),
        f"[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
        f"[profile reader]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-3\n",
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    # botocore takes the role on by itself, at the address that this variable says.
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
    aws = AwsSession(Access(profile="reader"))
    assert aws.region == "eu-west-3"
    assert "assumed-role/reader" in aws.identity().arn


@pytest.mark.usefixtures("aws_environment")
class TestSaid:
    """What is said, and by which error."""

    def test_unknown_profile(self) -> None:
        with pytest.raises(ConfigError, match=r"--profile"):
            AwsSession(Access(profile="nobody", region="eu-west-1"))

    def test_no_region(self) -> None:
        with pytest.raises(ConfigError, match=r"no AWS region .* --region, AWS_REGION"):
            AwsSession(Access())

    def test_the_region_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_REGION", "eu-west-3")
        assert AwsSession(Access()).region == "eu-west-3"

    def test_unknown_region(self) -> None:
        with pytest.raises(ConfigError, match=r"'eu-wset-1' .*eu-west-1"):
            AwsSession(Access(region="eu-wset-1"))

    def test_damaged_configuration(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _config(tmp_path, monkeypatch, "region = eu-west-1\n")
        with pytest.raises(ConfigError, match="correct that file"):
            AwsSession(Access(region="eu-west-1"))

    def test_no_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(CredentialsError, match=r"no AWS credentials: .*--profile.*aws sso login"):
            AwsSession(Access(region="eu-west-1")).identity()
        with pytest.raises(CredentialsError, match="no AWS credentials"):
            AwsSession(Access(region="eu-west-1", role_arn=ROLE)).identity()

    def test_logged_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _config(
            *(tmp_path, monkeypatch),
            "[profile sso]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
            "sso_account_id = 111122223333\nsso_role_name = r\nregion = eu-west-1\n",
        )
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(CredentialsError, match="aws sso login --profile sso"):
            AwsSession(Access(profile="sso")).identity()

    def test_nobody_answers(self) -> None:
        with listener() as somebody, pytest.raises(UnansweredError, match=r"sts:GetCallerIdentity was not answered"):
            AwsSession(Access(region="eu-west-1", endpoint_url=somebody.url, attempts=1)).identity()


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("ExpiredTokenException", CredentialsError, "have expired"),
        ("UnrecognizedClientException", CredentialsError, "does not accept the credentials"),
        ("AccessDeniedException", SourceError, "glue:GetJob is not allowed .*iam-policy"),
        ("EntityNotFoundException", SourceError, "glue:GetJob failed"),
    ],
)
def test_refusals(account: EmulatedAccount, code: str, kind: type[PipetriageError], said: str) -> None:
    account.refuse("glue:GetJob", code)
    aws = account.session()
    with pytest.raises(kind, match=said), aws.calling("glue:GetJob"):
        aws.client("glue").get_job(JobName="j")


@pytest.mark.parametrize(
    ("code", "status", "later"),
    [
        ("ThrottlingException", 400, True),
        ("OperationTimeoutException", 400, True),
        ("InternalServiceException", 500, True),
        ("Whatever", 503, True),
        ("AccessDeniedException", 400, False),
        ("EntityNotFoundException", 400, False),
        ("InvalidInputException", 400, False),
    ],
)
def test_what_may_be_answered_later_is_told_from_what_lasts(
    account: EmulatedAccount, code: str, status: int, later: bool
) -> None:
    account.refuse("glue:GetJob", code, status=status)
    aws = account.session(attempts=1)
    with pytest.raises(SourceError) as raised, aws.calling("glue:GetJob"):
        aws.client("glue").get_job(JobName="j")
    assert isinstance(raised.value, UnansweredError) is later


def test_a_role_that_cannot_be_taken_on_is_no_gap_of_one_source(
    account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.refuse("sts:AssumeRole", "AccessDenied")
    with pytest.raises(CredentialsError, match="--role-arn"):
        account.session(role_arn=ROLE).identity()


def test_a_throttled_call_is_tried_again_and_then_told(account: EmulatedAccount) -> None:
    account.put_job({"Name": "j"})
    account.refuse("glue:GetJob", "ThrottlingException", times=1)
    aws = account.session()
    assert aws.client("glue").get_job(JobName="j")["Job"]["Name"] == "j"
    account.refuse("glue:GetJob", "ThrottlingException")
    aws = account.session(attempts=1)
    with pytest.raises(UnansweredError, match="throttled"), aws.calling("glue:GetJob"):
        aws.client("glue").get_job(JobName="j")


def test_clients_are_patient_within_bounds_and_say_who_they_are(account: EmulatedAccount) -> None:
    config = account.session(connect_timeout=1.0, read_timeout=2.0).client("glue").meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.0, 2.0)
    assert config.retries["mode"] == "adaptive"
    assert config.user_agent_extra.startswith("pipetriage/")
    assert account.session().region == REGION


def test_the_room_is_imported_without_an_aws_package() -> None:
    program = "import sys, pipetriage.aws.policy, pipetriage.aws.guard; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_boto3_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['boto3'] = None\n"
        "from pipetriage.errors import MissingExtraError\n"
        "try:\n    import pipetriage.aws.session\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "pip install 'pipetriage[aws]'" in said


def test_our_own_table_and_queue_are_used_through_the_guard(account: EmulatedAccount) -> None:
    account.put_control_rows("pipetriage", [], ("incident_id",))
    queue = account.admin("sqs").create_queue(QueueName="pipetriage")["QueueUrl"]
    account.admin("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/pipetriage"
    aws = account.session(OwnResources(table=table, queue_url=queue))
    dynamodb, sqs = aws.client("dynamodb"), aws.client("sqs")
    item = {"incident_id": {"S": "1"}}
    dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(incident_id)")
    assert dynamodb.get_item(TableName=table, Key=item)["Item"] == item
    message = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    with pytest.raises(ReadOnlyError):
        dynamodb.put_item(TableName="pipetriage", Item=item)


def test_many_threads_may_ask_for_the_same_client(account: EmulatedAccount) -> None:
    account.put_job({"Name": "j"})
    aws = account.session()
    with ThreadPoolExecutor(16) as pool:
        clients = set(pool.map(lambda _: id(aws.client("glue")), range(64)))
        names = list(pool.map(lambda _: aws.client("glue").get_job(JobName="j")["Job"]["Name"], range(64)))
    assert len(clients) == 1
    assert names == ["j"] * 64


def test_a_bucket_of_another_region_is_found(account: EmulatedAccount) -> None:
    """botocore asks for the bucket's region by itself, with HeadBucket, once S3 has said that it is elsewhere."""
    account.put_object("s3://acme-lake/x", b"abc")
    account.refuse("s3:GetObject", "PermanentRedirect", status=301, times=1)
    answer = account.session().client("s3").get_object(Bucket="acme-lake", Key="x")
    assert answer["Body"].read() == b"abc"
    assert "s3:HeadBucket" in account.door.calls
