"""Writes the seed's ``pipetriage.toml``: what an honest owner would write, or part of it."""

import json
from pathlib import Path
from typing import Any

from lab.platform import JOB, PIPELINE
from lab.recipes import Declared
from lab.scenario import Scenario


def write_contract(folder: Path, scenario: Scenario) -> Path:
    """Write the settings file and give its path."""
    missing = scenario.missing
    local = {
        "runs": "runs",
        "jobs": "no_such_folder" if "job" in missing else "jobs",
        "logs": None if "log" in missing else "logs/{job}/{run_id}.log",
        "catalog": "sqlite:///lake/catalog.db" if scenario.fmt == "iceberg" else None,
        "tables": None if scenario.fmt == "iceberg" else "lake/warehouse/{namespace}/{name}",
        "control": "sqlite:///no_such.db" if "control" in missing else "sqlite:///control.db",
        "event_logs": None if "events" in missing or scenario.engine == "python" else "events/{run_id}",
        "bookmarks": "bookmarks" if scenario.bookmark else None,
    }
    pipeline: dict[str, Any] = {
        "glue_job": JOB,
        "batch_id": None if "batch_id" in missing else {"from": "argument", "name": "batch_id"},
        "source": None if "source" in missing else f"file://{folder}/input/{{batch_id}}/",
        "outputs": [_output(one, scenario) for one in scenario.recipe.outputs],
        "source_consumed": True if scenario.consumed else None,
        "control": _control(scenario),
        "deployments": "none",
    }
    text = f"[local]\n{_lines(local)}\n[pipelines.{PIPELINE}]\n{_lines(pipeline)}"
    path = folder / "pipetriage.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _control(scenario: Scenario) -> Any:
    if scenario.control == "none":
        return "none"
    return None if scenario.control == "undeclared" else {"table": f"{JOB}_control"}


def _output(one: Declared, scenario: Scenario) -> dict[str, Any]:
    expected: Any = {
        "day": "{batch_id}",
        "shop": list(scenario.shops),
        "day_shop": [f"day={{batch_id}}/shop={shop}" for shop in scenario.shops],
    }[scenario.layout]
    return {
        "table": one.table,
        "role": one.role,
        "format": scenario.fmt,
        "write_mode": None if "write_mode" in scenario.missing else one.write_mode,
        "keys": list(one.keys) or None,
        "merge_repeatable": True if one.merge_repeatable else None,
        "partition_field": "day" if scenario.layout == "day" else "shop",
        "expected_partitions": None if "expected_partitions" in scenario.missing else expected,
        "commits": one.commits,
    }


def _lines(values: dict[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values.items() if value is not None)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items() if one is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value)
