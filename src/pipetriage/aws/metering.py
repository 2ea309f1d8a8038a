"""How many requests somebody sends and how much is read, though sessions and their clients are shared by threads.

A request is sent by the thread that calls a client's method, so that whoever calls is known while it is sent.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from botocore.response import StreamingBody


class Meter:
    """Counts for one collection. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._bytes = 0

    @property
    def calls(self) -> int:
        """Requests sent: each attempt is one, also what botocore asks by itself (a role's credentials)."""
        return self._calls

    @property
    def bytes(self) -> int:
        """Bytes of answers' bodies that were read, as they came: compressed where the object was, errors included."""
        return self._bytes

    def sent(self) -> None:
        """Count a request."""
        with self._lock:
            self._calls += 1

    def read(self, count: int) -> None:
        """Count bytes."""
        with self._lock:
            self._bytes += count


_METER: "ContextVar[Meter | None]" = ContextVar("pipetriage_aws_meter", default=None)


@contextmanager
def metering(meter: Meter) -> Iterator[None]:
    """Let a meter count what this thread sends within the block."""
    before = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(before)


def install(events: Any) -> None:
    """Count in a botocore session's event emitter; after the guard, so that what it refuses is not counted."""
    events.register_last("before-send", _on_sending)
    events.register_last("response-received", _on_answer)


def _on_sending(**_: Any) -> None:
    if (meter := _METER.get()) is not None:
        meter.sent()


def _on_answer(response_dict: Any = None, parsed_response: Any = None, **_: Any) -> None:
    meter = _METER.get()
    if meter is None:
        return
    body = (response_dict or {}).get("body")
    if isinstance(body, bytes):
        meter.read(len(body))
    for value in (parsed_response or {}).values():
        if isinstance(value, StreamingBody):
            # botocore has no event for what is read of an object later, or never.
            value._raw_stream = _CountedStream(value._raw_stream, meter)


class _CountedStream:
    """A response's stream that counts what is read of it."""

    def __init__(self, stream: Any, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    def read(self, *arguments: Any, **named: Any) -> Any:
        data = self._stream.read(*arguments, **named)
        self._meter.read(len(data))
        return data

    def readinto(self, buffer: Any) -> Any:
        count = self._stream.readinto(buffer)
        self._meter.read(count)
        return count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class MeteredClient:
    """A client whose methods are counted. A paginator made from it is not: none is used."""

    def __init__(self, client: Any, meter: Meter) -> None:
        self._client = client
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        """Give the client's own attribute, counted where it is a method."""
        found = getattr(self._client, name)
        if not callable(found):
            return found

        @wraps(found)
        def counted(*arguments: Any, **named: Any) -> Any:
            with metering(self._meter):
                return found(*arguments, **named)

        return counted
