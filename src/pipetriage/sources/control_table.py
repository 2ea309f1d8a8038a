"""The control table, wherever it lives: DynamoDB, the Glue catalog, or any database that SQLAlchemy reaches.

Only the columns that the declaration maps are read, as rows of plain values, oldest first.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import asdict

from pipetriage.errors import SourceError
from pipetriage.model.pipeline import Control
from pipetriage.model.times import parse_time
from pipetriage.sources.control_wanted import Wanted
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer

if TYPE_CHECKING:
    # An extra: a control table in a database is read without it.
    from pipetriage.aws.session import AwsSession

MAX_BATCHES = 25
"""Batches that are asked for one by one."""
MAX_PAGES = 10
"""Pages of a query or scan, of up to 1 MB each (DynamoDB API reference): a scan reads the pipeline's own capacity."""

_DYNAMODB, _GLUE = "dynamodb", "glue"


def control_rows(
    aws: "AwsSession | None",
    declared: Control,
    base: Path,
    *,
    batches: Sequence[str] = (),
    only: Mapping[str, str] | None = None,
) -> Answer:
    """Read the declared control table's rows, oldest first.

    ``declared.location`` is ``dynamodb`` or ``glue``, each with ``:REGION`` where it is another, or a SQLAlchemy URL; a
    SQLite file's path is relative to ``base``. ``batches`` are the batch ids that matter, the triaged run's first:
    where the table's keys allow it, DynamoDB is asked for their rows alone. Leave it empty where the batch id itself is
    read from the control table. ``only`` names a shared table's columns with the values that this pipeline's rows have
    in them.

    Raises:
        SourceError: the table is not there or may not be read, or the declaration does not say which it is.
        MissingExtraError: it is of Parquet files or Iceberg, and what reads those is not installed.
        CredentialsError: AWS does not know us.
    """
    columns, only = declared.columns, dict(only or {})
    if not declared.location or not declared.table:
        raise SourceError("the control table's place (control.location) or name (control.table) is not declared")
    names = tuple(dict.fromkeys((*asdict(columns).values(), *only)))
    wanted = Wanted(names, columns.batch_id, columns.updated_at, tuple(batches)[:MAX_BATCHES], only)
    service, _, region = declared.location.partition(":")
    if service == _DYNAMODB and not region.startswith("//"):
        if aws is None:
            raise SourceError("the control table is in DynamoDB, and no AWS account is read")
        answer = _dynamodb_rows(aws, declared.table, region or None, wanted)
    elif service == _GLUE and not region.startswith("//"):
        if aws is None:
            raise SourceError("the control table is in the Glue catalog, and no AWS account is read")
        # Parquet and Iceberg need extras.
        from pipetriage.sources.control_catalog import catalog_rows

        answer = catalog_rows(aws, declared.table, region or None, wanted)
    else:
        # SQLAlchemy takes a tenth of a second to import.
        from pipetriage.sources.control_database import database_rows

        answer = database_rows(declared.location, declared.table, base, wanted)
    return answer._replace(payload=sorted(answer.payload, key=lambda row: _age(row, columns.updated_at)))


def _age(row: Mapping[str, Any], updated_at: str) -> float:
    at = parse_time(row.get(updated_at))
    return at.timestamp() if at else 0.0


class _Key(NamedTuple):
    """A partition key whose values are known."""

    index_name: str | None
    column: str
    kind: str
    """``S`` or ``N``, DynamoDB's names of text and numbers."""
    values: tuple[str, ...]


def _dynamodb_rows(aws: "AwsSession", table: str, region: str | None, wanted: Wanted) -> Answer:
    client = aws.client("dynamodb", region)
    with aws.calling(f"dynamodb:DescribeTable {table}"):
        description = client.describe_table(TableName=table)["Table"]
    key = next(_keys(description, wanted), None)
    names = {f"#c{number}": column for number, column in enumerate(wanted.columns)}
    request = {
        "TableName": table,
        "ProjectionExpression": ", ".join(names),
        "ExpressionAttributeNames": names,
    }
    items: list[Any] = []
    complete = True
    for more in _queries(key, names) if key else ({},):
        found, whole = _pages(aws, client.query if key else client.scan, request | more)
        items += found
        complete = complete and whole
    rows = [row for item in items if wanted.takes(row := {name: _value(one) for name, one in item.items()})]
    place = f", index {key.index_name}" if key and key.index_name else ""
    call = f"dynamodb:{'Query' if key else 'Scan'}"
    return Answer(rows, f"{call} of {table}{place}", complete=complete)


def _keys(description: Mapping[str, Any], wanted: Wanted) -> Iterator[_Key]:
    """Yield the table's own key and those of its indexes that hold whole rows, as far as their values are known."""
    kinds = {one["AttributeName"]: one["AttributeType"] for one in description.get("AttributeDefinitions", ())}
    known: dict[str, tuple[str, ...]] = {column: (value,) for column, value in wanted.only.items()}
    if wanted.batches:
        known[wanted.batch] = wanted.batches
    indexes = [
        (one["IndexName"], one["KeySchema"])
        for one in description.get("GlobalSecondaryIndexes", ())
        if one.get("Projection", {}).get("ProjectionType") == "ALL" and one.get("IndexStatus") == "ACTIVE"
    ]
    for index, schema in [(None, description.get("KeySchema", ())), *indexes]:
        column = next((one["AttributeName"] for one in schema if one["KeyType"] == "HASH"), None)
        values, kind = known.get(column or "", ()), kinds.get(column, "")
        if column and values and (kind == "S" or (kind == "N" and all(value.isdecimal() for value in values))):
            yield _Key(index, column, kind, values)


def _queries(key: _Key, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    alias = next(alias for alias, column in names.items() if column == key.column)
    for value in key.values:
        query = {
            "KeyConditionExpression": f"{alias} = :value",
            "ExpressionAttributeValues": {":value": {key.kind: value}},
        }
        # A row written a moment ago must not be missed; an index cannot promise that.
        yield query | ({"IndexName": key.index_name} if key.index_name else {"ConsistentRead": True})


def _pages(aws: "AwsSession", method: Any, request: Mapping[str, Any]) -> tuple[list[Any], bool]:
    items: list[Any] = []
    more: dict[str, Any] = {}
    for _ in range(MAX_PAGES):
        with aws.calling(f"dynamodb:{method.__name__.title()} of {request['TableName']}"):
            page = method(**request, **more)
        items += page.get("Items", ())
        if not page.get("LastEvaluatedKey"):
            return items, True
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return items, False


def _value(attribute: Mapping[str, Any]) -> Any:
    """Give the plain value of a DynamoDB attribute (``{"N": "3"}``)."""
    kind: str
    value: Any
    kind, value = next(iter(attribute.items()), ("NULL", True))
    match kind:
        case "N":
            return _number(value)
        case "NULL":
            return None
        case "M":
            return {str(name): _value(one) for name, one in value.items()}
        case "L":
            return [_value(one) for one in value]
        case "NS":
            return [_number(one) for one in value]
    return plain(value)


def _number(text: str) -> int | float:
    """Read a number; a whole one exactly, for it may be an id."""
    try:
        return int(text)
    except ValueError:
        return float(text)
