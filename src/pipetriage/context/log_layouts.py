"""One log line to its record: level, logger, message and time, in the layouts that Glue, Spark and Python write."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from pipetriage.context.patterns import (
    COLUMNS_BEFORE,
    EXCEPTION_NAME,
    GLUE5_REST,
    LEVEL_FIRST,
    LEVEL_INSIDE,
    LEVEL_ONLY,
    LOGGER_REST,
    OTHER_LEVEL,
    RECORD_START,
    TIME_FIRST,
    WORD,
)
from pipetriage.model.times import parse_time

_LEVELS = {"CRITICAL": "FATAL", "SEVERE": "ERROR", "WARNING": "WARN", "NOTICE": "INFO"}
_JSON_FRAMES = 40


class Record(NamedTuple):
    """The start of one log record."""

    level: str
    """FATAL, ERROR, WARN, INFO, DEBUG or TRACE."""
    logger: str
    message: str
    at: datetime | None
    more: tuple[str, ...] = ()
    """Lines of a stack trace that a structured record carries."""


def read_record(line: str) -> Record | None:
    """Read a line that starts a record; None when it is a continuation or plain output."""
    if line.startswith("{") and (record := _json_record(line)) is not None:
        return record
    found = TIME_FIRST.match(line) or LEVEL_FIRST.match(line)
    at = None
    if found is not None:
        at = read_time(found["at"])
    else:
        found = LEVEL_ONLY.match(line)
        if found is None:
            return _in_columns(line)
    level = _LEVELS.get(found["level"], found["level"])
    rest = found["rest"]
    split = GLUE5_REST.match(rest) or LOGGER_REST.match(rest)
    if split is None or EXCEPTION_NAME.search(split["logger"]):
        return Record(level, "", rest, at)
    return Record(level, split["logger"], split["message"], at)


_COLUMNS = 200
"""Characters in which a layout's columns end."""
_SENTENCE = 4
"""So many words before the level are a sentence that mentions it, no columns."""


def _in_columns(line: str) -> Record | None:
    """Read an error in a layout that nobody described: its level stands as a word of its own behind columns."""
    found = LEVEL_INSIDE.search(line, 0, _COLUMNS)
    if found is None or COLUMNS_BEFORE.match(line) is None:
        return None
    head = line[: found.start()]
    if OTHER_LEVEL.search(head) or len(WORD.findall(head)) >= _SENTENCE:
        return None
    return Record(_LEVELS.get(found["level"], found["level"]), "", line[found.end() :], None)


def starts_record(line: str) -> bool:
    """Whether a stack trace before this line has ended."""
    return RECORD_START.match(line) is not None or line.startswith('{"')


def read_time(text: str) -> datetime | None:
    """Read a layout's time; two-digit years are of this century, a time without zone is UTC."""
    text = text.replace(",", ".").replace("/", "-")
    return parse_time("20" + text if text[2:3] == "-" else text)


def _json_record(line: str) -> Record | None:
    try:
        document = msgspec.json.decode(line.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    level = _first(document, "level", "severity", "levelname", "log.level", "lvl").upper()
    message = _first(document, "message", "msg", "log", "event")
    if not level and not message:
        return None
    at = parse_time(next((document[key] for key in ("ts", "timestamp", "@timestamp", "time") if key in document), None))
    lines = message.split("\n") + _thrown(document)
    return Record(
        _LEVELS.get(level, level) or "INFO",
        _first(document, "logger", "logger_name", "log.logger", "name"),
        lines[0],
        at,
        tuple(lines[1:400]),
    )


def _first(document: Mapping[str, Any], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := document.get(key), str) and value), "")


def _thrown(document: Mapping[str, Any]) -> list[str]:
    """Write the exception of a structured record the way a plain log would."""
    lines: list[str] = []
    for key in ("exception", "error", "thrown", "throwable", "exc_info", "stack_trace", "traceback", "stackTrace"):
        value = document.get(key)
        if isinstance(value, str):
            lines += value.split("\n")
        elif isinstance(value, Mapping):
            name = _first(value, "class", "exception_class", "type", "name")
            text = _first(value, "msg", "message", "exception_message")
            trace = next((value[key] for key in ("stacktrace", "stack_trace", "stackTrace") if key in value), None)
            if isinstance(trace, str):
                # A written trace starts with the exception itself, or lacks it.
                lines += ([] if name and trace.startswith(name) else [f"{name}: {text}"]) + trace.split("\n")
            else:
                lines += f"{name}: {text}".split("\n")
                lines += [_json_frame(frame) for frame in trace[:_JSON_FRAMES]] if isinstance(trace, list) else []
    return lines


def _json_frame(frame: Any) -> str:
    if not isinstance(frame, Mapping):
        return f"\tat {str(frame).removeprefix('at ')}"
    where = f"{frame.get('file') or ''}:{frame.get('line') or ''}"
    return f"\tat {frame.get('class') or ''}.{frame.get('method') or ''}({where})"
