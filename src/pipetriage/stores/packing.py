"""How evidence lies in a SQL store: Zstandard, which keeps a fifth of it and takes microseconds."""

import zstandard

from pipetriage.errors import StoreError

MOST = 256 * 1024 * 1024
"""Bytes of evidence that one incident may have: far above what a context holds. Guards against a damaged store."""


def pack(data: bytes) -> bytes:
    """Compress."""
    return zstandard.ZstdCompressor(level=3).compress(data)


def unpack(data: bytes) -> bytes:
    """Decompress.

    Raises:
        StoreError: it is damaged.
    """
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST)
    except zstandard.ZstdError as error:
        raise StoreError(f"the store holds evidence that cannot be read ({error}): restore it from a copy") from error
