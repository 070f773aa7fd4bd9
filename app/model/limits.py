"""Limits on reviews and their messages, shared by the API, the terminal and bulk scoring."""

from collections.abc import Sequence

from .errors import ReviewTooLong, TooManyReviews

MAX_TERMS = 20
"""Maximum number of terms per prediction."""

BLANK = "A review must contain text; this one is blank"
"""The error message for a blank review."""


def is_blank(review: str) -> bool:
    """Whether a review is empty or only white space."""
    return not review or review.isspace()


def check_reviews(reviews: Sequence[str], max_reviews: int, max_characters: int, location: str) -> None:
    """Check the number of reviews in a request, and the length of each; see `check_length`.

    Raises:
        TooManyReviews: There are too many.
        ReviewTooLong: One is too long; the message names it by its location in the request body.
    """
    if len(reviews) > max_reviews:
        raise TooManyReviews(max_reviews, len(reviews))
    for index, review in enumerate(reviews):
        check_length(review, max_characters, f"{location}.{index}", index)


def check_length(review: str, max_characters: int, place: str, index: int = 0) -> None:
    """Check the length of a review, in code points.

    Raises:
        ReviewTooLong: It is too long; the message calls it `place`.
    """
    if len(review) > max_characters:
        raise ReviewTooLong(place, index, max_characters, len(review))
