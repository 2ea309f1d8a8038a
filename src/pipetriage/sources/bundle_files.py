"""The files of a bundle being written."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

encode: Callable[[Any], bytes] = msgspec.json.Encoder(enc_hook=str).encode
"""Encode a document as JSON."""


class BundleFiles:
    """The files of one bundle; all of them can be taken back."""

    def __init__(self, folder: Path) -> None:
        self.written: list[Path] = []
        """In the order written."""
        self._folder = folder
        self._made: list[Path] = []
        self._make(folder, 0o700)

    def json(self, path: str, document: Any) -> None:
        """Write one document."""
        with self.open(path) as file:
            file.write(msgspec.json.format(encode(document), indent=1) + b"\n")

    def lines(self, path: str, documents: Iterable[Any]) -> None:
        """Write one document a line."""
        with self.open(path) as file:
            for document in documents:
                file.write(encode(document) + b"\n")

    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        """Open a new file for writing; one that ends in ``.gz`` is compressed."""
        target = self._folder / path
        self._make(target.parent, 0o777)
        with target.open("xb") as file:
            self.written.append(target)
            if not path.endswith(".gz"):
                yield file
                return
            # No name and no time inside, so that the same evidence gives the same bytes.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield packed  # type: ignore[misc]

    def take_back(self, path: str) -> None:
        """Remove a file that could not be written to its end."""
        target = self._folder / path
        if target in self.written:
            self.written.remove(target)
            target.unlink()

    def remove(self) -> None:
        """Remove all that was made here."""
        for path in self.written:
            with suppress(OSError):
                path.unlink()
        for folder in reversed(self._made):
            with suppress(OSError):
                folder.rmdir()

    def _make(self, folder: Path, mode: int) -> None:
        if not folder.is_dir():
            self._make(folder.parent, 0o777)
            folder.mkdir(mode)
            self._made.append(folder)
