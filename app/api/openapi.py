"""The OpenAPI document: what FastAPI derives, with the problem responses and the limits in force written in."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.answers import REFERENCE, complete_answer
from app.api.protocols.schemas import InferRequest, InstancesRequest, ProtocolError
from app.api.schemas import ExplainRequest, PredictRequest, Problem
from app.api.state import Service, Serving
from app.routes import wants_key
from app.settings import Settings

REQUEST_ID = {
    "description": "The request's X-Request-ID, or one made for it; log lines carry it.",
    "schema": {"type": "string"},
}


def request_body(model: type[BaseModel], others: dict[str, Any] | None = None) -> dict[str, Any]:
    """Document a body that the handler reads, JSON or `others`, for a route's `openapi_extra`."""
    schema = {"$ref": REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}, **(others or {})}}}


def add_openapi(app: FastAPI, service: Service) -> None:
    """Make `app.openapi()` tell the whole truth about this service: its settings, and what it serves once it does."""
    documents: dict[tuple[str, str] | None, dict[str, Any]] = {}

    def openapi() -> dict[str, Any]:
        phase = service.phase
        served = (phase.bundle.manifest.name, phase.bundle.manifest.version) if isinstance(phase, Serving) else None
        if served not in documents:
            documents[served] = _document(app, service.settings)
            if served is not None:
                _name_served(documents[served], *served)
        return documents[served]

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
    bodies: list[type[BaseModel]] = [PredictRequest, ExplainRequest, InferRequest, InstancesRequest]
    modes: list[tuple[type[BaseModel], Any]] = [(body, "validation") for body in bodies]
    modes += [(error, "serialization") for error in (Problem, ProtocolError)]
    _, definitions = models_json_schema(modes, ref_template=REFERENCE)
    schemas = document["components"]["schemas"]
    schemas |= definitions["$defs"]
    for model, field, most in (
        ("PredictRequest", "reviews", settings.max_reviews),
        ("ExplainRequest", "reviews", settings.max_explained),
        ("InferInput", "data", settings.max_reviews),
        ("InstancesRequest", "instances", settings.max_reviews),
    ):
        reviews = schemas[model]["properties"][field]
        reviews["maxItems"] = most
        for text in _texts(reviews["items"]):
            text["maxLength"] = settings.max_characters
        # Within the limits, so that they succeed when they are tried.
        for example in (*reviews.get("examples", ()), *(one[field] for one in schemas[model].get("examples", ()))):
            example[:] = [text[: settings.max_characters] for text in example[:most]]
    _describe_attributes(schemas["Encoding"])
    for schema in schemas.values():
        for part in schema.get("properties", {}).values():
            if "default" in part and part["default"] is None and not _takes_null(part):
                del part["default"]  # where it is None, it is left out, so that clients need no union for it
    if "JsonValue" in schemas:
        schemas["JsonValue"] = {"title": "JsonValue", "description": "Any JSON value."}
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key, where the service's settings name any."}
    }
    key_or_nothing: list[dict[str, list[str]]] = [{"key": []}] if settings.all_keys else [{}, {"key": []}]
    for name, path in document["paths"].items():
        for operation in path.values():
            operation["security"] = key_or_nothing if wants_key(name) else []
            complete_answer(operation, schemas)
            for response in operation["responses"].values():
                response.setdefault("headers", {})["X-Request-ID"] = REQUEST_ID
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _name_served(document: dict[str, Any], name: str, version: str) -> None:
    """Let the examples of paths name what is served, so that they succeed when they are tried."""
    examples = {"model_name": name, "model_version": version}
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["example"] = examples[parameter["name"]]


def _texts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of texts within a schema."""
    if schema.get("type") == "string":
        yield schema
    within = [schema["items"]] if "items" in schema else []
    for part in (*within, *schema.get("anyOf", ()), *schema.get("properties", {}).values()):
        yield from _texts(part)


def _takes_null(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "null" or any(map(_takes_null, schema.get("anyOf", ())))


def _describe_attributes(schema: dict[str, Any]) -> None:
    """Give each property of a dataclass's schema its part of the docstring; answers always hold all of them."""
    schema["description"], _, attributes = schema["description"].partition("\n\nAttributes:\n")
    for name, text in re.findall(r"^    (\w+): (.+(?:\n {8,}.+)*)", attributes, re.MULTILINE):
        schema["properties"][name]["description"] = " ".join(text.split())
    schema["required"] = list(schema["properties"])
