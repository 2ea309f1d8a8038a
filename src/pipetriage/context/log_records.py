"""A log record that may be an error, with the lines of its stack trace as they come."""

from datetime import datetime

from pipetriage.context.log_layouts import Record, read_record, starts_record
from pipetriage.context.patterns import (
    CHAINED,
    ERROR_CATEGORY,
    EXCEPTION_LINE,
    EXCEPTION_NAME,
    GLUE_ANALYSIS,
    IN_THREAD,
    PROGRAM_ERROR,
    TELLING_WARNING,
    TRACEBACK,
    UNCAUGHT,
)

_MAX_LINES, _MAX_CHARACTERS = 400, 200_000
_MAX_FRAMES_IN_A_ROW = 40
MAX_PLAIN_LINES = 25
"""Lines in no layout that are taken for what a record goes on to say."""
# How the next line of a trace can start in the first column.
_TRACE_STARTS = ("Caused by:", "Suppressed:", "at ", "... ", ": ", "Driver stacktrace", *CHAINED)


class OpenRecord:
    """A record that may be an error, with the lines of its trace so far."""

    __slots__ = (
        "at",
        "before",
        "characters",
        "closed",
        "expects",
        "frames",
        "in_traceback",
        "lines",
        "number",
        "offset",
        "plain",
        "record",
        "strict",
    )

    def __init__(
        self,
        record: Record,
        line: str,
        at: datetime | None,
        *,
        number: int | None = None,
        offset: int | None = None,
        before: tuple[str, ...] = (),
    ) -> None:
        self.record = record
        self.at = at
        self.number = number
        self.offset = offset
        self.before = before
        self.lines = [line]
        self.characters = len(line)
        self.frames = self.plain = 0
        self.in_traceback = TRACEBACK in line
        self.expects = not self.in_traceback
        self.closed = False
        self.strict = False
        for more in record.more:
            self.add(more)

    def continues(self, line: str) -> bool:
        """Whether the line belongs to this record."""
        if not line or line[0] in " \t":
            return True
        if line.startswith(_TRACE_STARTS):
            return True
        if line.startswith(TRACEBACK):
            return self.expects
        if starts_record(line):
            return False
        if self.in_traceback:
            return True
        if self.strict or (self.closed and is_exception(line)):
            return False
        self.plain += 1
        return self.plain <= MAX_PLAIN_LINES

    def add(self, line: str) -> None:
        """Take the line, within bounds: the middle of an endless trace is dropped."""
        if line.startswith(("\tat ", "    at ", "at ")):
            self.frames += 1
            if not self.in_traceback:
                self.closed, self.expects = True, False
            if self.frames > _MAX_FRAMES_IN_A_ROW:
                return
        else:
            self.frames = 0
        if TRACEBACK in line:
            self.in_traceback, self.expects = True, False
        elif line.startswith(CHAINED) or "stack trace below" in line:
            self.expects = True
        elif self.in_traceback and line and line[0] not in " \t":
            self.in_traceback, self.closed = False, True
        if self.characters > _MAX_CHARACTERS:
            return
        self.characters += len(line)
        self.lines.append(line)
        if len(self.lines) > _MAX_LINES:
            del self.lines[_MAX_LINES // 2 : _MAX_LINES // 2 + 100]


def telling(line: str) -> Record | None:
    """Read the line if it starts a record that may be an error."""
    record = read_record(line)
    if record is None:
        bare = (
            TRACEBACK in line
            or GLUE_ANALYSIS in line
            or line.startswith("Caused by:")
            or IN_THREAD.match(line) is not None
            or ERROR_CATEGORY.match(line) is not None
            or PROGRAM_ERROR.match(line) is not None
            or is_exception(line)
        )
        return Record("ERROR", "", line, None) if bare else None
    if record.level in ("ERROR", "FATAL"):
        return record
    if record.level == "WARN":
        return record if record.more or TELLING_WARNING.search(record.message) else None
    carries = GLUE_ANALYSIS in record.message or TRACEBACK in record.message or UNCAUGHT.search(record.message)
    return record if carries else None


def is_exception(line: str) -> bool:
    """Whether the line states an exception and nothing before it."""
    found = EXCEPTION_LINE.match(line)
    return found is not None and EXCEPTION_NAME.search(found["name"]) is not None
