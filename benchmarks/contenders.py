"""What is compared: this service in several configurations, the ceiling, and its peers."""

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
        name: For tables.
        requirements: The packages of its environment: a file, seen from `root`.
        arguments: Arguments of its Python.
        settings: Environment variables.
        port: The environment variable that sets the port.
        path: The path that predicts.
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

    def before(self, baseline: Path) -> "Contender":
        """The same service and settings, from another checkout."""
        return replace(self, name=before(self.name), root=baseline)

    def run(self, python: Path = Path(sys.executable), review: str = "warm") -> AbstractContextManager[Running]:
        """Run it with a Python; it is ready once it has answered a request with this review."""
        first_request = (self.path, self.body([review]).encode())
        return running([str(python), *self.arguments], self.settings, first_request, self.port, self.root)


def before(name: str) -> str:
    """The name of a contender's counterpart in the baseline."""
    return f"{name}, before"


def _service(runtime: str, workers: int, more: str = "", **settings: str) -> Contender:
    return Contender(
        f"{runtime}, {workers} {'worker' if workers == 1 else 'workers'}{more}",
        {"tensorflow": "requirements/serving.txt", "litert": "requirements/litert.txt"}[runtime],
        ("-m", "app"),
        {
            "SENTIMENT_RUNTIME": runtime,
            "SENTIMENT_WORKERS": str(workers),
            "SENTIMENT_LOG_LEVEL": "warning",
            "SENTIMENT_DRAIN": "0",
            **settings,
        },
        "SENTIMENT_PORT",
    )


def _peer(name: str, module: str, environment: str | None = None, **different: object) -> Contender:
    requirements = f"benchmarks/peers/{environment or module}.txt"
    return Contender(name, requirements, ("-m", f"benchmarks.peers.{module}"), **different)  # type: ignore[arg-type]


UVICORN = ("-m", "uvicorn", "--http", "zttp", "--loop", "uvloop", "--no-access-log", "--log-level", "warning")

CEILING = Contender(
    "ceiling",
    "requirements/litert.txt",
    (*UVICORN, "benchmarks.ceiling:app"),
    port="UVICORN_PORT",  # click reads it
)
SERVICE = (
    _service("litert", 1),
    _service("litert", 1, ", logging", SENTIMENT_LOG_LEVEL="info"),
    _service("litert", 2),
    _service("tensorflow", 1),
    _service("tensorflow", 2),
    _service("tensorflow", 2, ", book's bundle", SENTIMENT_MODEL_VERSION="1"),
)
ONE_WORKER = {"litert": SERVICE[0], "tensorflow": SERVICE[3]}
MOSEC = _peer("mosec", "mosec_server")

CONTENDERS = (
    CEILING,
    *SERVICE,
    _peer("mosec, plain Python", "mosec_plain_server", "mosec_server"),
    MOSEC,
    _peer("LitServe", "litserve_server"),
    _peer("BentoML", "bentoml_server"),
    _peer("Ray Serve", "ray_server"),
    _peer("MLServer", "mlserver_server", path="/v2/models/imdb/infer", body=infer_body),
)
"""Those that are compared directly run one after the other, so that the machine's drift affects both alike."""


def with_baseline(contenders: Sequence[Contender], baseline: Path) -> list[Contender]:
    """Put the baseline's service right behind this one's, in every configuration."""
    return [
        one
        for contender in contenders
        for one in ([contender, contender.before(baseline)] if contender in SERVICE else [contender])
    ]
