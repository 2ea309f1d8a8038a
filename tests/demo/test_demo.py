"""The demo, really played: what it tells must be what is in its tables."""

import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("pyarrow")

from pipetriage.demo.command import run
from pipetriage.errors import MissingExtraError, UsageError
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.incident import Incident
from pipetriage.model.write_state import ExposureStatus, RerunDecision, WriteStatus


class Played(NamedTuple):
    folder: Path
    code: int
    text: str
    incidents: list[Incident]
    seconds: float


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo") / "kept"
    lines: list[str] = []
    incidents: list[Incident] = []
    began = time.monotonic()
    code = run(folder, lines.append, incidents.append)
    return Played(folder, code, "\n".join(lines), incidents, time.monotonic() - began)


def test_it_ends_well_and_soon(played: Played) -> None:
    assert played.code == 0
    assert played.seconds < 30
    assert len(played.incidents) == 2


def test_the_half_written_day_is_called_by_its_name(played: Played) -> None:
    incident = played.incidents[0]
    assert incident.failure_category is Category.SCHEMA_DRIFT
    assert incident.failure_mode is FailureMode.NEW_COLUMN
    assert "discount_code" in incident.likely_root_cause
    assert not incident.safe_to_retry
    assert incident.rerun.decision is RerunDecision.UNSAFE


def test_it_says_what_was_written_and_what_is_missing(played: Played) -> None:
    states = {state.role: state for state in played.incidents[0].write_state}
    staging, target = states["staging"], states["target"]
    assert staging.status is WriteStatus.PARTIAL
    assert (staging.partitions_written, staging.partitions_expected) == (9, 12)
    assert staging.partitions_missing == ["milan", "oslo", "vienna"]
    assert len(staging.commits) == 9
    assert target.status is WriteStatus.NOT_STARTED
    assert f"Staging before: {staging.records_written} rows, {staging.records_written} distinct" in played.text


def test_it_confirms_that_the_report_read_the_partial_day(played: Played) -> None:
    [exposure] = played.incidents[0].exposure
    assert exposure.consumer == "revenue_report"
    assert exposure.owner == "bi-team"
    assert exposure.status is ExposureStatus.CONFIRMED
    staging = next(state for state in played.incidents[0].write_state if state.role == "staging")
    assert exposure.snapshot_id in {commit.snapshot for commit in staging.commits}


def test_every_cited_evidence_is_in_the_incident(played: Played) -> None:
    for incident in played.incidents:
        known = {evidence.id for evidence in incident.evidence}
        cited = {name for finding in incident.findings for name in finding.evidence}
        cited |= {name for step in incident.recommended_steps for name in step.evidence}
        assert cited <= known


def test_the_blind_rerun_really_duplicates_and_is_undone(played: Played) -> None:
    rows = next(state for state in played.incidents[0].write_state if state.role == "staging").records_written
    assert rows
    assert f"after the blind rerun: {2 * rows} rows, {rows} distinct orders: {rows} orders twice, in 9 shops" in (
        played.text
    )
    assert f"{rows} rows, as before" in played.text


def test_late_input_is_safe_to_retry_once_it_is_there(played: Played) -> None:
    incident = played.incidents[1]
    assert incident.failure_category is Category.SOURCE_DELAY
    assert incident.failure_mode is FailureMode.MISSING_PATH
    assert incident.safe_to_retry
    assert "the input still missing: not now" in played.text
    assert "the input there: go" in played.text
    sent = int(played.text.split("Clicks sent: ")[1].split(".")[0])
    assert f"In the table: {sent} rows, {sent} distinct." in played.text


def test_what_is_kept_can_be_triaged_again(played: Played) -> None:
    from pipetriage.bootstrap import open_app

    again = open_app(config=played.folder / "pipetriage.toml").triage("local:orders_daily/latest")
    assert again.incident_id == played.incidents[0].incident_id
    assert again.failure_category is played.incidents[0].failure_category


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        run(tmp_path, print, print)
    with pytest.raises(UsageError, match="cannot use"):
        run(tmp_path / "mine.txt", print, print)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_pyarrow_the_command_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pipetriage\[demo\]"):
        run(tmp_path / "new", print, print)
    assert not (tmp_path / "new").exists()


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def interrupted(line: str) -> None:
        if "SUCCEEDED" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(None, interrupted, print)
    assert list(tmp_path.iterdir()) == []
