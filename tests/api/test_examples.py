"""The OpenAPI document's examples are valid requests to the bundle that the repository ships."""

from typing import Any

import httpx

from tests.servers import PATIENCE, Server

Schema = dict[str, Any]


def example_of(schema: Schema, schemas: Schema) -> Any:
    """A schema's example, or those of its required parts."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if schema["type"] == "array":
        return [example_of(schema["items"], schemas)]
    return {
        name: example_of(part, schemas)
        for name, part in schema["properties"].items()
        if "examples" in part or name in schema["required"]
    }


def test_examples_succeed(served: Server) -> None:
    document = httpx.get(f"{served.url}/openapi.json").json()
    tried = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = None
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                body = example_of(schema, document["components"]["schemas"])
            response = httpx.request(method, f"{served.url}{path}", json=body, timeout=PATIENCE)
            assert response.status_code == 200, (path, response.text)
            tried += 1
    assert tried == 5
