"""An HTTP server on loopback that plays a provider: it answers each request with the next step of a script."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole and hands the connection to the step."""

    protocol_version = "HTTP/1.1"
    server: "Provider"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        step = self.server.take(Seen(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        try:
            step(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()
        self.close_connection = True

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        # It says that it closes, as it does: else a client may send its next request into a closing connection.
        for name, value in ({"content_type": "application/json", "connection": "close"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin(self, **headers: str) -> None:
        """Begin an answer whose end is that of the connection."""
        self.send_response(200)
        for name, value in ({"content_type": "application/json", "connection": "close"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


Step = Callable[[Handler], None]


class Provider(ThreadingHTTPServer):
    """The server. The last step of a script is repeated."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen: list[Seen] = []
        self.script: list[Step] = []
        self.arrived = threading.Event()
        self.hung_up = threading.Event()
        self._lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who asked may well have hung up."""

    def take(self, request: Seen) -> Step:
        with self._lock:
            step = self.script[min(len(self.seen), len(self.script) - 1)]
            self.seen.append(request)
        self.arrived.set()
        return step

    def forget(self) -> None:
        self.seen.clear()
        self.arrived.clear()
        self.hung_up.clear()

    def plays(self, *steps: Step) -> None:
        """Answer with these from now on; what was seen before is forgotten."""
        self.forget()
        self.script = list(steps)


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve until the block ends."""
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


def answers(status: int, document: Any, **headers: str) -> Step:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda handler: handler.answer(status, body, **headers)


def resets(handler: Handler) -> None:
    """Close the connection so that the other side is told it was reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.rfile.close()
    raise ConnectionResetError


def hangs(handler: Handler) -> None:
    """Say nothing until the other side hangs up."""
    handler.connection.settimeout(10)
    if not handler.connection.recv(1):
        handler.server.hung_up.set()


def drips(handler: Handler) -> None:
    """Send a byte now and then, for ever."""
    handler.begin()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def pours(handler: Handler) -> None:
    """Send megabytes, for ever."""
    handler.begin()
    while True:
        handler.wfile.write(b" " * 65536)
