"""Run the service, with one worker or several."""

from contextlib import nullcontext

import structlog

from app.process.hangup import HangUp
from app.process.listener import AddressUnavailable, Listener, WorkerState, bind
from app.settings import Settings, unknown_variables
from app.telemetry.shared import shared_metrics


def serve(settings: Settings) -> int:
    """Serve until a signal stops the service.

    Returns:
        The exit code: 0 after a signal, 1 if no worker could start or the supervisor failed; the log says why.

    Raises:
        SystemExit: The only worker could not start; the log says why. The exit code is 1, or 3 if another process
            listens at the address.
        AddressUnavailable: The address is in use, or cannot be used.
        SentimentError: There is no bundle, or the packages for tracing are not installed.
    """
    from app.bundles.reading import identify_bundles
    from app.telemetry import tracing
    from app.telemetry.logs import configure_logs

    configure_logs(settings.log_level, settings.log_format)
    hang_up = HangUp()
    if unknown := unknown_variables():
        structlog.get_logger().warning("unknown variables; they set nothing", variables=unknown)
    if tracing.requested():
        tracing.check()
    bundles = identify_bundles(settings.model_dir, settings.model_version)
    several = settings.workers > 1
    with bind(settings.host, settings.port) as sock, shared_metrics(settings.workers + 2) if several else nullcontext():
        from prometheus_client import start_http_server

        from app.service import warn_of_exposed_keys
        from app.telemetry.metrics import Metrics

        warn_of_exposed_keys(settings)
        metrics = Metrics()
        metrics.workers.set(settings.workers)
        if settings.metrics_port is not None:
            try:
                start_http_server(settings.metrics_port, settings.host, metrics.registry)
            except OSError as error:
                raise AddressUnavailable(settings.host, settings.metrics_port, "METRICS_PORT", error) from error
        if several:
            from app.process.supervisor import Supervisor, Target

            return Supervisor(Target(settings, bundles), sock, metrics, hang_up).run()

        from app.process.server import run_server

        run_server(settings, bundles, Listener(sock, (WorkerState * 1)(), 0), metrics, hang_up)
        return 0
