"""`python -m app`: settings -> uvicorn."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server
from pydantic import ValidationError
from uvicorn.config import STARTUP_FAILURE

from app import tracing
from app.api.state import Broken
from app.connection import Connection
from app.inference.bundle import find_bundle, load_bundle
from app.inference.errors import SentimentError
from app.logs import configure_logs
from app.main import create_app
from app.metrics.exposition import Exposition
from app.server import Server
from app.settings import PREFIX, Settings


def parser() -> argparse.ArgumentParser:
    """The options, with help that lists every setting."""
    lines = [
        f"  {PREFIX + name.upper():28} {field.description} (default: {_shown(field.default)})"
        for name, field in Settings.model_fields.items()
    ]
    options = argparse.ArgumentParser(
        prog="python -m app",
        description="Serve sentiment predictions over HTTP, or write the OpenAPI document.",
        epilog="settings, from the environment:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "command",
        nargs="?",
        choices=("serve", "openapi"),
        default="serve",
        help="serve (the default), or openapi: print the OpenAPI document",
    )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run.

    Returns:
        The exit code: 0 stopped as asked, 1 the bundle cannot serve, 2 a setting is wrong.
        uvicorn itself exits with 3 when it cannot listen.
    """
    options = parser().parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors():
            setting = "".join(f"{PREFIX}{str(part).upper()}: " for part in item["loc"][:1])
            print(f"error: {setting}{item['msg']}", file=sys.stderr)
        print("`python -m app --help` lists the settings", file=sys.stderr)
        return 2
    if options.command == "openapi":
        print(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False))
        return 0
    return serve(settings)


def serve(settings: Settings) -> int:
    """Serve until a signal ends it; returns the exit code."""
    try:
        # Before anything listens: a wrong path or a damaged file should end the command at once, not each worker.
        bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
        if tracing.wanted():
            tracing.check()
    except SentimentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if settings.workers > 1:
        from app.supervisor import Supervisor  # costs a single worker's start some milliseconds

        configure_logs(settings.log_level, settings.log_format)
        # Workers are processes of their own and build the app from the environment.
        config = _uvicorn_config("app.main:create_app", settings)
        with tempfile.TemporaryDirectory(prefix="sentiment-metrics-") as folder:
            supervisor = Supervisor(config, [config.bind_socket()], settings.drain, Path(folder))
            _serve_metrics(settings, Exposition(supervisor.recorder, bundle, settings.runtime))
            return supervisor.run()
    app = create_app(settings, bundle)
    _serve_metrics(settings, Exposition(app.state.service.recorder, bundle, settings.runtime))
    Server(_uvicorn_config(app, settings)).run()
    return 1 if isinstance(app.state.service.phase, Broken) else 0


def _serve_metrics(settings: Settings, exposition: Exposition) -> None:
    if settings.metrics_port is not None:
        try:
            start_http_server(settings.metrics_port, settings.host, exposition.registry)
        except OSError as error:
            print(f"error: {PREFIX}METRICS_PORT {settings.metrics_port}: {error.strerror}", file=sys.stderr)
            sys.exit(STARTUP_FAILURE)


def _uvicorn_config(app: FastAPI | str, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        http=Connection,
        timeout_worker_healthcheck=10,
        forwarded_allow_ips=settings.trusted_proxies,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
    )


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
