"""Refusals in the forms that services give them."""

import pytest

from pipetriage.model.categories import Category
from pipetriage.model.facts import Denial
from pipetriage.model.finding import Strength
from tests.building import make_context, make_error, make_run
from tests.detectors.judging import strength, strong

ROLE = "arn:aws:sts::111122223333:assumed-role/etl/GlueJobRunnerSession"


@pytest.mark.parametrize(
    ("exception", "message", "mode"),
    [
        (
            "AmazonS3Exception",
            "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)",
            "S3_DENIED",
        ),
        ("S3Exception", "null (Service: S3, Status Code: 403, Request ID: X)", "S3_DENIED"),
        ("java.nio.file.AccessDeniedException", "s3a://b/k: getFileStatus on s3a://b/k: Forbidden", "S3_DENIED"),
        (
            "ClientError",
            "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
            "S3_DENIED",
        ),
        ("ClientError", f"User: {ROLE} is not authorized to perform: dynamodb:PutItem on resource: t", "IAM_DENIED"),
        ("ClientError", f"User: {ROLE} is not authorized to perform: glue:GetTable on resource: t", "CATALOG_DENIED"),
        ("ClientError", f"{ROLE} is not authorized to perform: kms:Decrypt on the resource", "KMS_DENIED"),
        ("X", "Insufficient Lake Formation permission(s): Required Select on orders", "LAKE_FORMATION_DENIED"),
        (
            "X",
            "Access is not allowed. (Service: LakeFormation, Status Code: 400, Request ID: 1)",
            "LAKE_FORMATION_DENIED",
        ),
        ("X", "The ciphertext refers to a customer master key that does not exist", "KMS_DENIED"),
        ("ForbiddenException", "Cannot commit t because Glue cannot access the requested resources", "CATALOG_DENIED"),
        ("SQLException", "Access denied for user 'etl'@'10.0.0.1' (using password: YES)", "DATABASE_DENIED"),
        ("PSQLException", 'FATAL: password authentication failed for user "etl"', "DATABASE_DENIED"),
        ("SQLException", "ORA-01017: invalid username/password; logon denied", "DATABASE_DENIED"),
        ("NoCredentialsError", "Unable to locate credentials", "CREDENTIALS_INVALID"),
        ("FileNotFoundException", "s3a://raw/orders: getFileStatus: Forbidden; Error Code: 403 Forbidden", "S3_DENIED"),
    ],
)
def test_a_refusal_is_strong_at_the_root(exception: str, message: str, mode: str) -> None:
    assert strong(make_context([make_error((exception, message))])) == {f"PERMISSION_ERROR/{mode}"}


def test_an_expired_session_may_pass_next_time() -> None:
    error = make_error(("ClientError", "ExpiredToken: The provided token has expired"))
    assert strength(make_context([error]), Category.PERMISSION_ERROR) is Strength.MODERATE


def test_a_wrong_network_setup_is_no_refusal() -> None:
    error = make_error(("", "VPC S3 endpoint validation failed for SubnetId: subnet-1"))
    assert strong(make_context([error])) == {"UNKNOWN/CONFIGURATION_ERROR"}


def test_the_audit_trail_alone_is_not_sure() -> None:
    denial = Denial(
        event_name="GetObject",
        event_source="s3.amazonaws.com",
        error_code="AccessDenied",
        resource=None,
        at=None,
        evidence="d",
    )
    assert strength(make_context(denials=(denial,)), Category.PERMISSION_ERROR) is Strength.MODERATE
    succeeded = make_context(denials=(denial,), run=make_run("SUCCEEDED"))
    assert strength(succeeded, Category.PERMISSION_ERROR) is None
