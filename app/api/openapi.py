"""The OpenAPI document: what FastAPI derives, with the problem responses and the limits in force written in."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.access import KEY_NEEDED, is_guarded
from app.api.problems import INTERNAL_DETAIL, MEDIA_TYPE, describe
from app.api.protocols.schemas import InferRequest, InstancesRequest, ProtocolError
from app.api.refusals import HEADERS_TOO_LARGE, MALFORMED, TARGET_TOO_LONG
from app.api.schemas import PredictRequest, Problem
from app.settings import Settings

REFERENCE = "#/components/schemas/{model}"

WHEN: dict[int, tuple[str, dict[str, tuple[str, dict[str, Any]]]]] = {
    400: ("These bytes are not HTTP/1.1; the connection is closed.", {MALFORMED.type: (MALFORMED.detail, {})}),
    401: ("The service wants a key, and the request has none that it knows.", {"unauthorized": (KEY_NEEDED, {})}),
    408: (
        "The request did not arrive in time; the connection is closed.",
        {"request-timeout": ("The request did not arrive within 20 seconds; the connection is closed.", {})},
    ),
    413: (
        "The body is too large.",
        {
            "body-too-large": (
                "The body may have 2000000 bytes, this one has 3145728 or more. Send the reviews in several requests.",
                {"limit": 2_000_000, "received": 3_145_728},
            )
        },
    ),
    414: ("The request's target is too long.", {TARGET_TOO_LONG.type: (TARGET_TOO_LONG.detail, {})}),
    415: (
        "The body is not uncompressed JSON.",
        {"unsupported-media-type": ("Send JSON with the header Content-Type: application/json.", {})},
    ),
    422: (
        "The body is not what the schema says, or a limit is exceeded.",
        {
            "review-too-long": (
                "A review may have 50000 characters, reviews.3 has 61230. Shorten or split it.",
                {"limit": 50_000, "received": 61_230, "index": 3},
            ),
            "too-many-reviews": (
                "A request may hold 128 reviews, this one holds 200. Send them in several requests.",
                {"limit": 128, "received": 200},
            ),
            "invalid-request": (
                "reviews.0: Input should be a valid string",
                {"errors": [{"location": "reviews.0", "message": "Input should be a valid string"}]},
            ),
        },
    ),
    431: ("The request's headers are too large.", {HEADERS_TOO_LARGE.type: (HEADERS_TOO_LARGE.detail, {})}),
    500: ("The service failed.", {"internal-error": (INTERNAL_DETAIL, {})}),
    503: (
        "The service is starting, stopping or has too much to do; try another replica, or later.",
        {
            "overloaded": ("1020 reviews are waiting, 8 more would exceed the limit of 1024.", {}),
            "not-serving": ("The service is starting; try again in a moment.", {}),
        },
    ),
    504: (
        "The reviews were not scored in time.",
        {
            "deadline-exceeded": (
                "The reviews waited for the model for more than 10 seconds. "
                "Send fewer at a time, or try another replica.",
                {},
            )
        },
    ),
}
"""Status -> when it is answered, and examples: a problem's type -> its detail and its further members."""

ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "predict": (
        "One prediction a review.",
        {
            "model": {"name": "imdb", "version": "2"},
            "predictions": [
                {"positive_probability": 0.97, "sentiment": "positive", "words": 8, "known_words": 8},
                {"positive_probability": 0.02, "sentiment": "negative", "words": 8, "known_words": 7},
            ],
        },
    ),
    "get_model": (
        "The served bundle.",
        {
            "name": "imdb",
            "version": "2",
            "created": "2026-11-24T13:47:06+00:00",
            "encoding": {
                "columns": 10_000,
                "start_column": None,
                "unknown_column": None,
                "first_term_column": 0,
                "longest_term": 3,
                "kept_punctuation": "!?",
            },
            "vocabulary_size": 10_000,
            "recipe": {"name": "best", "hidden_units": [16], "seed": 0},
            "dataset": {"source": "aclImdb", "training_reviews": 25_000, "test_reviews": 25_000},
            "metrics": {"accuracy": 0.921, "loss": 0.203, "auc": 0.975},
            "libraries": {"python": "3.11.7", "numpy": "2.4.6"},
            "digest": "5172c6de07ccae41b47ed1f352bd7145a7c19d572ea2865a1b190ddd1201b4c4",
            "runtime": "tensorflow",
            "limits": {
                "max_reviews": 128,
                "max_characters": 50_000,
                "max_body_bytes": 2_000_000,
                "max_waiting": 1024,
            },
        },
    ),
    "get_liveness": ("The process is alive.", {"status": "live"}),
    "get_readiness": ("Send traffic.", {"status": "ready"}),
}
"""Operation id -> what its status 200 means, and an example of it. Other operations' routes say it themselves."""

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
    description, kinds = WHEN[status]
    examples = {}
    for type_, (detail, members) in kinds.items():
        problem = describe(status, type_, detail, **members)
        examples[type_] = {"summary": problem.title, "value": problem.model_dump(exclude_none=True)}
    response: dict[str, Any] = {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}, "examples": examples}},
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
        contact=app.contact,
        license_info=app.license_info,
        servers=app.servers,
    )
    bodies: list[type[BaseModel]] = [PredictRequest, InferRequest, InstancesRequest]
    modes: list[tuple[type[BaseModel], Any]] = [(body, "validation") for body in bodies]
    modes += [(error, "serialization") for error in (Problem, ProtocolError)]
    _, definitions = models_json_schema(modes, ref_template=REFERENCE)
    schemas = document["components"]["schemas"]
    schemas |= definitions["$defs"]
    for model, field in (("PredictRequest", "reviews"), ("InferInput", "data"), ("InstancesRequest", "instances")):
        reviews = schemas[model]["properties"][field]
        reviews["maxItems"] = settings.max_reviews
        for text in _texts(reviews["items"]):
            text["maxLength"] = settings.max_characters
    _describe_attributes(schemas["Encoding"])
    if "JsonValue" in schemas:
        schemas["JsonValue"] = {"title": "JsonValue", "description": "Any JSON value."}
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key, where the service's settings name any."}
    }
    key_or_nothing: list[dict[str, list[str]]] = [{"key": []}] if settings.all_keys else [{}, {"key": []}]
    for name, path in document["paths"].items():
        for operation in path.values():
            if is_guarded(name):
                operation["security"] = key_or_nothing
            else:
                operation["security"] = []
            if operation["operationId"] in ANSWERS:
                answer = operation["responses"]["200"]
                answer["description"], answer["content"]["application/json"]["example"] = ANSWERS[
                    operation["operationId"]
                ]
            for response in operation["responses"].values():
                response.setdefault("headers", {})["X-Request-ID"] = REQUEST_ID
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _texts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of texts within a schema."""
    if schema.get("type") == "string":
        yield schema
    for part in (*schema.get("anyOf", ()), *schema.get("properties", {}).values()):
        yield from _texts(part)


def _describe_attributes(schema: dict[str, Any]) -> None:
    """Give each property of a dataclass's schema its part of the docstring; answers always hold all of them."""
    schema["description"], _, attributes = schema["description"].partition("\n\nAttributes:\n")
    for name, text in re.findall(r"^    (\w+): (.+(?:\n {8,}.+)*)", attributes, re.MULTILINE):
        schema["properties"][name]["description"] = " ".join(text.split())
    schema["required"] = list(schema["properties"])
