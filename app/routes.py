"""Paths: by which name a request is counted, which of them score reviews, want a key, or speak another protocol."""

import re
from functools import lru_cache
from typing import NamedTuple

PREDICT = "/predict"
EXPLAIN = "/explain"
INFER = "/v2/models/{model_name}/infer"
TENSORFLOW_PREDICT = "/v1/models/{model_name}:predict"
TENSORFLOW_EXPLAIN = "/v1/models/{model_name}:explain"
PREDICTIONS = (PREDICT, EXPLAIN, INFER, TENSORFLOW_PREDICT, TENSORFLOW_EXPLAIN)
"""Those that score reviews; a path that names a version as well counts as the one that does not."""

V1 = "/v1"
V2 = "/v2"
MODEL = "/model"
METRICS = "/metrics"
DOCS = "/docs"
REDOC = "/redoc"
PLAYGROUND = "/playground"
OTHER = "other"
PAGES = ("/", PLAYGROUND, DOCS, REDOC, "/openapi.json")
ROUTES = (*PREDICTIONS, MODEL, "/health/live", "/health/ready", METRICS, *PAGES, V1, V2, OTHER)
"""`/v1` and `/v2` stand for all of TensorFlow Serving's and of the Open Inference Protocol's paths but predictions."""

GUARDED = frozenset((PREDICT, EXPLAIN, MODEL, METRICS))
GUARDED_BELOW = (f"{V1}/models", f"{V2}/models")

_EXACT = frozenset(route for route in ROUTES if "{" not in route) - {OTHER}
_ADDRESS = re.compile(
    r"/(?:v2/models/(?P<v2>[^/]+)(?:/versions/(?P<v2_version>[^/]+))?(?P<v2_verb>/infer|/ready)?"
    r"|v1/models/(?P<v1>[^/]+?)(?:/versions/(?P<v1_version>[^/]+?))?(?P<v1_verb>:predict|:explain)?)"
)
_PREDICTING = {"/infer": INFER, ":predict": TENSORFLOW_PREDICT, ":explain": TENSORFLOW_EXPLAIN}


class Address(NamedTuple):
    """What a path of the protocols names.

    Attributes:
        model: The model's name.
        version: The version, if the path names one.
        verb: What to do with it: `/infer`, `/ready`, `:predict`, `:explain`, or nothing: describe it.
    """

    model: str
    version: str | None
    verb: str


@lru_cache(maxsize=32)
def address_in(path: str) -> Address | None:
    """Take a path of the protocols apart; None for one that names no model."""
    match = _ADDRESS.fullmatch(path)
    if match is None:
        return None
    model, version, verb = match.groups()[:3] if match["v2"] else match.groups()[3:]
    return Address(model, version, verb or "")


def route_of(path: str) -> str:
    """The name, one of `ROUTES`, by which a request to this path is counted."""
    if path in _EXACT:
        return path
    if path.startswith((V1, V2)):
        address = address_in(path)
        if address is not None and address.verb in _PREDICTING:
            return _PREDICTING[address.verb]
        return path[:3] if speaks_protocol(path) else OTHER
    for pages in (DOCS, PLAYGROUND):
        if path.startswith(f"{pages}/"):
            return pages
    return OTHER


def speaks_protocol(path: str) -> bool:
    """Whether clients of another protocol than this service's own ask here, and want errors as they know them."""
    return path.startswith((V1, V2)) and path[3:4] in ("", "/")


def wants_key(path: str) -> bool:
    """Whether a path wants a key, where there are any.

    Health stays open, as probes have no keys; so does the documentation, which holds no secret and can be closed.
    """
    return path in GUARDED or path.startswith(GUARDED_BELOW)
