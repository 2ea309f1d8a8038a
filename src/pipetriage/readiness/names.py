"""The signals a platform can record, by name, in the order in which they are shown."""

from enum import StrEnum


class Name(StrEnum):
    """One signal. Each stands for one or more kinds of evidence, or for a declaration."""

    RUNS = "runs"
    OUTPUTS = "outputs"
    TABLE_COMMITS = "table_commits"
    SNAPSHOT_STAMPS = "snapshot_stamps"
    BATCH_IDS = "batch_ids"
    SOURCE = "source"
    LOGS = "logs"
    METRICS = "metrics"
    EVENT_LOGS = "event_logs"
    QUALITY = "quality_results"
    CONTROL = "control_table"
    DEPLOYMENTS = "deployments"
    LINEAGE = "lineage"
    OWNERS = "owners"


class State(StrEnum):
    """A signal's four states (the design's words); only a gap costs anything."""

    SEEN = "seen"
    GAP = "gap"
    DECLARED_NONE = "declared none"
    NOT_APPLICABLE = "not applicable"
