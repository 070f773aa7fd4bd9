"""Run the service, with one worker or several."""

import os
import socket
import tempfile
from typing import TYPE_CHECKING

from app.process.listener import AddressUnavailable, Listener, WorkerState, bind
from app.settings import Settings

if TYPE_CHECKING:
    from app.telemetry.metrics import Metrics


def serve(settings: Settings) -> int:
    """Serve until a signal stops the service.

    Returns:
        The exit code: 0 after a signal, 1 if the bundle fails its golden reviews or no worker can start.

    Raises:
        AddressUnavailable: The address is in use, or cannot be used.
        SentimentError: The bundle is missing or damaged, or the packages for tracing are not installed.
    """
    from app.telemetry import tracing
    from app.telemetry.logs import configure_logs

    if tracing.requested():
        tracing.check()
    configure_logs(settings.log_level, settings.log_format)
    with bind(settings.host, settings.port) as sock:
        return _serve_with_workers(settings, sock) if settings.workers > 1 else _serve_alone(settings, sock)


def _serve_alone(settings: Settings, sock: socket.socket) -> int:
    from app.inference.bundle import load_bundles

    bundles = load_bundles(settings.model_dir, settings.model_version)  # first, so that a wrong path fails at once

    from app.process.server import run_server
    from app.telemetry.metrics import Metrics

    metrics = Metrics()
    metrics.workers.set(1)
    _serve_metrics(settings, metrics)
    return run_server(settings, bundles, metrics, Listener(sock, [WorkerState()], 0))


def _serve_with_workers(settings: Settings, sock: socket.socket) -> int:
    with tempfile.TemporaryDirectory(prefix="sentiment-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before prometheus-client is imported, here and in the workers

        from app.process.supervisor import Supervisor
        from app.telemetry.metrics import Metrics

        metrics = Metrics()
        supervisor = Supervisor(settings, sock, metrics)
        _serve_metrics(settings, metrics)
        return supervisor.run()


def _serve_metrics(settings: Settings, metrics: "Metrics") -> None:
    if settings.metrics_port is not None:
        from prometheus_client import start_http_server

        try:
            start_http_server(settings.metrics_port, settings.host, metrics.registry)
        except OSError as error:
            raise AddressUnavailable(settings.host, settings.metrics_port, "METRICS_PORT", error) from error
