"""The Step Functions task: from a failed state's Cause to an answer that a Choice can read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipetriage.entrypoints import step_functions
from pipetriage.errors import EventError, StoreError, TargetError
from pipetriage.stores import IncidentStore, open_store
from tests.building_toml import inline
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.bundle import load_bundle
from tests.emulated.events import put_ended_run
from tests.emulated.fixtures import account, aws_environment, emulator

__all__ = ["account", "aws_environment", "emulator"]

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture
def store(account: EmulatedAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IncidentStore]:
    monkeypatch.setenv("PIPETRIAGE_CONFIG", str(tmp_path / "pipetriage.toml"))
    monkeypatch.setenv("PIPETRIAGE_STORE", str(tmp_path / "incidents.db"))
    declare(tmp_path, account, {})
    step_functions._app.cache_clear()
    yield open_store(str(tmp_path / "incidents.db"))
    step_functions._app.cache_clear()


def declare(folder: Path, account: EmulatedAccount, pipelines: dict[str, Any]) -> None:
    aws = {"region": REGION, "endpoint_url": account.url}
    (folder / "pipetriage.toml").write_text(f"aws = {inline(aws)}\npipelines = {inline(pipelines)}\n")


def safe_run(account: EmulatedAccount, folder: Path) -> tuple[str, str]:
    """Put a run that is safe to retry into the account, and declare its pipeline; give its job and id."""
    loaded = load_bundle(account, CASES / "throttled_before_write")
    pipeline = dict(loaded.manifest["pipeline"])
    pipeline["control"] = {"location": "dynamodb", **pipeline["control"]}
    declare(folder, account, {pipeline["name"]: {key: one for key, one in pipeline.items() if key != "name"}})
    job, run_id = loaded.target.removeprefix("glue:").split("/")
    return job, run_id


def cause(job: str, run_id: str) -> str:
    return json.dumps({"Id": run_id, "JobName": job, "JobRunState": "FAILED", "ErrorMessage": "SystemExit: 1"})


def test_the_run_in_the_cause_is_triaged_and_kept(account: EmulatedAccount, store: IncidentStore) -> None:
    put_ended_run(account, "orders_daily", "jr_1")
    answer = step_functions.handler(
        {"date": "2026-11-24", "error": {"Error": "States.TaskFailed", "Cause": cause("orders_daily", "jr_1")}}
    )
    assert answer["safe_to_retry"] is False
    assert answer["rerun"] in ("UNSAFE", "UNKNOWN")
    assert "retry" not in answer
    assert store.get(answer["incident_id"]).job_run_id == "jr_1"
    # It goes into a state machine's data, which takes 256 KB in all.
    assert len(json.dumps(answer)) < 4000


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: {"Error": "States.TaskFailed", "Cause": text},
        lambda text: {"errorInfo": {"Error": "States.TaskFailed", "Cause": text}},
        lambda text: {"error": {"Error": "States.TaskFailed", "Cause": json.loads(text)}},
        lambda text: {"error": {"Error": "States.TaskFailed", "Cause": text + " and then it was cut {"}},
    ],
    ids=["whole input", "another name", "parsed already", "not whole"],
)
def test_the_cause_is_found_where_machines_put_it(wrap: Any, account: EmulatedAccount, store: IncidentStore) -> None:
    put_ended_run(account, "orders_daily", "jr_12345")
    assert step_functions.handler(wrap(cause("orders_daily", "jr_12345")))["job_run_id"] == "jr_12345"


def test_the_gate_allows_one_retry_of_a_safe_run_and_no_second(
    account: EmulatedAccount, store: IncidentStore, tmp_path: Path
) -> None:
    job, run_id = safe_run(account, tmp_path)
    event = {"gate": True, "error": {"Error": "States.TaskFailed", "Cause": cause(job, run_id)}}
    first = step_functions.handler(event)
    assert first["safe_to_retry"] is True
    assert first["retry"]["allowed"] is True
    again = step_functions.handler(event)
    assert again["retry"]["allowed"] is False
    assert again["retry"]["rule"] == "ALREADY_ALLOWED"


def test_an_execution_may_ask_again_for_an_answer_that_was_lost(
    account: EmulatedAccount, store: IncidentStore, tmp_path: Path
) -> None:
    job, run_id = safe_run(account, tmp_path)
    error = {"Error": "States.TaskFailed", "Cause": cause(job, run_id)}

    def allowed(execution: str) -> bool:
        answer = step_functions.handler({"gate": True, "execution": execution, "error": error})
        return bool(answer["retry"]["allowed"])

    one, other = (f"arn:aws:states:eu-west-1:123456789012:execution:nightly:{number}" for number in (1, 2))
    assert [allowed(one), allowed(one), allowed(other), allowed(one)] == [True, True, False, True]


@pytest.mark.parametrize("event", [{}, {"error": "lost"}, {"error": {"Error": "States.Timeout"}}])
def test_an_input_without_a_cause_says_how_to_catch_one(event: dict[str, Any], store: IncidentStore) -> None:
    with pytest.raises(EventError, match="ResultPath"):
        step_functions.handler(event)


def test_a_run_that_was_never_started_is_an_error_and_no_verdict(store: IncidentStore) -> None:
    said = {"Error": "Glue.ConcurrentRunsExceededException", "Cause": "Concurrent runs exceeded for orders_daily"}
    with pytest.raises(EventError, match="ConcurrentRunsExceeded"):
        step_functions.handler({"error": said})


def test_a_run_that_cannot_be_read_fails_the_task(account: EmulatedAccount, store: IncidentStore) -> None:
    with pytest.raises(TargetError, match="jr_gone"):
        step_functions.handler({"Cause": cause("orders_daily", "jr_gone")})


def test_an_incident_that_cannot_be_kept_fails_the_task(
    account: EmulatedAccount, store: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_ended_run(account, "orders_daily", "jr_1")
    monkeypatch.setenv("PIPETRIAGE_STORE", "dynamodb://eu-west-1/nothing?endpoint_url=" + account.url)
    step_functions._app.cache_clear()
    with pytest.raises(StoreError):
        step_functions.handler({"Cause": cause("orders_daily", "jr_1")})
    asked = step_functions.handler({"gate": True, "Cause": cause("orders_daily", "jr_1")})
    assert (asked["retry"]["allowed"], asked["retry"]["rule"]) == (False, "CANNOT_ANSWER")
