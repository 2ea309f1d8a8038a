"""Writes what was collected of a run as a bundle: a folder that triages to the same verdict, with secrets redacted.

Redaction here is that of ``context/build.py``, done before anything reaches the disk. It is idempotent and gives equal
values equal tokens, so that the bundle's own triage, which redacts again, sees what the live one saw.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from pipetriage.context.build import kept_values
from pipetriage.context.log_layouts import starts_record
from pipetriage.context.redact import Redactor
from pipetriage.context.spark_events import cut_event
from pipetriage.errors import SourceError, UsageError
from pipetriage.model.evidence import Collected, Gap, LogEvent, Observation, Signal
from pipetriage.sources.bundle import BUNDLE_VERSION, FILE_OF, TABLE_FILE_OF

_ARGUMENTS = frozenset({"Arguments", "DefaultArguments", "NonOverridableArguments"})
_BLOCK_LINES = 400
"""Lines of one record redacted together: a secret may be written over several lines (a PEM key)."""


def write_bundle(collected: Collected, folder: Path) -> list[Path]:
    """Write the bundle and give its files.

    Raises:
        UsageError: the folder is not empty, or cannot be written.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty: give a new or empty folder with -o")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _Writer(collected, folder).write()
    except OSError as error:
        raise UsageError(f"cannot write the bundle {folder}: {error.strerror or error}") from error


class _Writer:
    """One bundle being written."""

    def __init__(self, collected: Collected, folder: Path) -> None:
        self._collected = collected
        self._folder = folder
        self._redactor = Redactor(keep=kept_values(collected))
        self._notes: dict[str, dict[str, Any]] = {}
        self._gaps: list[Gap] = list(collected.gaps)
        self._written: list[Path] = []

    def write(self) -> list[Path]:
        event_logs = 0
        for seen in self._collected.observations:
            event_logs += seen.signal is Signal.SPARK_EVENTS
            path = _path_of(seen, event_logs)
            try:
                self._write_one(path, seen)
            except SourceError as error:
                self._gaps.append(Gap(source=_source_of(seen), reason=str(error)))
                continue
            self._notes[path] = {
                "uri": seen.uri,
                "locator": seen.locator,
                "observed_at": seen.observed_at,
                "complete": seen.complete,
                "run_id": seen.run_id,
            }
        self._json("bundle.json", self._manifest())
        return self._written

    def _manifest(self) -> dict[str, Any]:
        run = self._collected.run
        return {
            "bundle_version": BUNDLE_VERSION,
            "captured_at": self._collected.captured_at,
            "settle_seconds": self._collected.settle_seconds,
            "clock_skew_seconds": self._collected.clock_skew_seconds,
            "run": {key: value for key, value in msgspec.to_builtins(run).items() if value},
            "pipeline": _declared(self._collected.pipeline),
            "files": {
                path: {key: self._redacted(value) for key, value in note.items() if value is not None}
                for path, note in self._notes.items()
            },
            "not_asked": sorted(set(Signal) - self._asked()),
            "gaps": [{"source": gap.source, "reason": self._redactor.text(gap.reason)} for gap in self._gaps],
        }

    def _asked(self) -> set[Signal]:
        gaps = {gap.source.partition(":")[0] for gap in self._gaps}
        answered = {seen.signal for seen in self._collected.observations}
        return answered | {signal for signal in Signal if signal in gaps}

    def _write_one(self, path: str, seen: Observation) -> None:
        match seen.signal:
            case Signal.LOGS:
                self._lines(path, (_event(event) for event in self._log(seen.payload)))
            case Signal.SPARK_EVENTS:
                cut = (event for line in seen.payload if (event := cut_event(line)) is not None)
                self._lines(path, (self._redacted(event) for event in cut))
            case Signal.DELTA_LOG:
                for name, actions in seen.payload.items():
                    self._delta_file(f"{path}/{Path(name).name}", actions)
            case _ if path.endswith(".jsonl"):
                self._lines(path, (self._redacted(document) for document in seen.payload))
            case _:
                self._json(path, self._redacted(seen.payload))

    def _delta_file(self, path: str, actions: list[Any] | None) -> None:
        if actions is None:
            # A corrupt file stays one, so that the bundle's triage finds the same gap.
            with self._open(path) as file:
                file.write(b"{}\n{\n")
            return
        self._lines(path, (self._redacted(action) for action in actions))

    def _log(self, events: Iterable[LogEvent]) -> Iterator[LogEvent]:
        """Redact a log record by record, each with its continuation lines."""
        block: list[LogEvent] = []
        for event in events:
            if block and (
                len(block) >= _BLOCK_LINES or event.stream != block[0].stream or starts_record(event.message)
            ):
                yield from self._block(block)
                block = []
            block.append(event)
        yield from self._block(block)

    def _block(self, block: list[LogEvent]) -> Iterator[LogEvent]:
        if not block:
            return
        whole = self._redactor.text("\n".join(event.message for event in block))
        lines = iter(whole.split("\n"))
        spans = [event.message.count("\n") + 1 for event in block]
        if sum(spans) != whole.count("\n") + 1:
            # A value over several lines became one token: the record stays together as one event.
            yield block[0]._replace(message=whole)
            return
        for event, span in zip(block, spans, strict=True):
            yield event._replace(message="\n".join(next(lines) for _ in range(span)))

    def _redacted(self, value: Any, name: str = "") -> Any:
        """Redact every text in a document; its keys and numbers stay."""
        if isinstance(value, str):
            return self._redactor.text(value)
        if isinstance(value, Mapping):
            if name in _ARGUMENTS:
                return self._redactor.arguments(value)
            return {key: self._redacted(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._redacted(one) for one in value]
        return value

    def _json(self, path: str, document: Any) -> None:
        with self._open(path) as file:
            file.write(msgspec.json.format(_encode(document), indent=1) + b"\n")

    def _lines(self, path: str, documents: Iterable[Any]) -> None:
        with self._open(path) as file:
            for document in documents:
                file.write(_encode(document) + b"\n")

    @contextmanager
    def _open(self, path: str) -> Iterator[IO[bytes]]:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._written.append(target)
        with target.open("wb") as file:
            if not path.endswith(".gz"):
                yield file
                return
            # No name and no time inside, so that the same evidence gives the same bytes.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield packed  # type: ignore[misc]


def _path_of(seen: Observation, event_logs: int) -> str:
    """Name the file in which a bundle keeps this."""
    if seen.signal is Signal.LOGS:
        return "logs/driver.jsonl"
    if seen.signal is Signal.SPARK_EVENTS:
        return f"spark/eventlog-{event_logs:02}.gz"
    if seen.table is not None:
        # A name is a folder here: what could lead elsewhere is replaced, as the reader compares by the dotted name.
        name = seen.table.name.replace("/", "_").replace("\0", "_").lstrip(".") or seen.table.role
        return f"tables/{seen.table.role}/{name}/{TABLE_FILE_OF[seen.signal]}"
    return FILE_OF[seen.signal]


def _source_of(seen: Observation) -> str:
    return f"{seen.signal}:{seen.table.name or seen.table.role}" if seen.table else str(seen.signal)


def _event(event: LogEvent) -> dict[str, Any]:
    document = {"message": event.message, "logStreamName": event.stream, "logGroupName": event.group}
    return document if event.timestamp is None else {"timestamp": event.timestamp} | document


def _declared(pipeline: Any) -> dict[str, Any]:
    """Write the declaration without what was left undeclared."""
    document: dict[str, Any] = msgspec.to_builtins(pipeline)
    defaults: dict[str, Any] = msgspec.to_builtins(type(pipeline)())
    return {key: value for key, value in document.items() if value != defaults.get(key)}


_encode: Callable[[Any], bytes] = msgspec.json.Encoder(enc_hook=str).encode
