"""Lists of reviews -> request bodies within the limits of the service."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

ENVELOPE = len('{"reviews":[]}')


class Batch(NamedTuple):
    """The reviews of one request.

    Attributes:
        first: Index of its first review in the list.
        reviews: Number of reviews.
        body: The request body, JSON.
    """

    first: int
    reviews: int
    body: bytes


def split(reviews: Sequence[str], max_reviews: int, max_bytes: int, top: int | None = None) -> Iterator[Batch]:
    """Split reviews into as few requests as their order and the limits permit.

    Args:
        reviews: Raw texts. One that is too large for a request of its own is sent anyway, and rejected by the service.
        max_reviews: Maximum number of reviews per request.
        max_bytes: Maximum size of a body.
        top: Another field of each body, if it is not None.

    Yields:
        Batches in the order of the reviews.

    Raises:
        TypeError: The reviews are a single text, which would count as a list of characters, or one of them is no text.
    """
    if isinstance(reviews, str):
        raise TypeError("reviews must be a list of texts, not one text")
    rest = b"" if top is None else f',"top":{json.dumps(top)}'.encode()
    first, parts, size = 0, list[bytes](), 0
    for index, review in enumerate(reviews):
        if not isinstance(review, str):
            raise TypeError(f"reviews must be a list of texts, but number {index} is {type(review).__name__}")
        # A lone surrogate has no encoding in UTF-8; as `\ud800` it is JSON, and the service can say what is wrong.
        part = json.dumps(review, ensure_ascii=False).encode(errors="backslashreplace")
        if parts and (len(parts) == max_reviews or size + len(part) > max_bytes):
            yield Batch(first, len(parts), _body(parts, rest))
            parts = []
        if not parts:
            first, size = index, ENVELOPE + len(rest)
        parts.append(part)
        size += len(part) + len(",")
    if parts:
        yield Batch(first, len(parts), _body(parts, rest))


def _body(parts: list[bytes], rest: bytes) -> bytes:
    return b'{"reviews":[' + b",".join(parts) + b"]" + rest + b"}"
