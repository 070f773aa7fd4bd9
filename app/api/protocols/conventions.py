"""What both protocols share: the model in their paths, and its input."""

from collections.abc import Mapping

from app.api.errors import ModelNotFound
from app.api.state import find_version
from app.service import ServedVersion, Service

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
