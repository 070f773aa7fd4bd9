"""What can go wrong with a call.

SentimentError
├── ServiceError    the service, or a proxy in front of it, returned an error or an invalid response
└── NoResponse      the request could not be sent, the connection failed, or the call took too long

Errors that may be temporary (a failed connection, status 429 or 503) are only raised after the last retry.
"""

from review_sentiment_client.models import Problem

NO_TYPE = "about:blank"
"""The type of a problem that has none, by RFC 9457."""


class SentimentError(Exception):
    """The call failed."""


class ServiceError(SentimentError):
    """The service, or a proxy in front of it, returned an error or an invalid response.

    Attributes:
        status: The HTTP status.
        type: The kind of problem, for example `/problems/review-too-long`; `about:blank` if the
            response does not come from the service.
        detail: What is wrong and how to resolve it.
        request_id: The response's X-Request-ID, which the log of the service contains; None if there is none.
        problem: All that the service says about the error, such as `limit` and `received`; None if the response does
            not come from the service.
        first: Index of the first review in the failed request. Long lists are sent in several requests, and the
            service counts from there: its `reviews.0` is this review.
    """

    # All arguments are positional and passed on, so that the exception can be pickled.
    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002  # the name in RFC 9457
        detail: str,
        request_id: str | None,
        problem: Problem | None = None,
        first: int = 0,
    ) -> None:
        super().__init__(status, type, detail, request_id, problem, first)
        self.status = status
        self.type = type
        self.detail = detail
        self.request_id = request_id
        self.problem = problem
        self.first = first

    def __str__(self) -> str:
        notes = [f"request {self.request_id}"] if self.request_id else []
        notes += [f"its reviews are counted from {self.first}"] if self.first else []
        return f"{self.status}: {self.detail}" + (f" ({', '.join(notes)})" if notes else "")


class NoResponse(SentimentError):
    """The request could not be sent, the connection failed, or the call took too long; `__cause__` is the reason."""
