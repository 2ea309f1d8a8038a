"""The session that asks a model on Bedrock: what its guard lets through, and what a role is taken on with."""

import json

import pytest

from pipetriage.aws.allowlist import ALLOWLIST
from pipetriage.aws.model_session import ModelSession
from pipetriage.aws.policy import model_policy
from pipetriage.aws.session import Access, AwsSession
from pipetriage.errors import ReadOnlyError
from tests.aws.listening import listener

MESSAGES = [{"role": "user", "content": [{"text": "hello"}]}]


@pytest.mark.usefixtures("aws_environment")
def test_it_can_converse_and_nothing_else() -> None:
    with listener() as somebody:
        session = ModelSession(Access(region="us-east-1", endpoint_url=somebody.url, attempts=1))
        wanted = {(row.service, row.operation) for row in ALLOWLIST}
        for service in ("bedrock-runtime", "bedrock", "bedrock-agent-runtime", *{service for service, _ in wanted}):
            client = session.client(service)
            for operation in client.meta.service_model.operation_names:
                if operation == "Converse" or service in ("sts", "sso", "sso-oidc", "signin"):
                    continue
                with pytest.raises(ReadOnlyError):
                    client._make_api_call(operation, {})
        assert somebody.visits == 0
        with pytest.raises(ReadOnlyError):
            session.client("sts").get_caller_identity()
        with pytest.raises(Exception, match="Connection"):
            session.client("bedrock-runtime").converse(modelId="m", messages=MESSAGES)
        assert somebody.visits == 1, "asked once, and not tried again"


@pytest.mark.usefixtures("aws_environment")
def test_who_reads_an_account_cannot_ask_a_model() -> None:
    with listener() as somebody:
        session = AwsSession(Access(region="us-east-1", endpoint_url=somebody.url))
        with pytest.raises(ReadOnlyError):
            session.client("bedrock-runtime").converse(modelId="m", messages=MESSAGES)
        assert somebody.visits == 0


def test_a_role_is_taken_on_for_asking_only() -> None:
    (statement,) = json.loads(model_policy())["Statement"]
    assert statement["Action"] == ["bedrock:InvokeModel"]
