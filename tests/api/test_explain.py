"""POST /explain: the numbers of `app.model.explanation`, within the limits of the service."""

from dataclasses import asdict
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from app.model.classifier import Classifier
from app.model.explanation import explain
from tests.servers import Server

REVIEWS = ["😀 A superb film, and a moving story!", "Don’t: a dull, boring waste…", "xyzzyx"]
V1 = "/v1/models/tiny:explain"


def explained(client: TestClient, **body: object) -> list[dict[str, Any]]:
    response = client.post("/explain", json=body)
    assert response.status_code == 200, response.text
    explanations: list[dict[str, Any]] = response.json()["explanations"]
    return explanations


def test_explain_returns_the_effects_of_occlusion(client: TestClient, classifier: Classifier) -> None:
    for review, returned in zip(REVIEWS, explained(client, reviews=REVIEWS), strict=True):
        explanation = explain(classifier, review)
        assert [term["terms"] for term in returned["terms"]] == [effect.terms for effect in explanation.terms]
        for term, effect in zip(returned["terms"], explanation.terms, strict=True):
            without = term["positive_probability_without"]
            assert without == pytest.approx(effect.positive_probability_without, abs=1e-6)
            assert term["log_odds"] == pytest.approx(effect.log_odds, abs=1e-4)
            assert term["probability"] == pytest.approx(returned["positive_probability"] - without, abs=1e-9)
            assert term["occurrences"] == list(map(asdict, effect.occurrences))
        assert returned["unknown_words"] == list(map(asdict, explanation.unknown_words))
        assert returned["rest"] == {"terms": 0, "log_odds": 0, "probability": 0}


def test_explain_predicts_as_predict_does(client: TestClient) -> None:
    predictions = client.post("/predict", json={"reviews": REVIEWS}).json()["predictions"]
    for prediction, explanation in zip(predictions, explained(client, reviews=REVIEWS), strict=True):
        assert explanation["positive_probability"] == pytest.approx(prediction["positive_probability"], abs=1e-6)
        for name in ("sentiment", "uncertain", "words", "known_words"):
            assert explanation[name] == prediction[name]


def test_predict_with_explain_lists_the_top_terms_of_explain(client: TestClient) -> None:
    """Also if some requests of a batch ask for them and others do not."""
    predictions = client.post("/predict?explain=2", json={"reviews": REVIEWS * 2}).json()["predictions"]
    for prediction, explanation in zip(predictions, explained(client, reviews=REVIEWS * 2, top=2), strict=True):
        assert len(explanation["terms"]) == min(2, explanation["known_words"])
        for term, other in zip(prediction.pop("terms"), explanation["terms"], strict=True):
            assert set(term) == set(other) - {"occurrences"}
            assert term.pop("terms") == other["terms"]
            assert term == pytest.approx({name: other[name] for name in term})
    assert predictions == client.post("/predict?explain=0", json={"reviews": REVIEWS * 2}).json()["predictions"]
    assert "terms" not in predictions[0]


@pytest.mark.parametrize("explain", ["-1", "21", "two", "\u0665", "9" * 5000])
def test_predict_with_a_wrong_number_of_terms_is_invalid(client: TestClient, explain: str) -> None:
    response = client.post("/predict", params={"explain": explain}, json={"reviews": REVIEWS})
    assert response.status_code == 422
    assert response.json()["detail"] == "explain: Input should be a whole number from 0 to 20"


@pytest.mark.parametrize("top", [0, 1, 3.0, None])
def test_explain_lists_the_top_terms_and_sums_up_the_rest(client: TestClient, top: float | None) -> None:
    (every,) = explained(client, reviews=REVIEWS[:1])
    (some,) = explained(client, reviews=REVIEWS[:1], top=top)
    assert some["terms"] == every["terms"][: None if top is None else int(top)]
    rest = every["terms"][len(some["terms"]) :]
    assert some["rest"]["terms"] == len(rest)
    for name in ("log_odds", "probability"):
        assert some["rest"][name] == pytest.approx(sum(term[name] for term in rest))


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"reviews": ["a"] * 9}, "A request may have at most 8 reviews; this one has 9."),
        ({"reviews": ["a"], "top": -1}, "top: Input should be greater than or equal to 0"),
        ({"reviews": ["a"], "top": 1_000_001}, "top: Input should be less than or equal to 1000000"),
        ({"reviews": ["a"], "top": 1.5}, "top: Input should be a valid integer"),
        ({"reviews": ["a"], "top": True}, "top: Input should be a valid integer"),
    ],
)
def test_explain_rejects_invalid_requests(server: Server, body: dict[str, Any], detail: str) -> None:
    """The server has the default limits: 8 reviews to explain, 128 to predict."""
    response = httpx.post(f"{server.url}/explain", json=body)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].startswith(detail)


def test_explain_of_kserve_returns_the_same_and_rejects_in_its_form(client: TestClient, server: Server) -> None:
    response = client.post(V1, json={"instances": [REVIEWS[0], {"text": REVIEWS[1]}]})
    assert response.json() == {"explanations": explained(client, reviews=REVIEWS[:2])}
    response = httpx.post(f"{server.url}{V1}", json={"instances": ["a"] * 9})
    assert (response.status_code, response.json().keys()) == (400, {"error"})
