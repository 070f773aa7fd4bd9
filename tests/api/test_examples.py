"""The OpenAPI document's examples, as somebody sends them who changes nothing: they succeed whatever is served."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.servers import wait_until

Schema = dict[str, Any]


def example_of(schema: Schema, schemas: Schema) -> Any:
    """What a form is filled with: a schema's example, or those of its required parts."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if schema["type"] == "array":
        return [example_of(schema["items"], schemas)]
    return {name: example_of(part, schemas) for name, part in schema["properties"].items() if "examples" in part
            or name in schema["required"]}  # fmt: skip


@pytest.mark.parametrize(
    "limits",
    [{}, {"max_reviews": 1, "max_explained": 1, "max_characters": 9, "max_waiting": 1}],
    ids=["usual limits", "tight limits"],
)
def test_examples_succeed_with_another_bundle(models: Path, limits: dict[str, Any]) -> None:
    settings = Settings(model_dir=models, runtime="litert", **limits)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.get("/openapi.json")  # made while nothing is served yet; it must not last
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        document = client.get("/openapi.json").json()
        tried = 0
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                parameters = operation.get("parameters", ())
                url = path.format(**{each["name"]: each["example"] for each in parameters if each["in"] == "path"})
                body = None
                if "requestBody" in operation:
                    schema = operation["requestBody"]["content"]["application/json"]["schema"]
                    body = example_of(schema, document["components"]["schemas"])
                response = client.request(method, url, json=body)
                assert response.status_code == 200, (url, response.text)
                tried += 1
        assert tried > 15
