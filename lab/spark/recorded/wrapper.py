"""What Glue puts around a program: its log layouts, its own lines, its ErrorMessage, in public logs' shapes."""

import json
import random
import re
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

_RECORD = re.compile("\x1e(.*?)\x1d", re.DOTALL)
_QUIET = (
    "org.apache.iceberg", "org.apache.spark.SparkContext", "org.apache.spark.deploy.history",
    "org.apache.spark.sql.execution.datasources.v2", "org.apache.spark.sql.execution.datasources.FileFormatWriter",
    "org.apache.spark.internal.io", "org.apache.hadoop.mapreduce.lib.output",
)  # fmt: skip
_MIDDLE = ("org.apache.spark.scheduler.DAGScheduler", "org.apache.spark.api.python.PythonRunner")


class Line(NamedTuple):
    """One event of a log."""

    at: int
    """Epoch milliseconds."""
    own: bool
    """From the program's own stdout or stderr, not from log4j."""
    text: str


def lines_of(raw: str, glue: str, width: str, started: float) -> list[Line]:
    """Write what a driver wrote in the layout of a Glue version; ``width`` is ``narrow``, ``middle`` or ``full``."""
    found: list[Line] = []
    at, end = int(started * 1000), 0
    for record in _RECORD.finditer(raw):
        found += _own(raw[end : record.start()], at)
        end = record.end()
        level, millis, uptime, logger, thread, line, message = record[1].split("\x1f", 6)
        at = int(millis)
        if level == "INFO" and not _kept(logger, width):
            continue
        if glue == "4.0" and "Running Spark version" in message:
            continue  # the layout is Glue 4.0's, the engine is newer
        found.append(Line(at, False, _laid_out(glue, level, at, uptime, logger, thread, line, message.rstrip("\n"))))
    return found + _own(raw[end:], at)


def _kept(logger: str, width: str) -> bool:
    return width == "full" or logger.startswith(_QUIET) or (width == "middle" and logger.startswith(_MIDDLE))


def _own(text: str, at: int) -> list[Line]:
    # Spark's own start writes such lines outside log4j.
    skipped = ("Setting default log level", "To adjust logging level", "Using Spark's default log4j")
    return [Line(at, True, one) for one in text.splitlines() if one.strip() and not one.startswith(skipped)]


def _laid_out(
    glue: str, level: str, at: int, uptime: str, logger: str, thread: str, line: str, message: str
) -> str:  # fmt: skip
    when, short = datetime.fromtimestamp(at / 1000, UTC), logger.rsplit(".", 1)[-1]
    if glue == "4.0":
        return f"{when:%y/%m/%d %H:%M:%S} {level} {short}: {message}"
    return f"{level:<5} {when:%Y-%m-%dT%H:%M:%S},{at % 1000:03d}\t{uptime}\t{short}\t[{thread}]\t{line}\t{message}"


def launcher_lines(answer: dict[str, Any] | None, glue: str, script: str, chance: random.Random) -> list[Line]:
    """Write what Glue's own launcher adds after a Python program ended badly."""
    if answer is None or answer["ok"] or not answer.get("trace"):
        return []
    at = int(time.time() * 1000)
    trace = str(answer["trace"]).rstrip("\n")
    lines = [Line(at, False, _laid_out(glue, "ERROR", at, "61", "x.ProcessLauncher", "main", "78",
                                       f"Error from Python:{trace}"))]  # fmt: skip
    if chance.random() < 0.4:
        frames = [{"Declaring Class": "<module>", "Method Name": "", "File Name": script,
                   "Line Number": answer.get("line")}]  # fmt: skip
        event = {"Event": "GlueETLJobExceptionEvent", "Timestamp": at, "Failure Reason": trace[:3000],
                 "Stack Trace": frames, "Last Executed Line number": answer.get("line"),
                 "script": script.rsplit("/", 1)[-1]}  # fmt: skip
        said = f"[Glue Exception Analysis] {json.dumps(event)}"
        logger = "x.GlueExceptionAnalysisListener"
        lines.append(Line(at, False, _laid_out(glue, "ERROR", at, "62", logger, "main", "9", said)))
    return lines


def error_message(answer: dict[str, Any] | None, glue: str, chance: random.Random) -> str:
    """Compose the run's ErrorMessage as Glue does: a hint, often cut to the first line."""
    if answer is None:
        return "Command failed with exit code 137"
    said, kind = str(answer["error"]), str(answer.get("kind", ""))
    if kind == "SystemExit":
        return said
    plain = said.removeprefix(f"{kind}: ")
    if kind == "Py4JJavaError":
        head = plain.split("\n: ", 1)
        deepest = re.findall(r"Caused by: (.+)", str(answer.get("trace", "")))
        reason = deepest[-1] if deepest and chance.random() < 0.5 else head[-1]
        call = re.search(r"calling (\S+?)\.?(?:\s|$)", head[0])
        message = f"An error occurred while calling {call[1] if call else 'o96.save'}. {reason.strip()}"
    elif kind == "PythonException":
        message = "PythonException: "
    else:
        message = f"{kind}: {plain.strip()}"
    message = message.split("\n\n", 1)[0].split(";\n", 1)[0].strip()
    message = message if len(message) < 900 else message[:900].rsplit(" ", 1)[0]
    if glue == "4.0" and chance.random() < 0.6:
        return message
    return f"Error Category: {_hint(kind, said)}; Failed Line Number: {answer.get('line') or 1}; {message}"


def _hint(kind: str, said: str) -> str:
    if kind in {"AnalysisException", "ParseException"}:
        return "QUERY_ERROR"
    if kind in {"ModuleNotFoundError", "ImportError"}:
        return "IMPORT_ERROR"
    if kind in {"KeyError", "ValueError", "TypeError", "IllegalArgumentException"}:
        return "INVALID_ARGUMENT_ERROR"
    if kind == "SyntaxError":
        return "SYNTAX_ERROR"
    if "OutOfMemoryError" in said:
        return "OUT_OF_MEMORY_ERROR"
    return "UNCLASSIFIED_ERROR"
