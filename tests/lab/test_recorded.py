"""The cases that failing programs left on real Spark (``lab/spark/recorder.py``): read, neutral, small, labelled."""

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.spark.recorded.plans import PROGRAMS
from lab.spark.recorded.program import Program
from lab.split import split_of
from pipetriage.bootstrap import open_app
from pipetriage.model.incident import Incident

CASES = Path(__file__).parents[2] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("rec_*/expected.yaml"))
CATEGORIES = {
    "SCHEMA_DRIFT", "DATA_SKEW", "SMALL_FILE_PRESSURE", "SOURCE_DELAY", "CODE_REGRESSION", "PERMISSION_ERROR",
    "PARTIAL_WRITE_RISK", "UNKNOWN",
}  # fmt: skip
MACHINE = re.compile(rb"file:/|/(?:work/|root\b)|127\.0\.0\.1|pyenv|build/recorded")
"""What would tell on whose machine a case was made."""
MOST_BYTES = 115_000


@cache
def triaged(case: str) -> Incident:
    return open_app(use_store=False).triage(str(CASES / case))


def labels(case: str) -> dict[str, Any]:
    read = yaml.safe_load((CASES / case / "expected.yaml").read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


def files(case: str) -> list[Path]:
    return [path for path in (CASES / case).rglob("*") if path.is_file()]


def test_there_are_enough_of_enough_programs() -> None:
    assert len(NAMES) >= 130
    assert len({labels(case)["family"] for case in NAMES}) >= 60
    assert {labels(case)["failure_category"] for case in NAMES} == CATEGORIES


def test_enough_are_truly_safe_to_retry() -> None:
    assert sum(labels(case)["safe_to_retry"] for case in NAMES) >= 35


@pytest.mark.parametrize("case", NAMES)
def test_labels_agree_with_themselves(case: str) -> None:
    label = labels(case)
    assert label["failure_category"] in label["acceptable_categories"]
    assert set(label["acceptable_categories"]) <= CATEGORIES
    assert label["split"] == split_of(label["family"])
    assert case.startswith("rec_")
    if label["safe_to_retry"]:
        assert label["rerun_harmless"] is True
        assert label["failure_category"] in {"UNKNOWN", "SOURCE_DELAY"}


@pytest.mark.parametrize("case", NAMES)
def test_a_case_is_small_and_names_no_machine(case: str) -> None:
    assert sum(path.stat().st_size for path in files(case)) < MOST_BYTES
    for path in files(case):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert MACHINE.findall(content) == [], path


@pytest.mark.parametrize("case", NAMES)
def test_the_run_and_its_log_are_read(case: str) -> None:
    incident = triaged(case)
    expected = json.loads((CASES / case / "glue" / "job_run.json").read_text(encoding="utf-8"))["JobRun"]
    assert incident.job_run_id == expected["Id"]
    assert incident.status == expected["JobRunState"]
    unread = {gap.source for gap in incident.gaps} & {"logs", "job_run", "job_runs", "job", "spark_events"}
    assert unread == set()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.name)
def test_a_programs_versions_differ_only_where_planned(program: Program) -> None:
    for variant in program.variants:
        good, failing = program.text(variant, good=True), program.text(variant, good=False)
        assert (good == failing) == (not program.before and not variant.broken)
        compile(good, program.name, "exec")
