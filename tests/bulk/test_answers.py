"""Scored files say what POST /predict says, to the last bit, and refuse what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.progress import Progress

from benchmarks.samples import sample_reviews
from tests.bulk.jobs import bad, prediction_of, reviews, scored, succeed, write_csv, write_jsonl
from tests.servers import Server, serving

LIMIT = 1000


@pytest.fixture(scope="module", params=["litert", "tensorflow"])
def service(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(runtime=request.param, max_characters=LIMIT) as server:
        server.lines.append(request.param)
        yield server


@pytest.fixture
def runtime(service: Server) -> str:
    return next(line for line in service.lines if line in ("litert", "tensorflow"))


def asked(service: Server, texts: list[str], size: int) -> list[dict[str, Any]]:
    answers = []
    for start in range(0, len(texts), size):
        response = httpx.post(f"{service.url}/predict", json={"reviews": texts[start : start + size]}, timeout=60)
        response.raise_for_status()
        answers += response.json()["predictions"]
    return answers


def test_scores_are_those_of_http_to_the_last_bit(service: Server, runtime: str, tmp_path: Path) -> None:
    texts = reviews(331)
    write_csv(tmp_path / "in.csv", texts)
    succeed(tmp_path / "in.csv", tmp_path / "out", "--chunk-rows", 66, runtime=runtime, max_characters=LIMIT)
    found = [prediction_of(row) for row in scored(tmp_path / "out")]
    assert found == asked(service, texts, 50)
    assert found == asked(service, texts, 1)


def test_scores_of_real_reviews_are_those_of_http(service: Server, runtime: str, imdb: Path, tmp_path: Path) -> None:
    texts = [text for text in sample_reviews([imdb], Progress(disable=True)) if len(text) <= LIMIT][:600]
    write_jsonl(tmp_path / "in.jsonl", texts)
    succeed(tmp_path / "in.jsonl", tmp_path / "out", "--chunk-rows", 129, runtime=runtime, max_characters=LIMIT)
    assert [prediction_of(row) for row in scored(tmp_path / "out")] == asked(service, texts, 48)


def test_scores_do_not_depend_on_how_a_job_is_cut(runtime: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", reviews(130))
    answers = []
    for rows in (1, 7, 64, 1000):
        succeed(tmp_path / "in.csv", tmp_path / f"out{rows}", "--chunk-rows", rows, "--workers", 1, runtime=runtime)
        answers.append([prediction_of(row) for row in scored(tmp_path / f"out{rows}")])
    assert all(answer == answers[0] for answer in answers)


UNFIT = {
    "empty": '""',
    "blank": '" \\u00a0\\n"',
    "null": "null",
    "a number": "7",
    "a list": '["good"]',
    "too long": json.dumps("a " * LIMIT),
    "a lone surrogate": '"\\ud800 good"',
    "not a number": "NaN",
    "infinite": "-Infinity",
    "no JSON": "good",
    "nested without end": "[" * 1000,
}


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
def test_what_http_refuses_is_a_bad_row_with_the_same_reason(service: Server, value: str, tmp_path: Path) -> None:
    body = f'{{"reviews": [{value}]}}'
    response = httpx.post(f"{service.url}/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    (tmp_path / "in.jsonl").write_text(f'{{"review": "A good film"}}\n{{"review": {value}}}\n{{"review": "Bad"}}\n')
    succeed(tmp_path / "in.jsonl", tmp_path / "out", code=3, max_characters=LIMIT)
    assert [row["source_row"] for row in scored(tmp_path / "out")] == [0, 2]
    (row,) = bad(tmp_path / "out")
    assert (row["file"], row["row"], row["line"]) == ("in.jsonl", 1, 2)
    assert row["raw"] == f'{{"review": {value}}}'
    said = response.json()["detail"].removeprefix("body: ").removeprefix("reviews.0: ")
    # Where in the body it is has no meaning for a file.
    same = row["reason"].split(" at line")[0].replace("this one has", "reviews.0 has")
    assert same == said.split(" at line")[0]


def test_bytes_that_are_no_text_are_a_bad_row(service: Server, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b'{"review": "good"}\n{"review": "caf\xe9"}\n')
    succeed(tmp_path / "in.jsonl", tmp_path / "out", code=3)
    (row,) = bad(tmp_path / "out")
    response = httpx.post(
        f"{service.url}/predict", content=b'{"reviews": ["caf\xe9"]}', headers={"Content-Type": "application/json"}
    )
    assert row["reason"].split(" at line")[0] == response.json()["detail"].removeprefix("body: ").split(" at line")[0]
    assert row["raw_base64"]


def test_row_without_the_field_is_a_bad_row(service: Server, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"review": "good"}\n{"id": 1}\n[1]\n')
    succeed(tmp_path / "in.jsonl", tmp_path / "out", code=3)
    bodies: tuple[object, ...] = ({}, [1])
    answers = [httpx.post(f"{service.url}/predict", json=body).json()["detail"] for body in bodies]
    said = [answer.removeprefix("body: ").replace("reviews", "review") for answer in answers]
    assert [row["reason"] for row in bad(tmp_path / "out")] == said
