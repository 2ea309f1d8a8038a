"""A record and its continuation lines to a chain of causes, across Java, Python and the bridge between them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from pipetriage.context.patterns import (
    CALLING,
    CAUSED_BY,
    CHAINED,
    ERROR_CATEGORY,
    EXCEPTION_LINE,
    EXCEPTION_NAME,
    FRAMES,
    GLUE_ANALYSIS,
    IN_THREAD,
    INLINE_EXCEPTION,
    JAVA_FRAME,
    LIBRARY_FILE,
    MORE_FRAMES,
    PHASE_FRAME,
    PYTHON_FRAME,
    SUPPRESSED,
    TASK_END,
    TRACEBACK,
)

_MESSAGE_LINES, _FRAMES, _LINKS, _INLINE = 30, 60, 24, 6
_PHRASES = tuple(phrase[:40] for phrase in CHAINED)
_TELLING_START = 8
"""Frames that start with fewer characters (``)=(``) are everywhere."""
# What handlers raise or exit with to say that something failed; by name they tell no failure of their own.
_RETHROWN = frozenset({"Exception", "RuntimeError", "SystemExit", "KeyboardInterrupt"})
_HANDLING = _PHRASES[0]


class Link:
    """One exception of a chain, raw."""

    __slots__ = ("java", "lines", "name", "python")

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        self.lines = [message]
        self.java: list[str] = []
        self.python: list[str] = []

    @property
    def message(self) -> str:
        """The message, several lines where it has several."""
        return "\n".join(self.lines).strip()


class Trace:
    """The chain of one record: outermost first, deepest last; and what its text says besides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.links: list[Link] = []
        self.category: str | None = None
        self.event: str | None = None
        """The event of a Glue exception analysis record."""
        self._cursor = 0
        self._python_start = 0
        self._current: Link | None = None
        self._java: Link | None = None
        self._pending: list[str] | None = None
        self._indent = 0
        self._chained = False
        self._handling = False
        self._source = ""
        """The last source line that a traceback printed."""
        self._suppressed: int | None = None
        lines = list(lines)
        first = self._analysis(lines[0]) if lines else []
        opening = self._opening(first[0] if first else "")
        for line in [*first[1:], *lines[1:]]:
            self._line(line)
        if not self.links:
            self.links.append(Link("", "\n".join([opening, *first[1:], *lines[1:]][:_MESSAGE_LINES])))

    @property
    def python_frame(self) -> str | None:
        """The last frame in user code of the deepest traceback."""
        for link in reversed(self.links):
            if link.python:
                own = [frame for frame in link.python if not LIBRARY_FILE.search(frame)]
                return _short((own or link.python)[-1])
        return None

    @property
    def user_frames(self) -> tuple[str, ...]:
        """Up to five frames: the deepest trace's top two, then the nearest ones around it that tell the phase."""
        traces = [link.java or [_short(frame) for frame in reversed(link.python)] for link in reversed(self.links)]
        traces = [frames for frames in traces if frames]
        if not traces:
            return ()
        # The root's own frames are often the client's or the JDK's: what was being done stands further out.
        telling = [frame for frames in traces for frame in frames if PHASE_FRAME.search(frame)]
        return tuple(dict.fromkeys([*traces[0][:2], *telling[:3], *traces[0][2:]]))[:5]

    def _analysis(self, first: str) -> list[str]:
        """Unfold a Glue exception analysis record into the lines of an ordinary trace."""
        before, marker, after = first.partition(GLUE_ANALYSIS)
        if not marker:
            return [first]
        try:
            document: Any = msgspec.json.decode(after.strip().encode("utf-8", "replace"))
        except (msgspec.DecodeError, RecursionError):
            document = None
        if not isinstance(document, dict):
            return [f"{before}{after}"]
        self.event = str(document.get("Event") or "")
        lines = str(document.get("Failure Reason") or self.event).split("\n")
        trace = document.get("Stack Trace")
        for frame in trace[:_FRAMES] if isinstance(trace, list) else []:
            if isinstance(frame, dict):
                file, number = frame.get("File Name") or "", frame.get("Line Number") or ""
                lines.append(f"\tat {frame.get('Declaring Class')}.{frame.get('Method Name')}({file}:{number})")
        return lines

    def _opening(self, text: str) -> str:
        """Read the record's first line; give it without the prefixes that only introduce."""
        whole = text
        if found := ERROR_CATEGORY.search(text):
            self.category = found["category"].upper()
            text = text[: found.start()] + text[found.end() :]
        text = CALLING.sub(lambda match: "", text, count=1) if CALLING.match(text) else text
        text = IN_THREAD.sub("", text, count=1)
        self._exception(text, any_name=False)
        return text.strip() or plain(whole)

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        indent = len(line) - len(line.lstrip())
        if self._suppressed is not None:
            # Java indents all that belongs to it, its own "Caused by" as far as itself.
            if indent >= max(self._suppressed, 1):
                return
            self._suppressed = None
        if self._pending is not None and self._traceback_line(line, indent):
            return
        if frame := JAVA_FRAME.match(line):
            holder = self._java or self._current
            if holder is not None and len(holder.java) < _FRAMES:
                holder.java.append(frame["frame"])
        elif MORE_FRAMES.match(line):
            return
        elif cause := CAUSED_BY.match(line):
            self._exception(cause["rest"], any_name=True)
        elif SUPPRESSED.match(line):
            self._suppressed = indent
        elif line.lstrip().startswith(_PHRASES):
            self._chained = True
            self._handling = line.lstrip().startswith(_HANDLING)
        elif TRACEBACK in line:
            self._start_traceback(line, indent)
        elif line.startswith(": "):
            self._exception(line[2:], any_name=True)
        elif indent == 0 and self._named(IN_THREAD.sub("", line, count=1)):
            self._exception(IN_THREAD.sub("", line, count=1), any_name=False)
        elif self._current is not None and len(self._current.lines) < _MESSAGE_LINES:
            self._current.lines.append(line)

    def _traceback_line(self, line: str, indent: int) -> bool:
        """Take a line inside a Python traceback; False when the traceback turns out to have been cut off."""
        pending = self._pending or []
        if frame := PYTHON_FRAME.match(line):
            pending.append(f"{frame['file']}:{frame['line']} in {frame['function'] or '<module>'}")
            self._pending = pending[-_FRAMES:]
            return True
        if indent > self._indent or JAVA_FRAME.match(line):
            self._source = line.strip(" \t^~") or self._source
            return indent > self._indent and not JAVA_FRAME.match(line)
        self._pending = None
        frames = pending
        if CAUSED_BY.match(line) or TRACEBACK in line:
            return False
        if self._chained and self.links and (not self._handling or self._rethrown(line.strip(), frames)):
            # The traceback printed first is the original: what came of it stands before it in the chain.
            self._cursor = self._python_start
        self._chained = False
        self._exception(line.strip(), any_name=True, frames=frames)
        return True

    def _rethrown(self, text: str, frames: list[str]) -> bool:
        """Whether it only passes the first error on; otherwise the handler failed by itself, and that ended the run."""
        if text.partition(":")[0] in _RETHROWN:
            return True
        return self._source.startswith("raise") and bool(frames) and not LIBRARY_FILE.search(frames[-1])

    def _start_traceback(self, line: str, indent: int) -> None:
        before = line.partition(TRACEBACK)[0]
        if before.strip():
            self._exception(before.strip(), any_name=False)
        self._pending, self._indent, self._source = [], indent, ""

    def _named(self, text: str) -> bool:
        found = EXCEPTION_LINE.match(text)
        return found is not None and EXCEPTION_NAME.search(found["name"]) is not None

    def _exception(self, text: str, *, any_name: bool, frames: list[str] | None = None) -> None:
        """Add the exception that the text states, then those that its message names as its own causes."""
        head, traceback, _ = text.partition(TRACEBACK)
        found = EXCEPTION_LINE.match(head)
        if found is not None and (any_name or EXCEPTION_NAME.search(found["name"])):
            message = head[found.end() :]
            self._push(found["name"], message, frames)
            if frames is not None:
                self._python_start = self._cursor - 1
        elif any_name:
            # A cause whose line does not look like one still counts, by its words.
            message = head
            self._push("", head, frames)
        else:
            message = head
        named = sorted(
            [*INLINE_EXCEPTION.finditer(message), *TASK_END.finditer(message)], key=lambda match: match.start()
        )
        data = data_from(message)
        for inline in [match for match in named if match.start() < data][:_INLINE]:
            self._push(inline["name"], message[inline.end() :].strip(), None)
        if traceback:
            self._pending, self._indent = [], 0

    def _push(self, name: str, message: str, frames: list[str] | None) -> None:
        message = message.strip()
        for index, link in enumerate(self.links):
            # Spark repeats the chain's end in its message and again as "Caused by".
            same_words = link.lines[0][:200] == message[:200] or not message or not link.lines[0]
            if link.name == name and same_words:
                self._current, self._cursor = link, index + 1
                link.python = link.python or frames or []
                break
        else:
            if len(self.links) >= _LINKS:
                return
            link = Link(name, message)
            link.python = frames or []
            self.links.insert(self._cursor, link)
            self._cursor += 1
            self._current = link
        if frames is None:
            self._java = self._current


def plain(text: str) -> str:
    """Strip what varies or only introduces: Glue's category prefix and py4j's target."""
    text = ERROR_CATEGORY.sub("", text, count=1)
    return CALLING.sub(lambda match: f"An error occurred while calling {match['call']}. ", text, count=1).strip()


def data_from(message: str) -> int:
    """Find where a message starts to quote the data it failed on: no exception is named from there on."""
    starts = [at for frame in FRAMES if (at := message.find(frame.start)) >= 0 and len(frame.start) >= _TELLING_START]
    return min(starts, default=len(message))


def _short(frame: str) -> str:
    """Leave out the folders of a Python frame: they vary with the machine."""
    return frame.rsplit("/", 1)[-1]
