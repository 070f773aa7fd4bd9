"""Traces: the protocol of a real collector on a real port, and the trace id in the log."""

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.telemetry.tracing import requested
from tests.servers import Server, serving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "traced"}
Received = list[ExportTraceServiceRequest]


@pytest.fixture
def collector() -> Iterator[tuple[str, Received]]:
    """The URL of a collector, and what OpenTelemetry's exporter has sent there."""
    received: Received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            received.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def ask(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, headers=HEADERS)
    assert response.status_code == 200
    server.wait_for(f'"traced".*{TRACE}|{TRACE}.*"traced"')


def test_traces_are_exported_and_continue_the_callers(models: Path, collector: tuple[str, Received]) -> None:
    url, received = collector
    with serving({"OTEL_EXPORTER_OTLP_ENDPOINT": url}, model_dir=models, runtime="numpy") as server:
        ask(server)
        for path in ("/health/ready", "/v2/health/live", "/metrics"):  # their spans would bury the others
            assert httpx.get(f"{server.url}{path}").status_code == 200
    (part,) = [part for request in received for part in request.resource_spans]  # sent when the service stopped
    assert b"review-sentiment" in part.resource.SerializeToString()
    (span,) = [span for scope in part.scope_spans for span in scope.spans]
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.name) == (TRACE, PARENT, "POST /predict")


def test_trace_id_is_logged_without_tracing(server: Server) -> None:
    ask(server)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
    ],
)
def test_tracing_is_enabled_by_the_standard_variables(variables: dict[str, str], expected: bool) -> None:
    with patch.dict(os.environ, variables, clear=True):
        assert requested() == expected
