"""For whoever runs the service: is it there, is it ready, what does it do, and what it does not let itself be asked."""

import gzip
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipetriage.bootstrap import App
from pipetriage.entrypoints.web import operations
from pipetriage.errors import StoreError
from pipetriage.model.access import Scope
from pipetriage.stores import open_store
from tests.entrypoints.web.asking import Service, make_token
from tests.reasoning.wire.server import answers, provider


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    with service.client:
        yield service


def test_it_is_there_and_ready_without_a_token(served: Service) -> None:
    del served.client.headers["authorization"]

    assert served.client.get("/healthz").json() == {"status": "ok"}
    assert served.client.get("/readyz").json() == {"status": "ready"}


def test_it_is_not_ready_while_its_store_hangs_and_says_so_in_time(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(self: App) -> None:
        time.sleep(3)
        raise StoreError("at last")

    monkeypatch.setattr(operations, "READY_SECONDS", 0.3)
    monkeypatch.setattr(App, "kept", hang)
    began = time.monotonic()
    answer = served.client.get("/readyz")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "does not answer within 0.3 s" in answer.json()["title"]
    assert time.monotonic() - began < 2
    assert served.client.get("/healthz").status_code == 200


def test_it_is_not_ready_without_a_store(served: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: App) -> None:
        raise StoreError("the database is not reached: name another with --store")

    monkeypatch.setattr(App, "kept", gone)

    assert served.client.get("/readyz").status_code == 503
    for path in ("/api/v1/incidents", "/api/v1/trends"):
        answer = served.client.get(path)
        assert answer.status_code == 503
        assert "not reached" in answer.json()["title"]
    assert "not reached" in served.client.get("/", headers={"accept": "text/html"}).text


def test_a_damaged_store_is_said_and_nothing_breaks(served: Service, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "incidents.db") as connection:
        connection.execute("DROP TABLE pipetriage_day")
    connection.close()

    answer = served.client.get("/api/v1/trends")
    assert answer.status_code == 503
    assert "incidents.db" in answer.json()["title"]
    assert served.client.get("/api/v1/incidents").status_code == 200


def test_what_it_does_is_counted_by_route_and_never_by_address(served: Service) -> None:
    for path in ("/api/v1/incidents", "/api/v1/incidents", "/api/v1/incidents/inc_secretname", "/secretpath"):
        served.client.get(path)
    served.client.post("/gate/read", json={"table": "sales.secrettable"})
    text = served.client.get("/metrics").text
    found = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }

    def requests(route: str, method: str, status: str) -> float | None:
        labels = {"route": route, "method": method, "status": status}
        return found.get(("pipetriage_http_requests_total", tuple(sorted(labels.items()))))

    assert requests("/api/v1/incidents", "GET", "200") == 2
    assert requests("/api/v1/incidents/{reference}", "GET", "404") == 1
    assert requests("none", "none", "404") == 1
    gate = {"question": "read", "rule": "CLEAR", "allowed": "true"}
    assert found[("pipetriage_gate_answers_total", tuple(sorted(gate.items())))] == 1
    assert "secret" not in text


def test_who_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "pipetriage.toml").write_text("[serve]\nper_minute = 5\n")
    served = Service(tmp_path, config=tmp_path / "pipetriage.toml")
    other = make_token(served.store, Scope.READ, name="other")
    statuses = [served.client.get("/api/v1/incidents").status_code for _ in range(7)]

    assert statuses == [200] * 5 + [429] * 2
    assert served.client.get("/api/v1/incidents").headers["retry-after"] == "60"
    assert served.client.get("/healthz").status_code == 200
    mine = {"authorization": f"Bearer {other}"}
    assert served.client.get("/api/v1/incidents", headers=mine).status_code == 200


def test_a_request_is_as_long_as_it_may_be(served: Service) -> None:
    assert served.client.post("/gate", content=b" " * 310_000).status_code == 413
    assert served.client.post("/gate", content=b" " * 300_000).status_code == 422


def started(folder: Path, **environment: str) -> tuple["subprocess.Popen[bytes]", str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipetriage", "serve", "--port", str(port), "--store", str(folder / "i.db")]
    named = {name: value for name, value in os.environ.items() if name != "PIPETRIAGE_TOKEN"}
    process = subprocess.Popen(command, cwd=folder, env={**named, **environment}, stderr=subprocess.PIPE)
    return process, f"http://127.0.0.1:{port}"


def fetched(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own service
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def when_ready(address: str) -> None:
    for _ in range(1200):
        try:
            if fetched(f"{address}/readyz") == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("it is not ready")


def plain(asked: Sequence[Any]) -> bytes:
    """Give all that a collector was sent, unpacked."""
    return b"".join(gzip.decompress(one.body) if one.body[:2] == b"\x1f\x8b" else one.body for one in asked)


def test_each_request_is_traced_where_that_is_asked_for_and_nothing_in_it(tmp_path: Path) -> None:
    open_store(str(tmp_path / "i.db"))
    with provider() as collector:
        collector.plays(answers(200, b"", content_type="application/x-protobuf"))
        process, address = started(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200")
        try:
            when_ready(address)
            assert fetched(f"{address}/api/v1/incidents?q=secretwords") == 200
            assert fetched(f"{address}/api/v1/incidents/inc_secretname") == 404
            for _ in range(600):  # sent a moment later, and not once a signal has ended the process
                if b"{reference}" in plain(collector.seen):
                    break
                time.sleep(0.05)
        finally:
            process.terminate()
            process.communicate(timeout=20)
        told = plain(collector.seen)
    assert b"/api/v1/incidents/{reference}" in told
    assert b"GET" in told
    assert b"secretwords" not in told
    assert b"secretname" not in told
    assert b"healthz" not in told


def test_it_is_ready_soon_and_stops_at_once(tmp_path: Path) -> None:
    open_store(str(tmp_path / "i.db"))
    process, address = started(tmp_path)
    try:
        when_ready(address)
    finally:
        began = time.monotonic()
        process.terminate()
        _, told = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert b"Traceback" not in told
