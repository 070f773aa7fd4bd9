"""Fuzz tests: reviews for the vocabulary, and bodies for POST /predict and its counterparts in other protocols.

The examples are the same in each run. FUZZ_EXAMPLES=100000 tries that many others per test:

    FUZZ_EXAMPLES=100000 .venv/bin/python -m pytest tests/fuzz
"""

import gzip
import json
import os
from typing import Any, NamedTuple

import httpx
import numpy as np
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.schemas import PredictResponse, Problem
from app.inference.vocabulary import Encoding, Vocabulary
from tests.inference.test_text import any_text, plainly, with_surrogates
from tests.inference.test_vocabulary import defined_columns

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
fuzz = settings(
    max_examples=int(EXAMPLES or "500"),
    derandomize=EXAMPLES is None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

MAX_REVIEWS, MAX_CHARACTERS, MAX_BODY_BYTES = 8, 1000, 20_000
"""The limits of the fixture `client`."""


class Texts(NamedTuple):
    """A vocabulary, and reviews for it."""

    word_index: dict[str, int]
    encoding: Encoding
    reviews: list[str]


WORDS = ["good", "not", "so", "the", "don't", "été", "\ud800", "\U0001f600", "a"]


@st.composite
def texts(draw: st.DrawFn) -> Texts:
    """Any encoding, any terms that it allows, and reviews that contain many of them."""
    kept = draw(st.sampled_from(["", "!", "!?"]))
    longest = draw(st.integers(1, 4))
    tokens = [*WORDS, *kept, *plainly(draw(any_text), kept)]
    terms = draw(st.lists(st.lists(st.sampled_from(tokens), min_size=1, max_size=longest).map(" ".join), unique=True))
    reserved = draw(st.integers(0, 4))
    columns = range(reserved, reserved + len(terms) + draw(st.integers(1, 3)))
    own = st.none() | st.sampled_from(range(reserved)) if reserved else st.none()
    encoding = Encoding(
        columns=columns.stop,
        start_column=draw(own),
        unknown_column=draw(own),
        first_term_column=reserved,
        longest_term=longest,
        kept_punctuation=kept,
    )
    part = st.sampled_from([*tokens, *terms]) | any_text | with_surrogates
    between = draw(st.sampled_from([" ", "", "!", "\u2014", "\u00a0\n"]))
    reviews = draw(st.lists(st.lists(part).map(between.join), max_size=4))
    return Texts(dict(zip(terms, draw(st.permutations(columns)), strict=False)), encoding, reviews)


@fuzz
@given(texts())
def test_vocabulary_of_any_text_follows_the_definition(case: Texts) -> None:
    vocabulary = Vocabulary(case.word_index, case.encoding)
    rows = vocabulary.encode_batch([vocabulary.clean(review) for review in case.reviews])
    matrix = np.zeros((len(rows), case.encoding.columns), np.float32)
    for line, row, review in zip(matrix, rows, case.reviews, strict=True):
        tokens = plainly(review, case.encoding.kept_punctuation)
        columns, known = defined_columns(tokens, case.word_index, case.encoding)
        for found in (row, vocabulary.encode(review)):
            assert (found.columns.tolist(), found.words, found.known_words) == (columns, len(tokens), known)
        line[columns] = 1.0
    assert np.array_equal(vocabulary.multi_hot(rows), matrix)


PIECES = [
    *(b'"reviews"', b'["a"]', b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b"null", b"true", b"-0", b"1e999"),
    *(b"NaN", b"-Infinity", b"\\ud800", b"\\udc00", b"\\u0000", b"\0", b"\n", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf"),
    *(b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"[" * 300, b"9" * 5000, b" " * 9000, b"\xff\xff\xff\xff", b"'"),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | with_surrogates,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("reviews"), inner),
    max_leaves=20,
)
odd_reviews = st.one_of(st.text(), any_text, st.sampled_from(["a" * 1001, " ", "\x1d", "\ud800"]))
good_reviews = st.one_of(st.text(min_size=1), any_text, st.sampled_from(["a" * 1000, "good film", "\ufeff"])).filter(
    lambda review: review.strip()
)
valid = st.fixed_dictionaries({"reviews": st.lists(good_reviews, min_size=1, max_size=MAX_REVIEWS)})
nearly_valid = st.fixed_dictionaries(
    {"reviews": st.lists(good_reviews | odd_reviews, max_size=MAX_REVIEWS + 1) | values}, optional={"stars": values}
)


def serialized(value: Any, ascii_: bool, bom: bool) -> bytes:
    return b"\xef\xbb\xbf" * bom + json.dumps(value, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")


@st.composite
def mutated(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """A body in which some places are removed, replaced or repeated."""
    body = draw(bodies)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(start + 20, len(body))))
        same_length = st.binary(min_size=end - start, max_size=end - start)
        piece = draw(
            st.one_of(st.sampled_from(PIECES), same_length, st.binary(max_size=4), st.just(body[start:end] * 2))
        )
        body = body[:start] + piece + body[end:]
    return body


valid_bodies = st.builds(serialized, valid, st.booleans(), st.booleans())
other_bodies = st.one_of(
    st.binary(),
    st.builds(serialized, values | nearly_valid, st.booleans(), st.booleans()),
    st.lists(st.sampled_from(PIECES)).map(b"".join),
    mutated(valid_bodies),
)
TYPES = [
    *("application/json", "application/problem+json", "APPLICATION/JSON;", "text/plain", "", ";"),
    *("application/json; charset=utf-16", "application/json; charset=", "application/json; a*=x; a*0=y"),
]
headers = st.fixed_dictionaries(
    {"Content-Type": st.sampled_from(TYPES)},
    optional={"Content-Encoding": st.sampled_from(["identity", "gzip", "", "br"])},
)
JSON = {"Content-Type": "application/json"}


def check_error(response: httpx.Response) -> None:
    assert response.status_code in (413, 415, 422), f"{response.status_code}: {response.text}"
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate_json(response.content, strict=True, extra="forbid")
    assert problem.status == response.status_code


@fuzz
@given(valid_bodies)
def test_predict_of_any_valid_body_answers(client: TestClient, body: bytes) -> None:
    response = client.post("/predict", content=body, headers=JSON)
    if len(body) > MAX_BODY_BYTES or any(len(review) > MAX_CHARACTERS for review in reviews_in(body)):
        check_error(response)
    else:
        assert response.status_code == 200, response.text


@fuzz
@given(valid_bodies | other_bodies, st.just(JSON) | headers)
def test_predict_of_any_body_answers_or_rejects(client: TestClient, body: bytes, headers: dict[str, str]) -> None:
    response = client.post("/predict", content=body, headers=headers)
    if response.status_code != 200:
        check_error(response)
        return
    answer = PredictResponse.model_validate_json(response.content, strict=True, extra="forbid")
    kept = client.get("/model").json()["encoding"]["kept_punctuation"]
    words = [len(plainly(review, kept)) for review in reviews_in(body)]
    assert [prediction.words for prediction in answer.predictions] == words


def reviews_in(body: bytes) -> list[str]:
    reviews: list[str] = json.loads(body.decode("utf-8-sig"))["reviews"]
    return reviews


@fuzz
@given(valid_bodies | other_bodies)
def test_predict_instances_of_any_body_answers_or_rejects(client: TestClient, body: bytes) -> None:
    body = body.replace(b'"reviews"', b'"instances"')
    response = client.post("/v1/models/tiny:predict", content=body)
    if response.status_code == 200:
        instances = json.loads(body.decode("utf-8-sig"))["instances"]
        assert len(response.json()["predictions"]) == len(instances)
    else:
        check_protocol_error(response)


def check_protocol_error(response: httpx.Response) -> None:
    assert response.status_code in (400, 413), f"{response.status_code}: {response.text}"
    assert response.json().keys() == {"error"}


REVIEWS = ["A superb film", "très “charming”"]
ELEMENTS = b"".join(len(review.encode()).to_bytes(4, "little") + review.encode() for review in REVIEWS)


def tensor(elements: bytes | None) -> tuple[bytes, int]:
    """A request of the Open Inference Protocol, with binary elements or without, and the length of its JSON."""
    reviews = {"data": REVIEWS} if elements is None else {"parameters": {"binary_data_size": len(elements)}}
    head = json.dumps({"id": "x", "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", **reviews}]}).encode()
    return head + (elements or b""), len(head)


@fuzz
@given(st.data(), st.none() | st.just(ELEMENTS) | mutated(st.just(ELEMENTS)), st.booleans())
def test_infer_of_any_body_answers_or_rejects(
    client: TestClient, data: st.DataObject, elements: bytes | None, zipped: bool
) -> None:
    valid, length = tensor(elements)
    body = data.draw(st.just(valid) | mutated(st.just(valid)))
    header = data.draw(st.sampled_from([length, length + len(body) - len(valid)]))
    headers = {} if elements is None else {"Inference-Header-Content-Length": str(header)}
    if zipped:
        headers["Content-Encoding"] = "gzip"
        compressed = st.just(gzip.compress(body, mtime=0))
        body = data.draw(compressed | mutated(compressed))
    response = client.post("/v2/models/tiny/infer", content=body, headers=headers)
    if response.status_code == 200:
        assert response.json()["outputs"][0]["data"]
    else:
        check_protocol_error(response)
