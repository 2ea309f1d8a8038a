"""``pipetriage watch`` as an operator meets it: real processes, killed, stopped and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipetriage.entrypoints.cli import cli
from pipetriage.stores import open_store
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.events import EventQueue, job_event, put_ended_run
from tests.emulated.fixtures import account, aws_environment, emulator

__all__ = ["account", "aws_environment", "emulator"]

JOB = "orders_daily"


@pytest.fixture
def events(account: EmulatedAccount) -> EventQueue:
    return EventQueue(account)


@pytest.fixture
def config(account: EmulatedAccount, events: EventQueue, tmp_path: Path) -> Path:
    path = tmp_path / "pipetriage.toml"
    path.write_text(
        f'store = "{tmp_path}/incidents.db"\n[aws]\nregion = "{REGION}"\nendpoint_url = "{account.url}"\n'
        f'[watch]\nqueue = "{events.url}"\ndead_letters = "{events.letters}"\n'
        "wait_seconds = 1\nhidden_seconds = 3\npoll_seconds = 0\n"
        f'[pipelines.orders]\nglue_job = "{JOB}"\nbatch_id = {{ from = "argument", name = "batch_id" }}\n'
    )
    return path


@contextmanager
def started(config: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "pipetriage", "watch", "--config", str(config), "--json", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def incidents(config: Path) -> list[str]:
    return sorted(one.job_run_id for one in open_store(str(config.parent / "incidents.db")).list(limit=None))


def put(account: EmulatedAccount, events: EventQueue, count: int) -> list[str]:
    names = [f"jr_{number:03d}" for number in range(count)]
    for name in names:
        put_ended_run(account, JOB, name)
        events.send(job_event(JOB, name))
    return names


def test_a_stop_finishes_what_is_in_hand_and_leaves_the_rest(
    account: EmulatedAccount, events: EventQueue, config: Path
) -> None:
    names = put(account, events, 12)
    account.door.latency = 0.05
    with started(config, "--at-once", "2") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        output, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "finishing what is in hand" in said
    kept = incidents(config)
    # Nothing is hidden: what was not begun is there for others at once.
    assert events.left() == (len(names) - len(kept), 0)
    assert 0 < len(kept) < len(names)
    assert all(json.loads(line)["word"] == "triaged" for line in output.splitlines())


def test_a_worker_killed_in_the_middle_loses_nothing(
    account: EmulatedAccount, events: EventQueue, config: Path
) -> None:
    names = put(account, events, 8)
    account.door.latency = 0.1
    with started(config) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.wait(10)
    assert events.left()[1] > 0
    account.door.latency = 0.0
    deadline = time.monotonic() + 40
    while events.left() != (0, 0) and time.monotonic() < deadline:
        done = CliRunner().invoke(cli, ["watch", "--config", str(config), "--once"])
        assert done.exit_code == 0, done.output
        time.sleep(0.5)
    assert incidents(config) == names
    assert events.dead() == []


def test_a_second_signal_ends_it_at_once(account: EmulatedAccount, events: EventQueue, config: Path) -> None:
    put(account, events, 4)
    account.door.latency = 1.0
    with started(config) as process:
        while "GetJobRun" not in " ".join(account.door.calls):
            time.sleep(0.05)
        # Once, as a supervisor does it, to the process and to its group.
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
    account.door.latency = 0.0
    assert sum(events.left()) == 4


def test_text_says_the_verdict_a_line_and_adds_up(account: EmulatedAccount, events: EventQueue, config: Path) -> None:
    put(account, events, 1)
    events.send("{half")
    done = CliRunner().invoke(cli, ["watch", "--config", str(config), "--once"])
    assert done.exit_code == 0
    (verdict,) = [line for line in done.stdout.splitlines() if "inc_" in line]
    assert "orders" in verdict
    assert "NOT safe to retry" in verdict
    assert "1 buried, 1 triaged" in done.stderr


def test_the_queue_given_by_name_goes_before_the_settings(
    account: EmulatedAccount, events: EventQueue, config: Path
) -> None:
    other = EventQueue(account, "other")
    put(account, events, 1)
    done = CliRunner().invoke(cli, ["watch", "--config", str(config), "--once", "--queue", other.url])
    assert done.exit_code == 0
    assert events.left() == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (["--queue", "", "--poll", "0"], "--queue URL"),
        (["--queue", "http://127.0.0.1:9/123456789012/nothing", "--at-once", "0"], "at-once"),
    ],
)
def test_wrong_usage_names_the_fix(arguments: list[str], fix: str, config: Path) -> None:
    done = CliRunner().invoke(cli, ["watch", "--config", str(config), *arguments])
    assert done.exit_code != 0
    assert fix in done.output + str(done.exception)


def test_without_credentials_it_says_how_to_get_some(
    account: EmulatedAccount, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = CliRunner().invoke(cli, ["watch", "--config", str(config)])
    assert "no AWS credentials" in str(done.exception)
