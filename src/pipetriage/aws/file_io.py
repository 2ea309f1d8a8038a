"""Objects in S3 for pyiceberg, read through the guard: its own S3 clients are not botocore's and pass it by.

    properties = file_io_properties(aws)
    table = StaticTable.from_metadata("s3://…/00004-….metadata.json", properties)

Imports pyiceberg, so it is itself imported only where Iceberg is read.
"""

import io
import uuid
import weakref
from typing import Any

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
from pyiceberg.typedef import EMPTY_DICT, Properties

from pipetriage.aws.failures import code_of
from pipetriage.aws.session import AwsSession
from pipetriage.errors import ReadOnlyError, SourceError

MAX_BYTES = 512 * 1024 * 1024
"""Largest object that is read, whole and into memory: a manifest has 8 MB, metadata of 10,000 snapshots about 50."""

_SESSION = "pipetriage.session"
# pyiceberg makes a FileIO from its name and properties, which are text: they name the session, this finds it.
_SESSIONS: "weakref.WeakValueDictionary[str, AwsSession]" = weakref.WeakValueDictionary()


def file_io_properties(aws: AwsSession) -> dict[str, str]:
    """Give the properties that make pyiceberg read through this session, for as long as the session is kept."""
    key = str(uuid.uuid4())
    _SESSIONS[key] = aws
    return {"py-io-impl": f"{__name__}.{ReadOnlyS3.__name__}", _SESSION: key}


def read_object(aws: AwsSession, location: str) -> bytes:
    """Read an object whole.

    Raises:
        SourceError: it is not there, not in S3, too large, or may not be read; the message says which.
        CredentialsError: AWS does not know us.
    """
    bucket, key = _split(location)
    with aws.calling(f"s3:GetObject of {location}"):
        try:
            answer = aws.client("s3").get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "NoSuchBucket"):
                raise SourceError(f"{location} is not there") from error
            raise
        if answer["ContentLength"] > MAX_BYTES:
            answer["Body"].close()
            raise SourceError(f"{location} has {answer['ContentLength']} bytes, more than is read ({MAX_BYTES})")
        data: bytes = answer["Body"].read()
    return data


class ReadOnlyS3(FileIO):
    """A pyiceberg FileIO over the guarded S3 client that can only read; see ``file_io_properties``."""

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        super().__init__(properties)
        aws = _SESSIONS.get(properties.get(_SESSION, ""))
        if aws is None:
            raise SourceError("no AWS session to read Iceberg with: make the properties by file_io_properties")
        self._aws = aws

    def new_input(self, location: str) -> InputFile:
        """Give the object for reading."""
        return _ObjectInput(location, self._aws)

    def new_output(self, location: str) -> OutputFile:
        """Refuse.

        Raises:
            ReadOnlyError: always.
        """
        raise ReadOnlyError("s3:PutObject", f"would write {location}")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refuse.

        Raises:
            ReadOnlyError: always.
        """
        named = location if isinstance(location, str) else location.location
        raise ReadOnlyError("s3:DeleteObject", f"would delete {named}")


class _ObjectInput(InputFile):
    def __init__(self, location: str, aws: AwsSession) -> None:
        super().__init__(location)
        self._aws = aws

    def __len__(self) -> int:
        return int(self._head()["ContentLength"])

    def exists(self) -> bool:
        try:
            self._head()
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        return io.BytesIO(read_object(self._aws, self.location))

    def _head(self) -> Any:
        bucket, key = _split(self.location)
        with self._aws.calling(f"s3:HeadObject of {self.location}"):
            try:
                return self._aws.client("s3").head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) in ("404", "NoSuchKey"):
                    raise FileNotFoundError(f"{self.location} is not there") from error
                raise


def _split(location: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``; Hadoop's file systems write ``s3a`` and ``s3n`` for the same object."""
    scheme, separator, rest = location.partition("://")
    bucket, _, key = rest.partition("/")
    if not separator or scheme not in ("s3", "s3a", "s3n") or not (bucket and key):
        raise SourceError(f"{location} is no object in S3")
    return bucket, key
