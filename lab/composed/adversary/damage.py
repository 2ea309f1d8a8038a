"""Logs that are cut, silent, flooded, coloured, or mixed with the lines of others."""

# ruff: noqa: E501 - log lines are quoted as they come

from lab.composed.adversary.shorthand import Bases, Trick, trick
from lab.composed.faults.shorthand import line, v
from lab.composed.words import Twist

_OTHER = "jr_0000000000000000000000000000000000000000000000000000000000000abc"
_FOREIGN = (
    "26/11/02 01:00:12 INFO SparkContext: Submitted application: nativespark-partner_export-" + _OTHER + "\n"
    "26/11/02 01:04:51 ERROR ProcessLauncher: Error from Python:Traceback (most recent call last):\n"
    '  File "/tmp/partner_export.py", line 20, in <module>\n    export()\n'
    "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied\n"
    "26/11/02 01:04:53 INFO SparkContext: Successfully stopped SparkContext\n"
)
_BEFORE = (
    line(
        -100,
        "ERROR",
        "ProcessLauncher",
        'Error from Python:Traceback (most recent call last):\n  File "/tmp/«job».py", line 31, in main\n    frame = spark.read.parquet(source_path)\npyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: «source».\n(run jr_1111111111111111111111111111111111111111111111111111111111111def, the attempt before this one)',
    ),
    line(-99, "INFO", "PlatformInfo", "---- next run in this stream: «run» ----"),
)
_COLOURED = (
    ("Rate exceeded", "\x1b[1;31mRate exceeded\x1b[0m"),
    ("Traceback (most recent call last):", "\x1b[0;36mTraceback (most recent call last):\x1b[0m"),
    ("AnalysisException:", "\x1b[91mAnalysisException\x1b[0m:"),
)
_JUNK = tuple(
    line(second, "", "", f"\x01\x02\x1f\ufffd\ufffd{chr(0x7F)}PAR1\ufffd\x15\x04\x15{chr(0xFFFD) * 9}\x1b]0;\x07 {n}", "driver")
    for n, second in enumerate((-30, -12, -3))
)  # fmt: skip
_SECRETS = (
    line(
        2,
        "INFO",
        "«job»",
        "connecting with url=jdbc:postgresql://db.internal.example:5432/erp?user=etl&password=EXAMPLE-not-a-password aws_access_key_id=AKIAIOSFODNN7EXAMPLE",
        "output",
    ),
    line(
        3,
        "INFO",
        "«job»",
        "secret={'username': 'etl', 'password': 'EXAMPLE-only-for-tests', 'token': 'EXAMPLETOKENEXAMPLETOKEN'} contact ops@example.com",
        "output",
    ),
)
_WRAPPER = "Command failed with exit code 1"


def _cuts(bases: Bases) -> tuple[Trick, ...]:
    return (
        trick("cut_head", bases.throttle, "The log begins in the middle; its end, the run and the table are whole.", v(), v(mode="overwrite_partitions"), twist=Twist(cut="head")),
        trick("cut_head_drift", bases.unresolved, "The log begins in the middle; the error is there, and so is the changed input.", v(deployment="old"), twist=Twist(cut="head")),
        trick("cut_tail", bases.throttle, "The log ends before the error; the JobRun's own message still names the throttled call.", v(), twist=Twist(cut="tail")),
        trick("cut_tail_wrapper", bases.throttle, "The log ends before the error and the JobRun shows only the wrapper's words: nobody knows the cause.", v(), v("some"), twist=Twist(cut="tail"), message=_WRAPPER, clears="no"),
        trick("cut_middle", bases.link, "The middle of the log is missing, commits and all: the table's metadata tells what landed.", v("some"), v("some", "overwrite_partitions"), twist=Twist(cut="middle")),
        trick("silent", bases.throttle, "The log holds no error at all, and the message only an exit code.", v(), v("some"), v(mode="overwrite_partitions"), twist=Twist(silent=True), message=_WRAPPER, clears="no"),
        trick("silent_message", bases.missing, "The log holds no error; the JobRun's message names the declared source, which is empty.", v(), v(mode="merge"), twist=Twist(silent=True)),
        trick("silent_denial", bases.denial, "The log holds no error; the JobRun's message is the refusal.", v(), twist=Twist(silent=True)),
    )  # fmt: skip


def _noise(bases: Bases) -> tuple[Trick, ...]:
    success = Twist(
        before=(
            line(-2, "INFO", "«job»", "SUCCESS: job finished OK, exit code 0, all 4 of 4 parts published", "output"),
        )
    )
    return (
        trick("flooded", bases.service, "The job's own retries print the same long trace again and again; it is one error.", v(), twist=Twist(repeat=7)),
        trick("flooded_drift", bases.retyped, "The same trace many times over: one changed type.", v(mode="overwrite_partitions"), twist=Twist(repeat=5)),
        trick("coloured", bases.throttle, "Colours of a terminal are in the log.", v(), v("some"), twist=Twist(words=_COLOURED)),
        trick("coloured_missing_path", bases.missing, "Colours of a terminal are in the log.", v(), twist=Twist(words=_COLOURED)),
        trick("junk", bases.drift, "Bytes of a Parquet file were printed into the log.", v(), v("some"), twist=Twist(before=_JUNK)),
        trick("junk_throttle", bases.throttle, "Bytes of a Parquet file were printed into the log.", v(), twist=Twist(before=_JUNK)),
        trick("secrets", bases.link, "The log shows passwords (invented ones); a connection broke.", v(), v("some"), twist=Twist(early=_SECRETS)),
        trick("secrets_denied", bases.password, "The log shows passwords (invented ones); the job was refused.", v(), twist=Twist(early=_SECRETS)),
        trick("foreign_run", bases.throttle, "Another job's refusal is in the same group, in a stream of its own; this run was throttled.", v(), v("some"), twist=Twist(files=((f"logs/aws-glue/jobs/error/{_OTHER}.log", _FOREIGN),))),
        trick("foreign_run_drift", bases.drift, "Another job's refusal is in the same group; this run's columns changed.", v(), twist=Twist(files=((f"logs/aws-glue/jobs/error/{_OTHER}.log", _FOREIGN),))),
        trick("attempt_before", bases.throttle_start, "The stream begins with the attempt before, which missed its input; this run was throttled, and the input is there now.", v(extras=("second_attempt", "earlier_error:AnalysisException: [PATH_NOT_FOUND]"), also=("SOURCE_DELAY",)), v("some", extras=("second_attempt",)), twist=Twist(early=_BEFORE)),
        trick("attempt_before_denied", bases.denial_start, "The stream begins with the attempt before, which missed its input; this run was refused.", v(extras=("second_attempt", "earlier_error:AnalysisException: [PATH_NOT_FOUND]")), twist=Twist(early=_BEFORE)),
        trick("claims_success", bases.service, "The log claims success for what the table does not hold; the run failed with part of the batch appended.", v("some", pipeline="ledger_lines"), twist=success),
    )  # fmt: skip


def tricks(bases: Bases) -> tuple[Trick, ...]:
    """Give the families of this table."""
    return (*_cuts(bases), *_noise(bases))
