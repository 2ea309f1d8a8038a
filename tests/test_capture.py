"""A capture is the run's evidence as files: the same verdict, no secret, and nothing half done."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipetriage.bootstrap import open_app
from pipetriage.capture import write_bundle
from pipetriage.entrypoints.cli import cli
from pipetriage.errors import BundleError, UsageError
from pipetriage.model.evidence import LogEvent, Signal
from tests.building_bundles import OVERWRITE, bundle, snapshot, write
from tests.building_captures import (
    PLATFORMS,
    agree,
    collected,
    delta_half_written,
    delta_untouched,
    plain_half_written,
    several_attempts,
    with_secrets_everywhere,
)
from tests.building_local import JOB, THROTTLED, LocalPlatform, judged, triage_bundle

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> LocalPlatform:
    return with_secrets_everywhere(tmp_path_factory.mktemp("secretive"))


# --- The same verdict


@pytest.mark.parametrize("make", PLATFORMS, ids=lambda make: make.__name__)
def test_a_capture_is_judged_as_the_run_is(make: Callable[[Path], LocalPlatform], tmp_path: Path) -> None:
    platform = make(tmp_path / "platform")
    agree(platform.config, f"local:{JOB}/latest", tmp_path)


def test_what_the_platforms_are_judged(tmp_path: Path) -> None:
    """So that agreement is not that of two empty verdicts."""
    found = {}
    for make in (delta_half_written, delta_untouched, plain_half_written, several_attempts):
        incident = make(tmp_path / make.__name__).triage()
        found[make.__name__] = (
            str(incident.write_state[0].status),
            str(incident.rerun.decision),
            incident.safe_to_retry,
        )
    assert found == {
        "delta_half_written": ("PARTIAL", "UNSAFE", False),
        "delta_untouched": ("NOT_STARTED", "SAFE", True),
        "plain_half_written": ("PARTIAL", "UNSAFE", False),
        "several_attempts": ("PARTIAL", "UNSAFE", False),
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's lake, its two pipelines broken."""
    from pipetriage.demo.contract import write_contract
    from pipetriage.demo.inputs import write_clicks, write_orders
    from pipetriage.demo.lake import Lake
    from pipetriage.demo.report import revenue_report
    from pipetriage.demo.runner import Runner

    folder = tmp_path_factory.mktemp("demo").resolve()
    write_contract(folder)
    with Lake(folder / "lake") as lake:
        lake.create_tables()
    runner = Runner(folder)
    for day in ("2026-03-01", "2026-03-02"):
        source = folder / "input/orders" / day
        write_orders(source, date.fromisoformat(day), with_discounts=day.endswith("2"))
        runner.run("orders_daily", day, source)
    write_clicks(folder / "input/clicks/2026-03-02-04", "2026-03-02-04")
    for hour in ("2026-03-02-04", "2026-03-02-05"):
        runner.run("clicks_hourly", hour, folder / "input/clicks" / hour)
    with Lake(folder / "lake") as lake:
        revenue_report(lake, date(2026, 3, 2), folder / "lineage/events.jsonl")
    return folder


@pytest.mark.parametrize("pipeline", ["orders_daily", "clicks_hourly"])
def test_the_demos_pipelines(demo: Path, pipeline: str, tmp_path: Path) -> None:
    live = agree(demo / "pipetriage.toml", f"local:{pipeline}/latest", tmp_path)
    assert live["failure_category"] == {"orders_daily": "SCHEMA_DRIFT", "clicks_hourly": "SOURCE_DELAY"}[pipeline]


def test_a_table_of_the_catalog_may_have_any_name(demo: Path, tmp_path: Path) -> None:
    """The SQL catalog takes what no folder can be called."""
    folder = tmp_path / "lake"
    shutil.copytree(demo, folder)
    with sqlite3.connect(folder / "lake/catalog.db") as connection:
        connection.execute("UPDATE iceberg_tables SET table_name = 'cl/icks:?' WHERE table_name = 'clicks'")
    config = folder / "pipetriage.toml"
    config.write_text(config.read_text().replace("web.clicks", "web.cl/icks:?"))
    live = agree(config, "local:clicks_hourly/latest", tmp_path)
    assert [one["status"] for one in live["write_state"]] == ["NOT_STARTED"]


@pytest.mark.parametrize("declared", [{}, OVERWRITE, {"target": None}, {"batch_id": None}, {"control": None}])
def test_a_bundle_from_a_cloud(declared: dict[str, Any], tmp_path: Path) -> None:
    files = bundle(
        snapshot(2, 3, "eu"),
        snapshot(3, 30, "us", stamp={"batch_id": "2026-11-22"}),
        declared=declared,
        files={"data_quality/results.json": [{"JobRunId": "jr_now", "RuleResults": []}], "glue/job.json": None},
    )
    original = write(tmp_path / "original", files)
    judgement = judged(triage_bundle(original))
    open_app(use_store=False).capture(str(original), tmp_path / "captured")
    assert judged(triage_bundle(tmp_path / "captured")) == judgement


def test_a_log_that_is_read_in_part_stays_in_part(tmp_path: Path) -> None:
    original = write(tmp_path / "original", bundle())
    (original / "logs/error/other.log").write_bytes(bytes(range(256)) * 100)
    judgement = judged(triage_bundle(original))
    assert any(gap["source"] == "logs" for gap in judgement["gaps"])
    open_app(use_store=False).capture(str(original), tmp_path / "captured")
    assert judged(triage_bundle(tmp_path / "captured")) == judgement


# The composed and recorded ones are alike in hundreds: every fifth.
_ALL = sorted(path.parent.name for path in CASES.glob("*/bundle.json"))
_MANY = [name for name in _ALL if name.startswith(("lab_", "rec_", "aws_", "adv_"))]


@pytest.mark.parametrize("case", sorted({*_ALL} - {*_MANY}) + _MANY[::5])
def test_cases_of_the_corpus(case: str, tmp_path: Path) -> None:
    open_app(use_store=False).capture(str(CASES / case), tmp_path / "captured")
    assert judged(triage_bundle(tmp_path / "captured")) == judged(triage_bundle(CASES / case))


def test_a_large_event_of_a_log_stays_whole(tmp_path: Path) -> None:
    """CloudWatch takes events of 256 KiB; a JSON line of the bundle holds one."""
    frames = "\n".join(f"\tat com.example.Step{number}.run(Step.java:{number})" for number in range(4000))
    message = (
        f"ERROR Executor: Exception in task 0.0\njava.lang.RuntimeException: outer\n{frames}\nCaused by: {THROTTLED}"
    )
    events = {"events": [{"timestamp": 1, "message": message, "logStreamName": "jr_now"}]}
    files = bundle(files={"logs/error/jr_now.jsonl": None, "logs/error.json": events})
    judgement = judged(triage_bundle(write(tmp_path / "original", files)))
    open_app(use_store=False).capture(str(tmp_path / "original"), tmp_path / "captured")
    assert judged(triage_bundle(tmp_path / "captured")) == judgement
    [event] = (tmp_path / "captured/logs/driver.jsonl").read_text().splitlines()
    assert len(event) > 100_000
    assert json.loads(event)["message"].count("\n") == message.count("\n")


# --- Whole or not at all, and always the same


def test_twice_the_same_evidence_is_the_same_bytes(secretive: LocalPlatform, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    bundle_folder = secretive.capture(tmp_path / "bundle")
    for folder in folders:
        open_app(use_store=False).capture(str(bundle_folder), folder)
    one, two = ({path.relative_to(f): path.read_bytes() for path in f.rglob("*") if path.is_file()} for f in folders)
    assert one == two
    assert len(one) > 10


def test_a_folder_that_is_not_empty_is_refused(secretive: LocalPlatform, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    arguments = ["capture", f"local:{JOB}/latest", "-o", str(tmp_path), "--config", str(secretive.config)]
    with pytest.raises(UsageError, match="not empty: give a new or empty folder with -o") as refused:
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert refused.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(secretive: LocalPlatform, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match=r"cannot write the bundle .* give another -o"):
            secretive.capture(tmp_path / "bundle")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("blocked", ["a file", "below a file"])
def test_a_file_in_the_way_is_refused(secretive: LocalPlatform, tmp_path: Path, blocked: str) -> None:
    (tmp_path / "bundle").write_text("mine")
    with pytest.raises(UsageError, match="cannot write the bundle"):
        secretive.capture(tmp_path / "bundle" / ("sub" if blocked == "below a file" else ""))
    assert (tmp_path / "bundle").read_text() == "mine"


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> Iterator[LogEvent]:
        yield LogEvent(1, "26/11/21 02:00:00 INFO first", "a", "")
        yield LogEvent(1, "26/11/21 02:00:00 INFO second", "a", "")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bundle(collected(Signal.LOGS, interrupted()), tmp_path / "new/bundle")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(KeyboardInterrupt):
        write_bundle(collected(Signal.LOGS, interrupted()), tmp_path / "empty")
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_a_bundle_cut_off_by_a_kill_says_that_it_is_none(secretive: LocalPlatform, tmp_path: Path) -> None:
    """``bundle.json`` comes last, so a folder without it was never finished."""
    written = open_app(config=secretive.config, use_store=False).capture(f"local:{JOB}/latest", tmp_path / "bundle")
    assert written[-1].name == "bundle.json"
    written[-1].unlink()
    with pytest.raises(BundleError, match=r"has no bundle\.json, so it is no bundle"):
        triage_bundle(tmp_path / "bundle")


def test_only_its_owner_can_read_the_new_folder(secretive: LocalPlatform, tmp_path: Path) -> None:
    folder = secretive.capture(tmp_path / "bundle")
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("signal", [Signal.LOGS, Signal.SPARK_EVENTS])
def test_a_huge_log_is_streamed(signal: Signal, tmp_path: Path) -> None:
    """What was read is on disk long before the end is read: its size does not matter."""
    count, seen_on_disk = 20_000, 0

    def lines() -> Iterator[Any]:
        nonlocal seen_on_disk
        for number in range(count):
            if signal is Signal.LOGS:
                yield LogEvent(number, f"26/11/21 02:00:00 INFO TaskSetManager: Finished task {number}.0", "a", "")
            else:
                event = {"Event": "SparkListenerExecutorRemoved", "Removed Reason": f"{number * 7919 % 10**9} left"}
                yield json.dumps(event).encode()
        seen_on_disk = sum(path.stat().st_size for path in (tmp_path / "bundle").rglob("*") if path.is_file())

    write_bundle(collected(signal, lines()), tmp_path / "bundle")
    written = sum(path.stat().st_size for path in (tmp_path / "bundle").rglob("*") if path.is_file())
    assert seen_on_disk > 0.7 * written > 50_000


# --- The command


def test_the_command_explains_itself() -> None:
    result = CliRunner().invoke(cli, ["capture", "--help"], prog_name="pipetriage")
    assert result.exit_code == 0
    assert "pipetriage capture local:orders_daily/latest -o ./bundle" in result.output


def test_the_command_says_what_it_wrote(secretive: LocalPlatform, tmp_path: Path) -> None:
    arguments = ["capture", f"local:{JOB}/latest", "--config", str(secretive.config), "-o"]
    result = CliRunner().invoke(cli, [*arguments, str(tmp_path / "one"), "--json"])
    document = json.loads(result.stdout)
    assert document["bundle"] == str(tmp_path / "one")
    found = {str(path.relative_to(tmp_path / "one")) for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert set(document["files"]) == found
    result = CliRunner().invoke(cli, [*arguments, str(tmp_path / "two")])
    assert f"pipetriage triage {tmp_path / 'two'}" in result.stdout


def test_a_run_that_is_not_there_leaves_no_folder(secretive: LocalPlatform, tmp_path: Path) -> None:
    from pipetriage.errors import TargetError

    with pytest.raises(TargetError, match="has no run"):
        secretive.capture(tmp_path / "bundle", "jr_of_nobody")
    assert not (tmp_path / "bundle").exists()
