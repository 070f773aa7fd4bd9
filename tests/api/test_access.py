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
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"\n{NEW}\n\n")
    with serving(model_dir=models, runtime="litert", api_keys=f"{OLD},", api_keys_file=keys) as server:
        yield server


@pytest.mark.parametrize("key", [OLD, NEW])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_request_with_a_valid_key_is_answered(guarded: Server, scheme: str, key: str) -> None:
    headers = {"Authorization": f"{scheme} {key}"}
    assert httpx.post(f"{guarded.url}/predict", json=BODY, headers=headers).status_code == 200
    assert httpx.get(f"{guarded.url}/model", headers=headers).status_code == 200
    assert httpx.get(f"{guarded.url}/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", f"Bearer {OLD}x", f"Bearer {OLD[:-1]}", f"Basic {OLD}", OLD, "Bearer \xe9" * 3],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/model"), ("GET", "/metrics")])
def test_request_without_a_valid_key_is_answered_401(
    guarded: Server, method: str, path: str, authorization: str | None
) -> None:
    headers = [(b"Authorization", authorization.encode("latin-1"))] if authorization is not None else []
    response = httpx.request(method, f"{guarded.url}{path}", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="sentiment"'
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == "urn:problem-type:sentiment:unauthorized"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_health_and_documentation_stay_open(guarded: Server, path: str) -> None:
    assert httpx.get(f"{guarded.url}{path}").status_code == 200


def test_openapi_requires_the_key(guarded: Server) -> None:
    document = httpx.get(f"{guarded.url}/openapi.json").json()
    (scheme,) = document["paths"]["/predict"]["post"]["security"]
    assert (
        document["components"]["securitySchemes"][next(iter(scheme))].items()
        >= {"type": "http", "scheme": "bearer"}.items()
    )
    assert document["paths"]["/health/ready"]["get"]["security"] == []


def test_log_names_the_caller_and_never_the_key(guarded: Server) -> None:
    httpx.post(
        f"{guarded.url}/predict", json=BODY, headers={"Authorization": f"Bearer {NEW}", "X-Request-ID": "who-asks"}
    )
    guarded.wait_for("who-asks")
    (line,) = [line for line in guarded.logs() if line.get("request_id") == "who-asks"]
    assert len(line["key"]) == 8
    assert not [line for line in guarded.lines if OLD in line or NEW in line]


def test_settings_never_show_a_key() -> None:
    assert OLD not in repr(Settings(api_keys=OLD))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [
        {"api_keys": "short"},
        {"api_keys": " , "},
        {"api_keys": "0123456789\t0123456789"},
        {"api_keys_file": "/nowhere"},
        {"api_keys_file": "/dev/null"},
    ],
)
def test_start_with_invalid_keys_fails(settings: dict[str, str]) -> None:
    done = run_app(**settings)
    assert done.returncode == 2
    assert "SENTIMENT_API_KEYS" in done.stderr
    assert "Traceback" not in done.stderr
    assert "'short'" not in done.stderr


def test_documentation_disabled_is_not_found(models: Path) -> None:
    with serving(model_dir=models, runtime="litert", docs=False) as server:
        assert httpx.get(f"{server.url}/docs").status_code == 404
        assert httpx.get(f"{server.url}/openapi.json").status_code == 404
        assert httpx.post(f"{server.url}/predict", json=BODY).status_code == 200


def test_responses_have_security_headers_and_no_cors(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json=BODY, headers={"Origin": "https://elsewhere.example"})
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Server" not in response.headers


@pytest.mark.parametrize(("trusted", "client"), [("127.0.0.1", "203.0.113.7"), ("192.0.2.0/24", "127.0.0.1")])
def test_forwarded_address_is_logged_only_from_a_trusted_proxy(models: Path, trusted: str, client: str) -> None:
    with serving(model_dir=models, runtime="litert", trusted_proxies=trusted) as server:
        httpx.get(f"{server.url}/model", headers={"X-Forwarded-For": "203.0.113.7", "X-Request-ID": "from-where"})
        server.wait_for("from-where")
        (line,) = [line for line in server.logs() if line.get("request_id") == "from-where"]
    assert line["client"] == client


def test_cors_allows_only_the_configured_origins(models: Path) -> None:
    with serving(model_dir=models, runtime="litert", cors_origins="https://a.example, https://b.example") as server:
        for origin, allowed in (("https://b.example", "https://b.example"), ("https://c.example", None)):
            response = httpx.post(f"{server.url}/predict", json=BODY, headers={"Origin": origin})
            assert response.headers.get("Access-Control-Allow-Origin") == allowed
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = httpx.options(f"{server.url}/predict", headers=asked)
            assert (preflight.status_code == 200) == (allowed is not None)


def test_key_file_is_read_once_at_the_start(models: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(NEW)
    with serving(model_dir=models, runtime="litert", api_keys_file=keys) as server:
        keys.unlink()
        document = httpx.get(f"{server.url}/openapi.json")
        assert document.status_code == 200
        assert len(document.json()["paths"]["/predict"]["post"]["security"]) == 1
        headers = {"Authorization": f"Bearer {NEW}"}
        assert httpx.post(f"{server.url}/predict", json=BODY, headers=headers).status_code == 200
