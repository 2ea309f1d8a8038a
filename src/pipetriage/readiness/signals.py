"""The signals that triage works with: what each is, what it stands for, what its absence costs besides verdicts."""

import msgspec

from pipetriage.model.evidence import Signal
from pipetriage.readiness.names import Name


class ReadinessSignal(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a platform can record, or a team declare."""

    name: Name
    title: str
    """As a person reads it, at most sixteen characters."""
    says: str
    """What it tells."""
    evidence: frozenset[Signal] = frozenset()
    """The kinds of evidence that it stands for; none: it is declared, or carried by other evidence."""
    besides: str
    """What its absence costs that no verdict shows."""


SIGNALS: tuple[ReadinessSignal, ...] = (
    ReadinessSignal(
        name=Name.RUNS,
        title="runs and job",
        says="The run, the job's other runs and the job itself: attempts, retries, bookmarks.",
        evidence=frozenset({Signal.JOB_RUN, Signal.JOB_RUNS, Signal.JOB, Signal.BOOKMARK}),
        besides="attempts and the engine's own retries are not known",
    ),
    ReadinessSignal(
        name=Name.OUTPUTS,
        title="outputs",
        says="Which tables the pipeline writes, and how (write_mode).",
        besides="it is not known which tables to look at",
    ),
    ReadinessSignal(
        name=Name.TABLE_COMMITS,
        title="table commits",
        says="The output tables' snapshots and manifests, log or listing: what was really written.",
        evidence=frozenset({Signal.ICEBERG_METADATA, Signal.ICEBERG_ENTRIES, Signal.DELTA_LOG, Signal.HUDI_TIMELINE})
        | {Signal.TABLE, Signal.TABLE_LISTING},
        besides="partial writes and their readers cannot be seen",
    ),
    ReadinessSignal(
        name=Name.SNAPSHOT_STAMPS,
        title="snapshot stamps",
        says="The id of the run or batch in every commit that it makes.",
        besides="a commit beside other writers' cannot be told from theirs",
    ),
    ReadinessSignal(
        name=Name.BATCH_IDS,
        title="batch ids",
        says="Which unit of input a run processes, so that its attempts are known.",
        besides="all runs since the last good one count as attempts of one batch",
    ),
    ReadinessSignal(
        name=Name.SOURCE,
        title="source path",
        says="Where the batch's input lies, and a listing of it.",
        evidence=frozenset({Signal.SOURCE_LISTING, Signal.PREVIOUS_SOURCE_LISTING, Signal.SOURCE_SCHEMA}),
        besides="late, missing and short inputs are not seen before they fail",
    ),
    ReadinessSignal(
        name=Name.LOGS,
        title="structured logs",
        says="The driver's whole log, with times and streams.",
        evidence=frozenset({Signal.LOGS}),
        besides="the cause rests on the error message alone",
    ),
    ReadinessSignal(
        name=Name.METRICS,
        title="metrics",
        says="Glue's job and observability metrics.",
        evidence=frozenset({Signal.METRICS}),
        besides="volumes and skew of earlier runs cannot be compared",
    ),
    ReadinessSignal(
        name=Name.EVENT_LOGS,
        title="Spark event logs",
        says="Tasks, spill and lost executors, and which application was the run's.",
        evidence=frozenset({Signal.SPARK_EVENTS}),
        besides="skew that leaves no log line is invisible",
    ),
    ReadinessSignal(
        name=Name.QUALITY,
        title="quality results",
        says="What the data-quality rules said of the run.",
        evidence=frozenset({Signal.QUALITY, Signal.QUALITY_RULESET}),
        besides="a failed rule cannot hold a retry back",
    ),
    ReadinessSignal(
        name=Name.CONTROL,
        title="control table",
        says="The batch's row: what the platform itself believes was done.",
        evidence=frozenset({Signal.CONTROL}),
        besides="a row that makes the job skip the batch, or contradicts the tables, cannot be seen",
    ),
    ReadinessSignal(
        name=Name.DEPLOYMENTS,
        title="deployments",
        says="Which version ran, and what was deployed since the last good run.",
        evidence=frozenset({Signal.DEPLOYMENTS}),
        besides="a fresh deployment cannot be blamed, or ruled out",
    ),
    ReadinessSignal(
        name=Name.LINEAGE,
        title="lineage",
        says="Who read the output tables since.",
        evidence=frozenset({Signal.LINEAGE}),
        besides="who already read partial data cannot be said (declared consumers are POSSIBLE at most)",
    ),
    ReadinessSignal(
        name=Name.OWNERS,
        title="owners",
        says="Who answers for each queue that incidents go to.",
        besides="incidents name a queue and nobody",
    ),
)
"""In the order in which they are shown: what a safe verdict needs first."""
