"""A bundle folder: every file but bundle.json may be absent, and an absent or unreadable one is a gap."""

from pathlib import Path
from typing import Any

import pytest

from pipetriage.errors import BundleError
from pipetriage.model.evidence import Collected, Signal, observations_of
from pipetriage.settings import SettleSettings
from pipetriage.sources.bundle import BundleCollector
from tests.building_bundles import CAPTURED, RUN, bundle, iso, minute, write


def collected(folder: Path, files: dict[str, Any]) -> Collected:
    return BundleCollector(write(folder, files), SettleSettings()).collect()


def test_every_file_is_an_observation_as_of_the_capture(tmp_path: Path) -> None:
    seen = collected(tmp_path, bundle())
    assert not seen.live
    assert seen.captured_at == CAPTURED
    assert seen.settle_seconds == 120
    assert all(one.observed_at == CAPTURED for one in seen.observations)
    metadata = next(iter(observations_of(seen, Signal.ICEBERG_METADATA)))
    assert metadata.uri is not None
    assert metadata.table == ("target", "sales.orders")


def test_absent_files_are_gaps_that_name_the_file(tmp_path: Path) -> None:
    seen = collected(tmp_path, bundle(files={"glue/job.json": None, "iceberg/target.metadata.json": None}))
    reasons = {gap.source: gap.reason for gap in seen.gaps}
    assert "glue/job.json" in reasons["job"]
    assert "iceberg_metadata:sales.orders" in reasons


def test_a_file_may_say_when_it_was_seen_and_that_it_is_cut_short(tmp_path: Path) -> None:
    note = {"files": {"s3/source.json": {"observed_at": iso(minute(20)), "complete": False, "uri": "s3a://raw/x/"}}}
    listing = next(iter(observations_of(collected(tmp_path, bundle(manifest=note)), Signal.SOURCE_LISTING)))
    assert (listing.observed_at, listing.complete) == (minute(20), False)


def test_the_run_is_taken_from_the_job_run_where_the_manifest_does_not_name_it(tmp_path: Path) -> None:
    assert collected(tmp_path, bundle(manifest={"run": {}})).run.job_run_id == RUN


def test_a_bundle_without_a_time_was_taken_before_everything(tmp_path: Path) -> None:
    seen = collected(tmp_path, bundle(manifest={"captured_at": "soon"}))
    assert seen.captured_at.year == 1971
    assert any(gap.source == "bundle" for gap in seen.gaps)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"bundle.json": "{"},
        {"bundle.json": {"bundle_version": 2, "run": {"job_run_id": RUN}}},
        {"bundle.json": {"bundle_version": 1, "run": {"job_name": "orders"}}},
        {"bundle.json": {"bundle_version": 1, "run": {"job_run_id": RUN}, "pipeline": {"write_mode": "upsert"}}},
    ],
)
def test_a_folder_that_is_no_bundle_is_said_to_be_none(files: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"bundle|run"):
        collected(tmp_path, files)


def test_a_link_out_of_the_bundle_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "secret.json"
    outside.write_text("{}")
    folder = write(tmp_path / "bundle", bundle(files={"glue/job.json": None}))
    (folder / "glue" / "job.json").symlink_to(outside)
    seen = BundleCollector(folder, SettleSettings()).collect()
    assert not list(observations_of(seen, Signal.JOB))
    assert any(gap.source == "job" for gap in seen.gaps)


def test_a_misspelled_declaration_is_a_gap_that_names_it(tmp_path: Path) -> None:
    files = bundle()
    files["bundle.json"]["pipeline"]["other_efects"] = ["a queue"]
    gaps = [gap.reason for gap in collected(tmp_path, files).gaps if gap.source == "declaration"]
    assert gaps == ["bundle.json: pipeline has no setting 'other_efects'"]
