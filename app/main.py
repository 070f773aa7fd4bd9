"""Create, start and stop the application."""

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from . import __version__
from .api import explain, health, model, predict, problems
from .api.errors import HANDLED, REASONS, handle
from .api.middleware import RequestContext, api_keys, direct_paths, one_length
from .api.openapi import add_openapi
from .api.protocols import open_inference, tensorflow_serving
from .api.routing import PredictionRoute, policy_of
from .api.state import State
from .bundles.reading import BundleId, identify_bundles, load_bundle
from .model.errors import SentimentError
from .pages.routes import page_routes
from .service import Service
from .settings import Settings
from .telemetry import tracing
from .telemetry.logs import configure_logs
from .telemetry.metrics import Metrics

DESCRIPTION = """\
Errors are `application/problem+json` (RFC 9457); their `type` is the path of a page about them. Every response has an
`X-Request-ID`, either the one from the request or a new one, and log lines contain it. Only requests that are not valid
HTTP get a plain-text 400 without one. Request bodies may be compressed with gzip or deflate. `GET /model` returns the
limits that apply.

Requests change nothing, so all of them, also POST, are safe to repeat. Later versions may add fields and values of
`sentiment`: clients must ignore fields that they do not know, and be prepared for other values.

Clients of other model servers work as well: under `/v2` those of the [Open Inference Protocol, version
2](https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md), under `/v1`
those of [TensorFlow Serving's REST API](https://www.tensorflow.org/tfx/serving/api_rest).
"""

TAGS = [
    {"name": "predictions", "description": "Score and explain reviews."},
    {"name": "model", "description": "The served bundles."},
    {"name": "health", "description": "Health checks for load balancers and orchestrators."},
]

log = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None, bundles: Sequence[BundleId] = (), metrics: Metrics | None = None
) -> FastAPI:
    """Create the application.

    Args:
        settings: By default, those of the environment.
        bundles: The bundles to load when it starts, the default first; if there are none, the settings say which.
        metrics: The metrics to update; by default, new ones.
    """
    settings = settings or Settings()
    configure_logs(settings.log_level, settings.log_format)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        try:
            chosen = bundles or identify_bundles(settings.model_dir, settings.model_version)
            service = Service(settings, [load_bundle(*bundle) for bundle in chosen], metrics or Metrics())
        except SentimentError as error:
            log.error("cannot serve", extra={"reason": str(error)})
            raise
        except Exception:
            log.exception("cannot serve")
            raise
        scoring = [route.path for route in app.routes if isinstance(route, PredictionRoute)]
        service.metrics.start(settings.max_waiting, scoring, REASONS)
        log.info("ready", extra={"model": service.name, "versions": service.digests, "pid": os.getpid()})
        yield {"service": service}
        stop_tracing()

    routers = [predict.router, explain.router, model.router, health.router, problems.router, page_routes(settings)]
    routers += [open_inference.router, tensorflow_serving.router]
    if settings.metrics_port is None:
        routers.append(health.metrics_router)
    routes = [route for router in routers for route in router.routes]
    probes = {route.path for route in routes if isinstance(route, Route) and policy_of(route).probe}
    # With tracing, no request skips the router, which names its span.
    direct = [] if tracing.requested() else [route for route in routes if isinstance(route, PredictionRoute)]
    telemetry, stop_tracing = tracing.telemetry(probes)
    app = FastAPI(
        title="Review sentiment",
        version=__version__,
        summary="How likely is a movie review to be positive?",
        description=DESCRIPTION,
        contact={"name": "The operator of this service"},
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "The service that returned this document."}],
        openapi_tags=TAGS,
        openapi_url=None,  # `app.pages` serves the document and its page
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=middleware_of(settings, direct),
        exception_handlers=dict.fromkeys(HANDLED, handle),
        telemetry=telemetry,
        routes=routes,
    )
    add_openapi(app, settings)
    return app


def middleware_of(settings: Settings, direct: Sequence[PredictionRoute]) -> list[Middleware]:
    """List the middleware, outermost first; `direct` are the routes that need no router."""
    middleware = [Middleware(RequestContext)]
    if settings.http == "h11":
        middleware.append(Middleware(one_length))
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
                    "If-None-Match",
                    "Inference-Header-Content-Length",
                    "X-Request-ID",
                    "traceparent",
                ],
                expose_headers=["ETag", "Inference-Header-Content-Length", "Retry-After", "X-Request-ID"],
            )
        )
    if settings.all_keys:
        middleware.append(Middleware(api_keys))
    middleware.append(Middleware(direct_paths, routes=direct))
    return middleware
