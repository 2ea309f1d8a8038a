"""Every labelled case of ``cases/``: the right category, the right retry decision, and a readable golden file.

Refresh the golden files with ``UPDATE_GOLDEN=1 pytest tests/test_cases.py`` and review the difference.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipetriage.bootstrap import open_app
from pipetriage.model.incident import Incident, to_json
from pipetriage.model.write_state import RerunDecision, WriteState
from tests.lost_cases import LOST

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
# Hundreds more are scored as a set (``test_corpus.py``): too many for anyone to review a golden file of each.
SCORED_AS_A_SET = ("lab_", "rec_", "aws_", "adv_")
CASES = sorted(
    path.parent.name
    for path in (ROOT / "cases").glob("*/expected.yaml")
    if not path.parent.name.startswith(SCORED_AS_A_SET)
)
REFRESH = os.environ.get("UPDATE_GOLDEN") == "1"

# The contract (design section 5): these ten, in this order.
FIRST_KEYS = [
    "pipeline_name",
    "job_run_id",
    "status",
    "failure_category",
    "likely_root_cause",
    "affected_source_path",
    "affected_table",
    "safe_to_retry",
    "recommended_action",
    "confidence",
]


@cache
def triaged(case: str) -> Incident:
    return open_app(use_store=False).triage(str(ROOT / "cases" / case))


def labels(case: str) -> dict[str, Any]:
    read = yaml.safe_load((ROOT / "cases" / case / "expected.yaml").read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


def test_the_starter_scenarios_are_there() -> None:
    assert len(CASES) >= 11


@pytest.mark.parametrize("case", CASES)
def test_category_and_retry_decision(case: str) -> None:
    incident, expected = triaged(case), labels(case)
    assert incident.failure_category in {expected["failure_category"], *expected["acceptable_categories"]}
    # Never safer than the label; less safe only where the reason is written down.
    assert incident.safe_to_retry is (expected["safe_to_retry"] and case not in LOST)
    if incident.rerun.decision is RerunDecision.SAFE:
        assert expected["rerun_harmless"] is True


@pytest.mark.parametrize("case", CASES)
def test_every_claim_cites_evidence_that_is_there(case: str) -> None:
    incident = triaged(case)
    cited: list[Any] = [
        *incident.findings,
        *incident.write_state,
        *incident.exposure,
        *incident.alternatives,
        *incident.recommended_steps,
        *incident.options,
        *incident.rerun.reasons,
        *incident.retry_reasons,
    ]
    known = {one.id for one in incident.evidence}
    assert {name for one in cited for name in one.evidence} <= known
    assert all(finding.evidence for finding in incident.findings)


@pytest.mark.parametrize("case", CASES)
def test_the_json_begins_with_the_ten_contract_fields(case: str) -> None:
    assert list(json.loads(to_json(triaged(case))))[:10] == FIRST_KEYS


@pytest.mark.parametrize("case", CASES)
def test_labels_do_not_reach_the_verdict(case: str) -> None:
    # expected.yaml is for evaluation: no evidence may come from it.
    assert not any("expected" in (one.locator or "") for one in triaged(case).evidence)


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    text, path = shown(triaged(case)), GOLDEN / f"{case}.txt"
    if REFRESH:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), "no golden file yet: set UPDATE_GOLDEN=1 once, and review what it writes"
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_file_has_its_case() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == CASES


def shown(incident: Incident) -> str:
    """Write what a reviewer compares: the verdict and its reasons, no timings."""
    broken = [one.rule for one in (*incident.rerun.reasons, *incident.retry_reasons) if not one.holds]
    lines = [
        f"{incident.failure_category}/{incident.failure_mode}",
        f"safe to retry: {'yes' if incident.safe_to_retry else 'no'}",
        f"rerun: {incident.rerun.decision}",
        f"wait for: {incident.rerun.wait_for or '-'}",
        f"affected: {incident.affected_table or '-'} from {incident.affected_source_path or '-'}",
        "",
        "write state",
        *(f"  {write_state(one)}" for one in incident.write_state),
        "exposure",
        *(f"  {one.consumer} {one.status} through {one.via}" for one in incident.exposure),
        "rules that fail",
        *(f"  {rule}" for rule in broken),
        "findings",
        *(f"  {one.detector} {one.category}/{one.failure_mode} {one.strength}" for one in incident.findings),
        "alternatives",
        *(f"  {one.category}" for one in incident.alternatives),
        "steps",
        *(
            f"  {one.action}" + (f" (approver: {one.approver})" if one.approver else "")
            for one in incident.recommended_steps
        ),
        f"route: {', '.join([incident.route.queue, *incident.route.also])}",
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def write_state(one: WriteState) -> str:
    """Write one table's state on a line."""
    expected = "?" if one.partitions_expected is None else one.partitions_expected
    written = "?" if one.partitions_written is None else one.partitions_written
    missing = f", missing {', '.join(one.partitions_missing)}" if one.partitions_missing else ""
    leftovers = "unknown" if one.uncommitted_files is None else one.uncommitted_files
    return (
        f"{one.role} {one.table}: {one.status}, {written} of {expected} partitions{missing}, {len(one.commits)} commits"
        f", {one.records_written} records, {leftovers} uncommitted files"
    )


@pytest.mark.parametrize("case", CASES)
def test_iceberg_metadata_agrees_with_itself_and_the_catalog(case: str) -> None:
    metadata = pytest.importorskip("pyiceberg.table.metadata")
    folder = ROOT / "cases" / case
    notes = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["files"]
    for path in sorted((folder / "iceberg").glob("*.metadata.json")):
        table = metadata.TableMetadataUtil.parse_raw(path.read_text(encoding="utf-8"))
        numbers = [snapshot.sequence_number for snapshot in table.snapshots]
        assert numbers == list(range(1, table.last_sequence_number + 1))
        assert [one.snapshot_id for one in table.snapshot_log] == [one.snapshot_id for one in table.snapshots]
        assert table.current_snapshot_id == table.refs["main"].snapshot_id == table.snapshots[-1].snapshot_id
        assert len(table.metadata_log) == len(table.snapshots)
        if path.name.startswith("target"):
            catalog = json.loads((folder / "glue" / "table.json").read_text(encoding="utf-8"))["Table"]["Parameters"]
            assert catalog["metadata_location"] == notes[f"iceberg/{path.name}"]["uri"]
            assert catalog["previous_metadata_location"] == table.metadata_log[-1].metadata_file
