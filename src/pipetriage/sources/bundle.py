"""The incident bundle: a run's evidence as files in their native shapes (design section 6)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipetriage.errors import BundleError, SourceError
from pipetriage.model.evidence import Collected, Gap, Observation, Role, RunTarget, Signal, TableKey
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.times import parse_time
from pipetriage.settings import SettleSettings
from pipetriage.sources.counting import counting, has_read
from pipetriage.sources.delta import read_delta_log
from pipetriage.sources.eventlog import EventLog
from pipetriage.sources.files import is_text, read_json, read_json_lines, within
from pipetriage.sources.logs import FileLog, is_log_name

BUNDLE_VERSION = 1
EPOCH_OF_NO_TIME = datetime(1971, 1, 1, tzinfo=UTC)
"""Stands for "not said": before every run, so that nothing is proven by it."""

_JSON_FILES: dict[str, Signal] = {
    "glue/job_run.json": Signal.JOB_RUN,
    "glue/job_runs.json": Signal.JOB_RUNS,
    "glue/job.json": Signal.JOB,
    "glue/job_bookmark.json": Signal.BOOKMARK,
    "glue/data_quality_ruleset.json": Signal.QUALITY_RULESET,
    "control/rows.json": Signal.CONTROL,
    "data_quality/results.json": Signal.QUALITY,
    "s3/source.json": Signal.SOURCE_LISTING,
    "s3/source.previous.json": Signal.PREVIOUS_SOURCE_LISTING,
    "cloudwatch/metrics.json": Signal.METRICS,
    "source/schema.json": Signal.SOURCE_SCHEMA,
    "history.json": Signal.HISTORY,
    "deployments.json": Signal.DEPLOYMENTS,
    "athena/queries.json": Signal.QUERIES,
    "lakeformation/permissions.json": Signal.LAKE_PERMISSIONS,
    "cloudtrail/events.json": Signal.AUDIT_TRAIL,
    "orchestrator/cause.json": Signal.ORCHESTRATOR,
}
# Where a table's files lie: under the short names for one target and one staging table, …
_ROLE_FILES: dict[str, Signal] = {
    "s3/{role}.json": Signal.TABLE_LISTING,
    "iceberg/{role}.metadata.json": Signal.ICEBERG_METADATA,
    "iceberg/{role}.entries.jsonl": Signal.ICEBERG_ENTRIES,
    "hudi/{role}.timeline.json": Signal.HUDI_TIMELINE,
    "delta/{role}/_delta_log": Signal.DELTA_LOG,
}
# … or in a folder of their own.
_TABLE_FILES: dict[str, Signal] = {
    "table.json": Signal.TABLE,
    "metadata.json": Signal.ICEBERG_METADATA,
    "entries.jsonl": Signal.ICEBERG_ENTRIES,
    "listing.json": Signal.TABLE_LISTING,
    "timeline.json": Signal.HUDI_TIMELINE,
    "delta_log": Signal.DELTA_LOG,
}
FILE_OF: dict[Signal, str] = {signal: path for path, signal in _JSON_FILES.items()} | {
    Signal.LINEAGE: "lineage/events.jsonl"
}
"""Where a bundle keeps each document that is not a table's."""
TABLE_FILE_OF: dict[Signal, str] = {signal: name for name, signal in _TABLE_FILES.items()}
"""The same within a table's folder, ``tables/<role>/<db.table>/``."""
_ROLES: tuple[Role, ...] = ("target", "staging")


class _FileNote(msgspec.Struct, frozen=True):
    uri: str | None = None
    locator: str | None = None
    observed_at: Any = None
    complete: bool | None = None
    run_id: str | None = None
    """The run whose event log this is."""


class _RunNote(msgspec.Struct, frozen=True):
    job_name: str | None = None
    job_run_id: str | None = None
    batch_id: str | int | None = None
    account: str = ""
    region: str = ""


class _GapNote(msgspec.Struct, frozen=True):
    source: str
    reason: str = "said by the bundle"
    effect: str = ""
    fix: str = ""


class _Manifest(msgspec.Struct, frozen=True):
    bundle_version: int
    run: _RunNote
    captured_at: Any = None
    pipeline: Pipeline = Pipeline()
    files: dict[str, _FileNote] = {}
    gaps: list[_GapNote] = []
    settle_seconds: float | None = None
    """Set when an embedded source was captured; a bundle from a cloud leaves it out."""
    clock_skew_seconds: float | None = None
    not_asked: list[str] = []
    """Signals that the captured source does not have, or ``signal:table``, so that their absence is no gap."""
    tables: dict[str, str] = {}
    """The names of tables whose folders cannot be named after them: ``tables/<role>/<folder>`` to name."""


class _Part(NamedTuple):
    path: str
    signal: Signal
    table: TableKey | None


class BundleCollector:
    """Reads one bundle folder."""

    def __init__(self, folder: Path, settle: SettleSettings, *, log_bytes: int | None = None) -> None:
        self._folder = folder
        self._settle = settle
        self._log_bytes = log_bytes

    def collect(self) -> Collected:
        """Read every file of the bundle; whatever is absent or unreadable becomes a gap.

        Raises:
            BundleError: there is no readable ``bundle.json`` of a known version that names the run.
        """
        with counting() as count:
            collected = self._collect()
        return msgspec.structs.replace(collected, bytes_read=count.bytes)

    def _collect(self) -> Collected:
        manifest, unknown = _read_manifest(self._folder)
        captured_at = parse_time(manifest.captured_at)
        gaps = [Gap(source=note.source, reason=note.reason, effect=note.effect, fix=note.fix) for note in manifest.gaps]
        gaps += [Gap(source="declaration", reason=f"bundle.json: pipeline has no setting {key!r}") for key in unknown]
        if captured_at is None:
            # Without a time, nothing proves that the bundle was taken after the run ended.
            captured_at = EPOCH_OF_NO_TIME
            gaps.append(Gap(source="bundle", reason="bundle.json has no readable captured_at"))
        observations: list[Observation] = []
        for seen in self._read_all(manifest, captured_at):
            if isinstance(seen, Gap):
                gaps.append(seen)
            else:
                observations.append(seen)
        batch_id = manifest.run.batch_id
        settle, skew = manifest.settle_seconds, manifest.clock_skew_seconds
        return Collected(
            run=RunTarget(
                job_name=manifest.run.job_name or manifest.pipeline.glue_job or manifest.pipeline.name,
                job_run_id=manifest.run.job_run_id or _run_id(observations, self._folder),
                batch_id=None if batch_id is None else str(batch_id),
                account=manifest.run.account,
                region=manifest.run.region,
            ),
            pipeline=manifest.pipeline,
            captured_at=captured_at,
            settle_seconds=self._settle.cloud_seconds if settle is None else settle,
            clock_skew_seconds=self._settle.clock_skew_seconds if skew is None else skew,
            origin=f"bundle {self._folder.name or self._folder}",
            observations=tuple(observations),
            gaps=tuple(gaps),
            live=False,
        )

    def _read_all(self, manifest: _Manifest, captured_at: datetime) -> Iterator[Observation | Gap]:
        for part in self._parts(manifest.pipeline, manifest.tables):
            note = manifest.files.get(part.path, _FileNote())
            try:
                payload, complete = self._read(part)
            except SourceError as error:
                unasked = {str(part.signal), _source_name(part)} & set(manifest.not_asked)
                if unasked and not (self._folder / part.path).exists():
                    continue
                name = part.path.rsplit("/", 1)[-1]
                reason = str(error) if part.path in str(error) else str(error).replace(name, part.path, 1)
                yield Gap(source=_source_name(part), reason=reason)
                continue
            yield Observation(
                signal=part.signal,
                payload=payload,
                locator=note.locator or note.uri or part.path,
                observed_at=parse_time(note.observed_at) or captured_at,
                uri=note.uri,
                complete=complete and note.complete is not False,
                table=part.table,
                run_id=note.run_id,
            )

    def _parts(self, pipeline: Pipeline, tables: dict[str, str]) -> Iterator[_Part]:
        """List every place where the bundle may hold evidence, present or not."""
        for path, signal in _JSON_FILES.items():
            yield _Part(path, signal, None)
        yield _Part("lineage/events.jsonl", Signal.LINEAGE, None)
        yield _Part("logs", Signal.LOGS, None)
        # One application each: `eventlog`, `eventlog-2.gz`, or a rolling folder `eventlog_v2_…`.
        logs = sorted((self._folder / "spark").glob("eventlog*"))
        yield from (_Part(f"spark/{log.name}", Signal.SPARK_EVENTS, None) for log in logs)
        if not logs:
            yield _Part("spark/eventlog", Signal.SPARK_EVENTS, None)
        names = {role: _declared_name(pipeline, role) for role in _ROLES}
        in_folders = set()
        for role in _ROLES:
            folder = self._folder / "tables" / role
            for table in sorted(folder.iterdir()) if folder.is_dir() else ():
                in_folders.add(role)
                place = f"tables/{role}/{table.name}"
                key = TableKey(role, tables.get(place, table.name))
                yield from (_Part(f"{place}/{name}", signal, key) for name, signal in _TABLE_FILES.items())
        for role in _ROLES:
            for template, signal in _ROLE_FILES.items():
                path = template.format(role=role)
                wanted = role == "target" or names[role] is not None
                if (self._folder / path).exists() or (wanted and role not in in_folders):
                    yield _Part(path, signal, TableKey(role, names[role] or ""))
        if (self._folder / "glue/table.json").exists() or "target" not in in_folders:
            yield _Part("glue/table.json", Signal.TABLE, TableKey("target", names["target"] or ""))

    def _read(self, part: _Part) -> tuple[Any, bool]:
        path = self._folder / part.path
        match part.signal:
            case Signal.LOGS:
                return self._logs(path)
            case Signal.DELTA_LOG if path.is_dir():
                return read_delta_log(path, self._folder), True
        if not path.exists() and not path.is_symlink():
            raise SourceError(f"{part.path} is not in the bundle")
        if part.signal is Signal.SPARK_EVENTS:
            return self._event_log(part, path), True
        if not within(self._folder, path):
            raise SourceError(f"{part.path} is not a plain file inside the bundle: put the file itself there")
        if path.suffix == ".jsonl":
            documents, bad = read_json_lines(path)
            return documents, bad == 0
        return read_json(path), True

    def _event_log(self, part: _Part, path: Path) -> EventLog:
        log = EventLog.at(path)
        has_read(log.size)
        if not all(within(self._folder, file) for file in log.files):
            raise SourceError(f"{part.path} is not inside the bundle: put the file itself there")
        return log

    def _logs(self, folder: Path) -> tuple[FileLog, bool]:
        """Give the log's readable files, and whether those are all."""
        there = [path for path in sorted(folder.rglob("*")) if not path.is_dir() and not path.name.startswith(".")]
        # The rest of a rotated log (driver.log.1), or what is packed otherwise, is there and not read.
        files = tuple(path for path in there if is_log_name(path.name) and within(self._folder, path))
        if not files:
            raise SourceError("logs/ is not in the bundle or holds no .jsonl, .json, .log or .gz file")
        readable = tuple(path for path in files if is_text(path))
        if not readable:
            raise SourceError(f"{files[0].relative_to(self._folder)} is no text: export the log again")
        log = FileLog(folder, readable, most=self._log_bytes)
        has_read(log.size)
        return log, len(readable) == len(there)


def _read_manifest(folder: Path) -> tuple[_Manifest, list[str]]:
    """Read bundle.json; the second value lists the pipeline's keys that no setting goes by."""
    path = folder / "bundle.json"
    if not _is_folder(folder):
        raise BundleError(f"{folder} is not a folder: name a bundle folder (one that holds bundle.json)")
    if not path.exists():
        raise BundleError(f"{folder} has no bundle.json, so it is no bundle: see docs/bundles.md for the format")
    try:
        document = read_json(path)
        if isinstance(document, dict) and document.get("bundle_version") != BUNDLE_VERSION:
            version = document.get("bundle_version")
            raise BundleError(f"{path}: bundle_version is {version!r}, this version reads {BUNDLE_VERSION}")
        manifest = msgspec.convert(document, _Manifest)
    except SourceError as error:
        raise BundleError(f"{folder}: {error}") from error
    except msgspec.ValidationError as error:
        raise BundleError(f"{path}: {error}: correct that field (docs/bundles.md)") from error
    declared = document.get("pipeline", {}) if isinstance(document, dict) else {}
    return manifest, sorted(set(declared) - set(Pipeline.__struct_encode_fields__))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False  # a name that is too long, or holds a NUL


def _run_id(observations: list[Observation], folder: Path) -> str:
    """Take the run id from the JobRun document where bundle.json does not name it."""
    for seen in observations:
        if seen.signal is Signal.JOB_RUN and isinstance(seen.payload, dict):
            run = seen.payload.get("JobRun", seen.payload)
            if isinstance(run, dict) and isinstance(run.get("Id"), str):
                return str(run["Id"])
    raise BundleError(f"{folder / 'bundle.json'}: run.job_run_id is missing: name the run that is triaged")


def _declared_name(pipeline: Pipeline, role: Role) -> str | None:
    return next((output.table for output in pipeline.declared_outputs() if output.role == role), None)


def _source_name(part: _Part) -> str:
    if part.table is None:
        return str(part.signal)
    return f"{part.signal}:{part.table.name or part.table.role}"
