"""Lineage events over HTTP, from a server that behaves as Marquez does, or worse."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pipetriage.errors import SourceError
from pipetriage.sources import marquez
from pipetriage.sources.lineage import lineage_events

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SINCE = AT - timedelta(hours=1)


class Server:
    """Answers every request by a function of ours, on a free port of the loopback interface."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, list[str]], str | None]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.page
        self.events: list[dict[str, Any]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                told.seen.append((parts.path, parse_qs(parts.query), self.headers.get("Authorization")))
                told.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def page(self, request: BaseHTTPRequestHandler) -> None:
        query = self.seen[-1][1]
        start, size = int(query["offset"][0]), int(query["limit"][0])
        found = [one for one in self.events if one["eventTime"] > query["after"][0]]
        self.say(request, 200, json.dumps({"events": found[start : start + size], "totalCount": len(found)}).encode())

    @staticmethod
    def say(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def says(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answer = lambda request: self.say(request, status, body, **headers)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    one = Server()
    yield one
    one.http.shutdown()
    one.http.server_close()


def _event(number: int, table: str = "sales.orders") -> dict[str, Any]:
    at = AT - timedelta(minutes=number) if number < 1000 else AT
    inputs = [{"namespace": "g", "name": table}]
    return {"eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "run": {"runId": f"r{number}"}, "job": {}, "inputs": inputs}


def _read(url: str, **more: Any) -> Any:
    return lineage_events(None, url, ["sales.orders"], SINCE, **more)


def test_events_about_a_table_in_a_time(server: Server) -> None:
    server.events = [_event(1), _event(2, "sales.other"), _event(3), _event(90)]
    answer = _read(server.url, until=AT)
    assert [event["run"]["runId"] for event in answer.payload] == ["r3", "r1"]
    assert answer.complete
    path, query, key = server.seen[0]
    assert (path, key) == ("/api/v1/events/lineage", None)
    assert query == {
        "after": ["2026-11-22T01:00:00Z"],
        "before": ["2026-11-22T02:00:00Z"],
        "sortDirection": ["desc"],
        "limit": ["100"],
        "offset": ["0"],
    }


@pytest.mark.parametrize(
    "path", ["", "/", "/api/v1", "/api/v1/", "/api/v1/events/lineage", "/behind/a/proxy/api/v1?x=1"]
)
def test_an_address_as_people_write_it(server: Server, path: str) -> None:
    _read(server.url + path)
    assert server.seen[0][0] == ("/behind/a/proxy" if "proxy" in path else "") + "/api/v1/events/lineage"


def test_pages_until_the_end_or_a_bound(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.events = [_event(1000 + number) for number in range(250)]
    answer = _read(server.url)
    assert (len(answer.payload), answer.complete, len(server.seen)) == (250, True, 3)
    monkeypatch.setattr(marquez, "MAX_PAGES", 2)
    answer = _read(server.url)
    assert (len(answer.payload), answer.complete) == (200, False)
    monkeypatch.setattr(marquez, "SECONDS", 0.0)
    assert (len(_read(server.url).payload), _read(server.url).complete) == (100, False)


def test_the_key_is_sent_to_that_server_only(server: Server) -> None:
    other = Server()
    try:
        server.says(302, Location=f"{other.url}/api/v1/events/lineage")
        with pytest.raises(SourceError, match="redirects to another server"):
            _read(server.url, api_key="hunter2")
        server.says(302, Location="file:///etc/passwd")
        with pytest.raises(SourceError):
            _read(server.url, api_key="hunter2")
        assert other.seen == []
    finally:
        other.http.shutdown()
        other.http.server_close()
    assert server.seen[0][2] == "Bearer hunter2"


def test_a_redirect_on_the_same_server_is_followed_but_not_for_ever(server: Server) -> None:
    def once(request: BaseHTTPRequestHandler) -> None:
        if request.path.startswith("/new"):
            server.page(request)
        else:
            server.say(request, 307, Location=f"/new{request.path}")

    server.events = [_event(1)]
    server.answer = once
    assert len(_read(server.url, api_key="k").payload) == 1
    assert server.seen[-1][2] == "Bearer k"
    server.answer = lambda request: server.say(request, 302, Location=request.path)
    with pytest.raises(SourceError, match="302"):
        _read(server.url)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"", "401 Unauthorized: set or correct its API key"),
        (500, b"secret stack trace", "answers 500"),
        (200, b"<html>", "does not answer with JSON"),
        (200, b"", "does not answer with JSON"),
        (200, b"[" * 100_000, "does not answer with JSON"),
        (200, b"[]", "does not answer as Marquez does"),
        (200, b'{"events": {}}', "does not answer as Marquez does"),
    ],
)
def test_other_answers(server: Server, status: int, body: bytes, said: str) -> None:
    server.says(status, body)
    with pytest.raises(SourceError, match=said) as caught:
        _read(server.url, api_key="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_answer_that_is_too_large_or_too_slow(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marquez, "MAX_BYTES", 1000)
    server.says(200, b" " * 1001)
    with pytest.raises(SourceError, match="more than the 1000 bytes"):
        _read(server.url)

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        for _ in range(30):
            request.wfile.write(b" ")
            time.sleep(0.02)

    server.answer = drip
    monkeypatch.setattr(marquez, "PAGE_SECONDS", 0.1)
    with pytest.raises(SourceError, match=r"within 0\.1 s"):
        _read(server.url)
    monkeypatch.setattr(marquez, "PAGE_SECONDS", 9.0)
    with pytest.raises(SourceError):  # it ends before its announced length
        _read(server.url)
    monkeypatch.setattr(marquez, "TIMEOUT_SECONDS", 0.1)
    server.answer = lambda request: time.sleep(0.5)
    with pytest.raises(SourceError, match="timed out"):
        _read(server.url)


def test_what_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match="does not answer"):
        _read(f"http://127.0.0.1:{port}")
    for url in ("http://u:hunter2@h", "http://hunter2@h", "http://", "http://h:hunter2", "http://[hunter2"):
        with pytest.raises(SourceError, match="address of the lineage events") as caught:
            _read(url)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
