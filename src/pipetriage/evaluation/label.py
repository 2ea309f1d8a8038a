"""A case's label, ``expected.yaml``: what the right answer is, by whoever made the case. Triage never reads it."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from pipetriage.evaluation.written import storable
from pipetriage.model.categories import Category

LABEL_NAME = "expected.yaml"
Split = Literal["development", "reserve"]

# A label is a few lines; anything longer was not written as one.
_MAX_BYTES = 64 * 1024
# libyaml's composer recurses in C: a file of 30,000 opening brackets would end the process.
_MAX_DEPTH = 20
# The safe loader either way; the one in C is eight times as fast.
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class LabelError(Exception):
    """A label that cannot be used as written; the message says what to correct. Becomes the case's ``error``."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """The truth about one case."""

    failure_category: Category
    acceptable_categories: list[Category] = []
    """What a careful engineer would accept too; always holds ``failure_category``."""
    safe_to_retry: bool | None = None
    """None: not known, and then it counts in no rate of retries."""
    rerun_harmless: bool | None = None
    """None: not known, and then it counts in no rate of reruns."""
    notes: str = ""
    split: Split | None = None
    family: str | None = None
    """What the cases share that were made the same way."""


_KEYS = frozenset(Label.__struct_fields__)


def read_label(path: Path) -> Label:
    """Read a label.

    Raises:
        LabelError: it is no label: unreadable, no YAML mapping, without a category, or with a value of the wrong kind.
    """
    document = _read_mapping(path)
    for key in document:
        meant = get_close_matches(str(key), _KEYS - document.keys(), n=1, cutoff=0.8)
        # A misspelled safe_to_retry would read as "not known", and the case would silently count less.
        if key not in _KEYS and meant:
            raise LabelError(f"{LABEL_NAME}: {key}: did you mean {meant[0]}?")
    given = {key: value for key, value in document.items() if key in _KEYS and value is not None}
    try:
        label = msgspec.convert(given, Label)
    except msgspec.ValidationError as error:
        raise LabelError(f"{LABEL_NAME}: {error}: correct that key (docs/evaluation.md)") from error
    accepted = list(dict.fromkeys([label.failure_category, *label.acceptable_categories]))
    return msgspec.structs.replace(label, acceptable_categories=accepted, notes=storable(label.notes))


def _read_mapping(path: Path) -> dict[Any, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise LabelError(f"{LABEL_NAME} cannot be read: {error.strerror or error}") from error
    if len(data) > _MAX_BYTES:
        raise LabelError(f"{LABEL_NAME} is larger than {_MAX_BYTES // 1024} KiB: it holds no label")
    try:
        text = data.decode("utf-8-sig")
        _refuse_deep(text)
        # Bandit cannot see that this is the safe loader (above).
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506
    except yaml.YAMLError as error:
        raise LabelError(f"{LABEL_NAME} is no YAML: {_first_line(error)}") from error
    except (ValueError, RecursionError) as error:
        # A date like 2026-13-45, or bytes that are no UTF-8.
        raise LabelError(f"{LABEL_NAME} cannot be read: {_first_line(error)}") from error
    if not isinstance(document, dict):
        raise LabelError(f"{LABEL_NAME} is no mapping: write failure_category: UNKNOWN and so on")
    return document


def _refuse_deep(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise LabelError(f"{LABEL_NAME} is nested deeper than {_MAX_DEPTH} levels: it holds no label")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _first_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
    return f"line {mark.line + 1}: {said}" if mark is not None else str(said)
