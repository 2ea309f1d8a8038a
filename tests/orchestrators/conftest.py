import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrators.gate_server import Gate, gate_server
from tests.orchestrators.glue_server import Glue, glue_server

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
Example = Callable[[str], AbstractContextManager[tuple[Any, Glue]]]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate that the environment names."""
    with gate_server() as server:
        monkeypatch.setenv("PIPETRIAGE_URL", server.url)
        monkeypatch.setenv("PIPETRIAGE_TOKEN", "t0ken")
        yield server


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Example:
    """Load an example by its name, with a Glue on loopback for it."""

    @contextmanager
    def load(name: str) -> Iterator[tuple[Any, Glue]]:
        monkeypatch.syspath_prepend(EXAMPLES)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        with glue_server() as glue:
            monkeypatch.setenv("AWS_ENDPOINT_URL", glue.url)
            yield importlib.import_module(name), glue

    return load
