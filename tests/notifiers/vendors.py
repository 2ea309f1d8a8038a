"""Services on loopback that keep what they are told, hold it against their own limits, and can be made to misbehave."""

import json
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import jsonschema

from tests.reasoning.wire.server import Handler, Provider, Seen, Step, answers

SCHEMAS = Path(__file__).parent / "schemas"


@cache
def by_schema(name: str) -> Any:
    """Give what holds a document against a vendor's schema, by the draft that the schema itself names."""
    document = json.loads((SCHEMAS / name).read_text())
    return jsonschema.validators.validator_for(document)(document)


class Asked(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Reply(NamedTuple):
    """What a service says to it."""

    status: int
    document: Any = None


class VendorHandler(Handler):
    """Any method; the step comes from what the service was told to do next, or from the vendor."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server = self.server
        assert isinstance(server, Service)
        step = server.next_step(Asked(self.command, self.path, headers, body))
        try:
            step(self)
        except (BrokenPipeError, ConnectionResetError):
            server.hung_up.set()
        self.close_connection = True

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST


class Service(Provider):
    """A vendor's server. What is in ``faults`` is done first, one for each request; the vendor learns nothing of it."""

    def __init__(self, vendor: "Vendor") -> None:
        super().__init__()
        self.RequestHandlerClass = VendorHandler
        self.vendor = vendor
        self.faults: deque[Step] = deque()
        self.loses_answers = 0
        """So many requests are carried out, and then nobody hears of it."""
        self.wrong: list[Exception] = []

    def next_step(self, asked: Asked) -> Step:
        with self._lock:
            self.seen.append(Seen(asked.path, asked.headers, asked.body))
            if self.faults:
                return self.faults.popleft()
            try:
                reply = self.vendor.answer(asked)
            except (AssertionError, jsonschema.ValidationError, LookupError) as error:
                self.wrong.append(error)
                reply = Reply(400, {"error": "the test's vendor found something wrong"})
            if self.loses_answers:
                self.loses_answers -= 1
                return answers(504, {"message": "upstream timed out"})
        body = b"" if reply.document is None else reply.document
        return answers(reply.status, body)


class Vendor:
    """Keeps what it was told."""

    def answer(self, asked: Asked) -> Reply:
        raise NotImplementedError

    @property
    def heads(self) -> list[str]:
        """What stands at the top of each thread, ticket or alert, as text."""
        raise NotImplementedError

    @property
    def news(self) -> list[str]:
        """What was added below, in order."""
        raise NotImplementedError


class SlackVendor(Vendor):
    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Bearer xoxb-very-secret-token":
            return Reply(200, {"ok": False, "error": "invalid_auth"})
        method, body = asked.path.rpartition("/")[2], asked.document
        self.calls.append((method, body))
        if method == "views.open":
            return Reply(200, {"ok": True})
        assert_blocks(body["blocks"])
        if method == "chat.update":
            if body["ts"] not in self.messages:
                return Reply(200, {"ok": False, "error": "message_not_found"})
            self.messages[body["ts"]] |= body
            return Reply(200, {"ok": True, "ts": body["ts"], "channel": "C01"})
        ts = f"17000000{len(self.messages):02}.000100"
        self.messages[ts] = body
        return Reply(200, {"ok": True, "ts": ts, "channel": "C01"})

    @property
    def heads(self) -> list[str]:
        return [json.dumps(one) for one in self.messages.values() if "thread_ts" not in one]

    @property
    def news(self) -> list[str]:
        return [json.dumps(one) for one in self.messages.values() if "thread_ts" in one]


class SlackWebhookVendor(Vendor):
    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []

    def answer(self, asked: Asked) -> Reply:
        body = asked.document
        assert_blocks(body["blocks"])
        self.posted.append(body)
        return Reply(200, b"ok")

    @property
    def heads(self) -> list[str]:
        return [json.dumps(one) for one in self.posted]

    @property
    def news(self) -> list[str]:
        return []


class TeamsVendor(Vendor):
    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []

    def answer(self, asked: Asked) -> Reply:
        if len(asked.body) > 20 * 1024:
            return Reply(413, {"error": {"code": "RequestEntityTooLarge", "message": "too large"}})
        (attachment,) = asked.document["attachments"]
        by_schema("adaptive-card-1.4.json").validate(attachment["content"])
        self.posted.append(attachment["content"])
        return Reply(202)

    @property
    def heads(self) -> list[str]:
        return [json.dumps(one) for one in self.posted]

    @property
    def news(self) -> list[str]:
        return []


class JiraVendor(Vendor):
    def __init__(self) -> None:
        self.issues: dict[str, dict[str, Any]] = {}
        self.comments: list[tuple[str, Any]] = []
        self.links: list[Any] = []
        self.transitions = 0
        self.read_only = False
        self.refuses_links = False
        self.indexed = True

    def answer(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0].removeprefix("/rest/api/3")
        if path == "/issue":
            return self._create(asked.document["fields"])
        if path == "/search/jql":
            labels = re.findall(r'labels = "([^"]+)"', asked.document["jql"])
            found = [key for key, issue in self.issues.items() if set(labels) <= set(issue["labels"])]
            return Reply(200, {"issues": [{"key": key} for key in found] if self.indexed else [], "isLast": True})
        if path == "/issueLink":
            if self.refuses_links:
                return Reply(404, {"errorMessages": ["No issue link type with name 'Relates' found."], "errors": {}})
            self.links.append(asked.document)
            return Reply(201)
        if path.endswith("/transitions"):
            self.transitions += 1
            return Reply(204)
        key = path.split("/")[2]
        if key not in self.issues:
            return Reply(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]})
        return self._of_issue(key, asked)

    def _create(self, fields: dict[str, Any]) -> Reply:
        wrong = _wrong_in_jira(fields)
        if wrong:
            return Reply(400, {"errorMessages": [], "errors": wrong})
        key = f"DATA-{len(self.issues) + 1}"
        self.issues[key] = fields
        return Reply(201, {"id": "10000", "key": key, "self": f"https://jira.example/{key}"})

    def _of_issue(self, key: str, asked: Asked) -> Reply:
        if asked.method == "PUT":
            wrong = _wrong_in_jira(asked.document["fields"])
            if wrong or self.read_only:
                return Reply(400, {"errorMessages": ["You do not have permission to edit"], "errors": wrong})
            self.issues[key] |= asked.document["fields"]
            return Reply(204)
        if asked.method == "GET":
            return Reply(200, {"comments": [{"body": body} for of, body in self.comments if of == key]})
        by_schema("adf-full.json").validate(asked.document["body"])
        self.comments.append((key, asked.document["body"]))
        return Reply(201, {"id": "1"})

    @property
    def heads(self) -> list[str]:
        return [json.dumps(one) for one in self.issues.values()]

    @property
    def news(self) -> list[str]:
        return [json.dumps(one) for _, one in self.comments]


class ServiceNowVendor(Vendor):
    def __init__(self) -> None:
        self.incidents: dict[str, dict[str, Any]] = {}
        self.closed: set[str] = set()
        self.notes: list[str] = []

    def answer(self, asked: Asked) -> Reply:
        parts = urlsplit(asked.path)
        if asked.method == "GET":
            query = parse_qs(parts.query)["sysparm_query"][0]
            wanted, active = query.split("^")
            assert active == "active=true"
            value = wanted.removeprefix("correlation_id=")
            found = [sys_id for sys_id, one in self.incidents.items() if one["correlation_id"] == value]
            return Reply(200, {"result": [self._shown(one) for one in found if one not in self.closed]})
        fields = asked.document
        assert len(fields["short_description"]) <= 160
        assert len(fields["description"]) <= 4000
        if asked.method == "POST":
            assert len(fields["correlation_id"]) <= 100
            sys_id = f"{len(self.incidents) + 1:032x}"
            self.incidents[sys_id] = fields
            return Reply(201, {"result": self._shown(sys_id)})
        sys_id = parts.path.rpartition("/")[2]
        if sys_id not in self.incidents or sys_id in self.closed:
            error = {"message": "No Record found", "detail": "Record doesn't exist or ACL restricts the retrieval"}
            return Reply(404 if sys_id not in self.incidents else 403, {"error": error, "status": "failure"})
        self.incidents[sys_id] |= fields
        if "work_notes" in fields:
            self.notes.append(fields["work_notes"])
        return Reply(200, {"result": self._shown(sys_id)})

    def _shown(self, sys_id: str) -> dict[str, str]:
        return {"sys_id": sys_id, "number": f"INC{int(sys_id, 16):07}"}

    @property
    def heads(self) -> list[str]:
        return [json.dumps(one) for one in self.incidents.values()]

    @property
    def news(self) -> list[str]:
        return self.notes


class PagerDutyVendor(Vendor):
    def __init__(self) -> None:
        self.open: dict[str, list[dict[str, Any]]] = {}
        self.resolved: list[str] = []

    def answer(self, asked: Asked) -> Reply:
        event = asked.document
        wrong = list(_wrong_in_pagerduty(event, len(asked.body)))
        if wrong:
            return Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": wrong})
        key = event["dedup_key"]
        if event["event_action"] == "resolve":
            self.open.pop(key, None)
            self.resolved.append(key)
        else:
            self.open.setdefault(key, []).append(event)
        return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    @property
    def heads(self) -> list[str]:
        return [json.dumps(events[-1]) for events in self.open.values()]

    @property
    def news(self) -> list[str]:
        return [json.dumps(one) for events in self.open.values() for one in events[1:]]


class WebhookVendor(Vendor):
    def __init__(self) -> None:
        self.requests: list[Asked] = []

    def answer(self, asked: Asked) -> Reply:
        if len(asked.body) > 64 * 1024:
            return Reply(413)
        by_schema("cloudevents-1.0.json").validate(asked.document)
        self.requests.append(asked)
        return Reply(204)

    @property
    def heads(self) -> list[str]:
        # A receiver keeps one of each id.
        return list({one.document["id"]: one.body.decode() for one in self.requests}.values())

    @property
    def news(self) -> list[str]:
        return []


@contextmanager
def service(vendor: Vendor) -> Iterator[Service]:
    """Serve until the block ends."""
    with Service(vendor) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
    assert not server.wrong


def assert_blocks(blocks: list[dict[str, Any]]) -> None:
    """Hold blocks against slack-sdk's own models and Slack's documented limits."""
    from slack_sdk.models.blocks import Block

    assert 0 < len(blocks) <= 50
    for block in blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        assert parsed.type == block["type"]
        parsed.validate_json()
        for text in _texts(block):
            assert 0 < len(text) <= (150 if block["type"] == "header" else 3000)


def _texts(block: dict[str, Any]) -> list[str]:
    if block["type"] == "context":
        return [one["text"] for one in block["elements"]]
    return [block["text"]["text"]] if "text" in block else []


def _wrong_in_jira(fields: dict[str, Any]) -> dict[str, str]:
    wrong = {}
    if len(fields["summary"]) > 255 or "\n" in fields["summary"] or not fields["summary"]:
        wrong["summary"] = "Summary must be one line of at most 255 characters"
    if not isinstance(fields["description"], dict):
        wrong["description"] = "Operation value must be an Atlassian Document"
    elif len(json.dumps(fields["description"], ensure_ascii=False)) > 32_767:
        wrong["description"] = "CONTENT_LIMIT_EXCEEDED"
    else:
        by_schema("adf-full.json").validate(fields["description"])
    if any(" " in label or len(label) > 255 for label in fields.get("labels", [])):
        wrong["labels"] = "The label contains spaces which is invalid."
    return wrong


def _wrong_in_pagerduty(event: dict[str, Any], size: int) -> Iterator[str]:
    if len(event["routing_key"]) != 32:
        yield "'routing_key' is invalid"
    if not 0 < len(event["dedup_key"]) <= 255:
        yield "'dedup_key' is invalid"
    if size > 512 * 1024:
        yield "the event is too large"
    if event["event_action"] == "resolve":
        return
    payload = event["payload"]
    if not 0 < len(payload["summary"]) <= 1024:
        yield "'payload.summary' is missing or too long"
    if payload["severity"] not in ("critical", "error", "warning", "info"):
        yield "'payload.severity' is invalid"
