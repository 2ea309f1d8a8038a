"""moto's threaded server on loopback, with a door in front: it notes every call, and can be slow or refuse."""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import moto.sqs.models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

from tests.emulated.responses import register

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_XML = "<Error><Code>{0.code}</Code><Message>{0.message}</Message></Error>"
_S3_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_S3_BUCKET = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}


class Refusal(NamedTuple):
    """What a call is answered with instead."""

    code: str
    message: str
    status: int
    times: int | None
    """How often; None: always."""


_THROTTLED = Refusal("ThrottlingException", "Rate exceeded", 400, None)
_SLOW_DOWN = Refusal("SlowDown", "Please reduce your request rate.", 503, None)


class Door:
    """The WSGI application in front of moto's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.calls: list[str] = []
        """``service:Operation`` of every request, in the order in which they came."""
        self.latency = 0.0
        """Seconds that every answer takes longer."""
        self.throttled_every = 0
        """Every so many calls one is answered with a throttling error; 0: none is."""
        self.refusals: dict[str, Refusal] = {}
        """By ``service:Operation``."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        call = _call(environ)
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            return self._inner(environ, start_response)  # type: ignore[no-any-return]
        with self._lock:
            self.calls.append(call)
            refusal = self._next_refusal(call)
        if self.latency:
            time.sleep(self.latency)
        if refusal is not None:
            return _answer(refusal, call, start_response)
        return self._inner(environ, start_response)  # type: ignore[no-any-return]

    def _next_refusal(self, call: str) -> Refusal | None:
        if self.throttled_every and len(self.calls) % self.throttled_every == 0:
            return _SLOW_DOWN if call.startswith("s3:") else _THROTTLED
        refusal = self.refusals.get(call)
        if refusal is not None and refusal.times is not None:
            left = refusal.times - 1
            if left > 0:
                self.refusals[call] = refusal._replace(times=left)
            else:
                del self.refusals[call]
        return refusal


class _Dispatcher(DomainDispatcherApplication):
    """moto's own, which lists its folder for every request to find out whose it is, while all others wait."""

    def __init__(self, create_app: Any) -> None:
        super().__init__(create_app)
        self._known: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        if host not in self._known:
            self._known[host] = super().get_backend_for_host(host)
        return self._known[host]


def _milliseconds(moment: Any = None) -> float:
    """Give the time as moto does, which makes two dates for it, for every message of a queue at every look."""
    return time.time() * 1000.0


class Server(ThreadedMotoServer):
    """moto's own server behind a door, on a free port of the loopback interface."""

    def __init__(self) -> None:
        register()
        moto.sqs.models.unix_time_millis = _milliseconds  # type: ignore[assignment, attr-defined]
        super().__init__("127.0.0.1", 0, verbose=False)
        self.door = Door(_Dispatcher(create_backend_app))

    def _server_entry(self) -> None:
        self._server = make_server(*(self._ip_address, self._port, self.door, True), request_handler=_QuietHandler)
        self._server_ready_event.set()
        self._server.serve_forever()

    @property
    def url(self) -> str:
        """The address that clients take as ``endpoint_url``."""
        host, port = self.get_host_and_port()
        return f"http://{host}:{port}"


class _QuietHandler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it, Linux holds the second packet of an answer back for 40 ms.
    disable_nagle_algorithm = True

    def log(self, *_: Any) -> None:
        """Say nothing: every call is in ``Door.calls``."""


def _call(environ: dict[str, Any]) -> str:
    """Name a request ``service:Operation``, as the guard and the IAM policy do."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = scope[1] if scope else "unsigned"
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    path, query = environ.get("PATH_INFO", "/"), parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if target:
        return f"{'cloudwatch' if service == 'monitoring' else service}:{target.rpartition('.')[2]}"
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        return f"{'sts' if not scope else service}:{parse_qs(body.decode()).get('Action', ['?'])[0]}"
    if service != "s3":
        return f"{service}:{path.strip('/').split('/')[0] or '?'}"
    if path.strip("/").count("/"):
        return f"s3:{_S3_OBJECT.get(environ['REQUEST_METHOD'], '?')}"
    operation = _S3_BUCKET.get(environ["REQUEST_METHOD"], "?")
    if operation == "ListObjects":
        operation = "ListObjectsV2" if "list-type" in query else operation
        operation = "ListObjectVersions" if "versions" in query else operation
    return f"s3:{operation}"


def _answer(refusal: Refusal, call: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    if call.startswith("s3:"):
        kind = "application/xml"
        body = _XML.format(refusal).encode()
    elif call.startswith("sts:"):
        kind = "application/xml"
        body = f"<ErrorResponse>{_XML.format(refusal)}</ErrorResponse>".encode()
    else:
        kind = "application/x-amz-json-1.1"
        body = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", refusal.code)]
    start_response(f"{refusal.status} Refused", headers)
    return [body]
