"""What a job's last good runs did, as far as it can be seen from outside: what a declaration is drafted from."""

from datetime import datetime
from typing import Literal

import msgspec


class PastRunSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the job."""

    run_id: str
    succeeded: bool
    started_at: datetime | None = None
    ended_at: datetime | None = None
    previous_run_id: str | None = None
    """The run that this one retried."""
    arguments: dict[str, str] = {}
    """Its own arguments, and the job's defaults where it names none of its own."""


class CommitSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One commit that a good run made in a table."""

    snapshot_id: str
    run_id: str
    operation: str
    """As the format calls it: Iceberg's ``append``, ``overwrite``, ``delete``; ``replace`` is never a run's own."""
    stamped_by: str | None
    """The summary key that carries the run's id; None: only its time speaks for the run."""
    partitions: tuple[dict[str, str | None], ...] | None = None
    """The partitions in which it added files; None where that was not seen."""
    removed_everything: bool = False
    """No file that was there before it is there after it."""


class TableSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A table that the job may write."""

    name: str
    """``database.table``."""
    named_by: Literal["person", "lineage", "argument"]
    where: str
    """What named it: an option, an event, an argument."""
    format: str | None = None
    """As the catalog says; None where it does not."""
    partition_fields: tuple[str, ...] = ()
    commits: tuple[CommitSeen, ...] = ()
    """Those of the good runs, oldest first."""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """A job and what its runs did."""

    job: str
    script: str | None
    runs: tuple[PastRunSeen, ...]
    """Runs of any end, oldest first."""
    good: tuple[PastRunSeen, ...]
    """The last good runs, oldest first: those that a draft is made from."""
    tables: tuple[TableSeen, ...] = ()
    unknown_outputs: tuple[str, ...] = ()
    """Outputs that lineage names and that are no ``database.table``."""
    not_seen: tuple[str, ...] = ()
    """What could not be read, and why."""
    runs_complete: bool = True
    """Whether ``runs`` are all that Glue remembers."""
    streaming: bool = False
    """It runs on and on, and processes no batches."""
