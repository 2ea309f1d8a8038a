"""``pipetriage evaluate`` as a person or a build server meets it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipetriage.entrypoints.cli import main
from tests.evaluation.building import copy_case, tiny_case

WRONG_CATEGORY = {"failure_category": "DATA_SKEW", "acceptable_categories": ["DATA_SKEW"]}


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cases: two right, one wrong; one that is called safe though its label says that a rerun does harm."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "cases"
    copy_case(folder, "throttled_before_write", split="reserve", family="throttled")
    copy_case(folder, "new_column", split="development")
    copy_case(folder, "access_denied_catalog_table", "wrong", **WRONG_CATEGORY)
    copy_case(folder, "missing_source_path", "fatal", safe_to_retry=False, rerun_harmless=False, notes="made to fail")
    return folder


def run(*arguments: object) -> int:
    return main(["evaluate", *map(str, arguments)])


def written(path: Path) -> dict[str, Any]:
    read = json.loads(path.read_text("utf-8"))
    assert isinstance(read, dict)
    return read


def test_the_whole_of_it(cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cases, "--json", "out.json", "--html", "out.html", "--junit", "out.xml") == 0

    shown = capsys.readouterr().out
    fatal, wrong = shown.index("FATAL MISSES: 1"), shown.index("Wrong category: 1")
    assert fatal < shown.index("Measures") < wrong
    assert "a rerun does harm" in shown[fatal:]
    assert "made to fail" in shown[fatal:wrong]
    out = written(tmp_path / "out.json")
    assert [row["case"] for row in out["cases"]] == ["fatal", "new_column", "throttled_before_write", "wrong"]
    assert out["metrics"]["fatal_misses"] == 1
    assert out["metrics"]["accuracy_exact"] == 0.75
    assert out["metrics"]["safe_retry_precision"] == 0.5
    assert out["metrics"]["safe_retry_coverage"] == 1.0
    assert out["metrics"]["splits"]["reserve"]["cases"] == 1
    assert str(tmp_path) not in (tmp_path / "out.json").read_text()
    assert b"fatal" in (tmp_path / "out.html").read_bytes()
    assert b"FatalMiss" in (tmp_path / "out.xml").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases", "out.html", "out.json", "out.xml"]


def test_json_on_stdout_is_nothing_but_json(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cases, "--json", "-", "--max", "fatal_misses=0") == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["metrics"]["cases"] == 4
    assert "fatal_misses is 1" in output.err


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (["--min", "accuracy_exact=0.75"], 0),
        (["--min", "accuracy_exact=0.76"], 1),
        (["--max", "fatal_misses=1", "--min", "reserve.safe_retry_coverage=1"], 0),
        (["--max", "fatal_misses=1", "--min", "development.safe_retry_coverage=1"], 1),
    ],
)
def test_bounds_decide_the_exit_code(cases: Path, bounds: list[str], code: int) -> None:
    assert run(cases, *bounds) == code


def test_a_case_without_a_verdict_fails_the_run_and_the_rest_stands(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cases / "new_column" / "expected.yaml").write_text("failure_category: NOPE\n")
    (cases / "wrong" / "bundle.json").write_text("{")
    (cases / "throttled_before_write" / "expected.yaml").unlink()

    assert run(cases, "--json", "out.json") == 1

    rows = {row["case"]: row for row in written(tmp_path / "out.json")["cases"]}
    assert "NOPE" in rows["new_column"]["error"]
    assert rows["wrong"]["error"].startswith("wrong")
    assert rows["fatal"]["error"] is None
    output = capsys.readouterr()
    assert "2 of 3 cases have no verdict" in output.err
    assert "1 bundles have no expected.yaml" in output.out


def test_against_names_who_changed_sides_and_fails_when_worse(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(cases, "--json", "before.json", "--only", "t*", "--only", "n*")
    assert run(cases, "--against", "before.json", "--only", "[tn]*") == 0
    assert "no case changed sides" in capsys.readouterr().out

    # Without logs nothing is known to be transient any more: the retry is lost.
    assert run(cases, "--against", "before.json", "--only", "[tn]*", "--ablate", "logs", "--html", "out.html") == 1
    output = capsys.readouterr()
    assert "lost retries: 1" in output.out
    assert "throttled_before_write" in output.out
    assert "without logs" in output.out
    assert "ranks lower" in output.err
    assert b"Lost retries (1)" in (tmp_path / "out.html").read_bytes()

    assert run(cases, "--against", "before.json") == 1
    assert "fatal misses that the earlier run has not: fatal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "gpt"], "is not understood: write bedrock:MODEL_ID"),
        (["--ablate", "moon"], "choose from job_run, job_runs"),
        (["--min", "speed=1"], "no measure 'speed'"),
        (["--max", "ece"], "write NAME=NUMBER"),
        (["--only", "x*"], "none of the 4 cases"),
        (["--against", "gone.json"], "No such file"),
        (["--json", "gone/out.json"], "--json gone/out.json cannot be written"),
        (["--html", "."], "--html . cannot be written"),
        (["--html", "a", "--junit", "a"], "both name a"),
        (["--config", "gone.toml"], "gone.toml does not exist"),
        (["--split", "test"], "'test' is not one of"),
        (["--repeat", "0"], "0 is not in the range"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_said_before_anything_runs(
    cases: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cases, *arguments) == 2
    output = capsys.readouterr()
    assert said in " ".join(output.err.split())
    assert output.out == ""
    assert sorted(path.name for path in cases.parent.iterdir()) == ["cases"]


def test_reviewed_incidents_become_cases_that_can_be_evaluated(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pipetriage.toml").write_text('store = "incidents.db"\nevidence = "evidence"\n')
    assert run("--export", "own") == 0
    assert "no incident has been reviewed yet" in capsys.readouterr().err
    main(["triage", str(cases / "new_column"), "--json"])
    incident = json.loads(capsys.readouterr().out)["incident_id"]
    main(["review", incident, "--category", "CODE_REGRESSION", "--not-safe"])

    assert run("--export", "own") == 0
    assert "1 cases in own" in capsys.readouterr().out
    assert run("own", "--json", "out.json") == 0

    (row,) = written(tmp_path / "out.json")["cases"]
    assert (row["expected_category"], row["failure_category"]) == ("CODE_REGRESSION", "SCHEMA_DRIFT")


def test_an_export_needs_kept_evidence(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--export", "own", "--store", "incidents.db") == 2
    assert 'set evidence = "DIR"' in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["cases", "--export", "own"], ["cases", "--store", "x.db"]])
def test_either_evaluate_or_export(cases: Path, arguments: list[str]) -> None:
    assert run(*arguments) == 2


def test_a_folder_whose_name_is_no_text_is_reported_all_the_same(cases: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(cases) + b"/odd_\xff"))
    (cases / "wrong").rename(odd)
    (odd / "bundle.json").unlink()
    assert run(cases, "--json", "out.json", "--junit", "out.xml", "--html", "out.html") == 1
    row = next(row for row in written(tmp_path / "out.json")["cases"] if row["case"].startswith("odd"))
    assert "has no bundle.json" in row["error"]


def test_no_store_is_made_or_touched(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert run(cases, "--only", "new*") == 0
    assert not (tmp_path / "data").exists()


def test_settings_are_those_of_the_file_that_is_named(cases: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("min_confidence = 'high'\n")
    assert run(cases, "--config", "wrong.toml") == 2


def test_ctrl_c_ends_it_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    for number in range(300):
        tiny_case(tmp_path / "cases", f"c{number:03}")
    command = [sys.executable, "-m", "pipetriage", "evaluate", "cases", "--jobs", "2", "--repeat", "50"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(2.5)
    # The whole group, as a terminal does it.
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert output == ""
    deadline = time.monotonic() + 10
    while (left := alive(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def alive(group: int) -> list[str]:
    """List the processes of a group that still run; those that ended may stand in the table a while."""
    listed = subprocess.run(
        ["ps", "-eo", "pgid=,stat=,args="], stdout=subprocess.PIPE, text=True, check=True, timeout=20
    )
    found = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [one[2] for one in found if one[0] == str(group) and not one[1].startswith("Z")]
