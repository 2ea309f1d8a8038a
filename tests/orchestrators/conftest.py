from collections.abc import Iterator

import pytest

from tests.orchestrators.gate_server import Gate, gate_server


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate that the environment names."""
    with gate_server() as server:
        monkeypatch.setenv("PIPETRIAGE_URL", server.url)
        monkeypatch.setenv("PIPETRIAGE_TOKEN", "t0ken")
        yield server
