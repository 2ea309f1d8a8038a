"""What reading a run's evidence cost is on its incident: requests to AWS and bytes, its own only."""

import gzip
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipetriage.bootstrap import App, open_app
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Pipeline
from pipetriage.settings import AwsSettings, Settings
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.bundle import Loaded, load_bundle
from tests.emulated.fixtures import account, aws_environment, emulator

__all__ = ["account", "aws_environment", "emulator"]

CASES = Path(__file__).parents[1] / "cases"


def app_for(account: EmulatedAccount, *loaded: Loaded) -> App:
    pipelines = {}
    for one in loaded:
        declared: dict[str, Any] = dict(one.manifest["pipeline"])
        if isinstance(declared.get("control"), dict):
            declared["control"] = {"location": "dynamodb", **declared["control"]}
        pipeline = msgspec.convert(declared, Pipeline, strict=False)
        pipelines[pipeline.name] = pipeline
    aws = AwsSettings(region=REGION, endpoint_url=account.url)
    return App(Settings(aws=aws), pipelines, Path("/"), None)


def cost(incident: Incident) -> tuple[int, int]:
    return incident.classifier.api_calls, incident.classifier.bytes_read


# An account


@pytest.mark.parametrize("case", ["failure_after_staging_write", "access_denied_catalog_table", "missing_source_path"])
def test_every_request_that_the_account_saw_is_counted(case: str, account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / case)
    app = app_for(account, loaded)
    account.door.calls.clear()
    incident = app.triage(loaded.target)

    assert incident.classifier.api_calls == len(account.door.calls) > 10
    assert incident.classifier.bytes_read > 1_000


def test_requests_that_were_throttled_are_counted_with_their_retries(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    app = app_for(account, loaded)
    app.triage(loaded.target)
    account.door.calls.clear()
    usual = app.triage(loaded.target).classifier.api_calls
    account.refuse("glue:GetTable", "ThrottlingException", times=1)
    account.door.calls.clear()
    again = app.triage(loaded.target).classifier.api_calls

    assert again == len(account.door.calls) == usual + 1


def test_what_a_longer_log_has_more_is_counted(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "cast_failure_bad_value")
    app = app_for(account, loaded)
    app.triage(loaded.target)
    before = app.triage(loaded.target).classifier.bytes_read
    job, run_id = loaded.target.removeprefix("glue:").split("/")
    run = account.admin("glue").get_job_run(JobName=job, RunId=run_id)["JobRun"]
    at = int(run["StartedOn"].timestamp() * 1000)
    account.put_log_events("/aws-glue/jobs/error", run_id, [(at, "x" * 50_000)])

    assert 50_000 <= app.triage(loaded.target).classifier.bytes_read - before < 60_000


def test_triages_at_the_same_time_count_their_own_only(account: EmulatedAccount) -> None:
    loaded = [load_bundle(account, CASES / case) for case in ("shuffle_spill_long_task", "missing_source_path")]
    app = app_for(account, *loaded)
    targets = [one.target for one in loaded]
    app.triage(targets[0])  # who we are is asked once
    alone = [cost(app.triage(target)) for target in targets]
    assert alone[0] != alone[1]
    account.door.latency = 0.005
    account.door.calls.clear()
    together = threading.Barrier(4)

    def triage(target: str) -> tuple[int, int]:
        together.wait(timeout=60)
        return cost(app.triage(target))

    with ThreadPoolExecutor(4) as pool:
        costs = list(pool.map(triage, targets * 2))

    assert costs == alone * 2
    assert sum(calls for calls, _ in costs) == len(account.door.calls)


# Files


def test_a_bundle_costs_no_request_and_the_bytes_of_its_evidence(tmp_path: Path) -> None:
    source = CASES / "failure_after_staging_write"
    labels = {"expected.yaml", "README.md"}
    files = [path for path in source.rglob("*") if path.is_file() and path.name not in labels]
    incident = open_app(use_store=False).triage(str(source))

    assert cost(incident) == (0, sum(path.stat().st_size for path in files))


def test_a_compressed_log_counts_as_it_lies_there(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(CASES / "failure_after_staging_write", folder)
    before = cost(open_app(use_store=False).triage(str(folder)))[1]
    packed = gzip.compress(b"24/11/22 03:00:00 INFO nothing of note\n" * 10_000)
    (folder / "logs" / "more.log.gz").write_bytes(packed)

    assert cost(open_app(use_store=False).triage(str(folder)))[1] - before == len(packed)


def test_of_a_log_that_is_not_read_whole_what_is_read_counts(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(CASES / "failure_after_staging_write", folder)
    config = tmp_path / "pipetriage.toml"
    config.write_text("[context]\nlog_bytes = 3_000_000\n")
    before = cost(open_app(config=config, use_store=False).triage(str(folder)))[1]
    (folder / "logs" / "more.log").write_bytes(b"24/11/22 03:00:00 INFO nothing of note\n" * 200_000)

    assert cost(open_app(config=config, use_store=False).triage(str(folder)))[1] - before == 3_000_000


def test_bundles_triaged_at_the_same_time_count_their_own_only() -> None:
    app = open_app(use_store=False)
    cases = [str(CASES / case) for case in ("failure_after_staging_write", "shuffle_spill_long_task")]
    alone = [cost(app.triage(case)) for case in cases]
    assert alone[0] != alone[1]

    with ThreadPoolExecutor(4) as pool:
        assert [cost(one) for one in pool.map(app.triage, cases * 4)] == alone * 4
