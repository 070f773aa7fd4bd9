"""The application: its parts put together, and what happens at start and stop."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app import __version__
from app.api import explain, health, metrics, model, predict
from app.api.access import Access
from app.api.docs import add_docs
from app.api.head import Head
from app.api.openapi import add_openapi
from app.api.playground import add_playground, page_of
from app.api.problems import add_problem_handlers
from app.api.protocols import open_inference, tensorflow_serving
from app.api.requests import RequestLog
from app.api.root import add_root
from app.api.shortcut import Shortcut
from app.api.state import Broken, Service, State
from app.inference.bundle import Bundle, find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.inference.errors import SentimentError
from app.inference.scorer import Scorer
from app.logs import configure_logs
from app.routes import INFER, PREDICT, TENSORFLOW_PREDICT
from app.settings import Settings
from app.tracing import traced, wanted

DESCRIPTION = """\
Reads movie reviews and says how likely each is to be positive.

Errors are `application/problem+json` (RFC 9457). Every response carries an `X-Request-ID`: the request's own, if it
sent one, or a new one; log lines carry it too.
"""

BUSY = {
    PREDICT: predict.predict,
    INFER: open_inference.infer,
    TENSORFLOW_PREDICT: tensorflow_serving.predict_instances,
}
"""Routes whose requests go past FastAPI's own way to the handler."""

log = structlog.get_logger()


def create_app(settings: Settings | None = None, bundle: Bundle | None = None) -> FastAPI:
    """Make the application.

    Args:
        settings: Read from the environment when None, as in each worker process that uvicorn starts.
        bundle: What to serve; found and verified as the settings say when None.
    """
    settings = settings or Settings()
    configure_logs(settings.log_level, settings.log_format)
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        loading = asyncio.create_task(_load(service, bundle))
        yield {"service": service}
        loading.cancel()
        app.stop_tracing()

    app = Application(
        settings,
        title="Review sentiment",
        version=__version__,
        summary="How likely is a movie review to be positive?",
        description=DESCRIPTION,
        contact={"name": "Whoever runs this service"},
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "Where this document comes from; `make serve`: http://127.0.0.1:8000."}],
        openapi_tags=[
            {"name": "predictions", "description": "Scoring reviews."},
            {"name": "model", "description": "What is served."},
            {"name": "health", "description": "For balancers and orchestrators."},
            {"name": "open inference protocol", "description": "The same for clients of Triton and KServe, version 2."},
            {"name": "tensorflow serving", "description": "The same for clients of TensorFlow Serving and KServe, v1."},
        ],
        lifespan=lifespan,
        docs_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    for routes in (predict, explain, model, health, open_inference, tensorflow_serving):
        app.include_router(routes.router)
    if settings.metrics_port is None:
        app.include_router(metrics.router)
    if settings.docs:
        add_docs(app)
    add_root(app, page_of(settings.docs) if settings.playground else None)
    if settings.playground:
        add_playground(app)
    add_openapi(app, service)
    add_problem_handlers(app)
    return app


class Application(FastAPI):
    """FastAPI inside of what every request passes first."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        inner: ASGIApp = Shortcut(Head(super().__call__), {("POST", route): handler for route, handler in BUSY.items()})
        if keys := settings.all_keys:
            inner = Access(inner, keys)
        if settings.cors_origins:
            inner = CORSMiddleware(
                inner,
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
        self._entrance: ASGIApp = RequestLog(inner)
        self.stop_tracing: Callable[[], None] = lambda: None
        if wanted():
            self._entrance, self.stop_tracing = traced(self._entrance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `FastAPI`."""
        await self._entrance(scope, receive, send)


async def _load(service: Service, verified: Bundle | None) -> None:
    """Load the bundle while the server listens already, so that probes get an answer from the first moment on."""
    try:
        bundle, classifier = await asyncio.to_thread(_open, service.settings, verified)
    except Exception as error:
        reason = str(error) if isinstance(error, SentimentError) else "unexpected failure"
        log.error("cannot serve", reason=reason, exc_info=None if isinstance(error, SentimentError) else error)
        service.phase = Broken(reason)
        signal.raise_signal(signal.SIGTERM)  # end the process the way it always ends; `__main__` sets the exit code
        return
    gc.freeze()  # what is loaded stays; the collector need not look at it again and again
    settings = service.settings
    service.begin_serving(bundle, Scorer(classifier, settings.max_waiting, settings.deadline, service.recorder))
    manifest = bundle.manifest
    log.info("ready", model=manifest.name, version=manifest.version, digest=bundle.digest, pid=os.getpid())


def _open(settings: Settings, verified: Bundle | None) -> tuple[Bundle, Classifier]:
    bundle = verified or load_bundle(find_bundle(settings.model_dir, settings.model_version))
    return bundle, open_classifier(bundle, settings.runtime)
