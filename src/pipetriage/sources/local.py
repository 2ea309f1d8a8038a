"""``local:PIPELINE/RUN``: the embedded sources. Everything is files and SQLite, nothing needs a server.

The payloads are those of a bundle (design section 6), so that a capture of a local run is the same documents.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pipetriage.errors import ConfigError, SourceError, TargetError
from pipetriage.model.evidence import Collected, Gap, Observation, RunTarget, Signal, TableKey
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.model.templates import fill
from pipetriage.settings import LocalSettings
from pipetriage.sources.asking import observe
from pipetriage.sources.counting import counting, has_read
from pipetriage.sources.eventlog import EventLog
from pipetriage.sources.files import is_text, read_json, read_json_lines
from pipetriage.sources.local_database import control_rows, sqlite_path
from pipetriage.sources.local_files import Answer, list_folder, listing_of, local_path, sample_columns
from pipetriage.sources.local_runs import Runs, batch_of, batches_of, entries_start, read_runs
from pipetriage.sources.local_tables import LocalTables
from pipetriage.sources.logs import FileLog

LATEST = "latest"
OTHER_LOG_BYTES = 16 * 1024 * 1024
"""Read of another run's log at most, from its beginning and its end."""
MAX_EVENT_LOGS = 50
"""Event logs read at most, newest runs first: one small read a run, since only few events are decoded."""


class LocalRun:
    """Collects the evidence of one run from the ``[local]`` settings, read-only."""

    def __init__(
        self,
        pipeline: Pipeline,
        run_id: str,
        settings: LocalSettings,
        base: Path,
        *,
        now: Callable[[], datetime],
        log_bytes: int | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._job = pipeline.glue_job or pipeline.name
        self._wanted = run_id
        self._settings = settings
        self._base = base.resolve()
        self._now = now
        self._log_bytes = log_bytes
        self._control_batches: dict[str, str] = {}
        """Run id to batch id, where the control table is declared to name it."""

    def collect(self) -> Collected:
        """Collect afresh.

        Raises:
            TargetError: the run is not in the run history, or there is no readable history.
            ConfigError: a database URL under ``[local]`` is no SQLite file.
        """
        with counting() as count:
            collected = self._collect()
        return msgspec.structs.replace(collected, bytes_read=count.bytes)

    def _collect(self) -> Collected:
        as_of = self._now()
        self._control_batches = self._batches_in_control()
        runs = read_runs(self._setting("runs") / self._job)
        run = self._find(runs)
        run_id, batch_id = str(run["Id"]), self._batch_of(run)
        seen: list[Observation] = []
        gaps: list[Gap] = []
        for answer in self._parts(runs, run, batch_id):
            (seen if isinstance(answer, Observation) else gaps).append(answer)  # type: ignore[arg-type]
        return Collected(
            run=RunTarget(job_name=self._job, job_run_id=run_id, batch_id=batch_id),
            pipeline=self._pipeline,
            captured_at=as_of,
            # One disk and one clock: what was written before a run ended is seen by whoever looks after it.
            settle_seconds=0.0,
            clock_skew_seconds=0.0,
            origin=f"local:{self._pipeline.name}/{run_id}",
            observations=tuple(seen),
            gaps=tuple(gaps),
        )

    def log_of(self, run_id: str) -> Observation | Gap:
        """Read the beginning and the end of another run's log. See ``ReadsOtherLogs``."""
        most = min(self._log_bytes or OTHER_LOG_BYTES, OTHER_LOG_BYTES)
        return next(self._ask(Signal.LOGS, lambda: self._log(run_id, most), run_id=run_id))

    def _parts(self, runs: Runs, run: dict[str, Any], batch_id: str | None) -> Iterator[Observation | Gap]:
        run_id = str(run["Id"])
        yield from self._ask(Signal.LOGS, lambda: self._log(run_id, self._log_bytes))
        yield from self._source(Signal.SOURCE_LISTING, batch_id)
        yield from self._source(Signal.PREVIOUS_SOURCE_LISTING, self._previous_batch(runs, run, batch_id))
        if self._pipeline.source:
            yield from self._ask(Signal.SOURCE_SCHEMA, lambda: self._source_schema(batch_id))
        first = self._first_attempt(runs, batch_id)
        for output in self._pipeline.declared_outputs():
            yield from self._table(output, entries_start(runs, first))
        yield from self._event_logs(runs, first)
        if self._pipeline.control != "none":
            yield from self._ask(Signal.CONTROL, self._control, fix='declare control = {table = …}, or "none"')
        yield from self._ask(Signal.LINEAGE, lambda: self._lines("lineage"))
        if self._pipeline.deployments != "none":
            yield from self._ask(Signal.DEPLOYMENTS, lambda: self._document("deployments"))
        yield from self._ask(Signal.JOB, lambda: self._document("jobs", f"{self._job}.json", wrap="Job"))
        if self._settings.bookmarks or self._with_bookmarks(run):
            yield from self._ask(Signal.BOOKMARK, lambda: self._document("bookmarks", f"{self._job}.json"))
        # Last: a run that began while the tables were read is then seen to be in flight, and one that ended
        # meanwhile ended after the tables were read, so that their silence proves nothing.
        yield from self._history(run_id)

    def _ask(
        self,
        signal: Signal,
        read: Callable[[], Answer],
        *,
        table: TableKey | None = None,
        run_id: str | None = None,
        fix: str = "",
    ) -> Iterator[Observation | Gap]:
        yield from observe(signal, read, self._now, table=table, run_id=run_id, fix=fix)

    # Runs and job

    def _find(self, runs: Runs) -> dict[str, Any]:
        if not runs.documents:
            why = f": {runs.unreadable[0]}" if runs.unreadable else ""
            raise TargetError(f"no run of {self._job} can be read under [local] runs{why}")
        if self._wanted == LATEST:
            return runs.documents[-1]
        for run in runs.documents:
            if run["Id"] == self._wanted:
                return run
        newest = runs.documents[-1]["Id"]
        raise TargetError(f"{self._job} has no run {self._wanted}; its latest is {newest} (or name it 'latest')")

    def _history(self, run_id: str) -> Iterator[Observation | Gap]:
        runs = Runs([], [])

        def read() -> Answer:
            nonlocal runs
            runs = read_runs(self._setting("runs") / self._job)
            return Answer(
                {"JobRuns": runs.documents[::-1]}, self._shown("runs", self._job), complete=not runs.unreadable
            )

        yield from self._ask(Signal.JOB_RUNS, read)
        for reason in runs.unreadable:
            yield Gap(source=str(Signal.JOB_RUNS), reason=reason, fix="write the JobRun document again")
        yield from self._ask(Signal.JOB_RUN, lambda: self._job_run(runs, run_id))

    def _job_run(self, runs: Runs, run_id: str) -> Answer:
        for run in runs.documents:
            if run["Id"] == run_id:
                return Answer({"JobRun": run}, self._shown("runs", f"{self._job}/{run_id}.json"))
        raise SourceError(f"the document of run {run_id} could be read before and now cannot: triage it again")

    def _batch_of(self, run: dict[str, Any]) -> str | None:
        """Read the batch id where the pipeline declares it."""
        declared = self._pipeline.batch_id
        if declared is not None and declared.origin == "control":
            return self._control_batches.get(str(run["Id"]))
        return batch_of(run, declared, self._pipeline.source)

    def _batches_in_control(self) -> dict[str, str]:
        declared = self._pipeline.control_declaration()
        if declared is None:
            return {}
        try:
            rows = self._control().payload
        except SourceError:
            return {}  # told as a gap where the control table itself is read
        return batches_of(rows, declared.columns)

    def _first_attempt(self, runs: Runs, batch_id: str | None) -> dict[str, Any] | None:
        attempts = (other for other in runs.documents if batch_id and self._batch_of(other) == batch_id)
        return next(attempts, None)

    def _previous_batch(self, runs: Runs, run: dict[str, Any], batch_id: str | None) -> str | None:
        before = runs.documents[: runs.documents.index(run)]
        good = (self._batch_of(other) for other in reversed(before) if other.get("JobRunState") == "SUCCEEDED")
        return next((batch for batch in good if batch and batch != batch_id), None)

    # Input, log, control, documents

    def _source(self, signal: Signal, batch_id: str | None) -> Iterator[Observation | Gap]:
        if signal is Signal.PREVIOUS_SOURCE_LISTING and batch_id is None:
            return  # no earlier good batch: nothing to compare with
        yield from self._ask(signal, lambda: self._list_source(batch_id), fix="declare source and batch_id")

    def _list_source(self, batch_id: str | None) -> Answer:
        return listing_of(self._source_folder(batch_id))

    def _source_schema(self, batch_id: str | None) -> Answer:
        folder = self._source_folder(batch_id)
        return Answer(sample_columns(list_folder(folder)), f"file://{folder}/ (first lines of each file)")

    def _source_folder(self, batch_id: str | None) -> Path:
        template = self._pipeline.source
        if not template:
            raise SourceError("the pipeline's source is not declared")
        filled = fill(template, batch_id)
        if filled is None or (batch_id and ("/" in batch_id or batch_id in {".", ".."})):
            raise SourceError("the pipeline's source cannot be filled in from the run's batch id, so it was not listed")
        return self._base / local_path(filled.rstrip("/"))

    def _log(self, run_id: str, most: int | None) -> Answer:
        template = self._settings.logs
        if not template:
            raise SourceError("[local] logs is not set")
        path = self._base / self._filled(template, run_id)
        if path.exists() and not path.is_file():
            # Opening a pipe would wait for a writer that never comes.
            raise SourceError(f"the log {path.name} is no plain file")
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise SourceError(f"cannot read the log {path.name}: {error.strerror or error}") from error
        if not is_text(path):
            raise SourceError(f"the log {path.name} is no text")
        log = FileLog(path.parent.parent, (path,), most=most)
        has_read(log.size)
        return Answer(log, str(path))

    def _filled(self, template: str, run_id: str) -> str:
        # Names from the run history: kept from leading out of the folder that the setting names.
        for key, value in (("{job}", self._job), ("{run_id}", run_id)):
            template = template.replace(key, "_" if value in {".", ".."} else value.replace("/", "_"))
        return template

    def _control(self) -> Answer:
        declared = self._pipeline.control_declaration()
        if declared is None:
            raise SourceError("no control table is declared for the pipeline")
        url = declared.location or self._settings.control
        if not url or not declared.table:
            raise SourceError("the control table's database ([local] control) or its name (control.table) is not set")
        path = sqlite_path(url, self._base, "[local] control")
        rows, complete = control_rows(path, declared.table, declared.columns.updated_at)
        return Answer(rows, f"{path}, table {declared.table}", complete=complete)

    def _lines(self, setting: str) -> Answer:
        path = self._setting(setting)
        documents, bad = read_json_lines(path)
        return Answer(documents, str(path), complete=bad == 0)

    def _document(self, setting: str, name: str = "", wrap: str | None = None) -> Answer:
        path = self._setting(setting) / name
        document = read_json(path)
        if wrap and isinstance(document, dict) and wrap not in document:
            document = {wrap: document}
        return Answer(document, str(path))

    def _with_bookmarks(self, run: dict[str, Any]) -> bool:
        """Whether the run, or by default its job, keeps a bookmark."""
        try:
            job = self._document("jobs", f"{self._job}.json", wrap="Job").payload["Job"]
        except SourceError:
            job = {}
        option = "--job-bookmark-option"
        chosen = [
            one.get(option) for one in (run.get("Arguments"), job.get("DefaultArguments")) if isinstance(one, dict)
        ]
        return next((one for one in chosen if one), "job-bookmark-disable") != "job-bookmark-disable"

    # Tables, event logs

    def _table(self, output: Output, since: datetime | None) -> Iterator[Observation | Gap]:
        key = TableKey(output.role, output.table)
        for question in LocalTables(self._settings, self._base).questions(output, since):
            yield from self._ask(question.signal, question.read, table=key, fix=question.fix)

    def _event_logs(self, runs: Runs, first: dict[str, Any] | None) -> Iterator[Observation | Gap]:
        """Read the event log of every run since the first attempt, and of the last good one before it.

        They name the application of each attempt, and of whoever else wrote since.
        """
        if not self._settings.event_logs:
            return  # an embedded engine need not be Spark
        since = runs.documents.index(first) if first is not None else 0
        good = [run for run in runs.documents[:since] if run.get("JobRunState") == "SUCCEEDED"]
        wanted = [*good[-1:], *runs.documents[since:]][-MAX_EVENT_LOGS:]
        found = [(str(run["Id"]), path) for run in wanted if (path := self._event_log(str(run["Id"])))]
        if not found:
            yield Gap(source=str(Signal.SPARK_EVENTS), reason="no run has an event log at [local] event_logs")
        for run_id, path in found:

            def read(path: Path = path) -> Answer:
                log = EventLog.at(path)
                has_read(log.size)
                return Answer(log, str(path))

            yield from self._ask(Signal.SPARK_EVENTS, read, run_id=run_id)

    def _event_log(self, run_id: str) -> Path | None:
        path = self._base / self._filled(self._settings.event_logs or "", run_id)
        # Spark's codecs by their names' endings; a driver that was killed leaves its log "in progress".
        endings = [codec + state for state in ("", ".inprogress") for codec in ("", ".gz", ".zstd", ".zst", ".lz4")]
        candidates = (path.with_name(path.name + ending) for ending in endings)
        return next((one for one in candidates if one.exists()), None)

    def _setting(self, name: str) -> Path:
        value = getattr(self._settings, name)
        if not value:
            if name == "runs":
                raise ConfigError("[local] runs is not set: name the folder of JobRun documents in pipetriage.toml")
            raise SourceError(f"[local] {name} is not set")
        return self._base / str(value)

    def _shown(self, setting: str, rest: str) -> str:
        return f"{getattr(self._settings, setting)}/{rest}"
