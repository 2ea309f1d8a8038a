"""``pipetriage doctor`` over an emulated account and over embedded sources: what is missing, its cost, its fix."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipetriage.entrypoints.boundary import run as run_command_line
from pipetriage.entrypoints.cli import cli
from pipetriage.readiness.costs import Way, stored
from pipetriage.readiness.names import Name
from tests.building_local import JOB, THROTTLED, LocalPlatform
from tests.building_toml import inline
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.bundle import load_bundle
from tests.emulated.events import EventQueue, job_event
from tests.emulated.fixtures import account, aws_environment, emulator
from tests.emulated.incident_table import make_table

__all__ = ["account", "aws_environment", "emulator"]

CASES = Path(__file__).parents[2] / "cases"
WHOLE = "aws_executor_lost_skewed_01"
"""A case with logs, event log, control table, tables and source."""
STAMPED = "failure_after_staging_write"


def doctor(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", "--config", str(config), *arguments])


def report(config: Path, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(doctor(config, "--json", *arguments).stdout))


def signals(found: dict[str, Any], pipeline: int = 0) -> dict[str, dict[str, Any]]:
    return {one["signal"]: one for one in found["pipelines"][pipeline]["signals"]}


def checks(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in found["checks"]}


def settings(account: EmulatedAccount, folder: Path, pipeline: dict[str, Any] | None = None) -> Path:
    path = folder / "pipetriage.toml"
    text = f'store = "{folder}/incidents.db"\n[aws]\nregion = "{REGION}"\nendpoint_url = "{account.url}"\n'
    if pipeline:
        text += f"[pipelines.{pipeline['name']}]\n"
        text += "".join(f"{key} = {inline(value)}\n" for key, value in pipeline.items() if value is not None)
    path.write_text(text)
    return path


def declared(account: EmulatedAccount, folder: Path, bundle: Path, **more: Any) -> Path:
    """Load a bundle and write the settings that its pipeline would have in an account."""
    pipeline = dict(load_bundle(account, bundle).manifest["pipeline"])
    if isinstance(pipeline.get("control"), dict):
        pipeline["control"] = {"location": "dynamodb", **pipeline["control"]}
    return settings(account, folder, {**pipeline, **more})


@pytest.fixture
def undeclared(account: EmulatedAccount, tmp_path: Path) -> Path:
    load_bundle(account, CASES / STAMPED)
    return settings(account, tmp_path)


def test_a_pipeline_with_everything_is_ready(account: EmulatedAccount, tmp_path: Path) -> None:
    config = declared(account, tmp_path, CASES / WHOLE, owners={"default": "sales-data team"})
    result = doctor(config, "--runs", "1", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    of = signals(found)
    needed = {name for name, one in of.items() if one["needed"]}
    assert {"runs", "outputs", "table_commits", "batch_ids", "source", "logs", "control_table"} <= needed
    assert not [name for name in needed if of[name]["state"] == "gap"]
    assert of["owners"]["state"] == "seen"
    assert found["pipelines"][0]["capped"] == []
    assert all(one["ok"] for one in found["checks"])
    assert "reading run 1 of 1" in result.stderr


SAFE = "throttled_before_write"


def test_a_run_that_is_safe_is_ready_though_a_signal_is_missing_for_want_of_which_some_are_lost(
    account: EmulatedAccount, tmp_path: Path
) -> None:
    config = declared(account, tmp_path, CASES / SAFE)
    result = doctor(config, "--runs", "1")
    assert result.exit_code == 0
    assert "• Spark event logs  missing: some safe verdicts are lost" in result.stdout
    assert "Some safe verdicts are lost for want of what is marked •." in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("more", "rule", "fix"),
    [
        ({"drafted": True}, "DECLARATION_UNCONFIRMED", "drafted = false"),
        ({"source_consumed": True}, "SOURCE_GONE", "source_consumed = false"),
    ],
)
def test_what_is_declared_against_every_rerun_is_told_with_its_fix(
    account: EmulatedAccount, tmp_path: Path, more: dict[str, Any], rule: str, fix: str
) -> None:
    config = declared(account, tmp_path, CASES / SAFE, **more)
    result = doctor(config, "--runs", "1")
    assert result.exit_code == 1
    assert f"✗ rule {rule} fails in 1 of 1 runs" in result.stdout
    assert fix in result.stdout
    assert "Something that a safe verdict needs is missing" in result.stdout


def test_a_throttled_table_is_asked_again_and_not_declared_anew(account: EmulatedAccount, tmp_path: Path) -> None:
    config = declared(account, tmp_path, CASES / SAFE)
    account.refuse("glue:GetTable", "ThrottlingException")
    result = doctor(config, "--runs", "1")
    assert result.exit_code == 1
    assert "ask again later" in " ".join(result.stdout.split())
    assert 'format = "iceberg"' not in result.stdout
    assert "snapshot-property" not in result.stdout


def test_a_job_of_any_name_is_named_so_that_a_shell_takes_it_whole(account: EmulatedAccount, tmp_path: Path) -> None:
    job = "a b; rm -rf ~"
    account.put_run({"JobName": job, "Id": "jr_1", "JobRunState": "FAILED", "StartedOn": "2026-11-20T02:00:00Z"})
    result = doctor(settings(account, tmp_path), job)
    assert f"pipetriage init '{job}'" in result.stdout
    assert f'[pipelines."{job}"]' in " ".join(result.stdout.split())


def test_an_undeclared_job_is_told_what_each_missing_declaration_costs(undeclared: Path) -> None:
    result = doctor(undeclared, "shop_sales", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not found["pipelines"][0]["declared"]
    assert found["pipelines"][0]["capped"] == ["rerun: SAFE", "safe_to_retry: true"]
    batch = signals(found)["batch_ids"]
    assert (batch["state"], batch["seen_in"]) == ("gap", 0)
    assert batch["fix"] == 'batch_id = { from = "argument", name = "batch_id" }'
    loss = stored().of(Name.BATCH_IDS, Way.UNDECLARED)
    assert loss is not None
    assert f"{loss.retries_lost} of {loss.retries} retries" in batch["costs"]
    assert f"measured on {loss.had_it} cases" in batch["costs"]


def test_runs_are_counted_and_no_more_are_read_than_asked_for(undeclared: Path, account: EmulatedAccount) -> None:
    logs = signals(report(undeclared, "shop_sales", "--runs", "3"))["logs"]
    assert (logs["state"], logs["seen_in"], logs["runs"]) == ("gap", 1, 3)
    account.door.calls.clear()
    assert report(undeclared, "shop_sales", "--runs", "1")["pipelines"][0]["runs"] == 1
    assert [str(call) for call in account.door.calls].count("glue:GetJob") == 1


def test_it_only_reads(undeclared: Path, account: EmulatedAccount) -> None:
    account.door.calls.clear()
    doctor(undeclared, "shop_sales", "--runs", "1")
    verbs = ("Get", "List", "Describe", "Filter", "Lookup", "Query", "Scan", "Head")
    assert account.door.calls
    assert not [call for call in map(str, account.door.calls) if not call.partition(":")[2].startswith(verbs)]
    assert (
        json.loads(CliRunner().invoke(cli, ["incidents", "list", "--json", "--config", str(undeclared)]).stdout) == []
    )


def test_commits_with_and_without_stamps(account: EmulatedAccount, tmp_path: Path) -> None:
    config = declared(account, tmp_path, CASES / STAMPED)
    assert signals(report(config, "--runs", "1"))["snapshot_stamps"]["state"] == "seen"
    bare = tmp_path / "bare"
    shutil.copytree(CASES / STAMPED, bare)
    for role in ("target", "staging"):
        path = bare / f"iceberg/{role}.metadata.json"
        metadata = json.loads(path.read_text())
        for snapshot in metadata["snapshots"]:
            snapshot["summary"] = {key: value for key, value in snapshot["summary"].items() if "id" not in key}
        path.write_text(json.dumps(metadata))
    account.reset()
    stamps = signals(report(declared(account, tmp_path, bare), "--runs", "1"))["snapshot_stamps"]
    assert stamps["state"] == "gap"
    assert '.option("snapshot-property.glue-job-run-id", RUN_ID)' in stamps["fix"]


def test_a_refused_read_is_a_check_and_the_fix(account: EmulatedAccount, tmp_path: Path) -> None:
    config = declared(account, tmp_path, CASES / WHOLE)
    account.refuse("glue:GetTable")
    account.refuse("lakeformation:ListPermissions")
    result = doctor(config, "--runs", "1", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    table = checks(found)["permission glue:GetTable"]
    assert not table["ok"]
    assert "glue:GetTable" in table["fix"]
    assert signals(found)["table_commits"]["fix"] == "allow glue:GetTable"
    # What only makes triage tell more is told, and is not what fails.
    assert not checks(found)["permission lakeformation:ListPermissions"]["ok"]
    assert not checks(found)["permission lakeformation:ListPermissions"]["needed"]
    assert checks(found)["permission glue:ListJobs"]["ok"]


def test_a_log_of_which_a_part_is_refused_names_the_reads(account: EmulatedAccount, tmp_path: Path) -> None:
    config = declared(account, tmp_path, CASES / WHOLE)
    account.refuse("logs:GetLogEvents")
    logs = signals(report(config, "--runs", "1"))["logs"]
    assert logs["state"] == "gap"
    assert "logs:GetLogEvents" in logs["fix"]


def test_without_credentials_nothing_can_be_asked(undeclared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    result = doctor(undeclared, "shop_sales", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 3
    assert not checks(found)["credentials"]["ok"]
    assert "aws sso login" in checks(found)["credentials"]["fix"]
    assert checks(found)["store"]["ok"]


def test_a_job_that_nobody_knows(undeclared: Path) -> None:
    result = doctor(undeclared, "no_such_job", "--json")
    assert result.exit_code == 3
    assert "Glue knows no job no_such_job" in json.loads(result.stdout)["pipelines"][0]["error"]


def test_a_job_name_finds_its_declaration(account: EmulatedAccount, tmp_path: Path) -> None:
    config = declared(account, tmp_path, CASES / STAMPED, name="sales_of_shops")
    found = report(config, "shop_sales", "--runs", "1")["pipelines"][0]
    assert (found["name"], found["declared"]) == ("sales_of_shops", True)


def test_without_any_declaration_it_says_how_to_declare(undeclared: Path) -> None:
    result = doctor(undeclared)
    assert result.exit_code == 1
    assert "pipetriage init JOB" in " ".join(result.stdout.split())


def test_a_store_that_cannot_be_used_is_told_beside_the_rest(undeclared: Path, tmp_path: Path) -> None:
    result = doctor(undeclared, "shop_sales", "--runs", "1", "--json", "--store", str(tmp_path))
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not checks(found)["store"]["ok"]
    assert signals(found)["runs"]["state"] == "seen"


def test_the_queue_of_events_is_asked_and_nothing_is_taken_from_it(undeclared: Path, account: EmulatedAccount) -> None:
    events = EventQueue(account)
    events.send(job_event("shop_sales", "jr_1"))
    undeclared.write_text(undeclared.read_text() + f'[watch]\nqueue = "{events.url}"\n')
    check = checks(report(undeclared))["queue"]
    assert check["ok"] is True
    assert "1 events" in check["detail"]
    assert "dead_letters" in check["detail"]
    assert events.left() == (1, 0)
    account.refuse("sqs:GetQueueAttributes")
    check = checks(report(undeclared))["queue"]
    assert check["ok"] is False
    assert "--queue ARN" in check["fix"]


def test_a_store_in_dynamodb_is_read_by_list_and_by_key_and_not_written(
    undeclared: Path, account: EmulatedAccount
) -> None:
    store = make_table(account)
    account.door.calls.clear()
    assert checks(report(undeclared, "shop_sales", "--runs", "1", "--store", store))["store"]["ok"]
    assert not {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(map(str, account.door.calls))
    account.refuse("dynamodb:GetItem")
    told = checks(report(undeclared, "shop_sales", "--runs", "1", "--store", store))["store"]
    assert not told["ok"]
    assert "GetItem" in told["detail"]


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--config", "no/such/file.toml"], ["one", "two"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert run_command_line(cli, ["doctor", *arguments]) == 2


def test_the_text_is_eighty_columns_wide_but_for_what_is_pasted(
    undeclared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = doctor(undeclared, "shop_sales", "--runs", "1").stdout
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert all(line.startswith(" " * 12) for line in wide)
    assert "✗ outputs           missing" in text
    assert "• batch ids         missing: some safe verdicts are lost" in text
    assert "✗ rule OUTPUTS_UNDECLARED fails in 1 of 1 runs" in text
    assert 'batch_id = { from = "argument", name = "batch_id" }' in text
    assert "cannot be reached as things are: rerun: SAFE, safe_to_retry: true" in text


@pytest.fixture
def local(tmp_path: Path) -> LocalPlatform:
    output = '{ table = "sales.orders", format = "parquet", write_mode = "append" }'
    platform = LocalPlatform(tmp_path, f'outputs = [{output}]\ncontrol = "none"')
    platform.table("sales.orders").mkdir(parents=True)
    with platform.run("run-1", "2026-11-20"):
        pass
    with platform.run("run-2", "2026-11-21", error=THROTTLED):
        pass
    return platform


def test_embedded_sources_are_looked_at_without_an_account(local: LocalPlatform) -> None:
    found = report(local.config, "--store", str(local.folder / "incidents.db"))
    of = signals(found)
    assert found["pipelines"][0]["run_ids"] == ["run-2", "run-1"]
    assert "credentials" not in checks(found)
    assert of["control_table"]["state"] == "declared none"
    assert of["metrics"]["state"] == "not applicable"
    assert of["snapshot_stamps"]["state"] == "not applicable"
    assert (of["logs"]["seen_in"], of["logs"]["runs"]) == (2, 2)
    assert of["lineage"]["fix_in"] == "pipetriage.toml, [local]"


def test_a_pipeline_that_cannot_be_asked_does_not_stop_the_others(
    local: LocalPlatform, account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with local.config.open("a") as config:
        config.write(f'[pipelines.far]\nglue_job = "far"\n[aws]\nregion = "{REGION}"\nendpoint_url = "{account.url}"\n')
    result = doctor(local.config, "--json", "--store", str(local.folder / "incidents.db"))
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [one["name"] for one in found["pipelines"] if one["error"]] == ["far"]
    assert signals(found)["logs"]["state"] == "seen"
    assert found["pipelines"][0]["name"] == JOB


def test_fixes_are_toml_that_the_settings_take(undeclared: Path) -> None:
    fixes = [
        one["fix"]
        for one in signals(report(undeclared, "shop_sales", "--runs", "1")).values()
        if one["fix_in"].startswith("pipetriage.toml, [pipelines.")
    ]
    text = "\n".join(dict.fromkeys(line for fix in fixes for line in fix.partition("\n# or")[0].splitlines()))
    undeclared.write_text(f"{undeclared.read_text()}[pipelines.shop_sales]\n{text}\n")
    declared_now = signals(report(undeclared, "shop_sales", "--runs", "1"))
    assert {declared_now[one]["state"] for one in ("outputs", "batch_ids", "owners")} == {"seen"}
