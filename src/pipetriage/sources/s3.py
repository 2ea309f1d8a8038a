"""Amazon S3: listings in the shape of ListObjectsV2, bounded; objects whole."""

from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer

MAX_LISTED = 20_000
"""Objects listed at most (20 pages): beyond that a count is "at least". About two seconds."""


class Place(NamedTuple):
    """A bucket and the prefix in it."""

    bucket: str
    prefix: str


def place_of(uri: str) -> Place:
    """Read ``s3://bucket/prefix``; Hadoop's file systems write ``s3a`` and ``s3n``.

    Raises:
        SourceError: it is no address in S3.
    """
    scheme, separator, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    if not separator or scheme not in {"s3", "s3a", "s3n"} or not bucket:
        raise SourceError(f"{uri} is no address in S3, so it was not listed")
    return Place(bucket, prefix)


def listing(aws: AwsSession, uri: str) -> Answer:
    """List what lies below a folder. Nothing there is an answer: looked, empty.

    Raises:
        SourceError: the address is none in S3, or the bucket may not be listed.
    """
    bucket, prefix = place_of(uri.rstrip("/") + "/")
    contents: list[Any] = []
    more: dict[str, str] = {}
    while len(contents) < MAX_LISTED:
        with aws.calling(f"s3:ListObjectsV2 of {uri}"):
            page = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        contents += plain(page.get("Contents", []))
        if not page.get("IsTruncated"):
            more = {}
            break
        more = {"ContinuationToken": page["NextContinuationToken"]}
    document: dict[str, Any] = {
        "Name": bucket,
        "Prefix": prefix,
        "KeyCount": len(contents),
        "IsTruncated": bool(more),
    }
    if contents:
        document["Contents"] = contents
    return Answer(document, uri, uri=f"s3://{bucket}/{prefix}", complete=not more)
