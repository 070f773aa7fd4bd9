"""Traces: a real collector's protocol on a real port, and the trace id in the log."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.tracing import requested
from tests.servers import Server, serving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "traced"}


class Collector(ThreadingHTTPServer):
    """Receives what OpenTelemetry's exporter sends over HTTP."""

    address_family = socket.AF_INET

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def spans(self) -> list[Any]:
        scopes = [scope for request in self.requests for part in request.resource_spans for scope in part.scope_spans]
        return [span for scope in scopes for span in scope.spans]


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = Thread(target=collector.serve_forever)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def ask(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, headers=HEADERS)
    assert response.status_code == 200
    server.wait_for('"traced"')
    (line,) = [line for line in server.logs() if line.get("request_id") == "traced"]
    assert line["trace_id"] == TRACE


def test_traces_are_exported_and_continue_the_callers(
    models: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    with serving(model_dir=models, runtime="litert") as server:
        ask(server)
        for path in ("/health/ready", "/v2/health/live", "/metrics"):  # would bury the others
            assert httpx.get(f"{server.url}{path}").status_code == 200
    (span,) = collector.spans()  # sent when the service stopped
    assert span.trace_id.hex() == TRACE
    assert span.parent_span_id.hex() == PARENT
    assert span.name == "POST /predict"
    (resource,) = {
        part.resource.SerializeToString() for request in collector.requests for part in request.resource_spans
    }
    assert b"review-sentiment" in resource


def test_trace_id_is_logged_without_tracing(models: Path) -> None:
    with serving(model_dir=models, runtime="litert") as server:
        ask(server)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
    ],
)
def test_tracing_is_enabled_by_the_standard_variables(variables: dict[str, str], expected: bool) -> None:
    assert requested(variables) == expected
