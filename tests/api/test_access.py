"""API keys, CORS, security headers and trusted proxies; only public routes need no key, however a path is written."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from app.api.routing import policy_of
from app.main import create_app
from app.settings import Settings
from tests.raw_http import PARSERS, connected_to, post
from tests.servers import Server, run_app, serving

OLD, NEW = "the-old-key-0123456789", "the-new-key-0123456789"
AUTHORIZATION = {"Authorization": f"Bearer {OLD}"}
BODY = {"reviews": ["superb"]}
ORIGIN = "https://b.example"
PUBLIC = {
    *("/", "/docs", "/docs/assets", "/docs/assets/start", "/openapi.json", "/health/live", "/health/ready"),
    "/docs/assets/shared",
    *("/playground", "/playground/report/{version}/card", "/playground/report/{version}/{name}"),
    *("/problems/{name}", "/v2", "/v2/health/live", "/v2/health/ready"),
}
TENSOR = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["superb"]}
PARAMETERS = {"model_name": "tiny", "model_version": "1", "version": "1", "name": "loss.png"}


@pytest.fixture(scope="module", params=PARSERS)
def guarded(models: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Requires a key: one from the environment, one from a file that is gone after the start."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"\n{NEW}\n\n")
    settings = {"api_keys": f"{OLD},", "api_keys_file": keys, "cors_origins": f"https://a.example, {ORIGIN}"}
    with serving(
        model_dir=models, runtime="numpy", http=request.param, trusted_proxies="192.0.2.0/24", **settings
    ) as server:
        keys.unlink()
        yield server


@pytest.mark.parametrize("authorization", [f"Bearer {OLD}", f"bearer {NEW}"])
def test_request_with_a_valid_key_is_answered(guarded: Server, authorization: str) -> None:
    headers = {"Authorization": authorization}
    assert httpx.post(f"{guarded.url}/predict", json=BODY, headers=headers).status_code == 200
    for path in ("/model", "/metrics", "/v1/models"):
        assert httpx.get(f"{guarded.url}{path}", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", f"Bearer {OLD}x", f"Bearer {OLD[:-1]}", f"Basic {OLD}", OLD, "Bearer \xe9" * 3],
)
def test_request_without_a_valid_key_is_answered_401(guarded: Server, authorization: str | None) -> None:
    headers = [(b"Authorization", authorization.encode("latin-1"))] if authorization is not None else []
    for method, path in (("POST", "/predict"), ("GET", "/metrics"), ("POST", "/v2/models/t%69ny/infer")):
        response = httpx.request(method, httpx.URL(guarded.url, raw_path=path.encode()), headers=headers)
        assert response.status_code == 401, path
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="sentiment"'
        if path.startswith("/v"):
            assert "Authorization: Bearer" in response.json()["error"]
        else:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["type"] == "/problems/unauthorized"


def test_openapi_requires_the_key(guarded: Server) -> None:
    """Which is public, as are the health checks and the page."""
    for path in ("/health/live", "/health/ready", "/v2", "/v2/health/ready", "/docs"):
        assert httpx.get(f"{guarded.url}{path}").status_code == 200
    document = httpx.get(f"{guarded.url}/openapi.json").json()
    assert document["paths"]["/predict"]["post"]["security"] == [{"key": []}]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["paths"]["/health/ready"]["get"]["security"] == []


def test_log_identifies_the_key_without_containing_it(guarded: Server) -> None:
    headers = {"Authorization": f"Bearer {NEW}", "X-Request-ID": "has-a-key"}
    httpx.post(f"{guarded.url}/predict", json=BODY, headers=headers)
    guarded.wait_for("has-a-key")
    (line,) = [line for line in guarded.logs() if line.get("request_id") == "has-a-key"]
    assert len(line["key"]) == 8
    assert not [line for line in guarded.lines if OLD in line or NEW in line]
    assert OLD not in repr(Settings(api_keys=OLD))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [
        *({"api_keys": keys} for keys in ("short", " , ", "0123456789\t0123456789")),
        *({"api_keys_file": file} for file in ("/nowhere", "/dev/null", "x" * 300)),
    ],
)
def test_start_with_invalid_keys_fails(settings: dict[str, str]) -> None:
    done = run_app(**settings)
    assert done.returncode == 2
    assert "SENTIMENT_API_KEYS" in done.stderr
    assert "Traceback" not in done.stderr
    assert "'short'" not in done.stderr


def test_responses_have_security_headers_and_no_cors(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json=BODY, headers={"Origin": ORIGIN})
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Server" not in response.headers


def test_cors_allows_only_the_configured_origins_and_needs_no_key(guarded: Server) -> None:
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://c.example", None)):
        rejected = httpx.post(f"{guarded.url}/predict", json=BODY, headers={"Origin": origin})
        assert (rejected.status_code, rejected.headers.get("Access-Control-Allow-Origin")) == (401, allowed)
        preflight = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, if-none-match",
        }
        status = httpx.options(f"{guarded.url}/predict", headers=preflight).status_code
        assert status == (200 if allowed else 400)


def test_forwarded_address_is_logged_only_from_a_trusted_proxy(server: Server, guarded: Server) -> None:
    for service, client in ((server, "203.0.113.7"), (guarded, "127.0.0.1")):
        httpx.get(f"{service.url}/model", headers={"X-Forwarded-For": "203.0.113.7", "X-Request-ID": "forwarded"})
        service.wait_for("forwarded")
        (line,) = [line for line in service.logs() if line.get("request_id") == "forwarded"]
        assert line["client"] == client


def routes() -> list[Route | Mount]:
    """All routes. Fails if there is another kind of route, which these tests would miss."""
    found = create_app(Settings()).routes
    assert all(isinstance(route, Route | Mount) for route in found)
    return [route for route in found if isinstance(route, Route | Mount)]


def test_public_routes_are_these() -> None:
    assert {route.path for route in routes() if policy_of(route).public} == PUBLIC


def test_new_route_needs_a_key_by_default(models: Path) -> None:
    app = create_app(Settings(model_dir=models, runtime="numpy", api_keys=OLD))  # type: ignore[arg-type]
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


def answers_without_a_key(url: str) -> dict[str, int]:
    """Request line -> status, for each spelling of the path of each route that is not public."""
    statuses: dict[str, int] = {}
    with ExitStack() as stack:
        connection = stack.enter_context(connected_to(url))
        for route in routes():
            if policy_of(route).public:
                continue
            assert isinstance(route, Route)
            path = re.sub(r"{(\w+)}", lambda match: PARAMETERS[match[1]], route.path)
            body = json.dumps({"reviews": ["superb"], "instances": ["superb"], "inputs": [TENSOR]}).encode()
            for variant, method in product(variants(path), sorted((route.methods or set()) - {"HEAD"})):
                connection.send(post(body, target=variant).replace(b"POST", method.encode(), 1))
                answer = connection.answer()
                statuses[f"{method} {variant}"] = answer.status
                if answer.headers["Connection"] == "close":
                    connection = stack.enter_context(connected_to(url))
    assert len(statuses) > 2000
    return statuses


def test_no_spelling_of_a_path_avoids_the_key(guarded: Server) -> None:
    """400 is the parser's: the request line is not valid HTTP."""
    statuses = answers_without_a_key(guarded.url)
    assert {line: status for line, status in statuses.items() if status not in (400, 401, 404, 405)} == {}
    assert sum(status in (401, 404) for status in statuses.values()) > 0.9 * len(statuses)
