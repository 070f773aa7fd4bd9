"""`python -m app`: settings -> uvicorn, and commands for people at a terminal.

What only one command needs is imported there: a person who asks for one answer should not wait for a web framework, nor
the service for what draws tables.

PYTHON_ARGCOMPLETE_OK: shells look for this word before they ask for completions.
"""

import argparse
import json
import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from app.settings import PREFIX, Settings, faults_in
from app.terminal.interrupts import quiet_interrupts
from app.terminal.options import Parser, add_commands

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from app.metrics import Metrics

EXAMPLES = """\
examples:
  python -m app                                       serve on http://127.0.0.1:8000
  python -m app score "One of the best films I have seen." "A dull waste of time."
  python -m app explain "A superb cast, but not a good film."
  python -m app check

`python -m app COMMAND --help` has more of them; `python -m app.bulk --help` is about CSV, JSONL and Parquet files.
"""


def parser() -> Parser:
    """The options, with help that lists every setting."""
    lines = [
        f"  {PREFIX + name.upper():28} {field.description} (default: {_shown(field.default)})"
        for name, field in Settings.model_fields.items()
    ]
    options = Parser(
        prog="python -m app",
        description="Serve sentiment predictions over HTTP, or score reviews right here.",
        epilog=EXAMPLES + "\nsettings, from the environment:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = options.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    commands.add_parser("serve", help="serve over HTTP (the default)", description="Serve over HTTP.")
    commands.add_parser("openapi", help="print the OpenAPI document", description="Print the OpenAPI document.")
    add_commands(commands)
    options.set_defaults(command="serve")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run.

    Returns:
        The exit code: 0 stopped as asked, 1 the bundle cannot serve, 2 a setting is wrong.
        uvicorn itself exits with 3 when it cannot listen. For those of the commands at a terminal see
        `app.terminal.options`.
    """
    known = parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may come next
        import argcomplete  # docs/terminal.md says how shells come to ask

        argcomplete.autocomplete(known)
    options = known.parse_args(arguments)
    chosen: dict[str, Any] = {
        name: value
        for name in ("model_dir", "model_version", "runtime")
        if (value := getattr(options, name, None)) is not None
    }
    try:
        settings = Settings(**chosen)
    except ValidationError as error:
        for fault in faults_in(error):
            print(f"error: {fault}", file=sys.stderr)
        print("`python -m app --help` lists the settings", file=sys.stderr)
        return 2
    if options.command in ("score", "explain", "check"):
        with quiet_interrupts():
            from app.terminal.commands import run

            return run(options, settings)
    if options.command == "openapi":
        from app.main import create_app

        print(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False))
        return 0
    return serve(settings)


def serve(settings: Settings) -> int:
    """Serve until a signal stops the service; returns the exit code."""
    from app import tracing
    from app.inference.bundle import find_bundle, load_bundle
    from app.inference.errors import SentimentError

    try:
        # First of all: a wrong path or a damaged file should end the command at once, not each worker.
        bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
        if tracing.wanted():
            tracing.check()
    except SentimentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if settings.workers > 1:
        return _serve_with_workers(settings)

    from app.main import create_app
    from app.metrics import Metrics
    from app.server import Server

    metrics = Metrics()
    metrics.workers.set(1)
    _serve_metrics(settings, metrics)
    server = Server(_uvicorn_config(create_app(settings, bundle, metrics), settings))
    try:
        server.run()
    except SystemExit:
        if server.lifespan.should_exit:  # the bundle failed its golden reviews; the log says so
            return 1
        raise
    return 0


def _serve_with_workers(settings: Settings) -> int:
    with tempfile.TemporaryDirectory(prefix="sentiment-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before prometheus-client is imported, here and in the workers

        from app.logs import configure_logs
        from app.metrics import Metrics
        from app.supervisor import Supervisor

        configure_logs(settings.log_level, settings.log_format)
        metrics = Metrics()
        _serve_metrics(settings, metrics)
        # Workers are processes of their own and make the application from the environment.
        supervisor = Supervisor(_uvicorn_config("app.main:create_app", settings), metrics)
        supervisor.run()
        return 1 if supervisor.failed else 0


def _serve_metrics(settings: Settings, metrics: "Metrics") -> None:
    if settings.metrics_port is not None:
        from prometheus_client import start_http_server
        from uvicorn.config import STARTUP_FAILURE

        try:
            start_http_server(settings.metrics_port, settings.host, metrics.registry)
        except OSError as error:
            print(f"error: {PREFIX}METRICS_PORT {settings.metrics_port}: {error.strerror}", file=sys.stderr)
            sys.exit(STARTUP_FAILURE)


def _uvicorn_config(app: "FastAPI | str", settings: Settings) -> "uvicorn.Config":
    import uvicorn

    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
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
        reset_contextvars=True,  # else a pipelined request would inherit the context of the one before it
    )


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
