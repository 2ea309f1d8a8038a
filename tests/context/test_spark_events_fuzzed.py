"""Event logs that are nothing like one: never an exception, bounded in time and memory, the same in any portions."""

import json
import math
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipetriage.context.redact import Redactor
from pipetriage.context.spark_cut import cut_event
from pipetriage.context.spark_events import read_spark_events
from pipetriage.model.spark import SparkFacts
from tests.context.recorded_logs import recorded

LINES = [line for name in ("unfinished", "fail41") for line in recorded(name) if len(line) < 20_000]
TASK_END = next(line for line in LINES if b"SparkListenerTaskEnd" in line)
SQL = "org.apache.spark.sql.execution.ui."
EVENTS = sorted({line[10 : line.index(b'"', 10)].decode() for line in LINES} | {"SparkListenerStageExecutorMetrics"})
KEYS = sorted({key for line in LINES if line.endswith(b"}") for key in json.loads(line)})


class Blocks:
    """Lines that come in blocks of so many, as a file gives them."""

    def __init__(self, lines: list[bytes], size: int) -> None:
        self.lines, self.size = lines, size

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.lines)

    def spans(self) -> Iterator[tuple[bytes, int, int]]:
        for start in range(0, len(self.lines), self.size):
            block = b"".join(line + b"\n" for line in self.lines[start : start + self.size])
            # Around them stand lines that are read elsewhere.
            around = TASK_END[-self.size :]
            yield around + block + around, len(around), len(around) + len(block)


def read(lines: Any) -> SparkFacts:
    """Read, and make sure that what came out is fit to be kept."""
    facts = read_spark_events(lines, Redactor())
    written = msgspec.json.encode(facts)
    assert len(written) < 5_000_000
    for stage in facts.stages:
        for spread in (stage.duration_ms, stage.shuffle_bytes, stage.input_bytes):
            numbers = (spread.total, spread.median, spread.p75, spread.p95, spread.maximum)
            assert all(math.isfinite(number) and number >= 0 for number in numbers)
    return facts


@st.composite
def torn(draw: st.DrawFn) -> bytes:
    """A recorded line that something happened to."""
    line = bytearray(draw(st.sampled_from(LINES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(line) - 1))
        match draw(st.sampled_from(["cut", "byte", "insert", "drop", "number"])):
            case "cut":
                del line[max(at, 1) :]
            case "byte":
                line[at] = draw(st.integers(0, 255))
            case "insert":
                line[at:at] = draw(st.sampled_from([b"\0", b"\xff\xfe", b'"', b"{", b"]", b"\\u0000", b"\r"]))
            case "drop":
                del line[at : at + draw(st.integers(1, 30))]
            case _:
                number = draw(st.sampled_from([b"-1", b"1e400", b"NaN", b"9" * 40, b'"12"', b"null", b"1.5", b"{}"]))
                digits = [
                    place for place in range(len(line) - 1) if line[place] == 58 and chr(line[place + 1]).isdigit()
                ]
                if digits:
                    place = draw(st.sampled_from(digits)) + 1
                    end = place
                    while end < len(line) and chr(line[end]).isdigit():
                        end += 1
                    line[place:end] = number
        if not line:
            return b""
    return bytes(line).replace(b"\n", b" ")


@given(st.lists(torn(), max_size=40), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_torn_lines_never_raise_and_portions_do_not_matter(lines: list[bytes], size: int) -> None:
    mixed = [*lines, TASK_END, *lines, TASK_END]
    facts = read(Blocks(mixed, size))
    assert facts == read(Blocks(mixed, 1))
    assert facts == read(Blocks(mixed, 10_000))
    for line in lines:
        event = cut_event(line)
        assert event is None or msgspec.json.encode(event)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20) | st.just("1" * 30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.tuples(st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(KEYS), values, max_size=6)), max_size=20
    )
)
@settings(max_examples=200, deadline=None)
def test_values_of_any_type_never_raise(events: list[tuple[str, dict[str, Any]]]) -> None:
    lines = [json.dumps({"Event": name} | fields).encode() for name, fields in events]
    read(lines)
    for line in lines:
        cut = cut_event(line)
        assert cut is None or msgspec.json.encode(cut)


@given(st.binary(max_size=2000))
def test_binary_junk_never_raises(junk: bytes) -> None:
    read(junk.split(b"\n"))
    read(Blocks([b'{"Event":"SparkListenerTaskEnd"' + junk.replace(b"\n", b"")], 1))


def event(name: str, **fields: Any) -> bytes:
    return json.dumps({"Event": name} | fields, separators=(",", ":")).encode()


def nested(depth: int) -> str:
    return '{"nodeName":"Sort","children":[' * depth + "]}" * depth


DEEP = b'{"Event":"' + SQL.encode() + b'SparkListenerSQLExecutionStart","executionId":1,"sparkPlanInfo":%b}'


@pytest.mark.parametrize("depth", [10, 200, 100_000])
def test_a_plan_nested_without_end_is_passed_over(depth: int) -> None:
    assert [one.execution_id for one in read([DEEP % nested(depth).encode()]).executions] in ([1], [])
    cut_event(DEEP % nested(depth).encode())


@pytest.mark.parametrize(
    "name",
    ["SparkListenerTaskEnd", "SparkListenerStageCompleted", "SparkListenerJobStart", "SparkListenerEnvironmentUpdate"],
)
def test_an_unknown_field_nested_without_end_is_passed_over(name: str) -> None:
    line = b'{"Event":"%b","x":%b}' % (name.encode(), b"[" * 200_000 + b"]" * 200_000)
    read([line])
    read(Blocks([line], 1))
    cut_event(line)


def within(seconds: float, megabytes: int, lines: Any) -> SparkFacts:
    """Read in bounded time and memory."""
    began = time.process_time()
    read(lines)
    assert time.process_time() - began < seconds
    tracemalloc.start()
    facts = read(lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < megabytes * 2**20
    return facts


def test_stages_without_end_are_bounded() -> None:
    lines = [
        event("SparkListenerTaskEnd", **{"Stage ID": number, "Task End Reason": {"Reason": "Success"}})
        for number in range(20_000)
    ]
    assert within(10, 40, Blocks(lines, 500)).stages_dropped > 19_000


def test_tasks_that_never_end_are_bounded() -> None:
    lines = [
        event("SparkListenerTaskStart", **{"Stage ID": 1, "Task Info": {"Task ID": number, "x": "y" * 200}})
        for number in range(60_000)
    ]
    facts = within(10, 60, Blocks(lines, 500))
    assert facts.stages[0].unfinished_tasks == 20_000


def test_executions_without_end_are_bounded() -> None:
    node = {"nodeName": "Exchange", "simpleString": "Exchange hashpartitioning(a#1, 2)", "children": []}

    def start(number: int) -> bytes:
        metrics = [
            {"name": "records read", "accumulatorId": 1000 * number + one, "metricType": "sum"} for one in range(60)
        ]
        plan = {"nodeName": "x", "children": [{**node, "metrics": metrics}] * 20}
        return event(
            f"{SQL}SparkListenerSQLExecutionStart", executionId=number, sparkPlanInfo=plan, description="d" * 9000
        )

    within(20, 60, [start(number) for number in range(400)])


def test_failures_of_a_megabyte_each_are_bounded() -> None:
    def failed(number: int) -> bytes:
        reason = {"Reason": "ExceptionFailure", "Class Name": f"C{number}", "Description": "password=x " * 100_000}
        return event("SparkListenerTaskEnd", **{"Stage ID": number, "Task End Reason": reason})

    within(20, 60, [failed(number) for number in range(40)])


def test_a_trace_made_to_backtrack_is_read_in_time() -> None:
    texts = [
        "Caused by: " * 50_000,
        "Caused by: a\n" * 50_000,
        " at " * 100_000,
        "\n\t... 1 more" * 50_000,
        "[A_B" * 100_000,
    ]
    lines = []
    for text in texts:
        reason = {"Reason": "ExceptionFailure", "Class Name": "C", "Description": text, "Full Stack Trace": text}
        lines.append(event("SparkListenerTaskEnd", **{"Task End Reason": reason}))
        lines.append(event(f"{SQL}SparkListenerSQLExecutionEnd", executionId=1, errorMessage=text))
        lines.append(event("SparkListenerJobEnd", **{"Job Result": {"Exception": {"Message": text}}}))
    within(20, 60, lines)


def test_descriptions_made_to_backtrack_are_read_in_time() -> None:
    texts = [
        "hashpartitioning(" * 9000,
        "hashpartitioning(" + "a#1, " * 50_000,
        "(" * 90_000,
        "[path=" * 50_000,
        "IcebergWrite(table=" * 9000,
    ]
    lines = []
    for number, text in enumerate(texts):
        for name in ("Exchange", "AppendData", "Scan csv"):
            metrics = [{"name": "records read", "accumulatorId": 1, "metricType": "sum"}]
            node = {"nodeName": name, "simpleString": text, "metadata": {"Location": text}, "metrics": metrics}
            lines.append(event(f"{SQL}SparkListenerSQLExecutionStart", executionId=number, sparkPlanInfo=node))
    within(20, 60, lines)
