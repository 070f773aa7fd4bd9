"""What any protocol must answer: the probabilities of POST /predict, to the last bit, and errors of one shape."""

import re
import struct
from typing import Any

import httpx
import numpy as np

from tests.servers import Server

MODEL = "tiny"
"""The name of the bundle that the tests train, and its version."""
VERSION = "1"

INPUT = "text"
OUTPUT = "positive_probability"

KEY = "a-key-of-the-protocol-tests-0123456789"

SECRET = "Plughxyzzy"
"""A word of every review that is refused; no error and no log line may hold it."""

REVIEWS = [
    "A superb and moving film",
    "dull, a waste of the story",
    "Ein Vergnügen — très “charming”, 素晴らしい",
    "\U0001f600 great \U0001f44d\U0001f3fd",
    "the worst\0mess",
    "<br />The end!\r\n\t",
    "\ufeff\u202ewonderful",
    "a",
]
"""As many as `limited` takes, with what could get lost on the way."""


def predicted(server: Server, reviews: list[str], key: str | None = None) -> list[float]:
    """What POST /predict says about the same reviews."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    response = httpx.post(f"{server.url}/predict", json={"reviews": reviews}, headers=headers)
    assert response.status_code == 200, response.text
    return [prediction["positive_probability"] for prediction in response.json()["predictions"]]


def bits(probabilities: list[float]) -> list[int]:
    """The float32 of each, which must hold it exactly, as an integer of the same bits."""
    exact = np.array(probabilities, dtype=np.float64)
    array = exact.astype("<f4")
    assert (array.astype(np.float64) == exact).all()
    return [int(number) for number in array.view("<u4")]


def bits_of(tensor: bytes) -> list[int]:
    """The same of a tensor in binary: float32, little-endian."""
    return list(struct.unpack(f"<{len(tensor) // 4}I", tensor))


def bytes_tensor(*elements: bytes) -> bytes:
    """A BYTES tensor in binary: of each element the length, uint32, little-endian, and the bytes themselves."""
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def error_of(response: httpx.Response, *statuses: int) -> str:
    """The message of an error, after a look at all that such an answer must have."""
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:1000]}"
    assert response.headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"[A-Za-z0-9._:/+=-]{1,128}", response.headers["X-Request-ID"])
    body: dict[str, Any] = response.json()
    assert set(body) == {"error"}
    message = body["error"]
    assert isinstance(message, str)
    assert 10 < len(message) < 500
    assert SECRET not in message
    assert not re.search(r"Traceback|pydantic|errors\.|0x[0-9a-f]{6}|\w+Error\b", message), message
    return message
