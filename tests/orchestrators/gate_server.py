"""A gate on loopback that answers by a script, and keeps what it was asked. Only the standard library is needed."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Gate(ThreadingHTTPServer):
    """The server; the last answer of the script is repeated."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[dict[str, Any]] = []
        self.script: list[dict[str, Any] | bytes] = []

    def answers(self, *script: dict[str, Any] | bytes) -> None:
        self.asked.clear()
        self.script = list(script)


class Handler(BaseHTTPRequestHandler):
    server: Gate

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append({**question, "path": self.path, "token": self.headers.get("authorization")})
        said = self.server.script[min(len(self.server.asked), len(self.server.script)) - 1]
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def gate_server() -> Iterator[Gate]:
    with Gate() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


YES: dict[str, Any] = {"allowed": True, "rule": "ALLOWED", "reason": "every rule holds"}
NO: dict[str, Any] = {"allowed": False, "rule": "OUTPUT_REPEATED", "reason": "9 of 12 partitions are there"}
LATER: dict[str, Any] = {
    "allowed": False,
    "rule": "WAITING",
    "reason": "the service needs time to recover",
    "retry_after_seconds": 40,
}
