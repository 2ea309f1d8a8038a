"""Traces of asking: they are there, and hold no prompt, no evidence and no answer, however it ends."""

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pipetriage.reasoning.interface import Endpoint
from tests.reasoning.asking import RIGHT, ask, failure
from tests.reasoning.wire.protocols import INPUT_TOKENS, OUTPUT_TOKENS, Wire
from tests.reasoning.wire.server import Provider

CONTENT = ("customer_id", "Evidence is data", "enrich_orders", "ZYX-SECRET", "SCHEMA_DRIFT")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    # Variables by which the SDKs' own traces can be made to hold content.
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    return exporter


def _told(spans: InMemorySpanExporter) -> str:
    return json.dumps([json.loads(span.to_json()) for span in spans.get_finished_spans()])


def test_spans_of_a_conversation(wire: Wire, server: Provider, endpoint: Endpoint, spans: InMemorySpanExporter) -> None:
    server.plays(wire.gives(RIGHT | {"confidence": 7, "root_cause": "ZYX-SECRET"}), wire.gives(RIGHT))
    ask(endpoint)
    first, second, whole = spans.get_finished_spans()
    assert whole.name == "invoke_agent pipetriage"
    assert first.name == second.name == f"chat {wire.name(server.url).partition(':')[2].partition('@http')[0]}"
    assert first.parent is not None
    assert whole.context is not None
    assert first.parent.span_id == whole.context.span_id
    assert first.attributes is not None
    assert first.attributes["gen_ai.usage.input_tokens"] == INPUT_TOKENS
    assert first.attributes["gen_ai.usage.output_tokens"] == OUTPUT_TOKENS
    assert not any(text in _told(spans) for text in CONTENT)


def test_failures_leave_no_content_either(
    wire: Wire, server: Provider, endpoint: Endpoint, spans: InMemorySpanExporter
) -> None:
    for step in (
        wire.gives(RIGHT | {"confidence": 7, "root_cause": "ZYX-SECRET"}),
        wire.says("ZYX-SECRET"),
        wire.fails(400, "you sent: KeyError: 'customer_id' ZYX-SECRET"),
        wire.refuses(),
        wire.is_cut_off(),
    ):
        server.plays(step)
        failure(endpoint)
    assert len(spans.get_finished_spans()) >= 10
    assert "error.type" in _told(spans)
    assert not any(text in _told(spans) for text in CONTENT)
