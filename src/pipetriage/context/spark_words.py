"""Spark's free texts in an event log: shortened and redacted."""

import re

import msgspec

from pipetriage.context.reading import mapping, text
from pipetriage.context.redact import Redactor

_LOOKED_AT = 64 * 1024
"""Characters of a message that are looked at, of its beginning and of its end."""
KEPT = 4096
"""Characters of a message that are kept while reading on."""
# Stack frames, and what stands between traces.
_FRAME = re.compile(r"^(?:\s+at |\s*\.\.\. \d+ more|Driver stacktrace:).*$\n?", re.MULTILINE)
_CAUSE = re.compile(r"^Caused by: ([\w.$]{1,300})(?:: )?", re.MULTILINE)
# A parameter's place in a message's template.
_PLACE = re.compile(r"<([A-Za-z]\w{0,60})>")
# Spark's error conditions: [DIVIDE_BY_ZERO], [INSUFFICIENT_TABLE_PROPERTY.MISSING_KEY].
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?:\.[A-Z0-9_]{2,100})?)\]")


def looked_at(message: str, limit: int = _LOOKED_AT) -> str:
    """Give so much of a message as is looked at: its head, and its tail from the beginning of a line or word.

    A secret that the cut goes through is to be recognised, or to be gone.
    """
    if len(message) <= limit:
        return message
    tail = message[-(limit // 2) :]
    _, _, whole = tail.partition("\n" if "\n" in tail else " ")
    return f"{message[: limit // 2]}\n{whole}"


def told(message: str, redactor: Redactor, limit: int) -> str:
    """Give a message without its stack frames, redacted; of a long one its head and its end, which tells the cause."""
    whole = redactor.text(_FRAME.sub("", looked_at(message)).strip())
    if len(whole) <= limit:
        return whole
    head = limit // 3
    return f"{whole[:head]} … {whole[head + 3 - limit :]}"


def deepest_cause(trace: str) -> tuple[str, str] | None:
    """Give class and message of a Java trace's last ``Caused by``; None where there is none."""
    said = looked_at(trace)
    causes = list(_CAUSE.finditer(said))
    return (causes[-1][1], _FRAME.sub("", said[causes[-1].end() :]).strip()) if causes else None


def execution_error(said: str | None) -> tuple[str, str | None]:
    """Read ``errorMessage`` of an execution's end: text, or an error as JSON. Give it as text, with its condition."""
    if not said:
        return "", None
    if said.startswith("{"):
        said = _from_json(said) or said
    conditions = _CONDITION.findall(looked_at(said))
    return said, conditions[-1] if conditions else None


def _from_json(said: str) -> str:
    """Write out an error that is given as condition, template and parameters (Spark's SparkThrowableHelper)."""
    try:
        document = mapping(msgspec.json.decode(said))
    except (msgspec.DecodeError, RecursionError):
        return ""
    name = text(document, "errorClass", "condition") or ""
    parameters = mapping(document, "messageParameters")
    template = text(document, "messageTemplate")
    if template is None:
        message = text(parameters, "message") or ", ".join(f"{key}: {value}" for key, value in parameters.items())
    else:
        message = _PLACE.sub(lambda found: text(parameters, found[1]) or found[0], template)
    # A condition stands in brackets, as in Spark's texts; the name of a class before a colon.
    return (f"{name}: {message}" if "." in name and not name.isupper() else f"[{name}] {message}") if name else message


# How Spark describes the job by which it lists files on its executors (HadoopFSUtils); the paths follow.
_LISTING = re.compile(r"Listing leaf files and directories for (\d{1,9}) paths")


def listed_paths(description: str) -> int:
    """Give how many paths a job lists; 0 for a job that does something else."""
    found = _LISTING.match(description)
    return int(found[1]) if found is not None else 0


def listing_of(paths: int) -> str:
    """Describe such a job as Spark does, without the paths."""
    return f"Listing leaf files and directories for {paths} paths"
