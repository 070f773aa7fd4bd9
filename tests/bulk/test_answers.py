"""Scored files have the answers of POST /predict, and reject what it rejects."""

import json
from pathlib import Path

import httpx
import pytest

from tests.bulk.jobs import prediction_in, reviews, rows_of, succeed, write_csv
from tests.probabilities import assert_same
from tests.servers import Server

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("service", "runtime"), [("limited", "numpy"), ("server", "tensorflow")])
def test_answers_are_those_of_http(
    service: str, runtime: str, models: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    texts = reviews(40)
    source, output = write_csv(tmp_path / "in.csv", texts), tmp_path / "out"
    succeed(source, output, "--part-rows", 33, "--workers", 1, runtime=runtime, model_dir=models)
    url = f"{request.getfixturevalue(service).url}/predict"
    answers = [httpx.post(url, json={"reviews": texts[start : start + 8]}).json() for start in range(0, 40, 8)]
    expected = [prediction for answer in answers for prediction in answer["predictions"]]
    assert_same([prediction_in(row) for row in rows_of(output)], expected)


def test_row_that_http_rejects_has_the_same_error(limited: Server, models: Path, tmp_path: Path) -> None:
    values = ['""', '" \\u00a0\\n"', "null", "7", '["good"]', json.dumps("a " * 501)]
    lines = [f'{{"review": {value}}}\n' for value in ['"good"', *values, '"bad"']]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    output = tmp_path / "out.jsonl"
    summary = succeed(tmp_path / "in.jsonl", output, code=3, model_dir=models, max_characters=1000)
    assert (summary["rows"], summary["errors"]) == (len(values) + 2, len(values))
    first, *rows, last = rows_of(output)
    assert first["error"] is last["error"] is None
    for value, row in zip(values, rows, strict=True):
        body, headers = f'{{"reviews": [{value}]}}', {"Content-Type": "application/json"}
        response = httpx.post(f"{limited.url}/predict", content=body, headers=headers)
        assert response.status_code == 422
        detail = response.json()["detail"].removeprefix("reviews.0: ")
        assert row["error"] == detail.replace("reviews.0 has", "this one has")
        assert set(prediction_in(row).values()) == {None}
