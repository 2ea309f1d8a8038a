"""Saves a seed as a labelled case: the captured bundle, with this machine's paths rewritten, and what is true of it."""

import shutil
from pathlib import Path

import yaml

from lab.result import Result
from lab.scenario import Scenario
from lab.split import split_of

NEUTRAL = "s3://lab/world"
_CATEGORIES = {
    "throttled": ("UNKNOWN", ["UNKNOWN", "SMALL_FILE_PRESSURE"]),
    "slow_down": ("UNKNOWN", ["UNKNOWN", "SMALL_FILE_PRESSURE"]),
    "connection": ("UNKNOWN", ["UNKNOWN"]),
    "memory": ("UNKNOWN", ["UNKNOWN", "DATA_SKEW"]),
    "key_error": ("SCHEMA_DRIFT", ["SCHEMA_DRIFT", "CODE_REGRESSION", "UNKNOWN"]),
    "cast": ("SCHEMA_DRIFT", ["SCHEMA_DRIFT", "CODE_REGRESSION", "UNKNOWN"]),
    "access_denied": ("PERMISSION_ERROR", ["PERMISSION_ERROR"]),
}
_COMMITTED = frozenset({"between_commits", "after_commit", "in_control", "after_control", "lost_answer_landed"})
_COMMIT_FAULTS = frozenset({"lost_answer_landed", "lost_answer_not_landed", "conflict"})


def keep_case(bundle: Path, case: Path, scenario: Scenario, result: Result, world: Path) -> None:
    """Copy the bundle into a case folder and label it."""
    shutil.rmtree(case, ignore_errors=True)
    shutil.copytree(bundle, case)
    for path in case.rglob("*"):
        if path.is_file():
            _neutral(path, world)
    (case / "expected.yaml").write_text(yaml.safe_dump(labels(scenario, result), sort_keys=False), encoding="utf-8")


def _neutral(path: Path, world: Path) -> None:
    content = path.read_bytes()
    for spelled in (f"file://{world}", f"file:{world}", str(world), str(world).lstrip("/")):
        content = content.replace(spelled.encode(), NEUTRAL.encode())
    path.write_bytes(content)


def transient(scenario: Scenario) -> bool:
    """Whether what stopped the triaged run passes by itself."""
    fault = scenario.fault
    passing = fault.error in {"throttled", "slow_down", "connection"}
    return passing and fault.ending == "error" and fault.point not in {*_COMMIT_FAULTS, "source_missing", "none"}


def committed(scenario: Scenario) -> bool:
    """Whether any attempt had committed something when it stopped, or may have left visible files."""
    return any(
        one.fault.point in _COMMITTED or one.fault.step > 0 or scenario.fmt == "parquet" for one in scenario.attempts
    )


def labels(scenario: Scenario, result: Result) -> dict[str, object]:
    """Give what is true of the case."""
    fault = scenario.fault
    wrote = committed(scenario)
    if fault.point in _COMMIT_FAULTS:
        category, acceptable = "PARTIAL_WRITE_RISK", ["PARTIAL_WRITE_RISK"]
    elif fault.point == "source_missing":
        category, acceptable = "SOURCE_DELAY", ["SOURCE_DELAY"]
    elif fault.ending == "killed":
        category, acceptable = "UNKNOWN", ["UNKNOWN", "PARTIAL_WRITE_RISK"]
    else:
        category, acceptable = _CATEGORIES[fault.error]
        if category == "UNKNOWN" and wrote and not result.rerun_harmless:
            # No cause of the seven, and output that a rerun would repeat.
            category = "PARTIAL_WRITE_RISK"
        acceptable = [*acceptable, "PARTIAL_WRITE_RISK"]
    clears = fault.point == "source_missing" or transient(scenario)
    family = f"lab {scenario.fmt} {scenario.mode} {fault.point}"
    return {
        "failure_category": category,
        "acceptable_categories": list(dict.fromkeys([category, *acceptable])),
        "safe_to_retry": clears and result.rerun_harmless and not result.by_luck and category != "PARTIAL_WRITE_RISK",
        "rerun_harmless": result.rerun_harmless,
        "family": family,
        "split": split_of(family),
        "notes": f"Lab seed {scenario.seed}: " + ", ".join(f"{key} {value}" for key, value in result.facets.items()),
    }
