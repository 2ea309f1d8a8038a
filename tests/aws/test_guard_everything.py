"""Every operation of every service that botocore knows, tried against the guard. It takes about 20 seconds."""

import pytest
from botocore.exceptions import BotoCoreError

from pipetriage.aws.allowlist import ALLOWLIST
from pipetriage.aws.session import Access, AwsSession
from pipetriage.errors import ReadOnlyError
from tests.aws.listening import listener

READABLE = {(row.service, row.operation) for row in ALLOWLIST if not row.exception}
"""What may be called with any parameters: a session that owns nothing is allowed no exception."""


@pytest.mark.usefixtures("aws_environment")
def test_no_operation_outside_the_allowlist_sends_a_byte() -> None:
    with listener() as somebody:
        aws = AwsSession(Access(region="us-east-1", endpoint_url=somebody.url, attempts=1))
        passed, tried = set(), 0
        for service in aws.boto3.get_available_services():
            client = aws.boto3.client(service, endpoint_url=somebody.url)
            for operation in client.meta.service_model.operation_names:
                tried += 1
                visits = somebody.visits
                try:
                    client._make_api_call(operation, {})
                except ReadOnlyError:
                    assert somebody.visits == visits, (service, operation)
                except BotoCoreError:  # it got as far as missing parameters, or to somebody who hangs up
                    passed.add((service, operation))
        assert tried > 19_000
        assert passed == READABLE
