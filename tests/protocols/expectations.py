"""What the tests of both protocols share: names, reviews, and checks of probabilities and errors."""

import re
import struct
from typing import Any

import httpx

MODEL, VERSION = "tiny", "1"
"""The bundle that the tests train."""

INPUT, OUTPUT = "text", "positive_probability"

METADATA = {
    "name": MODEL,
    "versions": [VERSION],
    "platform": "tensorflow_savedmodel",
    "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
    "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1]}],
}

SECRET = "Plughxyzzy"
"""A word of rejected reviews; no error and no log line may contain it."""

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
"""As many as the fixture `limited` accepts, with characters that are easily damaged on the way."""


def predicted(url: str, reviews: list[str]) -> list[float]:
    """The probabilities that POST /predict returns, rounded to float32, which tensors contain."""
    response = httpx.post(f"{url}/predict", json={"reviews": reviews})
    assert response.status_code == 200, response.text
    return rounded([prediction["positive_probability"] for prediction in response.json()["predictions"]])


def rounded(probabilities: list[float]) -> list[float]:
    """The same as float32, which tensors contain."""
    return [struct.unpack("<f", struct.pack("<f", probability))[0] for probability in probabilities]


def bytes_tensor(*elements: bytes) -> bytes:
    """A binary BYTES tensor: the length of each element (uint32, little-endian), then its bytes."""
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def error_of(response: httpx.Response, status: int) -> str:
    """Check the form of an error response and return its message."""
    assert response.status_code == status, response.text[:1000]
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-ID"]
    body: dict[str, Any] = response.json()
    message = body.pop("error")
    assert not body
    assert 10 < len(message) < 500
    assert not re.search(rf"{SECRET}|Traceback|pydantic|errors\.|0x[0-9a-f]{{6}}|\w+Error\b", message), message
    return str(message)
