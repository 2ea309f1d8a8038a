"""Asking the gate from an orchestrator: an answer always, and a no whenever anything is wrong."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipetriage.entrypoints.gate_client import ask, ask_read
from tests.evaluation.building import copy_case
from tests.orchestrators.gate_server import LATER, NO, YES, Gate


@pytest.mark.parametrize(("said", "allowed", "wait"), [(YES, True, None), (NO, False, None), (LATER, False, 40)])
def test_the_service_is_asked_and_its_answer_taken(gate: Gate, said: Any, allowed: bool, wait: int | None) -> None:
    gate.answers({**said, "incident_id": "inc_1"})
    answer = ask("glue:orders/jr_1", asker="me")
    assert (answer.allowed, answer.rule, answer.reason) == (allowed, said["rule"], said["reason"])
    assert (answer.retry_after_seconds, answer.incident_id) == (wait, "inc_1")
    assert gate.asked == [
        {
            "target": "glue:orders/jr_1",
            "asker": "me",
            "can_wait": False,
            "within_seconds": 90.0,
            "path": "/gate",
            "token": "Bearer t0ken",
        }
    ]


def test_a_reader_is_answered(gate: Gate) -> None:
    gate.answers({**NO, "table": "a.b", "incidents": [{"incident_id": "inc_7", "more": [1, 2]}]})
    answer = ask_read("a.b")
    assert (answer.allowed, answer.incident_id) == (False, "inc_7")
    assert gate.asked[0]["table"] == "a.b"


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b"<html>", b'{"allowed": "yes", "rule": "", "reason": ""}', b'{"allowed": true}']
)
def test_nonsense_is_a_no(gate: Gate, said: bytes) -> None:
    gate.answers(said)
    for answer in (ask("glue:orders/jr_1"), ask_read("a.b")):
        assert (answer.allowed, answer.rule) == (False, "CANNOT_ANSWER")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "file:///etc/passwd", "nonsense", "http://[", "http://u:secret@127.0.0.1:9"]
)
def test_a_gate_that_is_not_there_is_a_no(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PIPETRIAGE_URL", url)
    answer = ask("glue:orders/jr_1", within_seconds=2)
    assert (answer.allowed, answer.rule) == (False, "CANNOT_ANSWER")
    assert "secret" not in answer.reason


def test_in_process_the_settings_and_the_store_of_the_environment_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIPETRIAGE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPETRIAGE_STORE", str(tmp_path / "incidents.db"))
    safe = copy_case(tmp_path / "cases", "throttled_before_write")
    unsafe = copy_case(tmp_path / "cases", "failure_after_staging_write")
    assert ask(str(safe), asker="one").rule in ("ALLOWED", "WAITING")
    answer = ask(str(unsafe), asker="one")
    assert (answer.allowed, answer.incident_id is not None) == (False, True)
    assert not ask_read("sales.shop_sales_staging").allowed
    assert not ask("local:nowhere/run").allowed
    monkeypatch.setenv("PIPETRIAGE_CONFIG", "nowhere.toml")
    assert ask(str(safe)).rule == "CANNOT_ANSWER"


def test_a_service_that_never_ends_its_answer_is_a_no_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drips(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(200):  # each byte comes before any limit of the connection's
                    self.wfile.write(b" ")
                    time.sleep(0.1)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    monkeypatch.setattr("pipetriage.entrypoints.gate_client._GRACE_SECONDS", 0.3)
    with ThreadingHTTPServer(("127.0.0.1", 0), Drips) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        began = time.monotonic()
        for answer in (
            ask("glue:orders/jr_1", url=f"http://127.0.0.1:{server.server_address[1]}", within_seconds=0.2),
            ask_read("a.b", url=f"http://127.0.0.1:{server.server_address[1]}", within_seconds=0.2),
        ):
            assert (answer.allowed, answer.rule) == (False, "NO_ANSWER_IN_TIME")
        assert time.monotonic() - began < 5
        server.shutdown()
