"""Amazon S3: listings in the shape of ListObjectsV2, bounded; objects whole."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import SAMPLED_LINES, Answer, columns_of, json_keys

MAX_LISTED = 20_000
"""Objects listed at most (20 pages): beyond that a count is "at least". About two seconds."""


SAMPLED_FILES = 5
"""Input files whose first lines are read for their columns; one request each."""
_SAMPLED_BYTES = 256 * 1024


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


def sampled_schema(aws: AwsSession, uri: str) -> Answer:
    """Read the column names of JSON-lines input from the first lines of some of its files.

    Raises:
        SourceError: there is no such file, or none of them can be read.
    """
    found = listing(aws, uri).payload
    keys = json_keys(found)
    # Some of those that came first and some that came last: a feed may change in between.
    keys = list(dict.fromkeys([*keys[: SAMPLED_FILES // 2 + 1], *keys[-SAMPLED_FILES // 2 :]]))
    unread: list[SourceError] = []
    try:
        columns = columns_of(_first_lines(aws, found["Name"], key, unread) for key in keys)
    except SourceError:
        if len(unread) == len(keys) > 0:
            raise unread[-1] from None
        raise
    return Answer(columns, f"{uri} (first lines of {len(keys)} files)")


def _first_lines(aws: AwsSession, bucket: str, key: str, unread: list[SourceError]) -> Iterator[bytes]:
    try:
        with aws.calling(f"s3:GetObject of s3://{bucket}/{key}"):
            answer = aws.client("s3").get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_SAMPLED_BYTES - 1}")
            head = answer["Body"].read()
    except SourceError as error:
        unread.append(error)  # the others still say what the columns are
        return
    lines = head.split(b"\n")
    # The last piece may be torn.
    yield from (lines[:-1] if len(head) == _SAMPLED_BYTES else lines)[:SAMPLED_LINES]
