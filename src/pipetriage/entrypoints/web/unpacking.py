"""A submitted bundle, a gzipped tar, unpacked into a folder of its own: within bounds, and nowhere else."""

import gzip
import io
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from pipetriage.errors import BundleError

MAX_PACKED = 32 * 1024 * 1024
"""Bytes of a submitted bundle."""
_MAX_UNPACKED = 256 * 1024 * 1024
_MAX_FILES = 10_000
_PIECE = 1024 * 1024
_MARK = "bundle.json"
_LONGEST_PATH = 1024


def unpack_bundle(packed: bytes, folder: Path) -> Path:
    """Unpack a bundle and give the folder that holds its ``bundle.json``: the top, or the one folder in it.

    Raises:
        BundleError: it is no gzipped tar, is too large, or holds anything but files and folders of its own.
    """
    try:
        content = _Bounded(packed)
        with tarfile.open(fileobj=content, mode="r|") as archive:
            for number, member in enumerate(archive):
                if number >= _MAX_FILES:
                    raise BundleError(f"the bundle has more than {_MAX_FILES} files")
                _write(archive, member, folder)
        while content.read(_PIECE):  # to the end, where the checksum is
            pass
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        raise BundleError(f"the bundle is no gzipped tar that can be read ({error}): tar czf - -C BUNDLE .") from error
    found = [folder, *sorted(one for one in folder.iterdir() if one.is_dir())]
    whole = next((one for one in found[:2] if (one / _MARK).is_file()), None)
    if whole is None:
        raise BundleError(f"there is no {_MARK} at the top of the bundle: tar czf - -C BUNDLE .")
    return whole


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or len(member.name) > _LONGEST_PATH or "\0" in member.name:
        raise BundleError("the bundle holds a path that leads out of it")
    if member.isdir():
        return
    if not member.isreg():
        raise BundleError("the bundle holds something that is neither file nor folder (a link, a device)")
    content = archive.extractfile(member)
    if content is None:
        raise BundleError("the bundle holds a file without content")
    goal = folder / path
    goal.parent.mkdir(parents=True, exist_ok=True)
    # A second entry of the same name would be written over the first; none of ours is a link.
    with content, os.fdopen(os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while piece := content.read(_PIECE):
            file.write(piece)


class _Bounded(io.RawIOBase):
    """What a gzip file holds, up to a limit: headers of a tar may claim any size, and are read whole."""

    def __init__(self, packed: bytes) -> None:
        self._file = gzip.GzipFile(fileobj=io.BytesIO(packed))
        self._left = _MAX_UNPACKED

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read on.

        Raises:
            BundleError: there is more than a bundle may hold.
        """
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        piece = self._file.read(wanted)
        self._left -= len(piece)
        if self._left < 0:
            raise BundleError(f"the bundle unpacks to more than {_MAX_UNPACKED} bytes")
        return piece
