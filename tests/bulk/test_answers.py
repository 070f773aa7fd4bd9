"""Scored files have the answers of POST /predict, bit for bit, and reject what it rejects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.progress import Progress

from benchmarks.samples import sample_reviews
from tests.bulk.jobs import prediction_in, reviews, rows_of, succeed, write_csv, write_jsonl
from tests.probabilities import assert_same
from tests.servers import Server, serving

pytestmark = pytest.mark.slow

LIMIT = 1000


@pytest.fixture(scope="module", params=["numpy", "tensorflow"])
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def service(runtime: str) -> Iterator[Server]:
    with serving(runtime=runtime, max_characters=LIMIT) as server:
        yield server


def answers(service: Server, texts: list[str], size: int) -> list[dict[str, Any]]:
    found = []
    for start in range(0, len(texts), size):
        response = httpx.post(f"{service.url}/predict", json={"reviews": texts[start : start + size]}, timeout=60)
        response.raise_for_status()
        found += response.json()["predictions"]
    return found


def test_answers_are_those_of_http(service: Server, runtime: str, tmp_path: Path) -> None:
    texts = reviews(331)
    source = write_csv(tmp_path / "in.csv", texts)
    succeed(source, tmp_path / "out", "--part-rows", 66, runtime=runtime, max_characters=LIMIT)
    succeed(source, tmp_path / "out.csv", "--workers", 1, runtime=runtime, max_characters=LIMIT)
    found = [prediction_in(row) for row in rows_of(tmp_path / "out")]
    assert_same(found, [prediction_in(row) for row in rows_of(tmp_path / "out.csv")])
    assert_same(found, answers(service, texts, 50))
    assert_same(found, answers(service, texts, 1))


def test_answers_for_real_reviews_are_those_of_http(service: Server, runtime: str, imdb: Path, tmp_path: Path) -> None:
    texts = [text for text in sample_reviews([imdb], Progress(disable=True)) if len(text) <= LIMIT][:600]
    source = write_jsonl(tmp_path / "in.jsonl", texts)
    succeed(source, tmp_path / "out.jsonl", runtime=runtime, max_characters=LIMIT)
    assert_same([prediction_in(row) for row in rows_of(tmp_path / "out.jsonl")], answers(service, texts, 48))


@pytest.mark.parametrize("value", ['""', '" \\u00a0\\n"', "null", "7", '["good"]', json.dumps("a " * LIMIT)])
def test_row_that_http_rejects_has_the_same_error(service: Server, value: str, tmp_path: Path) -> None:
    body = f'{{"reviews": [{value}]}}'
    response = httpx.post(f"{service.url}/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    (tmp_path / "in.jsonl").write_text(f'{{"review": "good"}}\n{{"review": {value}}}\n{{"review": "bad"}}\n')
    summary = succeed(tmp_path / "in.jsonl", tmp_path / "out.jsonl", code=3, max_characters=LIMIT)
    assert (summary["rows"], summary["errors"]) == (3, 1)
    first, row, last = rows_of(tmp_path / "out.jsonl")
    assert prediction_in(row) == dict.fromkeys(prediction_in(row))
    assert row["error"] == response.json()["detail"].removeprefix("reviews.0: ").replace(
        "reviews.0 has", "this one has"
    )
    assert first["error"] is last["error"] is None
