"""What each good run wrote, from the run history and the commit summaries of Iceberg tables: nothing else keeps it.

A commit is a run's by its stamp (``snapshot_keys``), or, unstamped, because that run alone was running. One that may be
two runs' makes both unknown, and so does a history of the table that does not reach back to the run: neither is zero.
Once the job has stamped a commit, one without a stamp may be anybody's: the run in whose time it fell is unknown.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from pipetriage.errors import SourceError
from pipetriage.model.evidence import Gap, Observation, Signal
from pipetriage.model.facts import IN_FLIGHT, GoodRun
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.model.templates import batch_key
from pipetriage.model.times import from_epoch, parse_time
from pipetriage.sources.local_files import Answer

MAX_RUNS = 90
"""Good runs kept: what Glue remembers of a daily job."""
COUNTED_FROM = "declare outputs, and allow reading the metadata of their Iceberg tables"
"""What closes the gap where nothing could be counted."""
_FOREVER = datetime.max.replace(tzinfo=UTC)
# A stamp under such a key that names no run of ours is another's; one under any other key may be a batch's.
_NAMES_A_RUN = re.compile(r"(?:^|[^A-Za-z])run|Run")


class _Snapshot(msgspec.Struct, rename="kebab"):
    snapshot_id: int
    timestamp_ms: int
    parent_snapshot_id: int | None = None
    sequence_number: int = 0
    summary: dict[str, Any] = {}

    @property
    def at(self) -> datetime:
        return from_epoch(self.timestamp_ms)


class _Metadata(msgspec.Struct, rename="kebab"):
    current_snapshot_id: int | None = None
    last_sequence_number: int = 0
    snapshots: list[_Snapshot] = []


class Written(NamedTuple):
    """What one run committed to one table."""

    commits: int = 0
    records: int | None = 0
    """None: a merge rewrote whole files, so that its count is not what came."""
    bytes: int = 0
    files: int = 0
    partitions_at_most: int | None = 0
    """Commits may overlap: the sum of their partitions is an upper bound. None: a summary does not say."""


class _Window(NamedTuple):
    run_id: str
    start: datetime
    end: datetime


class JobRuns:
    """The runs of a job (JobRun documents): which of them made a commit?"""

    def __init__(
        self,
        documents: Iterable[Mapping[str, Any]],
        keys: Sequence[str],
        batch_of: Callable[[dict[str, Any]], str | None],
        skew: timedelta,
    ) -> None:
        self._keys = keys
        self._skew = skew
        self.documents = {str(one["Id"]): dict(one) for one in documents if parse_time(one.get("StartedOn"))}
        self._batches = {run_id: batch for run_id, one in self.documents.items() if (batch := batch_of(one))}
        windows = (_Window(run_id, _start(one), _end(one)) for run_id, one in self.documents.items())
        self._windows = sorted(windows, key=lambda one: one.start)
        self._starts = [one.start for one in self._windows]
        self._latest_end = list(accumulate((one.end for one in self._windows), max))

    def good_before(self, run_id: str) -> list[str]:
        """Name the good runs that began before this one, oldest first, at most ``MAX_RUNS``."""
        own = self.documents.get(run_id)
        until = _start(own) if own is not None else _FOREVER
        good = [one for one in self._windows if self.documents[one.run_id].get("JobRunState") == "SUCCEEDED"]
        return [one.run_id for one in good if one.start < until and one.run_id != run_id][-MAX_RUNS:]

    def makers(self, at: datetime, summary: Mapping[str, Any]) -> list[str]:
        """Name the runs that may have made a commit: none where it is somebody else's, several where unclear."""
        if summary.get("operation") == "replace":
            return []  # a compaction brings nothing
        stamps = self._stamps(summary)
        named = [value for value in stamps.values() if value in self.documents]
        if named:
            return named[:1]
        if any(_NAMES_A_RUN.search(key) for key in stamps):
            return []
        running = self._running(at)
        if not stamps or not self._batches:
            return running
        batches = {batch_key(value) for value in stamps.values()}
        return [one for one in running if one in self._batches and batch_key(self._batches[one]) in batches]

    def _stamps(self, summary: Mapping[str, Any]) -> dict[str, str]:
        return {key: str(summary[key]) for key in self._keys if summary.get(key) not in {None, ""}}

    def _running(self, at: datetime) -> list[str]:
        return self._within(at, timedelta()) or self._within(at, self._skew)

    def _within(self, at: datetime, skew: timedelta) -> list[str]:
        found: list[str] = []
        for place in range(bisect_right(self._starts, at + skew) - 1, -1, -1):
            if self._latest_end[place] < at - skew:
                break
            if self._windows[place].end >= at - skew:
                found.append(self._windows[place].run_id)
        return found

    def wrote(self, output: Output, metadata: Any) -> dict[str, Written]:
        """Give what each run committed to a table (its metadata file); a run that is not in it is not known.

        Raises:
            SourceError: the document is no Iceberg metadata.
        """
        try:
            table = msgspec.convert(metadata, _Metadata, strict=False)
            chain = _chain(table)
            made = [(snapshot, self.makers(snapshot.at, snapshot.summary)) for snapshot in chain]
        except (msgspec.ValidationError, ValueError, OverflowError, OSError) as error:
            raise SourceError(f"the Iceberg metadata of {output.table} cannot be understood ({error})") from error
        since = self._covered_since(table, made)
        unclear = {run_id for _, makers in made if len(makers) > 1 for run_id in makers} | self._perhaps_anothers(made)
        found = {one.run_id: Written() for one in self._windows if one.start >= since and one.run_id not in unclear}
        merges = output.write_mode == "merge"
        for snapshot, makers in made:
            if len(makers) == 1 and makers[0] in found:
                found[makers[0]] = _plus(found[makers[0]], snapshot.summary, merges)
        return found

    def _perhaps_anothers(self, made: list[tuple[_Snapshot, list[str]]]) -> set[str]:
        """Name the runs in whose time there is an unstamped commit, after a stamped one of this job's."""
        stamped = [(one, makers) for one, makers in made if makers and self._stamps(one.summary)]
        # SQL takes no stamp: it is told by the application that made the run's stamped commits.
        applications = {(run_id, _application(one.summary)) for one, makers in stamped for run_id in makers}
        found: set[str] = set()
        stamping = False
        for snapshot, makers in reversed(made):  # oldest first
            application = _application(snapshot.summary)
            if self._stamps(snapshot.summary):
                stamping = stamping or bool(makers)
            # What only deletes brings nothing, whoever's it is.
            elif stamping and snapshot.summary.get("operation") != "delete":
                known = application is not None and len(makers) == 1 and (makers[0], application) in applications
                found |= set() if known else set(makers)
        return found

    def _covered_since(self, table: _Metadata, made: list[tuple[_Snapshot, list[str]]]) -> datetime:
        """Give the time since which every commit is still to be seen: snapshots expire."""
        if not made:
            never = not table.snapshots and not table.last_sequence_number
            return datetime.min.replace(tzinfo=UTC) if never else _FOREVER
        oldest, makers = made[-1]
        if oldest.parent_snapshot_id is None and oldest.sequence_number == 1:
            # The table's first commit: nothing came before it, so its run is seen whole.
            return min((_start(self.documents[one]) for one in makers), default=oldest.at)
        return oldest.at


class Volumes(NamedTuple):
    """What runs wrote into the output tables, all together."""

    runs: tuple[GoodRun, ...]
    """The good runs before this one whose commits are known, oldest first."""
    own: GoodRun | None
    """This run; None where its commits cannot be told apart."""

    def document(self) -> dict[str, Any]:
        """Give it in the shape of a bundle's history.json."""
        this = {"this_run": _entry(self.own)} if self.own is not None else {}
        return {"counted": "written", "runs": [_entry(one) for one in self.runs]} | this


def volumes(runs: JobRuns, pipeline: Pipeline, tables: Mapping[str, Any], run_id: str) -> Volumes:
    """Add up what runs wrote to the final outputs; ``tables`` are Iceberg metadata files by the table's name.

    Raises:
        SourceError: a table's commits were not read, so that no sum would be whole.
    """
    outputs = pipeline.final_outputs()
    if not outputs:
        raise SourceError("no output table is declared, so what the runs wrote is not known")
    for output in outputs:
        if output.table not in tables:
            raise SourceError(f"the commits of {output.table} were not read, so what the runs wrote is not known")
    wrote = [runs.wrote(output, tables[output.table]) for output in outputs]

    def total(one: str) -> GoodRun | None:
        parts = [by_run.get(one) for by_run in wrote]
        known = [part for part in parts if part is not None]
        return _volume(one, runs.documents[one], known) if len(known) == len(parts) else None

    past = (total(one) for one in runs.good_before(run_id))
    own = total(run_id) if run_id in runs.documents else None
    return Volumes(tuple(one for one in past if one is not None), own)


def past_volumes(
    said: Iterable[Observation | Gap],
    pipeline: Pipeline,
    run_id: str,
    batch_of: Callable[[dict[str, Any]], str | None],
    skew_seconds: float,
) -> Answer:
    """Derive the volumes from what was already observed: run history and table metadata.

    Raises:
        SourceError: one of them is missing, or makes no sense.
    """
    seen = [one for one in said if isinstance(one, Observation)]
    history = next((one for one in seen if one.signal is Signal.JOB_RUNS), None)
    if history is None:
        raise SourceError("the run history was not read, so what earlier runs wrote is not known")
    runs = JobRuns(history.payload["JobRuns"], pipeline.snapshot_keys, batch_of, timedelta(seconds=skew_seconds))
    tables = {one.table.name: one for one in seen if one.signal is Signal.ICEBERG_METADATA and one.table is not None}
    found = volumes(runs, pipeline, {name: one.payload for name, one in tables.items()}, run_id)
    return Answer(found.document(), "; ".join((history.locator, *(one.locator for one in tables.values()))))


def _chain(table: _Metadata) -> list[_Snapshot]:
    """Follow the parents from the current snapshot, newest first: staged and undone commits are nobody's volume."""
    by_id = {one.snapshot_id: one for one in table.snapshots}
    chain: list[_Snapshot] = []
    seen: set[int] = set()
    place = table.current_snapshot_id
    while place is not None and place in by_id and place not in seen:
        seen.add(place)
        chain.append(by_id[place])
        place = by_id[place].parent_snapshot_id
    return chain


def _plus(sum_: Written, summary: Mapping[str, Any], merges: bool) -> Written:
    records, files = _number(summary, "added-records"), _number(summary, "added-data-files") or 0
    if records is None and any(_number(summary, name) is not None for name in ("added-data-files", "total-records")):
        records = 0  # Iceberg leaves out what is zero
    if merges and _number(summary, "deleted-records"):
        records = None
    touched = _number(summary, "changed-partition-count")
    # Each partition that got data got a file: partitions that only lost theirs do not count.
    partitions = None if touched is None else min(touched, files)
    return Written(
        commits=sum_.commits + 1,
        records=None if records is None or sum_.records is None else sum_.records + records,
        bytes=sum_.bytes + (_number(summary, "added-files-size") or 0),
        files=sum_.files + files,
        partitions_at_most=None
        if partitions is None or sum_.partitions_at_most is None
        else sum_.partitions_at_most + partitions,
    )


def _application(summary: Mapping[str, Any]) -> str | None:
    value = summary.get("spark.app.id") or summary.get("app-id")
    return str(value) if value else None


def _number(summary: Mapping[str, Any], name: str) -> int | None:
    value = summary.get(name)
    try:
        number = int(value) if isinstance(value, str | int) else None
    except ValueError:
        return None
    return number if number is not None and number >= 0 else None


def _volume(run_id: str, document: Mapping[str, Any], parts: Sequence[Written]) -> GoodRun:
    counts = [one.records for one in parts]
    known = [one for one in counts if one is not None]
    start, end = parse_time(document.get("StartedOn")), parse_time(document.get("CompletedOn"))
    took = document.get("ExecutionTime")
    seconds = float(took) if isinstance(took, int | float) and took else None
    return GoodRun(
        run_id=run_id,
        records=sum(known) if len(known) == len(counts) else None,
        bytes=sum(one.bytes for one in parts),
        files=sum(one.files for one in parts),
        seconds=seconds or ((end - start).total_seconds() if start and end else None),
        written=True,
    )


def _entry(run: GoodRun) -> dict[str, Any]:
    numbers = {"records": run.records, "bytes": run.bytes, "files": run.files, "seconds": run.seconds}
    return {"job_run_id": run.run_id} | {name: one for name, one in numbers.items() if one is not None}


def _start(run: Mapping[str, Any]) -> datetime:
    return parse_time(run.get("StartedOn")) or _FOREVER


def _end(run: Mapping[str, Any]) -> datetime:
    if run.get("JobRunState") in IN_FLIGHT:
        return _FOREVER
    return parse_time(run.get("CompletedOn")) or parse_time(run.get("LastModifiedOn")) or _start(run)
