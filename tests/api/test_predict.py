"""POST /predict: right answers, and an answer to everything else."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.schemas import PredictResponse

GOOD = "A superb, wonderful and moving film. Brilliant!"
BAD = "Awful. Boring, dull and terrible: the worst mess."
JSON = {"Content-Type": "application/json"}


def test_predict_answers_in_order(client: TestClient) -> None:
    response = client.post("/predict", json={"reviews": [GOOD, BAD, GOOD]})
    assert response.status_code == 200
    body = response.json()
    assert body["model"] == {"name": "tiny", "version": "1"}
    first, second, third = body["predictions"]
    assert first == third
    assert first["sentiment"] == "positive"
    assert first["positive_probability"] > 0.5 > second["positive_probability"]
    assert second["sentiment"] == "negative"
    assert first["words"] == 7
    assert 0 < first["known_words"] <= first["words"]


def test_predict_answers_what_its_schema_says(client: TestClient) -> None:
    content = client.post("/predict", json={"reviews": [GOOD, BAD]}).content
    parsed = PredictResponse.model_validate_json(content, strict=True, extra="forbid")
    assert json.loads(parsed.model_dump_json()) == json.loads(content)


def test_predict_of_known_text_counts_unknown_words(client: TestClient) -> None:
    (prediction,) = client.post("/predict", json={"reviews": ["superb xyzzy"]}).json()["predictions"]
    assert (prediction["words"], prediction["known_words"]) == (2, 1)


@pytest.mark.parametrize(
    "review",
    ["!!!", "\u0000", "\U0001f600", "\u202e", "a" * 1000, "\u0301", "<script>", "\u200b", "İ", "0"],
)
def test_predict_of_odd_text_answers(client: TestClient, review: str) -> None:
    response = client.post("/predict", json={"reviews": [review]})
    assert response.status_code == 200
    assert 0 <= response.json()["predictions"][0]["positive_probability"] <= 1


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8", "application/vnd.x+json"],
)
def test_predict_of_json_by_any_name_answers(client: TestClient, content_type: str) -> None:
    body = json.dumps({"reviews": [GOOD]})
    assert client.post("/predict", content=body, headers={"Content-Type": content_type}).status_code == 200


def test_predict_of_utf8_with_byte_order_mark_answers(client: TestClient) -> None:
    body = "\ufeff" + json.dumps({"reviews": [GOOD]})
    assert client.post("/predict", content=body.encode(), headers=JSON).status_code == 200


# name, body, headers, status, problem type, parts of the detail
REJECTED: list[tuple[str, bytes, dict[str, str], int, str, list[str]]] = [
    ("no body", b"", JSON, 422, "invalid-request", ["body"]),
    ("no content type", b"{}", {}, 415, "unsupported-media-type", ["Content-Type: application/json"]),
    ("form", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported-media-type", []),
    ("text", b"good", {"Content-Type": "text/plain"}, 415, "unsupported-media-type", []),
    ("odd type", b"{}", {"Content-Type": "json"}, 415, "unsupported-media-type", []),
    ("charset", b"{}", {"Content-Type": "application/json; charset=latin-1"}, 415, "unsupported-media-type", ["UTF-8"]),
    (
        "gzip",
        gzip.compress(b"{}"),
        JSON | {"Content-Encoding": "gzip"},
        415,
        "unsupported-media-type",
        ["uncompressed"],
    ),
    ("not JSON", b"good film", JSON, 422, "invalid-request", ["Invalid JSON"]),
    ("cut JSON", b'{"reviews": ["good', JSON, 422, "invalid-request", ["Invalid JSON"]),
    ("two JSON", b'{"reviews": ["good"]} {}', JSON, 422, "invalid-request", ["Invalid JSON"]),
    ("NaN", b'{"reviews": [NaN]}', JSON, 422, "invalid-request", ["reviews.0"]),
    ("huge number", b'{"reviews": [1e99999]}', JSON, 422, "invalid-request", ["reviews.0"]),
    ("huge integer", b'{"reviews": [' + b"9" * 9000 + b"]}", JSON, 422, "invalid-request", []),
    ("invalid UTF-8", b'{"reviews": ["\xff\xfe"]}', JSON, 422, "invalid-request", []),
    ("UTF-16", '{"reviews": ["good"]}'.encode("utf-16"), JSON, 422, "invalid-request", []),
    ("lone surrogate", b'{"reviews": ["\\ud800"]}', JSON, 422, "invalid-request", []),
    ("raw surrogate", b'{"reviews": ["\xed\xa0\x80"]}', JSON, 422, "invalid-request", []),
    ("control character", b'{"reviews": ["a\nb"]}', JSON, 422, "invalid-request", []),
    ("deep nesting", b'{"reviews": ' + b"[" * 9000 + b"]" * 9000 + b"}", JSON, 422, "invalid-request", []),
    ("array", b'["good"]', JSON, 422, "invalid-request", ["body"]),
    ("string", b'"good"', JSON, 422, "invalid-request", ["body"]),
    ("null", b"null", JSON, 422, "invalid-request", ["body"]),
    ("empty object", b"{}", JSON, 422, "invalid-request", ["reviews: Field required"]),
    ("no list", b'{"reviews": "good"}', JSON, 422, "invalid-request", ["reviews: Input should be a valid array"]),
    ("null list", b'{"reviews": null}', JSON, 422, "invalid-request", ["reviews"]),
    ("no reviews", b'{"reviews": []}', JSON, 422, "invalid-request", ["reviews", "at least 1"]),
    (
        "number",
        b'{"reviews": ["good", 1]}',
        JSON,
        422,
        "invalid-request",
        ["reviews.1: Input should be a valid string"],
    ),
    ("null review", b'{"reviews": [null]}', JSON, 422, "invalid-request", ["reviews.0"]),
    ("empty review", b'{"reviews": ["good", ""]}', JSON, 422, "invalid-request", ["reviews.1", "blank"]),
    ("blank review", b'{"reviews": [" \\t\\n\\u00a0"]}', JSON, 422, "invalid-request", ["reviews.0", "blank"]),
    ("unknown field", b'{"reviews": ["good"], "x": 1}', JSON, 422, "invalid-request", ["x: Extra inputs"]),
    ("misspelt field", b'{"review": ["good"]}', JSON, 422, "invalid-request", ["reviews: Field required"]),
    ("many", json.dumps({"reviews": ["a"] * 9}).encode(), JSON, 422, "too-many-reviews", ["8 reviews", "has 9"]),
    (
        "long",
        json.dumps({"reviews": ["a", "b" * 1001]}).encode(),
        JSON,
        422,
        "review-too-long",
        ["1000", "reviews.1", "1001"],
    ),
    ("large", b" " * 20_001, JSON, 413, "body-too-large", ["20000", "20001"]),
]


@pytest.mark.parametrize(
    ("body", "headers", "status", "type_", "details"),
    [case[1:] for case in REJECTED],
    ids=[case[0] for case in REJECTED],
)
def test_predict_of_bad_input_explains(
    client: TestClient, body: bytes, headers: dict[str, str], status: int, type_: str, details: list[str]
) -> None:
    response = client.post("/predict", content=body, headers=headers)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"urn:problem-type:sentiment:{type_}"
    assert problem["status"] == status
    assert problem["title"]
    for detail in details:
        assert detail in problem["detail"]
    assert len(response.content) < 2000


def test_limits_name_value_and_received(client: TestClient) -> None:
    def problem(body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = client.post("/predict", json=body).json()
        return answer

    assert problem({"reviews": ["a"] * 9}).items() >= {"limit": 8, "received": 9}.items()
    assert problem({"reviews": ["a", "b" * 1001]}).items() >= {"limit": 1000, "received": 1001, "index": 1}.items()
    assert problem({"reviews": ["b" * 30_000]}).items() >= {"limit": 20_000, "received": 30_016}.items()


def test_limits_themselves_are_allowed(client: TestClient) -> None:
    assert client.post("/predict", json={"reviews": ["a" * 1000] * 8}).status_code == 200
    body = json.dumps({"reviews": ["a"]}).encode()
    padded = body + b" " * (20_000 - len(body))
    assert client.post("/predict", content=padded, headers=JSON).status_code == 200


def test_body_without_length_is_counted_while_it_arrives(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    response = client.post("/predict", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert response.json()["received"] <= 100_000


def test_many_wrong_items_get_a_short_answer(client: TestClient) -> None:
    response = client.post("/predict", content=b'{"reviews": [' + b"1," * 9000 + b"1]}", headers=JSON)
    assert response.status_code == 422
    assert len(response.json()["errors"]) == 1


def test_problems_never_repeat_the_input(client: TestClient) -> None:
    secret = "correct horse battery staple"
    for body in ({"reviews": [{"text": secret}]}, {"reviews": [[secret]]}, {"reviews": secret}):
        assert secret not in client.post("/predict", json=body).text
    assert secret not in client.post("/predict", content=f'{{"reviews": ["{secret}'.encode(), headers=JSON).text
