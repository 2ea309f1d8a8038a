"""Logs that nobody wrote for a reader: whatever the bytes, reading ends soon, in little memory, and raises nothing."""

import gzip
import hashlib
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from pipetriage.context.log_search import FastSearch, PlainSearch
from pipetriage.context.logs import LogReading, read_logs
from pipetriage.context.redact import Redactor
from pipetriage.sources.logs import FileLog

MB = 1024 * 1024
FAILURE = b"26/11/21 03:00:09 ERROR Job: java.lang.IllegalStateException: no stock\n"


def lines(*, size: int, of: bytes) -> bytes:
    return of * (size // len(of)) + FAILURE


def random_bytes() -> bytes:
    return b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(4 * MB // 32)) + b"\n" + FAILURE


def deep_json() -> bytes:
    deep = "[" * 100_000 + "]" * 100_000
    events = [{"message": deep}, deep, {"message": {"a": 1}}, {"events": [{"message": "ok"}]}, {"timestamp": 1e308}]
    return b"\n".join(json.dumps(one).encode() if not isinstance(one, str) else one.encode() for one in events) + b"\n"


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "one line of 50 MB": ("driver.log", lambda: b"x" * (50 * MB) + b"\n" + FAILURE),
    "one error of 50 MB": ("driver.log", lambda: FAILURE[:-1] + b" ERROR" * (8 * MB) + b"\n" + FAILURE),
    "one line of JSON of 50 MB": (
        "driver.jsonl",
        lambda: b'{"message":"' + b"rror " * (10 * MB) + b'"}\n{"message":"' + FAILURE[:-1] + b'"}\n',
    ),
    "zeros": ("driver.log", lambda: b"\0" * (20 * MB) + b"\n" + FAILURE),
    "line feeds": ("driver.log", lambda: lines(size=4 * MB, of=b"\n")),
    "carriage returns": ("driver.log", lambda: lines(size=4 * MB, of=b"\r")),
    "escapes on each line": ("driver.log", lambda: lines(size=4 * MB, of=b"\x1b[31mplain\x1b[0m text of a terminal\n")),
    "words on each line": ("driver.log", lambda: lines(size=4 * MB, of=b"rrorrrorWARNTraceback Finished task app-\n")),
    "errors only": ("driver.log", lambda: lines(size=MB, of=FAILURE)),
    "a trace without an end": (
        "driver.log",
        lambda: FAILURE + lines(size=8 * MB, of=b"\tat org.example.A.b(A.java:1)\n"),
    ),
    "tasks that are lost": (
        "driver.log",
        lambda: b"".join(
            b"26/11/21 03:00:00 WARN TaskSetManager: Lost task %d.0 in stage 1.0 (TID %d) (h executor 1): B\n"
            % (number, number)
            for number in range(6_000)
        ),
    ),
    "no UTF-8": ("driver.log", lambda: lines(size=4 * MB, of=b"\xff\xfe\xe2\x80 \xc2\xc2 \xed\xa0\x80 caf\xe9\n")),
    "random": ("driver.log", random_bytes),
    "random JSON": ("driver.jsonl", random_bytes),
    "deep JSON": ("driver.jsonl", deep_json),
    "open quotes": ("driver.jsonl", lambda: lines(size=4 * MB, of=b'{"message":"\\n\\u00\n')),
}


def read(path: Path, *, fast: bool = True) -> LogReading:
    return read_logs(
        FileLog(path.parent, (path,)),
        redactor=Redactor(keep=frozenset()),
        max_errors=50,
        error_message="",
        run_state="FAILED",
        ended_at=None,
        engine=FastSearch if fast else PlainSearch,
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_logs_are_read_in_bounded_time(name: str, tmp_path: Path) -> None:
    file, make = HOSTILE[name]
    path = tmp_path / file
    path.write_bytes(make())
    for fast in (True, False):
        began = time.process_time()
        reading = read(path, fast=fast)
        # Forty times what it takes: none of these may be quadratic.
        assert time.process_time() - began < 40
        assert reading.broken is None
        assert len(reading.errors) <= 50
        assert all(len(error.excerpt) < 3000 for error in reading.errors)
    if FAILURE in path.read_bytes():
        assert any("no stock" in error.root.message for error in reading.errors)


@pytest.mark.parametrize("name", ["one error of 50 MB", "zeros", "errors only", "tasks that are lost", "random"])
def test_hostile_logs_take_little_memory(name: str, tmp_path: Path) -> None:
    file, make = HOSTILE[name]
    path = tmp_path / file
    path.write_bytes(make())
    read(path)
    tracemalloc.start()
    read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * MB


@pytest.mark.parametrize("name", ["driver.log.gz", "driver.jsonl.gz", "driver.log.zst"])
def test_a_bomb_is_given_up_with_a_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    ordinary = b"26/11/21 03:00:00 INFO Step: shop 1\n" * 1000 + FAILURE
    zeros = b"\0" * MB
    with path.open("wb") as raw:
        zstd = name.endswith(".zst")
        with zstandard.ZstdCompressor().stream_writer(raw) if zstd else gzip.open(raw, "wb") as file:
            file.write(ordinary)
            for _ in range(600):
                file.write(zeros)
    assert path.stat().st_size < 2 * MB
    reading = read(path)
    assert reading.broken is not None
    assert "unpacks to more than is read" in reading.broken
    if name.endswith("log.gz"):
        assert any("no stock" in error.root.message for error in reading.errors)
