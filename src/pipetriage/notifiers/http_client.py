"""The one HTTP client of all channels: bounded in time and size, without redirects, silent about secrets."""

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from pipetriage.errors import DeliveryError, MissingExtraError, RefusedError
from pipetriage.notifiers.answers import hide, reason_in, retry_after_in, spellings
from pipetriage.notifiers.secrets import is_loopback

if TYPE_CHECKING:
    import httpx2

ANSWER_BYTES = 256 * 1024
"""Of an answer no more is read: those that are looked at have a few kilobytes."""
CONNECT_SECONDS = 5.0
"""As HTTP libraries have by default; the whole time limit, where that is less."""
_PERMANENT = frozenset({301, 308})
_BUSY = frozenset({408, 423, 425, 429})
"""4xx that say nothing against the request: too slow, locked, too early, too many."""


class Answer(NamedTuple):
    """What a service said. A status that is no success is here only if it was asked for."""

    service: str
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    whole: bool
    """Whether all of it was read."""

    def document(self) -> dict[str, Any]:
        """Give its JSON object.

        Raises:
            DeliveryError: it is none: half an answer, a portal's page, a proxy's message.
        """
        found = _decoded(self.body) if self.whole else None
        if not isinstance(found, dict):
            kind = "too much" if not self.whole else "something that is not JSON"
            raise DeliveryError(f"{self.service} answered {self.status} with {kind}")
        return found

    def text(self) -> str:
        """Give the beginning of its text."""
        return self.body[:4096].decode("utf-8", "replace").strip()


class HttpClient:
    """Asks one service. Shows nothing of the addresses and secrets that it was given."""

    def __init__(self, service: str, seconds: float, secrets: Iterable[str], environment: Mapping[str, str]) -> None:
        """``seconds`` is the limit of one request, its answer included.

        Raises:
            MissingExtraError: the HTTP library is not installed.
        """
        try:
            import httpx2  # noqa: F401 - asked for here, so that a missing one is told before anything is sent
        except ImportError as error:
            raise MissingExtraError("notify", "sending messages over HTTP") from error
        self.service = service
        self._seconds = seconds
        self._secrets = spellings(secrets)
        self._environment = environment

    def exchange(self) -> "Exchange":
        """Begin one message's requests."""
        return Exchange(self, time.monotonic() + 2 * self._seconds)

    def ask(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], ends: float, allowed: frozenset[int]
    ) -> Answer:
        """Make one request. Meant for ``Exchange``."""
        seconds = min(self._seconds, ends - time.monotonic())
        if seconds <= 0:
            raise DeliveryError(f"{self.service} takes too long: {2 * self._seconds:g} s for one message are over")
        answer = self._asked(method, url, body, headers, seconds)
        if not (200 <= answer.status < 300 or answer.status in allowed):
            raise self._refusal(answer)
        return answer

    def _asked(self, method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        import httpx2

        late = f"{self.service} did not answer within {seconds:.3g} s"
        # Nothing of the library's own words is repeated, and no cause is chained: they may quote the address.
        try:
            return asyncio.run(self._request(method, url, body, headers, seconds))
        except (TimeoutError, httpx2.TimeoutException):
            raise DeliveryError(late) from None
        except httpx2.ProxyError:
            raise DeliveryError(f"{self.service} is not reached: the proxy does not let us through") from None
        except httpx2.ConnectError as error:
            raise DeliveryError(f"{self.service} is not reached: {_why_unreached(error)}") from None
        except (httpx2.LocalProtocolError, httpx2.InvalidURL):
            raise RefusedError(
                f"{self.service} cannot be asked: an address or secret has a form HTTP forbids"
            ) from None
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise DeliveryError(f"{self.service} ended the connection early ({type(error).__name__})") from None

    async def _request(self, method: str, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        import httpx2

        limits = httpx2.Limits(max_keepalive_connections=0)
        timeout = httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        # The transport, not the client: the client logs whole addresses, which may be secrets, and follows settings of
        # the process's own environment.
        transport = httpx2.AsyncHTTPTransport(verify=_certificates(), limits=limits, proxy=self._proxy(url))
        sent = {"user-agent": "pipetriage", "accept-encoding": "identity", **headers}
        extensions = {"timeout": timeout.as_dict()}
        request = httpx2.Request(method, url, headers=sent, content=body, extensions=extensions)
        async with asyncio.timeout(seconds), transport:
            response = await transport.handle_async_request(request)
            try:
                data, whole = await _read(response)
            finally:
                await response.aclose()
        packed = response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
        return Answer(self.service, response.status_code, dict(response.headers), data, whole and not packed)

    def _proxy(self, url: str) -> str | None:
        parts, found = urlsplit(url), self._environment
        if is_loopback(parts.hostname or ""):
            return None
        proxy = found.get("HTTPS_PROXY") or found.get("https_proxy")
        excepted = found.get("NO_PROXY") or found.get("no_proxy") or ""
        return None if not proxy or _is_excepted(parts.hostname or "", excepted) else proxy

    def _refusal(self, answer: Answer) -> DeliveryError:
        status, after = answer.status, retry_after_in(answer.headers)
        said = hide(reason_in(answer.body, answer.headers), self._secrets)
        why = f"{self.service} answered {status}" + (f": {said}" if said else "")
        if status in _PERMANENT:
            return RefusedError(f"{why} (it has another address, which is not followed: correct ours)")
        if 300 <= status < 400:
            return DeliveryError(f"{why} (it points elsewhere, which is not followed)")
        if status in _BUSY or status >= 500:
            return DeliveryError(why, retry_after=after)
        return RefusedError(why)

    def shown(self, why: str) -> str:
        """Give a service's own reason as it may be shown: plain, short and without secrets."""
        return hide(why, self._secrets)


class Exchange:
    """The requests of one message; together they have twice the time of one."""

    def __init__(self, client: HttpClient, ends: float) -> None:
        self._client = client
        self._ends = ends

    def ask(
        self,
        method: str,
        url: str,
        document: object = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str],
        allowed: frozenset[int] = frozenset(),
    ) -> Answer:
        """Make a request, with a JSON document or ready bytes, and give the answer if it is a success or ``allowed``.

        Raises:
            DeliveryError: no answer, or one that says later.
            RefusedError: an answer that says no.
        """
        if document is not None:
            body, headers = msgspec.json.encode(document), {"content-type": "application/json", **headers}
        return self._client.ask(method, url, body, headers, self._ends, allowed)


async def _read(response: "httpx2.Response") -> tuple[bytes, bool]:
    data = bytearray()
    async for piece in response.aiter_raw():
        data += piece
        if len(data) > ANSWER_BYTES:
            return bytes(data[:ANSWER_BYTES]), False
    return bytes(data), True


def _is_excepted(host: str, excepted: str) -> bool:
    """Whether ``NO_PROXY`` names a host, or a domain that it is in."""
    names = [name.strip().lower().lstrip("*").lstrip(".") for name in excepted.split(",") if name.strip()]
    return any(not name or host == name or host.endswith(f".{name}") for name in names)


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _why_unreached(error: BaseException | None) -> str:
    for _ in range(8):
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted ({error.verify_message[:120]})"
        if isinstance(error, ssl.SSLError):
            return "there is no TLS at that address, or none that both sides know"
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return "no connection can be made"


@cache
def _certificates() -> ssl.SSLContext:
    """Read the trusted certificates once: it takes a tenth of a second."""
    import httpx2

    return httpx2.create_ssl_context()
