"""The errors that stop a run: as exceptions with the words of the real libraries, and their names in a traceback."""

from lab.scenario import ErrorKind


class ClientError(Exception):
    """As botocore words a refused or throttled call."""

    __module__ = "botocore.exceptions"


class Py4JJavaError(Exception):
    """As PySpark words an error of the engine."""

    __module__ = "py4j.protocol"


class AnalysisException(Exception):  # noqa: N818 - the real name
    """As Spark words a path that is not there."""

    __module__ = "pyspark.errors.exceptions.captured"


class CommitStateUnknownException(Exception):  # noqa: N818 - the real name
    """As Iceberg words a commit whose answer was lost."""

    __module__ = "pyiceberg.exceptions"


class CommitFailedException(Exception):  # noqa: N818 - the real name
    """As Iceberg words a commit that lost against another."""

    __module__ = "pyiceberg.exceptions"


def error(kind: ErrorKind) -> Exception:
    """Make the exception of a fault."""
    java = "An error occurred while calling o117.append.\n: "
    match kind:
        case "throttled":
            return ClientError(
                "An error occurred (ThrottlingException) when calling the GetTable operation "
                "(reached max retries: 4): Rate exceeded"
            )
        case "slow_down":
            return Py4JJavaError(
                java + "software.amazon.awssdk.services.s3.model.S3Exception: Please reduce your request rate. "
                "(Service: S3, Status Code: 503, Request ID: 4TQX1Z, Extended Request ID: a1b2) (SlowDown)"
            )
        case "key_error":
            return KeyError("discount_code")
        case "cast":
            return ValueError("could not convert string to float: 'n/a'")
        case "memory":
            return Py4JJavaError(
                java + "org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 3.0 failed "
                "4 times, most recent failure: Lost task 1.3 in stage 3.0 (TID 21) (10.0.0.7 executor 2): "
                "java.lang.OutOfMemoryError: Java heap space"
            )
        case "access_denied":
            return ClientError(
                "An error occurred (AccessDeniedException) when calling the PutObject operation: User: "
                "arn:aws:sts::123456789012:assumed-role/orders-job/GlueJobRunnerSession is not authorized to perform: "
                "s3:PutObject on resource: arn:aws:s3:::lab/orders"
            )
        case "connection":
            return ConnectionResetError(104, "Connection reset by peer")


def source_missing(path: str) -> Exception:
    """Make the exception of an input that is not there."""
    return AnalysisException(f"[PATH_NOT_FOUND] Path does not exist: file:{path}. SQLSTATE: 42K03")


def lost_answer() -> Exception:
    """Make the exception of a commit whose answer was lost."""
    return CommitStateUnknownException(
        "Cannot determine whether the commit was successful or not, the underlying data files may or may not be "
        "needed. Manual intervention via the Remove Orphan Files Action can remove these files when a connection to "
        "the Catalog can be re-established if the commit was actually unsuccessful."
    )


def conflict(why: str) -> Exception:
    """Make the exception of a commit that lost against another."""
    return CommitFailedException(f"Cannot commit changes based on stale table metadata: {why}")
