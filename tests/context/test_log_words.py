"""A line is only read where a word stands: each way in which a line can tell something must hold one."""

import re

import pytest

from pipetriage.context import log_search
from pipetriage.context.log_records import telling
from pipetriage.context.patterns import APP_ID, COMMITTED, FINISHED_TASK, OWN_APP, WRITE_STARTED
from tests.context.test_logs import read

ALWAYS = log_search.ERRORS + log_search.COMMITS + log_search.APPLICATIONS


def holds(line: str, words: tuple[bytes, ...]) -> bool:
    return any(word in line.encode() for word in words)


# The pattern's alternatives, of "(?:aborted|failed)" the first.
WAYS = re.sub(r"\(\?:(\w+)\|\w+\)", r"\1", WRITE_STARTED.pattern).replace("\\{", "{").split("|")


@pytest.mark.parametrize("line", WAYS)
def test_each_way_to_say_that_writing_began_is_looked_for(line: str) -> None:
    assert WRITE_STARTED.search(line) is not None
    assert holds(line, ALWAYS + log_search.WRITES)


@pytest.mark.parametrize(
    "line",
    [
        "application_1700000000000_0007",
        "app-20261121030000-0001",
        "local-1700000000000",
        "spark-application-1700000000000",
        "App ID: spark-0123456789abcdef0123456789abcdef",
        "applicationId=spark-0123456789abcdef0123456789abcdef",
        "appidspark-0123456789abcdef0123456789abcdef",
    ],
)
def test_each_application_id_is_looked_for(line: str) -> None:
    assert APP_ID.search(line) is not None
    assert holds(line, log_search.APPLICATIONS)


def test_commits_and_finished_tasks_are_looked_for() -> None:
    for line in ("Committed snapshot 4711 (MergeAppend)", "CommitReport{tableName=a.b, snapshotId=4711, x}"):
        assert COMMITTED.search(line) is not None
        assert holds(line, log_search.COMMITS)
    line = "Finished task 12.1 in stage 3.0 (TID 9)"
    assert FINISHED_TASK.search(line) is not None
    assert holds(line, log_search.ANY_TASK)
    assert holds(line, log_search.finished([("3.0", "12")]))
    assert holds(line, log_search.finished([("3.0", str(index)) for index in range(40)]))
    assert not holds(line, log_search.finished([("3.0", "2")]))
    # What introduces an application is followed by its id, which is looked for.
    assert OWN_APP.search("SingleEventLogFileWriter: Logging events to s3://a/local-1700000000000") is not None


@pytest.mark.parametrize(
    "line",
    ["FATAL x", "[ERROR] x", "CRITICAL:root:x", "SEVERE: x", "Traceback (most recent call last):", "Caused by: a.B: x",
     "KeyError: 'a'", "java.io.IOException", "job.py: error: unrecognized arguments", "Error Category: IMPORT_ERROR; x",
     "GlueExceptionAnalysisListener Event: GlueExceptionAnalysisJobFailed"],
)  # fmt: skip
def test_what_may_begin_an_error_is_looked_for(line: str) -> None:
    if telling(line) is not None:
        assert holds(line, log_search.ERRORS)
        assert read(line).errors
    else:
        assert not read(line, state="SUCCEEDED").errors
