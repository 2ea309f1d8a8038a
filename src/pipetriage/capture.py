"""Writes what was collected of a run as a bundle: a folder that triages to the same verdict, with secrets redacted.

Redaction here is that of ``context/build.py``, done before anything reaches the disk. It is idempotent and gives equal
values equal tokens, so that the bundle's own triage, which redacts again, sees what the live one saw.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from pipetriage.context.build import kept_values
from pipetriage.context.log_layouts import starts_record
from pipetriage.context.patterns import SECRET_WORD, TOKEN
from pipetriage.context.reading import mapping, mappings, text
from pipetriage.context.redact import Redactor
from pipetriage.context.spark_cut import cut_event
from pipetriage.errors import SourceError, UsageError
from pipetriage.model.evidence import Collected, Gap, LogEvent, Observation, Signal, TableKey
from pipetriage.sources.bundle import BUNDLE_VERSION, FILE_OF, TABLE_FILE_OF
from pipetriage.sources.bundle_files import BundleFiles, encode

_ARGUMENTS = frozenset({"Arguments", "DefaultArguments", "NonOverridableArguments"})
# Their names are the tables' own columns and keys, whatever these are called.
_OWN_NAMES = frozenset({"partition", "partitionValues", "summary"})
_ENTRY = frozenset(
    {"snapshot_id", "status", "content", "sequence_number", "file_path", "partition", "record_count"}
    | {"file_size_in_bytes"}
)
_BLOCK_LINES = 400
"""Lines of one record redacted together: a secret may be written over several lines (a PEM key)."""
_KEY_BEGINS, _KEY_ENDS = "PRIVATE KEY-----", "-----END"
# A card number has 13 to 16 digits, and may be a number in a control row.
_LEAST_CARD, _PAST_CARD = 10**12, 10**16
# Ids of snapshots, versions and the like, which only look like card numbers now and then.
_TABLE_NUMBER = re.compile(r"(?i)snapshot|version|sequence|timestamp|wap")
_NOT_IN_NAMES = re.compile(r"[^\w.\-]")
_NAME_BYTES = 200


def write_bundle(collected: Collected, folder: Path) -> list[Path]:
    """Write the bundle and give its files. What ends it half way leaves nothing behind.

    Raises:
        UsageError: the folder is not empty, or cannot be written.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty: give a new or empty folder with -o")
        files = BundleFiles(folder)
        try:
            _Writer(collected, files).write()
        except BaseException:
            files.remove()
            raise
    except OSError as error:
        raise UsageError(f"cannot write the bundle {folder}: {error.strerror or error}: give another -o") from error
    return files.written


def keep_bundle(collected: Collected, folder: Path, name: str) -> Path:
    """Keep the bundle of a triage as ``folder/name``, in the place of an earlier one of the same run.

    Raises:
        UsageError: the folder cannot be written.
    """
    kept = folder / _NOT_IN_NAMES.sub("_", name)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryDirectory(dir=folder, prefix=".") as made:
            write_bundle(collected, Path(made) / "new")
            if kept.exists():
                kept.rename(Path(made) / "old")
            (Path(made) / "new").rename(kept)
    except OSError as error:
        raise UsageError(f"cannot keep evidence in {folder}: {error.strerror or error}: set another folder") from error
    return kept


class _Writer:
    """One bundle being written."""

    def __init__(self, collected: Collected, files: BundleFiles) -> None:
        self._collected = collected
        self._files = files
        self._documents = _Documents(Redactor(keep=kept_values(collected) | _batches(collected)))
        self._notes: dict[str, dict[str, Any]] = {}
        self._gaps: list[Gap] = list(collected.gaps)
        self._event_logs = 0
        self._folders: dict[str, TableKey] = {}
        self._taken: set[str] = set()

    def write(self) -> None:
        """Write every file, ``bundle.json`` last: without it, a folder is no bundle."""
        for seen in self._collected.observations:
            path = self._path_of(seen)
            try:
                self._write_one(path, seen)
            except SourceError as error:
                self._files.take_back(path)
                self._gaps.append(Gap(source=_source_of(seen.signal, seen.table), reason=str(error)))
                continue
            note = {
                "uri": seen.uri,
                "locator": seen.locator,
                "observed_at": seen.observed_at,
                "complete": seen.complete,
                "run_id": seen.run_id,
            }
            noted = "logs" if seen.signal is Signal.LOGS else path
            self._notes[noted] = {key: self._documents.plain(one) for key, one in note.items() if one is not None}
        self._files.json("bundle.json", self._manifest())

    def _manifest(self) -> dict[str, Any]:
        collected, plain = self._collected, self._documents.plain
        odd = {place: key.name for place, key in self._folders.items() if place.rsplit("/", 1)[-1] != key.name}
        manifest = {
            "bundle_version": BUNDLE_VERSION,
            "captured_at": collected.captured_at,
            "settle_seconds": collected.settle_seconds,
            "clock_skew_seconds": collected.clock_skew_seconds,
            "run": {key: value for key, value in msgspec.to_builtins(collected.run).items() if value},
            "pipeline": _declared(collected.pipeline, plain),
            "files": self._notes,
            "tables": odd,
            "not_asked": self._not_asked(),
            "gaps": [{key: plain(one) for key, one in msgspec.to_builtins(gap).items() if one} for gap in self._gaps],
        }
        return manifest if odd else {key: value for key, value in manifest.items() if key != "tables"}

    def _not_asked(self) -> list[str]:
        """Name the signals nobody asked for; of one that was asked for another table, this table's."""
        seen = self._collected.observations
        asked = {gap.source for gap in self._gaps} | {_source_of(one.signal, one.table) for one in seen}
        signals = {source.partition(":")[0] for source in asked}
        tables = {one.table for one in seen if one.table is not None}
        tables |= {TableKey(one.role, one.table) for one in self._collected.pipeline.declared_outputs()}
        of_tables = {_source_of(signal, key) for key in tables for signal in TABLE_FILE_OF if signal in signals}
        return sorted({str(signal) for signal in Signal if signal not in signals} | (of_tables - asked))

    def _path_of(self, seen: Observation) -> str:
        """Name the file in which a bundle keeps this."""
        if seen.signal is Signal.LOGS:
            return "logs/driver.jsonl"
        if seen.signal is Signal.SPARK_EVENTS:
            self._event_logs += 1
            return f"spark/eventlog-{self._event_logs:02}.gz"
        if seen.table is None:
            return FILE_OF[seen.signal]
        name = _NOT_IN_NAMES.sub("_", seen.table.name).encode()[:_NAME_BYTES].decode(errors="ignore").lstrip(".")
        place = f"tables/{seen.table.role}/{name or seen.table.role}"
        # Two tables whose names come out alike, or two answers about one: each in a folder of its own.
        for folder in (place, *(f"{place}~{number}" for number in range(2, 1000))):
            path = f"{folder}/{TABLE_FILE_OF[seen.signal]}"
            if self._folders.setdefault(folder, seen.table) == seen.table and path not in self._taken:
                break
        self._taken.add(path)
        return path

    def _write_one(self, path: str, seen: Observation) -> None:
        files, documents = self._files, self._documents
        match seen.signal:
            case Signal.LOGS:
                files.lines(path, (_event(event) for event in documents.log(seen.payload)))
            case Signal.SPARK_EVENTS:
                cut = (event for line in seen.payload if (event := cut_event(line)) is not None)
                files.lines(path, (documents.plain(event) for event in cut))
            case Signal.DELTA_LOG if isinstance(seen.payload, Mapping):
                for name, actions in seen.payload.items():
                    self._delta_file(f"{path}/{Path(name).name}", actions)
            case Signal.ICEBERG_ENTRIES if isinstance(seen.payload, list):
                files.lines(path, (documents.entry(one) for one in seen.payload))
            case _ if path.endswith(".jsonl") and isinstance(seen.payload, list):
                files.lines(path, (documents.named(one) for one in seen.payload))
            case Signal.SOURCE_SCHEMA | Signal.TABLE_LISTING | Signal.SOURCE_LISTING | Signal.PREVIOUS_SOURCE_LISTING:
                files.json(path, documents.plain(seen.payload))
            case _:
                files.json(path, documents.named(seen.payload))

    def _delta_file(self, path: str, actions: list[Any] | None) -> None:
        if actions is None:
            # A corrupt file stays one, so that the bundle's triage finds the same gap.
            with self._files.open(path) as file:
                file.write(b"{}\n{\n")
            return
        self._files.lines(path, (self._documents.named(_without_values(action)) for action in actions))


class _Documents:
    """Redacts documents and logs."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # Most texts of a document are names and times that come again and again.
        self._text = lru_cache(maxsize=20_000)(redactor.text)

    def plain(self, value: Any) -> Any:
        """Redact every text in a document by itself."""
        return self._redacted(value, "", by_name=False)

    def named(self, value: Any) -> Any:
        """The same; what a secret's name stands before is a secret whole."""
        return self._redacted(value, "", by_name=True)

    def entry(self, value: Any) -> Any:
        """Redact a manifest entry, without what triage does not read: bounds are rows' own values."""
        if not isinstance(value, Mapping):
            return self.plain(value)
        return self.plain({key: one for key, one in value.items() if key in _ENTRY})

    def _redacted(self, value: Any, name: str, *, by_name: bool) -> Any:
        match value:
            case int() | str() if _TABLE_NUMBER.search(name) and str(value).isdigit():
                return value
            case str():
                return self._argument(name, value) if by_name and SECRET_WORD.search(name) else self._text(value)
            case bytes():
                return f"{len(value)} bytes"
            case int() if by_name and _LEAST_CARD <= value < _PAST_CARD:
                said = self._text(str(value))
                return value if said == str(value) else said
            case Mapping() if name in _ARGUMENTS:
                return {self._text(str(key)): self._argument(str(key), one) for key, one in value.items()}
            case Mapping():
                by_name = by_name and name not in _OWN_NAMES
                # DynamoDB wraps a value in its type: {"password": {"S": "…"}}.
                inner = {key: name if key in ("S", "N") else str(key) for key in value}
                return {
                    self._text(str(key)): self._redacted(one, inner[key], by_name=by_name) for key, one in value.items()
                }
            case list() | tuple():
                return [self._redacted(one, name, by_name=by_name) for one in value]
        return value

    def _argument(self, name: str, value: Any) -> str:
        redacted = isinstance(value, str) and TOKEN.fullmatch(value)
        return str(value) if redacted else self._redactor.arguments({name: value}).popitem()[1]

    def log(self, events: Iterable[LogEvent]) -> Iterator[LogEvent]:
        """Redact a log record by record, each with its continuation lines."""
        blocks: dict[str, list[LogEvent]] = {}
        for event in events:
            event = event._replace(message=event.message.replace("\r\n", "\n").rstrip("\r").replace("\r", " "))
            block = blocks.get(event.stream)
            if block and (starts_record(event.message) or _is_full(block)):
                yield from self._block(blocks.pop(event.stream))
            # Streams may be mixed; only a key that goes on is waited for.
            for stream in [one for one in blocks if one != event.stream and not _in_key(blocks[one])]:
                yield from self._block(blocks.pop(stream))
            blocks.setdefault(event.stream, []).append(event)
        for block in blocks.values():
            yield from self._block(block)

    def _block(self, block: list[LogEvent]) -> Iterator[LogEvent]:
        whole = self._redactor.text("\n".join(event.message for event in block))
        lines = iter(whole.split("\n"))
        spans = [event.message.count("\n") + 1 for event in block]
        if sum(spans) != whole.count("\n") + 1:
            # A value over several lines became one token: the record stays together as one event.
            yield block[0]._replace(message=whole)
            return
        for event, span in zip(block, spans, strict=True):
            yield event._replace(message="\n".join(next(lines) for _ in range(span)))


def _is_full(block: list[LogEvent]) -> bool:
    return len(block) >= (2 * _BLOCK_LINES if len(block) < 2 * _BLOCK_LINES and _in_key(block) else _BLOCK_LINES)


def _in_key(block: list[LogEvent]) -> bool:
    """Whether the record ends inside a private key."""
    for event in reversed(block):
        begins, ends = event.message.rfind(_KEY_BEGINS), event.message.rfind(_KEY_ENDS)
        if begins >= 0 or ends >= 0:
            # "-----END RSA PRIVATE KEY-----" holds the first as well.
            return ends < 0 or "-----BEGIN" in event.message[ends:]
    return False


def _batches(collected: Collected) -> frozenset[str]:
    """Batch ids of all runs: the bundle's own triage reads them where the live one did."""
    declared = collected.pipeline.batch_id
    if declared is None or declared.origin != "argument":
        return frozenset()
    name = declared.name.lstrip("-")
    names = (f"--{name}", name, f"--{name.replace('_', '-')}")
    payloads = [seen.payload for seen in collected.observations if seen.signal in {Signal.JOB_RUN, Signal.JOB_RUNS}]
    runs = [mapping(one, "JobRun") for one in payloads] + [run for one in payloads for run in mappings(one, "JobRuns")]
    return frozenset(batch for run in runs if (batch := text(mapping(run, "Arguments"), *names)))


def _without_values(action: Any) -> Any:
    """Of a Delta file's statistics keep the number of records: the bounds are rows' own values."""
    if not isinstance(action, Mapping):
        return action
    cut = dict(action)
    for kind in ("add", "remove"):
        if statistics := text(mapping(action, kind), "stats"):
            try:
                records = mapping(msgspec.json.decode(statistics)).get("numRecords")
            except (msgspec.DecodeError, RecursionError):
                records = None
            cut[kind] = {**action[kind], "stats": encode({"numRecords": records}).decode()}
    return cut


def _source_of(signal: Signal, table: TableKey | None) -> str:
    return f"{signal}:{table.name or table.role}" if table else str(signal)


def _event(event: LogEvent) -> dict[str, Any]:
    document = {"message": event.message, "logStreamName": event.stream, "logGroupName": event.group}
    return document if event.timestamp is None else {"timestamp": event.timestamp} | document


def _declared(pipeline: Any, redacted: Callable[[Any], Any]) -> dict[str, Any]:
    """Write the declaration without what was left undeclared."""
    document: dict[str, Any] = msgspec.to_builtins(pipeline)
    defaults: dict[str, Any] = msgspec.to_builtins(type(pipeline)())
    # Whom to tell is declared to be told.
    told = {"owners", "consumers"}
    return {
        key: value if key in told else redacted(value) for key, value in document.items() if value != defaults.get(key)
    }
