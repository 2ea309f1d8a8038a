"""Log files as events: JSON lines, the CLI's ``{"events": […]}``, or plain text."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pipetriage.errors import SourceError
from pipetriage.model.evidence import LogEvent
from pipetriage.sources.files import MAX_EVENT_BYTES, MAX_LINE_BYTES, read_json

# Terminal sequences (colours), control characters but tab, line feed and carriage return, and characters of no width:
# a record that begins with one would not be taken for a record.
_INVISIBLE = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


class FileLog:
    """A set of log files read one after the other, a line at a time, as often as asked.

    Lines longer than 64 KiB keep their head and tail (a JSON line may have 4 MiB: it is a whole event, with its stack
    traces); bytes that are no UTF-8 are replaced.
    """

    def __init__(self, root: Path, files: tuple[Path, ...]) -> None:
        self._root = root
        self._files = files

    def __iter__(self) -> Iterator[LogEvent]:
        """Yield the events.

        Raises:
            SourceError: a file cannot be read.
        """
        for path in self._files:
            relative = path.relative_to(self._root)
            group, stream = "/".join(relative.parent.parts), relative.stem
            try:
                yield from _events(path, group, stream)
            except OSError as error:
                raise SourceError(f"cannot read {relative}: {error.strerror or error}") from error


def _events(path: Path, group: str, stream: str) -> Iterator[LogEvent]:
    if path.suffix == ".json":
        yield from _cli_events(path, group, stream)
        return
    decode_lines = path.suffix == ".jsonl"
    limit = MAX_EVENT_BYTES if decode_lines else MAX_LINE_BYTES
    with path.open("rb") as file:
        while raw := file.readline(limit):
            if len(raw) == limit and not raw.endswith(b"\n"):
                raw = _cut(raw, file)
                yield LogEvent(None, _text(raw), stream, group)
            elif decode_lines:
                yield from _one_event(raw, group, stream)
            else:
                yield LogEvent(None, _text(raw), stream, group)


def _cut(head: bytes, file: Any) -> bytes:
    """Skip the rest of an endless line, keeping its last 4 KiB: the end often names the error."""
    head, rest = head[:MAX_LINE_BYTES], head[MAX_LINE_BYTES:]
    tail, skipped = rest[-4096:], len(rest)
    while piece := file.readline(MAX_LINE_BYTES):
        skipped += len(piece)
        tail = (tail + piece)[-4096:]
        if piece.endswith(b"\n"):
            break
    return head + f" …[{max(0, skipped - len(tail))} bytes cut]… ".encode() + tail


def _text(raw: bytes) -> str:
    return visible(raw.rstrip(b"\r\n").decode("utf-8", "replace"))


def visible(message: str) -> str:
    """Drop the characters that no terminal shows, which could hide or imitate text."""
    return message if message.isascii() and message.isprintable() else _INVISIBLE.sub("", message)


def _one_event(raw: bytes, group: str, stream: str) -> Iterator[LogEvent]:
    if not raw.strip():
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
