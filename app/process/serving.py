"""Run the service, with one worker or several."""

import logging
from contextlib import nullcontext

from prometheus_client import start_http_server

from ..bundles.reading import identify_bundles
from ..service import warn_of_exposed_keys
from ..settings import Settings, unknown_variables
from ..telemetry import tracing
from ..telemetry.logs import configure_logs
from ..telemetry.metrics import Metrics
from ..telemetry.shared import shared_metrics
from .hangup import HangUp
from .listener import AddressUnavailable, Listener, WorkerState, bind
from .server import run_server
from .supervisor import Supervisor, Target

SUPERVISOR = "supervisor"
"""Its slot among the processes that share their metrics; those of workers are numbers."""

log = logging.getLogger(__name__)


def serve(settings: Settings, hang_up: HangUp) -> int:
    """Serve until a signal stops the service.

    Returns:
        The exit code: 0 after a signal, 1 if no worker could start or the supervisor failed; the log says why.

    Raises:
        SystemExit: The only worker could not start; the log says why. The exit code is 1, or 3 if another process
            listens at the address.
        AddressUnavailable: The address is in use, or cannot be used.
        SentimentError: There is no bundle, or the packages for tracing are not installed.
    """
    configure_logs(settings.log_level, settings.log_format)
    if unknown := unknown_variables():
        log.warning("unknown variables; they set nothing", extra={"variables": unknown})
    tracing.requested()  # before workers start, because it raises an error if packages are missing
    bundles = identify_bundles(settings.model_dir, settings.model_version)
    several = settings.workers > 1
    slots = [*map(str, range(settings.workers + 1)), SUPERVISOR]  # one more, to replace workers one by one
    with bind(settings.host, settings.port) as sock, shared_metrics(slots) if several else nullcontext():
        warn_of_exposed_keys(settings)
        metrics = Metrics(SUPERVISOR if several else None)
        metrics.record_start(settings.workers)
        if settings.metrics_port is not None:
            try:
                start_http_server(settings.metrics_port, settings.host, metrics.registry)
            except OSError as error:
                raise AddressUnavailable(settings.host, settings.metrics_port, "METRICS_PORT", error) from error
        if several:
            return Supervisor(Target(settings, bundles), sock, metrics, hang_up).run()
        run_server(settings, bundles, Listener(sock, (WorkerState * 1)(), 0), metrics, hang_up)
        return 0
