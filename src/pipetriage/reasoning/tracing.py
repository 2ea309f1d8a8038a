"""Sends traces where OpenTelemetry's own variables say. Names and counts only, never content."""

import os

_WANTED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wants_traces() -> bool:
    """Whether an endpoint is named, and nothing switches tracing off."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not disabled and any(os.environ.get(name) for name in _WANTED)


def send_traces() -> None:
    """Export spans over OTLP/HTTP if an endpoint is named and nobody has set a tracer provider up before.

    Without the otel extra nothing is sent: where many programs run, the variables are set for all of them.
    """
    if not wants_traces():
        return
    from opentelemetry import trace

    # Under ``opentelemetry-instrument`` there is one already.
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        return
    # Its own variables (OTEL_SERVICE_NAME among them) go before what is said here.
    provider = TracerProvider(
        resource=Resource.create() if _named() else Resource.create({"service.name": "pipetriage"})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _named() -> bool:
    return bool(os.environ.get("OTEL_SERVICE_NAME")) or "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
