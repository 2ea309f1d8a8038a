"""Real processes: one that is killed in the middle of sending, and eight that ask for the one retry at once."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipetriage.stores import open_store
from tests.evaluation.building import copy_case

SETTINGS = """
[routing]
default = ["hook"]
[channels.hook]
kind = "webhook"
url = "{url}/incidents"
"""


class Receiver(ThreadingHTTPServer):
    """Keeps the ids of the events that it was sent; kills whoever sends, once it has heard, if told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.heard: list[str] = []
        self.victim: subprocess.Popen[bytes] | None = None
        self.ready = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.heard.append(event["id"])
        self.server.ready.wait(10)
        if self.server.victim is not None:
            os.kill(self.server.victim.pid, signal.SIGKILL)
            self.server.victim.wait(10)
            return
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def test_a_sender_that_is_killed_after_it_sent_loses_nothing_and_sends_the_same_event_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    config, url = tmp_path / "pipetriage.toml", str(tmp_path / "incidents.db")
    case = copy_case(tmp_path / "cases", "failure_after_staging_write")
    with receiver() as server:
        config.write_text(SETTINGS.format(url=server.url))
        place = ["--store", url, "--config", str(config)]
        command = [sys.executable, "-m", "pipetriage", "triage", str(case), "--route", *place]
        server.victim = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.ready.set()
        assert server.victim.wait(30) == -signal.SIGKILL
        outbox = open_store(url).deliveries()
        (waiting,) = outbox.log()
        assert server.heard == [waiting.key], "it was sent, and nobody could note that"
        now = datetime.now(UTC)
        assert outbox.claim(now, now + timedelta(minutes=1), 10) == [], "whoever was sending may still be at it"
        later = now + timedelta(minutes=6)
        (again,) = outbox.claim(later, later + timedelta(minutes=1), 10)
    assert len(open_store(url).list()) == 1
    assert again.key == waiting.key, "a receiver knows it by its id"


def test_of_eight_processes_that_ask_at_once_one_is_allowed(tmp_path: Path) -> None:
    case = copy_case(tmp_path / "cases", "throttled_before_write")
    command = [sys.executable, "-m", "pipetriage", "gate", str(case), "--store", str(tmp_path / "i.db"), "--json"]
    asked = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
    told = [one.communicate(timeout=120) for one in asked]
    answers = [json.loads(out) for out, _ in told]

    assert sorted(one.returncode for one in asked) == [0, *[10] * 7], told
    assert [one["rule"] for one in answers if one["allowed"]] == ["ALLOWED"]
    assert {one["rule"] for one in answers if not one["allowed"]} == {"ALREADY_ALLOWED"}
