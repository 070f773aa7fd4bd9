"""Client for the review sentiment service, which estimates how likely a movie review is to be positive."""

from review_sentiment_client.client import AsyncSentimentClient, SentimentClient
from review_sentiment_client.errors import NoResponse, SentimentError, ServiceError
from review_sentiment_client.models import Effect, Explanation, Limits, ModelResponse, Prediction, Problem, Span

__all__ = [
    "AsyncSentimentClient",
    "Effect",
    "Explanation",
    "Limits",
    "ModelResponse",
    "NoResponse",
    "Prediction",
    "Problem",
    "SentimentClient",
    "SentimentError",
    "ServiceError",
    "Span",
]
