"""Evidence that each triage keeps, and a person's review of it: what a team's own labelled cases are made of."""

import json
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from pipetriage.bootstrap import open_app
from pipetriage.entrypoints.cli import main
from pipetriage.evaluation.export import export, labels
from pipetriage.model.incident import Incident

CASES = Path(__file__).parent.parent / "cases"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "pipetriage.toml"
    file.write_text(f'store = "{tmp_path / "incidents.db"}"\nevidence = "evidence"\n', encoding="utf-8")
    return file


def triaged(case: str, config: Path) -> Incident:
    return open_app(config=config).triage(str(CASES / case))


def test_a_triage_keeps_its_bundle_once(config: Path) -> None:
    first = triaged("new_column", config)
    triaged("new_column", config)

    kept = sorted(path.name for path in (config.parent / "evidence").iterdir())
    assert kept == [first.incident_id]
    again = open_app(use_store=False).triage(str(config.parent / "evidence" / first.incident_id))
    assert (again.failure_category, again.findings, again.rerun) == (
        first.failure_category,
        first.findings,
        first.rerun,
    )


def test_no_store_leaves_no_evidence(config: Path) -> None:
    open_app(config=config, use_store=False).triage(str(CASES / "new_column"))

    assert not (config.parent / "evidence").exists()


def test_what_cannot_be_kept_is_said_and_the_verdict_stands(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "evidence").write_text("a file in the folder's place", encoding="utf-8")

    assert main(["triage", str(CASES / "new_column"), "--config", str(config), "--json"]) == 0

    said = capsys.readouterr()
    assert json.loads(said.out)["failure_category"] == "SCHEMA_DRIFT"
    assert "evidence was not kept" in said.err


def test_a_review_is_recorded_and_shown(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = triaged("new_column", config).job_run_id

    told = ["review", run, "--category", "code_regression", "--also", "UNKNOWN", "--not-safe", "--rerun", "harmless"]
    note = ["--note", "password=hunter2hunter2", "--by", "ada", "--config", str(config), "--json"]
    assert main([*told, *note]) == 0

    shown = json.loads(capsys.readouterr().out)["review"]
    assert (shown["by"], shown["failure_category"], shown["rerun_harmless"]) == ("ada", "CODE_REGRESSION", True)
    assert "hunter2hunter2" not in shown["note"]
    assert main(["review", run, "--agree", "--config", str(config)]) == 0
    assert "verdict confirmed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--agree, or --category"),
        (["--category", "SCHEMA_DRIFT"], "--safe or --not-safe"),
        (["--category", "BAD_LUCK", "--safe"], "choose a category from"),
    ],
)
def test_a_review_that_says_nothing_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    run = triaged("new_column", config).job_run_id

    assert main(["review", run, *arguments, "--config", str(config)]) == 2
    assert complaint in capsys.readouterr().err


def test_reviewed_incidents_become_cases(config: Path, tmp_path: Path) -> None:
    wrong = triaged("new_column", config)
    triaged("missing_source_path", config)
    base = ["--config", str(config), "--by", "ada"]
    assert main(["review", wrong.incident_id, "--category", "CODE_REGRESSION", "--not-safe", *base]) == 0
    kept = open_app(config=config).store
    assert kept is not None

    made = export(kept.list(reviewed_only=True), config.parent / "evidence", tmp_path / "own")

    (case,) = made.written
    assert not made.lost
    label = yaml.safe_load((tmp_path / "own" / case / "expected.yaml").read_text("utf-8"))
    assert label["failure_category"] == "CODE_REGRESSION"
    assert "rerun_harmless" not in label
    assert open_app(use_store=False).triage(str(tmp_path / "own" / case)).failure_category == "SCHEMA_DRIFT"
    # A second export brings labels up to date and makes no second case.
    assert export(kept.list(reviewed_only=True), config.parent / "evidence", tmp_path / "own").known == [case]


def test_incidents_without_evidence_are_named(config: Path, tmp_path: Path) -> None:
    incident = triaged("new_column", config)
    assert main(["review", incident.incident_id, "--agree", "--config", str(config)]) == 0
    kept = open_app(config=config).store
    assert kept is not None
    elsewhere = tmp_path / "nothing-kept"

    assert export(kept.list(reviewed_only=True), elsewhere, tmp_path / "own").lost == [incident.incident_id]


def test_secrets_do_not_reach_an_exported_case(config: Path, tmp_path: Path) -> None:
    bundle = copytree(CASES / "new_column", tmp_path / "leaky")
    log = next((bundle / "logs").rglob("*.jsonl"))
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"timestamp": 1, "message": "ERROR login password=hunter2hunter2"}) + "\n")
    incident = open_app(config=config).triage(str(bundle))
    assert main(["review", incident.incident_id, "--agree", "--config", str(config)]) == 0
    kept = open_app(config=config).store
    assert kept is not None

    made = export(kept.list(reviewed_only=True), config.parent / "evidence", tmp_path / "own")

    texts = [path.read_text("utf-8") for path in (tmp_path / "own" / made.written[0]).rglob("*.jsonl")]
    assert texts
    assert not any("hunter2hunter2" in text for text in texts)


def test_an_unreviewed_incident_has_no_labels(config: Path) -> None:
    with pytest.raises(ValueError, match="was not reviewed"):
        labels(triaged("new_column", config))
