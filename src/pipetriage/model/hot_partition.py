"""How unevenly a stage's work was spread: what its heaviest task read, or had to read where it never ended."""

import math
from collections.abc import Iterable
from datetime import datetime

import msgspec

from pipetriage.model.spark import Spread, StageFacts

ADVISORY_PARTITION = 64 * 1024 * 1024
"""spark.sql.adaptive.advisoryPartitionSizeInBytes, Spark's default: how large it would make a partition."""


class HotTask(msgspec.Struct, frozen=True, kw_only=True):
    """The heaviest task of a stage beside the ordinary one (the median of those that succeeded)."""

    bytes: float
    """Shuffle bytes that it read, or of input where the stage reads no shuffle; of tasks that never ended, what their
    stage had left of the shuffle, for each of them."""
    records: float
    typical_bytes: float
    typical_records: float
    share: float | None
    """Its part of all that the stage had to read, 0 to 1, by records where they say more; None where unknown."""
    ran_ms: float
    typical_ms: float
    ended: bool
    """False: the log ends without its end."""
    pending: int
    """How many tasks of the stage did not succeed, this one among them; 0 where it ended."""
    planned: int
    """How many tasks the stage has."""
    of_input: bool = False
    """It is files that it read, not a shuffle."""

    @property
    def ratio(self) -> float:
        """How many times what the ordinary task read, by bytes or by records, whichever is more."""
        return max(ratio(self.bytes, self.typical_bytes), ratio(self.records, self.typical_records))

    @property
    def slower(self) -> float:
        """How many times as long as the ordinary task it ran."""
        return ratio(self.ran_ms, self.typical_ms)

    @property
    def parts(self) -> int:
        """Into how many parts its rows are to be split: parts of Spark's advisory size, or as small as the others'.

        No more than the stage has tasks where the bytes do not ask for it: more than that run one after another.
        """
        by_size = math.ceil(self.bytes / ADVISORY_PARTITION)
        by_ratio = math.ceil(min(self.ratio, max(self.planned, 2)))
        return max(2, by_size if by_size > 1 else by_ratio)


FEW = 0.25
"""The rest of Spark's spark.speculation.quantile (0.75 in Spark 3): once so many ended, the others are slow."""


def hot_task(
    stage: StageFacts, stages: Iterable[StageFacts], run_ended_at: datetime | None, few: float = FEW
) -> HotTask:
    """Give the heaviest task of a stage; ``stages`` are those of its application.

    A task without an end has no metrics. What the stages before it wrote, less what its siblings read, is what was
    left for it and whoever else did not end. Where those are more than ``few`` of the stage, most had not begun, and
    nothing is known of any.
    """
    listed = tuple(stages)
    written, planned = _written(stage, listed), max(stage.planned_tasks, stage.tasks)
    sizes, records = what_it_reads(stage)
    typical_bytes, typical_records = _typical(stage, planned, written)
    ended = HotTask(
        bytes=sizes.maximum,
        records=records.maximum,
        typical_bytes=typical_bytes,
        typical_records=typical_records,
        share=None,
        ran_ms=stage.duration_ms.maximum,
        typical_ms=stage.duration_ms.median,
        ended=True,
        pending=0,
        planned=planned,
        of_input=sizes is stage.input_bytes,
    )
    pending = planned - stage.tasks
    if written is None or not stage.tasks or not 0 < pending <= max(1.0, few * planned):
        return msgspec.structs.replace(ended, share=_share(ended, stage, written))
    # Attempts of one stage read different partitions of the same shuffle.
    attempts = [one for one in listed if one.stage_id == stage.stage_id]
    left_bytes = max(0.0, written[0] - sum(one.shuffle_bytes.total for one in attempts)) / pending
    left_records = max(0.0, written[1] - sum(one.shuffle_records.total for one in attempts)) / pending
    waiting = msgspec.structs.replace(
        ended,
        bytes=left_bytes,
        records=left_records,
        ran_ms=max(waiting_ms(stage, run_ended_at), stage.duration_ms.maximum if stage.failed_tasks else 0.0),
        ended=False,
        pending=pending,
    )
    hot = waiting if left_bytes > ended.bytes or left_records > ended.records else ended
    return msgspec.structs.replace(hot, share=_share(hot, stage, written))


def ratio(largest: float, typical: float) -> float:
    """Divide; infinite where the ordinary one is nothing and the largest is not."""
    if largest <= 0:
        return 0.0
    return largest / typical if typical > 0 else math.inf


def what_it_reads(stage: StageFacts) -> tuple[Spread, Spread]:
    """Give bytes and records of the shuffle that a stage reads, or of its input where it reads none."""
    if stage.parents or stage.shuffle_records.maximum or stage.shuffle_bytes.maximum:
        return stage.shuffle_bytes, stage.shuffle_records
    return stage.input_bytes, stage.input_records


def _typical(stage: StageFacts, planned: int, written: tuple[float, float] | None) -> tuple[float, float]:
    """Give what the ordinary task reads, bytes and records.

    Where fewer than half of a stage's tasks succeeded, their median tells of the lightest alone: it is the mean of all
    then, or, where that is unknown too, whatever the largest read, for nothing is known to be uneven.
    """
    sizes, records = what_it_reads(stage)
    if stage.tasks * 2 >= planned:
        return sizes.median, records.median
    if written is not None and planned:
        return written[0] / planned, written[1] / planned
    return sizes.maximum, records.maximum


def _written(stage: StageFacts, stages: tuple[StageFacts, ...]) -> tuple[float, float] | None:
    """Sum up what this stage's shuffles hold, bytes and records; None where not all of it is known."""
    wrote = [one for one in stages if one.stage_id in stage.parents]
    if not stage.parents or {one.stage_id for one in wrote} != set(stage.parents):
        return None
    return (
        float(sum(one.written_shuffle_bytes for one in wrote)),
        float(sum(one.written_shuffle_records for one in wrote)),
    )


def waiting_ms(stage: StageFacts, run_ended_at: datetime | None) -> float:
    """Give how long the oldest task without an end ran; a log's last event may come long before the run's end."""
    since, until = stage.unfinished_since or stage.started_at, stage.ended_at or run_ended_at
    by_clock = (until - since).total_seconds() * 1000 if since is not None and until is not None else 0.0
    return max(stage.unfinished_ms, by_clock)


def _share(hot: HotTask, stage: StageFacts, written: tuple[float, float] | None) -> float | None:
    count = max(1, hot.pending)
    sizes, records = what_it_reads(stage)
    by_bytes = _part(hot.bytes * count, sizes, written[0] if written else 0.0)
    by_records = _part(hot.records * count, records, written[1] if written else 0.0)
    known = [one for one in (by_bytes, by_records) if one is not None]
    return max(known) if known else None


def _part(hot: float, read: Spread, written: float) -> float | None:
    # The largest may be a failed task's, which the total lacks.
    whole = max(written, read.total, hot)
    return hot / whole if whole > 0 else None
