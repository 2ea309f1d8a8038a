"""Which partitions a batch should write, and which it wrote."""

from collections.abc import Iterable

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.facts import DataFile, Listing
from pipetriage.model.pipeline import Output
from pipetriage.model.templates import fill


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared of a batch's partitions; None where undeclared."""

    count: int | None = None
    values: tuple[str, ...] | None = None
    """The values of the declared partition field."""
    fields: tuple[dict[str, str], ...] = ()
    """The same with every field that the declaration names (``day=2026-11-22/shop=oslo``); empty when unknown."""


def expected_partitions(output: Output, context: Context) -> Expected:
    """Read ``expected_partitions``: a number, a list, a template, or ``"from_source"``."""
    declared = output.expected_partitions
    batch = context.facts.run.batch_id
    match declared:
        case None:
            return Expected()
        case bool():
            return Expected()
        case int():
            return Expected(count=declared) if declared > 0 else Expected()
        case []:
            return Expected()
        case "from_source":
            values = _values_in_source(context.facts.source, output.partition_field)
            return _listed(list(values), output.partition_field) if values else Expected()
        case str():
            filled = fill(declared, batch)
            return _listed([filled], output.partition_field) if filled else Expected()
        case list():
            written = [fill(str(one), batch) for one in declared]
            filled_values = [one for one in written if one is not None]
            if len(filled_values) < len(written):
                return Expected(count=len(declared))
            return _listed(filled_values, output.partition_field)


def _listed(written: list[str], field: str | None) -> Expected:
    values = tuple(dict.fromkeys(_value(one, field) for one in written))
    fields = tuple(_fields(one, field) for one in dict.fromkeys(written))
    return Expected(count=len(values), values=values, fields=fields if all(fields) else ())


def _fields(text: str, field: str | None) -> dict[str, str]:
    """Read ``a=1/b=2``; a bare value is that of the declared field."""
    pairs = [piece.partition("=") for piece in text.split("/")]
    if all(separator for _, separator, _ in pairs):
        return {name: value for name, _, value in pairs}
    return {field: text} if field is not None else {}


def _value(text: str, field: str | None) -> str:
    """Take the value of the partition field out of ``field=value`` or ``a=1/field=value``."""
    for piece in text.split("/"):
        name, separator, value = piece.partition("=")
        if separator and field is not None and name == field:
            return value
    return text


def _values_in_source(source: Listing | None, field: str | None) -> tuple[str, ...] | None:
    """Find the partition values that a complete listing of the input names in its keys (``field=value/``)."""
    if source is None or not source.complete or field is None:
        return None
    found = {
        piece.partition("=")[2]
        for file in source.files
        for piece in file.uri.split("/")[:-1]
        if piece.partition("=")[0] == field
    }
    return tuple(sorted(found)) or None


def partition_of(partition: dict[str, str | None], field: str | None) -> str:
    """Name one file's partition: the declared field's value, or all of them as ``a=1/b=2``."""
    if field is not None and field in partition:
        return str(partition[field])
    if len(partition) == 1 and field is None:
        return str(next(iter(partition.values())))
    return "/".join(f"{name}={value}" for name, value in partition.items())


def partitions_of(files: Iterable[DataFile], field: str | None) -> frozenset[str]:
    """Name the partitions that data files were added to."""
    return frozenset(partition_of(file.partition, field) for file in files if file.status == 1 and file.content == 0)


def touched(files: Iterable[DataFile]) -> frozenset[tuple[tuple[str, str | None], ...]]:
    """Give the full partition tuples that files were added to or deleted from."""
    return frozenset(tuple(sorted(file.partition.items())) for file in files if file.status in {1, 2})
