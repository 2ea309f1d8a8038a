"""What the measured numbers ask for, in words that nobody can run."""

import re
from typing import Any

import pytest

from pipetriage.model.categories import CATEGORY_OF, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.evidence import TableKey
from pipetriage.model.facts import IcebergTable, ListedFile, Listing, Snapshot, TableFacts
from pipetriage.model.finding import Finding, Strength
from pipetriage.model.incident import Step
from pipetriage.verdict.cause import Cause
from pipetriage.verdict.steps_with_numbers import steps_with_numbers
from tests.building import ENDED, STARTED, make_context, make_run, make_stage, spread
from tests.detectors.building_stages import MIB, reads, scan, spark, unended, wrote

TABLE = "s3://lake/sales/events"


def cause(mode: FailureMode, *evidence: str) -> Cause:
    category = CATEGORY_OF[mode]
    finding = Finding(
        detector="d", category=category, failure_mode=mode, strength=Strength.STRONG, statement="s", evidence=evidence
    )
    return Cause(category=category, mode=mode, statement="s", deciding=(finding,), alternatives=())


def steps(mode: FailureMode, *evidence: str, **facts: Any) -> list[Step]:
    context: Context = make_context(**({"run": make_run("TIMEOUT")} | facts))
    return steps_with_numbers(context, cause(mode, *evidence), "pipeline owner")


def table(files: int, target: int | None = None, *, complete: bool = True) -> TableFacts:
    names = [f"day=2026-11-01/h={'03' if at % 3 else f'{at % 24:02d}'}/{at}.parquet" for at in range(files)]
    listing = Listing(
        uri=TABLE,
        files=tuple(ListedFile(f"{TABLE}/data/{name}", 2 * MIB, STARTED) for name in names),
        complete=complete,
        observed_at=ENDED,
        evidence="listing:sales.events",
    )
    snapshot = Snapshot(
        snapshot_id="7", parent_id=None, sequence_number=1, committed_at=STARTED, operation="append",
        summary={"total-data-files": str(files), "total-files-size": str(files * 2 * MIB)}, evidence="snapshot:7",
    )  # fmt: skip
    iceberg = IcebergTable(
        uuid=None, format_version=2, location=TABLE, metadata_uri=None, last_sequence_number=1, snapshots=(snapshot,),
        last_updated_at=STARTED, current_snapshot_id="7", refs={}, snapshot_log=(), metadata_log=(), columns=(),
        partition_fields=("day", "h"), evidence="iceberg:sales.events", observed_at=ENDED,
        target_file_size=target,
    )  # fmt: skip
    return TableFacts(key=TableKey("target", "sales.events"), iceberg=iceberg, listing=listing)


def test_the_key_its_share_and_into_how_many_parts() -> None:
    hot = wrote(39_000 + 5_000_000, 39 * 102_400 + 600 * MIB)
    told = steps(
        FailureMode.SKEWED_KEY,
        "stage-3.0",
        spark=spark(
            hot, unended(keys=("customer_id",), operators=("Sort", "SortMergeJoin")),
            executor_memory=4 * 2**30, executor_cores=2,
            settings={"spark.sql.adaptive.enabled": "false"},
        ),
    )  # fmt: skip
    assert told[0].action == "Salt customer_id, or handle its heaviest value by itself: about 10 parts in place of one."
    assert "one task of 40 in stage 3 had 5,000,000 records (600 MiB) to read, the median task 1,000" in told[0].why
    assert "99.4% of all that was shuffled" in told[0].why
    assert "adaptive execution, which would split such a partition of a join by itself, is off" in told[0].why
    assert (told[0].approver, told[0].evidence) == ("pipeline owner", ["stage-3.0"])
    assert len(told) == 1, "no memory was measured"


def test_an_unknown_key_is_not_made_up() -> None:
    told = steps(FailureMode.SKEWED_KEY, "stage-7", spark=spark(make_stage(shuffle_records=spread(9_000_000, 10_000))))
    assert told[0].action.startswith("Salt the key that stage 7 shuffles by")


def test_the_memory_that_was_used_beside_what_is_configured() -> None:
    stage = make_stage(
        peak_memory=310 * MIB, memory_spilled=3 * 2**30, disk_spilled=2**30, gc_ms=30_000, run_ms=100_000,
        executors_lost=4, failure_reason="Job aborted",
    )  # fmt: skip
    (told,) = steps(
        FailureMode.RESOURCE_EXHAUSTED,
        "log-1",
        run=make_run(worker_type="G.1X", number_of_workers=10),
        spark=spark(make_stage(stage_id=1), stage, executor_memory=640 * MIB, executor_cores=2, peak_heap=600 * MIB),
    )
    assert told.why == (
        "in stage 7 the largest task held 310 MiB of execution memory, tasks spilled 3.00 GiB (1.00 GiB on disk), 4 "
        "tasks lost their executor, the largest heap in use was 600 MiB, 30% of the tasks' time was garbage "
        "collection; an executor has 640 MiB for 2 tasks at once, the run had 10 G.1X workers"
    )


def test_the_worst_partitions_and_how_many_files_they_would_be() -> None:
    (told,) = steps(FailureMode.MANY_TABLE_FILES, "snapshot:7", tables=(table(900),))
    assert told.action.startswith(
        "Compact these partitions of sales.events first, with approval: "
        "day=2026-11-01/h=03 (638 files, 1.25 GiB → 3 files); day=2026-11-01/h="
    )
    assert told.action.count("→") == 5
    assert told.why.startswith("8 partitions hold 900 files, 1.76 GiB in all; at 512 MiB a file they would be 10")
    assert told.evidence == ["listing:sales.events"]


def test_the_tables_own_target_size_counts() -> None:
    (told,) = steps(FailureMode.MANY_TABLE_FILES, "snapshot:7", tables=(table(900, target=64 * MIB),))
    assert "(638 files, 1.25 GiB → 20 files)" in told.action
    assert "at 64.0 MiB a file" in told.why


def test_a_listing_that_is_cut_short_says_so() -> None:
    (told,) = steps(FailureMode.MANY_TABLE_FILES, "snapshot:7", tables=(table(900, complete=False),))
    assert told.why.endswith("the listing is not complete, so there are more")


def test_a_table_that_the_cause_does_not_rest_on_asks_for_nothing() -> None:
    assert steps(FailureMode.MANY_INPUT_FILES, "source-listing", tables=(table(900),)) == []


def test_a_scan_of_a_table_that_is_no_output() -> None:
    read = spark(executions=(reads(scan(files=10_800, size=12 * MIB, partitions=3_600)),))
    (told,) = steps(FailureMode.MANY_TABLE_FILES, "execution-4", spark=read)
    assert told.action == (
        "Have the files that lake.sales.events is read from merged, with approval: 10,800 files in 3,600 partitions."
    )
    assert told.why.endswith("at 512 MiB a file they would be 3,600")


def test_a_run_that_succeeded_asks_for_nothing() -> None:
    assert steps(FailureMode.MANY_TABLE_FILES, "snapshot:7", run=make_run("SUCCEEDED"), tables=(table(900),)) == []


@pytest.mark.parametrize("mode", [FailureMode.SKEWED_KEY, FailureMode.MANY_TABLE_FILES, FailureMode.RESOURCE_EXHAUSTED])
def test_no_step_can_be_pasted_as_a_statement(mode: FailureMode) -> None:
    hot = wrote(39_000 + 5_000_000, 39 * 102_400 + 600 * MIB)
    stage = unended(peak_memory=9 * MIB, memory_spilled=MIB)
    told = steps(mode, "stage-3.0", "snapshot:7", tables=(table(900),), spark=spark(hot, stage))
    assert told
    statement = re.compile(r"\b(?:CALL|ALTER|DELETE|INSERT|OPTIMIZE|VACUUM|rewrite_data_files|SET spark)\b|;\s*$")
    assert not any(statement.search(one.action) for one in told)
    assert all(one.verify is None for one in told)
