"""Bounds on what is read from Amazon Bedrock, whose client blocks a thread and reads whatever comes.

botocore lets a handler of ``before-send`` answer in the service's place. Ours sends the request itself and reads it up
to the bound. It does so in a thread that nobody has to wait for: the one that pydantic-ai waits with returns as soon as
the conversation is closed, and a program that ends is not held up by an answer that never comes.
"""

import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from pipetriage.reasoning.calls import Call, ClosedError

CURRENT: ContextVar[Call | None] = ContextVar("pipetriage_call", default=None)
"""The conversation that a request belongs to; threads that are started to wait for an answer inherit it."""

_PIECE = 16 * 1024


class TooLargeError(Exception):
    """A response has more bytes than are read."""


def bound(client: Any) -> None:
    """Have a guarded client send within the bounds of the conversation that each of its requests belongs to.

    The handler is put last, behind the guard's own in the same place: what the guard vetoes never gets here.
    """
    session = client._endpoint.http_session  # botocore has no public way to its connections, proxies and certificates

    def sending(request: Any, **_: Any) -> Any:
        call = CURRENT.get()
        if call is None:
            raise ClosedError
        answer = call.waiting()
        threading.Thread(target=_exchange, args=(session, request, call, answer), daemon=True).start()
        return answer.result(timeout=call.left())

    client.meta.events.register_last("before-send", sending)


def _exchange(session: Any, request: Any, call: Call, answer: Any) -> None:
    """Send one request and read the response; whatever comes of it goes to who waits."""
    try:
        request.stream_output = True  # the body is left unread
        request.context["read_timeout"] = max(call.left(), 0.1)
        if call.closed:
            return
        call.sending = True
        response = session.send(request)
        call.responding = True
        call.reading(lambda: _stop(response.raw))
        try:
            response._content = _read(response.raw, call)  # what botocore itself would set by reading all of it
        finally:
            response.raw.close()
        call.settle(answer, response)
    except Exception as error:  # noqa: BLE001 - it is raised again in the thread that waits
        call.settle(answer, error=error)


def _stop(raw: Any) -> None:
    """End a read that blocks another thread. urllib3 before 2.3 cannot: the read then lasts until its own timeout."""
    shutdown = getattr(raw, "shutdown", None)
    with suppress(OSError, ValueError):  # read to its end, or closed by the other side
        if shutdown is not None:
            shutdown()


def _read(raw: Any, call: Call) -> bytes:
    """Read what is sent, packed or not: nothing is unpacked here, nor by botocore."""
    most, body = call.limits.response_bytes, bytearray()
    for piece in raw.stream(_PIECE, decode_content=False):
        body += piece
        if len(body) > most:
            call.too_large = f"its response has more than {most} bytes"
            raise TooLargeError(call.too_large)
        if call.closed or not call.left():
            raise ClosedError
    return bytes(body)
