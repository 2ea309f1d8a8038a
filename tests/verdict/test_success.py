"""What is said of a run that is called a success, and left less than it should have; from bundles."""

from pathlib import Path
from typing import Any

import pytest

from pipetriage.model.incident import Incident
from tests.building_bundles import REGIONS, bundle, good_run, run, snapshot, triage

DONE = {
    "this_run": run(state="SUCCEEDED"),
    "files": {"logs/error/jr_now.jsonl": [{"timestamp": 1, "message": "INFO done"}]},
}
EVENT = (
    "26/11/22 02:05:00 ERROR GlueExceptionAnalysisListener: [Glue Exception Analysis] "
    '{"Event": "GlueExceptionAnalysisJobFailed", "Timestamp": 1, "Failure Reason": "acme.Stopped: half way"}'
)


def judged(folder: Path, *since: Any, **more: Any) -> Incident:
    incident = triage(folder, bundle(*since, **(DONE | more)))
    assert not incident.safe_to_retry
    return incident


def test_declared_partitions_that_did_not_come_are_a_partial_write(tmp_path: Path) -> None:
    incident = judged(tmp_path, snapshot(2, 5, *REGIONS[:2]))
    assert incident.failure_category == "PARTIAL_WRITE_RISK"
    assert incident.write_state[0].partitions_missing == ["us"]
    assert "called a success, yet did not write all of sales.orders" in incident.likely_root_cause
    assert "failed" not in incident.likely_root_cause


def test_a_success_that_wrote_all_is_one(tmp_path: Path) -> None:
    incident = judged(tmp_path, snapshot(2, 5, *REGIONS))
    assert incident.failure_mode == "NO_FAILURE_FOUND"
    assert "wrote nothing" not in incident.likely_root_cause


def test_partitions_that_nobody_declared_are_not_missing(tmp_path: Path) -> None:
    incident = judged(tmp_path, snapshot(2, 5, "eu"), declared={"expected_partitions": None})
    assert incident.failure_mode == "NO_FAILURE_FOUND"


def test_a_success_that_wrote_nothing_says_so(tmp_path: Path) -> None:
    incident = judged(tmp_path)
    assert incident.failure_category == "UNKNOWN"
    assert "It wrote nothing to sales.orders" in incident.likely_root_cause


@pytest.mark.parametrize(("regions", "category"), [(REGIONS, "UNKNOWN"), (REGIONS[:1], "PARTIAL_WRITE_RISK")])
def test_a_failure_that_the_job_passed_over_is_told(regions: tuple[str, ...], category: str, tmp_path: Path) -> None:
    log = {"logs/error/jr_now.jsonl": [{"timestamp": 1795312800000, "message": EVENT, "logStreamName": "jr_now"}]}
    incident = judged(tmp_path, snapshot(2, 5, *regions), files=log)
    assert incident.failure_category == category
    assert "half way" in incident.likely_root_cause
    assert any(one.excerpt and "half way" in one.excerpt for one in incident.evidence)


def test_a_history_of_what_runs_wrote_speaks_for_this_run(tmp_path: Path) -> None:
    past = [{"job_run_id": f"jr_{number}", "records": 90_000 + number} for number in range(8)]
    document = {"counted": "written", "runs": past, "this_run": {"job_run_id": "jr_now", "records": 300}}
    files = DONE["files"] | {"history.json": document}
    incident = judged(tmp_path, snapshot(2, 5, *REGIONS), files=files, runs=[good_run(), run(state="SUCCEEDED")])
    assert (incident.failure_category, incident.failure_mode) == ("SOURCE_DELAY", "LOW_RECORD_COUNT")
    assert any(one.source == "history" and "300" in one.summary for one in incident.evidence)
