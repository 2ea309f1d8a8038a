"""Our one DynamoDB table: its keys and indexes, calls on it as plain values, its errors in our words.

What is kept in it, and why so: dynamodb.py. Only PutItem, UpdateItem, GetItem and Query are called (aws/allowlist.py).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

from pipetriage.aws.guard import OwnResources
from pipetriage.aws.session import Access, AwsSession
from pipetriage.errors import ConfigError, PipetriageError, StoreError

Item = dict[str, Any]
Key = tuple[str, str]

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_AT_ONCE = 8
"""Questions asked at the same time while a list is put together; below the session's connections."""

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_ARN = re.compile(r"arn:[a-z-]+:dynamodb:([a-z0-9-]+):\d{12}:table/[A-Za-z0-9_.-]{3,255}")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")


class Index(NamedTuple):
    """A global secondary index: eventually consistent, and only of items that have both keys."""

    hash: str
    range: str
    projected: tuple[str, ...] | None
    """Attributes beside the keys; None: all of them."""


INDEXES: dict[str, Index] = {
    "by_time": Index("kind", "first_seen", None),
    "by_pipeline": Index("pipeline_name", "first_seen", None),
    "by_id": Index("kind", "incident_id", ()),
    "by_run": Index("job_run_id", "incident_id", ()),
    "by_batch": Index("batch_key", "place", ()),
    "by_fingerprint": Index("fingerprint", "first_seen", ("last_seen",)),
}


def definition(table: str) -> dict[str, Any]:
    """Give CreateTable's parameters: what an administrator creates once. pipetriage itself never does."""
    keys = {"pk", "sk", *(key for index in INDEXES.values() for key in (index.hash, index.range))}
    return {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)],
        "KeySchema": _schema("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {"IndexName": name, "KeySchema": _schema(index.hash, index.range), "Projection": _projection(index)}
            for name, index in INDEXES.items()
        ],
    }


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _projection(index: Index) -> dict[str, Any]:
    if index.projected is None:
        return {"ProjectionType": "ALL"}
    if not index.projected:
        return {"ProjectionType": "KEYS_ONLY"}
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.projected)}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a store URL says: ``dynamodb://TABLE``, ``dynamodb://REGION/TABLE``, or the table's ARN as TABLE."""

    table: str
    region: str | None = None
    ttl_days: int | None = None
    """Days after its last triage until DynamoDB may delete an incident; None: never."""
    profile: str | None = None
    """Profile of the AWS configuration; the store may be in another account than the runs."""
    endpoint_url: str | None = None
    """Another address of DynamoDB: an emulator."""


def parse_place(url: str) -> Place:
    """Read a store URL.

    Raises:
        StoreError: it is none; the message does not repeat it, since it may hold what does not belong there.
    """
    named, _, query = url.partition("://")[2].partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - {"ttl_days", "profile", "endpoint_url"})
    days = options.pop("ttl_days", None)
    arn = _ARN.fullmatch(named)
    region, slash, table = ("", "", named) if arn or "/" not in named else named.partition("/")
    right = (arn or _NAME.fullmatch(table)) and (_REGION.fullmatch(region) if slash else True)
    if unknown or not right or (days is not None and not re.fullmatch(r"[1-9][0-9]{0,4}", days)):
        raise StoreError(
            "the store URL cannot be read: give dynamodb://TABLE or dynamodb://REGION/TABLE, "
            "with ?ttl_days=DAYS, &profile=NAME or &endpoint_url=URL where wanted (docs/stores.md)"
        )
    return Place(table=table, region=arn[1] if arn else region or None, ttl_days=int(days) if days else None, **options)


class OwnTable:
    """The table behind the guard. Items are plain dicts of text, whole numbers, booleans, bytes, lists and dicts."""

    def __init__(self, place: Place) -> None:
        """Open it; nothing is sent yet.

        Raises:
            StoreError: the region or profile is wrong, or no region is named.
        """
        self.name = place.table
        self.place = f"dynamodb://{place.table}"
        with self._our_errors():
            access = Access(region=place.region, profile=place.profile, endpoint_url=place.endpoint_url)
            self._aws = AwsSession(access, OwnResources(table=place.table))
            self._client = self._aws.client("dynamodb")
        if not place.table.startswith("arn:"):
            self.place = f"dynamodb://{self._aws.region}/{place.table}"

    def get(self, key: Key) -> Item | None:
        """Read one item as it is now."""
        with self._calling("GetItem"):
            answer = self._client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
        return plain_item(answer["Item"]) if "Item" in answer else None

    def put(self, item: Item, condition: str = "", values: Mapping[str, Any] | None = None) -> bool:
        """Write one item whole, if the condition (DynamoDB's, names with ``#``) holds of what is there now."""
        said = _expressions({"ConditionExpression": condition}, values or {})
        with self._calling("PutItem"):
            try:
                self._client.put_item(TableName=self.name, Item={k: typed(v) for k, v in item.items()}, **said)
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def put_new(self, item: Item) -> Item | None:
        """Write an item where there is none; otherwise give the one that came first.

        ``token`` in the item tells whose it is: when an answer is lost on the way, botocore asks again, and our own
        item then stands in our way.
        """
        while not self.put(item, "attribute_not_exists(#pk)"):
            there = self.get((item["pk"], item["sk"]))
            # It may be gone again by the time it is read: DynamoDB deletes what has expired.
            if there is not None:
                return None if there["token"] == item["token"] else there
        return None

    def update(
        self,
        key: Key,
        changes: Mapping[str, Any],
        condition: str,
        values: Mapping[str, Any] | None = None,
        *,
        adds: Mapping[str, int] | None = None,
    ) -> Item | None:
        """Set attributes, or remove those that are None, if the condition holds; give the item, or None if not.

        ``adds`` are added to numbers as they are then; one that is not there counts as 0.
        """
        added = {f"add_{name}": number for name, number in (adds or {}).items()}
        sets = ", ".join(f"#{name} = :{name}" for name, value in changes.items() if value is not None)
        removes = ", ".join(f"#{name}" for name, value in changes.items() if value is None)
        sums = ", ".join(f"#{name} :add_{name}" for name in adds or {})
        clauses = [f"{word} {said}" for word, said in (("SET", sets), ("REMOVE", removes), ("ADD", sums)) if said]
        expressions = {"UpdateExpression": " ".join(clauses), "ConditionExpression": condition}
        given = {**{k: v for k, v in changes.items() if v is not None}, **(values or {}), **added}
        said = _expressions(expressions, given)
        with self._calling("UpdateItem"):
            try:
                answer = self._client.update_item(TableName=self.name, Key=_key(key), ReturnValues="ALL_NEW", **said)
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return plain_item(answer["Attributes"])

    def query(
        self,
        value: str,
        index: str | None = None,
        *,
        begins: str | None = None,
        where: Mapping[str, Any] | None = None,
        newest_first: bool = False,
        page: int | None = None,
    ) -> Iterator[Item]:
        """Go through the items under one partition key, by sort key; ``page`` of them are read at a time.

        The table itself is read as it is now, an index as it was a moment ago.
        """
        partition, sort = ("pk", "sk") if index is None else (INDEXES[index].hash, INDEXES[index].range)
        wanted = {f"w_{name}": wish for name, wish in (where or {}).items()}
        expressions = {
            "KeyConditionExpression": f"#{partition} = :hash"
            + (f" AND begins_with(#{sort}, :begins)" if begins else ""),
            "FilterExpression": " AND ".join(f"#{name} = :w_{name}" for name in where or {}),
        }
        said = _expressions(expressions, {"hash": value, **({"begins": begins} if begins else {}), **wanted})
        said |= {"IndexName": index} if index else {"ConsistentRead": True}
        said |= {"Limit": page} if page else {}
        while True:
            with self._calling("Query"):
                answer = self._client.query(TableName=self.name, ScanIndexForward=not newest_first, **said)
            yield from map(plain_item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            said["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    @contextmanager
    def _calling(self, operation: str) -> Iterator[None]:
        with self._our_errors(), self._aws.calling(f"dynamodb:{operation}"):
            yield

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except PipetriageError as error:
            raise StoreError(self._explain(error)) from error

    def _explain(self, error: PipetriageError) -> str:
        said = getattr(error.__cause__, "response", {}).get("Error", {})
        code, message = said.get("Code", ""), said.get("Message", "")
        if code in ("ValidationException", "ResourceNotFoundException") and re.search(r"\bindex\b", message):
            return f"the store {self.place} lacks an index ({message}): create the table as in docs/stores.md"
        if code == "ResourceNotFoundException":
            return (
                f"the store {self.place} is not there: create the table with the command in docs/stores.md, "
                "name another with --store URL, or triage with --no-store"
            )
        if code == "ProvisionedThroughputExceededException":
            return f"the store {self.place} is throttled: give the table on-demand capacity, or more; then try again"
        if isinstance(error, ConfigError):
            return f"the store {self.place} cannot be opened: {error}; its URL may say dynamodb://REGION/TABLE?profile=NAME"
        return f"the store {self.place} cannot be used: {error}"


def each(function: Callable[[_In], _Out], values: Iterator[_In] | list[_In]) -> list[_Out]:
    """Call a function for each value, some at the same time; the answers come in the values' order."""
    values = list(values)
    if len(values) < 2:
        return [function(value) for value in values]
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(values))) as pool:
        return list(pool.map(function, values))


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _expressions(expressions: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the expressions that say something, with the names and values in them.

    Every name is a placeholder, so that none of DynamoDB's reserved words matters.
    """
    said: dict[str, Any] = {kind: text for kind, text in expressions.items() if text}
    names = {name for text in said.values() for name in re.findall(r"#(\w+)", text)}
    if names:
        said["ExpressionAttributeNames"] = {f"#{name}": name for name in names}
    if values:
        said["ExpressionAttributeValues"] = {f":{name}": typed(value) for name, value in values.items()}
    return said


def typed(value: Any) -> dict[str, Any]:
    """Wrap a value in its DynamoDB type."""
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case bytes():
            return {"B": value}
        case list():
            return {"L": [typed(one) for one in value]}
        case dict():
            return {"M": {name: typed(one) for name, one in value.items()}}
    raise TypeError(f"no value of an item: {type(value).__name__}")


def plain_item(item: Mapping[str, Any]) -> Item:
    """Unwrap an item's values."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(wrapped: Mapping[str, Any]) -> Any:
    ((kind, value),) = wrapped.items()
    match kind:
        case "N":
            return int(value)
        case "L":
            return [_plain(one) for one in value]
        case "M":
            return plain_item(value)
    return value
