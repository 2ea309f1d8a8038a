"""Saves a seed as a labelled case: the captured bundle, with this machine's paths rewritten, and what is true of it."""

import shutil
from pathlib import Path

import yaml

from lab.result import Result
from lab.scenario import Scenario

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


def labels(scenario: Scenario, result: Result) -> dict[str, object]:
    """Give what is true of the case."""
    fault = scenario.fault
    if fault.point in _COMMIT_FAULTS:
        category, acceptable = "PARTIAL_WRITE_RISK", ["PARTIAL_WRITE_RISK"]
    elif fault.point == "source_missing":
        category, acceptable = "SOURCE_DELAY", ["SOURCE_DELAY"]
    elif fault.ending == "killed":
        category, acceptable = "UNKNOWN", ["UNKNOWN", "PARTIAL_WRITE_RISK"]
    else:
        category, acceptable = _CATEGORIES[fault.error]
        acceptable = [*acceptable, "PARTIAL_WRITE_RISK"]
    transient = fault.error in {"throttled", "slow_down", "connection"} and fault.ending == "error"
    clears = category == "SOURCE_DELAY" or (category == "UNKNOWN" and transient)
    return {
        "failure_category": category,
        "acceptable_categories": acceptable,
        # A label of what is allowed at most: harmless, and the cause clears without a person.
        "safe_to_retry": bool(clears and result.rerun_harmless),
        "rerun_harmless": result.rerun_harmless,
        "notes": f"Lab seed {scenario.seed}: " + ", ".join(f"{key} {value}" for key, value in result.facets.items()),
    }
