"""What a capture must not hold, wherever it stood."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipetriage.bootstrap import open_app
from pipetriage.capture import write_bundle
from pipetriage.context.redact import Redactor
from pipetriage.model.evidence import LogEvent, Signal
from tests.building_bundles import bundle, snapshot, write
from tests.building_captures import (
    APPS,
    AWS_ID,
    CARD,
    KEY_LINES,
    MAIL,
    PASSWORD,
    PEM,
    SECRETS,
    agree,
    collected,
    with_secrets_everywhere,
)
from tests.building_local import JOB, LocalPlatform, everything_in, judged, triage_bundle


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> LocalPlatform:
    return with_secrets_everywhere(tmp_path_factory.mktemp("secretive"))


def test_no_secret_is_in_any_file(secretive: LocalPlatform, tmp_path: Path) -> None:
    text = everything_in(secretive.capture(tmp_path / "bundle"))
    assert [secret for secret in SECRETS if secret in text] == []
    assert base64.b64encode(PASSWORD.encode()).decode() not in text
    for kept in ("jr_2", "2026-11-21", APPS["jr_2"], "sales.orders", "ThrottlingException"):
        assert kept in text


def test_no_secret_is_in_the_capture_of_a_bundle_made_by_hand(tmp_path: Path) -> None:
    files = bundle(
        snapshot(2, 3, "eu"),
        declared={"control": {"location": f"postgresql://me:{PASSWORD}@host/db", "table": "loads"}},
        metadata={"properties": {"jdbc.password": PASSWORD, "owner": MAIL}},
        files={
            "control/rows.json": {"Items": [{"batch_id": {"S": "2026-11-21"}, "password": {"S": PASSWORD}}]},
            "cloudtrail/events.json": {
                "Events": [{"CloudTrailEvent": json.dumps({"accessKeyId": AWS_ID, "by": MAIL})}]
            },
            "athena/queries.json": {"QueryExecutions": [{"Query": f"SELECT 1 WHERE mail = '{MAIL}'"}]},
            "orchestrator/cause.json": {"Error": "x", "Cause": f"password={PASSWORD}"},
            "glue/table.json": {"Table": {"Name": "orders", "Parameters": {"connection_password": PASSWORD}}},
        },
    )
    entry = files["iceberg/target.entries.jsonl"][0]
    files["iceberg/target.entries.jsonl"] = [entry | {"lower_bounds": {"1": PASSWORD}}]
    write(tmp_path / "original", files)
    open_app(use_store=False).capture(str(tmp_path / "original"), tmp_path / "captured")
    text = everything_in(tmp_path / "captured")
    assert [secret for secret in SECRETS if secret in text] == []
    assert judged(triage_bundle(tmp_path / "captured")) == judged(triage_bundle(tmp_path / "original"))


def test_equal_values_stay_equal(secretive: LocalPlatform, tmp_path: Path) -> None:
    folder = secretive.capture(tmp_path / "bundle")
    token = Redactor().text(MAIL)
    for path in (
        "logs/driver.jsonl",
        "glue/job_run.json",
        "control/rows.json",
        "lineage/events.jsonl",
        "deployments.json",
    ):
        assert token in (folder / path).read_text(), path


def test_a_secretive_run_is_judged_alike(secretive: LocalPlatform, tmp_path: Path) -> None:
    # A secret argument's token is redacted once more in a bundle's triage; equal values stay equal.
    agree(secretive.config, f"local:{JOB}/latest", tmp_path, but=frozenset({"changed_since_last_good"}))


@pytest.mark.parametrize("before", [0, 380, 399])
def test_a_key_in_a_log_is_found_wherever_it_stands(before: int, tmp_path: Path) -> None:
    lines = ["plain output"] * before + PEM + ["plain output"] * 5
    written = log_of((None, line, "a") for line in lines)(tmp_path)
    assert not any(line in written for line in KEY_LINES)
    assert written.count("plain output") == before + 5


def test_a_key_is_found_between_lines_of_other_streams(tmp_path: Path) -> None:
    mixed = [one for line in PEM for one in ((1, line, "a"), (1, "26/11/21 02:00:00 INFO other", "b"))]
    written = log_of(mixed)(tmp_path)
    assert not any(line in written for line in KEY_LINES)
    assert written.count("INFO other") == len(PEM)


def test_a_key_that_never_ends_does_not_swallow_the_log(tmp_path: Path) -> None:
    lines = [PEM[0], *KEY_LINES, "26/11/21 02:00:00 ERROR Job: java.lang.IllegalStateException: the cause"]
    written = log_of((None, line, "a") for line in lines)(tmp_path)
    assert "the cause" in written
    assert not any(line in written for line in KEY_LINES)


def log_of(lines: Any) -> Callable[[Path], str]:
    """Give a function that captures just this log and gives the text written."""
    events = [LogEvent(at, line, stream, "") for at, line, stream in lines]

    def captured(folder: Path) -> str:
        write_bundle(collected(Signal.LOGS, events), folder / "bundle")
        return (folder / "bundle/logs/driver.jsonl").read_text()

    return captured


def test_a_snapshot_id_that_looks_like_a_card_number_stays_one(tmp_path: Path) -> None:
    number = int(CARD)
    mine = snapshot(2, 5, "eu") | {"snapshot-id": number}
    files = bundle(mine, metadata={"refs": {"main": {"snapshot-id": number}}})
    for one in files["iceberg/target.entries.jsonl"]:
        one["snapshot_id"] = number
    folder = write(tmp_path / "bundle", files)
    app = open_app(use_store=False)
    app.capture(str(folder), tmp_path / "captured")
    assert app.triage(str(tmp_path / "captured")).write_state == app.triage(str(folder)).write_state
