"""A Glue on loopback that starts runs, each of which appends half a batch to a file, and tells what became of them.

Only the standard library is needed: it stands in an orchestrator's environment, in which there is no emulator of AWS.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BECOMES = {"hangs": "RUNNING", "stopped": "STOPPED"}
"""By a part of the job's name; every other run has FAILED."""


class Glue(ThreadingHTTPServer):
    """The server; ``started`` counts the runs of each job."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.started: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.lock = threading.Lock()

    def start(self, job: str) -> tuple[int, dict[str, Any]]:
        with self.lock:
            if "refused" in job:
                self.refused[job] += 1
                return 400, {"__type": "ConcurrentRunsExceededException", "Message": "Concurrent runs exceeded"}
            if "faulty" in job:  # it has started one, and the answer is lost
                self.started[job] += 1
                return 500, {"__type": "InternalServiceException", "Message": "try again"}
            self.started[job] += 1
            return 200, {"JobRunId": run_id(job, self.started[job])}


def run_id(job: str, number: int) -> str:
    """Give the id of a job's nth run, in the form of Glue's own."""
    return f"jr_{job.encode().hex()[:40]:0<40}{number:024x}"


class Handler(BaseHTTPRequestHandler):
    server: Glue

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = asked.get("JobName", "")
        match self.headers["x-amz-target"].rpartition(".")[2]:
            case "GetJob":
                said: tuple[int, dict[str, Any]] = 200, {"Job": {"Name": name}}
            case "StartJobRun":
                said = self.server.start(name)
            case "GetJobRun":
                state = next((state for part, state in BECOMES.items() if part in name), "FAILED")
                run = {"Id": asked["RunId"], "JobName": name, "JobRunState": state, "ErrorMessage": "who knows"}
                said = 200, {"JobRun": run}
            case _:
                said = 400, {"__type": "InvalidInputException", "Message": "not known here"}
        status, document = said
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def glue_server() -> Iterator[Glue]:
    with Glue() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
