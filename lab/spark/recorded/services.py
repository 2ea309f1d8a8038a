"""What programs talk to besides files: one HTTP server on loopback that answers as real services do, until it must not.

It speaks a JSON API (``/api/…``), AWS JSON (``POST /`` with ``X-Amz-Target``), S3's REST (``/<bucket>/<key>``), WebHDFS
(``/webhdfs/v1/…``) and Iceberg's REST catalog (``/iceberg/v1/…``).
"""

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lab.spark.recorded.rest_catalog import Catalog


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with the requests that match, in one run."""

    on: str
    """A pattern over ``METHOD path target``."""
    status: int = 503
    body: str = ""
    after: int = 0
    """So many matching requests go well first."""
    times: int = 10_000
    """So many fail; those after them go well."""
    how: str = "answer"
    """``answer``, ``reset`` (the connection), ``hang`` (for eight seconds), ``stall`` (longer than any run
    lasts), ``slow``, ``lose`` (do it, then answer with the fault), ``meanwhile`` (someone else writes before the
    request is answered)."""
    kind: str = "application/json"


_SECRETS = {
    "ssm.GetParameter": {"Parameter": {"Name": "rates", "Type": "String", "Value": '{"EUR": 1.0, "CHF": 0.94}'}},
    "secretsmanager.GetSecretValue": {"Name": "reporting", "SecretString": '{"user": "reporting"}'},
    "AmazonSSM.GetParameter": {"Parameter": {"Name": "rates", "Type": "String", "Value": '{"EUR": 1.0, "CHF": 0.94}'}},
}


class Services:
    """The server; ``faults`` is set before a run and emptied after it."""

    def __init__(self) -> None:
        self.faults: tuple[Fault, ...] = ()
        self.files: Path = Path()
        """What WebHDFS and S3 serve: the platform's folder."""
        self.catalog: Catalog | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self._seen: dict[Fault, int] = {}
        self._lock = threading.Lock()
        services = self

        class Handler(_Handler):
            owner = services

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def begin(self, faults: tuple[Fault, ...]) -> None:
        """Count from zero for a new run."""
        with self._lock:
            self.faults, self._seen = faults, {}

    def fault_for(self, request: str) -> Fault | None:
        """Say which fault this request meets."""
        with self._lock:
            for fault in self.faults:
                if re.search(fault.on, request):
                    count = self._seen[fault] = self._seen.get(fault, 0) + 1
                    if fault.after < count <= fault.after + fault.times:
                        return fault
        return None

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a program that hung up is what was asked for."""


class _Handler(BaseHTTPRequestHandler):
    owner: Services
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        target = self.headers.get("X-Amz-Target", "")
        fault = self.owner.fault_for(f"{self.command} {unquote(self.path)} {target}")
        if fault is not None and fault.how == "slow":
            time.sleep(0.5)
        if fault is None or fault.how in {"meanwhile", "lose", "slow"}:
            if fault is not None and fault.how == "meanwhile":
                self.owner.meanwhile()
            status, kind, answer = self._answer(target, body)
            if fault is None or fault.how in {"meanwhile", "slow"}:
                self._send(status, kind, answer)
                return
        assert fault is not None  # noqa: S101 - told to the type checker
        if fault.how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if fault.how in {"hang", "stall"}:
            time.sleep(8 if fault.how == "hang" else 600)
            self.close_connection = True
            return
        self._send(fault.status, fault.kind, fault.body.encode())

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815 - the base class looks for these names

    def _send(self, status: int, kind: str, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Location" if status == 307 else "Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if self.headers.get("X-Amz-Target"):
                self.send_header("x-amzn-RequestId", "0f4c9a52-6f5e-4a31-9d0c-3f1f0c0a7b11")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the program gave up

    def _answer(self, target: str, body: bytes) -> tuple[int, str, bytes]:
        url = urlsplit(self.path)
        path = unquote(url.path)
        if target:
            return 200, "application/x-amz-json-1.1", json.dumps(_SECRETS.get(target, {})).encode()
        if path.startswith("/api/"):
            return 200, "application/json", b'{"rates": {"EUR": 1.0, "CHF": 0.94}, "holidays": []}'
        if path.startswith("/webhdfs/v1"):
            return self._webhdfs(path.removeprefix("/webhdfs/v1"), parse_qs(url.query))
        if path.startswith("/iceberg/") and self.owner.catalog is not None:
            status, document = self.owner.catalog.answer(self.command, path, body)
            return status, "application/json", json.dumps(document).encode() if document is not None else b""
        return self._s3(path)

    def _s3(self, path: str) -> tuple[int, str, bytes]:
        if "list-type=2" in self.path:
            found = "<Contents><Key>reference/prices/current.json</Key><Size>412</Size></Contents>"
            xml = f"<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
            return 200, "application/xml", xml.encode()
        file = self.owner.files / path.lstrip("/").partition("/")[2]
        if self.command in {"GET", "HEAD"} and file.is_file():
            return 200, "binary/octet-stream", file.read_bytes()
        if self.command == "PUT":
            return 200, "application/xml", b""
        said = "The specified key does not exist."
        xml = f"<Error><Code>NoSuchKey</Code><Message>{said}</Message><Key>{path}</Key></Error>"
        return 404, "application/xml", xml.encode()

    def _webhdfs(self, path: str, query: dict[str, list[str]]) -> tuple[int, str, bytes]:
        file, operation = self.owner.files / path.lstrip("/"), query.get("op", [""])[0].upper()
        if not file.exists():
            remote = {"exception": "FileNotFoundException", "javaClassName": "java.io.FileNotFoundException"}
            remote["message"] = f"File does not exist: {path}"
            return 404, "application/json", json.dumps({"RemoteException": remote}).encode()
        if operation == "OPEN" and "datanode" not in query:
            # A namenode sends readers to a datanode; here both are one.
            return 307, f"http://{self.owner.address}{self.path}&datanode=1", b""
        if operation == "GETFILEBLOCKLOCATIONS":
            return 200, "application/json", b'{"BlockLocations": {"BlockLocation": []}}'
        if operation == "GET_BLOCK_LOCATIONS":
            blocks: dict[str, Any] = {
                "fileLength": file.stat().st_size,
                "isUnderConstruction": False,
                "isLastBlockComplete": True,
            }
            blocks |= {"locatedBlocks": [], "lastLocatedBlock": None}
            return 200, "application/json", json.dumps({"LocatedBlocks": blocks}).encode()
        if operation == "LISTSTATUS_BATCH":
            found = [_status(one, one.name) for one in sorted(file.iterdir())] if file.is_dir() else [_status(file, "")]
            listing = {"partialListing": {"FileStatuses": {"FileStatus": found}}, "remainingEntries": 0}
            return 200, "application/json", json.dumps({"DirectoryListing": listing}).encode()
        if operation == "OPEN":
            return 200, "application/octet-stream", file.read_bytes()[int(query.get("offset", ["0"])[0]) :]
        if operation == "GETFILESTATUS":
            return 200, "application/json", json.dumps({"FileStatus": _status(file, "")}).encode()
        if operation == "LISTSTATUS":
            found = [_status(one, one.name) for one in sorted(file.iterdir())] if file.is_dir() else [_status(file, "")]
            return 200, "application/json", json.dumps({"FileStatuses": {"FileStatus": found}}).encode()
        return 200, "application/json", b'{"boolean": true}'


def _status(file: Path, suffix: str) -> dict[str, Any]:
    seen = file.stat()
    return {
        "accessTime": 0, "blockSize": 134_217_728, "group": "hadoop", "length": 0 if file.is_dir() else seen.st_size,
        "modificationTime": int(seen.st_mtime * 1000), "owner": "etl", "pathSuffix": suffix, "permission": "750",
        "replication": 0 if file.is_dir() else 3, "type": "DIRECTORY" if file.is_dir() else "FILE", "storagePolicy": 0,
        "childrenNum": 0, "fileId": 16_386,
    }  # fmt: skip
