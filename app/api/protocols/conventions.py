"""What both protocols share: the model in their paths, its input, and the checks of reviews."""

from collections.abc import Mapping, Sequence

from ...model.limits import BLANK, check_reviews, is_blank
from ...service import ServedVersion, Service
from ..errors import ModelNotFound, invalid
from ..state import find_version

INPUT = "text"
"""The model's only input."""

MODEL = ("/models/{model_name}", "/models/{model_name}/versions/{model_version}")
"""Paths of the model."""


def version_of(path_params: Mapping[str, str], service: Service) -> ServedVersion:
    """The version that a path names, or the default version.

    Raises:
        ModelNotFound: It names another model, or a version that is not served.
    """
    if path_params["model_name"] != service.name:
        raise ModelNotFound(service.name, list(service.versions))
    return find_version(service, path_params.get("model_version"))


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
