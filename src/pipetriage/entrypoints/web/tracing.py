"""A trace of each request, where OpenTelemetry's own variables ask for it and the extra ``otel`` is installed."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from pipetriage.reasoning.tracing import send_traces, wants_traces

_ADDRESSES = ("http.url", "http.target", "url.full", "url.path", "url.query")
"""Attributes that hold an address: of a run, or of words that somebody looked for. The route says enough."""
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
    FastAPIInstrumentor.instrument_app(
        app, excluded_urls=_UNTRACED, exclude_spans=["receive", "send"], server_request_hook=_without_address
    )


def _without_address(span: Any, scope: Mapping[str, Any]) -> None:
    for name in _ADDRESSES:
        if span is not None and span.is_recording() and name in (span.attributes or {}):
            span.set_attribute(name, "")
