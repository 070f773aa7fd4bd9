"""What both protocols share: the model in their paths, its input, and the check of reviews."""

from collections.abc import Sequence

from ...model.limits import BLANK, check_reviews, is_blank
from ..errors import invalid

INPUT = "text"
"""The model's only input."""

MODEL = ("/models/{model_name}", "/models/{model_name}/versions/{model_version}")
"""Paths of the model, in which `version_of` finds its name and version."""


def check(reviews: Sequence[str], max_reviews: int, max_characters: int, location: str) -> None:
    """Check reviews as the schema of /predict does, which the bodies of the protocols do not have.

    Raises:
        InvalidRequest: A review is blank.
        TooManyReviews, ReviewTooLong: There are too many reviews, or one is too long.
    """
    for index, review in enumerate(reviews):
        if is_blank(review):
            raise invalid(f"{location}.{index}", BLANK)
    check_reviews(reviews, max_reviews, max_characters, location)
