"""Typed facts about a run, its job, its tables and its surroundings.

Made in ``context/``, read by detectors and verdict. Times are aware datetimes in UTC, sizes are bytes,
durations seconds, unless a name says otherwise. ``evidence`` is the id under which an incident cites the fact.
Every free text in here is already redacted.
"""

import re
from datetime import datetime

import msgspec

from pipetriage.model.evidence import TableKey

IN_FLIGHT = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
# Glue's terminal JobRunStates (API reference, JobRun).
ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"})

# Glue appends _attempt_1, _attempt_2 to the first run's id when MaxRetries starts it again.
_ATTEMPT_SUFFIX = re.compile(r"_attempt_\d{1,4}$")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution attempt of a job (Glue's JobRun)."""

    run_id: str
    job_name: str = ""
    batch_id: str | None = None
    state: str = ""
    """Glue's JobRunState, upper case; empty when unknown."""
    attempt: int = 0
    previous_run_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error_message: str = ""
    arguments: dict[str, str] = {}
    """Job arguments; secret values are redaction tokens, equal where the values were equal."""
    worker_type: str | None = None
    number_of_workers: int | None = None
    glue_version: str | None = None
    execution_class: str | None = None
    execution_seconds: float | None = None
    evidence: str = "job_run"

    @property
    def first_attempt_id(self) -> str:
        """The id that Glue's own retries of one run share."""
        return _ATTEMPT_SUFFIX.sub("", self.run_id)

    @property
    def in_flight(self) -> bool:
        """Whether the run has not ended yet."""
        return self.state in IN_FLIGHT

    @property
    def succeeded(self) -> bool:
        """Whether the engine calls the run a success."""
        return self.state == "SUCCEEDED"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The job's definition (Glue's GetJob)."""

    name: str
    max_retries: int | None = None
    default_arguments: dict[str, str] = {}
    forced_arguments: dict[str, str] = {}
    """Glue's NonOverridableArguments: a run's own argument of the same name does not count."""
    script_location: str | None = None
    command: str | None = None
    """Glue's JobCommand Name: ``glueetl`` and ``gluestreaming`` are Spark, ``pythonshell`` and ``glueray`` are not."""
    glue_version: str | None = None
    worker_type: str | None = None
    number_of_workers: int | None = None
    execution_class: str | None = None
    modified_at: datetime | None = None
    evidence: str = "job"


def bookmark_option(run: Run, job: Job | None) -> str:
    """Give ``--job-bookmark-option`` by Glue's precedence: forced, the run's own, the job's default, else disabled."""
    name = "--job-bookmark-option"
    forced, default = (job.forced_arguments, job.default_arguments) if job is not None else ({}, {})
    return forced.get(name) or run.arguments.get(name) or default.get(name) or "job-bookmark-disable"


class Bookmark(msgspec.Struct, frozen=True, kw_only=True):
    """Glue's job bookmark: the run that last saved its state with ``job.commit()``."""

    run_id: str | None = None
    previous_run_id: str | None = None
    version: int | None = None
    evidence: str = "job_bookmark"


class Column(msgspec.Struct, frozen=True):
    """One column; ``type`` lower case as written, empty when unknown."""

    name: str
    type: str = ""
    required: bool = False


class ListedFile(msgspec.Struct, frozen=True):
    """One object of a listing; ``uri`` normalised (``s3a`` and ``s3n`` become ``s3``)."""

    uri: str
    size: int = 0
    modified_at: datetime | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A listing of a prefix that was really looked at; empty ``files`` means looked and empty."""

    uri: str
    files: tuple[ListedFile, ...]
    complete: bool
    observed_at: datetime
    evidence: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One Iceberg snapshot, or one Delta or Hudi commit in the same terms."""

    snapshot_id: str
    parent_id: str | None
    sequence_number: int
    committed_at: datetime
    operation: str
    summary: dict[str, str]
    evidence: str
    schema_id: int | None = None


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest entry: a file that a snapshot added (status 1), deleted (2) or carried over (0)."""

    snapshot_id: str
    status: int
    content: int
    uri: str
    partition: dict[str, str | None]
    records: int
    size: int
    sequence_number: int | None = None


class IcebergTable(msgspec.Struct, frozen=True, kw_only=True):
    """What an Iceberg metadata file says."""

    uuid: str | None
    format_version: int
    location: str
    metadata_uri: str | None
    last_updated_at: datetime
    last_sequence_number: int | None
    current_snapshot_id: str | None
    snapshots: tuple[Snapshot, ...]
    refs: dict[str, str]
    """Branch and tag names to snapshot ids (``main`` included when written)."""
    snapshot_log: tuple[tuple[datetime, str], ...]
    metadata_log: tuple[tuple[datetime, str], ...]
    columns: tuple[Column, ...]
    partition_fields: tuple[str, ...]
    evidence: str
    observed_at: datetime
    schemas: dict[int, tuple[Column, ...]] = {}
    """Every schema the table had, by schema id."""
    target_file_size: int | None = None
    """The property ``write.target-file-size-bytes``; None where it is not set."""


class DeltaTable(msgspec.Struct, frozen=True, kw_only=True):
    """A Delta log as snapshots; ``versions`` contiguous from ``first_version`` unless ``missing_versions``."""

    first_version: int
    checkpoint_version: int | None
    missing_versions: tuple[int, ...]
    snapshots: tuple[Snapshot, ...]
    files: tuple[DataFile, ...]
    columns: tuple[Column, ...]
    evidence: str
    observed_at: datetime


class HudiInstant(msgspec.Struct, frozen=True):
    """One instant of a Hudi timeline: ``action`` commit, deltacommit, …; ``state`` requested, inflight, completed."""

    instant: str
    action: str
    state: str
    modified_at: datetime | None


class HudiTable(msgspec.Struct, frozen=True, kw_only=True):
    """A Hudi timeline as far as a listing of ``.hoodie`` tells it."""

    instants: tuple[HudiInstant, ...]
    complete: bool
    evidence: str
    observed_at: datetime


class CatalogTable(msgspec.Struct, frozen=True, kw_only=True):
    """The catalog's entry of a table (Glue's GetTable)."""

    name: str
    metadata_location: str | None
    location: str | None
    table_format: str | None
    """``iceberg``, ``delta``, ``hudi``, ``parquet``, ``csv``, ``json``, ``orc``, or None when it does not say."""
    created_at: datetime | None
    updated_at: datetime | None
    columns: tuple[Column, ...]
    partition_keys: tuple[str, ...]
    evidence: str
    observed_at: datetime


class TableFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that was seen of one output table. A part that is None was not seen: see the context's gaps."""

    key: TableKey
    catalog: CatalogTable | None = None
    iceberg: IcebergTable | None = None
    entries: tuple[DataFile, ...] | None = None
    entries_complete: bool = False
    entries_evidence: str | None = None
    listing: Listing | None = None
    delta: DeltaTable | None = None
    hudi: HudiTable | None = None


class ControlRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the control table, its status in our words."""

    batch_id: str | None = None
    run_id: str | None = None
    status: str = ""
    """``succeeded``, ``failed``, ``running``, ``writing``, or the row's own word, lower case."""
    step: str | None = None
    attempt: int | None = None
    source_path: str | None = None
    records: int | None = None
    updated_at: datetime | None = None
    evidence: str = "control"


class QualityRule(msgspec.Struct, frozen=True, kw_only=True):
    """One data-quality rule's outcome (Glue Data Quality). ERROR: the rule could not run; not bad data."""

    rule: str
    rule_type: str
    """The DQDL rule type (``RowCount``, ``ColumnExists``, …), empty when unknown."""
    outcome: str
    run_id: str | None
    message: str
    metrics: dict[str, float]
    completed_at: datetime | None
    evidence: str


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One deployed version of the pipeline's code."""

    version: str
    deployed_at: datetime | None
    commit: str | None
    author: str | None
    changed_paths: tuple[str, ...]
    evidence: str


class GoodRun(msgspec.Struct, frozen=True, kw_only=True):
    """Volume and duration of one earlier good run (history.json), or of this run; None where it does not say."""

    run_id: str | None = None
    records: int | None = None
    bytes: int | None = None
    files: int | None = None
    seconds: float | None = None
    written: bool = False
    """Counted from the commits of the output tables: what the run wrote, which may differ from what it read."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One CloudWatch metric over the run. ``label`` is the Glue metric name."""

    label: str
    last: float
    maximum: float
    total: float
    evidence: str


class LineageDataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset of a lineage run; ``names`` holds its name and every symlink's, as ``normal_name`` makes them."""

    names: tuple[str, ...]
    snapshot_id: str | None


class LineageRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run in OpenLineage: the union over all of its events."""

    run_id: str
    job: str
    started_at: datetime | None
    ended_at: datetime | None
    """None while no terminal event was seen."""
    state: str
    """The last event type: START, RUNNING, COMPLETE, ABORT, FAIL, OTHER."""
    inputs: tuple[LineageDataset, ...]
    outputs: tuple[LineageDataset, ...]
    evidence: str
    root_run: str | None = None
    """The run that it is a step of, by the ``parent`` facet and the name of its job; None: it is no step."""
    root_job: str | None = None
    above: tuple[str, ...] = ()
    """The jobs of its parent and of its root, be it a step of theirs or only started by them."""
    is_task: bool = False
    """An orchestrator tells of it: its job is named ``workflow.task``, and is no step of the workflow's job."""
    owner: str | None = None
    """Who answers for the job, by its ``ownership`` facet."""


class QueryRun(msgspec.Struct, frozen=True, kw_only=True):
    """One query of Athena's history (the text redacted)."""

    query_id: str
    sql: str
    submitted_at: datetime | None
    state: str
    who: str | None
    evidence: str
    ended_at: datetime | None = None
    database: str | None = None
    """The database in which a table's bare name is looked up."""
    names: frozenset[str] = frozenset()
    """Every word of the whole text that may name a table, lower case: the text itself is shortened."""
    versions: tuple[tuple[str, str], ...] = ()
    """Tables, as they are named in it, and the snapshot of each that it asks for."""


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """One refused call in CloudTrail."""

    event_name: str
    event_source: str
    error_code: str
    resource: str | None
    at: datetime | None
    evidence: str


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One Lake Formation permission of the run's role."""

    principal: str
    resource: str
    permissions: tuple[str, ...]
    evidence: str
