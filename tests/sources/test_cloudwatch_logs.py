"""The run's log in CloudWatch Logs: where it is in each era, and how much of it is read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from pipetriage.aws.session import AwsSession
from pipetriage.context.logs import read_logs
from pipetriage.context.redact import Redactor
from pipetriage.errors import CredentialsError, SourceError
from pipetriage.model.evidence import LogEvent
from pipetriage.sources.cloudwatch_logs import Bounds, log_end, run_log
from pipetriage.sources.local_files import Answer
from tests.emulated.account import EmulatedAccount

START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
T0 = int(START.timestamp() * 1000)
RUN = "jr_" + "ab12" * 16
ERROR, OUTPUT, V2 = "/aws-glue/jobs/error", "/aws-glue/jobs/output", "/aws-glue/jobs/logs-v2"
CONTINUOUS = {"--continuous-log-logGroup": "/acme/continuous"}
BROKEN = "ERROR ProcessLauncher: Error from Python:Traceback (most recent call last):"


def run(version: str | None = "5.0", **more: Any) -> dict[str, Any]:
    document = {
        "Id": RUN,
        "JobName": "orders_daily",
        "JobRunState": "FAILED",
        "StartedOn": START.isoformat(),
        "CompletedOn": "2026-11-20T02:30:00+00:00",
        "LogGroupName": "/aws-glue/jobs",
    }
    return document | ({"GlueVersion": version} if version else {}) | more


def lines(count: int, start: int = 0, what: str = "INFO ordinary") -> list[tuple[int, str]]:
    return [(T0 + 1000 * (start + number), f"{what} {start + number}") for number in range(count)]


def read(account: EmulatedAccount, document: dict[str, Any], job: Any = None, **bounds: Any) -> Answer:
    return run_log(account.session(), document, job, bounds=Bounds(**bounds))


def messages(answer: Answer, stream: str | None = None) -> list[str]:
    return [one.message for one in answer.payload if stream is None or one.stream == stream]


def streams(answer: Answer) -> list[str]:
    return list(dict.fromkeys(f"{one.group} {one.stream}" for one in answer.payload))


# Where it is


def test_glue_5_has_its_driver_in_error_and_the_script_s_output_in_output(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "a"), (T0 + 2000, "c")])
    account.put_log_events(OUTPUT, f"{RUN}-driver", [(T0 + 1000, "b"), (T0 + 3000, "d\n")])
    account.put_log_events(V2, f"{RUN}-driver", [(T0, "of no use")])
    answer = read(account, run())
    assert messages(answer) == ["a", "b", "c", "d"]
    assert answer.complete
    assert list(answer.payload) == list(answer.payload)
    assert f"{ERROR} {RUN}-driver" in answer.locator


@pytest.mark.parametrize("version", ["4.0", None, "auto"])
def test_glue_up_to_4_has_continuous_logs_and_insights_too(account: EmulatedAccount, version: str | None) -> None:
    account.put_log_events(ERROR, RUN, [(T0, "of the launcher")])
    account.put_log_events(OUTPUT, RUN, [(T0 + 1, "printed")])
    account.put_log_events(V2, f"{RUN}-driver", [(T0 + 2, "of the driver")])
    account.put_log_events(V2, f"{RUN}-job-insights-rca-driver", [(T0 + 3, "the analysis")])
    account.put_log_events(V2, f"{RUN}-job-insights-rule-driver", [(T0 + 3, "ERROR advice")])
    account.put_log_events(V2, f"{RUN}-progress-bar", [(T0 + 4, "Error: none, 37%")])
    account.put_log_events(V2, f"{RUN}-1", [(T0 + 5, "INFO task"), (T0 + 6, "ERROR Executor: gone")])
    answer = read(account, run(version))
    assert messages(answer) == ["of the launcher", "printed", "of the driver", "the analysis", "ERROR Executor: gone"]


def test_other_attempts_and_other_runs_are_not_read(account: EmulatedAccount) -> None:
    for name in (f"{RUN}-driver", f"{RUN}_attempt_1-driver", f"{RUN}0-driver", f"{RUN}_attempt_1"):
        account.put_log_events(ERROR, name, [(T0, f"ERROR of {name}")])
    account.put_log_events(ERROR, f"{RUN}_g-77aa", [(T0, "ERROR of an executor")])
    assert messages(read(account, run())) == [f"ERROR of {RUN}-driver", "ERROR of an executor"]
    second = run(Id=f"{RUN}_attempt_1")
    assert messages(read(account, second)) == [f"ERROR of {RUN}_attempt_1", f"ERROR of {RUN}_attempt_1-driver"]


@pytest.mark.parametrize(
    ("group", "document", "arguments"),
    [
        ("/acme/spark/error", run(), {"--custom-logGroup-prefix": "/acme/spark"}),
        ("/acme/etl/error", run(LogGroupName="/acme/etl"), {}),
        ("/acme/continuous", run("4.0"), CONTINUOUS),
        ("/acme/continuous-Sealed", run("4.0", SecurityConfiguration="Sealed"), CONTINUOUS),
        ("/aws-glue/jobs/logs-v2-Sealed", run("4.0", SecurityConfiguration="Sealed"), {}),
        ("/aws-glue/jobs-GlueRole-Sealed/error", run("3.0", SecurityConfiguration="Sealed"), {}),
        ("/aws-glue/jobs/Sealed-role/GlueRole/error", run("5.0", SecurityConfiguration="Sealed"), {}),
        # In a place that no rule names, but below the prefix.
        ("/aws-glue/jobs/elsewhere", run(), {}),
    ],
)
def test_the_group_is_found(
    account: EmulatedAccount, group: str, document: dict[str, Any], arguments: dict[str, str]
) -> None:
    account.put_log_events(ERROR, "jr_another-driver", [(T0, "another's")])
    account.put_log_events(group, f"{RUN}-driver", [(T0, "ours")])
    by_job = {"Job": {"Name": "orders_daily", "DefaultArguments": arguments}}
    assert messages(read(account, document, by_job)) == ["ours"]
    by_run = document | {"Arguments": arguments}
    assert messages(read(account, by_run, {"DefaultArguments": {"--custom-logGroup-prefix": "/no"}})) == ["ours"]
    forced = {"NonOverridableArguments": arguments, "SecurityConfiguration": document.get("SecurityConfiguration")}
    assert messages(read(account, document | {"Arguments": {}}, forced)) == ["ours"]


def test_a_name_that_no_group_can_have_is_not_asked_for(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "ours")])
    strange = {"--custom-logGroup-prefix": "/acme spark'\n", "--custom-logStream-prefix": "a:*"}
    assert messages(read(account, run(Arguments=strange))) == ["ours"]


def test_streams_below_a_prefix_of_one_s_own_count_while_the_run_ran(account: EmulatedAccount) -> None:
    named = run(Arguments={"--custom-logStream-prefix": "nightly"})
    before, after = T0 - 3_600_000, T0 + 3_600_000
    account.put_log_events(ERROR, "nightly-driver", [(before, "yesterday's"), (T0, "ours"), (after, "tomorrow's")])
    account.put_log_events(
        ERROR, "nightly-executor1", [(before, "ERROR old"), (T0, "ERROR ours"), (after, "ERROR new")]
    )
    account.put_log_events(ERROR, "nightly-orders-driver", [(T0, "another job's")])
    answer = read(account, named)
    assert messages(answer) == ["ours", "ERROR ours"]
    assert answer.complete
    account.put_log_events(ERROR, "nightly-driver", [(T0 + 1, "INFO Submitted application: nativespark-o-jr_ffff")])
    assert not read(account, named).complete
    with pytest.raises(SourceError):
        read(account, named | {"StartedOn": None})


# How much of it


def test_all_of_the_driver_is_read_page_by_page(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", lines(95))
    answer = read(account, run(), page_events=10)
    assert messages(answer) == [text for _, text in lines(95)]
    assert answer.complete


def test_a_bound_leaves_the_end_and_what_is_telling_before_it(account: EmulatedAccount) -> None:
    early = [
        (T0, "INFO SparkContext: Submitted application: nativespark-orders-jr"),
        (T0 + 1, "WARN TaskSetManager: Lost task 1.0 in stage 2.0"),
        (T0 + 2, "INFO SnapshotProducer: Committed snapshot 77 (MergeAppend)"),
    ]
    end = [(T0 + 900_000, BROKEN), *((T0 + 900_001 + number, f"INFO after {number}") for number in range(7))]
    account.put_log_events(ERROR, f"{RUN}-driver", [*early, *lines(50, 10), *end])
    answer = read(account, run(), page_events=10, driver_pages=1)
    assert not answer.complete
    assert messages(answer) == [text for _, text in (*early, *lines(2, 58), *end)]


def test_an_event_at_the_border_is_told_once(account: EmulatedAccount) -> None:
    same = [(T0 + 5, f"ERROR same millisecond {number}") for number in range(4)]
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "ERROR first"), *same])
    answer = read(account, run(), page_events=2, driver_pages=1)
    assert messages(answer) == ["ERROR first", *(text for _, text in same)]


def test_streams_are_read_in_turn(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", lines(100))
    account.put_log_events(OUTPUT, f"{RUN}-driver", [(T0 + 7, "KeyError: 'amount'")])
    answer = read(account, run(), page_events=5, driver_pages=4)
    assert "KeyError: 'amount'" in messages(answer)


@pytest.mark.parametrize("bound", [{"events": 20}, {"characters": 200}, {"driver_pages": 2}, {"driver_seconds": 0.0}])
def test_every_bound_leaves_an_incomplete_log(account: EmulatedAccount, bound: dict[str, Any]) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [*lines(100), (T0 + 200_000, BROKEN)])
    answer = read(account, run(), page_events=10, **bound)
    assert not answer.complete
    assert messages(answer)[-1] == BROKEN


def test_executors_that_began_to_write_are_heard(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "INFO end")])
    said = [(T0, "INFO task"), (T0 + 1, "INFO DataWritingSparkTask: Writer for partition 7 is committing.")]
    account.put_log_events(ERROR, f"{RUN}-executor1", said)
    assert messages(read(account, run()), f"{RUN}-executor1") == [said[1][1]]


def test_executors_give_errors_only_and_come_last(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0 + 5000, "INFO end")])
    for number in range(120):
        account.put_log_events(
            *(ERROR, f"{RUN}-executor{number}"),
            [(T0 + number, "INFO task"), (T0 + number + 1, f"java.lang.OutOfMemoryError: {number}")],
        )
    answer = read(account, run())
    assert messages(answer) == ["INFO end", *(f"java.lang.OutOfMemoryError: {number}" for number in range(120))]
    assert answer.complete
    assert account.door.calls.count("logs:FilterLogEvents") == 2


def test_an_error_that_the_job_survived_shows_as_survived(account: EmulatedAccount) -> None:
    survived = [(T0, "ERROR Retrier: java.io.IOException: slow disk"), *lines(12, 1)]
    account.put_log_events(ERROR, f"{RUN}-driver", [*survived, (T0 + 60_000, f"{BROKEN}\nKeyError: 'amount'")])
    reading = read_logs(
        read(account, run()).payload,
        redactor=Redactor(key=b"k"),
        max_errors=10,
        error_message="",
        run_state="FAILED",
        ended_at=None,
    )
    told = {one.root.exception: (one.terminal, one.survived) for one in reading.errors}
    assert told == {"KeyError": (True, False), "IOException": (False, True)}


def test_control_characters_do_not_hide_a_record(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "\x1b[31mERROR\x1b[0m gone\r\n")])
    assert messages(read(account, run())) == ["ERROR gone"]


# What is not there


def test_no_group_says_what_was_looked_for(account: EmulatedAccount) -> None:
    with pytest.raises(SourceError, match=f"no log group {ERROR} or {OUTPUT}: the job's role lacks"):
        read(account, run())


def test_no_stream_says_where_was_looked_and_how_long_events_are_kept(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, "jr_another-driver", [(T0, "another's")])
    account.admin("logs").put_retention_policy(logGroupName=ERROR, retentionInDays=7)
    with pytest.raises(SourceError, match=rf"begins with {RUN} in {ERROR}.*lacks.*retention: 7 days"):
        read(account, run())


def test_streams_without_events_are_no_log(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [])
    with pytest.raises(SourceError, match="hold no events any more"):
        read(account, run())


def test_a_refusal_says_what_to_grant(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "ours")])
    account.refuse("logs:GetLogEvents")
    account.refuse("logs:FilterLogEvents")
    with pytest.raises(SourceError, match=f"logs:GetLogEvents of {ERROR} .* is not allowed"):
        read(account, run())
    account.refuse("logs:DescribeLogStreams")
    with pytest.raises(SourceError, match=r"logs:DescribeLogStreams of .* is not allowed"):
        read(account, run())


def test_groups_are_asked_by_name_where_they_may_not_be_listed(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "ours")])
    account.refuse("logs:DescribeLogGroups")
    answer = read(account, run())
    assert messages(answer) == ["ours"]
    assert answer.complete


def test_executors_that_may_not_be_searched_leave_the_driver_s_log(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", [(T0, "ours")])
    account.put_log_events(ERROR, f"{RUN}-executor1", [(T0, "ERROR")])
    account.refuse("logs:FilterLogEvents")
    answer = read(account, run())
    assert messages(answer) == ["ours"]
    assert not answer.complete
    # What to grant reaches the incident with it.
    assert "logs:FilterLogEvents" in answer.locator
    assert "not allowed" in answer.locator


def test_executors_alone_are_no_complete_log(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-executor1", [(T0, "ERROR")])
    assert not read(account, run()).complete


def test_credentials_that_nobody_accepts_are_no_gap(account: EmulatedAccount) -> None:
    account.refuse("logs:DescribeLogGroups", "UnrecognizedClientException")
    with pytest.raises(CredentialsError):
        read(account, run())


# What the emulator does not do


class _Logs:
    """CloudWatch Logs with pages as the test wrote them down."""

    def __init__(self, back: list[list[str]], found: list[list[tuple[int, str]]], parameters: set[str]) -> None:
        self.meta = self
        self.service_model = self
        self.input_shape = self
        self.members = parameters
        self.asked: list[dict[str, Any]] = []
        self._back, self._found = back, found

    def operation_model(self, _: str) -> "_Logs":
        return self

    def describe_log_groups(self, **_: Any) -> dict[str, Any]:
        return {"logGroups": [{"logGroupName": ERROR}]}

    def describe_log_streams(self, *, logStreamNamePrefix: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        names = sorted([f"{RUN}-driver", *(f"{RUN}-{number}" for number in range(3))])
        streams = [{"logStreamName": name} for name in names if name.startswith(logStreamNamePrefix)]
        # As if a thousand executors came before the driver.
        cut = logStreamNamePrefix == RUN
        return {"logStreams": streams[:3] if cut else streams} | ({"nextToken": "more"} if cut else {})

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        page = int(request.get("nextToken", -1)) + 1
        last = page >= len(self._back)
        events = [] if last else [{"timestamp": T0, "message": text} for text in self._back[page]]
        return {"events": events, "nextBackwardToken": str(page - 1 if last else page)}

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        page = int(request.get("nextToken", 0))
        events = [
            {"timestamp": T0 + at, "message": text, "logStreamName": f"{RUN}-1"} for at, text in self._found[page]
        ]
        return {"events": events} | ({"nextToken": str(page + 1)} if page + 1 < len(self._found) else {})


class _Session:
    def __init__(self, logs: _Logs) -> None:
        self._logs = logs

    def client(self, _: str) -> _Logs:
        return self._logs

    @contextmanager
    def calling(self, _: str) -> Iterator[None]:
        yield


def scripted(
    back: list[list[str]], found: list[list[tuple[int, str]]], *parameters: str
) -> tuple[tuple[LogEvent, ...], list[dict[str, Any]], bool]:
    logs = _Logs(back, found, set(parameters))
    answer = run_log(cast(AwsSession, _Session(logs)), run("4.0"), None)
    return answer.payload, logs.asked, answer.complete


def test_empty_pages_are_not_the_end() -> None:
    events, _, complete = scripted([["c"], [], ["a", "b"]], [[], [], [(9, "ERROR late")], [], [(1, "ERROR early")]])
    assert [one.message for one in events] == ["a", "b", "c", "ERROR early", "ERROR late"]
    assert complete


def test_a_search_asks_for_the_newest_first_where_botocore_can() -> None:
    _, asked, _ = scripted([["a"]], [[]], "startFromHead")
    assert asked[-1]["startFromHead"] is False
    assert asked[-1]["startTime"] == T0 - 30_000
    _, asked, _ = scripted([["a"]], [[]])
    assert "startFromHead" not in asked[-1]


def test_the_pattern_is_one_that_cloudwatch_takes() -> None:
    _, asked, _ = scripted([["a"]], [[]])
    pattern = asked[-1]["filterPattern"]
    assert len(pattern) <= 1024
    assert re.fullmatch(r"%[A-Za-z0-9:_#=@/;,.|-]+%", pattern)


# The end of another run's log, to compare with


def test_the_end_of_the_driver_s_log_is_read_in_few_pages_and_nothing_is_searched(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}-driver", lines(200))
    account.put_log_events(ERROR, f"{RUN}_g-0123", lines(20, what="ERROR of an executor"))
    account.door.calls.clear()
    answer = log_end(account.session(), run(), None, bounds=Bounds(driver_pages=3, page_events=10))
    assert messages(answer) == [text for _, text in lines(30, 170)]
    assert not answer.complete
    asked = [str(call) for call in account.door.calls]
    assert asked.count("logs:GetLogEvents") == 3
    assert "logs:FilterLogEvents" not in asked
    assert log_end(account.session(), run(), None).complete


def test_without_a_driver_s_log_there_is_no_end(account: EmulatedAccount) -> None:
    account.put_log_events(ERROR, f"{RUN}_g-0123", lines(2))
    with pytest.raises(SourceError):
        log_end(account.session(), run(), None)
