"""Finds the few places in a block of a log that need reading, without looking at its lines one by one.

A line is *wanted* where one of a few words stands in it; the reader of lines then decides what it says. Two engines
find the words, with the same answer: Hyperscan, where the extra ``fast`` is installed, and the standard library.
Measured over 100 MB of Spark's log (docs/design/0005-evidence-at-speed.md) Hyperscan takes a tenth of the other's time;
RE2 and an Aho-Corasick automaton lie between them.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

Buffer = bytes | bytearray

ERRORS: tuple[bytes, ...] = (
    b"ERROR",
    b"WARN",
    b"xception",
    b"Traceback",
    b"FATAL",
    b"CRITICAL",
    b"SEVERE",
    b"rror",
    b"Caused by:",
)
"""What stands in each line that may begin an error."""
COMMITS: tuple[bytes, ...] = (b"Committed snapshot", b"CommitReport{")
"""What stands in each line that reports a commit (patterns.COMMITTED)."""
APPLICATIONS: tuple[bytes, ...] = (b"application_", b"app-", b"local-", b"spark-")
"""What stands in each line that names an application (patterns.APP_ID)."""
WRITES: tuple[bytes, ...] = (
    b"Committing ",
    b"ata source write support",
    b"Writing job ",
    b"Saved output of task",
    b"TASK_WRITE_FAILED",
    b"while writing rows",
    b"Write Job",
    b"CommitStateUnknown",
    b"Skipping cleanup of written files",
    b"is committing",
    b"is aborting",
)
"""What stands in each line that shows that writing began (patterns.WRITE_STARTED), besides those above."""
ANY_TASK: tuple[bytes, ...] = (b"Finished task",)
"""What stands in each line that tells of a task's success (patterns.FINISHED_TASK)."""
_FEW_TASKS = 16


def finished(lost: Collection[tuple[str, str]]) -> tuple[bytes, ...]:
    """Say what stands in each line that tells of the success of one of these tasks, each its stage and its index."""
    if len(lost) > _FEW_TASKS:
        return ANY_TASK
    return tuple(sorted({b"Finished task %s." % index.encode() for _, index in lost}))


ESCAPES: tuple[bytes, ...] = (rb"\u", rb"\n", rb"\b", rb"\f", b'"events"')
"""What makes a line of JSON say more than its bytes show: escaped characters, lines within it, several events."""

# Characters that no terminal shows, of which a line is freed before it is read: they may stand inside of a word.
_CONTROLS = bytes(byte for byte in [*range(0x20), 0x7F] if byte not in b"\t\n\r")
_WIDTHLESS = rb"\xc2[\x80-\x9f]|\xe2(?:\x80[\x8b-\x8f\xa8-\xae]|\x81[\xa0-\xa9])|\xef\xbb\xbf"
_INVISIBLE = re.compile(_WIDTHLESS)
_LEAST_FOR_FAST = 1024 * 1024


class Hits(NamedTuple):
    """Where words stand in a part of a block."""

    ends: list[int]
    """An offset inside of each wanted line, behind a word; ascending, several a line where it holds several."""
    invisible: bool
    """The part holds invisible characters, so that words may be hidden by them: each line needs reading."""


class Search(Protocol):
    """An engine that looks for a set of words."""

    def __call__(self, data: Buffer, begin: int, end: int) -> Hits:
        """Look through ``data[begin:end]``."""
        ...


Engine = Callable[[tuple[bytes, ...]], Search]
"""Makes a search for these words."""


class PlainSearch:
    """Looks with the standard library, a word at a time."""

    def __init__(self, words: tuple[bytes, ...]) -> None:
        self._words = words

    def __call__(self, data: Buffer, begin: int, end: int) -> Hits:
        """Look through ``data[begin:end]``."""
        ends = []
        for word in self._words:
            at = data.find(word, begin, end)
            while at >= 0:
                ends.append(at + len(word))
                at = data.find(word, at + 1, end)
        ends.sort()
        return Hits(ends, _is_invisible(bytes(data[begin:end])))


def _is_invisible(part: bytes) -> bool:
    if len(part.translate(None, _CONTROLS)) != len(part):
        return True
    return not part.isascii() and _INVISIBLE.search(part) is not None


class FastSearch:
    """Looks with Hyperscan, for all words at once."""

    def __init__(self, words: tuple[bytes, ...]) -> None:
        import hyperscan

        # Two databases: compiling characters and words into one takes a hundred times as long.
        self._words, self._invisible = _words(words), _invisible()
        # What it works with while it scans, which threads may not share.
        self._scratch = hyperscan.Scratch(self._words), hyperscan.Scratch(self._invisible)

    def __call__(self, data: Buffer, begin: int, end: int) -> Hits:
        """Look through ``data[begin:end]``."""
        ends: list[int] = []
        invisible: list[int] = []

        def word(_: int, __: int, stop: int, *___: Any) -> None:
            ends.append(begin + stop)

        def character(pattern: int, *_: Any) -> None:
            invisible.append(pattern)

        with memoryview(data) as whole, whole[begin:end] as part:
            self._words.scan(part, match_event_handler=word, scratch=self._scratch[0])
            self._invisible.scan(part, match_event_handler=character, scratch=self._scratch[1])
        return Hits(ends, bool(invisible))


@lru_cache(maxsize=16)
def _words(words: tuple[bytes, ...]) -> Any:
    return _database([re.escape(word) for word in words], flags=0)


@lru_cache(maxsize=1)
def _invisible() -> Any:
    import hyperscan

    characters = b"[" + b"".join(rb"\x%02x" % byte for byte in _CONTROLS) + b"]|" + _WIDTHLESS
    # That there is one tells enough: a file of zeros would be told of byte by byte.
    return _database([characters], flags=hyperscan.HS_FLAG_SINGLEMATCH)


def _database(expressions: list[bytes], *, flags: int) -> Any:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=[flags] * len(expressions))
    return database


def fastest() -> Engine:
    """Give the best engine that is installed."""
    # Only looked for: a small log is read before it would be loaded.
    return PlainSearch if importlib.util.find_spec("hyperscan") is None else _Growing()


class _Growing:
    """Begins with the standard library: Hyperscan has to load and compile first, which a small log does not pay for."""

    def __init__(self) -> None:
        self._seen = 0
        self._fast: dict[tuple[bytes, ...], Search] = {}

    def __call__(self, words: tuple[bytes, ...]) -> Search:
        """Make a search for these words."""
        plain = PlainSearch(words)

        def search(data: Buffer, begin: int, end: int) -> Hits:
            self._seen += end - begin
            if self._seen < _LEAST_FOR_FAST and "hyperscan" not in sys.modules:
                return plain(data, begin, end)
            if words not in self._fast:
                self._fast[words] = FastSearch(words)
            return self._fast[words](data, begin, end)

        return search
