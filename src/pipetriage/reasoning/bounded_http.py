"""An HTTP client for the OpenAI and Anthropic SDKs that reads no response beyond a bound and follows no redirect."""

from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipetriage.reasoning.calls import Call

if TYPE_CHECKING:
    import ssl

    import httpx2

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CONNECT_SECONDS = 5.0
"""As the SDKs' own clients have."""
_SENT_TO_LOCAL = frozenset(
    {"host", "content-type", "content-length", "accept", "accept-encoding", "connection", "user-agent"}
)
"""What a server of one's own gets to know. The SDK would add OpenAI's organisation, project and custom headers."""


def prepare() -> None:
    """Import what is needed and read the certificates, so that a conversation need not."""
    _certificates()


def http_client(call: Call) -> "httpx2.AsyncClient":
    """Give a client for one conversation, to be closed after it. Proxies are those of the environment."""

    async def plainly(request: "httpx2.Request") -> None:
        _ask_plainly(call, request)

    return _client(call, plainly, trust_env=True)


def local_client(call: Call, url: str, key: str | None) -> "httpx2.AsyncClient":
    """Give a client for a server of one's own, which gets our own key or none, and none of OpenAI's headers."""

    async def stripping(request: "httpx2.Request") -> None:
        _ask_plainly(call, request)
        for name in list(request.headers):
            if name.lower() not in _SENT_TO_LOCAL:
                del request.headers[name]
        if key:
            request.headers["authorization"] = f"Bearer {key}"

    # A proxy cannot reach what listens on this machine, and has no business reading what is said to it.
    return _client(call, stripping, trust_env=urlsplit(url).hostname not in _LOOPBACK)


def _client(call: Call, on_request: Callable[..., object], *, trust_env: bool) -> "httpx2.AsyncClient":
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        """A response's bytes, no more of them than are read."""

        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for piece in self._stream:
                size += len(piece)
                if size > call.limits.response_bytes:
                    call.too_large = f"its response has more than {call.limits.response_bytes} bytes"
                    raise httpx2.ReadError(call.too_large)
                yield piece

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def bounding(response: httpx2.Response) -> None:
        call.responding = True
        packed = response.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            # A few kilobytes can unpack to gigabytes.
            call.too_large = f"its response is packed ({packed[:20]}), which was not asked for and is not unpacked"
            raise httpx2.ReadError(call.too_large)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream)

    return httpx2.AsyncClient(
        verify=_certificates(),
        # A connection that is kept may have been closed by the other side when it is used again.
        limits=httpx2.Limits(max_keepalive_connections=0),
        timeout=httpx2.Timeout(call.left(), connect=min(_CONNECT_SECONDS, call.left())),
        follow_redirects=False,
        trust_env=trust_env,
        event_hooks={"request": [on_request], "response": [bounding]},
    )


def _ask_plainly(call: Call, request: "httpx2.Request") -> None:
    call.sending = True
    request.headers["accept-encoding"] = "identity"


@cache
def _certificates() -> "ssl.SSLContext":
    """Read the trusted certificates once: it takes a tenth of a second, during which nothing else is done."""
    import httpx2

    return httpx2.create_ssl_context()
