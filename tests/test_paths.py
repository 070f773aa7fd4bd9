"""Which route a path belongs to; `app.routes` alone says so, for counting, shedding, keys and the form of errors."""

import pytest

from app.routes import Address, address_in, route_of, speaks_protocol


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/predict", "/predict"),
        ("/predict/", "other"),
        ("/model", "/model"),
        ("/docs", "/docs"),
        ("/docs/assets/favicon.png", "/docs"),
        ("/docsx", "other"),
        ("/", "/"),
        ("/playground/words.js", "/playground"),
        ("/playgroundx", "other"),
        ("/redoc", "/redoc"),
        ("", "other"),
        ("/v2", "/v2"),
        ("/v2/", "/v2"),
        ("/v2x", "other"),
        ("/v3/models/imdb/infer", "other"),
        ("/v2/health/ready", "/v2"),
        ("/v2/models/imdb", "/v2"),
        ("/v2/models/imdb/infer", "/v2/models/{model_name}/infer"),
        ("/v2/models/{model_name}/infer", "/v2/models/{model_name}/infer"),
        ("/v2/models/imdb/versions/2/infer", "/v2/models/{model_name}/infer"),
        ("/v2/models/imdb/infer/", "/v2"),
        ("/v2/models//infer", "/v2"),
        ("/v2/models/a/b/infer", "/v2"),
        ("/v1/models/imdb", "/v1"),
        ("/v1/models/imdb:predict", "/v1/models/{model_name}:predict"),
        ("/v1/models/imdb/versions/2:predict", "/v1/models/{model_name}:predict"),
        ("/v1/models/imdb:explain", "/v1/models/{model_name}:explain"),
        ("/v1/models/imdb:classify", "/v1"),
        ("/explain", "/explain"),
        ("/v1/models/:predict", "/v1"),
    ],
)
def test_path_has_its_route(path: str, route: str) -> None:
    assert route_of(path) == route


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v2/models/imdb", Address("imdb", None, "")),
        ("/v2/models/imdb/ready", Address("imdb", None, "/ready")),
        ("/v2/models/imdb/versions/2/infer", Address("imdb", "2", "/infer")),
        ("/v1/models/imdb", Address("imdb", None, "")),
        ("/v1/models/imdb/versions/2:predict", Address("imdb", "2", ":predict")),
        ("/v1/models/imdb:explain", Address("imdb", None, ":explain")),
        ("/v1/models/im:db:predict", Address("im:db", None, ":predict")),
        ("/v2/models/", None),
        ("/v2/health/ready", None),
        ("/predict", None),
    ],
)
def test_path_names_a_model(path: str, address: Address | None) -> None:
    assert address_in(path) == address


@pytest.mark.parametrize("path", ["/v1", "/v2", "/v2/", "/v2/nothing", "/v1/models/imdb"])
def test_protocol_is_spoken(path: str) -> None:
    assert speaks_protocol(path)


@pytest.mark.parametrize("path", ["", "/", "/v", "/v1x", "/v20/models", "/predict", "/x/v2/models"])
def test_protocol_is_not_spoken(path: str) -> None:
    assert not speaks_protocol(path)
