"""With keys configured, only the public routes answer without one, however a path is written."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from app.api.routing import traits_of
from app.main import create_app
from app.settings import Settings
from tests.raw_http import PARSERS, Answer, connected_to, request
from tests.scraping import number, numbers_in
from tests.servers import Server, serving

KEY = "a-key-of-sixteen"
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}
ORIGIN = "https://a.example"
PUBLIC = {
    *("/", "/docs", "/docs/assets", "/docs/assets/start", "/openapi.json", "/health/live", "/health/ready"),
    *("/playground", "/playground/report/{version}/card", "/playground/report/{version}/{name}"),
    *("/v2", "/v2/health/live", "/v2/health/ready"),
}
TENSOR = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["superb"]}
PARAMETERS = {"model_name": "tiny", "model_version": "1", "version": "1", "name": "loss.png"}


@pytest.fixture(scope="module")
def guarded(models: Path) -> Iterator[Server]:
    with serving(model_dir=models, runtime="numpy", api_keys=KEY, cors_origins=ORIGIN) as server:
        yield server


def routes() -> list[Route | Mount]:
    """All routes. Fails if there is another kind of route, which these tests would miss."""
    found = create_app(Settings()).routes
    assert all(isinstance(route, Route | Mount) for route in found)
    return [route for route in found if isinstance(route, Route | Mount)]


def test_public_routes_are_these() -> None:
    assert {route.path for route in routes() if traits_of(route).public} == PUBLIC


def test_new_route_needs_a_key_by_default(models: Path) -> None:
    app = create_app(Settings(model_dir=models, runtime="numpy", api_keys=KEY))  # type: ignore[arg-type]
    app.add_api_route("/new", lambda: "secret")
    app.mount("/files", lambda *_: None)  # type: ignore[arg-type]
    with TestClient(app) as client:
        assert [client.get(path).status_code for path in ("/new", "/files/secret")] == [401, 401]
        assert client.get("/new", headers=AUTHORIZATION).json() == "secret"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("GET", "/nowhere", 404), ("GET", "/v2/nowhere", 404), ("GET", "/predict", 405), ("POST", "/health/live", 405)],
)
def test_wrong_path_or_method_needs_a_key_as_well(guarded: Server, method: str, path: str, expected: int) -> None:
    assert httpx.request(method, guarded.url + path).status_code == 401
    assert httpx.request(method, guarded.url + path, headers=AUTHORIZATION).status_code == expected


def test_cors_preflight_needs_no_key_and_a_401_has_cors_headers(guarded: Server) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert httpx.options(f"{guarded.url}/predict", headers=headers).status_code == 200
    rejected = httpx.post(f"{guarded.url}/predict", headers={"Origin": ORIGIN})
    assert (rejected.status_code, rejected.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)


@pytest.mark.parametrize(
    "path", ["/predict%0a", "/%0dpredict", "/health/live%0a", "/v2/models/tiny%0a", "/metrics%00", "/model%e2%80%a8"]
)
@pytest.mark.parametrize("headers", [{}, AUTHORIZATION], ids=["without a key", "with a key"])
def test_path_with_unprintable_characters_is_not_found(guarded: Server, path: str, headers: dict[str, str]) -> None:
    def count() -> float:
        exposition = httpx.get(f"{guarded.url}/metrics", headers=AUTHORIZATION).text
        return number(numbers_in(exposition), "http_requests_total", method="GET", route="other", status="404")

    httpx.get(f"{guarded.url}/nowhere", headers=AUTHORIZATION)  # creates the series
    before = count()
    url = httpx.URL(guarded.url, raw_path=path.encode())
    response = httpx.get(url, headers={**headers, "Origin": ORIGIN})
    assert response.status_code == 404
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    if path.startswith("/v2"):
        assert response.json().keys() == {"error"}
    else:
        assert response.json()["type"] == "urn:problem-type:sentiment:not-found"
    guarded.wait_for(f'"status":404.*"request_id":"{response.headers["X-Request-ID"]}"')
    assert count() == before + 1


def variants(path: str) -> Iterator[str]:
    """Other spellings of a path that a router, a proxy or a file server might take for the same."""
    yield from (path, path.upper(), path.title(), path.swapcase())
    encoded = "".join(f"%{ord(character):02x}" for character in path)
    yield from (encoded, encoded.upper(), f"/{encoded[3:]}", f"/{quote(encoded[3:])}", path.replace("/", "%2f"))
    yield from (f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}" for at in range(1, len(path)))
    for slash in re.finditer("/", path):
        for other in ("//", "/./", "/x/../", "/%2e/", "/x/%2e%2e/", "/;/", "\\", "/\\", "/%5c", "/%00/", "/%0a"):
            yield path[: slash.start()] + other + path[slash.end() :]
    odd = [f"%{code:02x}" for code in (*range(0x21), 0x7F, 0x85, 0xA0, 0xFF)]
    odd += ["%c2%85", "%c2%a0", "%e2%80%a8", "%e2%80%a9", "%ef%bb%bf", "%250a", "%0d%0a", "%0a%0a", "%u000a"]
    marks = ["/", "//", "/.", "/..", ";", ";a=b", "?", "?a", "%3f", "%3fa", "#", "%23", "%", "%2", ".", "*", ".json"]
    yield from (path + ending for ending in (*odd, *marks))
    yield from (f"/{start}{path[1:]}" for start in odd)
    for start in ("http://x", "//x", "/public/..", "/docs/assets/..", "/docs/assets/..%2f..", "/playground/..%2f.."):
        yield start + path


class Client:
    """Sends requests without a key, over one connection as long as the server keeps it open."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url = url
        self._stack = stack
        self._connection = stack.enter_context(connected_to(url))

    def ask(self, method: str, path: str, body: bytes) -> Answer:
        headers = ("Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}")
        self._connection.send(request(f"{method} {path} HTTP/1.1", *headers, body=body))
        answer = self._connection.answer()
        if answer.headers["Connection"] == "close":
            self._connection = self._stack.enter_context(connected_to(self._url))
        return answer


def answers_without_a_key(url: str) -> dict[str, int]:
    """Request line -> status, for each spelling of the path of each route that is not public."""
    statuses = {}
    with ExitStack() as stack:
        client = Client(url, stack)
        for route in routes():
            if traits_of(route).public:
                continue
            assert isinstance(route, Route)
            field = {"/predict": "reviews", "/explain": "reviews"}.get(route.path, "instances")
            body = json.dumps({"inputs": [TENSOR]} if route.path.endswith("/infer") else {field: ["superb"]}).encode()
            path = re.sub(r"{(\w+)}", lambda match: PARAMETERS[match[1]], route.path)
            for variant in variants(path):
                for method in sorted(route.methods or ()):
                    if method != "HEAD":
                        statuses[f"{method} {variant}"] = client.ask(
                            method, variant, body if method == "POST" else b""
                        ).status
    assert len(statuses) > 2000
    return statuses


@pytest.mark.parametrize("parser", PARSERS)
def test_no_spelling_of_a_path_avoids_the_key(models: Path, parser: str) -> None:
    """400 is the parser's: the request line is not valid HTTP."""
    with serving(model_dir=models, runtime="numpy", api_keys=KEY, http=parser) as server:
        statuses = answers_without_a_key(server.url)
    assert {line: status for line, status in statuses.items() if status not in (400, 401, 404, 405)} == {}
    assert sum(status in (401, 404) for status in statuses.values()) > 0.9 * len(statuses)
