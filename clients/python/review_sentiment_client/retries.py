"""When to repeat a request: after failed connections and the statuses 429 and 503."""

import random
import time
from email.utils import parsedate_to_datetime

import httpx

from review_sentiment_client.responses import Response

LONGEST_BACKOFF = 8.0
"""Seconds."""
TEMPORARY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)

Outcome = Response | Exception
"""What comes of a request."""


def backoff(outcome: Outcome, tries: int) -> float | None:
    """Seconds to wait before the next try; None if another one would not help.

    Args:
        outcome: Of the last try.
        tries: Number of tries so far.
    """
    if not is_temporary(outcome):
        return None
    seconds = retry_after(outcome) if isinstance(outcome, Response) else None
    if seconds is None:
        seconds = min(0.25 * 2 ** min(tries, 10), LONGEST_BACKOFF)
    # Clients that were rejected together should not come back together.
    return seconds * random.uniform(1, 1.25)  # noqa: S311  # nothing secret


def is_temporary(outcome: Outcome) -> bool:
    """Whether another try may succeed. Predictions change nothing, so a request may be repeated even if it arrived."""
    if isinstance(outcome, Response):
        return outcome.status in TEMPORARY
    return isinstance(outcome, httpx.NetworkError | httpx.RemoteProtocolError)


def retry_after(response: Response) -> float | None:
    """Seconds that a response asks to wait: as a number or an HTTP date; None if it does not say."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):  # not a date, or one of a year that does not exist
        return None
