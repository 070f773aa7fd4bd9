"""Which model a path of the protocols names, and whether it is the one that is served."""

from fastapi import HTTPException, Request, status

from app.api.problems import ModelNotFound
from app.api.state import Serving, serving_of
from app.routes import address_in


def asked_for(request: Request) -> Serving:
    """The loaded bundle.

    Raises:
        ModelNotFound: The path names another model or version.
        NotServing: There is none, yet or ever.
    """
    serving = serving_of(request)
    address = address_in(request.scope["path"])
    manifest = serving.bundle.manifest
    if address is None or address.model != manifest.name or address.version not in (None, manifest.version):
        raise ModelNotFound(manifest.name, manifest.version)
    return serving


def refuse_verbs(request: Request) -> None:
    """See that a path is that of a model alone; the router takes what follows a colon for a part of the name.

    Raises:
        HTTPException: It says what to do with the model, which wants POST.
    """
    address = address_in(request.scope["path"])
    if address is not None and address.verb:
        raise HTTPException(status.HTTP_405_METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
