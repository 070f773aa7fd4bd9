"""Run the service: verify the bundle, then start uvicorn with one worker or several."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import PREFIX, Settings
from app.telemetry.shared import shared_metrics

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from app.telemetry.metrics import Metrics


def serve(settings: Settings) -> int:
    """Serve until a signal stops the service.

    Returns:
        The exit code: 0 after a signal, 1 if the bundle failed its golden reviews. uvicorn itself exits with 3 if
        it cannot listen.

    Raises:
        SentimentError: The bundle is missing or damaged, or the packages for tracing are not installed.
    """
    from app.telemetry import tracing

    if tracing.requested():
        tracing.check()
    if settings.workers > 1:
        return _serve_with_workers(settings)

    from app.inference.bundle import load_bundles

    bundles = load_bundles(settings.model_dir, settings.model_version)  # first, so that a wrong path fails at once

    from app.main import create_app
    from app.process.server import Server
    from app.telemetry.metrics import Metrics

    metrics = Metrics()
    metrics.workers.set(1)
    _serve_metrics(settings, metrics)
    server = Server(_uvicorn_config(create_app(settings, bundles, metrics), settings))
    try:
        server.run()
    except SystemExit:
        if server.lifespan.should_exit:  # the bundle failed its golden reviews; the log says so
            return 1
        raise
    return 0


def create_worker_app(folders: Sequence[Path]) -> "FastAPI":
    """Create the app in a worker. The supervisor names the bundles, so that all workers serve the same ones."""
    from app.main import create_app

    return create_app(bundles=folders)


def _worker_app(settings: Settings) -> "Callable[[], FastAPI]":
    from app.inference.bundle import load_bundles

    bundles = load_bundles(settings.model_dir, settings.model_version)
    return partial(create_worker_app, [bundle.folder for bundle in bundles])


def _serve_with_workers(settings: Settings) -> int:
    app = _worker_app(settings)  # first, so that a wrong path or a damaged file fails at once, not in every worker
    with shared_metrics(settings.workers + 1):  # before prometheus-client is imported, here and in the workers
        from app.process.supervisor import Supervisor
        from app.telemetry.logs import configure_logs
        from app.telemetry.metrics import Metrics

        configure_logs(settings.log_level, settings.log_format)
        metrics = Metrics()
        _serve_metrics(settings, metrics)
        # Each worker creates the app itself, with settings from the environment.
        config = _uvicorn_config(app, settings, factory=True)
        supervisor = Supervisor(config, metrics, partial(_worker_app, settings))
        supervisor.run()
        return 1 if supervisor.failed else 0


def _serve_metrics(settings: Settings, metrics: "Metrics") -> None:
    if settings.metrics_port is not None:
        from prometheus_client import start_http_server
        from uvicorn.config import STARTUP_FAILURE

        try:
            start_http_server(settings.metrics_port, settings.host, metrics.registry)
        except OSError as error:
            sys.stderr.write(f"error: {PREFIX}METRICS_PORT {settings.metrics_port}: {error.strerror}\n")
            sys.exit(STARTUP_FAILURE)


def _uvicorn_config(
    app: "FastAPI | Callable[[], FastAPI]", settings: Settings, factory: bool = False
) -> "uvicorn.Config":
    import uvicorn

    return uvicorn.Config(
        app,
        factory=factory,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http="zttp",
        limit_concurrency=settings.limit_concurrency,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        timeout_worker_healthcheck=10,
        forwarded_allow_ips=settings.trusted_proxies,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        reset_contextvars=True,  # otherwise a pipelined request would inherit the context of the one before it
    )
