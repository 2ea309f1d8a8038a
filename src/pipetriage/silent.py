"""Is a success one? Pure: what was seen of a run that succeeded, to the reasons to triage it all the same.

A tripped check costs a triage, a missed one costs data; yet what good runs do again and again is no news.
"""

from collections.abc import Iterator, Sequence

from pipetriage.detectors.volumes import FEWEST_RUNS, known, records_written, settled, usual, usually_quiet
from pipetriage.model.evidence import Gap, Signal, Unanswered
from pipetriage.model.facts import GoodRun
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.model.success import Check, Look, Success, Suspicion
from pipetriage.settings import ThresholdSettings


def look(success: Success, pipeline: Pipeline, thresholds: ThresholdSettings) -> Look:
    """Ask every check."""
    past = settled(success.past, thresholds)
    found = [
        *_records_low(success, past, pipeline, thresholds),
        *_nothing_written(success, past, pipeline),
        *_partitions_missing(success, pipeline),
        *_bookmark_found_nothing(success, past),
        *_swallowed(success),
    ]
    gaps = [*success.gaps, *_not_compared(success, past, pipeline, thresholds)]
    return Look(suspicions=found, gaps=gaps, unanswered=any(isinstance(one, Unanswered) for one in gaps))


def _records_low(
    success: Success, past: Sequence[GoodRun], pipeline: Pipeline, thresholds: ThresholdSettings
) -> Iterator[Suspicion]:
    wrote = success.own.records if success.own is not None else None
    least = pipeline.min_records
    # What was read is what is declared, where it was counted; a job may well write fewer.
    counts = ((success.records_read, "read", success.read_locator), (wrote, "wrote", success.volumes_locator))
    counted = next((one for one in counts if one[0] is not None), None)
    if least is not None and counted is not None and counted[0] is not None and counted[0] < least:
        count, did, locator = counted
        said = f"the run {did} {count:,} records, at least {least:,} are declared"
        yield Suspicion(check=Check.RECORDS_LOW, statement=said, locator=locator)
        return
    than = usual(records_written(past), thresholds)
    if wrote is None or than is None or wrote >= than.bound or (wrote == 0 and usually_quiet(past)):
        return
    said = f"the run wrote {wrote:,} records, {than.mean:,.0f} in the mean of {than.runs} good runs"
    yield Suspicion(check=Check.RECORDS_LOW, statement=said, locator=success.volumes_locator)


def _nothing_written(success: Success, past: Sequence[GoodRun], pipeline: Pipeline) -> Iterator[Suspicion]:
    before = known(success.past)
    if success.own is None or success.own.records != 0 or not before or usually_quiet(past):
        return
    wrote = sum(one.records != 0 for one in before)
    tables = ", ".join(one.table for one in pipeline.final_outputs())
    said = f"the run wrote nothing to {tables}, which {wrote} of the last {len(before)} good runs wrote to"
    yield Suspicion(check=Check.NOTHING_WRITTEN, statement=said, locator=success.volumes_locator)


def _partitions_missing(success: Success, pipeline: Pipeline) -> Iterator[Suspicion]:
    for output in pipeline.declared_outputs():
        expected = _expected(output)
        seen = next((one for one in success.delivered if (one.role, one.table) == (output.role, output.table)), None)
        if seen is None or seen.partitions_at_most is None or seen.partitions_at_most >= expected:
            continue
        said = (
            f"the run wrote to {seen.partitions_at_most} partitions of {output.table} at most, in {seen.commits} "
            f"commits, where {expected} are declared"
        )
        yield Suspicion(check=Check.PARTITIONS_MISSING, statement=said, locator=seen.locator)


def _expected(output: Output) -> int:
    """Count the partitions that are declared; 0 where only the batch's own input tells."""
    declared = output.expected_partitions
    if isinstance(declared, list):
        return len({str(one) for one in declared})
    return declared if isinstance(declared, int) and not isinstance(declared, bool) else 0


def _bookmark_found_nothing(success: Success, past: Sequence[GoodRun]) -> Iterator[Suspicion]:
    if not success.bookmark or usually_quiet(past):
        return
    read = [one for one in (success.records_read, success.files_read) if one is not None]
    if read and not any(read):
        said, locator = "the job keeps a bookmark, and by its metrics the run read nothing", success.read_locator
    elif not read and success.own is not None and success.own.records == 0:
        said = "the job keeps a bookmark, and the run wrote nothing; no metrics say what it read"
        locator = success.volumes_locator
    else:
        return
    yield Suspicion(check=Check.BOOKMARK_FOUND_NOTHING, statement=said, locator=locator)


def _swallowed(success: Success) -> Iterator[Suspicion]:
    if success.swallowed is not None:
        said = "Glue's exception analysis says that the job failed, and the run is called a success"
        yield Suspicion(check=Check.SWALLOWED_FAILURE, statement=said, locator=success.swallowed)


def _not_compared(
    success: Success, past: Sequence[GoodRun], pipeline: Pipeline, thresholds: ThresholdSettings
) -> Iterator[Gap]:
    """Say why the run's volume was held against nothing; where it is not known at all, that is a gap already."""
    if success.own is None:
        return
    wrote, counted = success.own.records, records_written(past)
    if pipeline.min_records is not None and (wrote is not None or success.records_read is not None):
        return
    fix = "declare min_records, to have what the job's metrics count as read held against that"
    if wrote is None:
        reason = (
            "how many records the run brought cannot be told from its commits (a merge rewrites whole files), so they "
            "were not held against those of earlier runs"
        )
    elif not known(success.past):
        reason = "no good run before this one is seen in the tables, so there is nothing to compare with"
    elif wrote and usual(counted, thresholds) is None:
        reason = (
            f"of {len(counted)} good runs before this one it is known how many records they brought, fewer than "
            f"{FEWEST_RUNS}: too few to compare with"
        )
    else:
        return
    yield Gap(source=str(Signal.HISTORY), reason=reason, fix=fix)
