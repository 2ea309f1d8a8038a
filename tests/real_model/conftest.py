"""Starts the model once, and only when it is asked for: the weights have half a gigabyte, the answers take minutes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lab.model.server import serve
from lab.model.weights import WEIGHTS, WeightsError, fetch
from tests.real_model.asking import CHOSEN, Bench
from tests.real_model.table import summary, table

BUILD = Path(__file__).parents[2] / "build"
_BENCH = pytest.StashKey[Bench]()


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give the served model."""
    name = os.environ[CHOSEN]
    try:
        weights = fetch(name, BUILD / "models")
    except WeightsError as error:
        pytest.skip(f"no weights: {error}")
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    python = BUILD / "model-venv" / "bin" / "python"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", provider)
        patch.delenv("PIPETRIAGE_MODEL_KEY", raising=False)
        with serve(python, weights, BUILD / "models" / "server.log") as server:
            made = Bench(name, WEIGHTS[name].model, server, spans, tmp_path_factory.mktemp("programs"))
            request.config.stash[_BENCH] = made
            yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print every answer and how right the model was; nothing holds it to that."""
    bench = config.stash.get(_BENCH, None)
    if bench is None or not bench.lines:
        return
    terminalreporter.section(bench.model)
    for line in (*table(bench.lines), "", *summary(bench.lines)):
        terminalreporter.write_line(line)
