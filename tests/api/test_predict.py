"""POST /predict: correct predictions. `test_bad_input.py` has the table of wrong requests."""

import json
from collections.abc import Iterator

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


def test_body_without_length_is_counted_while_it_arrives(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    response = client.post("/predict", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert response.json()["received"] <= 100_000


def test_problems_never_repeat_the_input(client: TestClient) -> None:
    secret = "correct horse battery staple"
    for body in ({"reviews": [{"text": secret}]}, {"reviews": [[secret]]}, {"reviews": secret}):
        assert secret not in client.post("/predict", json=body).text
    assert secret not in client.post("/predict", content=f'{{"reviews": ["{secret}'.encode(), headers=JSON).text
