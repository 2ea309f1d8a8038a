"""Reading logs: layouts, chains of causes, grouping, what ended the run, and bounds on hostile input."""

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipetriage.context.logs import LogReading, evidence_of, fit, place_of, read_logs
from pipetriage.context.redact import Redactor
from pipetriage.model.context import LogError
from pipetriage.model.evidence import LogEvent

ENDED = datetime(2026, 11, 1, 3, tzinfo=UTC)


def read(text: str | Iterable[str], *, message: str = "", state: str = "FAILED", max_errors: int = 50) -> LogReading:
    lines = text.strip("\n").split("\n") if isinstance(text, str) else text
    events = [LogEvent(None, line, "jr_1-driver", "/aws-glue/jobs/error") for line in lines]
    return read_logs(
        events,
        redactor=Redactor(),
        max_errors=max_errors,
        error_message=message,
        run_state=state,
        ended_at=ENDED,
    )


def names(error: LogError) -> list[str]:
    return [cause.exception for cause in error.causes]


def progress(count: int) -> str:
    return "\n".join(f"26/11/01 02:00:{i % 60:02d} INFO DAGScheduler: stage {i} done" for i in range(count))


JAVA_TRACE = """\
org.apache.spark.SparkException: Job aborted.
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.jobAborted(QueryExecutionErrors.scala:638)
\tat org.apache.spark.sql.execution.datasources.FileFormatWriter$.write(FileFormatWriter.scala:278)
\tSuppressed: java.io.IOException: while closing
\t\tat java.io.Foo.close(Foo.java:1)
\tCaused by: java.lang.IllegalStateException: of the suppressed one
Caused by: java.nio.file.AccessDeniedException: s3://lake/orders/x: getFileStatus on s3://lake/orders/x: Forbidden
\tat org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:255)
\t... 12 more"""


@pytest.mark.parametrize(
    ("line", "logger", "at"),
    [
        ("26/11/01 02:03:04 ERROR FileFormatWriter: Aborting job 7b1f.", "FileFormatWriter", "02:03:04"),
        (
            "ERROR\t2026-11-01T02:03:04,465\t18341\torg.apache.spark.sql.X\t[main]\t97\tAborting job 7b1f.",
            "org.apache.spark.sql.X",
            "02:03:04.465000",
        ),
        (
            "ERROR  2026-11-01T02:03:04,465  18341  org.apache.spark.sql.X  [Thread-7]  97  Aborting job 7b1f.",
            "org.apache.spark.sql.X",
            "02:03:04.465000",
        ),
        (
            "2026-11-01 02:03:04,123 ERROR [main] glue.ProcessLauncher (Logging.scala:logError(77)): "
            "Aborting job 7b1f.",
            "glue.ProcessLauncher",
            "02:03:04.123000",
        ),
        ("2026-11-01 02:03:04,123 ERROR etl.orders: Aborting job 7b1f.", "etl.orders", "02:03:04.123000"),
        ("ERROR:root:Aborting job 7b1f.", "root", None),
        ("[2026-11-01T02:03:04.123+0000] {glue.py:12} ERROR - Aborting job 7b1f.", "", "02:03:04.123000"),
    ],
)
def test_every_layout_gives_level_logger_time_and_chain(line: str, logger: str, at: str | None) -> None:
    reading = read(f"{progress(3)}\n{line}\n{JAVA_TRACE}\n{progress(1)}")
    error = reading.errors[0]
    assert names(error) == ["SparkException", "AccessDeniedException"]
    assert (error.level, error.logger, error.terminal) == ("ERROR", logger, True)
    assert "Forbidden" in error.excerpt
    assert error.user_frames[0].startswith("org.apache.hadoop.fs.s3a.S3AUtils")
    assert error.first_at == (datetime.fromisoformat(f"2026-11-01T{at}+00:00") if at else None)


def test_a_whole_trace_in_one_event_reads_like_one_line_an_event() -> None:
    head = "26/11/01 02:03:04 ERROR FileFormatWriter: Aborting job."
    apart = read(f"{head}\n{JAVA_TRACE}")
    together = read([f"{head}\n{JAVA_TRACE}", "plain output", "26/11/01 02:03:05 INFO X: bye"])
    assert apart.errors == together.errors
    assert together.facts.lines == apart.facts.lines + 2


def test_structured_json_lines() -> None:
    spark = {
        "ts": "2026-11-01T02:03:04.123Z",
        "level": "ERROR",
        "msg": "Exception in task",
        "logger": "Executor",
        "exception": {
            "class": "org.apache.spark.SparkArithmeticException",
            "msg": "[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012",
            "stacktrace": [{"class": "a.B", "method": "c", "file": "B.scala", "line": 3}],
        },
    }
    plain = {"level": "error", "message": "load failed", "stack_trace": "Traceback (most recent call last):\n"
             '  File "/app/job.py", line 3, in load\n    x()\nKeyError: \'amount\''}  # fmt: skip
    errors = read([json.dumps(spark), json.dumps(plain)]).errors
    roots = {error.root.exception: error for error in errors}
    assert roots["SparkArithmeticException"].root.conditions == ("DIVIDE_BY_ZERO",)
    assert roots["SparkArithmeticException"].root.sqlstate == "22012"
    assert roots["SparkArithmeticException"].user_frames == ("a.B.c(B.scala:3)",)
    assert roots["KeyError"].python_frame == "job.py:3 in load"


PY4J = """\
Traceback (most recent call last):
  File "/tmp/orders_daily.py", line 41, in <module>
    main()
  File "/tmp/orders_daily.py", line 33, in main
    df.write.save(path)
  File "/opt/spark/python/lib/pyspark.zip/pyspark/sql/readwriter.py", line 1461, in save
    self._jwrite.save(path)
  File "/opt/spark/python/lib/py4j-0.10.9.7-src.zip/py4j/protocol.py", line 326, in get_return_value
    raise Py4JJavaError(
py4j.protocol.Py4JJavaError: An error occurred while calling o122.save.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 3 in stage 1.0 failed 4 times, most \
recent failure: Lost task 3.3 in stage 1.0 (TID 9) (ip-10-0-0-1.ec2.internal executor 1): \
org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker.py", line 1247, in main
    process()
  File "/tmp/orders_daily.py", line 12, in parse
    return int(v)
ValueError: invalid literal for int() with base 10: 'Jane'

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)
\tat java.base/java.lang.Thread.run(Thread.java:840)

Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker.py", line 1247, in main
    process()
  File "/tmp/orders_daily.py", line 12, in parse
    return int(v)
ValueError: invalid literal for int() with base 10: 'Jane'

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)
\t... 1 more
"""


@pytest.mark.parametrize(
    "prefix",
    ["", "2026-11-01 02:03:04,123 ERROR [main] glue.ProcessLauncher (L.scala:f(77)): Error from Python:"],
)
def test_the_python_error_inside_the_stage_failure_is_the_root(prefix: str) -> None:
    (error,) = read(prefix + PY4J).errors
    assert names(error) == ["Py4JJavaError", "SparkException", "PythonException", "ValueError"]
    assert error.python_frame == "orders_daily.py:12 in parse"
    assert error.terminal
    assert "Jane" not in error.excerpt + error.root.message
    assert "ValueError" in error.excerpt
    assert "orders_daily.py:12" in error.excerpt


def test_stage_failure_names_the_java_cause_and_the_lost_executor() -> None:
    head = "26/11/01 02:03:04 ERROR Main: org.apache.spark.SparkException: Job aborted due to stage failure: Task 3 in "
    head += "stage 1.0 failed 4 times, most recent failure: Lost task 3.3 in stage 1.0 (TID 9) (h executor 1): "
    java = read(head + "java.lang.ArithmeticException: / by zero").errors[0]
    assert names(java) == ["SparkException", "ArithmeticException"]
    lost = read(head + "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: x").errors[0]
    assert names(lost) == ["SparkException", "ExecutorLostFailure"]
    assert "caused by one of the running tasks" in lost.root.message


@pytest.mark.parametrize(
    "phrase",
    [
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    ],
)
def test_the_first_printed_python_error_is_the_deepest(phrase: str) -> None:
    (error,) = read(
        f"""
Traceback (most recent call last):
  File "/tmp/job.py", line 3, in load
    row["amount"]
KeyError: 'amount'

{phrase}

Traceback (most recent call last):
  File "/tmp/job.py", line 9, in <module>
    load()
RuntimeError: batch failed
"""
    ).errors
    assert names(error) == ["RuntimeError", "KeyError"]
    assert error.python_frame == "job.py:3 in load"
    assert error.root.message == "'amount'"


def test_glue_exception_analysis() -> None:
    def line(event: str) -> str:
        body = {"Event": event, "Timestamp": 1, "Failure Reason": "pyspark.errors.AnalysisException: "
                "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column cannot be resolved", "Stack Trace": []}  # fmt: skip
        return f"26/11/01 02:03:04 ERROR GlueExceptionAnalysisListener: [Glue Exception Analysis] {json.dumps(body)}"

    for event in ("GlueETLJobExceptionEvent", "GlueExceptionAnalysisJobFailed"):
        (error,) = read(line(event)).errors
        assert error.terminal
        assert error.root.exception == "AnalysisException"
        assert error.root.conditions == ("UNRESOLVED_COLUMN", "UNRESOLVED_COLUMN.WITH_SUGGESTION")
    task = read(line("GlueExceptionAnalysisTaskFailed") + "\n26/11/01 02:03:09 ERROR A: x.YError: real").errors
    assert [(error.root.exception, error.terminal) for error in task] == [
        ("YError", True),
        ("AnalysisException", False),
    ]
    swallowed = read(line("GlueExceptionAnalysisJobFailed"), state="SUCCEEDED").errors[0]
    assert (swallowed.terminal, swallowed.survived) == (False, False)


def test_error_category_is_a_hint_and_the_py4j_target_goes() -> None:
    message = (
        "Error Category: PERMISSION_ERROR; Failed Line Number: 12; An error occurred while calling o88.save. x denied"
    )
    (error,) = read([], message=message).errors
    assert error.evidence == "run-error"
    assert error.stream == "run"
    assert error.category_hint == "PERMISSION_ERROR"
    assert error.terminal
    assert "denied" in error.excerpt
    assert "o88" not in error.excerpt


def test_the_runs_message_picks_the_log_error_with_the_fuller_chain() -> None:
    reading = read(
        f"26/11/01 02:03:04 ERROR A: Aborting\n{JAVA_TRACE}\n26/11/01 02:03:05 ERROR Utils: x.OtherException: noise",
        message="An error occurred while calling o88.save. s3://lake/orders/x: getFileStatus on "
        "s3://lake/orders/x: Forbidden",
    )
    assert [(e.evidence, e.terminal) for e in reading.errors] == [
        ("log-1", True),
        ("run-error", True),
        ("log-2", False),
    ]
    assert reading.errors[0].root.exception == "AccessDeniedException"


@pytest.mark.parametrize(
    "opaque",
    [
        "Command failed with exit code 1",
        "SystemExit: 1",
        "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 7; PythonException:",
        "An error occurred while calling o88.save.",
        "",
    ],
)
def test_an_opaque_message_does_not_hide_the_real_error(opaque: str) -> None:
    reading = read(
        f"{progress(9)}\n26/11/01 02:03:04 ERROR etl: load failed\n"
        "x.y.RealException: table is gone\n\tat a.B.c(B.java:1)\n"
        'Traceback (most recent call last):\n  File "/tmp/j.py", line 3, in <module>\n    sys.exit(1)\nSystemExit: 1',
        message=opaque,
    )
    assert reading.errors[0].root.exception == "RealException"
    assert reading.errors[0].terminal


def test_a_masked_root_comes_before_its_effect() -> None:
    lost = "Lost task 3.{} in stage 1.0 (TID {}) (h executor 1): "
    abort = (
        "26/11/01 02:03:09 ERROR Main: org.apache.spark.SparkException: Job aborted due to stage failure: Task 3 in"
        " stage 1.0 failed 4 times, most recent failure: " + lost.format(3, 9)
    )
    masked = "org.apache.hadoop.fs.FileAlreadyExistsException: s3://b/_temporary/0/attempt_2026_3 already exists"
    reading = read(
        f"26/11/01 02:03:01 WARN TaskSetManager: {lost.format(0, 1)}java.lang.NumberFormatException: bad\n"
        f"26/11/01 02:03:02 WARN TaskSetManager: {lost.format(1, 2)}{masked}\n{abort}{masked}"
    )
    assert [e.root.exception for e in reading.errors[:2]] == ["NumberFormatException", "FileAlreadyExistsException"]
    assert reading.errors[0].terminal
    assert not reading.errors[0].survived

    executor = read(
        "26/11/01 02:03:01 ERROR YarnScheduler: Lost executor 4 on h: Container killed by YARN for exceeding limits\n"
        f"{abort}FetchFailed(null, shuffleId=0, mapIndex=-1, message=MetadataFetchFailedException: Missing an output)"
    )
    assert "Container killed" in executor.errors[0].root.message


def test_a_warning_and_a_retried_task_are_survived() -> None:
    reading = read(
        f"""
26/11/01 02:00:01 WARN TaskSetManager: Lost task 3.0 in stage 1.0 (TID 1) (h executor 1): java.io.IOException: reset
26/11/01 02:00:02 WARN AmazonHttp: com.amazonaws.SdkClientException: SlowDown, retrying in 3 s
{progress(8)}
26/11/01 02:00:09 INFO TaskSetManager: Finished task 3.1 in stage 1.0 (TID 4) in 20 ms
26/11/01 02:03:04 ERROR Main: org.apache.spark.sql.AnalysisException: [PATH_NOT_FOUND] Path does not exist: s3://raw/x
"""
    )
    assert [e.root.exception for e in reading.errors if e.terminal] == ["AnalysisException"]
    assert all(e.survived for e in reading.errors[1:])
    assert len(reading.errors) == 3


def test_a_run_that_succeeded_has_no_terminal_error() -> None:
    reading = read(PY4J, state="SUCCEEDED")
    assert [(e.terminal, e.survived) for e in reading.errors] == [(False, True)]


def test_repeats_are_one_error_with_count_and_times() -> None:
    lines = [
        f"26/11/01 02:{i // 60:02d}:{i % 60:02d} ERROR Executor: Exception in task {i}.0 in stage 2.0 (TID {i})\n"
        f"java.io.IOException: part {i} of o{i}.x on 10.0.0.{i % 255}\n\tat a.B.c(B.java:{i})"
        for i in range(500)
    ]
    (error,) = read("\n".join(lines)).errors
    assert error.count == 500
    assert error.first_at == datetime(2026, 11, 1, 2, 0, 0, tzinfo=UTC)
    assert error.last_at == datetime(2026, 11, 1, 2, 8, 19, tzinfo=UTC)


def test_distinct_errors_are_bounded_and_the_terminal_one_is_kept() -> None:
    def word(i: int) -> str:
        return "".join(chr(97 + int(digit)) for digit in str(i))

    lines = [f"26/11/01 02:00:00 ERROR A: x.FooException: kind {word(i)}" for i in range(2000)]
    reading = read("\n".join([*lines, progress(1), PY4J]), max_errors=10)
    assert len(reading.errors) == 10
    assert reading.errors[0].root.exception == "ValueError"
    assert reading.facts.error_lines_dropped == 2001 - 10
    assert [e.evidence for e in reading.errors] == [f"log-{i}" for i in range(1, 11)]


def test_facts() -> None:
    facts = read(
        """
26/11/01 02:00:00 INFO SparkContext: Submitted application with app id app-20261101020000-0001
26/11/01 02:00:00 INFO Client: Submitted application application_1793498584123_0042
26/11/01 02:00:01 INFO SnapshotProducer: Committed snapshot 4111111111111111111 (MergeAppend)
26/11/01 02:00:01 INFO LoggingMetricsReporter: Received metrics report: CommitReport{tableName=c.t, \
snapshotId=523456789012345678, operation=append, metadata={app-id=spark-0123456789abcdef0123456789abcdef}}
"""
    ).facts
    assert facts.committed_snapshots == ("4111111111111111111", "523456789012345678")
    assert set(facts.app_ids) == {
        "app-20261101020000-0001",
        "application_1793498584123_0042",
        "spark-0123456789abcdef0123456789abcdef",
    }
    assert facts.write_started
    assert facts.lines == 4
    assert facts.evidence == "log"
    quiet = read("26/11/01 02:00:00 INFO A: reading s3://raw/x").facts
    assert not quiet.write_started
    assert read([]).facts.evidence is None


def test_secrets_never_reach_an_error() -> None:
    reading = read(
        "26/11/01 02:03:04 ERROR Db: x.SqlException: cannot connect jdbc:mysql://h/d?password=hunter2 "
        "as a@b.example.com",
        message="x.SqlException: cannot connect jdbc:mysql://h/d?password=hunter2",
    )
    assert "hunter2" not in repr(reading)
    assert "a@b.example.com" not in repr(reading)


def test_fit_keeps_cause_and_frame_of_what_ended_the_run() -> None:
    noise = "\n".join(
        f"26/11/01 02:00:00 ERROR A{'b' * i}: x.Foo{'c' * i}Exception: {'long words ' * 60}" for i in range(30)
    )
    errors = read(f"{noise}\n{PY4J}").errors
    whole, tokens = fit(errors, 100_000)
    assert whole == errors
    cut, small = fit(errors, 300)
    assert small <= 300 < tokens
    assert len(cut) == len(errors)
    none, least = fit(errors, 0)
    assert "ValueError" in none[0].excerpt
    assert "orders_daily.py:12 in parse" in none[0].excerpt
    assert least < 200


def test_evidence_is_one_line_with_its_place() -> None:
    error = read(PY4J, message="SystemExit: 1").errors
    seen = evidence_of(error[0], place_of(error[0]), ENDED)
    assert (seen.id, seen.source) == ("log-1", "logs")
    assert seen.locator == "/aws-glue/jobs/error:jr_1-driver"
    assert seen.summary.startswith("ValueError: ")
    assert evidence_of(error[1], "x", ENDED).source == "job_run"


def test_ten_thousand_lines_are_quick() -> None:
    line = "26/11/01 02:00:{:02d} INFO TaskSetManager: Starting task {}.0 in stage 1.0 (TID {}) (10.0.0.1, executor 1)"
    lines = [line.format(i % 60, i, i) for i in range(10_000)] + PY4J.split("\n")
    started = time.perf_counter()
    assert read(lines).errors[0].terminal
    assert time.perf_counter() - started < 1.5


@pytest.mark.parametrize(
    "text",
    ["ERROR " + "x" * 10_000_000, "Error: " * 1_000_000, "\x00\xff\ufffd\x1b[" * 500_000, "ERROR " + "a.b" * 1_000_000,
     "Traceback (most recent call last):\n" * 20_000, "Caused by: a.B: " * 100_000, "Caused by: a.BError: c\n" * 20_000,
     "java.io.IOException: " * 50_000, "26/11/01 02:00:00 ERROR (" * 40_000],
)  # fmt: skip
def test_hostile_input_is_survived_and_bounded(text: str) -> None:
    started = time.perf_counter()
    reading = read([text])
    assert time.perf_counter() - started < 15
    assert len(reading.errors) <= 50
    assert all(len(e.excerpt) <= 1200 and len(e.root.message) <= 2000 for e in reading.errors)


PIECES = st.sampled_from(
    ["ERROR ", "26/11/01 02:03:04 ", "x.YException: ", "Caused by: ", "\tat a.B.c(B.java:1)", "\n",
     "Traceback (most recent call last):",
     '  File "a.py", line 1, in f', "KeyError: 'a'", "[Glue Exception Analysis] {",
     '{"level":"ERROR"', ',"message":"a"}', "}",
     "SystemExit: 1",
     "During handling of the above exception, another exception occurred:", "Error Category: X;",
     "Suppressed: ", ": ", "[A_B.C_D] ",
     "Lost task 1.0 in stage 1.0 (TID 1)", "ExecutorLostFailure (x)", "‹", "password=x", "'"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.text(), st.lists(PIECES, max_size=10).map("".join)), max_size=8),
    st.text(),
    st.sampled_from(["FAILED", "SUCCEEDED", "TIMEOUT", ""]),
)
def test_any_text_reads_without_an_error(lines: list[str], message: str, state: str) -> None:
    reading = read(lines, message=message, state=state)
    assert all(error.causes and len(error.excerpt) <= 1200 for error in reading.errors)
    assert fit(reading.errors, 0)[1] <= 3 * 200
    assert reading == read(lines, message=message, state=state)


def handled(second: str, source: str) -> str:
    return f"""
Traceback (most recent call last):
  File "/tmp/job.py", line 3, in load
    row["amount"]
KeyError: 'amount'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/tmp/job.py", line 9, in <module>
    {source}
{second}
"""


@pytest.mark.parametrize(
    ("source", "second"),
    [
        ("return total + 1", "TypeError: unsupported operand"),
        ("client.put(key)", "botocore.exceptions.ClientError: An error occurred (AccessDenied)"),
    ],
)
def test_a_handler_that_fails_by_itself_is_the_root(source: str, second: str) -> None:
    (error,) = read(handled(second, source)).errors
    assert names(error) == ["KeyError", second.partition(":")[0].rpartition(".")[2]]


def test_a_handler_that_raises_in_other_words_keeps_the_first_error_as_root() -> None:
    (error,) = read(handled("ValueError: bad batch", 'raise ValueError("bad batch")')).errors
    assert names(error) == ["ValueError", "KeyError"]


def test_an_exception_named_inside_quoted_data_is_no_cause() -> None:
    line = "Malformed records are detected in record parsing: [ThrottlingException: Rate exceeded]."
    (error,) = read(f"26/11/01 02:00:00 ERROR ProcessLauncher: Error from Python: SparkException: {line}").errors
    assert "ThrottlingException" not in names(error)


def test_an_error_that_the_job_says_it_carried_on_from_is_not_behind_its_exit() -> None:
    reading = read(
        f"26/11/01 02:00:00 ERROR Catalog: ThrottlingException: Rate exceeded, using cached listing\n{progress(3)}\n"
        "26/11/01 02:09:00 ERROR ProcessLauncher: Error from Python: SystemExit: 1"
    )
    throttled = next(error for error in reading.errors if "ThrottlingException" in names(error))
    assert throttled.survived
    assert not throttled.terminal


# --- Layouts that nobody described, and logs without an error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[2026-11-01, 02:03:04 UTC] {athena.py:241} ERROR - Query 1 failed: no", "Query 1 failed: no"),
        ("02:03:04.118 | ERROR   | Task run 'load-4' - failed for good", "Task run 'load-4' - failed for good"),
        ("2026-11-01 02:03:04,118 - [loader.main:add] - ERROR - failed for good", "failed for good"),
        ("{/var/task/app.py:139} ERROR - failed for good", "failed for good"),
        ("2026-11-01T02:03:04|worker-0|ERROR|x.Executor|failed for good", "x.Executor|failed for good"),
    ],
)
def test_an_error_is_found_behind_any_columns(line: str, message: str) -> None:
    [error] = read(line).errors
    assert error.terminal
    assert message in error.excerpt


@pytest.mark.parametrize(
    "line",
    [
        "26/11/01 02:00:00 INFO Loader: 0 rows with status ERROR were found",
        "Finished at 02:03:04 with no ERROR in any of the files",
        "{'level': 'INFO', 'text': 'state ERROR is unknown'}",
    ],
)
def test_a_line_that_mentions_the_word_is_no_error(line: str) -> None:
    assert not read(f"{line}\n{progress(30)}").errors


def test_the_last_lines_speak_where_a_failed_run_logged_no_error() -> None:
    text = f"{progress(10)}\nload table: running copy command\n  context: number of columns does not match the table"
    [error] = read(text).errors
    assert "number of columns does not match" in error.causes[-1].message
    assert not error.terminal
    assert not error.survived


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED"])
def test_the_last_lines_are_not_guessed_at_for_nothing(state: str) -> None:
    quiet = f"{progress(10)}\nwrote 12 rows\nbye"
    assert not read(quiet, state=state).errors
    loud = f"could not open the window\n{progress(10)}\n26/11/01 02:01:00 ERROR Loader: KeyError: 'x'"
    assert len(read(loud, state=state).errors) == 1


def test_a_warning_is_the_last_word_only_where_nothing_follows_and_no_error_is_there() -> None:
    warned = "26/11/01 02:00:00 WARN Client: java.nio.file.AccessDeniedException: s3://lake/x: Forbidden"
    [last] = read(f"{progress(10)}\n{warned}").errors
    assert not last.survived
    [survived] = read(f"{warned}\n{progress(10)}").errors
    assert survived.survived
    retried = warned.replace("Client: ", "Client: will retry: ")
    assert read(f"{progress(10)}\n{retried}").errors[0].survived


def test_a_wrong_call_of_a_program_is_an_error() -> None:
    [error] = read("usage: job.py [-h]\njob.py: error: the following arguments are required: --currency").errors
    assert "required: --currency" in error.excerpt


def test_rows_that_differ_only_in_their_data_are_one_error() -> None:
    lines = [
        f"26/11/01 02:00:00 ERROR X: java.lang.Exception: invalid literal for int() with base 10: '{n}a'" for n in "xyz"
    ]
    [error] = read("\n".join(lines)).errors
    assert error.count == 3
