"""The OpenAPI document: what FastAPI derives from the routes and their models, and what it cannot see.

FastAPI knows neither the errors of this service nor what routes read themselves. So routers pass a group of errors as
`responses`, and routes pass `request_body` and parameters as `openapi_extra`. `add_openapi` adds the models of both,
API keys, and the header that all responses have.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ..model.errors import (
    DeadlineExceeded,
    InferenceError,
    NotServing,
    Overloaded,
    ReviewTooLong,
    TooManyReviews,
)
from ..model.limits import MAX_TERMS
from ..settings import Settings
from .body import NOT_JSON, violation
from .errors import (
    MEDIA_TYPE,
    BodyTimeout,
    BodyTooLarge,
    InvalidRequest,
    ModelNotFound,
    Unauthorized,
    UnsupportedBody,
    problem_of,
    problem_type_of,
)
from .routing import policy_of
from .schemas import ExplainRequest, PredictRequest, Problem

SCHEMA = "#/components/schemas/{model}"
HEADERS = {
    name: {"description": description, "schema": {"type": type_}}
    for name, type_, description in (
        ("ETag", "string", "Send it as If-None-Match to get 304 while nothing has changed."),
        ("Retry-After", "integer", "Seconds to wait before trying again."),
        ("WWW-Authenticate", "string", "The authentication scheme."),
        ("X-Request-ID", "string", "The X-Request-ID of the request, or a new one. Log lines contain it."),
    )
}
KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, if the service is configured to require one.",
}


def errors(description: str, *examples: Exception) -> dict[int | str, Any]:
    """Document the response to errors that have the same status."""
    kind = problem_type_of(examples[0])
    problems = {problem_type_of(example).type: problem_of(example) for example in examples}
    shown = {
        type_: {"summary": problem.title, "value": problem.model_dump(exclude_none=True)}
        for type_, problem in problems.items()
    }
    return {
        kind.status: {
            "description": description,
            "headers": {name: HEADERS[name] for name in kind.headers if name in HEADERS},
            "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMA.format(model="Problem")}, "examples": shown}},
        }
    }


FAILED = errors("The service failed.", InferenceError())
STOPPING = errors("The service is stopping.", NotServing("the service is stopping"))
OVERLOADED = errors(
    "The service is overloaded or stopping. Try again after `Retry-After`, or send the request to another replica.",
    Overloaded("the limit of 1024 waiting reviews was reached"),
    NotServing("the service is stopping"),
)
UNCHANGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": HEADERS["ETag"]}},
    304: {
        "description": "Nothing has changed since the ETag in `If-None-Match`.",
        "headers": {"ETag": HEADERS["ETag"]},
    },
}
DESCRIBING = {
    **errors("The API key is missing or unknown.", Unauthorized()),
    **errors("The request names a version that is not served.", ModelNotFound("imdb", ["3", "1"])),
    **FAILED,
}
SCORING = {
    **DESCRIBING,
    **errors("The request body did not arrive in time; the connection is closed.", BodyTimeout(20)),
    **errors("The request body is too large.", BodyTooLarge(2_000_000, 3_145_728)),
    **errors("The request body is not JSON in UTF-8, or its encoding is not supported.", UnsupportedBody(NOT_JSON)),
    **errors(
        "The request body does not match the schema, or a limit is exceeded.",
        ReviewTooLong("reviews.3", 3, 50_000, 61_230),
        TooManyReviews(128, 200),
        InvalidRequest([violation(["reviews", 0], "Input should be a valid string")]),
    ),
    **OVERLOADED,
    **errors("The reviews were not scored in time.", DeadlineExceeded(10)),
}

VERSION = {
    "name": "version",
    "in": "query",
    "description": "The version of the model. If absent, the default version; `GET /model` lists all that are served.",
    "schema": {"type": "string"},
    "example": "3",
}
"""The optional parameter that `app.api.state.version_of` reads."""

EXPLAIN = {
    "name": "explain",
    "in": "query",
    "description": "The maximum number of terms to list per prediction: those with the largest effects on it.",
    "schema": {"type": "integer", "minimum": 0, "maximum": MAX_TERMS, "default": 0},
    "example": 5,
}
"""The optional parameter of /predict."""


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Document a JSON body that the route reads itself."""
    schema = {"$ref": SCHEMA.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def add_openapi(app: FastAPI, settings: Settings) -> None:
    """Replace `app.openapi`, as FastAPI documents, with a function that also completes the document."""
    derive = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(derive(), app, security=[{"key": []}] if settings.all_keys else [{}, {"key": []}])
        return derive()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any], app: FastAPI, security: list[dict[str, list[str]]]) -> None:
    components = document["components"]
    _, models = models_json_schema(
        [(PredictRequest, "validation"), (ExplainRequest, "validation"), (Problem, "serialization")],
        ref_template=SCHEMA,
    )
    components["schemas"] = dict(sorted((components["schemas"] | models["$defs"]).items()))
    components["securitySchemes"] = {"key": KEY}
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for operation in document["paths"][route.path].values():
                operation["security"] = [] if policy_of(route).public else security
                for response in operation["responses"].values():
                    response.setdefault("headers", {})["X-Request-ID"] = HEADERS["X-Request-ID"]
