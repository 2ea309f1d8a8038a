"""Prints how soon the service is ready, how much a page weighs, and what a mixed load of many requests does to it.

The load is a mix of what sixteen programs and people ask, each with a token of its own: lists, filters, search, one
incident, the reading gate, and one request in 25 is a page. It is kept at ``RATE`` requests a second for ``SECONDS``,
by threads of another process, whether or not the last ones were answered.

    python -m benchmarks.service        # INCIDENTS=20000 RATE=200 SECONDS=20
"""

import http.client
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random

INCIDENTS = int(os.environ.get("INCIDENTS", "20000"))
RATE = int(os.environ.get("RATE", "200"))
SECONDS = int(os.environ.get("SECONDS", "20"))
THREADS = 16
STARTS = 5


def filled(folder: Path) -> str:
    """Fill a store as the archive's benchmark does."""
    os.environ["INCIDENTS"] = str(INCIDENTS)
    import sqlalchemy as sa

    from pipetriage.stores.sql import SqlStore

    archive = importlib.import_module("benchmarks.archive")
    url = f"sqlite:///{folder}/incidents.db"
    SqlStore.open(url).close()
    archive.fill(sa.create_engine(url))
    return url


def free_port() -> int:
    """Give a port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def known(url: str) -> list[dict[str, str]]:
    """Give the headers of each of those who ask: a token for the API, a session for the pages."""
    from datetime import UTC, datetime

    from pipetriage.bootstrap import open_app
    from pipetriage.entrypoints.web.visitors import COOKIE, Door
    from pipetriage.model.access import Scope, Token, digest_of, new_secret

    program, found = open_app(store_url=url), []
    for number in range(THREADS):
        secret, at = new_secret(), datetime.now(UTC)
        made = Token(
            token_id=f"t{number}",
            name=f"program {number}",
            scopes=frozenset(Scope),
            digest=digest_of(secret),
            created_at=at,
            expires_at=None,
        )
        program.kept().access().add_token(made)
        begun = Door(program, None).log_in(secret)
        assert begun is not None  # noqa: S101 - it was made just now
        found.append({"authorization": f"Bearer {secret}", "cookie": f"{COOKIE}={begun[0]}"})
    return found


def started(url: str, port: int) -> "subprocess.Popen[bytes]":
    """Start the service."""
    command = [sys.executable, "-m", "pipetriage", "serve", "--port", str(port), "--store", url]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def get(connection: http.client.HTTPConnection, path: str, who: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Ask; a body for the gate."""
    body, method = (b'{"table": "analytics.orders"}', "POST") if path == "/gate/read" else (None, "GET")
    connection.request(method, path, body, {**(who or {}), **({"content-type": "application/json"} if body else {})})
    answer = connection.getresponse()
    return answer.status, answer.read()


def until_ready(port: int) -> float:
    """Give the seconds until it is ready."""
    began = time.perf_counter()
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            if get(connection, "/readyz")[0] == 200:
                return time.perf_counter() - began
        except OSError:
            time.sleep(0.01)


def imported() -> float:
    """Give the seconds in which Python begins and imports what any such service needs, and nothing of ours."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import fastapi, uvicorn, sqlalchemy, alembic, jinja2"], check=True)
    return time.perf_counter() - began


def weight(port: int, path: str, who: dict[str, str]) -> int:
    """Give the bytes of a page with all that it loads, as they are sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    _, page = get(connection, path, who)
    files = set(re.findall(rb'(?:href|src)="(/static/[^"]+)"', page))
    return len(page) + sum(len(get(connection, one.decode())[1]) for one in files)


def load(port: int, paths: list[str], who: list[dict[str, str]]) -> tuple[list[float], int]:
    """Ask at the rate; give what each answer took from when it was due, and how many were errors."""
    taken: list[float] = []
    errors, lock, began = [0], threading.Lock(), time.perf_counter() + 0.5

    def work(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for turn in range(number, RATE * SECONDS, THREADS):
            due = began + turn / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                status, _ = get(connection, paths[turn % len(paths)], who[number])
            except OSError:
                status, connection = 599, http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            with lock:
                taken.append(time.perf_counter() - due)
                errors[0] += status != 200

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sorted(taken), errors[0]


def mixed(port: int, who: dict[str, str]) -> list[str]:
    """Give what is asked, in a random order that is the same each time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    found = json.loads(get(connection, "/api/v1/incidents?limit=100", who)[1])["incidents"]
    ids = [one["incident_id"] for one in found]
    asked = ["/api/v1/incidents?limit=20"] * 20
    asked += [f"/api/v1/incidents?pipeline=pipeline_{n}&limit=20" for n in range(20)]
    asked += [f"/api/v1/incidents?q=column_{n}&limit=20" for n in range(20)]
    asked += [f"/api/v1/incidents/{one}" for one in ids[:40]]
    asked += ["/gate/read"] * 40 + ["/live?mark=x"] * 40
    asked += ["/api/v1/trends"] * 12 + [f"/incidents/{one}" for one in ids[40:44]] + ["/"] * 3 + ["/trends"]
    Random(5).shuffle(asked)  # noqa: S311 - the same load each time
    return asked


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="pipetriage-service-") as folder:
        url = filled(Path(folder))
        starts, bare = [], sorted(imported() for _ in range(STARTS))[STARTS // 2]
        for _ in range(STARTS):
            process = started(url, port := free_port())
            starts.append(until_ready(port))
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        half = sorted(starts)[STARTS // 2]
        print(f"start to ready: {half:.2f} s, {half / bare:.1f} times importing the libraries alone (aim: 1.5 s)")
        who = known(url)
        process = started(url, port := free_port())
        until_ready(port)
        try:
            asked = mixed(port, who[0])
            incident = next(one for one in asked if one.startswith("/incidents/"))
            for path in ("/", incident, "/trends", "/quality", "/readiness"):
                name = "/incidents/ID" if path == incident else path
                print(f"weight of {name}: {weight(port, path, who[0]) / 1000:.0f} kB (aim: below 150)")
            taken, errors = load(port, asked, who)
            p50, p95, p99 = (taken[int(share * len(taken))] * 1000 for share in (0.5, 0.95, 0.99))
            print(
                f"{RATE} requests a second for {SECONDS} s, {INCIDENTS:,} incidents: {len(taken)} answered, "
                f"{errors} errors, p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms"
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


if __name__ == "__main__":
    main()
