"""Create, start and stop the application."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from app import __version__
from app.api import explain, health, model, predict
from app.api.errors import REASONS, add_error_handlers
from app.api.middleware import Admission, ApiKeys, RequestContext
from app.api.openapi import add_openapi
from app.api.pages import page_routes
from app.api.protocols import open_inference, tensorflow_serving
from app.api.state import State
from app.inference.bundle import Bundle, find_bundles
from app.inference.errors import SentimentError
from app.service import Service
from app.settings import Settings
from app.telemetry import tracing
from app.telemetry.logs import configure_logs
from app.telemetry.metrics import Metrics

DESCRIPTION = """\
Estimates how likely movie reviews are to be positive.

Errors are `application/problem+json` (RFC 9457). Every response has an `X-Request-ID`, either the one from the request
or a new one, and log lines contain it. `GET /model` returns the limits that apply.
"""

TAGS = [
    {"name": "predictions", "description": "Score and explain reviews."},
    {"name": "model", "description": "The served bundles."},
    {"name": "health", "description": "Health checks for load balancers and orchestrators."},
    {"name": "open inference protocol", "description": "Predictions for clients of Triton and KServe v2."},
    {"name": "tensorflow serving", "description": "Predictions for clients of TensorFlow Serving and KServe v1."},
]

log = structlog.get_logger()


def create_app(
    settings: Settings | None = None, bundles: Sequence[Bundle | Path] = (), metrics: Metrics | None = None
) -> FastAPI:
    """Create the application.

    Args:
        settings: If None, they are read from the environment, as in each worker.
        bundles: The bundles to serve, the default first; folders are loaded and verified when the application starts.
            If there are none, those in the settings are served.
        metrics: The metrics to update. If None, new ones are created.
    """
    settings = settings or Settings()
    configure_logs(settings.log_level, settings.log_format)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        service = start_service(settings, bundles, metrics)
        post_routes = [
            route.path for route in app.routes if isinstance(route, Route) and "POST" in (route.methods or ())
        ]
        service.metrics.start(settings.max_waiting, post_routes, REASONS)
        yield {"service": service}
        stop_tracing()

    telemetry, stop_tracing = tracing.telemetry()
    routers = [predict.router, explain.router, model.router, health.router]
    routers += [open_inference.router, tensorflow_serving.router, page_routes(settings)]
    if settings.metrics_port is None:
        routers.append(health.metrics_router)
    app = FastAPI(
        title="Review sentiment",
        version=__version__,
        summary="How likely is a movie review to be positive?",
        description=DESCRIPTION,
        contact={"name": "The operator of this service"},
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "The service that returned this document."}],
        openapi_tags=TAGS,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,  # see `app.api.pages`
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=middleware_of(settings),
        telemetry=telemetry,
        routes=[route for router in routers for route in router.routes],
    )
    add_openapi(app, settings)
    add_error_handlers(app)
    return app


def start_service(settings: Settings, bundles: Sequence[Bundle | Path], metrics: Metrics | None) -> Service:
    """Load and verify all bundles.

    Raises:
        SentimentError: A bundle cannot be served, or there is no room for metrics. The reason has been logged.
    """
    try:
        found = bundles or find_bundles(settings.model_dir, settings.model_version)
        service = Service(settings, found, metrics or Metrics())
    except SentimentError as error:
        log.error("cannot serve", reason=str(error))
        raise
    log.info("ready", model=service.name, versions=service.digests, pid=os.getpid())
    return service


def middleware_of(settings: Settings) -> list[Middleware]:
    """List the middleware, outermost first."""
    middleware = [Middleware(RequestContext)]
    if settings.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=[origin.strip() for origin in settings.cors_origins.split(",")],
                allow_methods=["GET", "POST"],
                allow_headers=[
                    "Authorization",
                    "Content-Encoding",
                    "Content-Type",
                    "Inference-Header-Content-Length",
                    "X-Request-ID",
                    "traceparent",
                ],
                expose_headers=["Inference-Header-Content-Length", "Retry-After", "X-Request-ID"],
            )
        )
    if settings.all_keys:
        middleware.append(Middleware(ApiKeys, keys=settings.all_keys))
    middleware.append(Middleware(Admission))
    return middleware
