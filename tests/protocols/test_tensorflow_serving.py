"""What clients of TensorFlow Serving's REST interface, and of KServe's first protocol, send and expect.

Sources: TensorFlow Serving's `api_rest.md` and `util/json_tensor.cc`; KServe's client.
"""

import gzip
import json
import re
from typing import Any

import httpx
import pytest

from tests.protocols.expectations import KEY, MODEL, REVIEWS, SECRET, VERSION, error_of, predicted
from tests.servers import Server

ROOT = f"/v1/models/{MODEL}"
VERSIONED = f"{ROOT}/versions/{VERSION}"
PREDICTS = pytest.mark.parametrize("path", [f"{ROOT}:predict", f"{VERSIONED}:predict"])
AVAILABLE = {"version": VERSION, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


def post(server: Server, body: Any, path: str = f"{ROOT}:predict", **options: Any) -> httpx.Response:
    return httpx.post(f"{server.url}{path}", json=body, **options)


def get(server: Server, path: str, **options: Any) -> httpx.Response:
    return httpx.get(f"{server.url}{path}", **options)


def test_models_are_listed(server: Server) -> None:
    response = get(server, "/v1/models")
    assert (response.status_code, response.json()) == (200, {"models": [MODEL]})


@pytest.mark.parametrize("path", [ROOT, VERSIONED])
def test_status_is_that_of_both_protocols(server: Server, path: str) -> None:
    response = get(server, path)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {"name": MODEL, "ready": True, "model_version_status": [AVAILABLE]}


@PREDICTS
@pytest.mark.parametrize(
    "instances",
    [REVIEWS, [{"text": review} for review in REVIEWS]],
    ids=["plain", "objects"],
)
def test_instances_are_answered_as_predict_does(limited: Server, path: str, instances: list[Any]) -> None:
    response = post(limited, {"signature_name": "serving_default", "instances": instances}, path)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-ID"]
    assert response.json() == {"predictions": predicted(limited, REVIEWS)}


def test_curl_as_the_documentation_shows_it_is_answered(server: Server) -> None:
    """`curl -d` says that it sends a form."""
    body = json.dumps({"instances": ["superb"]}).encode()
    for headers in ({"Content-Type": "application/x-www-form-urlencoded"}, {}, {"Content-Type": "text/plain; x"}):
        response = httpx.post(f"{server.url}{ROOT}:predict", content=body, headers=headers)
        assert response.json() == {"predictions": predicted(server, ["superb"])}


def test_unknown_fields_are_accepted(server: Server) -> None:
    body = {"instances": ["superb"], "signature_name": "x", "parameters": {"a": [1]}, "id": None}
    assert post(server, body).json() == {"predictions": predicted(server, ["superb"])}


DISPUTED: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({"instances": ["a", {"text": "b"}]}, {}, ["a", "b"]),
    ({"instances": [["a"], ["b"]]}, {}, ["a", "b"]),
    ({"instances": [{"text": ["a"]}]}, {}, ["a"]),
    ({"instances": [{"text": "a", "more": 1}]}, {}, ["a"]),
    ({"instances": [{"b64": "c3VwZXJi"}]}, {}, ["superb"]),
    ({"instances": [{"text": {"b64": "c3VwZXJi"}}]}, {}, ["superb"]),
    ({"inputs": ["a", "b"]}, {}, ["a", "b"]),
    ({"inputs": {"text": ["a", "b"]}}, {}, ["a", "b"]),
    ({"instances": ["a"], "signature_name": 1}, {}, ["a"]),
]
"""What TensorFlow Serving's documents or clients know and we need not; but if it is answered, then rightly."""


@pytest.mark.parametrize(("body", "headers", "reviews"), DISPUTED, ids=[json.dumps(row[0]) for row in DISPUTED])
def test_rarer_form_is_answered_rightly_or_refused(
    limited: Server, body: dict[str, Any], headers: dict[str, str], reviews: list[str]
) -> None:
    response = post(limited, body, headers=headers)
    if response.status_code == 200:
        assert response.json() == {"outputs" if "inputs" in body else "predictions": predicted(limited, reviews)}
    else:
        error_of(response, 400)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_compressed_body_is_answered_rightly_or_refused(limited: Server, encoding: str) -> None:
    body = json.dumps({"instances": ["superb"]}).encode()
    body = gzip.compress(body) if encoding == "gzip" else body
    url = f"{limited.url}{ROOT}:predict"
    response = httpx.post(url, content=body, headers={"Content-Encoding": encoding})
    if response.status_code == 200:
        assert response.json() == {"predictions": predicted(limited, ["superb"])}
    else:
        error_of(response, 415)
        assert encoding == "gzip"


FAULTS: list[tuple[bytes, tuple[int, ...], str]] = [
    (b"", (400,), ""),
    (b" ", (400,), ""),
    (b"x", (400,), ""),
    (b"null", (400,), ""),
    (b"1", (400,), ""),
    (b'"a"', (400,), ""),
    (b"[]", (400,), ""),
    (b'["a"]', (400,), ""),
    (b"{}", (400,), "instances"),
    (b'{"instances": ["a"]', (400,), ""),
    (b'{"instances": ["a"]} x', (400,), ""),
    (b'{"instances": ["a",]}', (400,), ""),
    (b'{"instances": ["\xff"]}', (400,), ""),
    (b'{"instances": ["\xed\xa0\x80"]}', (400,), ""),
    (b'{"instances": ["a\0"]}', (400,), ""),
    (b'{"instances": ["\\ud800"]}', (400,), ""),
    (b'{"instances": NaN}', (400,), ""),
    (b'{"instances": [NaN]}', (400,), ""),
    (b'{"instances": [1e999]}', (400,), ""),
    (b'{"instances": [%b]}' % (b"9" * 10_000), (400,), ""),
    (b"[" * 10_000, (400,), ""),
    (b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}", (400,), ""),
    (b'{"instances": [' + b'{"text":' * 2000 + b'"a"' + b"}" * 2000 + b"]}", (400,), ""),
    (b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b', "instances": ["a"]}', (200, 400), ""),
    (b'{"instances": null}', (400,), "instances"),
    (b'{"instances": "a"}', (400,), "instances"),
    (b'{"instances": {}}', (400,), "instances"),
    (b'{"instances": {"text": "a"}}', (400,), "instances"),
    (b'{"instances": []}', (400,), "instances"),
    (b'{"instances": [null]}', (400,), "instances"),
    (b'{"instances": [1]}', (400,), "instances"),
    (b'{"instances": [true]}', (400,), "instances"),
    (b'{"instances": ["a", 1]}', (400,), "instances"),
    (b'{"instances": [{}]}', (400,), "instances"),
    (b'{"instances": [{"text": 1}]}', (400,), "instances"),
    (b'{"instances": [{"text": null}]}', (400,), "instances"),
    (b'{"instances": [{"review": "a"}]}', (400,), "instances"),
    (b'{"instances": [{"b64": "###"}]}', (400,), "instances"),
    (b'{"instances": [[]]}', (400,), "instances"),
    (b'{"instances": [["a", "b"]]}', (400,), "instances"),
    (b'{"Instances": ["a"]}', (400,), "instances"),
    (b'{"instances": ["a"], "inputs": ["a"]}', (400,), ""),
    (b'{"inputs": 1}', (400,), ""),
    (b'{"inputs": {"other": ["a"]}}', (400,), ""),
    (b'{"instances": ["a", ""]}', (400,), "blank|text"),
    (b'{"instances": ["\\t "]}', (400,), "blank|text"),
    (json.dumps({"instances": [SECRET] * 9}).encode(), (400,), r"\b8\b.*\b9\b"),
    (json.dumps({"instances": ["a"] * 3000}).encode(), (400,), r"\b8\b.*\b3000\b"),
    (json.dumps({"instances": ["a", SECRET + "a" * 991]}).encode(), (400,), r"\b1000\b.*\b1001\b"),
    (json.dumps({"instances": [{"text": SECRET * 101}]}).encode(), (400,), r"\b1000\b.*\b1010\b"),
    (json.dumps({"instances": [SECRET * 2500]}).encode(), (413,), r"\b20000\b"),
    (b'{"instances": [' + b",".join([b"{}"] * 5000) + b"]}", (400,), ""),
    (b'{"instances": [{%b}]}' % b",".join(b'"%d":1' % number for number in range(1500)), (400,), ""),
]


@PREDICTS
@pytest.mark.parametrize(("body", "statuses", "says"), FAULTS, ids=[row[0][:40].decode("latin-1") for row in FAULTS])
def test_fault_is_answered_with_an_error(
    limited: Server, path: str, body: bytes, statuses: tuple[int, ...], says: str
) -> None:
    response = httpx.post(f"{limited.url}{path}", content=body, headers={"Content-Type": "application/json"})
    if response.status_code != 200 or 200 not in statuses:
        message = error_of(response, *statuses)
        assert re.search(says, message), message
    assert not [line for line in limited.lines if SECRET in line]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{ROOT}:predict", 405),
        ("PUT", f"{ROOT}:predict", 405),
        ("DELETE", f"{ROOT}:predict", 405),
        ("OPTIONS", f"{ROOT}:predict", 405),
        ("GET", f"{VERSIONED}:predict", 405),
        ("POST", ROOT, 405),
        ("POST", VERSIONED, 405),
        ("DELETE", "/v1/models", 405),
        ("POST", f"{ROOT}:classify", 0),
        ("GET", f"{ROOT}:classify", 0),
        ("POST", f"{VERSIONED}:classify", 0),
        ("POST", f"{ROOT}:regress", 0),
        ("GET", f"{ROOT}:explain", 405),
        ("POST", f"{ROOT}/versions/9:explain", 404),
        ("POST", f"{ROOT}:", 0),
        ("POST", f"{ROOT}:predict:predict", 404),
        ("POST", f"{ROOT}:Predict", 0),
        ("POST", f"{ROOT}/versions/9:predict", 404),
        ("POST", f"{ROOT}/versions/:predict", 0),
        ("POST", f"{ROOT}/versions/one:predict", 404),
        ("POST", f"{ROOT}/labels/stable:predict", 404),
        ("POST", "/v1/models/other:predict", 404),
        ("POST", "/v1/models/:predict", 0),
        ("POST", "/v1/models:predict", 404),
        ("GET", "/v1/models/other", 404),
        ("GET", f"{ROOT}/versions/9", 404),
        ("GET", f"{ROOT}/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/models/%ff", 404),
        ("GET", "/v1/models/%2e%2e/x", 404),
    ],
)
def test_wrong_path_or_method_is_answered_with_an_error(server: Server, method: str, path: str, status: int) -> None:
    """0: whether the path or the method is wrong depends on whether the colon is part of a model's name."""
    body = b'{"instances": ["a"]}' if method == "POST" else None
    response = httpx.request(method, f"{server.url}{path}", content=body)
    error_of(response, *([status] if status else [404, 405]))
    if response.status_code == 405:
        assert response.headers["Allow"]


def test_key_opens_and_its_absence_does_not(guarded: Server) -> None:
    body = {"instances": ["superb"]}
    for headers in ({}, {"Authorization": f"Bearer {KEY}x"}):
        for response in (
            get(guarded, "/v1/models", headers=headers),
            get(guarded, ROOT, headers=headers),
            get(guarded, VERSIONED, headers=headers),
            get(guarded, "/v1/models/other", headers=headers),
            post(guarded, body, headers=headers),
            post(guarded, body, f"{VERSIONED}:predict", headers=headers),
            post(guarded, body, "/v1/models/other:predict", headers=headers),
        ):
            assert "Authorization: Bearer" in error_of(response, 401)
            assert response.headers["WWW-Authenticate"] == 'Bearer realm="sentiment"'
    key = {"Authorization": f"Bearer {KEY}"}
    assert get(guarded, ROOT, headers=key).json()["ready"] is True
    assert post(guarded, body, headers=key).json() == {"predictions": predicted(guarded, ["superb"], KEY)}
