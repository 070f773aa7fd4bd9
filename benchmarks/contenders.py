"""The servers to compare: this service in several configurations, the ceiling, and other model servers (peers)."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.environments import ROOT
from benchmarks.processes import Running, running


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
        name: Its name in tables.
        requirements: The requirements file of its environment, relative to `root`.
        arguments: Arguments of its Python.
        settings: Environment variables.
        port: The environment variable that sets the port.
        path: The path of predictions.
        body: Builds a request body from reviews.
        root: The checkout that it runs from.
    """

    name: str
    requirements: str
    arguments: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    port: str = "PORT"
    path: str = "/predict"
    body: Callable[[Sequence[str]], str] = predict_body
    root: Path = ROOT

    def run(self, python: Path = Path(sys.executable), review: str = "warm") -> AbstractContextManager[Running]:
        """Run it with a Python; it is ready when it has answered a request with this review."""
        command = [str(python), *self.arguments]
        return running(command, self.settings, self.port, self.path, self.body([review]).encode(), self.root)


def _service(runtime: str, workers: int, suffix: str = "", **settings: str) -> Contender:
    return Contender(
        f"{runtime}, {workers} {'worker' if workers == 1 else 'workers'}{suffix}",
        {"tensorflow": "requirements/serving.txt", "numpy": "requirements/numpy.txt"}[runtime],
        ("-m", "app", "serve"),
        {
            "SENTIMENT_RUNTIME": runtime,
            "SENTIMENT_WORKERS": str(workers),
            "SENTIMENT_LOG_LEVEL": "warning",
            "SENTIMENT_DRAIN": "0",
            **settings,
        },
        "SENTIMENT_PORT",
    )


def _peer(name: str, module: str, environment: str | None = None) -> Contender:
    return Contender(name, f"benchmarks/peers/{environment or module}.txt", ("-m", f"benchmarks.peers.{module}"))


UVICORN = ("-m", "uvicorn", "--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning")
CEILING = Contender("ceiling", "requirements/numpy.txt", (*UVICORN, "benchmarks.ceiling:app"), port="UVICORN_PORT")

LOGGING = {"SENTIMENT_LOG_LEVEL": "info"}
"""The default: one log line per request."""

ONE_WORKER = {"numpy": _service("numpy", 1), "tensorflow": _service("tensorflow", 1)}
SERVICE = (
    ONE_WORKER["numpy"],
    _service("numpy", 1, ", logging", **LOGGING),
    _service("numpy", 2),
    _service("numpy", 2, ", logging", **LOGGING),
    ONE_WORKER["tensorflow"],
    _service("tensorflow", 2),
    _service("tensorflow", 2, ", logging", **LOGGING),
    _service("tensorflow", 2, ", book's bundle", SENTIMENT_MODEL_VERSION="1"),
)
MOSEC = _peer("mosec", "mosec_server")

PEERS = (
    _peer("mosec, plain Python", "mosec_plain_server", "mosec_server"),
    MOSEC,
    _peer("LitServe", "litserve_server"),
    _peer("BentoML", "bentoml_server"),
    _peer("Ray Serve", "ray_server"),
    replace(_peer("MLServer", "mlserver_server"), path="/v2/models/imdb/infer", body=infer_body),
)
CONTENDERS = (CEILING, *SERVICE, *PEERS)
"""Servers that are compared directly run one after the other, so that drift of the machine affects both alike."""


def before(name: str) -> str:
    """The name of a server's counterpart in the baseline."""
    return f"{name}, before"


def with_baseline(contenders: Sequence[Contender], baseline: Path) -> list[Contender]:
    """Add the service of another checkout in every configuration, right behind this one's."""
    result = []
    for contender in contenders:
        result.append(contender)
        if contender in SERVICE:
            result.append(replace(contender, name=before(contender.name), root=baseline))
    return result
