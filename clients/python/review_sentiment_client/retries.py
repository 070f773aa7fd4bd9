"""When to repeat a request: after failed connections and status 503, for a limited time."""

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

LONGEST_BACKOFF = 8.0
"""Seconds."""

Outcome = httpx.Response | httpx.RequestError
"""What comes of a request."""


@dataclass(frozen=True)
class Retries:
    """How often, and for how long, to try.

    Attributes:
        max_tries: Maximum number of times that a request is sent.
        max_seconds: No retry starts later than this many seconds after the first try.
    """

    max_tries: int
    max_seconds: float

    def wait(self, outcome: Outcome, tries: int, elapsed: float) -> float | None:
        """Seconds to wait before the next try; None if there is to be none.

        Args:
            outcome: Of the last try.
            tries: Number of tries so far.
            elapsed: Seconds since the first one began.
        """
        if not is_temporary(outcome) or tries >= self.max_tries:
            return None
        seconds = retry_after(outcome) if isinstance(outcome, httpx.Response) else None
        if seconds is None:
            seconds = min(0.25 * 2 ** min(tries, 10), LONGEST_BACKOFF)
        # Clients that were rejected together should not come back together.
        seconds *= random.uniform(1, 1.25)  # noqa: S311  # nothing secret
        return seconds if elapsed + seconds <= self.max_seconds else None


def is_temporary(outcome: Outcome) -> bool:
    """Whether another try may succeed. Predictions change nothing, so a request may be repeated even if it arrived.

    Timeouts other than for connecting are final: the service was busy with the request all that time.
    """
    if isinstance(outcome, httpx.Response):
        return outcome.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return isinstance(outcome, httpx.NetworkError | httpx.ConnectTimeout | httpx.RemoteProtocolError)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that a response asks to wait: as a number or an HTTP date; None if it does not say."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
