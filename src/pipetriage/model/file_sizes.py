"""How many files a folder's partitions hold, how small they are, and how many they would be after a compaction."""

import math
import re
from collections.abc import Iterable

import msgspec

from pipetriage.model.facts import ListedFile, Listing

TARGET_FILE_BYTES = 512 * 1024 * 1024
"""Iceberg's default for ``write.target-file-size-bytes``."""
SMALL_SHARE = 0.75
"""A file below this share of the target size is one that Iceberg's rewrite_data_files picks (min-file-size-bytes), and
that Glue's compaction optimizer counts as small."""

_MARKER = re.compile(r"/$|/[_.][^/]{0,255}$|_\$folder\$$")
# Iceberg's delete files lie among the data files, and its metadata beside them.
_NO_DATA = re.compile(r"/metadata/[^/]{1,255}$|-deletes\.parquet$")


class PartitionFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The data files of one partition, as its folder holds them."""

    partition: str
    """The folder below the table's or source's (``order_date=2026-11-01/shop=berlin``); empty: that folder itself."""
    files: int
    bytes: int
    small: int
    """Files below ``SMALL_SHARE`` of the target size."""

    def after(self, target: int = TARGET_FILE_BYTES) -> int:
        """Say how many files the same bytes would be at that size."""
        return files_at(self.bytes, target)


def files_at(size: int, target: int = TARGET_FILE_BYTES) -> int:
    """Say how many files so many bytes are at a target size."""
    return max(1, math.ceil(size / max(target, 1)))


def data_files(listing: Listing) -> list[ListedFile]:
    """Give the files that hold data: no folder markers, no commit markers, nothing of zero bytes."""
    return [file for file in listing.files if file.size > 0 and not _MARKER.search(file.uri)]


def by_partition(listing: Listing, target: int = TARGET_FILE_BYTES) -> list[PartitionFiles]:
    """Count a listing's data files folder by folder; those with the most small files first."""
    root = listing.uri.rstrip("/") + "/"
    found: dict[str, list[int]] = {}
    for file in data_files(listing):
        if not _NO_DATA.search(file.uri):
            folder = f"{file.uri.removeprefix(root).rpartition('/')[0]}/"
            found.setdefault(folder.removeprefix("data/").rstrip("/"), []).append(file.size)
    counted = (_counted(name, sizes, target) for name, sizes in found.items())
    return sorted(counted, key=lambda one: (-one.small, one.partition))


def total(parts: Iterable[PartitionFiles]) -> tuple[int, int]:
    """Sum up files and bytes."""
    listed = list(parts)
    return sum(one.files for one in listed), sum(one.bytes for one in listed)


def _counted(name: str, sizes: list[int], target: int) -> PartitionFiles:
    small = sum(size < target * SMALL_SHARE for size in sizes)
    return PartitionFiles(partition=name, files=len(sizes), bytes=sum(sizes), small=small)
