"""``pipetriage init`` over an emulated account: what is seen stands, guesses are commented out, nothing gets safer."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipetriage.bootstrap import App, open_app
from pipetriage.configuration import read_config
from pipetriage.entrypoints.cli import cli
from pipetriage.errors import TargetError, UsageError
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.bundle import Loaded, load_bundle
from tests.emulated.fixtures import account, aws_environment, emulator

__all__ = ["account", "aws_environment", "emulator"]

CASES = Path(__file__).parents[2] / "cases"
STARTERS = (
    *("access_denied_catalog_table", "cast_failure_bad_value", "conflicting_signals", "deployment_null_pointer"),
    *("failure_after_staging_write", "low_record_count", "missing_source_path", "new_column"),
    *("shuffle_spill_long_task", "throttled_before_write", "too_many_small_files"),
)
SETTING = re.compile(r"^# (\w+ = .*|\[.*\])$", re.MULTILINE)


class Drafting:
    """An account with a case in it, and the command run against it."""

    def __init__(self, account: EmulatedAccount, folder: Path) -> None:
        self.account = account
        self.config = folder / "aws.toml"
        self.aws = f'[aws]\nregion = "{REGION}"\nendpoint_url = "{account.url}"\n'
        self.config.write_text(self.aws)

    def load(self, case: str) -> Loaded:
        return load_bundle(self.account, CASES / case)

    def init(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["init", *arguments, "--config", str(self.config)])

    def of_case(self, loaded: Loaded) -> str:
        return self.init(job_of(loaded), *named_tables(loaded)).stdout

    def app(self, declaration: str) -> App:
        path = self.config.with_name("pipetriage.toml")
        path.write_text(self.aws + declaration)
        return open_app(config=path, use_store=False)


@pytest.fixture
def drafting(account: EmulatedAccount, tmp_path: Path) -> Drafting:
    return Drafting(account, tmp_path)


def unwrapped(text: str) -> str:
    return text.replace("\n#     ", " ")


def job_of(loaded: Loaded) -> str:
    return loaded.target.removeprefix("glue:").split("/")[0]


def named_tables(loaded: Loaded) -> list[str]:
    declared = loaded.manifest["pipeline"]
    tables = [one["table"] for one in declared.get("outputs", ())]
    tables += [declared[role] for role in ("target", "staging") if declared.get(role)]
    return [argument for table in tables for argument in ("--table", table)]


def test_seen_is_live_and_guessed_is_commented_out(drafting: Drafting) -> None:
    text = drafting.of_case(drafting.load("failure_after_staging_write"))
    (declared,) = tomllib.loads(text)["pipelines"].values()
    assert declared == {
        "glue_job": "shop_sales",
        "drafted": True,
        "batch_id": {"from": "argument", "name": "batch_id"},
        "outputs": [
            {"table": "sales.shop_sales", "format": "iceberg"},
            {"table": "sales.shop_sales_staging", "format": "iceberg"},
        ],
    }
    assert '# write_mode = "append"' in text
    assert '# role = "staging"' in text
    assert '# commits = "many"' in text
    assert re.search(
        r"# seen: snapshots carry the ids of 3 of 3 good runs, as \d+ does \(glue-job-run-id\)", unwrapped(text)
    )


def test_the_lines_as_json_say_what_showed_each(drafting: Drafting) -> None:
    loaded = drafting.load("failure_after_staging_write")
    told = json.loads(drafting.init(job_of(loaded), *named_tables(loaded), "--json").stdout)
    assert told["good_runs"] == 3
    assert {line["origin"] for line in told["lines"]} == {"seen", "guessed"}
    assert all(line["why"] for line in told["lines"])
    live_guesses = [line["key"] for line in told["lines"] if line["live"] and line["origin"] == "guessed"]
    assert live_guesses == ["drafted"]
    expected = next(line for line in told["lines"] if line["key"] == "expected_partitions")
    assert expected["value"][0] == "shop-01"
    assert expected["table"] == "sales.shop_sales"


@pytest.mark.parametrize("case", STARTERS)
def test_a_draft_never_makes_a_rerun_safe(case: str, drafting: Drafting) -> None:
    loaded = drafting.load(case)
    bare = drafting.app(f'[pipelines.bare]\nglue_job = "{job_of(loaded)}"\n').triage(loaded.target)
    text = drafting.of_case(loaded)
    for declaration in (text, SETTING.sub(r"\1", text)):
        drafted = drafting.app(declaration).triage(loaded.target)
        assert bare.rerun.decision != "SAFE"
        assert drafted.rerun.decision != "SAFE"
        assert not drafted.safe_to_retry
        assert any(one.rule == "DECLARATION_UNCONFIRMED" and not one.holds for one in drafted.rerun.reasons)
        assert drafted.write_state


@pytest.mark.parametrize("case", STARTERS)
def test_what_was_seen_alone_is_no_safer_than_all_that_a_person_knows(case: str, drafting: Drafting) -> None:
    loaded = drafting.load(case)
    checked = drafting.of_case(loaded).replace("drafted = true", "drafted = false")
    drafted = drafting.app(checked).triage(loaded.target)
    known = open_app(use_store=False).triage(str(CASES / case))
    assert known.rerun.decision == "SAFE" or drafted.rerun.decision != "SAFE"
    assert known.safe_to_retry or not drafted.safe_to_retry


def test_a_checked_draft_lets_a_harmless_rerun_be_safe(drafting: Drafting) -> None:
    loaded = drafting.load("throttled_before_write")
    text = drafting.of_case(loaded)
    assert drafting.app(text).triage(loaded.target).rerun.decision == "UNKNOWN"
    assert drafting.app(text.replace("drafted = true", "")).triage(loaded.target).rerun.decision == "SAFE"


def test_lineage_names_the_outputs(drafting: Drafting) -> None:
    loaded = drafting.load("failure_after_staging_write")
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-21T02:45:00Z",
        "run": {"runId": "019ab6a1-77b4-7c1e-9d4e-5d3f0f6f2c11"},
        "job": {"namespace": "glue", "name": f"{job_of(loaded)}.execute_append_data_exec"},
        "inputs": [],
        "outputs": [
            {"namespace": "s3://acme-lake", "name": "sales.db/shop_sales", "facets": {"symlinks": {"identifiers": [
                {"namespace": "arn:aws:glue:eu-west-1:1", "name": "table/sales/shop_sales", "type": "TABLE"}]}}},
            {"namespace": "s3://acme-exports", "name": "daily"},
        ],
    }  # fmt: skip
    drafting.account.put_object("s3://acme-lineage/events.jsonl", json.dumps(event).encode())
    drafting.config.write_text(drafting.aws + 'lineage = "s3://acme-lineage/events.jsonl"\n')
    text = drafting.init(job_of(loaded)).stdout
    (declared,) = tomllib.loads(text)["pipelines"].values()
    assert declared["outputs"] == [{"table": "sales.shop_sales", "format": "iceberg"}]
    assert "s3://acme-exports/daily" in text


def test_a_table_that_only_an_argument_names_is_a_guess(drafting: Drafting) -> None:
    drafting.load("failure_after_staging_write")
    for number in range(3):
        document = {
            "JobName": "copy",
            "Id": f"jr_copy{number}",
            "JobRunState": "SUCCEEDED",
            "StartedOn": f"2026-10-0{number + 1}T02:00:00Z",
            "CompletedOn": f"2026-10-0{number + 1}T02:10:00Z",
            "Arguments": {
                "--source_table": "glue_catalog.sales.shop_sales",
                "--target_database": "sales",
                "--target_table": "gone",
                "--run_time": f"2026-10-0{number + 1}T02:00:17",
                "--input": f"s3://raw/copy/2026-10-0{number + 1}T02:00:17/",
            },
        }
        drafting.account.put_run(document)
    text = drafting.init("copy").stdout
    assert tomllib.loads(text)["pipelines"]["copy"] == {"glue_job": "copy", "drafted": True}
    assert '# table = "sales.shop_sales"' in text
    assert "gone" not in text
    # A time of the clock may be each attempt's own.
    assert re.search(r"# guessed: --run_time .*each attempt may have its own", unwrapped(text))
    assert '# source = "s3://raw/copy/{batch_id}/"' in text


def test_an_argument_that_a_retry_changed_is_no_batch_id(drafting: Drafting) -> None:
    days = {"jr_day1": "2026-10-01", "jr_day2": "2026-10-02", "jr_day3": "2026-10-03"}
    for place, (run_id, day) in enumerate(days.items()):
        document = {"JobName": "j", "Id": run_id, "JobRunState": "SUCCEEDED" if place != 1 else "FAILED"}
        document |= {"StartedOn": f"{day}T02:00:00Z"}
        retried = {"PreviousRunId": "jr_day2"} if place == 2 else {}
        drafting.account.put_run({**document, **retried, "Arguments": {"--day": day}})
    text = drafting.init("j").stdout
    assert "batch_id" not in tomllib.loads(text)["pipelines"]["j"]
    assert "run jr_day3 retried jr_day2 with another value" in unwrapped(text)


def test_without_a_good_run_the_job_alone_is_drafted(drafting: Drafting) -> None:
    drafting.account.put_run(
        {"JobName": "j", "Id": "jr_1", "JobRunState": "FAILED", "StartedOn": "2026-11-01T00:00:00Z"}
    )
    text = drafting.init("j").stdout
    assert tomllib.loads(text)["pipelines"]["j"] == {"glue_job": "j", "drafted": True}
    assert "1 run, none succeeded" in text
    assert "remember" not in text


def test_without_any_run_that_is_said(drafting: Drafting) -> None:
    drafting.account.put_job({"Name": "j", "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/b.py"}})
    assert "Glue remembers no run" in drafting.init("j").stdout


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_runs_that_cannot_be_read_are_not_said_to_be_none(drafting: Drafting, code: str) -> None:
    loaded = drafting.load("new_column")
    drafting.account.refuse("glue:GetJobRuns", code)
    result = drafting.init(job_of(loaded))
    assert result.exit_code != 0
    assert result.stdout == ""
    assert f"the runs of job {job_of(loaded)} could not be read" in str(result.exception)
    assert isinstance(result.exception, TargetError)


def test_a_streaming_job_is_said_to_have_no_batches(drafting: Drafting) -> None:
    run = {"JobName": "s", "Id": "jr_1", "JobRunState": "RUNNING", "StartedOn": "2026-11-01T00:00:00Z"}
    drafting.account.put_run(run)
    drafting.account.put_job({"Name": "s", "Command": {"Name": "gluestreaming", "ScriptLocation": "s3://a/b.py"}})
    assert "has no batches" in drafting.init("s").stdout


def test_a_secret_is_neither_taken_for_a_batch_id_nor_shown(drafting: Drafting) -> None:
    for place, day in enumerate(("2026-10-01", "2026-10-02", "2026-10-03"), 2):
        document = {"JobName": "j", "Id": f"jr_{place}", "JobRunState": "SUCCEEDED", "StartedOn": f"{day}T02:00:00Z"}
        secrets = {"--batch_token": f"s3cr3t{place}", "--date_pwd": day}
        secrets |= {
            "--batch": f"AKIAIOSFODNN7EXAMPL{place}",
            "--in": f"s3://in/AKIAIOSFODNN7EXAMPLX/AKIAIOSFODNN7EXAMPL{place}",
        }
        drafting.account.put_run({**document, "Arguments": secrets})
    text = drafting.init("j").stdout
    assert "s3cr3t" not in text
    assert "pwd" not in text
    assert "AKIAIOSFODNN7" not in text
    assert 'batch_id = { from = "argument", name = "batch" }' in text


@pytest.mark.parametrize("job", ["drafted = false", "= 1"])
def test_a_job_that_is_named_as_a_setting_is_no_setting(drafting: Drafting, job: str) -> None:
    for day in ("2026-10-01", "2026-10-02"):
        document = {"JobName": job, "Id": f"jr_{day}", "JobRunState": "SUCCEEDED", "StartedOn": f"{day}T02:00:00Z"}
        drafting.account.put_run({**document, "Arguments": {"--day": day}})
    text = drafting.init(job).stdout
    assert not SETTING.search(text)
    assert tomllib.loads(text)["pipelines"][job]["drafted"] is True


def test_comments_are_eighty_columns_wide(drafting: Drafting) -> None:
    text = drafting.of_case(drafting.load("failure_after_staging_write"))
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert all(SETTING.match(line) or not line.startswith("#") for line in wide)
    assert not [line for line in wide if "  # " in line]


def test_what_may_not_be_read_is_said(drafting: Drafting) -> None:
    loaded = drafting.load("failure_after_staging_write")
    drafting.account.refuse("glue:GetTable")
    text = drafting.of_case(loaded)
    assert re.search(r"# table sales\.shop_sales: .*not allowed", unwrapped(text))
    assert "write_mode" not in text


def test_a_hostile_name_stays_a_string(drafting: Drafting) -> None:
    job = 'x"]\n[pipelines.y]\nwrite_mode = "append\u202e'
    for day in ("2026-10-01", "2026-10-02"):
        document = {"JobName": job, "Id": f"jr_{day}", "JobRunState": "SUCCEEDED"}
        arguments = {'--batch"\nx = 1 # \\': day}
        drafting.account.put_run(document | {"StartedOn": f"{day}T02:00:00Z", "Arguments": arguments})
    result = drafting.init(job)
    parsed = tomllib.loads(result.stdout)["pipelines"]
    assert list(parsed) == [job]
    assert parsed[job]["batch_id"] == {"from": "argument", "name": 'batch"\nx = 1 # \\'}
    assert "\u202e" not in result.stdout


def test_a_file_that_is_there_is_not_written_over(drafting: Drafting, tmp_path: Path) -> None:
    loaded = drafting.load("new_column")
    file = tmp_path / "orders.toml"
    assert drafting.init(job_of(loaded), "-o", str(file)).exit_code == 0
    _, pipelines = read_config(file)
    assert [one.drafted for one in pipelines.values()] == [True]
    file.write_text("mine\n")
    again = drafting.init(job_of(loaded), "-o", str(file))
    assert again.exit_code != 0
    assert file.read_text() == "mine\n"


def test_an_unknown_job_and_a_bare_table_are_refused(drafting: Drafting) -> None:
    unknown = drafting.init("nobody")
    assert "knows no job nobody" in str(unknown.exception)
    bare = drafting.init("nobody", "--table", "orders")
    assert "DATABASE.TABLE" in str(bare.exception)


def test_a_declared_job_is_said_to_be(drafting: Drafting) -> None:
    loaded = drafting.load("new_column")
    drafting.config.write_text(f'{drafting.aws}[pipelines.mine]\nglue_job = "{job_of(loaded)}"\n')
    assert "declared already, as pipelines.mine" in drafting.init(job_of(loaded)).stderr


def test_a_draft_that_is_appended_twice_does_not_break_the_settings(drafting: Drafting, tmp_path: Path) -> None:
    loaded = drafting.load("new_column")
    job = job_of(loaded)
    drafting.config.write_text(drafting.aws + drafting.init(job).stdout)
    again = drafting.init(job)
    assert isinstance(again.exception, UsageError)
    assert again.stdout == ""
    assert f"as pipelines.{job}" in str(again.exception)
    assert drafting.init(job, "--json").exit_code == 0
    assert drafting.init(job, "-o", str(tmp_path / "beside.toml")).exit_code == 0
