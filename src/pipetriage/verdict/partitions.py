"""Which partitions a batch should write, and which it wrote."""

from collections.abc import Iterable

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.facts import DataFile, Listing
from pipetriage.model.pipeline import Output
from pipetriage.model.templates import fill


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared of a batch's partitions; both None when undeclared."""

    count: int | None = None
    values: tuple[str, ...] | None = None


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
            return Expected(count=len(values), values=values) if values else Expected()
        case str():
            filled = fill(declared, batch)
            return Expected(count=1, values=(_value(filled, output.partition_field),)) if filled else Expected()
        case list():
            filled_values = [fill(str(one), batch) for one in declared]
            if any(one is None for one in filled_values):
                return Expected(count=len(declared))
            listed = tuple(dict.fromkeys(_value(one or "", output.partition_field) for one in filled_values))
            return Expected(count=len(listed), values=listed)


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
