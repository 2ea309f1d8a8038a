"""Blocks of whole lines: the same lines whatever is read at a time, in constant memory."""

import gzip
import io
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipetriage.errors import SourceError
from pipetriage.sources.line_blocks import LineBlocks
from pipetriage.sources.logs import FileLog


def lines_of(data: bytes, *, at_once: int, longest: int = 64, kept: int = 16) -> list[bytes]:
    lines = []
    for buffer, size in LineBlocks(io.BytesIO(data), longest=longest, kept=kept, at_once=at_once):
        assert buffer[size - 1 : size] == b"\n"
        lines += bytes(buffer[: size - 1]).split(b"\n")
    return lines


@given(
    st.lists(st.binary(max_size=200).map(lambda line: line.replace(b"\n", b"")), max_size=12),
    st.booleans(),
    st.integers(min_value=1, max_value=300),
)
def test_lines_are_the_same_whatever_is_read_at_a_time(lines: list[bytes], ended: bool, at_once: int) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    read = lines_of(data, at_once=at_once)
    assert len(read) == len(expected)
    for line, whole in zip(read, expected, strict=True):
        if len(whole) < 64:
            assert line == whole
        else:
            assert line.startswith(whole[:16])
            assert line.endswith(whole[16:][-4096:])
    assert read == lines_of(data, at_once=7)


def test_an_endless_line_keeps_its_ends_and_says_what_is_cut() -> None:
    line = b"begin" + b"x" * 50_000 + b"the end"
    (cut, after) = lines_of(line + b"\nnext\n", at_once=512)
    assert cut.startswith(b"begin" + b"x" * 11)
    assert cut.endswith(b"the end")
    assert f"[{len(line) - 16 - 4096} bytes cut]".encode() in cut
    assert after == b"next"


def test_a_line_of_fifty_megabytes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "driver.log"
    with path.open("wb") as file:
        file.write(b"26/11/21 03:00:00 ERROR Executor: java.lang.IllegalStateException: ")
        for _ in range(50):
            file.write(b"x" * 1024 * 1024)
        file.write(b" the end\n26/11/21 03:00:01 INFO Next: line\n")
    tracemalloc.start()
    events = list(FileLog(tmp_path, (path,)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [event.message[:23] for event in events] == ["26/11/21 03:00:00 ERROR", "26/11/21 03:00:01 INFO "]
    assert events[0].message.endswith("the end")
    assert peak < 4 * 1024 * 1024


LINES = [f"26/11/21 03:00:{number % 60:02} INFO Step: line {number}" for number in range(30_000)]


@pytest.mark.parametrize("name", ["driver.log.gz", "driver.log.zst", "driver.log.zstd", "driver.gz", "driver.log"])
def test_compressed_logs_read_like_plain_ones(name: str, tmp_path: Path) -> None:
    data = "\n".join(LINES).encode()
    packed = data
    if name.endswith(".gz"):
        packed = gzip.compress(data[:700_000]) + gzip.compress(data[700_000:])
    elif not name.endswith(".log"):
        packed = zstandard.compress(data[:700_000]) + zstandard.compress(data[700_000:])
    (tmp_path / name).write_bytes(packed)
    events = list(FileLog(tmp_path, (tmp_path / name,)))
    assert [event.message for event in events] == LINES
    assert {event.stream for event in events} == {"driver"}


def test_a_compressed_log_that_ends_in_its_middle_gives_what_there_is_of_it(tmp_path: Path) -> None:
    path = tmp_path / "driver.log.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode())[:-1000])
    read: list[str] = []
    with pytest.raises(SourceError, match=r"driver\.log\.gz ends in the middle"):
        read.extend(event.message for event in FileLog(tmp_path, (path,)))
    # What came before the end was given all the same.
    assert len(read) > 20_000
    assert read[:-1] == LINES[: len(read) - 1]


def test_of_a_large_log_the_beginning_and_the_end_are_read_and_the_rest_is_told(tmp_path: Path) -> None:
    path = tmp_path / "driver.log"
    lines = [f"26/11/21 03:00:00 INFO Step: line {number:08}" for number in range(150_000)]
    path.write_text("\n".join(lines) + "\n")
    most = 3 * 1024 * 1024
    log = FileLog(tmp_path, (path,), most=most)
    read: list[str] = []
    with pytest.raises(
        SourceError, match=r"3,304,272 bytes of driver\.log between its beginning and its end were not read"
    ):
        read.extend(event.message for event in log)
    assert (read[0], read[-1]) == (lines[0], lines[-1])
    assert most - 200 < sum(len(line) + 1 for line in read) < most + 200
    # A log that is small enough is read whole.
    assert len(list(FileLog(tmp_path, (path,), most=path.stat().st_size))) == len(lines)
