"""OpenTelemetry traces, when the standard OTEL_* variables ask for them.

The packages are an extra, and imported only then. A request's W3C `traceparent` is continued; without tracing, its
trace id still stands in the log line.
"""

import os
from collections.abc import Callable, Mapping
from importlib import import_module

from starlette.types import ASGIApp

from app.inference.errors import SentimentError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
UNTRACED = "/health/,/metrics"
"""Probes and scrapes would bury the traces that somebody looks for."""


class TracingUnavailable(SentimentError):
    """Traces are asked for, and the packages that make them are not installed."""


def wanted(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether traces are asked for: an endpoint or an exporter is named, and nothing switches them off."""
    exporter = variables.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    return bool(exporter) or any(variables.get(name) for name in ENDPOINTS)


def check() -> None:
    """See that what `traced` needs is there.

    Raises:
        TracingUnavailable: It is not.
    """
    try:
        for package in ("opentelemetry.sdk", "opentelemetry.instrumentation.asgi", "opentelemetry.exporter.otlp"):
            import_module(package)
    except ImportError as error:
        raise TracingUnavailable(
            "the OTEL_* variables ask for traces, which need packages: pip install 'review-sentiment[otel]', or "
            "pip install -r requirements/otel.txt; OTEL_SDK_DISABLED=true does without"
        ) from error


def traced(app: ASGIApp) -> tuple[ASGIApp, Callable[[], None]]:
    """Export a span for each request.

    Returns:
        The application, and what sends the last spans when the service stops.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "review-sentiment"}
    provider = TracerProvider(resource=Resource.create(name))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    middleware = OpenTelemetryMiddleware(
        app, excluded_urls=UNTRACED, tracer_provider=provider, exclude_spans=["receive", "send"]
    )
    return middleware, provider.shutdown
