"""An unexpected exception: the client learns nothing about it, the log has everything."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.telemetry.output import standard_output

DETAIL = "The service failed. Its log has the cause under this response's X-Request-ID."


async def fail() -> None:
    raise RuntimeError("the cause")


@pytest.mark.parametrize("path", ["/broken", "/v1/broken", "/v2/broken"])
def test_unexpected_exception_is_answered_500_and_logged(
    models: Path, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    app = create_app(Settings(model_dir=models, runtime="numpy", log_format="json"))
    app.add_api_route(path, fail)
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get(path, headers={"X-Request-ID": "unlucky"})
        metrics = client.get("/metrics").text
    assert response.status_code == 500
    assert response.headers["X-Request-ID"] == "unlucky"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if path == "/broken":
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json() == {
            "type": "/problems/internal-error",
            "title": "Internal error",
            "status": 500,
            "detail": DETAIL,
            "request_id": "unlucky",
        }
    else:
        assert response.json() == {"error": DETAIL}
    standard_output().finish()
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    failed, logged = [line for line in lines if line.get("request_id") == "unlucky"]
    assert (failed["level"], failed["event"]) == ("error", "request failed")
    assert failed["exception"][0]["exc_value"] == "the cause"
    assert (logged["event"], logged["status"], logged["problem"]) == ("request", 500, "internal-error")
    assert 'sentiment_rejections_total{reason="internal-error"} 1.0' in metrics
