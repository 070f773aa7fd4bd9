"""One table of bad input, and of what only looks like it, against the real server.

Each case states the exact status and the exact response of the application. What is not HTTP is uvicorn's to reject:
it answers 400 in plain text and closes the connection. After each case the server must answer a good request, on the
same connection if it left that open, so that no part of a bad request is ever taken for the beginning of the next; and
its log must contain neither an error nor any review text.
"""

import gzip
import json
import re
import secrets
import ssl
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.raw_http import Connection, chunked, connected, request
from tests.servers import Server

SECRET = "Xyzzyplugh"
"""A word of every review that is sent, and of nothing else."""
GOOD = json.dumps({"reviews": [f"{SECRET} good film"]}).encode()
HOST = "Host: x"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
LIVE = request("GET /health/live HTTP/1.1", HOST)


@dataclass(frozen=True)
class Case:
    """What is sent and what comes back.

    Attributes:
        name: Of the test.
        sent: All bytes, at once.
        status: Of the response; None: the server closes the connection without one.
        answer: The problem, the number of words of each prediction, or None where the body does not matter.
        headers: Expected headers. With `Connection: close` the server must close, otherwise it must not.
        interim: Whether the server first asks for the body with a 100.
        unfinished: Whether the rest of the request is never sent, so the connection cannot be used again.
    """

    name: str
    sent: bytes
    status: int | None
    answer: dict[str, Any] | list[int] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    interim: bool = False
    unfinished: bool = False


def problem(status: int, type_: str, detail: str, **members: Any) -> dict[str, Any]:
    title = type_.replace("-", " ").capitalize()
    return {
        "type": f"urn:problem-type:sentiment:{type_}",
        "title": title,
        "status": status,
        "detail": detail,
        **members,
    }


def refused(name: str, sent: bytes, answer: dict[str, Any], **headers: str) -> Case:
    return Case(name, sent, answer["status"], answer, headers)


def unfinished(name: str, sent: bytes, answer: dict[str, Any]) -> Case:
    return Case(name, sent, answer["status"], answer, unfinished=True)


def not_http(name: str, sent: bytes) -> Case:
    return Case(name, sent, 400, headers={"Connection": "close", "Content-Type": "text/plain; charset=utf-8"})


def accepted(name: str, sent: bytes, *words: int) -> Case:
    return Case(name, sent, 200, list(words))


def post(body: bytes, *headers: str, target: str = "/predict", content_type: str = JSON) -> bytes:
    lines = [HOST, content_type, f"Content-Length: {len(body)}", *headers]
    return request(f"POST {target} HTTP/1.1", *filter(None, lines), body=body)


def post_chunked(body: bytes, *headers: str) -> bytes:
    return request("POST /predict HTTP/1.1", HOST, JSON, *(headers or [CHUNKED]), body=body)


def of_length(length: int) -> bytes:
    return GOOD + b" " * (length - len(GOOD))


def reviews(*texts: str) -> bytes:
    return json.dumps({"reviews": texts}).encode()


def invalid(location: str, message: str, *more: tuple[str, str]) -> dict[str, Any]:
    errors = [{"location": where, "message": what} for where, what in ((location, message), *more)]
    return problem(422, "invalid-request", f"{location}: {message}", errors=errors)


def not_json(reason: str) -> dict[str, Any]:
    return invalid("body", f"Invalid JSON: {reason}")


def too_large(received: int) -> dict[str, Any]:
    limits = f"The body may have at most 20000 bytes; this one has {received} or more."
    detail = f"{limits} Send the reviews in several requests."
    return problem(413, "body-too-large", detail, limit=20_000, received=received)


def too_many(received: int) -> dict[str, Any]:
    detail = f"A request may have at most 8 reviews; this one has {received}. Send them in several requests."
    return problem(422, "too-many-reviews", detail, limit=8, received=received)


def too_long(index: int, received: int) -> dict[str, Any]:
    detail = f"A review may have at most 1000 characters; reviews.{index} has {received}. Shorten or split it."
    return problem(422, "review-too-long", detail, limit=1000, received=received, index=index)


def unsupported(detail: str) -> dict[str, Any]:
    return problem(415, "unsupported-media-type", detail)


NO_JSON = unsupported("Send JSON with the header Content-Type: application/json.")
PARAMETERS = unsupported("The parameters of the Content-Type are not valid; send Content-Type: application/json.")
CHARSET = unsupported("Send the JSON in UTF-8; other charsets are not supported.")
COMPRESSED = unsupported("Send the body uncompressed; Content-Encoding is not supported.")
NOT_FOUND = problem(404, "not-found", "There is nothing at this path. The API documentation lists the paths.")
WRONG_METHOD = problem(405, "method-not-allowed", "This path does not support this method; see the Allow header.")

NO_VALUE = "expected value at line 1 column 1"
BAD_CODE_POINT = "invalid unicode code point at line 1 column 15"
CONTROL = r"control character (\u0000-\u001F) found while parsing a string"
NO_END = "EOF while parsing a value at line 1 column 0"
NO_STRING = "Input should be a valid string"
NO_LIST = "Input should be a valid array"
NO_OBJECT = "Input should be an object"
MISSING = "Field required"
EXTRA = "Extra inputs are not permitted"
BLANK = "A review must contain text; this one is blank"
SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
BOMB = gzip.compress(b" " * 15_000_000)
SMUGGLED = request("GET /smuggled HTTP/1.1", HOST)
END = b"\r\n\r\n"
"""Without it, zttp waits for the rest of the first line."""


def client_hello() -> bytes:
    """What a client sends first that believes there is TLS on this port."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="x")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


SIZES = [
    accepted("body of just the limit", post(of_length(20_000)), 3),
    refused("body one byte too large", post(of_length(20_001)), too_large(20_001)),
    accepted("chunked body of just the limit", post_chunked(chunked(of_length(20_000))), 3),
    refused("chunked body one byte too large", post_chunked(chunked(of_length(20_001))), too_large(20_001)),
    unfinished(
        "body announced, too large, never sent",
        request("POST /predict HTTP/1.1", HOST, JSON, "Content-Length: 1000000000"),
        too_large(1_000_000_000),
    ),
    unfinished(
        "largest length that can be announced",
        request("POST /predict HTTP/1.1", HOST, JSON, "Content-Length: 18446744073709551615"),
        too_large(18_446_744_073_709_551_615),
    ),
    not_http(
        "length beyond 64 bits", request("POST /predict HTTP/1.1", HOST, JSON, "Content-Length: 18446744073709551616")
    ),
    unfinished(
        "too large, asking first",
        request("POST /predict HTTP/1.1", HOST, JSON, "Content-Length: 20001", "Expect: 100-continue"),
        too_large(20_001),
    ),
    Case("good, asking first", post(GOOD, "Expect: 100-continue"), 200, [3], interim=True),
    accepted("other expectation", post(GOOD, "Expect: the-best"), 3),
    accepted("one byte a chunk", post_chunked(chunked(*(bytes([byte]) for byte in GOOD))), 3),
]

COMPRESSION = [
    refused("gzip", post(gzip.compress(GOOD), "Content-Encoding: gzip"), COMPRESSED),
    refused("deflate", post(zlib.compress(GOOD), "Content-Encoding: deflate"), COMPRESSED),
    refused("brotli", post(b"\x0b\x02\x80{}\x03", "Content-Encoding: br"), COMPRESSED),
    refused("compressed twice", post(b"{}", "Content-Encoding: gzip, br"), COMPRESSED),
    refused("gzip, shouted", post(gzip.compress(GOOD), "CONTENT-ENCODING: GZIP"), COMPRESSED),
    refused("gzip, announced but plain", post(GOOD, "Content-Encoding: gzip"), COMPRESSED),
    refused("gzip bomb of 15 MB", post(BOMB, "Content-Encoding: gzip"), COMPRESSED),
    refused("gzip bomb, unannounced", post(BOMB), not_json(NO_VALUE)),
    accepted("identity", post(GOOD, "Content-Encoding: Identity"), 3),
    not_http("gzip as transfer encoding", post_chunked(gzip.compress(GOOD), "Transfer-Encoding: gzip")),
    refused(
        "gzip in chunks",
        post_chunked(chunked(gzip.compress(GOOD)), "Transfer-Encoding: gzip, chunked"),
        not_json(NO_VALUE),
    ),
]

TYPES = [
    refused("no content type", post(GOOD, content_type=""), NO_JSON),
    refused("empty content type", post(GOOD, content_type="Content-Type:"), NO_JSON),
    refused("text", post(GOOD, content_type="Content-Type: text/plain"), NO_JSON),
    refused("JSON as text", post(GOOD, content_type="Content-Type: text/json"), NO_JSON),
    refused("form", post(b"reviews=good", content_type="Content-Type: application/x-www-form-urlencoded"), NO_JSON),
    refused("upload", post(b"--b--", content_type="Content-Type: multipart/form-data; boundary=b"), NO_JSON),
    refused("any type", post(GOOD, content_type="Content-Type: */*"), NO_JSON),
    refused("no slash", post(GOOD, content_type="Content-Type: json"), NO_JSON),
    refused("JSON lines", post(GOOD, content_type="Content-Type: application/jsonl"), NO_JSON),
    refused("two types", post(GOOD, content_type="Content-Type: application/json, text/plain"), NO_JSON),
    refused("type of odd bytes", post(GOOD, content_type="Content-Type: application/\xff"), NO_JSON),
    refused("Latin-1", post(GOOD, content_type=f"{JSON}; charset=iso-8859-1"), CHARSET),
    refused("UTF-16 announced", post(GOOD, content_type=f"{JSON}; charset=utf-16"), CHARSET),
    refused("unheard-of charset", post(GOOD, content_type=f"{JSON}; charset=klingon"), CHARSET),
    refused("parameters in no order", post(GOOD, content_type=f"{JSON}; a*=x; a*0=y"), PARAMETERS),
    refused("charset of NUL", post(GOOD, content_type=f"{JSON}; charset*=%00''x"), PARAMETERS),
    refused("parameter of a huge number", post(GOOD, content_type=f"{JSON}; a*{'9' * 4301}=x"), PARAMETERS),
    accepted("UTF-8, quoted", post(GOOD, content_type=f'{JSON}; charset="UTF-8"'), 3),
    accepted("JSON by another name", post(GOOD, content_type="Content-Type: application/vnd.x+json"), 3),
    accepted("unknown parameter", post(GOOD, content_type=f"{JSON}; profile=x"), 3),
]

TEXTS = [
    refused("no body", post(b""), not_json(NO_END)),
    refused("no body, no length", request("POST /predict HTTP/1.1", HOST, JSON), not_json(NO_END)),
    refused("no body in no chunks", post_chunked(chunked()), not_json(NO_END)),
    refused("blank body", post(b" \r\n\t"), not_json("EOF while parsing a value at line 2 column 1")),
    refused("invalid UTF-8", post(b'{"reviews": ["\xff\xfe"]}'), not_json(BAD_CODE_POINT)),
    refused("overlong UTF-8", post(b'{"reviews": ["\xc0\xaf"]}'), not_json(BAD_CODE_POINT)),
    refused("surrogate in UTF-8", post(b'{"reviews": ["\xed\xa0\x80"]}'), not_json(BAD_CODE_POINT)),
    refused("beyond Unicode", post(b'{"reviews": ["\xf4\x90\x80\x80"]}'), not_json(BAD_CODE_POINT)),
    refused("UTF-16", post(GOOD.decode().encode("utf-16")), not_json(NO_VALUE)),
    accepted("byte order mark", post(b"\xef\xbb\xbf" + GOOD), 3),
    refused("two byte order marks", post(b"\xef\xbb\xbf" * 2 + GOOD), not_json(NO_VALUE)),
    refused("only a byte order mark", post(b"\xef\xbb\xbf"), not_json(NO_END)),
    refused("NUL", post(GOOD.replace(b"good", b"go\0d")), not_json(f"{CONTROL} at line 1 column 28")),
    accepted("NUL, escaped", post(reviews("go\0d")), 1),
    refused("NUL after the end", post(GOOD + b"\0"), not_json("trailing characters at line 1 column 38")),
    refused(
        "high surrogate alone",
        post(b'{"reviews": ["\\ud800"]}'),
        not_json("unexpected end of hex escape at line 1 column 21"),
    ),
    refused(
        "low surrogate alone",
        post(b'{"reviews": ["\\udc00 x"]}'),
        not_json("lone leading surrogate in hex escape at line 1 column 20"),
    ),
    accepted("surrogates, a pair", post(b'{"reviews": ["\\ud83d\\ude00 good"]}'), 2),
    refused("unknown escape", post(b'{"reviews": ["\\x41"]}'), not_json("invalid escape at line 1 column 16")),
    refused("line break in a string", post(b'{"reviews": ["a\nb"]}'), not_json(f"{CONTROL} at line 2 column 0")),
    refused(
        "10,000 arrays in one another", post(b"[" * 10_000), not_json("recursion limit exceeded at line 1 column 202")
    ),
    refused(
        "5,000 arrays in one another, closed",
        post(b'{"reviews": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        not_json("recursion limit exceeded at line 1 column 213"),
    ),
    refused(
        "3,000 objects in one another",
        post(b'{"a":' * 3000),
        not_json("recursion limit exceeded at line 1 column 1006"),
    ),
    refused("truncated", post(GOOD[:-2]), not_json("EOF while parsing a list at line 1 column 35")),
    refused("truncated in a string", post(GOOD[:-5]), not_json("EOF while parsing a string at line 1 column 32")),
    refused("garbage after the end", post(GOOD + b" x"), not_json("trailing characters at line 1 column 39")),
    refused("a second object", post(GOOD + GOOD), not_json("trailing characters at line 1 column 38")),
    refused("comma at the end", post(b'{"reviews": ["good",]}'), not_json("trailing comma at line 1 column 21")),
    refused("comment", post(b"/* */" + GOOD), not_json(NO_VALUE)),
    refused("single quotes", post(b"{'reviews': ['good']}"), not_json("key must be a string at line 1 column 2")),
    refused("no JSON", post(SECRET.encode()), not_json(NO_VALUE)),
    accepted("duplicate key, the last one counts", post(b'{"reviews": [1], "reviews": ["good film"]}'), 2),
    accepted("escaped key", post(b'{"\\u0072eviews": ["good"]}'), 1),
]

VALUES = [
    refused("null", post(b"null"), invalid("body", NO_OBJECT)),
    refused("number", post(b"1"), invalid("body", NO_OBJECT)),
    refused("string", post(json.dumps(SECRET).encode()), invalid("body", NO_OBJECT)),
    refused("list", post(json.dumps([SECRET]).encode()), invalid("body", NO_OBJECT)),
    refused("no field", post(b"{}"), invalid("reviews", MISSING)),
    refused("null for the list", post(b'{"reviews": null}'), invalid("reviews", NO_LIST)),
    refused(
        "string for the list",
        post(GOOD.translate(None, b"[]")),
        invalid("reviews", NO_LIST),
    ),
    refused("object for the list", post(b'{"reviews": {"0": "good"}}'), invalid("reviews", NO_LIST)),
    refused(
        "no reviews",
        post(b'{"reviews": []}'),
        invalid("reviews", "List should have at least 1 item after validation, not 0"),
    ),
    refused("null for a review", post(b'{"reviews": [null]}'), invalid("reviews.0", NO_STRING)),
    refused(
        "number for a review",
        post(b'{"reviews": ["good", 1.5]}'),
        invalid("reviews.1", NO_STRING),
    ),
    refused("true for a review", post(b'{"reviews": [true]}'), invalid("reviews.0", NO_STRING)),
    refused(
        "list for a review",
        post(GOOD.replace(b"[", b"[[").replace(b"]", b"]]")),
        invalid("reviews.0", NO_STRING),
    ),
    refused(
        "object for a review",
        post(b'{"reviews": [{"text": "good"}]}'),
        invalid("reviews.0", NO_STRING),
    ),
    refused("number beyond any float", post(b'{"reviews": [1e999]}'), invalid("reviews.0", NO_STRING)),
    refused(
        "number of 10,000 digits",
        post(b'{"reviews": [%b]}' % (b"9" * 10_000)),
        not_json("number out of range at line 1 column 4315"),
    ),
    refused("NaN", post(b'{"reviews": [NaN]}'), invalid("reviews.0", NO_STRING)),
    refused("infinity", post(b'{"reviews": [-Infinity]}'), invalid("reviews.0", NO_STRING)),
    refused("number with a zero before it", post(b'{"reviews": [01]}'), not_json("invalid number at line 1 column 15")),
    refused("unknown field", post(b'{"reviews": ["good"], "stars": 5}'), invalid("stars", EXTRA)),
    refused("misspelt field", post(b'{"Reviews": ["good"]}'), invalid("reviews", MISSING)),
    refused(
        "field of a long name", post(b'{"reviews": ["good"], "%b": 1}' % (b"a" * 5000)), invalid(f"{'a' * 100}…", EXTRA)
    ),
    refused("field without a name", post(b'{"reviews": ["good"], "": 1}'), invalid("body", EXTRA)),
    refused("empty review", post(reviews("good", "")), invalid("reviews.1", BLANK)),
    *(
        refused(f"blank review of U+{ord(space):04X}", post(reviews(space)), invalid("reviews.0", BLANK))
        for space in SPACES
    ),
    refused("blank review of all of those", post(reviews(SPACES)), invalid("reviews.0", BLANK)),
    accepted("review of no words", post(reviews("...")), 0),
    accepted("what looks blank and is not", post(reviews("\u200b", "\ufeff")), 1, 1),
    accepted("markup, emoji, right to left", post(reviews("<b>", "\U0001f600", "\u202eab")), 1, 1, 1),
]

LIMITS = [
    accepted("as many reviews as there may be", post(reviews(*[SECRET] * 8)), *[1] * 8),
    refused("one review too many", post(reviews(*[SECRET] * 9)), too_many(9)),
    refused("thousands of reviews", post(reviews(*["a"] * 3000)), too_many(3000)),
    accepted("review as long as it may be", post(reviews("a" * 1000)), 1),
    refused("review one character too long", post(reviews(SECRET, "a" * 1001)), too_long(1, 1001)),
    accepted("as long as it may be, of emoji", post(reviews("\U0001f600" * 1000)), 1),
    refused("one emoji too long", post(reviews("\U0001f600" * 1001)), too_long(0, 1001)),
    refused("too long and too many", post(reviews(*["a" * 1001] * 9)), too_many(9)),
]

FRAMING = [
    not_http(
        "length and chunks", post_chunked(chunked() + SMUGGLED, f"Content-Length: {len(chunked() + SMUGGLED)}", CHUNKED)
    ),
    not_http(
        "chunks and length", post_chunked(chunked() + SMUGGLED, CHUNKED, f"Content-Length: {len(chunked() + SMUGGLED)}")
    ),
    not_http("two lengths that differ", post(GOOD, "Content-Length: 2")),
    accepted("two lengths that agree", post(GOOD, f"Content-Length: {len(GOOD)}"), 3),
    not_http("lengths in a list", post_chunked(GOOD, f"Content-Length: {len(GOOD)}, {len(GOOD)}")),
    not_http("negative length", post_chunked(GOOD, "Content-Length: -1")),
    not_http("length with a plus", post_chunked(GOOD, f"Content-Length: +{len(GOOD)}")),
    not_http("hexadecimal length", post_chunked(GOOD, f"Content-Length: {len(GOOD):#x}")),
    not_http("length with a point", post_chunked(GOOD, f"Content-Length: {len(GOOD)}.0")),
    not_http("empty length", post_chunked(GOOD, "Content-Length:")),
    not_http("folded header", post(GOOD, "X-A: b\r\n c")),
    not_http("folded transfer encoding", post_chunked(chunked(GOOD), "Transfer-Encoding:\r\n chunked")),
    not_http("space before a colon", post_chunked(chunked(GOOD), "Transfer-Encoding : chunked")),
    not_http("space before a header", post_chunked(chunked(GOOD), f" {CHUNKED}")),
    not_http("header without a colon", post(GOOD, "X-A")),
    not_http("header without a name", post(GOOD, ": a")),
    not_http("odd signs in a header's name", post(GOOD, "X(A): b")),
    not_http("NUL in a header", post(GOOD, "X-A: b\0c")),
    not_http("NUL in a header's name", post(GOOD, "X\0A: b")),
    not_http("LF alone in a header", post(GOOD, "X-A: b\nX-B: c")),
    not_http("LF alone at the ends of lines", post(GOOD).replace(b"\r\n", b"\n")),
    not_http("CR alone in a header", post(GOOD, "X-A: b\rX-B: c")),
    not_http("CR alone at the ends of lines", post(GOOD).replace(b"\r\n", b"\r") + END),
    not_http("chunk size of garbage", post_chunked(b"xyz\r\n" + GOOD)),
    not_http("negative chunk size", post_chunked(b"-1\r\n" + GOOD)),
    not_http("chunk size with 0x", post_chunked(b"0x2\r\n{}\r\n0\r\n\r\n")),
    not_http("chunk size beyond 64 bits", post_chunked(b"1" + b"0" * 16 + b"\r\n" + GOOD)),
    not_http("chunk longer than it says", post_chunked(b"2\r\n" + GOOD + b"\r\n0\r\n\r\n")),
    not_http("chunk size ended by LF alone", post_chunked(b"2\n{}\r\n0\r\n\r\n")),
    accepted("chunk extension", post_chunked(b'%x;a="b";c\r\n%b\r\n0\r\n\r\n' % (len(GOOD), GOOD)), 3),
    accepted("trailer", post_chunked(chunked(GOOD)[:-2] + b"X-A: b\r\n\r\n"), 3),
    not_http("chunked twice", post_chunked(chunked(GOOD), "Transfer-Encoding: chunked, chunked")),
    not_http("chunked, misspelt", post_chunked(chunked(GOOD), "Transfer-Encoding: xchunked")),
    not_http("chunked, then not", post_chunked(chunked(GOOD), "Transfer-Encoding: chunked, identity")),
    accepted("chunked, shouted", post_chunked(chunked(GOOD), "TRANSFER-ENCODING: CHUNKED"), 3),
]

METHODS = [
    *(
        refused(f"{method} /predict", request(f"{method} /predict HTTP/1.1", HOST), WRONG_METHOD, Allow="POST")
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
    ),
    Case("HEAD /predict", request("HEAD /predict HTTP/1.1", HOST), 405, None, {"Allow": "POST"}),
    refused(
        "GET /predict with a body",
        request("GET /predict HTTP/1.1", HOST, JSON, f"Content-Length: {len(GOOD)}", body=GOOD),
        WRONG_METHOD,
        Allow="POST",
    ),
    refused("POST /model", post(GOOD, target="/model"), WRONG_METHOD, Allow="GET"),
    refused("POST /", post(GOOD, target="/"), WRONG_METHOD),
    refused("GET /explain", request("GET /explain HTTP/1.1", HOST), WRONG_METHOD, Allow="POST"),
    refused("unknown method", request("BREW /predict HTTP/1.1", HOST), WRONG_METHOD, Allow="POST"),
    refused("method in lower case", post(GOOD).replace(b"POST", b"post"), WRONG_METHOD, Allow="POST"),
    refused("CONNECT", request("CONNECT x:443 HTTP/1.1", HOST), NOT_FOUND),
]

PATHS = [
    *(
        refused(path, post(GOOD, target=path), NOT_FOUND)
        for path in (
            "/predictions",
            "/predict/",
            "//predict",
            "/predict//",
            "/PREDICT",
            "/health/../predict",
            "/./predict",
            "/predict%2f",
            "/predict%00",
            "/predict%0d%0aX-A:%20b",
            "/%ff",
            "/predict;a=b",
        )
    ),
    refused("assets by the way of ..", request("GET /docs/assets/../../main.py HTTP/1.1", HOST), NOT_FOUND),
    refused(
        "assets by the way of .., encoded", request("GET /docs/assets/..%2f..%2f__init__.py HTTP/1.1", HOST), NOT_FOUND
    ),
    refused(
        "the page's assets by the way of .., encoded",
        request("GET /playground/..%2fmain.py HTTP/1.1", HOST),
        NOT_FOUND,
    ),
    refused(
        "plot by the way of ..", request("GET /playground/plots/..%2f..%2fmanifest.json HTTP/1.1", HOST), NOT_FOUND
    ),
    refused("asset with NUL", request("GET /docs/assets/a%00b HTTP/1.1", HOST), NOT_FOUND),
    refused("asset of odd bytes", request("GET /docs/assets/%ff%ed%a0%80 HTTP/1.1", HOST), NOT_FOUND),
    refused("asset of a long name", request(f"GET /docs/assets/{'a' * 5000} HTTP/1.1", HOST), NOT_FOUND),
    accepted("path, encoded", post(GOOD, target="/%70redict"), 3),
    accepted("query", post(GOOD, target="/predict?a=%ff&&=#x"), 3),
    refused("absolute form", post(GOOD, target="http://x/predict"), NOT_FOUND),
    refused("asterisk", request("OPTIONS * HTTP/1.1", HOST), NOT_FOUND),
    refused("target without a slash", post(GOOD, target="predict"), NOT_FOUND),
    refused("absolute form without a path", post(GOOD, target="http://x"), NOT_FOUND),
    refused("absolute form with an odd port", post(GOOD, target="http://x:y/predict"), NOT_FOUND),
    not_http("no path", request("POST HTTP/1.1", HOST)),
    not_http("space in the path", post(GOOD, target="/pre dict")),
    not_http("NUL in the path", post(GOOD, target="/predict\0")),
    Case("odd bytes in the path", post(GOOD, target="/pr\xe9dict"), None),
    accepted("target of 16 kB", post(GOOD, target="/predict?" + "a" * 16_000), 3),
    not_http("target of 100 kB", post(GOOD, target="/" + "a" * 100_000)),
    not_http("endless target", b"GET /" + b"a" * 100_000),
]

VERSIONS = [
    Case(
        "HTTP/1.0",
        request("POST /predict HTTP/1.0", JSON, f"Content-Length: {len(GOOD)}", body=GOOD),
        200,
        [3],
        {"Connection": "close"},
    ),
    Case(
        "close asked for",
        post(GOOD, "Connection: close"),
        200,
        [3],
        {"Connection": "close"},
    ),
    not_http("HTTP/0.9", b"GET /health/live\r\n\r\n"),
    not_http("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])),
    not_http("HTTP/9.9", request("GET /health/live HTTP/9.9", HOST)),
    not_http("HTTP in lower case", request("GET /health/live http/1.1", HOST)),
    not_http("TLS", client_hello() + END),
    not_http("SSH", b"SSH-2.0-OpenSSH_9.6" + END),
    not_http("zeros", bytes(100) + END),
    not_http("endless zeros", bytes(100_000)),
    not_http("a review", f"{SECRET}\r\n\r\n".encode()),
    not_http("blank lines first", b"\r\n\r\n" + post(GOOD)),
    accepted("upgrade to HTTP/2, as Java's client asks for", post(GOOD, "Connection: Upgrade", "Upgrade: h2c"), 3),
    accepted("upgrade to a web socket", post(GOOD, "Connection: Upgrade", "Upgrade: websocket"), 3),
]

HEADERS = [
    accepted("60 headers of 1 kB", post(GOOD, *(f"X-{i}: {'a' * 1000}" for i in range(60))), 3),
    not_http("70 headers of 1 kB", post(GOOD, *(f"X-{i}: {'a' * 1000}" for i in range(70)))),
    accepted("header of 16 kB", post(GOOD, f"X-A: {'a' * 16_000}"), 3),
    not_http("header of 17 kB", post(GOOD, f"X-A: {'a' * 17_000}")),
    not_http("header of 1 MB", post(GOOD, f"X-A: {'a' * 1_000_000}")),
    not_http("header's name of 33 kB", post(GOOD, f"{'a' * 33_000}: b")),
    not_http("endless header", LIVE[:-2] + b"X-A: " + b"a" * 100_000),
    accepted("100 headers", post(GOOD, *(f"X-{i}: a" for i in range(97))), 3),
    not_http("101 headers", post(GOOD, *(f"X-{i}: a" for i in range(98)))),
    not_http("trailers of 100 kB", post_chunked(chunked(GOOD)[:-2] + b"X-A: b\r\n" * 12_500 + b"\r\n")),
    not_http("endless trailer", post_chunked(chunked(GOOD)[:-2] + b"X-A: " + b"a" * 100_000)),
    accepted("other media type wanted", post(GOOD, "Accept: text/plain"), 3),
    accepted("header of odd bytes", post(GOOD, "X-A: \xff\xfe"), 3),
    not_http("no host", post(GOOD).replace(b"Host: x\r\n", b"")),
    not_http("two hosts", post(GOOD, "Host: y")),
]


CASES = [
    *(SIZES + COMPRESSION + TYPES + TEXTS + VALUES + LIMITS),
    *(FRAMING + METHODS + PATHS + VERSIONS + HEADERS),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_server_answers_bad_input_exactly(limited: Server, case: Case) -> None:
    logged = len(limited.lines)
    closes = case.status is None or "Connection" in case.headers
    next_id = secrets.token_hex(16)
    good = post(GOOD, f"X-Request-ID: {next_id}")
    with connected(limited) as connection:
        connection.send(case.sent)
        if case.status is not None:
            check(case, connection)
        if closes:
            assert connection.closed()
        elif not case.unfinished:
            connection.send(good)
            answer = connection.answer()
    if closes or case.unfinished:
        with connected(limited) as connection:
            connection.send(good)
            answer = connection.answer()
    assert (answer.status, answer.headers["X-Request-ID"]) == (200, next_id)

    limited.wait_for(next_id)
    lines = [json.loads(line) for line in limited.lines[logged:]]
    assert [line for line in lines if line["level"] in ("error", "critical")] == []
    assert "smuggled" not in "".join(limited.lines)
    assert SECRET not in "".join(limited.lines)


def check(case: Case, connection: Connection) -> None:
    answer = connection.answer(to_head=case.sent.startswith(b"HEAD "))
    if case.interim:
        assert (answer.status, answer.body) == (100, b"")
        answer = connection.answer()
    assert answer.status == case.status, answer.body
    assert {name: answer.headers[name] for name in case.headers} == case.headers
    if case.status == 400:
        assert answer.body == b"Invalid HTTP request received."
        return
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"] or "")
    if isinstance(case.answer, dict):
        assert answer.json == case.answer
    elif isinstance(case.answer, list):
        assert [prediction["words"] for prediction in answer.json["predictions"]] == case.answer
    media_type = "application/json" if case.status == 200 else "application/problem+json"
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Connection"] == case.headers.get("Connection")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"reviews": ["good"], **{f"{SECRET}{i}": i for i in range(900)}}).encode(),
        json.dumps({"reviews": ["good"], SECRET * 1000: 1}).encode(),
        b'{"reviews": [' + b"1," * 9000 + b"1]}",
    ],
    ids=["many fields", "a long field", "many items"],
)
def test_error_response_to_many_mistakes_is_short(limited: Server, body: bytes) -> None:
    with connected(limited) as connection:
        connection.send(post(body))
        answer = connection.answer()
    assert answer.status == 422
    assert len(answer.json["errors"]) == 1
    assert len(answer.body) < 2000


def test_server_answers_pipelined_requests_in_order(limited: Server) -> None:
    sent = post(of_length(18_000))
    with connected(limited) as connection:
        connection.send(sent * 3 + sent[:30])
        assert [connection.answer().status for _ in range(3)] == [200] * 3
        connection.send(sent[30:])
        assert connection.answer().status == 200
