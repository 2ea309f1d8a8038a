"""Log files as events: JSON lines, the CLI's ``{"events": […]}``, or plain text; each of them also compressed."""

import io
import re
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from pipetriage.errors import SourceError
from pipetriage.model.evidence import LogBlock, LogEvent
from pipetriage.sources.files import MAX_EVENT_BYTES, MAX_LINE_BYTES, read_json
from pipetriage.sources.line_blocks import LineBlocks
from pipetriage.sources.packed import Unpacked

TEXT_SUFFIXES = frozenset({".jsonl", ".json", ".log", ".txt"})
PACKED_SUFFIXES = frozenset({".gz", ".zst", ".zstd", ".lz4"})
"""Of a file that is compressed: behind one of the others, or alone (CloudWatch's export to S3 writes ``000000.gz``)."""

_BEGINNING = 1024 * 1024
"""Read from the beginning of a log that is not read whole: there the application says what it is."""

# Terminal sequences (colours), control characters but tab, line feed and carriage return, and characters of no width:
# a record that begins with one would not be taken for a record.
_INVISIBLE = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def is_log_name(name: str) -> bool:
    """Whether a file of this name is taken for a log."""
    path = Path(name)
    return path.suffix in TEXT_SUFFIXES or path.suffix in PACKED_SUFFIXES


class FileLog:
    """A set of log files read one after the other, in constant memory, as often as asked.

    Lines longer than 64 KiB keep their head and tail (a JSON line may have 4 MiB: it is a whole event, with its stack
    traces); bytes that are no UTF-8 are replaced.
    """

    def __init__(self, root: Path, files: tuple[Path, ...], *, most: int | None = None) -> None:
        """Name the files; ``most`` bytes are read of each that is not compressed, from its beginning and its end."""
        self._root = root
        self._files = files
        self._most = None if most is None else max(most, 2 * _BEGINNING)

    @property
    def size(self) -> int:
        """Bytes of the files that are read, as they lie there."""
        return sum(self._size(path) for path in self._files)

    def _size(self, path: Path) -> int:
        try:
            size = path.stat().st_size
        except OSError:
            return 0  # gone: reading it says so
        # One document of events has no end that could be read first either.
        whole = self._most is None or path.suffix in PACKED_SUFFIXES or path.suffix == ".json"
        return size if whole or self._most is None else min(size, self._most)

    def __iter__(self) -> Iterator[LogEvent]:
        """Yield the events.

        Raises:
            SourceError: a file cannot be read to its end. What could be read was yielded.
        """
        for block in self.blocks():
            if isinstance(block, LogEvent):
                yield block
            else:
                for line in bytes(block.data[: block.size - 1]).split(b"\n"):
                    yield from block.events(line)

    def blocks(self) -> Iterator[LogBlock | LogEvent]:
        """Yield the files' lines by the block, or the events of a file that is one document.

        Raises:
            SourceError: a file cannot be read to its end, or some of it was left out. What could be read was yielded.
        """
        left_out: list[str] = []
        for path in self._files:
            relative = path.relative_to(self._root)
            try:
                skipped = yield from self._file(path, "/".join(relative.parent.parts))
                if skipped:
                    left_out.append(f"{skipped:,} bytes of {relative} between its beginning and its end")
            except EOFError as error:
                raise SourceError(f"{relative} ends in the middle of its compressed data: fetch it again") from error
            except OSError as error:
                raise SourceError(f"cannot read {relative}: {error.strerror or error}") from error
        if left_out:
            raise SourceError(f"{'; '.join(left_out)} were not read ([context] log_bytes)")

    def _file(self, path: Path, group: str) -> Generator[LogBlock | LogEvent, None, int]:
        """Yield what one file holds; give how many of its bytes were left out."""
        plain = Path(path.stem) if path.suffix in PACKED_SUFFIXES else Path(path.name)
        suffix, stream = (plain.suffix, plain.stem) if plain.suffix in TEXT_SUFFIXES else ("", plain.name)
        if suffix == ".json":
            yield from _cli_events(path, group, stream)
            return 0
        structured = suffix == ".jsonl"
        events = partial(_json_line if structured else _text_line, group, stream)
        longest = MAX_EVENT_BYTES if structured else MAX_LINE_BYTES
        packed = path.suffix in PACKED_SUFFIXES
        size = path.stat().st_size
        skipped = 0 if packed or self._most is None else max(0, size - self._most)

        def blocks(file: io.RawIOBase | io.BufferedIOBase, *, numbered: bool) -> Iterator[LogBlock]:
            begins = True
            for data, filled in LineBlocks(file, longest=longest, kept=MAX_LINE_BYTES):
                yield LogBlock(data, filled, stream, group, begins, numbered, structured, events)
                begins = False

        with Unpacked(path) if packed else path.open("rb", buffering=0) as file:
            if skipped:
                yield from blocks(io.BytesIO(file.read(_BEGINNING) or b""), numbered=True)
                file.seek(_BEGINNING + skipped)
            yield from blocks(file, numbered=not skipped)
        return skipped


def _text_line(group: str, stream: str, raw: bytes) -> Iterator[LogEvent]:
    yield LogEvent(None, _text(raw), stream, group)


def _text(raw: bytes) -> str:
    return visible(raw.rstrip(b"\r\n").decode("utf-8", "replace"))


def visible(message: str) -> str:
    """Drop the characters that no terminal shows, which could hide or imitate text."""
    return message if message.isascii() and message.isprintable() else _INVISIBLE.sub("", message)


def _json_line(group: str, stream: str, raw: bytes) -> Iterator[LogEvent]:
    if not raw.strip():
        yield LogEvent(None, "", stream, group)
        return
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # A cut or foreign line is still text that may hold the error.
        yield LogEvent(None, _text(raw), stream, group)
        return
    if isinstance(document, dict) and isinstance(document.get("events"), list):
        for event in document["events"]:
            yield _event(event, group, stream)
    else:
        yield _event(document, group, stream)


def _cli_events(path: Path, group: str, stream: str) -> Iterator[LogEvent]:
    document = read_json(path)
    events = document.get("events") if isinstance(document, dict) else document
    if not isinstance(events, list):
        raise SourceError(f'{path.name} has no "events" list: write the response of get-log-events into it')
    for event in events:
        yield _event(event, group, stream)


def _event(event: Any, group: str, stream: str) -> LogEvent:
    if not isinstance(event, dict) or "message" not in event:
        return LogEvent(None, event if isinstance(event, str) else msgspec.json.encode(event).decode(), stream, group)
    timestamp = event.get("timestamp")
    message = event["message"]
    return LogEvent(
        int(timestamp) if isinstance(timestamp, int | float) and not isinstance(timestamp, bool) else None,
        visible(message.rstrip("\r\n")) if isinstance(message, str) else msgspec.json.encode(event).decode(),
        str(event.get("logStreamName") or stream),
        str(event.get("logGroupName") or group),
    )
