"""What is compared: this service in several set-ups, the ceiling, and its peers."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environments import ROOT

PEERS = ROOT / "benchmarks/peers"


def predict_body(reviews: Sequence[str]) -> str:
    """The body of POST /predict."""
    return json.dumps({"reviews": list(reviews)})


def infer_body(reviews: Sequence[str]) -> str:
    """The body of the Open Inference Protocol's POST …/infer."""
    text = {"name": "text", "shape": [len(reviews)], "datatype": "BYTES", "data": list(reviews)}
    return json.dumps({"inputs": [text]})


@dataclass(frozen=True)
class Contender:
    """A server to measure.

    Attributes:
        name: For tables.
        requirements: What its environment holds.
        arguments: What its Python is started with.
        settings: Environment variables.
        port: The environment variable that names the port.
        path: Where it takes reviews.
        body: Makes a request's body from reviews.
    """

    name: str
    requirements: Path
    arguments: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    port: str = "PORT"
    path: str = "/predict"
    body: Callable[[Sequence[str]], str] = predict_body


def _service(runtime: str, workers: int, log_level: str = "warning") -> Contender:
    return Contender(
        f"{runtime}, {workers} {'worker' if workers == 1 else 'workers'}{', logging' if log_level == 'info' else ''}",
        ROOT / "requirements" / {"tensorflow": "serving.txt", "litert": "litert.txt"}[runtime],
        ("-m", "app"),
        {
            "SENTIMENT_RUNTIME": runtime,
            "SENTIMENT_WORKERS": str(workers),
            "SENTIMENT_LOG_LEVEL": log_level,
            "SENTIMENT_DRAIN": "0",
        },
        "SENTIMENT_PORT",
    )


def _peer(name: str, module: str, **different: object) -> Contender:
    return Contender(name, PEERS / f"{module}.txt", ("-m", f"benchmarks.peers.{module}"), **different)  # type: ignore[arg-type]


UVICORN = ("-m", "uvicorn", "--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning")

CEILING = Contender(
    "ceiling",
    ROOT / "requirements/litert.txt",
    (*UVICORN, "benchmarks.ceiling:app"),
    port="UVICORN_PORT",  # click reads it
)
LITERT = _service("litert", 1)
TENSORFLOW = _service("tensorflow", 2)
ALONE = (LITERT, _service("tensorflow", 1))
"""One worker of each runtime, which is measured from inside as well."""
MOSEC = _peer("mosec", "mosec_server")

CONTENDERS = (
    CEILING,
    LITERT,
    _service("litert", 1, "info"),
    _service("litert", 2),
    ALONE[1],
    TENSORFLOW,
    MOSEC,
    _peer("LitServe", "litserve_server"),
    _peer("BentoML", "bentoml_server"),
    _peer("Ray Serve", "ray_server"),
    _peer("MLServer", "mlserver_server", path="/v2/models/imdb/infer", body=infer_body),
)
"""Those that are compared directly stand side by side, so that a drift of the machine meets both."""
