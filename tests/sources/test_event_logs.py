"""Event logs as files: every form, what is not what its name says, cut ends, and bombs."""

import gzip
import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import lz4.block
import lz4.frame
import pytest
import zstandard

from pipetriage.context.redact import Redactor
from pipetriage.context.spark_events import read_spark_events
from pipetriage.errors import SourceError
from pipetriage.sources import packed
from pipetriage.sources.eventlog import MAX_LINE_BYTES, EventLog
from tests.context.recorded_logs import NAMES, recorded

CASES = Path(__file__).parents[2] / "cases"


def java_lz4(data: bytes) -> bytes:
    """Frame as lz4-java's LZ4BlockOutputStream does, its last block empty."""
    framed = b""
    for start in range(0, len(data), 32_768):
        block = data[start : start + 32_768]
        small = lz4.block.compress(block, store_size=False)
        method, kept = (0x10, block) if len(small) >= len(block) else (0x20, small)
        framed += b"LZ4Block" + bytes([method | 5]) + struct.pack("<III", len(kept), len(block), 0) + kept
    return framed + b"LZ4Block\x15" + struct.pack("<III", 0, 0, 0)


def zstd(data: bytes) -> bytes:
    """Write many frames, as Spark does when it flushes."""
    whole = zstandard.ZstdCompressor()
    return b"".join(whole.compress(data[start : start + 9_999]) for start in range(0, len(data), 9_999))


def gzip_members(data: bytes) -> bytes:
    return gzip.compress(data[: len(data) // 3]) + gzip.compress(data[len(data) // 3 :])


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "log": bytes,
    "log.gz": gzip_members,
    "log.zstd": zstd,
    "log.zst": zstd,
    "log.lz4": java_lz4,
    "frame.lz4": lz4.frame.compress,
}


def written(folder: Path, name: str, data: bytes) -> EventLog:
    (folder / name).write_bytes(data)
    return EventLog.at(folder / name)


def rolling(folder: Path, lines: list[bytes], pack: Callable[[bytes], bytes], ending: str) -> EventLog:
    parts = folder / "eventlog_v2_app"
    parts.mkdir()
    (parts / "appstatus_app").write_bytes(b"")
    for number, start in enumerate(range(0, len(lines), 25), 8):
        (parts / f"events_{number}_app{ending}").write_bytes(
            pack(b"".join(one + b"\n" for one in lines[start : start + 25]))
        )
    return EventLog.at(parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_log_tells_the_same_in_every_form(name: str, tmp_path: Path) -> None:
    lines = recorded(name)
    data = b"\n".join(lines)
    found = {form: read_spark_events(written(tmp_path, form, pack(data)), Redactor()) for form, pack in FORMS.items()}
    found["rolling"] = read_spark_events(rolling(tmp_path, lines, zstd, ".zstd"), Redactor())
    assert found["log"].stages
    assert all(facts == found["log"] for facts in found.values())


@pytest.mark.parametrize("log", sorted(CASES.glob("*/spark/eventlog*"))[::12], ids=lambda path: path.parts[-3])
def test_a_case_s_log_tells_the_same_in_every_form(log: Path, tmp_path: Path) -> None:
    data = b"\n".join(EventLog.at(log))
    plain = read_spark_events(written(tmp_path, "log", data), Redactor())
    for form, pack in FORMS.items():
        assert read_spark_events(written(tmp_path, form, pack(data)), Redactor()) == plain


@pytest.mark.parametrize(
    "name", ["log", "log.gz", "log.zstd", "log.lz4", "log.inprogress", "log.zstd.inprogress", "log.snappy"]
)
@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_as_what_it_is_whatever_its_name(name: str, form: str, tmp_path: Path) -> None:
    assert list(written(tmp_path, name, FORMS[form](b'{"a":1}\n{"b":2}\n'))) == [b'{"a":1}', b'{"b":2}']


@pytest.mark.parametrize("name", ["log.gz", "log.zstd", "log.lz4"])
def test_a_file_that_is_nothing_its_name_says_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="as its name says"):
        list(written(tmp_path, name, b"what is this"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.snappy", b"\x82SNAPPY\x00" + bytes(8)),
        ("log", b"\x82SNAPPY\x00" + bytes(8)),
        ("log.lzf", b"ZV\x00\x00\x05hello"),
        ("log.lzf.inprogress", b"other"),
    ],
)
def test_what_is_not_read_says_how_to_convert_it(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"unpack it \((?:snzip|java) .*spark\.eventLog\.compression\.codec"):
        list(written(tmp_path, name, content))


@pytest.mark.parametrize("name", ["log", "log.gz", "log.zstd.inprogress", "log.lz4"])
def test_a_file_to_which_nothing_was_flushed_has_no_lines(name: str, tmp_path: Path) -> None:
    assert list(written(tmp_path, name, b"")) == []


@pytest.mark.parametrize("form", ["log.gz", "log.zstd", "log.lz4", "frame.lz4"])
def test_a_cut_file_gives_what_is_whole_in_it(form: str, tmp_path: Path) -> None:
    lines = [b'{"Event":"%d %s"}' % (number, number.to_bytes(9, "big").hex().encode()) for number in range(9000)]
    whole = FORMS[form](b"\n".join(lines) + b"\n")
    log = written(tmp_path, form, whole[: len(whole) * 2 // 3])
    found = list(log)
    assert 1000 < len(found) < 9000
    assert found[:-1] == lines[: len(found) - 1]
    assert log.cut or lines[len(found) - 1].startswith(found[-1])
    assert read_spark_events(log, Redactor()).cut


@pytest.mark.parametrize("form", ["log.gz", "log.zstd", "log.lz4"])
def test_a_damaged_file_is_refused(form: str, tmp_path: Path) -> None:
    data = b"".join(b'{"Event":"%d"}\n' % number for number in range(50_000))
    # Uncompressed gzip blocks: nothing but the checksum tells.
    packed_ = bytearray(gzip.compress(data, 0) if form == "log.gz" else FORMS[form](data))
    packed_[len(packed_) // 2 : len(packed_) // 2 + 40] = b"\xff" * 40
    with pytest.raises(SourceError, match="cannot read"):
        list(written(tmp_path, form, bytes(packed_)))


def test_a_compacted_part_stands_for_itself_and_all_before(tmp_path: Path) -> None:
    for name in ("events_1_a", "events_2_a", "events_10_a.compact", "events_10_a", "events_11_a", "events_9_a.compact"):
        (tmp_path / name).write_bytes(name.encode() + b"\n")
    assert list(EventLog.at(tmp_path)) == [b"events_10_a.compact", b"events_11_a"]


def test_a_line_too_long_is_passed_over_and_its_neighbours_stand(tmp_path: Path) -> None:
    log = written(tmp_path, "log", b"first\n" + b"x" * (50 * 1024 * 1024) + b"\nlast")
    tracemalloc.start()
    assert list(log) == [b"first", b"last"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MAX_LINE_BYTES


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
@pytest.mark.parametrize("content", [b"\0" * (20 << 20), b"\n" * (20 << 20)], ids=["zeros", "empty lines"])
def test_a_bomb_is_refused(
    content: bytes, pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "FLOOR_BYTES", 10 * 1024 * 1024)
    with pytest.raises(SourceError, match="unpacks to more"):
        list(written(tmp_path, "log.gz", pack(content)))


def test_a_dense_log_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "FLOOR_BYTES", 0)
    lines = recorded("skew_noaqe")
    data = b"\n".join(lines) * 20
    strongest = zstandard.ZstdCompressor(level=3).compress(data[: len(data) // 20])
    assert len(list(written(tmp_path, "log.zstd", strongest))) == len(lines)


def test_a_frame_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    options = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    out = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=options).stream_writer(out, closefd=False) as writer:
        writer.write(b'{"a":1}\n')
    with pytest.raises(SourceError, match="cannot read"):
        list(written(tmp_path, "log.zstd", out.getvalue()))


def test_a_plain_log_s_size_is_its_own_and_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "FLOOR_BYTES", 0)
    monkeypatch.setattr(packed, "MAX_RATIO", 0)
    assert len(list(written(tmp_path, "log", b"\n" * 1000))) == 1000
