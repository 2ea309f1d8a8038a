"""Single objects in S3, small ones, read whole: what was written down for us (deployments, lineage events)."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pipetriage.errors import SourceError
from pipetriage.sources.s3 import place_of

if TYPE_CHECKING:
    from pipetriage.aws.session import AwsSession


def object_bytes(aws: "AwsSession", uri: str, limit: int) -> bytes:
    """Read an object of at most ``limit`` bytes.

    Raises:
        SourceError: it is not there, too large, or may not be read; the message says which.
        CredentialsError: AWS does not know us.
    """
    from pipetriage.aws.failures import code_of

    bucket, key = place_of(uri)
    with aws.calling(f"s3:GetObject of {uri}"):
        try:
            answer = aws.client("s3").get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "NoSuchBucket"):
                raise SourceError(f"{uri} is not there") from error
            raise
        if answer["ContentLength"] > limit:
            answer["Body"].close()
            raise SourceError(f"{uri} has {answer['ContentLength']} bytes, more than is read ({limit})")
        return bytes(answer["Body"].read())
