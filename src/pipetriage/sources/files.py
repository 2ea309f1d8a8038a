"""Reading evidence files: JSON, JSON lines, plain and compressed. Bounded, and never outside the given root."""

import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from pipetriage.errors import SourceError

MAX_JSON_BYTES = 512 * 1024 * 1024
"""A JSON document larger than this is no evidence file but an accident; it would not fit in memory decoded."""

MAX_LINE_BYTES = 64 * 1024
"""Longer lines are cut; what a log line says, it says in its first kilobytes."""

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""A longer line of an event log is passed over: the events that are wanted have a few kilobytes, and one grows by size
only where a query plan or a class path is printed into it."""

MAX_UNPACKED_BYTES = 2 * 1024 * 1024 * 1024
"""What one event log file may unpack to: ten seconds of reading. A gzip file can hold a thousand times its size."""

# What a shorter line of an event log counts for: two thousand million empty lines would be read for minutes.
_LEAST_EVENT_BYTES = 1024

# Invalid UTF-8 and control characters, but white space and the escapes of coloured logs.
_ODD = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")
_GZIP_MAGIC = b"\x1f\x8b"
_LZ4_BLOCK_MAGIC = b"LZ4Block"
_LZ4_HEADER_BYTES = 21
_LZ4_RAW, _LZ4_COMPRESSED = 0x10, 0x20
_LZ4_MAX_BLOCK = 64 * 1024 * 1024


def within(root: Path, path: Path) -> bool:
    """Whether the path, links resolved, is a regular file inside the root."""
    try:
        resolved = os.path.realpath(path, strict=True)
        inside = resolved.startswith(os.path.realpath(root).rstrip(os.sep) + os.sep)
        return inside and stat.S_ISREG(os.lstat(resolved).st_mode)
    except OSError:
        return False


def is_text(path: Path) -> bool:
    """Whether a file's first 64 KiB read as text: in binary junk a tenth and more is invalid UTF-8 or control bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(MAX_LINE_BYTES)
    except OSError:
        return False
    decoded = head.decode("utf-8", "replace")
    return len(_ODD.findall(decoded)) * 10 <= len(decoded)


def read_json(path: Path) -> Any:
    """Decode one JSON file, plain or gzip.

    Raises:
        SourceError: unreadable, empty, too large, or not JSON; the message says which and the fix.
    """
    try:
        _check_size(path)
        data = path.read_bytes()
        if data.startswith(_GZIP_MAGIC):
            data = _unpacked(path)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"cannot read {path.name}: {getattr(error, 'strerror', None) or error}") from error
    if not data.strip():
        raise SourceError(f"{path.name} is empty: write the API's response into it again")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{path.name} is not valid JSON ({error}): write it again") from error


def _unpacked(path: Path) -> bytes:
    with gzip.open(path, "rb") as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise SourceError(f"{path.name} unpacks to more than the {MAX_JSON_BYTES} bytes that are read")
    return data


def _check_size(path: Path) -> None:
    seen = path.stat()
    # Opening a pipe waits for a writer, and a device may have no end.
    if not stat.S_ISREG(seen.st_mode):
        raise SourceError(f"{path.name} is no plain file: put the file itself there")
    if seen.st_size > MAX_JSON_BYTES:
        raise SourceError(f"{path.name} has {seen.st_size} bytes, more than the {MAX_JSON_BYTES} that are read")


def read_json_lines(path: Path) -> tuple[list[Any], int]:
    """Decode a file of JSON lines; give the documents and how many lines could not be decoded.

    Raises:
        SourceError: unreadable, too large, or not one line could be decoded.
    """
    documents: list[Any] = []
    bad = 0
    try:
        _check_size(path)
        with path.open("rb") as file:
            for line in file:
                if not line.strip():
                    continue
                try:
                    documents.append(msgspec.json.decode(line))
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    bad += 1
    except OSError as error:
        raise SourceError(f"cannot read {path.name}: {error.strerror or error}") from error
    if bad and not documents:
        raise SourceError(f"{path.name} holds no line of JSON: write it again, one document a line")
    return documents, bad


def open_compressed(path: Path) -> io.BufferedIOBase | gzip.GzipFile:
    """Open a plain, gzip, zstd or Java-lz4 file for reading, by its name's ending.

    What Spark adds to the name while it writes, or after it compacted a rolling log, is no such ending.

    Raises:
        OSError: the file cannot be opened.
    """
    match Path(path.name.removesuffix(".inprogress").removesuffix(".compact")).suffix:
        case ".gz":
            return gzip.open(path, "rb")
        case ".zstd" | ".zst":
            import zstandard

            raw = path.open("rb")
            # Spark flushes frame by frame, so one file holds many of them.
            reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=True)
            return io.BufferedReader(reader)
        case ".lz4":
            return io.BufferedReader(_Lz4BlockReader(path.open("rb")))
        case _:
            return path.open("rb")


def iterate_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a possibly compressed file without their ends; a cut last block just ends it.

    Raises:
        SourceError: the file cannot be opened, is not what its ending says, or unpacks to more than is read.
    """
    import lz4.block
    import zstandard

    try:
        with open_compressed(path) as file:
            try:
                yield from _bounded_lines(file, path.name)
            except EOFError:
                return
    except (OSError, zlib.error, zstandard.ZstdError, lz4.block.LZ4BlockError, ValueError) as error:
        raise SourceError(f"cannot read {path.name}: {error}") from error


def _bounded_lines(file: io.BufferedIOBase | gzip.GzipFile, name: str) -> Iterator[bytes]:
    unpacked, passing_over = 0, False
    while line := file.readline(MAX_EVENT_BYTES):
        unpacked += max(len(line), _LEAST_EVENT_BYTES)
        if unpacked > MAX_UNPACKED_BYTES:
            raise SourceError(f"{name} unpacks to more than the {MAX_UNPACKED_BYTES} bytes that are read")
        ended = line.endswith(b"\n")
        if not passing_over and (ended or len(line) < MAX_EVENT_BYTES):
            yield line.rstrip(b"\r\n")
        passing_over = not ended


class _Lz4BlockReader(io.RawIOBase):
    """Reads Java's LZ4BlockOutputStream framing, which Spark writes and the lz4 frame format is not.

    A block: magic, one token byte (method, level), compressed and decompressed length and checksum as little-endian
    32-bit integers, then the data (lz4-java, LZ4BlockInputStream).
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = self._next_block()
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next_block(self) -> bytes | None:
        import lz4.block

        header = self._raw.read(_LZ4_HEADER_BYTES)
        if len(header) < _LZ4_HEADER_BYTES:
            return None  # the end, or a driver that died while writing
        if not header.startswith(_LZ4_BLOCK_MAGIC):
            raise ValueError("not an LZ4Block stream")
        method = header[8] & 0xF0
        packed = int.from_bytes(header[9:13], "little")
        size = int.from_bytes(header[13:17], "little")
        if packed > _LZ4_MAX_BLOCK or size > _LZ4_MAX_BLOCK:
            raise ValueError("LZ4Block header with an impossible length")
        data = self._raw.read(packed)
        if len(data) < packed:
            return None
        if method == _LZ4_RAW:
            return data
        if method != _LZ4_COMPRESSED:
            raise ValueError("LZ4Block header with an unknown method")
        return bytes(lz4.block.decompress(data, uncompressed_size=size))

    def close(self) -> None:
        self._raw.close()
        super().close()
