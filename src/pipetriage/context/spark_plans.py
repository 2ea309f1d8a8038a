"""What a SQL plan's nodes say: which tables are scanned and written, by which columns rows are shuffled.

A plan is text that Spark wrote for people; what cannot be read in it is left out. Everything given here is raw: who
keeps it redacts it.
"""

import re
from typing import Any, NamedTuple

import msgspec

from pipetriage.context.reading import items, mapping, mappings, text
from pipetriage.context.spark_records import LARGEST

MAX_NODES = 2000
"""Of one plan; a plan of more is a program that unions in a loop."""
MAX_KEYS = 8
_MAX_METRICS = 64
_MAX_TEXT = 4096
"""Characters of a node's description that are looked at; Spark cuts field lists itself."""

# The names that Spark's operators and Iceberg's Spark runtime give their metrics.
SCAN_METRICS = {
    "number of files read": "files",
    "static number of files read": "files",
    "number of result data files": "files",
    "size of files read": "bytes",
    "static size of files read": "bytes",
    "total data file size (bytes)": "bytes",
    "number of partitions read": "partitions",
    "number of scanned data manifests": "manifests",
    "total planning duration (ms)": "planning_ms",
    "metadata time": "listing_ms",
    "number of output rows": "rows",
}
WRITE_METRICS = {
    "number of written files": "files",
    "written output": "bytes",
    "number of output rows": "rows",
    "number of dynamic part": "partitions",
    "job commit time": "job_commit_ms",
    "task commit time": "task_commit_ms",
}
# Metrics of an exchange that the stage behind it updates, and those of the stage before it.
_READ = frozenset({"records read", "local bytes read", "remote bytes read", "local blocks read", "fetch wait time"})
_WRITTEN = frozenset({"shuffle records written", "shuffle bytes written", "data size"})

_ICEBERG_METRIC = "v2Custom_org.apache.iceberg"
_WRITES = re.compile(
    r"AppendData|Overwrite(?:ByExpression|PartitionsDynamic)|ReplaceData|WriteDelta|DeleteFrom|WriteToDataSourceV2"
    r"|(?:Atomic)?(?:Create|Replace)TableAsSelect"
    r"|Execute (?:InsertInto|CreateDataSourceTableAsSelect|SaveInto|Merge|Delete|Update|Optimize)"
)
# Iceberg names its table so; a file command's first word, or its option, is the path.
_WRITTEN_TABLE = re.compile(r"IcebergWrite\(table=([^,)\s]{1,400})")
_WRITTEN_PATH = re.compile(r"\[path=([^\],]{1,1000})|Command ([^,\s]{1,1000}), (?:true|false)[,\s]")
_LOCATION = re.compile(r"\[([^\],\s]{1,1000})")
_PARTITIONING = re.compile(r"\b(?:hash|range)partitioning\(")
_COLUMN = re.compile(r"([^\s,()#]{1,200})#\d{1,12}L?")
_WHOLE_COLUMN = re.compile(r"([^,()#]{1,200})(?:#\d{1,12}L?)?")
_ORDERING = re.compile(r" (?:ASC|DESC) NULLS (?:FIRST|LAST)$")
_FORMAT = re.compile(r"Scan ([a-z][\w.]{0,40})")

# Plumbing, and what every stage has.
_UNTELLING = re.compile(
    r"(?:WholeStageCodegen|InputAdapter|AQEShuffleRead|ShuffleQueryStage|BroadcastQueryStage|ResultQueryStage|Exchange|Project"
    r"|ColumnarToRow|ReusedExchange|AdaptiveSparkPlan|CustomShuffleReader|Execute |mapPartitionsInternal|WriteFiles)"
)
_OPERATOR = re.compile(r"[A-Za-z]{1,60}")


class Exchange(NamedTuple):
    """A shuffle: its columns, and the accumulators of the stages behind and before it."""

    keys: tuple[str, ...]
    read: tuple[int, ...]
    written: tuple[int, ...]


class Measured(NamedTuple):
    """A scan or a write: what it is, and the accumulators of its numbers by our names."""

    word: str
    what: str
    metrics: dict[str, int]


class Plan(NamedTuple):
    """What is kept of a plan."""

    scans: list[Measured]
    writes: list[Measured]
    exchanges: list[Exchange]
    operators: list[tuple[str, tuple[int, ...]]]
    """The operators that tell what a stage does, outermost first, each with its accumulators."""


class Node(NamedTuple):
    """One node, flat."""

    name: str
    described: str
    metadata: dict[str, Any]
    metrics: list[tuple[str, int, str]]


def nodes_of(plan: Any) -> list[Node]:
    """Give a plan's nodes, outermost first, without recursion."""
    found: list[Node] = []
    waiting = [mapping(plan)]
    while waiting and len(found) < MAX_NODES:
        node = waiting.pop()
        waiting.extend(reversed(list(mappings(node, "children"))[:MAX_NODES]))
        metrics = []
        for metric in items(node, "metrics")[:_MAX_METRICS]:
            read = mapping(metric)
            number, name = read.get("accumulatorId"), read.get("name")
            if isinstance(name, str) and isinstance(number, int) and 0 <= number <= LARGEST:
                metrics.append((name, int(number), text(read, "metricType") or ""))
        name, described = (text(node, key) or "" for key in ("nodeName", "simpleString"))
        found.append(Node(name[:400], described[:_MAX_TEXT], dict(mapping(node, "metadata")), metrics))
    return found


def decode_plan(raw: bytes | memoryview) -> list[Node]:
    """Decode ``sparkPlanInfo``; nothing where it is no JSON or nested beyond reason."""
    try:
        return nodes_of(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def read_plan(nodes: list[Node]) -> Plan:
    """Read the nodes."""
    plan = Plan([], [], [], [])
    for node in nodes:
        ids = {name: number for name, number, _ in node.metrics}
        if node.name.startswith(("Exchange", "ReusedExchange")):
            read = tuple(number for name, number in ids.items() if name in _READ)
            plan.exchanges.append(
                Exchange(keys_of(node), read, tuple(number for name, number in ids.items() if name in _WRITTEN))
            )
        elif _WRITES.match(node.name):
            metrics = {WRITE_METRICS[name]: number for name, number in ids.items() if name in WRITE_METRICS}
            plan.writes.append(Measured(node.name.strip(), written_to(node), metrics))
        elif _is_scan(node.name):
            metrics = {SCAN_METRICS[name]: number for name, number in ids.items() if name in SCAN_METRICS}
            plan.scans.append(Measured(format_of(node), scanned(node), metrics))
        if (operator := operator_of(node.name)) and ids:
            plan.operators.append((operator, tuple(ids.values())))
    return plan


def operator_of(name: str) -> str:
    """Give an operator's own word (``Scan parquet lake.orders`` is a ``Scan``); empty for plumbing."""
    found = None if _UNTELLING.match(name) else _OPERATOR.match(name)
    return found[0] if found else ""


def _is_scan(name: str) -> bool:
    return name.startswith(("Scan ", "BatchScan", "FileScan", "MicroBatchScan")) and not name.startswith(
        ("Scan ExistingRDD", "Scan OneRowRelation", "Scan In-memory")
    )


def keys_of(node: Node) -> tuple[str, ...]:
    """Give the columns in an exchange's ``hashpartitioning(customer_id#2L, 200)``; those in an expression too."""
    found = _PARTITIONING.search(node.described)
    if found is None:
        return ()
    keys: list[str] = []
    for argument in _arguments(node.described, found.end())[:-1]:
        whole = _WHOLE_COLUMN.fullmatch(_ORDERING.sub("", argument))
        keys += [whole[1]] if whole else _COLUMN.findall(argument)
    return tuple(dict.fromkeys(keys))[:MAX_KEYS]


def _arguments(described: str, start: int) -> list[str]:
    """Split a call's arguments, from behind its opening bracket to its closing one."""
    found: list[str] = []
    depth, begin = 0, start
    for position in range(start, len(described)):
        match described[position]:
            case "(":
                depth += 1
            case ")" if depth == 0:
                return [*found, described[begin:position].strip()]
            case ")":
                depth -= 1
            case "," if depth == 0:
                found.append(described[begin:position].strip())
                begin = position + 1
    return []


def format_of(node: Node) -> str:
    """Give a scan's format, lower case; empty where neither name nor metrics tell."""
    if any(kind.startswith(_ICEBERG_METRIC) for _, _, kind in node.metrics):
        return "iceberg"
    said = text(node.metadata, "Format")
    found = _FORMAT.match(node.name)
    return (said or (found[1] if found else "")).lower()[:40]


def scanned(node: Node) -> str:
    """Give what a scan reads: its table where the name tells, else its first location."""
    words = node.name.split()
    named = words[-1] if len(words) > 1 and "." in words[-1] else ""
    location = _LOCATION.search(text(node.metadata, "Location") or "")
    return named or (location[1] if location else " ".join(words[1:]))


def written_to(node: Node) -> str:
    """Give the table or path of a write; empty where the plan does not name it."""
    table = _WRITTEN_TABLE.search(node.described)
    path = None if table else _WRITTEN_PATH.search(node.described)
    return table[1] if table else (path[1] or path[2] if path else "")


def essence(node: Node) -> dict[str, Any]:
    """Give the node with only what ``read_plan`` reads of it, and reads there again alike; for a captured bundle."""
    described = ""
    if node.name.startswith(("Exchange", "ReusedExchange")) and (keys := keys_of(node)):
        described = f"hashpartitioning({', '.join(keys)}, 0)"
    elif _WRITES.match(node.name) and (where := written_to(node)):
        described = f"IcebergWrite(table={where})" if _WRITTEN_TABLE.search(node.described) else f"[path={where}]"
    metadata = {"Format": said} if (said := text(node.metadata, "Format")) else {}
    if location := _LOCATION.search(text(node.metadata, "Location") or ""):
        metadata["Location"] = f"[{location[1]}]"
    metrics = [{"name": name, "accumulatorId": number, "metricType": kind} for name, number, kind in node.metrics]
    found: dict[str, Any] = {"nodeName": node.name, "simpleString": described, "metadata": metadata, "metrics": metrics}
    return {key: value for key, value in found.items() if value}
