"""Typed settings, data only. Read from pipetriage.toml by ``bootstrap``; defaults name their source."""

from typing import Annotated

import msgspec
from msgspec import Meta

from pipetriage.settings.channels import ChannelSettings
from pipetriage.settings.gate import GateSettings, ServeSettings
from pipetriage.settings.routing import RoutingSettings


class ContextSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the context."""

    max_errors: int = 50
    """Distinct errors kept after grouping."""
    token_budget: int = 4000
    """Size of the text view, in tokens of four characters."""
    log_bytes: int | None = None
    """Of a larger log file only the first MiB and the end are read, so many bytes together; what was left out is a gap.
    None: all is read. A compressed file has no end that could be read first, and is always read whole."""


class ThresholdSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a number becomes a signal. Every ratio is paired with an absolute floor."""

    skew_ratio: float = 5.0
    """Largest over median task: Spark AQE's skewedPartitionFactor, Glue's skewness factor."""
    skew_min_bytes: int = 256 * 1024 * 1024
    """Spark AQE's skewedPartitionThresholdInBytes."""
    skew_min_task_ms: int = 5 * 60 * 1000
    """Dr. Elephant ignores tasks under five minutes."""
    skew_min_tasks: int = 10
    """spark-advisor judges stages of ten tasks and more."""
    skew_min_read_bytes: int = 64 * 1024
    """What the tasks that never ended had to read, at the least, by bytes or by records. Ours: whatever is done with
    each pair of fewer rows, it does not take a task long."""
    skew_min_records: int = 1_000
    """The same, in records."""
    skew_stuck_share: float = 0.25
    """At most this share of a stage's tasks may be without an end for them to be its slow ones: the rest of Spark's
    spark.speculation.quantile (0.75 in Spark 3)."""
    stuck_min_ms: int = 10_000
    """How long a task has run, at the least, before a run is said to have ended because of it. Ours."""
    time_share: float = 0.5
    """The share of a run's time that must have gone into one task, or into listing and opening files, before its
    timeout is said to come of that: the larger part. Ours."""
    spill_min_bytes: int = 100 * 1024 * 1024
    """Memory spilled in a stage: Kubeflow's history server tools."""
    spill_input_ratio: float = 0.01
    """Spilled bytes over what the stage read: spark-advisor calls less than one percent negligible."""
    small_file_bytes: int = 3 * 1024 * 1024
    """Average file size: DataFlint's small-files alert."""
    small_file_count: int = 100
    """Files a partition, or in a read: Glue's compaction optimizer, DataFlint."""
    small_file_ms: float = 1_000.0
    """The longest that listing, opening and reading one small file takes: five requests of 200 ms, the upper end of
    what S3's performance guidelines give for one. What took longer a file was not the files."""
    small_file_growth: float = 5.0
    """Files over those of the last good batch, before their number is news. Ours."""
    many_files: int = 10_000
    """Files or paths that a driver lists or plans in one go. Ours."""
    low_record_ratio: float = 0.5
    """Records against the mean of good runs, where there are too few for a deviation."""
    low_record_sigma: float = 3.0
    """Standard deviations below the mean: Elementary, Sling (over at least seven runs)."""
    recent_deployment_hours: float = 72.0
    """A deployment this long before the start counts as recent when no last good run is known."""


class SettleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When absence counts (design section 4.3)."""

    cloud_seconds: float = 120.0
    clock_skew_seconds: float = 60.0
    source_wait_seconds: int = 900
    """``retry_after_seconds`` while a source path is awaited."""
    service_wait_seconds: int = 300
    """``retry_after_seconds`` after a throttled or failing service."""


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the embedded sources are (``[local]``); paths are relative to the settings file."""

    runs: str | None = None
    """Folder with one JobRun document a run, ``<job>/<run id>.json``."""
    jobs: str | None = None
    """Folder with one Job document a job, ``<job>.json``."""
    logs: str | None = None
    """Log file of a run, with ``{job}`` and ``{run_id}``."""
    catalog: str | None = None
    """SQLAlchemy URL of the pyiceberg SQL catalog."""
    tables: str | None = None
    """Folder of a Delta, Hudi or plain table, and of an Iceberg table of a hadoop catalog, with ``{table}``, or
    ``{namespace}`` and ``{name}``."""
    event_logs: str | None = None
    """A run's Spark event log (a file, or a rolling folder), with ``{job}`` and ``{run_id}``."""
    bookmarks: str | None = None
    """Folder with one GetJobBookmark document a job, ``<job>.json``."""
    control: str | None = None
    """SQLAlchemy URL of the control database; the table's name is the pipeline's ``control.table``."""
    lineage: str | None = None
    """OpenLineage events, one a line."""
    deployments: str | None = None
    """Deployments file."""


class AwsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The AWS account that is read (``[aws]``); what is not named here is as the AWS CLI would choose."""

    profile: str | None = None
    region: str | None = None
    role_arn: str | None = None
    """A role to take on, of this account or another."""
    external_id: str | None = None
    endpoint_url: str | None = None
    """Another address for every service: an emulator."""
    deadline_seconds: float = 20.0
    """How long the sources have, all together; whoever has not answered by then is a gap."""
    event_log_bytes: int = 1024 * 1024 * 1024
    """Of one Spark event log in S3, as it lies there: a larger one is not fetched, and is a gap. It is streamed to the
    temporary folder (``TMPDIR``) within ``deadline_seconds``."""
    lineage: str | None = None
    """Where OpenLineage events are: a folder or file in S3, or a Marquez server's address (``https://marquez:5000``)."""
    workgroups: list[str] = []
    """Athena workgroups whose query history tells who read a table; none: it is not asked."""


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``pipetriage watch`` listens to (``[watch]``)."""

    queue: str | None = None
    """URL of our own SQS queue of events; None: runs are only asked for."""
    dead_letters: str | None = None
    """URL of our own SQS queue for events that cannot be used, each with the reason."""
    profile: str | None = None
    """Profile of the AWS configuration for both queues, which may be in another account than the runs."""
    jobs: list[str] = msgspec.field(default_factory=lambda: ["*"])
    """Glue jobs that are watched, by name; ``*`` stands for anything."""
    at_once: int = 4
    """Triages at the same time, a process. Each asks about twelve sources at once."""
    hidden_seconds: int = 120
    """How long a received message is hidden from other workers; renewed while it is being seen to."""
    wait_seconds: int = 5
    """How long the queue is asked to wait for a message: so long, too, it takes to stop (SQS: at most 20)."""
    max_receives: int = 5
    """After so many attempts a message is put aside (at least 3), after three times as many if only the store was in
    the way. The maxReceiveCount of the queue's own redrive policy is to lie above that."""
    poll_seconds: float = 300.0
    """How often runs are asked for that no event told of; 0: never."""
    poll_hours: float = 24.0
    """How far back."""


class PriceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model's price in US dollars a million tokens, where the offline table does not know it."""

    input: Annotated[float, Meta(ge=0, le=1e6)]
    output: Annotated[float, Meta(ge=0, le=1e6)]


class ReasoningSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of asking a language model (``[reasoning]``); which one is ``model``."""

    deadline_seconds: Annotated[float, Meta(ge=0, le=600)] = 20.0
    """How long a verdict waits for the model, asking again and asking for more included."""
    late_seconds: Annotated[float, Meta(ge=0, le=3600)] = 40.0
    """How much longer an answer that comes late is awaited, once the verdict was delivered; it is then added to the
    incident as an amendment. 0: it is not."""
    input_tokens: Annotated[int, Meta(ge=2500, le=200_000)] = 4000
    """Of one request, by our estimate, which is above what providers count (docs/model.md)."""
    output_tokens: Annotated[int, Meta(ge=100, le=20_000)] = 700
    """Of one answer."""
    retries: Annotated[int, Meta(ge=0, le=5)] = 1
    """How often an answer that is not in the accepted form is asked for again, with the reason."""
    further_evidence: Annotated[int, Meta(ge=0, le=10)] = 3
    """Pieces of further evidence that a model may ask for where the rules end in UNKNOWN; 0: none."""
    output: str | None = None
    """How the answer's form is enforced: ``native``, ``tool`` or ``prompted``; None: as is best for the family."""
    tokens_per_incident: Annotated[int, Meta(ge=0, le=10**12)] = 30_000
    tokens_per_day: Annotated[int, Meta(ge=0, le=10**12)] = 3_000_000
    """Of all incidents in one store, input and output together, UTC."""
    usd_per_incident: Annotated[float, Meta(ge=0, le=1e9)] = 0.50
    usd_per_day: Annotated[float, Meta(ge=0, le=1e9)] = 20.0
    """Holds for models whose price is known; the others are bounded by tokens."""
    prices: dict[str, PriceSettings] = {}
    """By name as in ``model``: a local model's, or one that the price table does not know."""
    breaker_failures: Annotated[int, Meta(ge=1, le=1000)] = 3
    """After so many failures in a row, which were the provider's and not the answer's, a model is left alone …"""
    breaker_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 120.0
    """… for so long; then one request tries again."""
    cache_days: Annotated[float, Meta(ge=0, le=90)] = 30.0
    """How long the answer to an identical request is used again; 0: never. A store keeps it no longer than 90 days."""
    requests: str | None = None
    """Folder in which each request and answer is kept for audit, redacted; None: none is. Relative to the settings
    file."""
    requests_days: Annotated[float, Meta(ge=0, le=36_500)] = 30.0
    """How long they are kept."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings but the pipelines."""

    store: str | None = None
    """Store URL; None: SQLite under $XDG_DATA_HOME/pipetriage."""
    evidence: str | None = None
    """Folder in which each stored triage keeps its evidence as a redacted bundle, ``<incident id>/``: what
    ``evaluate --export`` makes cases of. Relative to the settings file; None: no evidence is kept."""
    context: ContextSettings = ContextSettings()
    thresholds: ThresholdSettings = ThresholdSettings()
    settle: SettleSettings = SettleSettings()
    local: LocalSettings = LocalSettings()
    aws: AwsSettings = AwsSettings()
    watch: WatchSettings = WatchSettings()
    model: str | list[str] = "none"
    """The language model that is asked about each incident: ``bedrock:MODEL_ID``, ``openai:NAME``, ``anthropic:NAME``,
    ``local:NAME@URL`` for any server that speaks OpenAI's protocol, or a list of them, tried in turn; ``none``: no
    model."""
    reasoning: ReasoningSettings = ReasoningSettings()
    channels: dict[str, ChannelSettings] = {}
    """The channels by which people are told, by name."""
    routing: RoutingSettings = RoutingSettings()
    gate: GateSettings = GateSettings()
    serve: ServeSettings = ServeSettings()
    min_confidence: float = 0.6
    """Below it an incident asks for human review."""
