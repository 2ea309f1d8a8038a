"""Blocks of whole lines: the same lines whatever is read at a time, in constant memory."""

import gzip
import io
import re
import struct
import time
import tracemalloc
from pathlib import Path

import lz4.block
import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipetriage.errors import SourceError
from pipetriage.sources.line_blocks import LineBlocks
from pipetriage.sources.logs import FileLog
from pipetriage.sources.zstd_frames import ends_whole


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


def java_lz4(data: bytes) -> bytes:
    framed = b""
    for start in range(0, len(data), 32_768):
        small = lz4.block.compress(data[start : start + 32_768], store_size=False)
        size = min(32_768, len(data) - start)
        framed += b"LZ4Block\x25" + struct.pack("<III", len(small), size, 0) + small
    return framed + b"LZ4Block\x15" + bytes(12)


def frames(data: bytes, *, sized: bool = True) -> bytes:
    """Compress frame by frame, as Spark flushes, a frame to be skipped between them."""
    packer = zstandard.ZstdCompressor(write_content_size=sized)
    pieces = [packer.compress(data[start : start + 300_000]) for start in range(0, len(data), 300_000)]
    return (b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"any").join(pieces)


def streamed(data: bytes) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(data) + packer.flush()


PACKED = {
    "driver.log.gz": gzip.compress,
    "driver.log.zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "streamed.log.zst": streamed,
    "frames.log.zstd": frames,
    "bare.log.zst": lambda data: frames(data, sized=False),
    "java.log.lz4": java_lz4,
    "driver.log.lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("name", PACKED)
def test_a_log_cut_anywhere_is_never_taken_for_a_whole_one(name: str, tmp_path: Path) -> None:
    """On a log that was seen whole rests whether a retry may be called safe."""
    packed = PACKED[name]("\n".join(LINES).encode())
    path = tmp_path / name
    path.write_bytes(packed)
    assert len(list(FileLog(tmp_path, (path,)))) == len(LINES)
    for left in [*range(len(packed) - 30, len(packed)), *range(len(packed) // 9, len(packed) - 30, len(packed) // 9)]:
        if left in _ends_of_frames(packed):
            continue  # nothing in the file says that there was more
        path.write_bytes(packed[:left])
        with pytest.raises(SourceError, match="ends in the middle"):
            list(FileLog(tmp_path, (path,)))


def _ends_of_frames(packed: bytes) -> set[int]:
    return {
        found.start()
        for magic in (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")
        for found in re.finditer(re.escape(magic), packed)
    }


def test_a_zstd_file_of_endless_empty_blocks_is_not_walked_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "driver.log.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd\x00\x58" + bytes(3 * 5_000_000))
    began = time.process_time()
    assert not ends_whole(path)
    assert time.process_time() - began < 30
