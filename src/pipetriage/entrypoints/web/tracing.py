"""A trace of each request, where OpenTelemetry's own variables ask for it and the extra ``otel`` is installed."""

from fastapi import FastAPI

from pipetriage.reasoning.tracing import send_traces, wants_traces

_UNTRACED = "healthz,readyz,metrics,live,static"


def trace(app: FastAPI) -> None:
    """Have every request traced: routes, methods and statuses, never what is in it."""
    if not wants_traces():
        return
    send_traces()
    try:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    except ModuleNotFoundError:
        return
    FastAPIInstrumentor.instrument_app(app, excluded_urls=_UNTRACED, exclude_spans=["receive", "send"])
