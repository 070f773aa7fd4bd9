"""The OpenAPI document: FastAPI's own, plus error responses, request bodies and security."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.body import NOT_JSON
from app.api.errors import (
    KINDS,
    MEDIA_TYPE,
    TYPE_PREFIX,
    BodyTimeout,
    BodyTooLarge,
    ModelNotFound,
    Unauthorized,
    UnsupportedBody,
    invalid,
    problem_of,
)
from app.api.routing import traits_of
from app.api.schemas import ExplainRequest, PredictRequest, Problem
from app.inference.errors import (
    DeadlineExceeded,
    InferenceError,
    NotServing,
    Overloaded,
    ReviewTooLong,
    TooManyReviews,
)
from app.settings import Settings

SCHEMA = "#/components/schemas/{model}"
RESPONSE = "#/components/responses/{}"

ERRORS: dict[str, tuple[str, list[Exception]]] = {
    "Unauthorized": ("The API key is missing or unknown.", [Unauthorized()]),
    "RequestTimeout": ("The request body did not arrive in time; the connection is closed.", [BodyTimeout(20)]),
    "BodyTooLarge": ("The request body is too large.", [BodyTooLarge(2_000_000, 3_145_728)]),
    "UnsupportedMediaType": (
        "The request body is not JSON, or its Content-Encoding is not supported.",
        [UnsupportedBody(NOT_JSON)],
    ),
    "InvalidRequest": (
        "The request body does not match the schema, or a limit is exceeded.",
        [
            ReviewTooLong("reviews.3", 3, 50_000, 61_230),
            TooManyReviews(128, 200),
            invalid("reviews.0", "Input should be a valid string"),
        ],
    ),
    "ModelNotFound": ("The request names a model or version that is not served.", [ModelNotFound("imdb", ["3", "1"])]),
    "InternalError": ("The service failed.", [InferenceError()]),
    "Unavailable": (
        "The service is overloaded or stopping. Try again after `Retry-After`, or send the request to another replica.",
        [Overloaded("the limit of 1024 waiting reviews was reached"), NotServing("the service is stopping")],
    ),
    "DeadlineExceeded": ("The reviews were not scored in time.", [DeadlineExceeded(10)]),
}
"""Response name -> description and example errors."""

HEADERS = {
    "X-Request-ID": {
        "description": "The X-Request-ID of the request, or a new one. Log lines contain it.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {"description": "The authentication scheme.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}},
}
HEADERS_OF = {"Unauthorized": "WWW-Authenticate", "Unavailable": "Retry-After"}
Responses = dict[int | str, dict[str, Any]]


SCORING = (
    "Unauthorized",
    "RequestTimeout",
    "BodyTooLarge",
    "UnsupportedMediaType",
    "InvalidRequest",
    "Unavailable",
    "DeadlineExceeded",
)
"""The errors of every route that scores or explains reviews."""


VERSION = {
    "parameters": [
        {
            "name": "version",
            "in": "query",
            "description": "The version of the model. If absent, the default version; `GET /model` lists all that are "
            "served.",
            "schema": {"type": "string"},
            "example": "3",
        }
    ]
}
"""The optional parameter of these routes, for their `openapi_extra`."""


def problems(*names: str) -> Responses:
    """Refer to error responses by name, for a route's `responses`."""
    return {_status(ERRORS[name]): {"$ref": RESPONSE.format(name)} for name in (*names, "InternalError")}


def _status(error: tuple[str, list[Exception]]) -> int:
    return KINDS[type(error[1][0])].status


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Document a JSON body that the route reads itself, for a route's `openapi_extra`."""
    schema = {"$ref": SCHEMA.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def add_openapi(app: FastAPI, settings: Settings) -> None:
    """Replace `app.openapi`, as FastAPI documents, with a function that returns the completed document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, has_keys=bool(settings.all_keys))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, has_keys: bool) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        contact=app.contact,
        license_info=app.license_info,
        servers=app.servers,
    )
    components = document["components"]
    schemas = components["schemas"] = _schemas(components["schemas"])
    components["headers"] = HEADERS
    components["responses"] = {name: _problem_response(name, *error) for name, error in ERRORS.items()}
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, if the service is configured to require one.",
        }
    }
    public = {route.path for route in app.routes if isinstance(route, APIRoute) and traits_of(route).public}
    for path, item in document["paths"].items():
        for operation in item.values():
            key_or_nothing: list[dict[str, list[str]]] = [{"key": []}] if has_keys else [{}, {"key": []}]
            operation["security"] = [] if path in public else key_or_nothing
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    # Without the description that FastAPI adds.
                    operation["responses"][status] = {"$ref": response["$ref"]}
                else:
                    response.setdefault("headers", {}).update(_headers("X-Request-ID"))
            _add_example(operation["responses"]["200"], schemas)
    return document


def _schemas(derived: dict[str, Any]) -> dict[str, Any]:
    """Add the schemas of bodies that routes parse or serialize themselves, and complete all schemas."""
    modes: list[tuple[type[BaseModel], Any]] = [
        (PredictRequest, "validation"),
        (ExplainRequest, "validation"),
        (Problem, "serialization"),
    ]
    _, definitions = models_json_schema(modes, ref_template=SCHEMA)
    schemas = dict(sorted((derived | definitions["$defs"]).items()))
    for name in ("Encoding", "UncertaintyRule"):
        _describe_attributes(schemas[name])
    for schema in schemas.values():
        for part in schema.get("properties", {}).values():
            if part.get("default", ...) is None and not _allows_null(part):
                del part["default"]  # optional rather than nullable, so that generated clients need no union
    schemas["JsonValue"] = {"title": "JsonValue", "description": "Any JSON value."}
    schemas["Problem"]["properties"]["type"]["examples"] = sorted({TYPE_PREFIX + kind.type for kind in KINDS.values()})
    return schemas


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem_response(name: str, description: str, examples: list[Exception]) -> dict[str, Any]:
    problems = [problem_of(example) for example in examples]
    named = {
        problem.type.removeprefix(TYPE_PREFIX): {
            "summary": problem.title,
            "value": problem.model_dump(exclude_none=True),
        }
        for problem in problems
    }
    return {
        "description": description,
        "headers": _headers("X-Request-ID", *filter(None, [HEADERS_OF.get(name)])),
        "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMA.format(model="Problem")}, "examples": named}},
    }


def _add_example(response: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add an example to a successful response, unless its route defines one."""
    body = response.get("content", {}).get("application/json")
    if body is not None and not {"example", "examples"} & body.keys():
        body["example"] = _example_of(body["schema"], schemas)


def _example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Build an example from the examples of a schema's properties."""
    for several in ("examples", "enum"):
        if several in schema:
            return schema[several][0]
    if "$ref" in schema:
        return _example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for one in ("const", "default"):
        if one in schema:
            return schema[one]
    if schema.get("type") == "array":
        return [_example_of(schema["items"], schemas)]
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        return {name: _example_of(properties[name], schemas) for name in schema.get("required", ())}
    return {"boolean": True, "integer": 1, "number": 1.0, "string": ""}.get(schema.get("type", "null"))


def _allows_null(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "null" or any(map(_allows_null, schema.get("anyOf", ())))


def _describe_attributes(schema: dict[str, Any]) -> None:
    """Copy the description of each attribute from the docstring of a dataclass to its schema."""
    schema["description"], _, attributes = schema["description"].partition("\n\nAttributes:\n")
    for name, text in re.findall(r"^    (\w+): (.+(?:\n {8,}.+)*)", attributes, re.MULTILINE):
        schema["properties"][name]["description"] = " ".join(text.split())
    schema["required"] = list(schema["properties"])
