"""Reading by the block leaves out most lines, and must say the same as reading each of them."""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipetriage.context import log_search
from pipetriage.context.log_search import Engine, FastSearch, Hits, PlainSearch
from pipetriage.context.logs import LogReading, place_of, read_logs
from pipetriage.context.redact import Redactor
from pipetriage.model.evidence import LogBlock, LogEvent
from pipetriage.sources import line_blocks
from pipetriage.sources.logs import FileLog

CASES = Path(__file__).parents[2] / "cases"
ENGINES: dict[str, Engine] = {"plain": PlainSearch, "fast": FastSearch}


class Everything:
    """An engine that finds every line, so that each is read."""

    def __init__(self, words: tuple[bytes, ...]) -> None:
        self.words = words

    def __call__(self, data: bytes | bytearray, begin: int, end: int) -> Hits:
        return Hits([], invisible=True)


def read(log: FileLog, engine: Engine, *, state: str = "FAILED") -> LogReading:
    return read_logs(
        log, redactor=Redactor(keep=frozenset()), max_errors=50, error_message="", run_state=state, ended_at=None,
        engine=engine,
    )  # fmt: skip


class OnlyEvents:
    """The same log for a reader that knows no blocks."""

    def __init__(self, log: FileLog) -> None:
        self._log = log

    def __iter__(self) -> Iterator[LogEvent]:
        return iter(self._log)


def by_event(log: FileLog) -> LogReading:
    return read_logs(
        OnlyEvents(log), redactor=Redactor(keep=frozenset()), max_errors=50, error_message="", run_state="FAILED",
        ended_at=None,
    )  # fmt: skip


def without_places(reading: LogReading) -> object:
    """Leave out what only a file has: line numbers, and its size."""
    errors = [
        msgspec.structs.replace(error, first_line=None, last_line=None, first_byte=None) for error in reading.errors
    ]
    return errors, msgspec.structs.replace(reading.facts, bytes=0)


TASK = "in stage 3.0 (TID 7) (10.0.0.1 executor 1)"
LINES = st.sampled_from(
    [
        "26/11/21 03:00:00 INFO TaskSetManager: Starting task 1.0 in stage 3.0 (TID 7)",
        "26/11/21 03:00:00 INFO TaskSetManager: Finished task 1.1 in stage 3.0 (TID 9) in 5 ms on 10.0.0.1",
        "26/11/21 03:00:00 INFO TaskSetManager: Finished task 2.1 in stage 3.0 (TID 9) in 5 ms on 10.0.0.1",
        f"26/11/21 03:00:00 WARN TaskSetManager: Lost task 1.0 {TASK}: java.io.IOException: broken pipe",
        f"26/11/21 03:00:00 WARN TaskSetManager: Lost task 2.0 {TASK}: java.io.IOException: broken pipe",
        "26/11/21 03:00:01 ERROR Executor: Exception in task 1.0",
        "java.lang.IllegalStateException: value 1",
        "\tat org.example.Step.run(Step.java:1)",
        "Caused by: java.lang.RuntimeException: inner",
        "Traceback (most recent call last):",
        '  File "/opt/job.py", line 3, in main',
        "KeyError: 'store_id'",
        "",
        "   ",
        "plain output",
        "see /aws-glue/jobs/error",
        "ERROR: see /aws-glue/jobs/error",
        "the load failed: no such shop",
        "26/11/21 03:00:02 INFO SparkWrite: Committing append with 3 new data files to table db.t",
        "26/11/21 03:00:02 INFO SnapshotProducer: Committed snapshot 4711 (MergeAppend)",
        "26/11/21 03:00:02 INFO Client: Submitted application application_1700000000000_0007",
        "26/11/21 03:00:02 INFO X: appId = spark-0123456789abcdef0123456789abcdef",
        "ER\x1b[31mROR hidden \x1b[0mException",
        "26/11/21 03:00:03 ER\u200bROR Hidden: java.lang.IllegalStateException: value 2",
        "26/11/21 03:00:02 INFO [application_1700000000000_0007] Step: on every line",
        "26/11/21 03:00:02 INFO [application_1700000000000_0008] Step: another's",
        "26/11/21 03:00:02 INFO YarnClientSchedulerBackend: Application application_1700000000000_0008 has started",
        "26/11/21 03:00:02 INFO Writer: s3://spark-lake/app-data/local-copy",
        "naïve · text with marks…",
        "x" * 300,
        "a\rb",
        "E" + "RR" * 3 + "OR",
        *(
            f"26/11/21 03:00:00 WARN TaskSetManager: Lost task {index}.0 {TASK}: java.io.IOException: broken pipe"
            for index in range(3, 24)
        ),
        *(f"26/11/21 03:00:01 INFO Executor: Finished task {index}.1 in stage 3.0 (TID 9)" for index in range(3, 24)),
    ]
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    # So that records, tails and what stands before an error lie over the blocks' ends.
    monkeypatch.setattr(line_blocks.LineBlocks.__init__, "__kwdefaults__", {"at_once": 700})


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=60), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_text_says_the_same_by_the_block(lines: list[str], feed: str, ended: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "driver.log"
        path.write_bytes((feed.join(lines) + (feed if ended else "")).encode())
        log = FileLog(path.parent, (path,))
        whole = read(log, Everything)
        for engine in ENGINES.values():
            assert read(log, engine) == whole
        assert without_places(by_event(log)) == without_places(whole)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(LINES, st.sampled_from("ab"), st.booleans()), max_size=40), st.sampled_from(["", "\n"]))
def test_events_of_mixed_streams_say_the_same_by_the_block(lines: list[tuple[str, str, bool]], feed: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "driver.jsonl"
        events = [
            json.dumps(
                {"message": line + feed, "logStreamName": stream, "logGroupName": "/aws-glue/jobs/error"},
                ensure_ascii=escaped,
            )
            for line, stream, escaped in lines
        ]
        path.write_text("\n".join(events))
        log = FileLog(path.parent, (path,))
        whole = read(log, Everything)
        for engine in ENGINES.values():
            assert read(log, engine) == whole
        assert without_places(by_event(log)) == without_places(whole)


@settings(max_examples=100, deadline=None)
@example(b"\t", "driver.jsonl")
@example(b"\n\n {}\n", "driver.jsonl")
@given(st.binary(max_size=3000), st.sampled_from(["driver.log", "driver.jsonl", "driver.txt"]))
def test_any_bytes_say_the_same_by_the_block(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        log = FileLog(path.parent, (path,))
        assert read(log, PlainSearch) == read(log, FastSearch) == read(log, Everything)


RECORDED = sorted(
    path
    for pattern in ("rec_*_01", "spark_*_01", "adv_*_01", "aws_*_01")
    for case in CASES.glob(pattern)
    for path in [case / "logs"]
    if path.is_dir()
)


@pytest.mark.parametrize("folder", RECORDED[::6], ids=lambda path: path.parent.name)
def test_recorded_logs_say_the_same_with_each_engine(folder: Path) -> None:
    files = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
    log = FileLog(folder, files)
    plain = read(log, PlainSearch)
    assert plain == read(log, FastSearch) == read(log, Everything)
    assert plain.facts.lines > 0


def test_both_engines_find_the_same_places() -> None:
    words = log_search.ERRORS + log_search.WRITES + log_search.ANY_TASK + log_search.ESCAPES
    data = b"ERRORRORError\nWARN rror \\u0041 Finished task\nCommitting \n is committing Exception\n" * 50
    for part in (0, len(data)), (7, 300), (5, 5):
        assert PlainSearch(words)(data, *part) == FastSearch(words)(data, *part)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\u2066", "\ufeff"])
def test_both_engines_see_invisible_characters(character: str) -> None:
    data = f"some text{character} and more\n".encode()
    for engine in ENGINES.values():
        assert engine((b"x",))(data, 0, len(data)).invisible
        assert not engine((b"x",))("naïve … text\t\r\n".encode(), 0, 18).invisible


def test_a_large_log_is_read_with_the_fast_engine_from_some_size_on() -> None:
    engine = log_search.fastest()
    data = b"an ordinary line\n" * 40_000
    searches = [engine((b"ERROR",)) for _ in range(3)]
    for search in searches:
        assert search(data + b"ERROR\n", 0, len(data) + 6).ends == [len(data) + 5]


def test_the_place_of_an_error_is_its_line_and_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "driver.log"
    ordinary = [f"26/11/21 03:00:00 INFO Step: shop {number}" for number in range(500)]
    error = "26/11/21 03:00:01 ERROR Job: java.lang.IllegalStateException: no stock"
    path.write_text("\n".join([*ordinary, error, *ordinary, error]) + "\n")
    for engine in ENGINES.values():
        found = read(FileLog(tmp_path, (path,)), engine).errors[0]
        assert (found.count, found.first_line, found.last_line) == (2, 501, 1002)
        assert found.before == ("26/11/21 03:00:00 INFO Step: shop 498", "26/11/21 03:00:00 INFO Step: shop 499")


def test_beyond_what_is_counted_an_error_stands_at_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipetriage.context.log_blocks._COUNTED", 5000)
    path = tmp_path / "driver.log"
    ordinary = b"26/11/21 03:00:00 INFO Step: one shop\n" * 1000
    error = b"26/11/21 03:00:01 ERROR Job: java.lang.IllegalStateException: no stock\n"
    path.write_bytes(ordinary + error + ordinary[: 30 * 38])
    readings = [read(FileLog(tmp_path, (path,)), engine) for engine in ENGINES.values()]
    assert readings[0] == readings[1]
    found = readings[0].errors[0]
    assert found.first_line is None
    assert path.read_bytes()[found.first_byte :].startswith(error)
    assert place_of(found) == f"driver byte {len(ordinary)}"
    assert readings[0].facts.uncounted_bytes > 30_000


def test_a_block_is_given_once_only_for_each_line(tmp_path: Path) -> None:
    path = tmp_path / "driver.log"
    path.write_text("".join(f"line {number}\n" for number in range(1000)))
    blocks = [block for block in FileLog(tmp_path, (path,)).blocks() if isinstance(block, LogBlock)]
    assert [block.begins for block in blocks] == [True] + [False] * (len(blocks) - 1)
    assert sum(block.size for block in blocks) == path.stat().st_size


def test_several_triages_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "driver.log"
    error = "26/11/21 03:00:01 ERROR Job: java.lang.IllegalStateException: no stock"
    path.write_text(f"{'an ordinary line' * 5}\n" * 20_000 + error + "\n")
    log = FileLog(tmp_path, (path,))
    alone = read(log, FastSearch)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: read(log, FastSearch), range(12))) == [alone] * 12
