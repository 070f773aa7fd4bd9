"""POST /explain: the numbers of `app.inference.explanation`, within the limits of the service."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from app.inference.classifier import Classifier
from app.inference.explanation import Occlusion
from tests.scraping import number, scrape
from tests.servers import Server, serving

REVIEWS = ["A superb film, and a moving story! 😀", "Don’t: a dull, boring waste…", "xyzzyx"]
V1 = "/v1/models/tiny:explain"


def explained(client: TestClient, **body: object) -> list[dict[str, Any]]:
    response = client.post("/explain", json=body)
    assert response.status_code == 200, response.text
    explanations: list[dict[str, Any]] = response.json()["explanations"]
    return explanations


def test_explain_returns_the_effects_of_occlusion(client: TestClient, classifier: Classifier) -> None:
    for review, said in zip(REVIEWS, explained(client, reviews=REVIEWS), strict=True):
        occlusion = Occlusion(classifier.vocabulary, review)
        explanation = occlusion.explanation(classifier.predict_rows(list(occlusion.rows())))
        terms = {effect.term: effect for effect in explanation.effects}
        assert {term["term"] for term in said["terms"]} == terms.keys()
        for term in said["terms"]:
            effect = terms[term["term"]]
            without = term["positive_probability_without"]
            assert without == pytest.approx(effect.positive_probability_without, abs=1e-6)
            assert term["log_odds"] == pytest.approx(effect.log_odds, abs=1e-4)
            assert term["probability"] == pytest.approx(said["positive_probability"] - without, abs=1e-9)
            assert [(span["start"], span["end"]) for span in term["occurrences"]] == list(effect.occurrences)
        assert [(span["start"], span["end"]) for span in said["unknown_words"]] == list(explanation.unknown_words)
        assert said["rest"] == {"terms": 0, "log_odds": 0, "probability": 0}


def test_explain_predicts_as_predict_does(client: TestClient) -> None:
    predictions = client.post("/predict", json={"reviews": REVIEWS}).json()["predictions"]
    for prediction, explanation in zip(predictions, explained(client, reviews=REVIEWS), strict=True):
        assert explanation["positive_probability"] == pytest.approx(prediction["positive_probability"], abs=1e-6)
        for name in ("sentiment", "words", "known_words"):
            assert explanation[name] == prediction[name]


@pytest.mark.parametrize("top", [0, 1, 3.0, 1_000_000, None])
def test_explain_lists_the_largest_and_sums_up_the_rest(client: TestClient, top: float | None) -> None:
    (every,) = explained(client, reviews=REVIEWS[:1])
    (some,) = explained(client, reviews=REVIEWS[:1], top=top)
    assert some["terms"] == every["terms"][: None if top is None else int(top)]
    rest = every["terms"][len(some["terms"]) :]
    assert some["rest"]["terms"] == len(rest)
    for name in ("log_odds", "probability"):
        assert some["rest"][name] == pytest.approx(sum(term[name] for term in rest))


def test_explain_of_kserve_returns_the_same(client: TestClient) -> None:
    response = client.post(V1, json={"instances": [REVIEWS[0], {"text": REVIEWS[1]}]})
    assert response.json() == {"explanations": explained(client, reviews=REVIEWS[:2])}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"reviews": ["a"] * 9}, "A request may have at most 8 reviews; this one has 9."),
        ({"reviews": ["a" * 1001]}, "A review may have at most 1000 characters; reviews.0 has 1001."),
        ({"reviews": [" "]}, "reviews.0: A review must contain text; this one is blank"),
        ({"reviews": ["a"], "top": -1}, "top: Input should be greater than or equal to 0"),
        ({"reviews": ["a"], "top": "many"}, "top: Input should be a valid integer"),
        ({"reviews": ["a"], "top": 1_000_001}, "top: Input should be less than or equal to 1000000"),
        ({"reviews": ["a"], "top": 1.5}, "top: Input should be a valid integer"),
        ({"reviews": ["a"], "top": "3"}, "top: Input should be a valid integer"),
        ({"reviews": ["a"], "top": True}, "top: Input should be a valid integer"),
        ({"reviews": ["a"], "tops": 1}, "tops: Extra inputs are not permitted"),
        ({"top": 1}, "reviews: Field required"),
    ],
)
def test_explain_rejects_invalid_requests(client: TestClient, body: dict[str, Any], detail: str) -> None:
    response = client.post("/explain", json=body)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].startswith(detail)


def test_explain_of_kserve_rejects_in_its_form(client: TestClient) -> None:
    response = client.post(V1, json={"instances": ["a"] * 9})
    assert response.status_code == 400
    assert response.json().keys() == {"error"}
    assert client.get(V1).status_code == 405


def test_explanations_are_counted_apart_from_predictions(models: Path) -> None:
    with serving(model_dir=models, runtime="litert", max_explained=4) as server:
        assert httpx.post(f"{server.url}/explain", json={"reviews": ["superb"] * 4}).status_code == 200
        assert httpx.post(f"{server.url}/explain", json={"reviews": ["superb"] * 5}).status_code == 422
        numbers = scrape(server.url)
    assert (number(numbers, "explained_reviews_total"), number(numbers, "reviews_total")) == (4, 0)
    for status in ("200", "422"):
        assert number(numbers, "http_requests_total", method="POST", route="/explain", status=status) == 1


def test_explanation_that_takes_too_long_is_answered_504(models: Path) -> None:
    with serving(model_dir=models, runtime="litert", deadline=0.001) as server:
        response = httpx.post(f"{server.url}/explain", json={"reviews": ["superb and moving " * 2000] * 8})
        assert response.status_code == 504
        assert response.json()["type"] == "urn:problem-type:sentiment:deadline-exceeded"


def test_explain_counts_code_points(server: Server) -> None:
    review = "👩‍👧 superb"
    (explanation,) = httpx.post(f"{server.url}/explain", json={"reviews": [review]}).json()["explanations"]
    (span,) = next(term for term in explanation["terms"] if term["term"] == "superb")["occurrences"]
    assert review[span["start"] : span["end"]] == "superb"
