"""``pipetriage exposure``: of a kept incident and of a bundle, as text, JSON and a picture."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from pipetriage.entrypoints.cli import cli
from pipetriage.errors import PipetriageError, UsageError
from tests.building_bundles import bundle, iso, minute, snapshot, write


def event(job: str, kind: str, at: float, *inputs: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventTime": iso(minute(at)),
        "run": {"runId": job},
        "job": {"namespace": "x", "name": job},
        "inputs": list(inputs),
        "outputs": [],
    }


ORDERS = {"namespace": "s3://lake", "name": "sales.db/orders", "facets": {"version": {"datasetVersion": "1002"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"lineage/events.jsonl": [event("revenue", "START", 20), event("revenue", "COMPLETE", 22, ORDERS)]}
    declared = {"consumers": [{"name": "board", "owner": "bi", "kind": "dashboard"}]}
    partial = snapshot(2, 5, "eu", operation="append")
    return write(tmp_path / "bundle", bundle(partial, declared=declared, files=files))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def test_a_bundle_is_read_and_not_kept(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "incidents.db"
    result = invoke("exposure", folder, "--store", store)
    assert result.exit_code == 0, result.output
    assert "sales.orders: partial from 2026-11-22 02:05 to now" in result.output
    assert "CONFIRMED: revenue (owner not declared), job" in result.output
    assert "POSSIBLE: board (bi), dashboard" in result.output
    assert "Declared and silent: board." in result.output
    assert not store.exists()


def test_a_kept_incident_is_shown_by_the_beginning_of_its_id(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "incidents.db"
    kept = json.loads(invoke("triage", folder, "--store", store, "--json").stdout)
    shown = json.loads(invoke("exposure", kept["incident_id"][:8], "--store", store, "--json").stdout)
    assert shown["exposure"] == kept["exposure"]
    assert shown["windows"] == kept["exposure_windows"]
    assert shown["coverage"] == kept["exposure_coverage"]


def test_the_picture_is_written(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "who.svg"
    assert invoke("exposure", folder, "--svg", picture).exit_code == 0
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")  # noqa: S314 - it is ours


def test_a_picture_that_cannot_be_written_is_wrong_usage(folder: Path, tmp_path: Path) -> None:
    result = invoke("exposure", folder, "--svg", tmp_path / "no" / "such.svg")
    assert isinstance(result.exception, UsageError)
    assert "such.svg" in str(result.exception)


def test_an_incident_that_is_not_there(tmp_path: Path) -> None:
    result = invoke("exposure", "abcdef", "--store", tmp_path / "incidents.db")
    assert isinstance(result.exception, PipetriageError)
    assert "abcdef" in str(result.exception)
