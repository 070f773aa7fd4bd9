"""The short way to a handler and FastAPI's own way answer alike."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

BODIES: list[tuple[str, dict[str, Any]]] = [
    ("good", {"json": {"reviews": ["A superb film.", "xyzzy"]}}),
    ("no JSON", {"content": "{", "headers": {"Content-Type": "application/json"}}),
    ("no type", {"content": "{}"}),
    ("too many", {"json": {"reviews": ["a"] * 9}}),
    ("too long", {"json": {"reviews": ["a" * 1001]}}),
    ("too large", {"json": {"reviews": ["a" * 30_000]}}),
]


ADDED = {"x-request-id", "x-content-type-options", "content-security-policy"}
"""By what every request passes before the ways part."""


@pytest.mark.parametrize(("name", "request_"), BODIES)
def test_both_ways_answer_alike(client: TestClient, name: str, request_: dict[str, Any]) -> None:
    app = client.app
    assert isinstance(app, FastAPI)

    async def the_long_way(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"service": app.state.service}
        await FastAPI.__call__(app, scope, receive, send)

    short = client.post("/predict", **request_)
    long = TestClient(the_long_way).post("/predict", **request_)
    assert (short.status_code, short.content) == (long.status_code, long.content)
    assert [header for header in short.headers.items() if header[0] not in ADDED] == list(long.headers.items())


def test_other_methods_of_a_busy_path_are_answered(client: TestClient) -> None:
    response = client.get("/predict")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert response.headers["X-Request-ID"]
