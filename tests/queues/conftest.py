"""Fixtures: the event loop of the asynchronous tests."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """What anyio's pytest plugin runs tests marked with `pytest.mark.anyio` on."""
    return "asyncio"
