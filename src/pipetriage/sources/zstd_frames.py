"""Whether a zstd file holds its last frame whole: its reader ends silently where the file is cut.

A frame (RFC 8878, section 3.1) is a header, blocks that each say how long they are, and perhaps a checksum; so the file
is walked from block to block without unpacking any.
"""

import os
from pathlib import Path
from typing import IO

_MAGIC_BYTES = 4
_MAGIC = b"\x28\xb5\x2f\xfd"
_MOST_HEADER_BYTES = 18
_BLOCK_HEADER_BYTES, _CHECKSUM_BYTES = 3, 4
_RUN_LENGTH = 1
"""A block of one byte that is repeated; its size says how often."""
_MAX_BLOCKS = 4_000_000
"""Walked in a few seconds; of real blocks, half a terabyte. A file of more is taken for one that is cut."""


def ends_whole(path: Path) -> bool:
    """Whether the file ends where a frame does. What is no zstd at all is its reader's to complain of.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        left = _MAX_BLOCKS
        while file.tell() < size and left > 0:
            left = _skip_frame(file, size, left)
        return file.tell() == size and left > 0


def _skip_frame(file: IO[bytes], size: int, left: int) -> int:
    """Go to the frame's end; give how many more blocks may be walked, 0 where the frame has no end."""
    begin = file.tell()
    head = file.read(_MOST_HEADER_BYTES)
    if len(head) >= _MAGIC_BYTES and head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
        # A frame to be skipped says its length in four bytes.
        file.seek(begin + 8 + int.from_bytes(head[4:8], "little"))
        return left - 1 if len(head) >= 8 else 0
    if not head.startswith(_MAGIC):
        file.seek(size)
        return left if len(head) >= _MAGIC_BYTES else 0
    header, has_checksum = _header(head)
    file.seek(begin + header)
    while left > 0:
        left -= 1
        written = file.read(_BLOCK_HEADER_BYTES)
        if len(written) < _BLOCK_HEADER_BYTES:
            return 0
        block = int.from_bytes(written, "little")
        length = 1 if block >> 1 & 3 == _RUN_LENGTH else block >> 3
        file.seek(length, os.SEEK_CUR)
        if block & 1:
            file.seek(_CHECKSUM_BYTES if has_checksum else 0, os.SEEK_CUR)
            break
    return left


def _header(head: bytes) -> tuple[int, bool]:
    """Give the length of a frame's header with its magic number, and whether a checksum follows the blocks."""
    said = head[_MAGIC_BYTES] if len(head) > _MAGIC_BYTES else 0
    single = said >> 5 & 1
    content = (single, 2, 4, 8)[said >> 6]
    dictionary = (0, 1, 2, 4)[said & 3]
    return _MAGIC_BYTES + 1 + (0 if single else 1) + dictionary + content, bool(said & 4)
