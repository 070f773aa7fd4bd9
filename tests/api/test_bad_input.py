"""Bad input, and input that only looks bad, with the exact responses of the real server.

uvicorn rejects what is not HTTP with a plain-text 400; only what docs/reference/service.md says about that is tested.
The slow tests run what depends on the parser with the other one as well, and `DIFFERENCES` shows where it differs.
After each case the server must answer a good request, on the same connection unless it closed that, so that no part of
a bad request is taken for the next one. Its log must have no errors and no review text.
"""

import gzip
import json
import secrets
import zlib
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from tests.raw_http import PARSERS, Answer, chunked, connected, post, request
from tests.servers import Server, serving

SECRET = "Xyzzyplugh"
"""A word of every review that is sent, and of nothing else."""
GOOD = json.dumps({"reviews": [f"{SECRET} good film"]}).encode()
ZIPPED = gzip.compress(GOOD)
HOST = "Host: x"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
EMOJI = "\U0001f600"

Case = tuple[str, bytes, Any]
"""Name, request and expectation: a problem, the number of words of each prediction, or NOT_HTTP."""
NOT_HTTP = 400


def encoded(encoding: str, body: bytes) -> bytes:
    return post(body, f"Content-Encoding: {encoding}")


def post_chunked(body: bytes, *headers: str) -> bytes:
    return request("POST /predict HTTP/1.1", HOST, JSON, *(headers or [CHUNKED]), body=body)


def get(target: str, method: str = "GET") -> bytes:
    return request(f"{method} {target} HTTP/1.1", HOST)


def reviews(*texts: Any, **fields: Any) -> bytes:
    return post(json.dumps({"reviews": texts, **fields}).encode())


def problem(status: int, type_: str, detail: str, **members: Any) -> dict[str, Any]:
    title = type_.replace("-", " ").capitalize()
    return {"type": f"/problems/{type_}", "title": title, "status": status, "detail": detail, **members}


def invalid(location: str, message: str, pointer: str | None = None) -> dict[str, Any]:
    errors = [{"location": location, "message": message} | ({"pointer": pointer} if pointer else {})]
    return problem(422, "invalid-request", f"{location}: {message}", errors=errors)


def invalid_field(name: str, message: str) -> dict[str, Any]:
    return invalid(name, message, f"#/{name.replace('.', '/')}")


def not_complete(encoding: str) -> dict[str, Any]:
    return invalid("body", f"The Content-Encoding is {encoding}, but the body is not complete and valid {encoding}")


def not_json(reason: str) -> dict[str, Any]:
    return invalid("body", f"Invalid JSON: {reason}")


def too_large(received: int) -> dict[str, Any]:
    limit = f"The body may have at most 20000 bytes; this one has {received} or more."
    detail = f"{limit} Send the reviews in several requests."
    return problem(413, "body-too-large", detail, limit=20_000, received=received)


def too_many(received: int) -> dict[str, Any]:
    detail = f"A request may have at most 8 reviews; this one has {received}. Send them in several requests."
    return problem(422, "too-many-reviews", detail, limit=8, received=received)


def too_long(index: int, received: int) -> dict[str, Any]:
    detail = f"A review may have at most 1000 characters; reviews.{index} has {received}. Shorten or split it."
    return problem(422, "review-too-long", detail, limit=1000, received=received, index=index)


def unsupported(detail: str) -> dict[str, Any]:
    return problem(415, "unsupported-media-type", detail)


NO_JSON = unsupported("Send JSON in UTF-8 with the header Content-Type: application/json.")
WRONG_ENCODING = unsupported("Send the body with the Content-Encoding gzip or deflate, or uncompressed.")
WRONG_TRANSFER = unsupported(
    "Send the body with a Content-Length or Transfer-Encoding: chunked; a Content-Encoding may compress it."
)
NOT_FOUND = problem(404, "not-found", "There is nothing at this path. The API documentation lists the paths.")
WRONG_METHOD = problem(405, "method-not-allowed", "This path does not support this method; see the Allow header.")
NO_VALUE = not_json("expected value at line 1 column 1")
NO_STRING = "Input should be a valid string"
BLANK = "A review must contain text; this one is blank"
EXTRA = "Extra inputs are not permitted"

BODIES: list[Case] = [
    ("largest body", post(GOOD.ljust(20_000)), [3]),
    ("body too large", post(GOOD.ljust(20_001)), too_large(20_001)),
    ("no content type", post(GOOD).replace(f"{JSON}\r\n".encode(), b""), NO_JSON),
    ("charset", post(GOOD, content_type='Application/JSON ;Charset="UTF-8"'), [3]),
    ("kind of JSON", post(GOOD, content_type="application/vnd.x+json; charset=us-ascii"), [3]),
    ("text/json", post(GOOD, content_type="text/json"), NO_JSON),
    ("two types", post(GOOD, content_type="application/json, application/json"), NO_JSON),
    ("other charset", post(GOOD, content_type="application/json; charset=utf-16"), NO_JSON),
    ("slow content type", post(GOOD, content_type="application/json" + " ; " * 5000 + "x"), NO_JSON),
    ("gzip", encoded("GZIP", ZIPPED), [3]),
    ("x-gzip", encoded("x-gzip", ZIPPED), [3]),
    ("deflate", encoded("deflate", zlib.compress(GOOD)), [3]),
    ("largest decompressed body", encoded("gzip", gzip.compress(GOOD.ljust(20_000))), [3]),
    ("decompressed body too large", encoded("gzip", gzip.compress(GOOD.ljust(20_001))), too_large(20_001)),
    ("compressed body too large", encoded("gzip", ZIPPED.ljust(20_001)), too_large(20_001)),
    ("not gzip", encoded("gzip", GOOD), not_complete("gzip")),
    ("gzip cut", encoded("gzip", ZIPPED[:-1]), not_complete("gzip")),
    ("gzip with a wrong checksum", encoded("gzip", ZIPPED[:-8] + bytes(8)), not_complete("gzip")),
    ("garbage after gzip", encoded("x-gzip", ZIPPED + GOOD), not_complete("gzip")),
    ("members of gzip", encoded("gzip", gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:])), [3]),
    ("members of gzip, cut", encoded("gzip", ZIPPED + gzip.compress(b"")[:-1]), not_complete("gzip")),
    ("members of gzip, too large", encoded("gzip", gzip.compress(b" " * 20_000) + ZIPPED), too_large(20_001)),
    ("empty body as gzip", encoded("gzip", b""), not_complete("gzip")),
    ("brotli", encoded("br", b"\x0b\x02\x80{}\x03"), WRONG_ENCODING),
    ("encodings in two lines", post(GOOD, "Content-Encoding: br", "Content-Encoding: identity"), WRONG_ENCODING),
]

TEXTS: list[Case] = [
    ("no body", post(b""), not_json("EOF while parsing a value at line 1 column 0")),
    ("invalid UTF-8", post(b'{"reviews": ["\xff"]}'), not_json("invalid unicode code point at line 1 column 15")),
    ("UTF-16", post(GOOD.decode().encode("utf-16")), NO_VALUE),
    ("byte order mark", post(b"\xef\xbb\xbf" + GOOD), [3]),
    ("NUL, escaped", reviews("go\0d"), [1]),
    ("high surrogate", post(b'{"reviews": ["\\ud800"]}'), not_json("unexpected end of hex escape at line 1 column 21")),
    ("10,000 nested arrays", post(b"[" * 10_000), not_json("recursion limit exceeded at line 1 column 202")),
    ("not JSON", post(SECRET.encode()), NO_VALUE),
    ("10,000 digits", post(b"9" * 10_000), not_json("number out of range at line 1 column 4302")),
    ("NaN", post(b'{"reviews": [NaN]}'), invalid_field("reviews.0", NO_STRING)),
    ("duplicate key, the last one counts", post(b'{"reviews": [1], "reviews": ["good film"]}'), [2]),
    ("null", post(b"null"), invalid("body", "Input should be an object")),
    ("no field", post(b"{}"), invalid_field("reviews", "Field required")),
    ("no reviews", reviews(), invalid_field("reviews", "List should have at least 1 item after validation, not 0")),
    ("number as a review", reviews(SECRET, 1.5), invalid_field("reviews.1", NO_STRING)),
    ("unknown field", reviews("good", stars=5), invalid_field("stars", EXTRA)),
    ("field to escape", reviews("good", **{"a/b~c.é": 1}), invalid("a/b~c.é", EXTRA, "#/a~1b~0c.%C3%A9")),
    ("field of a long name", reviews("good", **{"a" * 5000: 1}), invalid(f"{'a' * 100}…", EXTRA)),
    ("many unknown fields", reviews(SECRET, **{f"a{i}": i for i in range(900)}), invalid_field("a0", EXTRA)),
    ("many invalid reviews", reviews(*[1] * 6000), invalid_field("reviews.0", NO_STRING)),
    ("empty review", reviews("good", ""), invalid_field("reviews.1", BLANK)),
    ("blank review", reviews(SPACES), invalid_field("reviews.0", BLANK)),
    ("not blank, but without words", reviews("...", "\u200b", "\ufeff"), [0, 1, 1]),
    ("markup, emoji, right to left", reviews("<b>", EMOJI, "\u202eab"), [1, 1, 1]),
    ("as many and as long as allowed", reviews(EMOJI * 1000, *[SECRET] * 7), [1] * 8),
    ("one review too many", reviews(*[SECRET] * 9), too_many(9)),
    ("review too long", reviews(SECRET, EMOJI * 1001), too_long(1, 1001)),
    ("too long and too many", reviews(*["a" * 1001] * 9), too_many(9)),
]

PATHS: list[Case] = [
    *((path, post(GOOD, target=path), NOT_FOUND) for path in ("//predict", "/predict%00", "/health/../predict")),
    ("encoded path", post(GOOD, target="/%70redict?a=%ff&&=#x"), [3]),
    ("wrong method", get("/predict", "DELETE"), WRONG_METHOD),
    ("..", get("/docs/assets/../../main.py"), NOT_FOUND),
    (".., encoded", get("/docs/assets/..%2f..%2f__init__.py"), NOT_FOUND),
    (".. below a report", get("/playground/report/1/..%2f..%2fmanifest.json"), NOT_FOUND),
    ("asset with NUL and invalid UTF-8", get("/docs/assets/a%00%ff%ed%a0%80"), NOT_FOUND),
    ("asset with a long name", get(f"/docs/assets/{'a' * 5000}"), NOT_FOUND),
]

UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk")

HTTP: list[Case] = [
    ("largest chunked body", post_chunked(chunked(GOOD.ljust(20_000)), CHUNKED.upper()), [3]),
    ("chunked body too large", post_chunked(chunked(GOOD.ljust(20_001))), too_large(20_001)),
    ("coded transfer", post_chunked(chunked(GOOD), "Transfer-Encoding: gzip, chunked"), WRONG_TRANSFER),
    ("coded transfer, two lines", post_chunked(chunked(GOOD), "Transfer-Encoding: gzip", CHUNKED), WRONG_TRANSFER),
    ("unknown method", get("/predict", "BREW"), WRONG_METHOD),
    ("asterisk", get("*", "OPTIONS"), NOT_FOUND),
    ("length and chunks", post_chunked(chunked() + get("/smuggled"), "Content-Length: 40", CHUNKED), NOT_HTTP),
    ("two lengths", post(GOOD, "Content-Length: 2"), NOT_HTTP),
    ("no host", post(GOOD).replace(b"Host: x\r\n", b""), NOT_HTTP),
    ("not HTTP", f"{SECRET}\r\n\r\n".encode(), NOT_HTTP),
    ("1,000 headers", post(GOOD, *(f"X-{i}: a" for i in range(1000))), [3]),
    ("header of 60 kB", post(GOOD, f"X-A: {'a' * 60_000}"), [3]),
    ("60 headers of 1 kB", post(GOOD, *(f"X-{i}: {'a' * 1000}" for i in range(60))), [3]),
    ("two hosts", post(GOOD, "Host: y"), NOT_HTTP),
    ("a proxy's request", request("CONNECT x:443 HTTP/1.1", HOST), NOT_HTTP),
    ("upgrade to HTTP/2, as Java's client sends", post(GOOD, *UPGRADE), [3]),
    ("upgrade with chunks", post_chunked(chunked(GOOD), *UPGRADE, CHUNKED), [3]),
    ("upgrade of a path that there is not", request("GET /nowhere HTTP/1.1", HOST, *UPGRADE), NOT_FOUND),
]

DIFFERENCES: dict[str, dict[str, Any]] = {
    "httptools": {"unknown method": NOT_HTTP},
    "h11": {
        "length and chunks": problem(400, "bad-request", "The request is not valid HTTP for this path."),
        "a proxy's request": NOT_FOUND,
        "coded transfer": NOT_HTTP,
        "coded transfer, two lines": NOT_HTTP,
    },
}
"""Parser -> case -> its own expectation."""


@pytest.fixture(scope="module", params=PARSERS)
def parser(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def strict(parser: str, request: pytest.FixtureRequest, models: Path) -> Iterator[Server]:
    """The service with the low limits of `limited`, for each parser."""
    if parser == "httptools":
        yield request.getfixturevalue("limited")
        return
    limits = {"max_reviews": 8, "max_characters": 1000, "max_body_bytes": 20_000}
    with serving(model_dir=models, runtime="numpy", http=parser, **limits) as server:
        yield server


@pytest.mark.parametrize("case", [*BODIES, *TEXTS, *PATHS], ids=itemgetter(0))
def test_bad_input_gets_the_exact_response(limited: Server, case: Case) -> None:
    _, sent, expected = case
    exchange(limited, sent, expected)


@pytest.mark.parametrize("case", HTTP, ids=itemgetter(0))
def test_bad_http_gets_the_exact_response_of_each_parser(strict: Server, parser: str, case: Case) -> None:
    name, sent, expected = case
    exchange(strict, sent, DIFFERENCES[parser].get(name, expected))


def exchange(server: Server, sent: bytes, expected: Any) -> None:
    """Send a request and check its response, that of a good request after it, and the log."""
    logged = len(server.lines)
    next_id = secrets.token_hex(16)
    good = post(GOOD, f"X-Request-ID: {next_id}")
    with connected(server) as connection:
        connection.send(sent)
        answer = connection.answer()
        check(answer, expected)
        if answer.headers["Connection"] != "close":
            connection.send(good)
            answer = connection.answer()
        else:
            assert connection.closed()
            with connected(server) as another:
                another.send(good)
                answer = another.answer()
    assert (answer.status, answer.headers["X-Request-ID"]) == (200, next_id)

    server.wait_for(next_id)
    assert not [line for line in map(json.loads, server.lines[logged:]) if line["level"] in ("error", "critical")]
    assert SECRET not in "".join(server.lines)
    assert "/smuggled" not in "".join(server.lines)


def check(answer: Answer, expected: Any) -> None:
    if expected == NOT_HTTP:
        assert (answer.status, answer.body) == (400, b"Invalid HTTP request received.")
        return
    assert answer.headers["X-Request-ID"]
    if isinstance(expected, list):
        assert answer.status == 200, answer.body
        assert [prediction["words"] for prediction in answer.json["predictions"]] == expected
        assert answer.headers["Content-Type"] == "application/json"
    else:
        expected = expected | {"request_id": answer.headers["X-Request-ID"]}
        assert (answer.status, answer.json) == (expected["status"], expected)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (answer.headers["Allow"] == "POST") is (answer.status == 405)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (post_chunked(chunked(GOOD.ljust(20_001))[:-5]), 20_001),
        (request("POST /predict HTTP/1.1", HOST, JSON, f"Content-Length: {2**64 - 1}"), 2**64 - 1),
        (request("POST /predict HTTP/1.1", HOST, JSON, "Content-Length: 20001", "Expect: 100-continue"), 20_001),
    ],
    ids=["chunks", "announced", "Expect"],
)
def test_body_too_large_is_rejected_before_it_has_arrived(strict: Server, sent: bytes, received: int) -> None:
    with connected(strict) as connection:
        connection.send(sent)
        check(connection.answer(), too_large(received))


def test_body_that_waits_for_100_continue_is_asked_for(strict: Server) -> None:
    with connected(strict) as connection:
        connection.send(post(GOOD, "Expect: 100-continue"))
        assert (connection.answer().status, connection.answer().status) == (100, 200)


@pytest.mark.parametrize(
    "endless",
    [
        request("POST /predict HTTP/1.1", HOST)[:-2] + b"X-A: ",
        request("POST /predict HTTP/1.1", HOST, CHUNKED, JSON) + b"5;",
        request("POST /predict HTTP/1.1", HOST, CHUNKED, JSON) + b"0\r\nX-A: ",
        b"GET /",
    ],
    ids=["header", "extension of a chunk", "trailer", "path"],
)
def test_endless_head_is_rejected_while_it_arrives(limited: Server, endless: bytes) -> None:
    with connected(limited) as connection:
        connection.send(endless)
        for _ in range(100):
            connection.send(b"a" * 10_000)
        assert connection.answer().status in (400, 413)
