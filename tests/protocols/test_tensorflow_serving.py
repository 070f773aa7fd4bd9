"""TensorFlow Serving's REST API, which is also KServe's first protocol, without a client.

Sources: TensorFlow Serving's `api_rest.md` and `util/json_tensor.cc`; KServe's client.
"""

import gzip
import json
import re
from typing import Any

import httpx
import pytest

from tests.protocols.expectations import MODEL, REVIEWS, SECRET, VERSION, error_of, predicted, rounded
from tests.servers import Server

ROOT = f"/v1/models/{MODEL}"
VERSIONED = f"{ROOT}/versions/{VERSION}"
AVAILABLE = {"version": VERSION, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
STATUS = {"name": MODEL, "ready": True, "model_version_status": [AVAILABLE]}


@pytest.mark.parametrize(
    ("path", "expected"), [("/v1/models", {"models": [MODEL]}), (ROOT, STATUS), (VERSIONED, STATUS)]
)
def test_get_describes_the_models(server: Server, path: str, expected: dict[str, Any]) -> None:
    response = httpx.get(f"{server.url}{path}")
    assert (response.status_code, response.json()) == (200, expected)
    assert response.headers["Content-Type"] == "application/json"


BODY = json.dumps({"instances": REVIEWS}).encode()
FORMS: dict[str, dict[str, Any]] = {
    "texts": {"json": {"instances": REVIEWS}},
    "objects": {"json": {"instances": [{"text": review, "more": 1} for review in REVIEWS]}},
    "unknown fields": {"json": {"instances": REVIEWS, "signature_name": "x", "parameters": {"a": [1]}, "id": None}},
    "type of a form, as curl sends": {
        "content": BODY,
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    "gzip": {"content": gzip.compress(BODY), "headers": {"Content-Encoding": "gzip"}},
}


@pytest.mark.parametrize("form", FORMS)
def test_predict_returns_the_probabilities_of_predict(limited: Server, form: str) -> None:
    response = httpx.post(f"{limited.url}{VERSIONED if form == 'texts' else ROOT}:predict", **FORMS[form])
    assert response.json().keys() == {"predictions"}
    assert rounded(response.json()["predictions"]) == predicted(limited.url, REVIEWS)
    assert response.headers["Content-Type"] == "application/json"


def instances(*instances: Any, **more: Any) -> bytes:
    return json.dumps({"instances": instances, **more}).encode()


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (SECRET.encode(), 400, "JSON"),
        (b"{}", 400, "instances"),
        (b'{"instances": "a"}', 400, "instances"),
        (instances(), 400, "instances"),
        (instances("a", 1), 400, "instances.1"),
        (instances({"b64": "c3VwZXJi"}), 400, "instances.0"),
        (instances("a", inputs=["a"]), 400, "columnar"),
        (instances("a", {"text": "\t "}), 400, "instances.1.*blank"),
        (instances(*[SECRET] * 9), 400, r"\b8\b.*\b9\b"),
        (instances("a", SECRET.ljust(1001)), 400, r"\b1000\b.*instances.1.*\b1001\b"),
        (instances(SECRET * 2500), 413, r"\b20000\b"),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else "",
)
def test_predict_rejects_invalid_requests(limited: Server, body: bytes, status: int, reason: str) -> None:
    message = error_of(httpx.post(f"{limited.url}{ROOT}:predict", content=body), status)
    assert re.search(reason, message), message
