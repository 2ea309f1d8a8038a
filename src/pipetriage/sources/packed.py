"""Plain and compressed files as streams of pieces: told by their first bytes, bounded, a cut end no error."""

import gzip
import io
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any

from pipetriage.errors import SourceError
from pipetriage.sources.zstd_frames import ends_whole

PIECE_BYTES = 256 * 1024
"""Read at a time: it fits the processor's cache, and is many tasks of an event log."""

MAX_BYTES = 128 * 1024**3
"""What is read of one file: five minutes. A plain file's size is known and honest."""

MAX_RATIO = 100
"""A compressed file may unpack to so many times its size. Real event logs: 14 (gzip -1), 33 (gzip -9), 36 (zstd -1, as
Spark writes it), 47 (zstd -19), 8 (lz4), measured on 8,000 tasks of a shuffle; a gzip bomb has 1,030."""

FLOOR_BYTES = 256 * 1024**2
"""Unpacking to so much is always well: it is read in a second."""

LEAST_LINE_BYTES = 64
"""What a shorter line counts for: empty lines cost more than their byte."""

MAX_WINDOW = 64 * 1024 * 1024
"""Memory that a zstd file may ask for; Spark's levels need 8 MiB, ``zstd --ultra -22`` 128 MiB."""

_MAGIC_BYTES = 8
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = (b"\x2a\x4d\x18",)
"""Of a frame to be skipped, behind its first byte."""
_LZ4_BLOCK = b"LZ4Block"
_LZ4_FRAME = b"\x04\x22\x4d\x18"
# snappy-java's SnappyOutputStream, and the chunks of compress-lzf: what Spark's snappy and lzf codecs write.
_SNAPPY = b"\x82SNAPPY\x00"
_LZF = (b"ZV\x00", b"ZV\x01")

_ENDINGS = {
    ".gz": "gzip",
    ".zstd": "zstd",
    ".zst": "zstd",
    ".lz4": "lz4",
    ".snappy": "snappy",
    ".lzf": "lzf",
}
# What Spark adds to the name while it writes, or after it compacted a rolling log.
_STATES = (".inprogress", ".compact")


def pieces(path: Path) -> Generator[bytes, None, bool]:
    """Yield a plain, gzip, zstd, Java-lz4 or lz4 file unpacked, piece by piece; it is read as what its bytes say it is.

    Gives True at its end, where the file ends in the middle of a compressed block.

    Raises:
        SourceError: it cannot be read, is in a form that is not read or none that its name says, or unpacks to more
            than is read.
    """
    import lz4.block
    import zstandard

    try:
        size, form = path.stat().st_size, _form(path)
        limit = max(MAX_RATIO * size, FLOOR_BYTES) if form else MAX_BYTES
        unpacked = 0
        with _stream(path, form) as file:
            # One block at a time where there is such a thing, lest what was read before a cut is lost.
            read = getattr(file, "read1", file.read)
            while piece := read(PIECE_BYTES):
                unpacked += max(len(piece), piece.count(b"\n") * LEAST_LINE_BYTES) if form else len(piece)
                if unpacked > min(limit, MAX_BYTES):
                    raise SourceError(f"{path.name} unpacks to more than is read: {unpacked} bytes out of {size}")
                yield piece
            # zstd's reader ends silently where the file does.
            return not ends_whole(path) if form == "zstd" else getattr(file, "cut", False) is True
    except EOFError:
        return True
    except (OSError, zlib.error, zstandard.ZstdError, lz4.block.LZ4BlockError, ValueError, RuntimeError) as error:
        raise SourceError(f"cannot read {path.name}: {error}") from error


class Unpacked(io.RawIOBase):
    """A file unpacked, for whoever reads into a buffer of its own.

    Reading raises EOFError at the end of a file that ends in the middle of a compressed block, and SourceError as
    ``pieces`` does.
    """

    def __init__(self, path: Path) -> None:
        self._pieces = pieces(path)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill as much of the buffer as the next piece does; nothing at the end."""
        if not self._rest:
            try:
                self._rest = memoryview(next(self._pieces))
            except StopIteration as end:
                if end.value:
                    raise EOFError("the compressed data ends in its middle") from None
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Close the file."""
        self._pieces.close()
        super().close()


def _form(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_MAGIC_BYTES)
    named, found = named_form(path.name), form_of(head)
    if found in _UNPACKING or (named in _UNPACKING and not found and not _is_plain(head)):
        raise SourceError(
            f"{path.name} is compressed with {found or named}, which is not read: unpack it"
            f" ({_UNPACKING[found or named or '']}), and let Spark write zstd (spark.eventLog.compression.codec)"
        )
    if named and not found and not _is_plain(head):
        raise SourceError(f"{path.name} is no {named} file, as its name says it is")
    return found


_UNPACKING = {
    "snappy": "snzip -d -t snappy-java FILE",
    "lzf": "java -jar compress-lzf.jar -d FILE",
}


def named_form(name: str) -> str | None:
    """Give the compression that a file's name claims."""
    for state in _STATES:
        name = name.removesuffix(state)
    return _ENDINGS.get(Path(name).suffix)


def form_of(head: bytes) -> str:
    """Give the compression that a file's first bytes show; empty for anything else."""
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZSTD) or (head[1:4] in _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F):
        return "zstd"
    if head.startswith(_LZ4_BLOCK):
        return "lz4"
    if head.startswith(_LZ4_FRAME):
        return "lz4 frame"
    if head.startswith(_SNAPPY):
        return "snappy"
    return "lzf" if head.startswith(_LZF) else ""


def _is_plain(head: bytes) -> bool:
    """Whether the file is empty (nothing was flushed yet), or JSON under a compressed file's name."""
    return not head.strip() or head.lstrip().startswith(b"{")


def _stream(path: Path, form: str) -> Any:
    match form:
        case "gzip":
            return gzip.open(path, "rb")
        case "zstd":
            import zstandard

            # Spark flushes frame by frame, so that one file holds many of them.
            unpacking = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
            return unpacking.stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
        case "lz4":
            return Lz4Blocks(path.open("rb"))
        case "lz4 frame":
            import lz4.frame

            return lz4.frame.open(path, "rb")
        case _:
            return path.open("rb", buffering=0)


_LZ4_HEADER_BYTES = 21
_LZ4_RAW, _LZ4_COMPRESSED = 0x10, 0x20
_LZ4_MAX_BLOCK = 32 * 1024 * 1024
"""lz4-java's own largest block."""


class Lz4Blocks(io.RawIOBase):
    """Reads Java's LZ4BlockOutputStream framing, which Spark writes and the lz4 frame format is not.

    A block: magic, one token byte (method, level), compressed and decompressed length and checksum as little-endian
    32-bit integers, then the data (lz4-java, LZ4BlockInputStream).
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._rest = memoryview(b"")
        self.cut = False
        """A driver that died left its last block unfinished, or the stream without the empty block that ends it."""
        self._ended = False

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; nothing at the end.

        Raises:
            ValueError: this is no such stream.
        """
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
        if not header:
            self.cut = not self._ended
            return None
        if len(header) < _LZ4_HEADER_BYTES:
            self.cut = True
            return None
        if not header.startswith(_LZ4_BLOCK):
            raise ValueError("not an LZ4Block stream")
        method = header[8] & 0xF0
        packed = int.from_bytes(header[9:13], "little")
        size = int.from_bytes(header[13:17], "little")
        if packed > _LZ4_MAX_BLOCK or size > _LZ4_MAX_BLOCK:
            raise ValueError("LZ4Block header with an impossible length")
        self._ended = size == 0
        data = self._raw.read(packed)
        if len(data) < packed:
            self.cut = True
            return None
        if method == _LZ4_RAW:
            return data
        if method != _LZ4_COMPRESSED:
            raise ValueError("LZ4Block header with an unknown method")
        return bytes(lz4.block.decompress(data, uncompressed_size=size))

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        super().close()
