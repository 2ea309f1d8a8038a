"""OpenLineage run events about some tables and jobs: JSON lines in S3, or what a Marquez server has received."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pipetriage.errors import SourceError
from pipetriage.model.datasets import jobs_of, normal_name, spellings_of
from pipetriage.model.times import parse_time
from pipetriage.sources.local_files import Answer

if TYPE_CHECKING:
    # An extra: a Marquez server is read without it.
    from pipetriage.aws.session import AwsSession

MAX_OBJECTS = 300
"""Objects read, newest first; OpenLineage's S3 transport writes one an event."""
MAX_OBJECT_BYTES = 32 * 1024 * 1024
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""What one object may unpack to: a gzip file can hold a thousand times its size."""
MAX_EVENTS = 20_000
"""Events about the tables that are kept, newest first."""
MAX_STEPS = 9
"""How far away from the tables runs are kept: one step more than readers are followed (verdict/exposed_by_lineage)."""
AT_ONCE = 8
"""Objects read at the same time."""

_GZIP = b"\x1f\x8b"
_FILES = (".json", ".jsonl", ".ndjson", ".gz")


def lineage_events(
    aws: "AwsSession | None",
    url: str,
    around: Iterable[str],
    since: datetime,
    *,
    until: datetime | None = None,
    api_key: str | None = None,
) -> Answer:
    """Give all events of the runs that read, wrote or are one of these tables, locations or jobs, oldest first.

    ``url`` is a folder or file in S3, or the address of a Marquez server (``https://marquez:5000``), which is given
    ``api_key`` if there is one. ``around`` are names (``sales.orders``, ``s3://lake/sales.db/orders``, a job's name);
    without any, all events are kept. No event of a table is an answer: nobody told of one.

    Raises:
        SourceError: the events cannot be read, or the address is of no such kind.
        CredentialsError: AWS does not know us.
    """
    if url.startswith(("http://", "https://")):
        from pipetriage.sources.marquez import marquez_events

        events, complete = marquez_events(url, since, until, api_key)
    elif url.startswith(("s3://", "s3a://")):
        if aws is None:
            raise SourceError(f"the lineage events are in {url}, and no AWS account is read")
        events, complete = _stored_events(aws, url, since)
    else:
        raise SourceError(
            "lineage events are read from s3://… or from a Marquez server, http(s)://…: correct the address"
        )
    kept = _about(events, around)
    kept.sort(key=_event_seconds)
    cut = len(kept) > MAX_EVENTS
    return Answer(kept[-MAX_EVENTS:], url.partition("?")[0], complete=complete and not cut)


def _event_seconds(event: Mapping[str, Any]) -> float:
    at = parse_time(event.get("eventTime"))
    return at.timestamp() if at else 0.0


# In S3


def _stored_events(aws: "AwsSession", url: str, since: datetime) -> tuple[list[dict[str, Any]], bool]:
    from pipetriage.sources.s3 import place_of

    keys, complete = _keys(aws, url, since)
    bucket = place_of(url).bucket

    def read(key: str) -> tuple[list[dict[str, Any]], bool] | SourceError:
        try:
            return _events_of(aws, f"s3://{bucket}/{key}")
        except SourceError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(read, keys))
    refused = [one for one in answers if isinstance(one, SourceError)]
    if refused and len(refused) == len(answers):
        raise refused[0]
    told = [one for one in answers if not isinstance(one, SourceError)]
    whole = complete and not refused and all(readable for _, readable in told)
    return [event for events, _ in told for event in events], whole


def _keys(aws: "AwsSession", url: str, since: datetime) -> tuple[list[str], bool]:
    """Name the objects written since then, newest first, and tell whether those are all."""
    from pipetriage.sources.s3 import listing, place_of

    if url.endswith(_FILES):
        return [place_of(url).prefix], True
    found = listing(aws, url)
    recent = [
        (at, str(one["Key"]))
        for one in found.payload.get("Contents", ())
        if one.get("Size") and (at := parse_time(one.get("LastModified"))) is not None and at >= since
    ]
    recent.sort(reverse=True)
    return [key for _, key in recent[:MAX_OBJECTS]], found.complete and len(recent) <= MAX_OBJECTS


def _events_of(aws: "AwsSession", uri: str) -> tuple[list[dict[str, Any]], bool]:
    """Read an object's events, and tell whether all of it could be read: a torn line may be the reader that matters."""
    from pipetriage.sources.s3_objects import object_bytes

    data = object_bytes(aws, uri, MAX_OBJECT_BYTES)
    if data.startswith(_GZIP):
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_UNPACKED_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{uri} is no gzip file ({error})") from error
        if len(data) > MAX_UNPACKED_BYTES:
            raise SourceError(f"{uri} unpacks to more than the {MAX_UNPACKED_BYTES} bytes that are read")
    documents, readable = _documents(data)
    if not documents and not readable:
        raise SourceError(f"{uri} holds no line of JSON: write one event a line")
    return [one for one in documents if isinstance(one, dict)], readable


def _documents(data: bytes) -> tuple[list[Any], bool]:
    """Read one event, a list of them, or one a line; and tell whether every line could be read."""
    try:
        document = msgspec.json.decode(data)
        return (document if isinstance(document, list) else [document]), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # several lines are no one document
    documents: list[Any] = []
    readable = True
    for line in data.splitlines():
        try:
            documents += [msgspec.json.decode(line)] if line.strip() else []
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            readable = False
    return documents, readable


# Which of them matter


def _about(events: Iterable[dict[str, Any]], around: Iterable[str]) -> list[dict[str, Any]]:
    """Keep all events of each run that names one of the tables or jobs in any: inputs may come with the last only.

    Then those of the runs that read what these wrote, and so on: what was made of partial data is partial, too.
    """
    wanted = frozenset(name for one in around for name in _spellings(one))
    named = list(events)
    if not wanted:
        return named
    runs: set[str] = set()
    for _ in range(MAX_STEPS):
        found = {_run_id(event) for event in named if _run_id(event) not in runs and _concerns(event, wanted)} - {""}
        if not found:
            break
        runs |= found
        wrote = [{"outputs": event.get("outputs")} for event in named if _run_id(event) in found]
        wanted = frozenset(name for one in wrote for name in _table_names(one) if name)
    return [event for event in named if _run_id(event) in runs]


def _concerns(event: Mapping[str, Any], wanted: frozenset[str]) -> bool:
    job = event.get("job")
    name = normal_name(str(job.get("name") or "")) if isinstance(job, dict) else ""
    if any(one in wanted for one in jobs_of(name)):
        return True
    return any(spelling in wanted for name in _table_names(event) for spelling in spellings_of(name))


def _run_id(event: Mapping[str, Any]) -> str:
    run = event.get("run")
    return str(run.get("runId") or "") if isinstance(run, dict) else ""


def _table_names(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield every name of the event's tables: one in Glue's catalog is only a symlink of its location in S3."""
    for side in ("inputs", "outputs"):
        for dataset in _members(event.get(side)):
            namespace, name = str(dataset.get("namespace") or ""), str(dataset.get("name") or "")
            yield normal_name(name)
            if "://" in namespace:
                yield normal_name(f"{namespace.rstrip('/')}/{name.lstrip('/')}")
            facets = dataset.get("facets")
            links = facets.get("symlinks") if isinstance(facets, dict) else None
            for link in _members(links.get("identifiers") if isinstance(links, dict) else None):
                linked = normal_name(str(link.get("name") or ""))
                yield linked.removeprefix("table/").replace("/", ".") if linked.startswith("table/") else linked


def outputs_of(events: Iterable[Mapping[str, Any]], job: str) -> list[tuple[str | None, str]]:
    """List what a job's events name as outputs: ``database.table`` where they say so, and the name they have there."""
    wanted, found = normal_name(job), dict[tuple[str | None, str], None]()
    for event in events:
        named = event.get("job")
        name = normal_name(str(named.get("name") or "")) if isinstance(named, dict) else ""
        if name != wanted and not name.startswith(f"{wanted}."):
            continue
        for dataset in _members(event.get("outputs")):
            alone = {"outputs": [dataset]}
            tables = [one for one in _table_names(alone) if one.count(".") in (1, 2) and "/" not in one]
            place = f"{str(dataset.get('namespace') or '').rstrip('/')}/{str(dataset.get('name') or '').lstrip('/')}"
            table = ".".join(tables[-1].split(".")[-2:]) if tables else None
            found[(table, place)] = None
    return list(found)


def _members(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _spellings(name: str) -> Iterator[str]:
    """Yield a wanted name, and a table's without the catalog that an engine puts before it."""
    normal = normal_name(name)
    if normal:
        yield normal
    if normal.count(".") == 2 and "/" not in normal:
        yield normal.partition(".")[2]
