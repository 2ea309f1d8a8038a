"""``pipetriage serve`` over real HTTP on loopback: a scheduler is answered, whatever is wrong."""

import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pipetriage.entrypoints.cli import main
from pipetriage.stores import open_store
from tests.evaluation.building import copy_case

TOKEN, SECRET = "t0ken-of-the-test", "slack-signing-secret"
SETTINGS = """
store = "incidents.db"
[channels.ops]
kind = "slack"
webhook_env = "OPS_HOOK"
signing_secret_env = "OPS_SIGNING"
"""


class Service:
    """A real process, on a port of its own."""

    def __init__(self, folder: Path, *arguments: str, token: str | None = TOKEN) -> None:
        (folder / "pipetriage.toml").write_text(SETTINGS)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {**os.environ, "OPS_HOOK": "http://127.0.0.1:9/x", "OPS_SIGNING": SECRET}
        environment |= {"PIPETRIAGE_TOKEN": token} if token else {}
        command = [sys.executable, "-m", "pipetriage", "serve", "--port", str(self.port), *arguments]
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)
        for _ in range(1200):
            try:
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(self.stop())

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = TOKEN, **headers: str
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"content-type": "application/json", **{name.replace("_", "-"): one for name, one in headers.items()}}
        sent |= {"authorization": f"Bearer {token}"} if token else {}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        read = answer.read()
        return answer.status, json.loads(read) if read else None

    def stop(self) -> str:
        self.process.send_signal(signal.SIGINT)
        try:
            _, told = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return told.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving")
    case = copy_case(folder / "cases", "failure_after_staging_write")
    assert main(["triage", str(case), "--store", str(folder / "incidents.db")]) == 0
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    service = Service(folder)
    yield service
    told = service.stop()
    assert "Traceback" not in told


def test_a_reader_is_answered(service: Service) -> None:
    status, answer = service.ask("POST", "/gate/read", {"table": "sales.shop_sales_staging"})
    assert (status, answer["allowed"], answer["rule"]) == (200, False, "PARTIAL_DATA")
    assert answer["incidents"][0]["pipeline_name"] == "shop_sales"
    status, answer = service.ask("POST", "/gate/read", {"table": "sales.elsewhere"})
    assert (status, answer["allowed"]) == (200, True)


@pytest.mark.parametrize("target", ["local:nowhere/run-1", "glue:../x", "jr_unknown", "cases/x", "/etc", "https://x"])
def test_what_cannot_be_answered_is_a_no(service: Service, target: str) -> None:
    status, answer = service.ask("POST", "/gate", {"target": target, "within_seconds": 5})
    assert (status, answer["allowed"]) == (200, False)
    assert answer["rule"] in ("CANNOT_ANSWER", "NO_ANSWER_IN_TIME")
    assert answer["incident"] is None


@pytest.mark.parametrize("token", [None, "wrong", TOKEN + "x", ""])
def test_who_has_no_token_is_told_nothing(service: Service, token: str | None) -> None:
    for path in ("/gate", "/gate/read"):
        status, answer = service.ask("POST", path, {"table": "sales.orders"}, token=token)
        assert (status, set(answer)) == (401, {"status", "title"})


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', {"target": ""}, {"target": 5}, {"target": "x" * 3000}, {"target": "jr_1", "more": 1}],
)
def test_a_malformed_request_is_said_to_be_one(service: Service, body: Any) -> None:
    status, answer = service.ask("POST", "/gate", body)
    assert status == 422
    assert "xxx" not in json.dumps(answer)


def test_a_request_that_is_too_long_is_not_read(service: Service) -> None:
    status, _ = service.ask("POST", "/gate", b"x" * 400_000)
    assert status == 413


def test_without_a_token_a_page_that_leads_to_this_machine_by_its_own_name_is_not_answered(tmp_path: Path) -> None:
    open_store(str(tmp_path / "incidents.db"))
    service = Service(tmp_path, token=None)
    try:
        assert service.ask("POST", "/gate/read", {"table": "a.b"}, token=None)[0] == 200
        assert service.ask("POST", "/gate/read", {"table": "a.b"}, token=None, Host="evil.example:8321")[0] == 421
    finally:
        service.stop()


def test_a_request_that_does_not_arrive_is_given_up(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as slow:
        slow.sendall(b"POST /gate HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{")
        began = time.monotonic()
        assert b" 408 " in slow.recv(200)
        assert time.monotonic() - began < 15


def test_without_a_token_only_this_machine_may_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIPETRIAGE_TOKEN", raising=False)
    assert main(["serve", "--host", "192.0.2.1", "--store", "i.db"]) == 2


def signed(form: dict[str, Any], secret: str = SECRET, age: int = 0) -> tuple[bytes, dict[str, str]]:
    body = urlencode({"payload": json.dumps(form)}).encode()
    at = str(int(time.time()) - age)
    found = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return body, {"X_Slack_Request_Timestamp": at, "X_Slack_Signature": f"v0={found}"}


def pressed(action: str, value: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ana"},
        "actions": [{"action_id": action, "value": json.dumps(value)}],
        "trigger_id": "1.2.abc",
    }


def test_slacks_buttons_write_to_our_store_and_nowhere_else(service: Service, folder: Path) -> None:
    store = open_store(f"sqlite:///{folder / 'incidents.db'}")
    (incident,) = store.list()
    value = {"t": incident.batch_key, "i": incident.incident_id}
    body, headers = signed(pressed("pipetriage_acknowledge", value))
    assert service.ask("POST", "/slack/actions", body, token=None, **headers)[0] == 200
    taken = store.deliveries().acknowledged(incident.batch_key)
    assert taken is not None
    assert "ana" in taken.by

    view = {
        "callback_id": "pipetriage_review_given",
        "private_metadata": incident.incident_id,
        "state": {
            "values": {
                "category": {"category": {"selected_option": {"value": "UNKNOWN"}}},
                "safe": {"safe": {"selected_option": {"value": "no"}}},
                "note": {"note": {"value": "password=hunter2 was wrong"}},
                "done": {"done": {"value": "set password=hunter2 anew"}},
            }
        },
    }
    body, headers = signed({"type": "view_submission", "user": {"id": "U1", "username": "ana"}, "view": view})
    status, answer = service.ask("POST", "/slack/actions", body, token=None, **headers)
    assert (status, answer) == (200, {"response_action": "clear"})
    review = store.get(incident.incident_id).review
    assert review is not None
    assert (review.failure_category, review.safe_to_retry) == ("UNKNOWN", False)
    assert "hunter2" not in review.note + review.done
    assert review.done.startswith("set ")
    assert [(entry.what, entry.about) for _, entry in store.access().entries()] == [("review", incident.incident_id)]


@pytest.mark.parametrize(("secret", "age"), [("another", 0), (SECRET, 600)])
def test_what_slack_did_not_sign_just_now_does_nothing(service: Service, secret: str, age: int) -> None:
    body, headers = signed(pressed("pipetriage_acknowledge", {"t": "x", "i": "y"}), secret, age)
    assert service.ask("POST", "/slack/actions", body, token=None, **headers)[0] == 401


def test_an_action_that_we_do_not_have_is_refused(service: Service) -> None:
    body, headers = signed(pressed("pipetriage_rerun", {"t": "x", "i": "y"}))
    assert service.ask("POST", "/slack/actions", body, token=None, **headers)[0] == 400
