"""Starting, asking and ending the model's server from our side."""

import json
import os
import select
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

THREADS, CONTEXT = 2, 8192
_START_SECONDS = 180
_END_SECONDS = 20
_SERVING = Path(__file__).with_name("serving.py")


class ServerError(Exception):
    """The server did not start, or does not answer."""


class Server:
    """A running server; its counters are how a test knows what really reached it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def input_tokens(self, instructions: str, text: str) -> int:
        """Count the tokens of a request, chat template included, by the model's own tokenizer."""
        messages = [{"role": "system", "content": instructions}, {"role": "user", "content": text}]
        return int(self._json("/v1/chat/completions/input_tokens", {"messages": messages})["input_tokens"])

    def tokens(self, text: str) -> int:
        """Count the tokens of a text alone."""
        return len(self._json("/tokenize", {"content": text})["tokens"])

    def counters(self) -> Mapping[str, float]:
        """Give the server's counters, by name."""
        read = self._get("/metrics").decode()
        lines = (line.split() for line in read.splitlines() if line and not line.startswith("#"))
        return {name.removeprefix("llamacpp:"): float(value) for name, value in lines}

    def wait_until_idle(self, seconds: float) -> None:
        """Wait for a call that was left behind to end.

        Raises:
            ServerError: it did not within so many seconds.
        """
        ends = time.monotonic() + seconds
        while self.counters()["requests_processing"]:
            if time.monotonic() > ends:
                raise ServerError(f"the server was still busy after {seconds:g} s")
            time.sleep(0.2)

    def healthy(self) -> bool:
        """Whether it says that it is ready."""
        try:
            return bool(json.loads(self._get("/health")).get("status") == "ok")
        except (OSError, ValueError):
            return False

    def _json(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        sent = urllib.request.Request(  # noqa: S310 - loopback, and http by construction
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(sent, timeout=120) as answer:  # noqa: S310 - see above
            read: dict[str, Any] = json.load(answer)
        return read

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=120) as answer:  # noqa: S310 - see above
            return bytes(answer.read())


@contextmanager
def serve(python: Path, model: Path, log: Path) -> Iterator[Server]:
    """Serve a model for as long as the block lasts.

    Args:
        python: of the environment that has the model's runtime.
        model: the GGUF file.
        log: where the server's own words go.

    Raises:
        ServerError: it does not start.
    """
    # Two threads that spin for each other stall on cores that others use as well.
    environment = {"PATH": os.environ.get("PATH", ""), "GOMP_SPINCOUNT": "2000"}
    command = [str(python), str(_SERVING), str(model), str(THREADS), str(CONTEXT)]
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own script and files
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment, cwd=log.parent
        )
        try:
            yield _ready(process, log)
        finally:
            _end(process)


def _ready(process: subprocess.Popen[bytes], log: Path) -> Server:
    ends = time.monotonic() + _START_SECONDS
    told = process.stdout
    if told is None or not select.select([told], [], [], _START_SECONDS)[0]:
        raise ServerError(f"the server did not start within {_START_SECONDS} s: see {log}")
    url = told.readline().decode().strip()
    if not url.startswith("http://127.0.0.1:"):
        raise ServerError(f"the server did not start: see {log}")
    server = Server(url)
    while not server.healthy():
        if process.poll() is not None or time.monotonic() > ends:
            raise ServerError(f"the server is not well: see {log}")
        time.sleep(0.2)
    return server


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
