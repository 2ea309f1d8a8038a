"""From a bundle's documents to the context: what makes no sense becomes a gap, never an exception or "nothing"."""

from pathlib import Path
from typing import Any

import pytest

from pipetriage.context.build import build_context
from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.settings import ContextSettings, SettleSettings
from pipetriage.sources.bundle import BundleCollector
from tests.building_bundles import BATCH, RUN, bundle, good_run, listing, minute, run, snapshot, write


def built(folder: Path, files: dict[str, Any]) -> Context:
    return build_context(BundleCollector(write(folder, files), SettleSettings()).collect(), ContextSettings())


def test_the_run_its_batch_and_its_history(tmp_path: Path) -> None:
    context = built(tmp_path, bundle())
    assert (context.facts.run.run_id, context.facts.run.batch_id) == (RUN, BATCH)
    assert [one.run_id for one in context.facts.history] == ["jr_good", RUN]
    assert context.facts.history_complete
    assert context.facts.source_uri == f"s3://raw/orders/{BATCH}/"


def test_the_batch_is_read_from_the_source_path(tmp_path: Path) -> None:
    this = run(Arguments={"--input": "s3://raw/orders/2026-11-19/"})
    context = built(tmp_path, bundle(this_run=this, declared={"batch_id": {"from": "path"}}))
    assert context.facts.run.batch_id == "2026-11-19"


def test_secrets_are_redacted_and_ids_are_kept(tmp_path: Path) -> None:
    this = run(Arguments={"--batch_id": BATCH, "--db_password": "hunter2-very-secret"})
    context = built(tmp_path, bundle(snapshot(2, 5, "eu"), this_run=this))
    assert "hunter2" not in str(context)
    assert context.facts.tables[0].iceberg is not None
    assert [one.snapshot_id for one in context.facts.tables[0].iceberg.snapshots] == ["1001", "1002"]


GAPS: list[Any] = [
    pytest.param("job_run", {"glue/job_run.json": {"JobRun": run("jr_other")}}, id="another run's JobRun"),
    pytest.param("job_run", {"glue/job_run.json": {"Message": "denied"}}, id="no JobRun"),
    pytest.param("job_runs", {"glue/job_runs.json": {"JobRuns": [good_run()]}}, id="history without this run"),
    pytest.param("job_runs", {"glue/job_runs.json": {"JobRuns": [run(), {}]}}, id="a run without an id"),
    pytest.param("job", {"glue/job.json": {"Job": {"Name": "clicks"}}}, id="another job"),
    pytest.param("job", {"glue/job.json": 7}, id="a number"),
    pytest.param("job_bookmark", {"glue/job_bookmark.json": {"Error": "x"}}, id="no bookmark document"),
    pytest.param("source_listing", {"s3/source.json": []}, id="no page of a listing"),
    pytest.param("source_listing", {"s3/source.json": [{"Key": "a"}]}, id="a listing's bare contents"),
    pytest.param("source_listing", {"s3/source.json": {"Error": {"Code": "AccessDenied"}}}, id="a refusal"),
    pytest.param("source_listing", {"s3/source.json": ""}, id="an empty file"),
    pytest.param(
        "iceberg_metadata:sales.orders", {"iceberg/target.metadata.json": {"format-version": 9}}, id="unknown version"
    ),
    pytest.param("iceberg_metadata:sales.orders", {"iceberg/target.metadata.json": "{"}, id="cut JSON"),
]


@pytest.mark.parametrize(("source", "files"), GAPS)
def test_what_makes_no_sense_is_a_gap(source: str, files: dict[str, Any], tmp_path: Path) -> None:
    declared = {"source": "s3://raw/{batch_id}/"}
    enabled = run(Arguments={"--batch_id": BATCH, "--job-bookmark-option": "job-bookmark-enable"})
    context = built(tmp_path, bundle(this_run=enabled, declared=declared, files=files))
    gap = next(one for one in context.gaps if one.source == source)
    assert gap.reason
    assert gap.fix or gap.effect
    if ":" not in source:
        assert Signal(source) not in context.seen


def test_an_empty_listing_is_not_a_gap(tmp_path: Path) -> None:
    context = built(tmp_path, bundle(files={"s3/source.json": {"KeyCount": 0}}))
    assert context.facts.source is not None
    assert context.facts.source.files == ()
    assert context.facts.source.complete


def test_a_listing_with_an_unreadable_member_is_not_whole(tmp_path: Path) -> None:
    pages = listing(f"s3://raw/orders/{BATCH}/", "a.csv")
    pages["Contents"].append({"Size": 3})
    context = built(tmp_path, bundle(files={"s3/source.json": pages}))
    assert context.facts.source is not None
    assert not context.facts.source.complete


def test_runs_without_a_start_come_first_and_end_nowhere(tmp_path: Path) -> None:
    odd = run("jr_odd", at=minute(-60), state="NEWSTATE", CompletedOn=None, StartedOn=None, LastModifiedOn=1)
    context = built(tmp_path, bundle(runs=[good_run(), odd, run()]))
    assert context.facts.history[0].run_id == "jr_odd"
    assert context.facts.history[0].ended_at is None
