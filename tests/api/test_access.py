"""API keys, CORS, security headers and trusted proxies."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.servers import Server, run_app, serving

OLD, NEW = "the-old-key-0123456789", "the-new-key-0123456789"
BODY = {"reviews": ["superb"]}


@pytest.fixture(scope="module")
def guarded(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Requires a key: one from the environment, one from a file that is gone after the start."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"\n{NEW}\n\n")
    with serving(model_dir=models, runtime="numpy", api_keys=f"{OLD},", api_keys_file=keys) as server:
        keys.unlink()
        yield server


@pytest.fixture(scope="module")
def configured(models: Path) -> Iterator[Server]:
    """Other settings about access than the defaults."""
    origins, proxies = "https://a.example, https://b.example", "192.0.2.0/24"
    with serving(
        model_dir=models, runtime="numpy", docs=False, cors_origins=origins, trusted_proxies=proxies
    ) as server:
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
    for method, path in (
        ("POST", "/predict"),
        ("POST", "/explain"),
        ("GET", "/model"),
        ("GET", "/metrics"),
        ("GET", "/v1/models"),
        ("POST", "/v1/models/tiny:predict"),
        ("GET", "/v2/models/tiny"),
        ("POST", "/v2/models/t%69ny/infer"),
        ("GET", "/v2/models/other/ready"),
    ):
        response = httpx.request(method, httpx.URL(guarded.url, raw_path=path.encode()), headers=headers)
        assert response.status_code == 401, path
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="sentiment"'
        if path.startswith("/v"):
            assert "Authorization: Bearer" in response.json()["error"]
        else:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["type"] == "urn:problem-type:sentiment:unauthorized"


@pytest.mark.parametrize("path", ["/v2/./models/tiny", "//v2/models/tiny", "/v2//models/tiny"])
def test_path_with_extra_slashes_or_dots_does_not_bypass_the_key(guarded: Server, path: str) -> None:
    assert httpx.get(httpx.URL(guarded.url, raw_path=path.encode())).status_code in (401, 404)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/v2", "/v2/health/ready", "/docs", "/openapi.json"])
def test_health_and_documentation_need_no_key(guarded: Server, path: str) -> None:
    assert httpx.get(f"{guarded.url}{path}").status_code == 200


def test_openapi_requires_the_key(guarded: Server) -> None:
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
        {"api_keys": "short"},
        {"api_keys": " , "},
        {"api_keys": "0123456789\t0123456789"},
        {"api_keys_file": "/nowhere"},
        {"api_keys_file": "/dev/null"},
        {"api_keys_file": "x" * 300},
    ],
)
def test_start_with_invalid_keys_fails(settings: dict[str, str]) -> None:
    done = run_app(**settings)
    assert done.returncode == 2
    assert "SENTIMENT_API_KEYS" in done.stderr
    assert "Traceback" not in done.stderr
    assert "'short'" not in done.stderr


def test_documentation_disabled_is_not_found(configured: Server) -> None:
    assert httpx.get(f"{configured.url}/docs").status_code == 404
    assert httpx.get(f"{configured.url}/openapi.json").status_code == 404


def test_responses_have_security_headers_and_no_cors(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json=BODY, headers={"Origin": "https://a.example"})
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Server" not in response.headers


def test_cors_allows_only_the_configured_origins(configured: Server) -> None:
    for origin, allowed in (("https://b.example", "https://b.example"), ("https://c.example", None)):
        response = httpx.post(f"{configured.url}/predict", json=BODY, headers={"Origin": origin})
        assert response.headers.get("Access-Control-Allow-Origin") == allowed
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        status = httpx.options(f"{configured.url}/predict", headers=preflight).status_code
        assert status == (200 if allowed else 400)


def test_forwarded_address_is_logged_only_from_a_trusted_proxy(server: Server, configured: Server) -> None:
    for service, client in ((server, "203.0.113.7"), (configured, "127.0.0.1")):
        httpx.get(f"{service.url}/model", headers={"X-Forwarded-For": "203.0.113.7", "X-Request-ID": "forwarded"})
        service.wait_for("forwarded")
        (line,) = [line for line in service.logs() if line.get("request_id") == "forwarded"]
        assert line["client"] == client
