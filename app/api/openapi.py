"""The OpenAPI document: what FastAPI derives, with the problem responses and the limits in force written in."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.access import GUARDED, KEY_NEEDED
from app.api.problems import MEDIA_TYPE, describe
from app.api.refusals import HEADERS_TOO_LARGE, MALFORMED, TARGET_TOO_LONG
from app.api.schemas import PredictRequest, Problem
from app.settings import Settings

REFERENCE = "#/components/schemas/{model}"

WHEN = {
    400: (
        "These bytes are not HTTP/1.1; the connection is closed.",
        MALFORMED.type,
        MALFORMED.detail,
    ),
    401: (
        "The service wants a key, and the request has none that it knows.",
        "unauthorized",
        KEY_NEEDED,
    ),
    408: (
        "The request did not arrive in time; the connection is closed.",
        "request-timeout",
        "The request did not arrive within 20 seconds; the connection is closed.",
    ),
    413: ("The body is too large.", "body-too-large", "The body may have 2000000 bytes, this one has 3145728 or more."),
    414: ("The request's target is too long.", TARGET_TOO_LONG.type, TARGET_TOO_LONG.detail),
    415: ("The body is not uncompressed JSON.", "unsupported-media-type", "Send JSON with the header Content-Type: …"),
    422: (
        "The body is not what the schema says, or a limit is exceeded.",
        "review-too-long",
        "A review may have 50000 characters, reviews.3 has 61230. Shorten or split it.",
    ),
    431: ("The request's headers are too large.", HEADERS_TOO_LARGE.type, HEADERS_TOO_LARGE.detail),
    500: ("The service failed.", "internal-error", "The service failed. The log has the cause under …"),
    503: (
        "The service is starting, stopping or has too much to do; try another replica, or later.",
        "overloaded",
        "1020 reviews are waiting, 8 more would exceed the limit of 1024.",
    ),
    504: (
        "The reviews were not scored in time.",
        "deadline-exceeded",
        "The reviews waited for the model for more than 10 seconds. Send fewer at a time, or try another replica.",
    ),
}
"""Status -> when it is answered, and the problem type and detail of an example."""

REQUEST_ID = {
    "description": "The request's X-Request-ID, or one made for it; log lines carry it.",
    "schema": {"type": "string"},
}


ANYWHERE = (400, 408, 414, 431)
"""What `app.connection` may answer before it knows the path."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document error responses, for a route's `responses`: these, and those that any route may have."""
    return {status: _problem(status) for status in sorted({*ANYWHERE, *statuses})}


def _problem(status: int) -> dict[str, Any]:
    description, type_, detail = WHEN[status]
    example = describe(status, type_, detail).model_dump(exclude_none=True)
    response: dict[str, Any] = {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}, "example": example}},
    }
    if status == 401:
        response["headers"] = {
            "WWW-Authenticate": {"description": "How to prove who asks.", "schema": {"type": "string"}}
        }
    if status == 503:
        response["headers"] = {
            "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}}
        }
    return response


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Document a body that a dependency reads, for a route's `openapi_extra`."""
    schema = {"$ref": REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def add_openapi(app: FastAPI, settings: Settings) -> None:
    """Make `app.openapi()` tell the whole truth about this service under these settings."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, settings)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI documents it


def _document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    modes: list[tuple[type[BaseModel], Any]] = [(PredictRequest, "validation"), (Problem, "serialization")]
    _, definitions = models_json_schema(modes, ref_template=REFERENCE)
    schemas = document["components"]["schemas"]
    schemas |= definitions["$defs"]
    reviews = schemas["PredictRequest"]["properties"]["reviews"]
    reviews["maxItems"] = settings.max_reviews
    reviews["items"]["maxLength"] = settings.max_characters
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    key_or_nothing: list[dict[str, list[str]]] = [{"key": []}] if settings.all_keys else [{}, {"key": []}]
    for name, path in document["paths"].items():
        for operation in path.values():
            if name in GUARDED:
                operation["security"] = key_or_nothing
            for response in operation["responses"].values():
                response.setdefault("headers", {})["X-Request-ID"] = REQUEST_ID
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document
