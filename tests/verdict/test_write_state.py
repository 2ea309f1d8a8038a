"""What the batch left in each table: every status, every doubt about absence, and whose commit is whose."""

from pathlib import Path
from typing import Any

import pytest

from tests.building_bundles import (
    CAPTURED,
    LAKE,
    OVERWRITE,
    REGIONS,
    RUN,
    before,
    broken,
    bundle,
    good_run,
    iceberg,
    iso,
    listing,
    minute,
    ms,
    run,
    snapshot,
    statuses,
    table,
    triage,
    unstamped,
)

APP = "spark-application-1795312800000"
PARQUET = {"format": "parquet"}
NO_ICEBERG = {"iceberg/target.metadata.json": None, "iceberg/target.entries.jsonl": None, "glue/table.json": None}
ORPHAN = listing(f"{LAKE}/", "data/region=eu/new.parquet", at=minute(5))


def event_log(app: str, run_id: str = RUN) -> str:
    properties = f'{{"spark.cloudwatch.logging.conf.jobRunId":"{run_id}"}}'
    return (
        f'{{"Event":"SparkListenerApplicationStart","App ID":"{app}","App Name":"orders"}}\n'
        f'{{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{properties}}}\n'
    )


def delta(*versions: tuple[float, str, str], first: int = 0) -> dict[str, Any]:
    """Make a Delta log: minutes after the start, operation mode, stamp."""
    files: dict[str, Any] = {}
    for number, (at, mode, stamp) in enumerate(versions, first):
        info = {"timestamp": ms(minute(at)), "operation": "WRITE", "operationParameters": {"mode": mode}}
        added = {"path": f"region=eu/{number}.parquet", "partitionValues": {"region": "eu"}, "size": 9}
        files[f"delta/target/_delta_log/{number:020}.json"] = [
            {"commitInfo": info | ({"userMetadata": f"batch_id={stamp}"} if stamp else {})},
            {"add": added},
        ]
    return NO_ICEBERG | files


def hudi(*names: str) -> dict[str, Any]:
    return NO_ICEBERG | {"hudi/target.timeline.json": {"files": list(names)}}


STATUSES: list[Any] = [
    pytest.param("NOT_STARTED", bundle(), id="NOT_STARTED"),
    pytest.param("UNCOMMITTED", bundle(files={"s3/target.json": ORPHAN}), id="UNCOMMITTED"),
    pytest.param("UNCOMMITTED", bundle(files={"s3/target.json": None}), id="no listing"),
    pytest.param(
        "UNCOMMITTED", bundle(files={"s3/target.json": ORPHAN | {"IsTruncated": True}}), id="listing cut short"
    ),
    pytest.param("PARTIAL", bundle(snapshot(2, 5, "eu"), declared=OVERWRITE), id="PARTIAL"),
    pytest.param("PARTIAL", bundle(snapshot(2, 5, "eu"), declared={"expected_partitions": None}), id="undeclared"),
    pytest.param("PARTIAL", bundle(snapshot(2, 5, "eu"), declared={"expected_partitions": 0}), id="none expected"),
    pytest.param(
        "PARTIAL", bundle(snapshot(2, 5, "eu"), declared={"expected_partitions": []}), id="empty list expected"
    ),
    pytest.param(
        "PARTIAL", bundle(snapshot(2, 5, *REGIONS), files={"iceberg/target.entries.jsonl": None}), id="entries unseen"
    ),
    pytest.param("COMPLETE", bundle(snapshot(2, 5, *REGIONS), declared=OVERWRITE), id="COMPLETE"),
    pytest.param("UNCERTAIN", bundle(unstamped(2, 5, "eu")), id="UNCERTAIN"),
    pytest.param("UNOBSERVED", bundle(files={"iceberg/target.metadata.json": None}), id="UNOBSERVED"),
    pytest.param(
        "PARTIAL", bundle(declared=PARQUET, files=NO_ICEBERG | {"s3/target.json": ORPHAN}), id="plain, visible"
    ),
    pytest.param("NOT_STARTED", bundle(declared=PARQUET, files=NO_ICEBERG), id="plain, nothing new"),
    pytest.param(
        "UNCOMMITTED",
        bundle(
            declared=PARQUET,
            files=NO_ICEBERG | {"s3/target.json": listing(f"{LAKE}/", "_temporary/0/p.parquet", at=minute(5))},
        ),
        id="plain, hidden",
    ),
    pytest.param(
        "UNOBSERVED",
        bundle(declared=PARQUET, files=NO_ICEBERG | {"s3/target.json": listing(f"{LAKE}/") | {"IsTruncated": True}}),
        id="plain, cut short",
    ),
    pytest.param(
        "UNOBSERVED",
        bundle(
            declared=PARQUET,
            files=NO_ICEBERG | {"s3/target.json": listing(f"{LAKE}/") | {"CommonPrefixes": [{"Prefix": "region=eu/"}]}},
        ),
        id="plain, listed with a delimiter",
    ),
    pytest.param(
        "NOT_STARTED",
        bundle(declared={"format": "delta"}, files=delta((-900, "Append", "2026-11-20"))),
        id="delta untouched",
    ),
    pytest.param(
        "PARTIAL",
        bundle(declared={"format": "delta"}, files=delta((-900, "Append", ""), (5, "Append", "2026-11-21"))),
        id="delta, ours",
    ),
    pytest.param(
        "UNOBSERVED",
        bundle(declared={"format": "delta"}, files=delta((5, "Append", "2026-11-20"))),
        id="delta created since",
    ),
    pytest.param(
        "UNOBSERVED",
        bundle(
            declared={"format": "delta"},
            files=delta((-900, "Append", "x"))
            | {
                "delta/target/_delta_log/99999999999999999999.json": [
                    {"commitInfo": {"timestamp": ms(minute(-800)), "operation": "WRITE"}}
                ]
            },
        ),
        id="delta with a hole, counted to no end",
    ),
    pytest.param(
        "UNOBSERVED",
        bundle(
            declared={"format": "delta"},
            files=delta((-900, "Append", "x"))
            | {"s3/target.json": listing(f"{LAKE}/", "_delta_log/00000000000000000001.json", at=minute(5))},
        ),
        id="delta, a newer version lies there",
    ),
    pytest.param("UNCOMMITTED", bundle(declared={"format": "hudi"}, files=hudi("20261120020000000.commit")), id="hudi"),
    pytest.param("UNOBSERVED", bundle(declared={"format": "hudi"}, files=hudi()), id="hudi, no instant"),
    pytest.param(
        "UNCERTAIN",
        bundle(declared={"format": "hudi"}, files=hudi("20261120020000000.commit", "20261122020500000.commit")),
        id="hudi, a commit since",
    ),
    pytest.param(
        "UNOBSERVED",
        bundle(declared={"format": "hudi"}, files=hudi("20261120020000000.commit", "20261122020500000.commit.new")),
        id="hudi, an unknown kind of instant",
    ),
]


@pytest.mark.parametrize(("status", "files"), STATUSES)
def test_the_status_is_what_the_table_proves(status: str, files: dict[str, Any], tmp_path: Path) -> None:
    assert statuses(triage(tmp_path, files))["target:sales.orders"] == status


OLD = before()["snapshot-id"]

DOUBTS: list[Any] = [
    pytest.param(bundle(manifest={"captured_at": iso(minute(11))}), id="observed too early"),
    pytest.param(bundle(manifest={"captured_at": None}), id="observed at no known time"),
    pytest.param(
        bundle(
            files={
                "glue/table.json": table(
                    Parameters={"metadata_location": f"{LAKE}/metadata/00009-ab12cd34.metadata.json"}
                )
            }
        ),
        id="not the current metadata",
    ),
    pytest.param(bundle(files={"glue/table.json": table("clicks")}), id="another table's catalog entry"),
    pytest.param(
        bundle(files={"s3/target.json": listing(f"{LAKE}/", "metadata/00004-ab12cd34.metadata.json", at=minute(5))}),
        id="a newer metadata file lies there",
    ),
    pytest.param(bundle(metadata={"snapshots": []}), id="current snapshot expired"),
    pytest.param(
        bundle(
            snapshot(2, 5, "eu", stamp={"batch_id": "2026-11-20"}),
            metadata={"snapshots": [snapshot(2, 5, "eu", stamp={"batch_id": "2026-11-20"})]},
        ),
        id="chain broken",
    ),
    pytest.param(bundle(metadata={"last-sequence-number": 2}), id="sequence number missing"),
    pytest.param(bundle(metadata={"last-sequence-number": None}), id="no last sequence number"),
    pytest.param(bundle(metadata={"last-sequence-number": -7}), id="negative last sequence number"),
    pytest.param(bundle(metadata={"last-sequence-number": 10**15}), id="hostile last sequence number"),
    pytest.param(
        bundle(metadata={"snapshot-log": [{"timestamp-ms": ms(minute(6)), "snapshot-id": OLD}]}), id="rolled back"
    ),
    pytest.param(bundle(metadata={"refs": {"main": {"snapshot-id": 77}}}), id="main is not the current snapshot"),
    pytest.param(bundle(metadata={"snapshots": [before(), before()]}), id="two snapshots of one id"),
    pytest.param(bundle(metadata={"current-snapshot-id": 1001.0}), id="an id that lost its digits"),
    pytest.param(bundle(files={"glue/table.json": table(CreateTime=iso(minute(1)))}), id="created since"),
    pytest.param(
        bundle(
            manifest={
                "files": {
                    "iceberg/target.metadata.json": {"uri": f"{LAKE}/metadata/00003-ab12cd34.metadata.json"},
                    "glue/table.json": {"observed_at": iso(minute(-5))},
                }
            }
        ),
        id="catalog asked too early",
    ),
    pytest.param(
        bundle(
            files={
                "tables/target/sales.orders/metadata.json": iceberg()[0],
            }
        ),
        id="two metadata files for one table",
    ),
]


@pytest.mark.parametrize("files", DOUBTS)
def test_absence_is_not_proven(files: dict[str, Any], tmp_path: Path) -> None:
    incident = triage(tmp_path, files)
    assert "TABLE_UNOBSERVED" in broken(incident)
    assert incident.rerun.decision != "SAFE"
    assert not incident.safe_to_retry


def with_app(app: str, at: float = 5) -> dict[str, Any]:
    return unstamped(2, at, "eu") | {"summary": {"operation": "append", "spark.app.id": app, "added-data-files": "1"}}


SECOND = run("jr_now_attempt_1", at=minute(12), Attempt=1)

ATTRIBUTION: list[Any] = [
    pytest.param("PARTIAL", bundle(snapshot(2, 5, "eu", stamp={"glue-job-run-id": RUN})), id="by run stamp"),
    pytest.param("UNCERTAIN", bundle(snapshot(2, 5, "eu", stamp={"comment": RUN})), id="never by bare value"),
    pytest.param(
        "UNCERTAIN",
        bundle(snapshot(2, 5, "eu", stamp={"batch_id": "2026-11-21", "job_run_id": "jr_elsewhere"})),
        id="our batch by a run that is none of ours",
    ),
    pytest.param(
        "NOT_STARTED", bundle(snapshot(2, 5, "eu", stamp={"batch_id": "2026-11-20"})), id="another batch's stamp"
    ),
    pytest.param("PARTIAL", bundle(with_app(APP), log=(f"INFO Connected, app ID {APP}",)), id="by app id in the log"),
    pytest.param(
        "UNCERTAIN",
        bundle(with_app(APP), log=("INFO Connected, app ID spark-application-1700000000000",)),
        id="a foreign app id in the log proves nothing",
    ),
    pytest.param(
        "NOT_STARTED",
        bundle(with_app(APP), files={"spark/eventlog": event_log("spark-application-1700000000000")}),
        id="not ours by the event log",
    ),
    pytest.param("UNCERTAIN", bundle(unstamped(2, 5, "eu")), id="by the window"),
    pytest.param("NOT_STARTED", bundle(unstamped(2, 5, operation="replace")), id="compaction"),
    pytest.param("UNCERTAIN", bundle(unstamped(2, 35, "eu")), id="later unknown writer"),
    pytest.param(
        "UNCERTAIN",
        bundle(
            snapshot(2, 5, "eu", stamp={"batch_id": "2026-11-21"}),
            this_run=run(batch=None),
            runs=[run("jr_2", at=minute(-2880), state="SUCCEEDED"), good_run(), run(batch=None)],
        ),
        id="while our batch is unknown, no batch is another's",
    ),
    pytest.param(
        "PARTIAL",
        bundle(snapshot(2, 5, "eu", stamp={"job_run_id": RUN}), this_run=SECOND, runs=[good_run(), run(), SECOND]),
        id="by Glue's earlier attempt",
    ),
    pytest.param(
        "PARTIAL",
        bundle(
            snapshot(2, -20, "eu", stamp={"job_run_id": "jr_first"}),
            this_run=run(PreviousRunId="jr_first"),
            runs=[good_run(), run("jr_first", at=minute(-30), batch=None), run(PreviousRunId="jr_first")],
        ),
        id="by the previous run",
    ),
    pytest.param(
        "PARTIAL",
        bundle(
            snapshot(2, -20, "eu", stamp={"job_run_id": "jr_first"}),
            runs=[good_run(), run("jr_first", at=minute(-30)), run()],
        ),
        id="by an earlier run of the batch",
    ),
    pytest.param(
        "PARTIAL",
        bundle(
            snapshot(2, -20, "eu", stamp={"job_run_id": "jr_first"}),
            runs=[good_run(), run("jr_first", at=minute(-30), batch=None), run()],
        ),
        id="by a run of unknown batch",
    ),
]


@pytest.mark.parametrize(("status", "files"), ATTRIBUTION)
def test_whose_commit_it_is(status: str, files: dict[str, Any], tmp_path: Path) -> None:
    assert statuses(triage(tmp_path, files))["target:sales.orders"] == status


def test_a_commit_that_only_the_log_knows_makes_a_half_done_overwrite_uncertain(tmp_path: Path) -> None:
    said = "INFO SnapshotProducer: Committed snapshot 7777777777777777777 (BaseReplacePartitions)"
    incident = triage(tmp_path, bundle(snapshot(2, 5, "eu"), declared=OVERWRITE, log=(said,)))
    assert statuses(incident)["target:sales.orders"] == "UNCERTAIN"
    assert incident.rerun.decision != "SAFE"


def test_a_staged_snapshot_is_committed_output_that_readers_do_not_see(tmp_path: Path) -> None:
    staged = snapshot(2, 5, "eu", operation="append")
    staged["summary"] |= {"wap.id": "w1"}
    old = {"current-snapshot-id": OLD, "refs": {"main": {"snapshot-id": OLD}}, "snapshot-log": []}
    incident = triage(tmp_path, bundle(staged, metadata=old))
    assert statuses(incident) == {"target:sales.orders": "NOT_STARTED", "staging:sales.orders": "PARTIAL"}
    assert incident.rerun.decision == "UNSAFE"


def test_several_targets_are_judged_each_by_its_own_folder(tmp_path: Path) -> None:
    files: dict[str, Any] = {}
    for name, commits in (("orders", ()), ("lines", (snapshot(2, 5, "eu", operation="append"),))):
        metadata, entries = iceberg(*commits, **{"table-uuid": name})
        files |= {
            f"tables/target/sales.{name}/metadata.json": metadata,
            f"tables/target/sales.{name}/entries.jsonl": entries,
            f"tables/target/sales.{name}/table.json": table(name, Parameters={}),
        }
    outputs = {
        "target": None,
        "outputs": [{"table": f"sales.{name}", "write_mode": "append"} for name in ("orders", "lines")],
    }
    incident = triage(tmp_path, bundle(declared=outputs, files=NO_ICEBERG | {"s3/target.json": None} | files))
    assert statuses(incident) == {"target:sales.orders": "UNCOMMITTED", "target:sales.lines": "PARTIAL"}
    assert incident.rerun.decision == "UNSAFE"


def test_evidence_of_a_like_named_table_of_another_database_is_not_taken(tmp_path: Path) -> None:
    files = NO_ICEBERG | {"s3/target.json": None, "tables/target/test.orders/metadata.json": iceberg()[0]}
    incident = triage(tmp_path, bundle(files=files))
    assert statuses(incident)["target:sales.orders"] == "UNOBSERVED"
    assert incident.as_of == CAPTURED
