"""The guard: a veto on every AWS call that is not on the allowlist, before a byte is sent.

It sits in the event system of one botocore session, which every client, resource, paginator, waiter and transfer
made from that session shares. It is defence in depth: what the credentials may do is decided by IAM (docs/aws.md).
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from pipetriage.aws.allowlist import ALLOWLIST, Allowed, Scope
from pipetriage.errors import ReadOnlyError

_EVENT_NAMES = {"logs": "cloudwatch-logs", "stepfunctions": "sfn"}
"""botocore's event names of the services whose clients are called otherwise."""

_RESOURCE = {"dynamodb": "TableName", "sqs": "QueueUrl", "sts": "RoleArn"}
"""The parameter that names the resource of an exception, by service."""

_PRESIGNED = ("-query", "-presign-post")
"""How the name of a signature ends that is put into a URL or a form, for somebody else to use later."""


class OwnResources(msgspec.Struct, frozen=True, kw_only=True):
    """What pipetriage itself owns or takes on: the only resources on which an exception is allowed."""

    table: str | None = None
    """Our incident table. A request must name it exactly so: an ARN pins account and region, a bare name does not."""
    queue_url: str | None = None
    """Our event queue, by the URL that requests name it by; it holds account and region."""
    dead_letter_url: str | None = None
    """Where events go that cannot be used, by its URL; only sending is allowed there."""
    roles: frozenset[str] = frozenset()
    """ARNs of the roles that may be taken on: ``AwsSession`` puts in the configured one and those of the profiles."""


class Guard:
    """Refuses every operation that is not allowed; see ``install``."""

    def __init__(self, own: OwnResources, allowlist: tuple[Allowed, ...] = ALLOWLIST) -> None:
        self._own = own
        self._rows: dict[str, tuple[Allowed, ...]] = {}
        for row in allowlist:
            name = f"{_EVENT_NAMES.get(row.service, row.service)}.{row.operation}"
            self._rows[name] = (*self._rows.get(name, ()), row)

    def install(self, events: Any) -> None:
        """Put the guard into a botocore session's event emitter, before any client is made from it.

        Four places, since none of them is passed by every way out. At all but the second every handler is asked, and
        those of one service or operation before those of all:

        * ``before-parameter-build``: every call by name, with its parameters as they will be sent;
        * ``before-call``: the serialized request; who answers here in the service's place keeps it from being sent;
        * ``before-sign``: signatures, which presigned URLs and forms get without being calls;
        * ``before-send``: the bytes themselves, also of a request that was put together by hand.
        """
        events.register_last("before-parameter-build", self._on_parameters)
        events.register_last("before-call", self._on_request)
        events.register_last("before-sign", self._on_signature)
        events.register_last("before-send", self._on_sending)

    def _on_parameters(self, event_name: str, params: Mapping[str, Any], context: Any, **_: Any) -> None:
        if (context or {}).get("is_presign_request"):
            raise _refusal(event_name, "is presigned, which would let others call it")
        self._check(event_name, params)

    def _on_request(self, event_name: str, params: Mapping[str, Any], **_: Any) -> None:
        self._check(event_name, _Body(params.get("body")))

    def _on_signature(self, event_name: str, signature_version: Any, **_: Any) -> None:
        if isinstance(signature_version, str) and signature_version.endswith(_PRESIGNED):
            raise _refusal(event_name, "is presigned, which would let others call it")
        self._rows_of(event_name)

    def _on_sending(self, event_name: str, request: Any, **_: Any) -> None:
        self._check(event_name, _Body(request.body))

    def _rows_of(self, event_name: str) -> tuple[Allowed, ...]:
        rows = self._rows.get(event_name.partition(".")[2])
        if rows is None:
            raise _refusal(event_name, "is not on the allowlist")
        return rows

    def _check(self, event_name: str, parameters: "Mapping[str, Any] | _Body") -> None:
        rows = self._rows_of(event_name)
        if not all(row.exception for row in rows):
            return
        service = rows[0].service
        named = parameters.get(_RESOURCE[service])
        if not isinstance(named, str) or named not in self._resources(rows[0].scope):
            what = f"on {named!r}" if named else f"without a {_RESOURCE[service]}"
            raise _refusal(event_name, f"{what} changes something that is not pipetriage's own")

    def _resources(self, scope: Scope) -> frozenset[str | None]:
        own = self._own
        return {
            Scope.INCIDENT_TABLE: frozenset({own.table}),
            Scope.QUEUE: frozenset({own.queue_url}),
            Scope.DEAD_LETTERS: frozenset({own.dead_letter_url}),
            Scope.ROLE: own.roles,
        }[scope]


class _Body:
    """The parameters within a serialized request, decoded only when asked for; an unreadable body names nothing."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def get(self, name: str) -> Any:
        body = self._body
        if isinstance(body, Mapping):  # the query protocol, before it is encoded
            return body.get(name)
        try:
            text = body.decode() if isinstance(body, bytes | bytearray) else str(body or "")
            if text.lstrip().startswith("{"):
                return json.loads(text).get(name)
            values = parse_qs(text).get(name, [])
        except ValueError:
            return None
        return values[0] if len(values) == 1 else None


def _refusal(event_name: str, why: str) -> ReadOnlyError:
    _, service, operation = (*event_name.split("."), "", "")[:3]
    clients = {event: client for client, event in _EVENT_NAMES.items()}
    return ReadOnlyError(f"{clients.get(service, service)}:{operation}", why)
