"""Fuzz tests: texts for the vocabulary, bodies for POST /predict.

They take some seconds here; `python -m tests.fuzz` runs for longer.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import hypothesis
import numpy as np
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.schemas import PredictResponse, Problem
from app.inference.vocabulary import Encoding, Vocabulary
from tests.inference.test_text import any_text, plainly, with_surrogates

SECONDS = 5.0
"""Per target in a test run."""

EXAMPLES = 100
"""Per round; each round has a seed of its own, so that it can be repeated alone."""

MAX_REVIEWS, MAX_CHARACTERS, MAX_BODY_BYTES = 8, 1000, 20_000
"""Limits of the service under test; the same as those of the fixture `client`."""


@dataclass(frozen=True)
class Target:
    """Something to fuzz.

    Attributes:
        name: For the command line.
        inputs: Generates the input.
        check: Raises if an input is handled wrongly.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]


def fuzz(target: Target, seconds: float, seed: int, progress: Callable[[int], None] = lambda _: None) -> int:
    """Fuzz a target for some time, at least one round.

    Args:
        target: What to fuzz.
        seconds: No round begins after them.
        seed: Of the first round; the next ones count on from it.
        progress: Called after each round with the number of inputs tried so far.

    Returns:
        The number of inputs.

    Raises:
        AssertionError: A finding; so is any other exception. Its notes show the input and how to repeat it.
    """
    tried = 0

    def check(example: Any) -> None:
        nonlocal tried
        tried += 1
        target.check(example)

    deadline = time.monotonic() + seconds
    while True:
        one_round = settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )(given(example=target.inputs)(check))
        try:
            hypothesis.seed(seed)(one_round)()
        except Exception as error:
            error.add_note(f"Repeat it: python -m tests.fuzz {target.name} --seed {seed} --seconds 0")
            raise
        progress(tried)
        seed += 1
        if time.monotonic() >= deadline:
            return tried


# The vocabulary


class Texts(NamedTuple):
    """A vocabulary, and reviews for it."""

    word_index: dict[str, int]
    encoding: Encoding
    reviews: list[str]


WORDS = ["good", "not", "so", "the", "don't", "été", "\ud800", "\U0001f600", "a"]


@st.composite
def texts(draw: st.DrawFn) -> Texts:
    """Any encoding, any terms that it allows, and reviews that hold many of them."""
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


def plain_columns(tokens: list[str], word_index: dict[str, int], encoding: Encoding) -> tuple[list[int], int]:
    """The definition of a row: its columns in order, and the number of known words."""
    columns: list[int] = []
    known: set[int] = set()
    for start in range(len(tokens)):
        for end in range(start + 1, min(start + encoding.longest_term, len(tokens)) + 1):
            column = word_index.get(" ".join(tokens[start:end]))
            if column is not None:
                columns.append(column)
                known.update(range(start, end))
    if encoding.unknown_column is not None and len(known) < len(tokens):
        columns.append(encoding.unknown_column)
    if encoding.start_column is not None:
        columns.append(encoding.start_column)
    return columns, len(known)


def check_vocabulary(given_: Texts) -> None:
    vocabulary = Vocabulary(given_.word_index, given_.encoding)
    rows = vocabulary.encode_batch([vocabulary.tokenise(review) for review in given_.reviews])
    matrix = np.zeros((len(rows), given_.encoding.columns), np.float32)
    for line, row, review in zip(matrix, rows, given_.reviews, strict=True):
        tokens = plainly(review, given_.encoding.kept_punctuation)
        columns, known = plain_columns(tokens, given_.word_index, given_.encoding)
        alone = vocabulary.encode(review)
        for found in (row, alone):
            assert (found.columns.tolist(), found.words, found.known_words) == (columns, len(tokens), known), found
        line[columns] = 1.0
    assert np.array_equal(vocabulary.multi_hot(rows), matrix)


VOCABULARY = Target("vocabulary", texts(), check_vocabulary)


# Bodies


class Sent(NamedTuple):
    """A request to predict."""

    body: bytes
    headers: dict[str, str]


PIECES = [
    *(b'"reviews"', b'["a"]', b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b"null", b"true", b"-0", b"1e999"),
    *(b"NaN", b"-Infinity", b"\\ud800", b"\\udc00", b"\\u0000", b"\0", b"\n", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf"),
    *(b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"[" * 300, b"9" * 5000, b" " * 9000, b"/**/", b"'"),
]
TYPES = [
    *(
        "application/json",
        "application/json; charset=utf-8",
        "application/problem+json",
        "text/plain",
        "",
        "json",
        "a/b",
    ),
    *("application/json; charset=utf-16", "application/json;", ";", "application/json; charset=", "APPLICATION/JSON"),
    *("application/json; a*=x; a*0=y", "application/json; charset*=%00''x", f"application/json; a*{'9' * 4301}=x"),
]
JSON = {"Content-Type": "application/json"}

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


def written(value: Any, ascii_: bool, bom: bool) -> bytes:
    text = json.dumps(value, ensure_ascii=ascii_)
    return b"\xef\xbb\xbf" * bom + text.encode("utf-8", "surrogatepass")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body of which some places are cut out, written over or written again."""
    body = draw(st.builds(written, valid, st.booleans(), st.booleans()))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(start + 20, len(body))))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), st.just(body[start:end] * 2)))
        body = body[:start] + piece + body[end:]
    return body


bodies = st.one_of(
    st.binary(),
    st.builds(written, valid, st.booleans(), st.booleans()),
    st.builds(written, values | nearly_valid, st.booleans(), st.booleans()),
    st.lists(st.sampled_from(PIECES)).map(b"".join),
    mutated(),
)
sent = st.builds(
    Sent,
    bodies,
    st.one_of(
        st.just(JSON),
        st.just(JSON),
        st.fixed_dictionaries(
            {"Content-Type": st.sampled_from(TYPES)},
            optional={"Content-Encoding": st.sampled_from(["identity", "gzip", "", "br"])},
        ),
    ),
)


def understood(body: bytes) -> Any:
    """What Python's own JSON parser makes of a body, or None; where keys are repeated, the last one counts."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def acceptable(body: bytes) -> bool:
    """Whether a body is beyond doubt what the schema says; none with repeated keys is."""
    repeated = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        repeated = repeated or len(dict(items)) < len(items)
        return dict(items)

    if len(body) > MAX_BODY_BYTES or understood(body) is None:
        return False
    value = json.loads(body.decode("utf-8-sig"), object_pairs_hook=pairs)
    if repeated or not isinstance(value, dict) or value.keys() != {"reviews"}:
        return False
    reviews = value["reviews"]
    return (
        isinstance(reviews, list)
        and 1 <= len(reviews) <= MAX_REVIEWS
        and all(isinstance(review, str) and review.strip() and len(review) <= MAX_CHARACTERS for review in reviews)
        and not any("\ud800" <= sign <= "\udfff" for review in reviews for sign in review)
    )


def check_body(client: TestClient, kept: str, request: Sent) -> None:
    response = client.post("/predict", content=request.body, headers=request.headers)
    if response.status_code == 200:
        assert response.headers["Content-Type"] == "application/json"
        answer = PredictResponse.model_validate_json(response.content, strict=True, extra="forbid")
        reviews = understood(request.body)["reviews"]
        assert [prediction.words for prediction in answer.predictions] == [
            len(plainly(review, kept)) for review in reviews
        ]
        return
    assert response.status_code in (413, 415, 422), f"{response.status_code}: {response.text}"
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate_json(response.content, strict=True, extra="forbid")
    assert problem.status == response.status_code
    assert response.headers["X-Request-ID"]
    assert request.headers != JSON or not acceptable(request.body), response.text


def body_target(client: TestClient) -> Target:
    """Bodies for a ready service with the limits above."""
    kept = client.get("/model").json()["encoding"]["kept_punctuation"]
    return Target("body", sent, partial(check_body, client, kept))


def test_vocabulary_of_any_text_follows_the_definition() -> None:
    assert fuzz(VOCABULARY, SECONDS, seed=0) >= EXAMPLES


def test_predict_of_any_body_answers(client: TestClient) -> None:
    assert fuzz(body_target(client), SECONDS, seed=0) >= EXAMPLES
