"""What a connection can do to whoever reads from it: all four ways, over the wire."""

import asyncio
import gzip
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator

import msgspec
import pytest

from pipetriage.model.proposal import ModelFault
from pipetriage.reasoning.interface import Endpoint, ModelError
from pipetriage.reasoning.models import endpoints_of
from pipetriage.settings import Settings
from tests.reasoning.asking import LIMITS, QUESTION, RIGHT, ask, failure, fine
from tests.reasoning.wire.protocols import BedrockWire, Wire
from tests.reasoning.wire.server import Handler, Provider, Step, answers, drips, hangs, pours, provider, resets

SOON = msgspec.structs.replace(LIMITS, seconds=0.4)


@pytest.fixture
def warm(wire: Wire, server: Provider, endpoint: Endpoint) -> None:
    """Ask once: the first time, libraries are imported and clients made, which is part of the model's time."""
    server.plays(wire.gives(RIGHT))
    ask(endpoint)


HUGE = b'{"message": "' + b"x" * 10_000_000 + b'"}'
BOMB = gzip.compress(b" " * 50_000_000)
CHUNK = b"989680\r\n" + b" " * 10_000_000 + b"\r\n0\r\n\r\n"


def huge(handler: Handler) -> None:
    handler.answer(200, HUGE)


def in_chunks(handler: Handler) -> None:
    """One chunk of ten megabytes."""
    handler.begin(transfer_encoding="chunked")
    handler.wfile.write(CHUNK)


def huge_error(handler: Handler) -> None:
    handler.answer(400, HUGE)


@pytest.mark.parametrize("step", [huge, in_chunks, pours, huge_error], ids=lambda step: step.__name__)
@pytest.mark.usefixtures("warm")
def test_no_more_is_read_than_is_allowed(step: Step, server: Provider, endpoint: Endpoint) -> None:
    server.plays(step)
    tracemalloc.start()
    try:
        failed = failure(endpoint)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failed.fault is ModelFault.TOO_LARGE
    assert str(LIMITS.response_bytes) in failed.why
    assert failed.use.cost_usd is None, "it may be charged for, and nobody counted it"
    assert peak < 5_000_000
    assert len(server.seen) == 1


@pytest.mark.usefixtures("warm")
def test_what_is_packed_is_not_unpacked(server: Provider, endpoint: Endpoint) -> None:
    server.plays(answers(200, BOMB, content_encoding="gzip"))
    tracemalloc.start()
    try:
        failed = failure(endpoint)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failed.fault in (ModelFault.TOO_LARGE, ModelFault.SERVER_ERROR)
    assert peak < 10_000_000
    assert server.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("step", [hangs, drips], ids=lambda step: step.__name__)
@pytest.mark.usefixtures("warm")
def test_slow_answers_end_in_time_and_the_other_side_is_told(step: Step, server: Provider, endpoint: Endpoint) -> None:
    server.plays(step)
    before = time.monotonic()
    failed = failure(endpoint, SOON)
    assert time.monotonic() - before < 1.5
    assert failed.fault is ModelFault.TIMEOUT
    assert server.hung_up.wait(1.0)
    assert failed.use.requests == 1
    assert failed.use.cost_usd is None


def test_a_connection_that_is_reset(server: Provider, endpoint: Endpoint) -> None:
    server.plays(resets)
    assert failure(endpoint).fault is ModelFault.UNREACHABLE
    assert len(server.seen) == 1


def test_a_body_that_breaks_off(server: Provider, endpoint: Endpoint) -> None:
    def breaks_off(handler: Handler) -> None:
        handler.begin(content_length="5000")
        handler.wfile.write(b'{"id": "chatcmpl-1", ')

    server.plays(breaks_off)
    assert failure(endpoint).fault in (ModelFault.UNREACHABLE, ModelFault.SERVER_ERROR)


def test_nobody_listens(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    with provider() as gone:
        url = gone.url
    for name, value in wire.environment(url).items():
        monkeypatch.setenv(name, value)
    (endpoint,) = endpoints_of(Settings(model=wire.name(url)))
    failed = failure(endpoint)
    assert failed.fault is ModelFault.UNREACHABLE
    assert "connection" in failed.why


HTML = b"<!doctype html><html><body>Sign in to the network</body></html>"


NO_ANSWERS = (
    *(HTML, b"", b"null", b"[]", b"{}", b'{"id": ', b'{"choices": []}', b'{"choices": [{}]}'),
    *(b'{"output": 3, "content": 4, "choices": 5}', b'{"content": [{"type": "text", "text": 5}], "usage": 7}'),
    b'{"output": {"message": {"content": [7]}}, "usage": {"inputTokens": "many"}, "stopReason": 8}',
)


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_what_does_not_speak_the_protocol(kind: str, server: Provider, endpoint: Endpoint) -> None:
    for body in NO_ANSWERS:
        server.plays(answers(200, body, content_type=kind))
        failed = failure(endpoint)
        assert failed.fault in (ModelFault.SERVER_ERROR, ModelFault.INVALID_ANSWER), (body, failed.why)
        assert "Sign in" not in failed.why


def test_an_error_page_is_an_error(server: Provider, endpoint: Endpoint) -> None:
    server.plays(answers(502, HTML, content_type="text/html"))
    assert failure(endpoint).fault is ModelFault.SERVER_ERROR


def test_no_redirect_is_followed(wire: Wire, server: Provider, endpoint: Endpoint) -> None:
    with provider() as elsewhere:
        elsewhere.plays(wire.gives(RIGHT))
        for status in (301, 302, 307, 308):
            server.plays(answers(status, b"", location=f"{elsewhere.url}/v1/chat/completions"))
            failure(endpoint)
        assert not elsewhere.seen


@pytest.mark.usefixtures("warm")
def test_a_cancelled_call_ends_at_once_and_sends_nothing_more(server: Provider, endpoint: Endpoint) -> None:
    server.plays(hangs)

    async def cancel() -> float:
        task = asyncio.create_task(endpoint.ask(QUESTION, LIMITS, fine))
        await asyncio.to_thread(server.arrived.wait, 5)
        task.cancel()
        before = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - before

    before = time.monotonic()
    assert asyncio.run(cancel()) < 0.3
    assert time.monotonic() - before < 2, "nothing keeps the program"
    time.sleep(0.2)
    assert len(server.seen) == 1


def test_cancelled_while_it_is_asked_again(wire: Wire, server: Provider, endpoint: Endpoint) -> None:
    server.plays(wire.gives(RIGHT | {"confidence": 7}), hangs)

    async def cancel() -> None:
        task = asyncio.create_task(endpoint.ask(QUESTION, msgspec.structs.replace(LIMITS, retries=5), fine))
        while len(server.seen) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    time.sleep(0.2)
    assert len(server.seen) == 2


def test_several_at_once_in_several_loops(wire: Wire, server: Provider, endpoint: Endpoint) -> None:
    server.plays(wire.gives(RIGHT))
    found: list[int] = []

    async def two() -> None:
        replies = await asyncio.gather(*(endpoint.ask(QUESTION, LIMITS, fine) for _ in range(2)))
        found.extend(reply.use.requests for reply in replies)

    threads = [threading.Thread(target=lambda: asyncio.run(two())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 6


@pytest.mark.usefixtures("warm")
def test_the_time_is_for_all_requests_together(wire: Wire, server: Provider, endpoint: Endpoint) -> None:
    wrong = wire.gives(RIGHT | {"confidence": 7})

    def slowly(handler: Handler) -> None:
        time.sleep(0.25)
        wrong(handler)

    server.plays(slowly)
    with pytest.raises(ModelError) as caught:
        ask(endpoint, limits=msgspec.structs.replace(SOON, retries=9))
    assert caught.value.fault is ModelFault.TIMEOUT
    assert 1 <= len(server.seen) <= 2


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with provider() as serving:
        for name, value in BedrockWire().environment(serving.url).items():
            monkeypatch.setenv(name, value)
        yield serving


PROGRAM = """
import asyncio, sys, time
from pipetriage.reasoning.models import endpoints_of
from pipetriage.settings import Settings
from tests.reasoning.asking import QUESTION, fine
from pipetriage.reasoning.interface import Limits

async def main():
    limits = Limits(seconds=60, output_tokens=10, total_tokens=100, retries=0)
    (endpoint,) = endpoints_of(Settings(model=sys.argv[1]))
    endpoint.prepare()
    task = asyncio.create_task(endpoint.ask(QUESTION, limits, fine))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

asyncio.run(main())
print(time.time())
"""


def test_a_program_can_end_while_an_answer_is_awaited(bedrock: Provider) -> None:
    """It ends as soon as the call is cancelled, though the answer had a minute and a thread waits for it."""
    bedrock.plays(hangs)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, BedrockWire.model], capture_output=True, text=True, timeout=40, check=True
    )
    assert time.time() - float(done.stdout) < 2
    assert len(bedrock.seen) == 1
