"""Short ways to write the tables: errors by where they are thrown, and the usual variants."""

from lab.composed.words import Error, Line, Variant


def java(call: str, *chain: tuple[str, str]) -> Error:
    """Give an exception of the JVM's driver: (text, block of frames), outermost first."""
    return Error(kind="java", call=call, chain=chain)


def tasks(call: str, *chain: tuple[str, str], python: str = "") -> Error:
    """Give an exception that a task throws four times."""
    return Error(kind="tasks", call=call, chain=chain, python=python)


def python(call: str, last: str, code: str = "") -> Error:
    """Give an exception of the script or of a Python library."""
    return Error(kind="python", call=call, python=last, code=code)


def analysis(call: str, message: str, code: str = "") -> Error:
    """Give an exception of Spark's analysis, as pyspark shows it."""
    return Error(
        kind="analysis", call=call, python=f"pyspark.errors.exceptions.captured.AnalysisException: {message}", code=code
    )


def boto(operation: str, code: str, message: str, line: str = "", retried: bool = False) -> Error:
    """Give botocore's ClientError."""
    more = " (reached max retries: 4)" if retried else ""
    text = f"An error occurred ({code}) when calling the {operation} operation{more}: {message}"
    return Error(kind="python", call="boto3", python=f"botocore.exceptions.ClientError: {text}", code=line)


def v(written: str = "nothing", mode: str = "append", **more: object) -> Variant:
    """Give a variant: what was written, in which mode, and the rest by name."""
    return Variant(written=written, mode=mode, **more)  # type: ignore[arg-type]


def line(second: float, level: str, logger: str, message: str, side: str = "driver") -> Line:
    """Give a record so many seconds after the fault."""
    return Line(second=second, level=level, logger=logger, message=message, side=side)  # type: ignore[arg-type]


GLUE2 = "(Service: Glue, Status Code: 400, Request ID: «request»)"


def glue1(code: str) -> str:
    """Give the suffix of the first SDK's Glue client."""
    return f"(Service: AWSGlue; Status Code: 400; Error Code: {code}; Request ID: «request»; Proxy: null)"


def s3v1(code: str, status: int) -> str:
    """Give the suffix of the first SDK's S3 client."""
    return (
        f"(Service: Amazon S3; Status Code: {status}; Error Code: {code}; Request ID: «s3_request»; "
        "S3 Extended Request ID: kq1Zc0x7mDdY0Yxv3m2h8pWq9s4t6u5r; Proxy: null)"
    )


def s3v2(status: int) -> str:
    """Give the suffix of the second SDK's S3 client."""
    return f"(Service: S3, Status Code: {status}, Request ID: «s3_request»)"


EMRFS = "com.amazon.ws.emr.hadoop.fs.shaded.com.amazonaws.services.s3.model.AmazonS3Exception"
SDK2 = "software.amazon.awssdk.services"
