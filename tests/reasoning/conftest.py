import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from pipetriage.reasoning.interface import Endpoint
from pipetriage.reasoning.models import PydanticEndpoint, endpoints_of
from pipetriage.settings import Settings
from tests.reasoning.wire.protocols import WIRES, Wire
from tests.reasoning.wire.server import Provider, provider

FOREIGN = ("OPENAI_", "ANTHROPIC_", "AWS_", "PIPETRIAGE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no key or address of this machine's own be seen."""
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session", autouse=True)
def _imported() -> None:
    """Import what the first question would import: it takes seconds, and tests are not to wait for it by chance."""
    for name in ("openai:gpt-4o-mini", "anthropic:claude-sonnet-4-6"):
        (one,) = endpoints_of(Settings(model=name))
        assert isinstance(one, PydanticEndpoint)
        one.prepare()


class Stage(NamedTuple):
    """One way to a model, with a server in its provider's place. A client is made once, as in a running program."""

    wire: Wire
    server: Provider
    endpoint: Endpoint


@pytest.fixture(scope="module", params=WIRES, ids=lambda wire: type(wire).__name__)
def _stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    wire: Wire = request.param
    with provider() as serving:
        (made,) = endpoints_of(Settings(model=wire.name(serving.url)))
        yield Stage(wire, serving, made)


@pytest.fixture
def stage(_stage: Stage, bare_environment: None, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for name, value in _stage.wire.environment(_stage.server.url).items():
        monkeypatch.setenv(name, value)
    _stage.server.forget()
    return _stage


@pytest.fixture
def wire(stage: Stage) -> Wire:
    return stage.wire


@pytest.fixture
def server(stage: Stage) -> Provider:
    return stage.server


@pytest.fixture
def endpoint(stage: Stage) -> Endpoint:
    return stage.endpoint
