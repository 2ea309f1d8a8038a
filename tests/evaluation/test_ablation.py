"""Leaving a signal out in memory is the same as a bundle without its files."""

import shutil
from pathlib import Path

import pytest

from pipetriage.entrypoints.evaluate import MakeTriage
from pipetriage.model.evidence import Signal
from pipetriage.model.incident import Incident
from tests.evaluation.building import copy_case

FILES = {
    Signal.LOGS: ["logs"],
    Signal.JOB_RUNS: ["glue/job_runs.json"],
    Signal.JOB: ["glue/job.json"],
    Signal.TABLE: ["glue/table.json"],
    Signal.ICEBERG_METADATA: ["iceberg/target.metadata.json", "iceberg/staging.metadata.json"],
    Signal.ICEBERG_ENTRIES: ["iceberg/target.entries.jsonl", "iceberg/staging.entries.jsonl"],
    Signal.SOURCE_LISTING: ["s3/source.json"],
    Signal.CONTROL: ["control/rows.json"],
}


def told(incident: Incident) -> tuple[object, ...]:
    return (
        incident.failure_category,
        incident.failure_mode,
        incident.rerun.decision,
        incident.safe_to_retry,
        incident.confidence,
        [(state.table, state.status) for state in incident.write_state],
        sorted(gap.source for gap in incident.gaps),
    )


@pytest.mark.parametrize("case", ["missing_source_path", "failure_after_staging_write", "throttled_before_write"])
@pytest.mark.parametrize("signal", FILES, ids=str)
def test_a_signal_left_out_is_a_gap_as_if_its_files_were_absent(tmp_path: Path, case: str, signal: Signal) -> None:
    whole, cut = copy_case(tmp_path / "whole", case), copy_case(tmp_path / "cut", case)
    for name in FILES[signal]:
        path = cut / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    ablated = MakeTriage(None, frozenset({signal}))()(whole)

    assert told(ablated) == told(MakeTriage(None, frozenset())()(cut))


def test_without_table_evidence_nothing_is_safe(tmp_path: Path) -> None:
    case = copy_case(tmp_path, "throttled_before_write")
    assert MakeTriage(None, frozenset())()(case).safe_to_retry
    dropped = frozenset({Signal.ICEBERG_METADATA, Signal.ICEBERG_ENTRIES, Signal.TABLE, Signal.TABLE_LISTING})
    assert not MakeTriage(None, dropped)()(case).safe_to_retry
