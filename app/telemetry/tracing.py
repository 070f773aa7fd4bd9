"""OpenTelemetry traces, if the standard OTEL_* variables request them.

The packages are an optional extra, imported only in that case. A request's W3C `traceparent` is continued; without
tracing, its trace id is still logged.
"""

import os
from collections.abc import Callable, Collection
from importlib import import_module

from fastapi.telemetry import TelemetryConfig

from ..model.errors import PackageMissing
from ..model.packages import how_to_install

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def requested() -> bool:
    """Whether traces are requested: an endpoint or an exporter is configured, and nothing disables them.

    Raises:
        PackageMissing: They are, but their packages are not installed.
    """
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(map(os.environ.get, ENDPOINTS)):
        return False
    try:
        for package in ("opentelemetry.sdk", "opentelemetry.exporter.otlp"):
            import_module(package)
    except ImportError as error:
        raise PackageMissing(
            "the OTEL_* variables request traces, but their packages are not installed. Set OTEL_SDK_DISABLED=true, or "
            f"{how_to_install('otel')}"
        ) from error
    return True


def telemetry(probes: Collection[str]) -> tuple[TelemetryConfig, Callable[[], None]]:
    """Configure FastAPI's own OpenTelemetry support: one span per request if traces are requested, and nothing else.

    Args:
        probes: Paths of health checks and scrapes. They get no span, because theirs would drown out the others.

    Returns:
        FastAPI's configuration, and a function that sends the last spans when the service stops.
    """
    config = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False)
    if not requested():
        return config, lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "review-sentiment"}
    provider = TracerProvider(resource=Resource.create(name))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    config |= TelemetryConfig(tracing=True, tracer_provider=provider, exclude=lambda scope: scope["path"] in probes)
    return config, provider.shutdown
