"""``pipetriage backfill`` over an emulated account: every failed run once, added up."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipetriage.entrypoints.cli import cli
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.bundle import load_bundle
from tests.emulated.fixtures import account, aws_environment, emulator

__all__ = ["account", "aws_environment", "emulator"]

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture
def loaded(account: EmulatedAccount, tmp_path: Path) -> Path:
    """Put two cases of one job and a later, good run of the first one's batch into the account."""
    first = load_bundle(account, CASES / "cast_failure_bad_value").target.removeprefix("glue:")
    load_bundle(account, CASES / "failure_after_staging_write")
    job, run_id = first.split("/")
    config = tmp_path / "pipetriage.toml"
    config.write_text(
        f'store = "{tmp_path}/incidents.db"\n[aws]\nregion = "{REGION}"\nendpoint_url = "{account.url}"\n'
        f'[pipelines.orders]\nglue_job = "{job}"\nbatch_id = {{ from = "argument", name = "batch_id" }}\n'
    )
    run = json.loads((CASES / "cast_failure_bad_value/glue/job_run.json").read_text())
    run = run.get("JobRun", run)
    later = {**run, "Id": "jr_later00", "JobRunState": "SUCCEEDED", "PreviousRunId": run_id}
    later["StartedOn"] = later["CompletedOn"] = "2026-11-23T08:00:00Z"
    account.put_run({"JobName": job, **later})
    return config


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["backfill", "--config", str(config), "--per-minute", "600", *arguments])


def test_it_adds_up_what_failed_and_what_was_run_again(loaded: Path) -> None:
    summary = json.loads(run(loaded, "--since", "9000d", "--json").stdout)
    assert summary["failed_runs"] >= 2
    assert sum(summary["by_category"].values()) == summary["failed_runs"]
    assert summary["by_category"]["SCHEMA_DRIFT"] >= 1
    assert summary["reruns"] >= 1
    assert summary["unsafe_reruns"] <= summary["reruns"]
    costs = {one["signal"]: one["costs"] for one in summary["missing"]}
    assert "measured on" in costs["metrics"]


def test_started_again_it_triages_nothing_twice(loaded: Path, account: EmulatedAccount) -> None:
    first = run(loaded, "--since", "9000d", "--json")
    account.door.calls.clear()
    again = run(loaded, "--since", "9000d", "--json")
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert not [call for call in account.door.calls if str(call).startswith("logs:")]


def test_a_short_look_back_and_a_job_narrow_it(loaded: Path) -> None:
    assert json.loads(run(loaded, "--since", "1h", "--json").stdout)["failed_runs"] == 0
    assert "0 of 0 runs failed" in run(loaded, "--since", "1h").stdout


@pytest.mark.parametrize("since", ["soon", "90", "-3d", "99999d"])
def test_a_wrong_look_back_says_how_to_write_it(since: str, loaded: Path) -> None:
    result = run(loaded, "--since", since)
    assert result.exit_code != 0
    assert "90d, 12h or 2w" in str(result.exception or result.output) + result.output


def test_a_refusal_to_list_jobs_is_an_error_that_names_the_call(loaded: Path, account: EmulatedAccount) -> None:
    account.refuse("glue:ListJobs")
    result = run(loaded)
    assert result.exit_code != 0
    assert "glue:ListJobs" in str(result.exception) + result.output
